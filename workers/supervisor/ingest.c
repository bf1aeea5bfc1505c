/*  ingest.c - a thread for what takes as long as the disk does: artifacts
 *  and logs into the blob store, and directories removed.
 *
 *  The files are a stranger's. Each is opened below the scratch, step by
 *  step, without following a link; only a regular file of the job's own user
 *  is copied; what is copied is what is hashed, whoever writes meanwhile.  */

#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define REMOVALS_MAX 16

typedef struct item item_t;
struct item {
    item_t *next;
    fcj_worker_job_t *job;      /* to store; else path is to remove */
    fcj_memo_t *memo;           /* or to remember */
    char owner[FCJ_NAME_MAX + 1];
    fcj_hash_t key;
    char file[2 * FCJ_NAME_MAX]; /* below path */
    uid_t uid;
    char path[];
};

typedef struct {
    item_t *first, **last;
} queue_t;

struct fcj_ingest {
    const fcj_worker_options_t *options;
    fcj_blobs_t *blobs;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    queue_t work, done;
    int event, removals;        /* that wait for company */
    bool stop;
};

static void
s_push (queue_t *queue, item_t *item)
{
    item->next = NULL;
    *queue->last = item;
    queue->last = &item->next;
}

static item_t *
s_pop (queue_t *queue)
{
    item_t *item = queue->first;
    if (item) {
        queue->first = item->next;
        if (!queue->first)
            queue->last = &queue->first;
    }
    return item;
}

/* ---- In the thread --------------------------------------------------------- */

