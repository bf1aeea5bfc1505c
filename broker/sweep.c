/*  sweep.c - blobs that no record refers to any more are removed.
 *
 *  In a thread with its own connection, so that the broker never waits for
 *  it. A round lists the blobs that are older than the grace, strikes off
 *  those that a record names, and removes what is left and was left in the
 *  round before, too. Why nothing referenced is ever removed:
 *
 *  - whoever refers to a blob has put it just before, which makes it young
 *    (blob.c), and the reference is stored long before the grace is over;
 *  - that holds when broker or Redis were away, because a round only begins
 *    when the store has been there for a whole interval: results that
 *    waited for it are stored by then;
 *  - who has read a reference and opens the blob a little later finds it,
 *    because two rounds must agree;
 *  - a read from Redis that fails ends the round without a removal.  */

#include "sweep.h"
#include "../jobs/blob.h"
#include "../jobs/job.h"
#include "../jobs/log.h"
#include "../jobs/store/store.h"
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_SIZE   (FCJ_HASH_LEN / 2)
#define BLOBS_MAX   1000000     /* looked at in one round */

typedef struct {
    unsigned char hash[HASH_SIZE];
    bool kept, seen;            /* a record names it; left over before */
} blob_t;

typedef struct {
    blob_t *blobs;
    size_t count, room;
} list_t;

struct fcj_sweep {
    char *redis, *root;
    int64_t grace_ms;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool wanted;
    atomic_bool stop;
    list_t now, before;         /* the thread's */
};

/* ---- Lists of hashes --------------------------------------------------- */

static int
s_order (const void *a, const void *b)
{
    return memcmp (a, b, HASH_SIZE);
}

static blob_t *
s_find (const list_t *list, const char *hash, size_t size)
{
    blob_t key;
    size_t length = 0;
    if (!list->count
        || sodium_hex2bin (key.hash, HASH_SIZE, hash, size, NULL, &length,
                           NULL) || length != HASH_SIZE)
        return NULL;
    return bsearch (&key, list->blobs, list->count, sizeof key, s_order);
}

static void
s_clear (list_t *list)
{
    free (list->blobs);
    *list = (list_t) { 0 };
}

/* ---- A round ----------------------------------------------------------- */

/*  fcj_blobs_sweep offers what is old: here it is only noted.  */
static int
s_note (const char *hash, void *arg)
{
    list_t *list = &((fcj_sweep_t *) arg)->now;
    if (list->count == list->room && list->room < BLOBS_MAX) {
        size_t room = list->room ? 2 * list->room : 1024;
        blob_t *more = realloc (list->blobs, room * sizeof *more);
        if (!more)
            return 1;
        list->blobs = more;
        list->room = room;
    }
    if (list->count < list->room
        && sodium_hex2bin (list->blobs[list->count].hash, HASH_SIZE, hash,
                           FCJ_HASH_LEN, NULL, NULL, NULL) == 0) {
        list->blobs[list->count].kept = list->blobs[list->count].seen = false;
        list->count++;
    }
    return 1;
}

static void
s_keep_referenced (void *arg, const char *hash, size_t size)
{
    fcj_sweep_t *self = arg;
    blob_t *blob = s_find (&self->now, hash, size);
    if (blob)
        blob->kept = true;
}

static int
s_keep (const char *hash, void *arg)
{
    const fcj_sweep_t *self = arg;
    const blob_t *blob = s_find (&self->now, hash, FCJ_HASH_LEN);
    return !blob || blob->kept || !blob->seen || self->stop;
}

static void
s_remember (fcj_sweep_t *self)
{
    size_t left = 0;
    for (size_t n = 0; n < self->now.count; n++)
        if (!self->now.blobs[n].kept)
            self->now.blobs[left++] = self->now.blobs[n];
    self->now.count = left;
    s_clear (&self->before);
    self->before = self->now;
    self->now = (list_t) { 0 };
}

static int
s_round (fcj_sweep_t *self, fcj_blobs_t *blobs, fcj_store_t *store,
         fcj_error_t *error)
{
    int64_t before_ms = fcj_now_ms () - self->grace_ms;
    fcj_blobs_sweep (blobs, before_ms, s_note, self);
    if (self->now.count == 0)
        return 0;
    qsort (self->now.blobs, self->now.count, sizeof (blob_t), s_order);
    for (size_t n = 0; n < self->now.count; n++)
        self->now.blobs[n].seen = self->before.count
            && bsearch (&self->now.blobs[n], self->before.blobs,
                        self->before.count, sizeof (blob_t), s_order);
    if (fcj_store_references (store, s_keep_referenced, self, &self->stop,
                              error))
        return -1;
    int gone = fcj_blobs_sweep (blobs, before_ms, s_keep, self);
    s_remember (self);
    return gone;
}

static void
s_sweep (fcj_sweep_t *self)
{
    fcj_error_t error = { 0 };
    fcj_blobs_t *blobs = fcj_blobs_new (self->root, &error);
    fcj_store_t *store = blobs ? fcj_store_new (self->redis, &error) : NULL;
    int gone = store ? s_round (self, blobs, store, &error) : -1;
    char text[24];
    snprintf (text, sizeof text, "%d", gone);
    if (gone < 0 && !self->stop)
        fcj_log (FCJ_WARNING, "sweep_failed", "text", error.text, NULL);
    else if (gone > 0)
        fcj_log (FCJ_INFO, "blobs_swept", "count", text, NULL);
    s_clear (&self->now);
    fcj_store_destroy (&store);
    fcj_blobs_destroy (&blobs);
}

static void *
s_run (void *arg)
{
    fcj_sweep_t *self = arg;
    pthread_mutex_lock (&self->lock);
    while (!self->stop) {
        if (!self->wanted) {
            pthread_cond_wait (&self->wake, &self->lock);
            continue;
        }
        pthread_mutex_unlock (&self->lock);
        s_sweep (self);
        pthread_mutex_lock (&self->lock);
        self->wanted = false;
    }
    pthread_mutex_unlock (&self->lock);
    return NULL;
}

/* ---- Outside ----------------------------------------------------------- */

fcj_sweep_t *
fcj_sweep_new (const char *redis, const char *root, int64_t grace_ms)
{
    fcj_sweep_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->redis = strdup (redis);
    self->root = strdup (root);
    self->grace_ms = grace_ms;
    pthread_mutex_init (&self->lock, NULL);
    pthread_cond_init (&self->wake, NULL);
    if (self->redis && self->root
        && pthread_create (&self->thread, NULL, s_run, self) == 0)
        return self;
    free (self->redis);
    free (self->root);
    free (self);
    return NULL;
}

void
fcj_sweep_destroy (fcj_sweep_t **self_p)
{
    fcj_sweep_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    pthread_mutex_lock (&self->lock);
    self->stop = true;
    pthread_cond_signal (&self->wake);
    pthread_mutex_unlock (&self->lock);
    pthread_join (self->thread, NULL);
    s_clear (&self->now);
    s_clear (&self->before);
    free (self->redis);
    free (self->root);
    free (self);
}

void
fcj_sweep_begin (fcj_sweep_t *self)
{
    pthread_mutex_lock (&self->lock);
    self->wanted = true;
    pthread_cond_signal (&self->wake);
    pthread_mutex_unlock (&self->lock);
}