static int
s_put (fcj_ingest_t *self, const fcj_worker_job_t *job, int folder,
       fcj_artifact_t *one, fcj_error_t *error)
{
    int fd = openat (folder, one->file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK
                                        | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return fcj_fail (error, FCJ_INVALID, "artifact %s: %s", one->name,
                         errno == ELOOP ? "it is a symbolic link; an artifact "
                         "must be a regular file of the job" :
                         strerror (errno));
    struct stat info;
    int done;
    if (fstat (fd, &info) || !S_ISREG (info.st_mode)
        || (job->uid != (uid_t) -1 && info.st_uid != job->uid))
        done = fcj_fail (error, FCJ_INVALID, "artifact %s: it is not a "
                         "regular file of the job", one->name);
    else
        done = fcj_blobs_put_fd (self->blobs, fd, self->options->artifact_max,
                                 one->hash, &one->size, error);
    close (fd);
    return done;
}

static int
s_put_artifacts (fcj_ingest_t *self, fcj_worker_job_t *job,
                 fcj_error_t *error)
{
    int scratch = open (job->scratch, O_PATH | O_DIRECTORY | O_NOFOLLOW
                                      | O_CLOEXEC);
    int folder = scratch < 0 ? -1
        : openat (scratch, "artifacts", O_RDONLY | O_DIRECTORY | O_NOFOLLOW
                                        | O_CLOEXEC);
    int done = folder < 0
        ? fcj_fail (error, FCJ_INVALID, "the directory of artifacts is gone "
                    "or a link: %s", strerror (errno)) : 0;
    for (int i = 0; i < job->artifact_count && done == 0; i++)
        done = s_put (self, job, folder, &job->artifacts[i], error);
    if (folder >= 0)
        close (folder);
    if (scratch >= 0)
        close (scratch);
    return done;
}

static int
s_put_rest (fcj_ingest_t *self, fcj_worker_job_t *job, fcj_error_t *error)
{
    int64_t size;
    for (int i = 0; i < 2; i++)
        if (job->output[i].size > FCJ_TAIL_MAX && job->output[i].fd >= 0
            && fcj_blobs_put_fd (self->blobs, job->output[i].fd,
                                 job->output[i].size, job->output[i].hash,
                                 &size, error))
            return -1;
    if (job->result_size > FCJ_INLINE_MAX
        && fcj_blobs_put (self->blobs, job->result, job->result_size,
                          job->result_hash, error))
        return -1;
    return 0;
}

/*  A job that computed but whose artifact cannot be kept has failed; one
 *  that had failed keeps its reason, and the artifacts that are whole.  */
static void
s_store (fcj_ingest_t *self, fcj_worker_job_t *job)
{
    fcj_error_t error = { 0 };
    int done = job->artifact_count ? s_put_artifacts (self, job, &error) : 0;
    fcj_error_t rest = { 0 };
    if (s_put_rest (self, job, &rest) && done == 0) {
        error = rest;
        done = -1;
    }
    if (done == 0 || job->end == FCJ_FAILED)
        return;
    fcj_reason_t reason = error.reason == FCJ_OUTPUT_LIMIT
        || error.reason == FCJ_INVALID ? error.reason : FCJ_EXCEPTION;
    fcj_job_fail (job, reason, "Artifact", error.text, NULL);
}

static void *
s_run (void *arg)
{
    fcj_ingest_t *self = arg;
    pthread_mutex_lock (&self->lock);
    for (;;) {
        item_t *item = s_pop (&self->work);
        if (!item) {
            if (self->stop)
                break;
            pthread_cond_wait (&self->wake, &self->lock);
            continue;
        }
        pthread_mutex_unlock (&self->lock);
        if (item->job)
            s_store (self, item->job);
        else if (item->memo)
            fcj_memo_keep (item->memo, item->owner, item->key, item->path,
                           item->file, item->uid);
        else
            fcj_remove_tree (item->path);
        pthread_mutex_lock (&self->lock);
        if (item->job) {
            s_push (&self->done, item);
            eventfd_write (self->event, 1);
        } else
            free (item);
    }
    pthread_mutex_unlock (&self->lock);
    return NULL;
}

/* ---- Outside ----------------------------------------------------------------- */

fcj_ingest_t *
fcj_ingest_new (const fcj_worker_options_t *options, fcj_error_t *error)
{
    fcj_ingest_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->options = options;
    self->work.last = &self->work.first;
    self->done.last = &self->done.first;
    self->event = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
    self->blobs = fcj_blobs_new (options->blobs, error);
    pthread_mutex_init (&self->lock, NULL);
    pthread_cond_init (&self->wake, NULL);
    if (!self->blobs
        || pthread_create (&self->thread, NULL, s_run, self)) {
        fcj_blobs_destroy (&self->blobs);
        close (self->event);
        free (self);
        return NULL;
    }
    return self;
}

void
fcj_ingest_destroy (fcj_ingest_t **self_p)
{
    fcj_ingest_t *self = *self_p;
    if (!self)
        return;
    pthread_mutex_lock (&self->lock);
    self->stop = true;
    pthread_cond_signal (&self->wake);
    pthread_mutex_unlock (&self->lock);
    pthread_join (self->thread, NULL);
    while (fcj_ingest_next (self))
        ;
    fcj_blobs_destroy (&self->blobs);
    close (self->event);
    free (self);
    *self_p = NULL;
}

int
fcj_ingest_fd (const fcj_ingest_t *self)
{
    return self->event;
}

static void
s_wake (fcj_ingest_t *self)
{
    self->removals = 0;
    pthread_cond_signal (&self->wake);
}

static item_t *
s_item (fcj_worker_job_t *job, const char *path)
{
    item_t *item = calloc (1, sizeof *item + strlen (path) + 1);
    if (item) {
        item->job = job;
        strcpy (item->path, path);
    }
    return item;
}

static void
s_give (fcj_ingest_t *self, item_t *item)
{
    if (!item)
        return;
    pthread_mutex_lock (&self->lock);
    s_push (&self->work, item);
    /*  Nobody waits for a removal, and waking the thread costs more.  */
    if (item->job || ++self->removals >= REMOVALS_MAX)
        s_wake (self);
    pthread_mutex_unlock (&self->lock);
}

void
fcj_ingest_tick (fcj_ingest_t *self)
{
    pthread_mutex_lock (&self->lock);
    if (self->removals)
        s_wake (self);
    pthread_mutex_unlock (&self->lock);
}

void
fcj_ingest_store (fcj_ingest_t *self, fcj_worker_job_t *job)
{
    s_give (self, s_item (job, ""));
}

void
fcj_ingest_remove (fcj_ingest_t *self, const char *path)
{
    if (path[0])
        s_give (self, s_item (NULL, path));
}

void
fcj_ingest_remember (fcj_ingest_t *self, fcj_memo_t *memo, const char *owner,
                     const char *key, const char *folder, const char *path,
                     uid_t uid)
{
    item_t *item = s_item (NULL, folder);
    if (!item)
        return;
    item->memo = memo;
    item->uid = uid;
    snprintf (item->owner, sizeof item->owner, "%s", owner);
    snprintf (item->key, sizeof item->key, "%s", key);
    snprintf (item->file, sizeof item->file, "%s", path);
    s_give (self, item);
}

fcj_worker_job_t *
fcj_ingest_next (fcj_ingest_t *self)
{
    eventfd_t count;
    eventfd_read (self->event, &count);
    pthread_mutex_lock (&self->lock);
    item_t *item = s_pop (&self->done);
    pthread_mutex_unlock (&self->lock);
    fcj_worker_job_t *job = item ? item->job : NULL;
    free (item);
    return job;
}
