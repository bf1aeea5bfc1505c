/*  job.c - a lease of the broker, from RUN until FINISHED (world.h).  */

#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../jobs/log.h"

static void s_finish (fcj_world_t *world, fcj_worker_job_t *self);

static const char *const s_stream[2] = { "stdout", "stderr" };

/* ---- Coming and going ---------------------------------------------------- */

static fcj_worker_job_t *
s_find (fcj_world_t *world, const char *token)
{
    for (int i = 0; i < FCJ_JOBS; i++)
        if (world->jobs[i].state != FCJ_J_FREE
            && strcmp (world->jobs[i].token, token) == 0)
            return &world->jobs[i];
    return NULL;
}

static void
s_forget (fcj_world_t *world, fcj_worker_job_t *self)
{
    if (self->live) {
        char path[PATH_MAX];
        snprintf (path, sizeof path, "%s/%s", world->options.live, self->id);
        fcj_ingest_remove (world->ingest, path);
        snprintf (path, sizeof path, "%s/live-%s", world->root, self->id);
        unlink (path);
    }
    for (int i = 0; i < 2; i++) {
        if (self->output[i].fd >= 0)
            close (self->output[i].fd);
        free (self->output[i].tail);
    }
    if (self->host)
        fcj_ingest_remove (world->ingest, self->scratch);
    fcj_pack_destroy (&self->report);
    fcj_pack_destroy (&self->question);
    fcj_map_destroy (&self->run);
    free (self->body);
    free (self->artifacts);
    free (self->result);
    free (self->error);
    int index = self->index;
    memset (self, 0, sizeof *self);
    self->index = index;
}

static int64_t
s_bounded (const fcj_map_t *spec, const char *key, int64_t otherwise)
{
    int64_t value = fcj_map_int (spec, key, 0);
    return value > 0 ? value : otherwise;
}

/*  No job is wider than the worker: it gets the threads that there are.  */
static void
s_read_engine (const fcj_world_t *world, fcj_worker_job_t *self)
{
    char engine[16] = "";
    fcj_map_copy (self->spec, "engine", engine, sizeof engine);
    self->native = !world->host && strcmp (engine, "native") == 0;
    self->isolated = fcj_map_bool (self->spec, "isolated", false);
    int64_t threads = self->native
        ? s_bounded (self->spec, "threads", 1) : 1;
    self->width = threads > world->options.slots ? world->options.slots
        : (int) threads;
}

static int
s_read (fcj_world_t *world, fcj_worker_job_t *self, const void *body,
        size_t size)
{
    self->body = malloc (size + 1);
    if (!self->body)
        return -1;
    memcpy (self->body, body, size);
    self->run = fcj_map_new (self->body, size);
    self->spec = self->run ? fcj_map_map (self->run, "spec") : NULL;
    if (!self->spec
        || fcj_map_copy (self->run, "id", self->id, sizeof self->id) < 0
        || !fcj_id_valid (self->id)
        || fcj_map_copy (self->run, "token", self->token,
                         sizeof self->token) <= 0)
        return -1;
    self->attempt = fcj_map_int (self->run, "attempt", 1);
    const fcj_worker_options_t *options = &world->options;
    self->memory_max = s_bounded (self->spec, "memory_max",
                                  options->memory_max);
    self->output_max = s_bounded (self->spec, "output_max",
                                  options->output_max);
    self->timeout_s = s_bounded (self->spec, "timeout_s", options->timeout_s);
    self->cpu_s = s_bounded (self->spec, "cpu_s", 0);
    s_read_engine (world, self);
    return 0;
}

void
fcj_job_take (fcj_world_t *world, const void *body, size_t size)
{
    fcj_worker_job_t *self = NULL;
    for (int i = 0; i < FCJ_JOBS && !self; i++)
        if (world->jobs[i].state == FCJ_J_FREE)
            self = &world->jobs[i];
    if (!self) {
        fcj_log (FCJ_ERROR, "job_refused", "why", "no room for it", NULL);
        return;                         /* its lease runs out */
    }
    self->index = (int) (self - world->jobs);
    self->output[0].fd = self->output[1].fd = -1;
    self->fraction = self->latest = -1;
    if (s_read (world, self, body, size) || s_find (world, self->token)) {
        fcj_log (FCJ_WARNING, "run_ignored", "why", "malformed or known",
                 NULL);
        s_forget (world, self);
        return;
    }
    self->state = FCJ_J_PENDING;
    self->received = world->now;
    self->sequence = ++world->sequence;
    if (world->draining)
        fcj_job_release (world, self, false, "the worker is stopping");
    else
        fcj_job_dispatch (world);
}

/*  The oldest one after that sequence. The table is small and mostly empty. */
static fcj_worker_job_t *
s_next_pending (fcj_world_t *world, int64_t after)
{
    fcj_worker_job_t *oldest = NULL;
    for (int i = 0; i < FCJ_JOBS; i++) {
        fcj_worker_job_t *job = &world->jobs[i];
        if (job->state == FCJ_J_PENDING && job->sequence > after
            && (!oldest || job->sequence < oldest->sequence))
            oldest = job;
    }
    return oldest;
}

static int
s_busy_slots (const fcj_world_t *world)
{
    int busy = 0;
    for (int i = 0; i < FCJ_JOBS; i++)
        if (world->jobs[i].state == FCJ_J_RUNNING)
            busy += world->jobs[i].width;
    return busy;
}

static void
s_begin (fcj_world_t *world, fcj_worker_job_t *job, fcj_process_t *process)
{
    job->process = process;
    process->job = job;
    if (job->native)
        snprintf (job->scratch, sizeof job->scratch, "%s/job%lld",
                  process->scratch, (long long) process->served);
    else
        snprintf (job->scratch, sizeof job->scratch, "%s", process->scratch);
    job->host = process->host;
    if (job->host)
        fcj_host_scratch (world, job);
    job->uid = world->options.uid_base < 0 ? (uid_t) -1
        : (uid_t) (world->options.uid_base + process->index);
    process->state = FCJ_P_RUNNING;
    process->served++;
    job->state = FCJ_J_RUNNING;
    job->started = fcj_now_ms ();
    world->last_run = world->now;
    job->deadline = fcj_mono_ms () + job->timeout_s * 1000;
    if (fcj_run_send (world, job) == 0)
        return;
    process->job = NULL;
    job->process = NULL;
    job->state = FCJ_J_PENDING;
    fcj_process_end (world, process);
}

/*  In the order of the leases. One that needs more slots than are free holds
 *  back those behind it, else it might wait for ever; one that only lacks a
 *  process of its kind does not.  */
void
fcj_job_dispatch (fcj_world_t *world)
{
    fcj_worker_job_t *job;
    int64_t after = 0;
    int busy = s_busy_slots (world);
    while ((job = s_next_pending (world, after))) {
        after = job->sequence;
        if (busy && busy + job->width > world->options.slots) {
            for (; job; job = s_next_pending (world, job->sequence))
                job->received = world->now;     /* it waits its turn */
            return;
        }
        fcj_process_t *process = job->native
            ? fcj_native_waiting (world, job->isolated)
            : fcj_process_waiting (world);
        if (!process)
            continue;
        s_begin (world, job, process);
        if (job->state == FCJ_J_RUNNING)
            busy += job->width;
        else
            after = job->sequence - 1;          /* another process for it */
    }
}

/* ---- What its process says ----------------------------------------------- */

static bool
s_plain_name (const char *name)
{
    if (!*name || *name == '.')
        return false;
    for (; *name; name++)
        if (*name == '/' || (unsigned char) *name < 0x20 || *name == 0x7f)
            return false;
    return true;
}

static void
s_on_artifact (fcj_world_t *world, fcj_worker_job_t *self,
               const fcj_map_t *message)
{
    fcj_artifact_t new = { .size = -1 };
    self->files = true;
    if (fcj_map_copy (message, "name", new.name, sizeof new.name) <= 0
        || fcj_map_copy (message, "file", new.file, sizeof new.file) <= 0
        || !s_plain_name (new.name) || !s_plain_name (new.file)) {
        fcj_job_stop (world, self, FCJ_INVALID);
        return;
    }
    if (fcj_map_copy (message, "mime", new.mime, sizeof new.mime) <= 0)
        snprintf (new.mime, sizeof new.mime, "application/octet-stream");
    int at = 0;
    while (at < self->artifact_count
           && strcmp (self->artifacts[at].name, new.name) != 0)
        at++;
    if (at == FCJ_ARTIFACTS_MAX) {
        fcj_job_stop (world, self, FCJ_OUTPUT_LIMIT);
        return;
    }
    if (!self->artifacts)
        self->artifacts = calloc (FCJ_ARTIFACTS_MAX, sizeof new);
    if (!self->artifacts)
        return;
    self->artifacts[at] = new;
    if (at == self->artifact_count)
        self->artifact_count++;
}

static void
s_tell_started (fcj_world_t *world, fcj_worker_job_t *self)
{
    if (self->told || !self->begun)
        return;
    self->told = true;
    fcj_pack_t *body = fcj_pack_new ();
    fcj_pack_map (body, 3);
    fcj_pack_kstr (body, "id", self->id);
    fcj_pack_kstr (body, "token", self->token);
    fcj_pack_kint (body, "at", self->begun_at);
    fcj_link_send (world->link, "STARTED", body);
    fcj_pack_destroy (&body);
}

static void
s_send_progress (fcj_world_t *world, fcj_worker_job_t *self)
{
    s_tell_started (world, self);
    fcj_pack_t *body = fcj_pack_new ();
    fcj_pack_map (body, 4);
    fcj_pack_kstr (body, "id", self->id);
    fcj_pack_kstr (body, "token", self->token);
    fcj_pack_kreal (body, "fraction", self->fraction);
    fcj_pack_kstr (body, "message", self->message);
    fcj_link_send (world->link, "PROGRESS", body);
    fcj_pack_destroy (&body);
    self->fraction = -1;
    self->progress_at = world->now;
}

/*  Cut to what fits, at the start of a character.  */
static void
s_copy_text (const fcj_map_t *message, const char *key, char *to, size_t room)
{
    size_t size = 0;
    const char *from = fcj_map_bytes (message, key, &size);
    if (size > room - 1) {
        size = room - 1;
        while (size && ((unsigned char) from[size] & 0xC0) == 0x80)
            size--;
    }
    if (from)
        memcpy (to, from, size);
    to[size] = 0;
}

static void
s_on_progress (fcj_world_t *world, fcj_worker_job_t *self,
               const fcj_map_t *message)
{
    double fraction = fcj_map_real (message, "fraction", 0);
    self->fraction = fraction >= 0 && fraction <= 1 ? fraction
        : fraction > 1 ? 1 : 0;
    self->latest = self->fraction;
    s_copy_text (message, "message", self->message, sizeof self->message);
    if (world->now - self->progress_at >= FCJ_PROGRESS_MS)
        s_send_progress (world, self);
}

/*  Told a little later: of a job that is over by then, FINISH says when it
 *  started, and the broker is spared a message and a write to disk.  */
static void
s_on_started (fcj_world_t *world, fcj_worker_job_t *self)
{
    if (self->begun)
        return;
    self->begun = world->now;
    self->begun_at = fcj_now_ms ();
}

/*  JSON as the record will hold it, or NULL: the process is the user's, and
 *  may say anything.  */
static char *
s_json (const fcj_map_t *message, const char *key, size_t max, size_t *size)
{
    const char *text = fcj_map_bytes (message, key, size);
    if (!text || *size > max)
        return NULL;
    json_t *value = json_loadb (text, *size, JSON_DECODE_ANY
                                | JSON_ALLOW_NUL, NULL);
    if (!value)
        return NULL;
    json_decref (value);
    char *copy = malloc (*size + 1);
    if (copy) {
        memcpy (copy, text, *size);
        copy[*size] = 0;
    }
    return copy;
}

static void
s_read_failure (fcj_worker_job_t *self, const fcj_map_t *message)
{
    char name[32] = "exception";
    size_t size;
    fcj_map_copy (message, "reason", name, sizeof name);
    self->end = FCJ_FAILED;
    self->reason = fcj_reason_of (name);
    if (self->reason != FCJ_INVALID && self->reason != FCJ_MEMORY)
        self->reason = FCJ_EXCEPTION;
    self->error = s_json (message, "error", FCJ_INLINE_MAX, &size);
    if (!self->error)
        fcj_job_fail (self, self->reason, "Error",
                      "the job failed and its error cannot be shown", NULL);
}

/*  The window has other jobs to run, as soon as it says that it waits.  */
static void
s_let_go (fcj_world_t *world, fcj_process_t *process)
{
    if (!process->host) {
        fcj_process_end (world, process);
        return;
    }
    process->job = NULL;
    process->state = FCJ_P_RESTING;
}

static void
s_on_result (fcj_world_t *world, fcj_process_t *process,
             fcj_worker_job_t *self, const fcj_map_t *message)
{
    char state[16] = "";
    fcj_map_copy (message, "state", state, sizeof state);
    self->cpu_ms = fcj_map_int (message, "cpu_ms", 0);
    int64_t memory = fcj_map_int (message, "memory", 0);
    self->memory = memory > self->memory ? memory : self->memory;
    if (!process->host && !process->native)
        fcj_process_kill (process, SIGKILL);
    fcj_process_drain (world, process);
    if (self->stop) {
        /*  We were ending it for a limit: that is what happened.  */
        if (strcmp (state, "cancelled") == 0)
            self->ended_by = "algorithm";
        fcj_job_on_end (world, self, 0, self->cpu_ms, self->memory);
        return;
    }
    if (strcmp (state, "completed") == 0) {
        self->end = FCJ_COMPLETED;
        self->result = s_json (message, "result", FCJ_RESULT_MAX,
                               &self->result_size);
        if (!self->result && fcj_map_has (message, "result"))
            fcj_job_fail (self, FCJ_CRASHED, "Crash", "the job process "
                          "answered with something that is not JSON", NULL);
    } else
        s_read_failure (self, message);
    bool again = self->end == FCJ_COMPLETED && process->native
        && !self->isolated && fcj_native_release (world, process,
                                                  self->cpu_ms);
    if (!again)
        s_let_go (world, process);
    s_finish (world, self);
}

/* ---- The memo, for its process -------------------------------------------- */

static void
s_answer_recall (fcj_process_t *process, const char *key, int fd)
{
    fcj_pack_t *answer = fcj_pack_new ();
    fcj_pack_map (answer, 3);
    fcj_pack_kstr (answer, "type", "recalled");
    fcj_pack_kstr (answer, "key", key);
    fcj_pack_kbool (answer, "found", fd >= 0);
    fcj_frame_send (process->control, fcj_pack_data (answer),
                    fcj_pack_size (answer), &fd, fd >= 0, FCJ_RECALL_MS);
    fcj_pack_destroy (&answer);
}

/*  Entries are the owner's of the job, whoever the process says it works
 *  for; the key only goes into a hash.  */
static void
s_on_memo (fcj_world_t *world, fcj_process_t *process,
           fcj_worker_job_t *self, const char *type,
           const fcj_map_t *message)
{
    char key[FCJ_HASH_LEN + 1], owner[FCJ_NAME_MAX + 1] = "";
    char file[FCJ_NAME_MAX + 1], path[PATH_MAX];
    bool recall = strcmp (type, "recall") == 0;
    bool remember = strcmp (type, "remember") == 0;
    if (!recall && !remember && strcmp (type, "forget") != 0)
        return;
    if (!process->native
        || fcj_map_copy (message, "key", key, sizeof key) != FCJ_HASH_LEN)
        return;
    fcj_map_copy (self->spec, "owner", owner, sizeof owner);
    if (recall) {
        int fd = fcj_memo_recall (world->memo, owner, key);
        s_answer_recall (process, key, fd);
        if (fd >= 0)
            close (fd);
    } else if (!remember)
        fcj_memo_forget (world->memo, owner, key);
    else if (fcj_map_copy (message, "file", file, sizeof file) > 0
             && s_plain_name (file)) {
        snprintf (path, sizeof path, "%s/memo/%s", self->scratch, file);
        fcj_ingest_remember (world->ingest, world->memo, owner, key, path,
                             self->uid);
        self->files = true;
    }
}

void
fcj_job_on_message (fcj_world_t *world, fcj_process_t *process,
                    const fcj_map_t *message)
{
    fcj_worker_job_t *self = process->job;
    char type[16];
    if (fcj_map_copy (message, "type", type, sizeof type) <= 0 || !self
        || self->state != FCJ_J_RUNNING)
        return;
    if (strcmp (type, "started") == 0)
        s_on_started (world, self);
    else if (strcmp (type, "progress") == 0)
        s_on_progress (world, self, message);
    else if (strcmp (type, "artifact") == 0)
        s_on_artifact (world, self, message);
    else if (strcmp (type, "ask") == 0)
        fcj_ask_on_message (world, self, message);
    else if (strcmp (type, "result") == 0)
        s_on_result (world, process, self, message);
    else
        s_on_memo (world, process, self, type, message);
}

/* ---- Output ---------------------------------------------------------------- */

static void
s_open_output (fcj_world_t *world, fcj_worker_job_t *self, int which)
{
    char path[PATH_MAX];
    if (!self->live) {
        /*  So that who cleans up after us knows what to remove.  */
        snprintf (path, sizeof path, "%s/live-%s", world->root, self->id);
        int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0)
            close (fd);
        snprintf (path, sizeof path, "%s/%s", world->options.live, self->id);
        mkdir (path, 0700);
        self->live = true;
    }
    snprintf (path, sizeof path, "%s/%s/%s", world->options.live, self->id,
              s_stream[which]);
    self->output[which].fd = open (path, O_RDWR | O_CREAT | O_TRUNC
                                   | O_CLOEXEC | O_NOFOLLOW, 0600);
    self->output[which].tail = malloc (2 * FCJ_TAIL_MAX);
}

static void
s_keep_tail (fcj_output_t *output, const char *bytes, size_t size)
{
    if (!output->tail)
        return;
    if (size > FCJ_TAIL_MAX) {
        bytes += size - FCJ_TAIL_MAX;
        size = FCJ_TAIL_MAX;
    }
    if (output->tail_size + size > 2 * FCJ_TAIL_MAX) {
        size_t keep = FCJ_TAIL_MAX;
        memmove (output->tail, output->tail + output->tail_size - keep, keep);
        output->tail_size = keep;
    }
    memcpy (output->tail + output->tail_size, bytes, size);
    output->tail_size += size;
}

void
fcj_job_on_bytes (fcj_world_t *world, fcj_worker_job_t *self, int which,
                  const char *bytes, size_t size)
{
    fcj_output_t *output = &self->output[which];
    int64_t left = self->output_max - self->output[0].size
                   - self->output[1].size;
    bool flood = (int64_t) size > left;
    if (flood)
        size = left > 0 ? (size_t) left : 0;
    if (size && output->fd < 0)
        s_open_output (world, self, which);
    if (size && write (output->fd, bytes, size) != (ssize_t) size)
        fcj_log (FCJ_WARNING, "output_lost", "id", self->id, "why",
                 strerror (errno), NULL);
    s_keep_tail (output, bytes, size);
    output->size += (int64_t) size;
    if (flood)
        fcj_job_stop (world, self, FCJ_OUTPUT_LIMIT);
}

/* ---- Ends -------------------------------------------------------------------- */

void
fcj_job_fail (fcj_worker_job_t *self, fcj_reason_t reason, const char *type,
              const char *text, const char *signal)
{
    json_t *error = json_pack ("{s:s, s:s, s:s}", "type", type, "message",
                               text, "traceback", "");
    if (error && signal)
        json_object_set_new (error, "signal", json_string (signal));
    free (self->error);
    self->error = error ? json_dumps (error, JSON_COMPACT) : NULL;
    json_decref (error);
    free (self->result);
    self->result = NULL;
    self->result_size = 0;
    self->end = FCJ_FAILED;
    self->reason = reason;
}

void
fcj_job_stop (fcj_world_t *world, fcj_worker_job_t *self, fcj_reason_t reason)
{
    if (self->state != FCJ_J_RUNNING || !self->process || self->stop)
        return;
    self->stop = reason;
    bool gently = reason == FCJ_TIMEOUT || reason == FCJ_REFUSED;
    if (self->process->host) {
        fcj_host_interrupt (self->process, self);
        self->kill_at = world->now + FCJ_TERM_GRACE_MS;
        return;
    }
    self->ended_by = gently ? "SIGTERM" : "SIGKILL";
    fcj_process_kill (self->process, gently ? SIGTERM : SIGKILL);
    self->kill_at = world->now + (gently ? FCJ_TERM_GRACE_MS : 0);
}

/*  What became of the live documents.  */
static const char *
s_consequence (const fcj_worker_job_t *self)
{
    return !self->host ? ""
        : !self->hopeless ? ". Its Python code was interrupted"
        : self->process && self->process->state == FCJ_P_RESTING
        ? ". It cannot be interrupted: FreeCAD is busy until it ends"
        : ". It could not be interrupted, so FreeCAD was started again, with "
          "its documents as they were before this job";
}

static void
s_fail_by_limit (fcj_worker_job_t *self)
{
    char text[512];
    switch (self->stop) {
    case FCJ_TIMEOUT:
        snprintf (text, sizeof text, "the job ran longer than its %lld s; "
                  "give it a larger timeout_s or less work%s",
                  (long long) self->timeout_s, s_consequence (self));
        break;
    case FCJ_MEMORY:
        snprintf (text, sizeof text, "the job used more than its %lld MiB of "
                  "memory", (long long) (self->memory_max >> 20));
        break;
    case FCJ_OUTPUT_LIMIT:
        snprintf (text, sizeof text, "the job wrote more than %lld bytes to "
                  "stdout and stderr, or more than %d artifacts; store big "
                  "data with job.artifact", (long long) self->output_max,
                  FCJ_ARTIFACTS_MAX);
        break;
    default:
        snprintf (text, sizeof text, "the job named an artifact that cannot "
                  "be: a name has at most %d bytes, no slash, and does not "
                  "begin with a dot", FCJ_NAME_MAX);
    }
    fcj_job_fail (self, self->stop, "Limit", text, NULL);
}

static void
s_fail_by_status (fcj_worker_job_t *self, int status)
{
    char text[256], name[32] = "";
    bool cpu = self->cpu_s && self->cpu_ms >= self->cpu_s * 1000;
    if (WIFSIGNALED (status)) {
        int number = WTERMSIG (status);
        const char *abbreviation = sigabbrev_np (number);
        snprintf (name, sizeof name, "SIG%s",
                  abbreviation ? abbreviation : "?");
        if (number == SIGXCPU || (number == SIGKILL && cpu)) {
            snprintf (text, sizeof text, "the job used more than its %lld s "
                      "of CPU time", (long long) self->cpu_s);
            fcj_job_fail (self, FCJ_CPU, "Limit", text, NULL);
            return;
        }
        snprintf (text, sizeof text, "the job process was ended by %s (%s)",
                  name, strsignal (number));
        fcj_job_fail (self, FCJ_CRASHED, "Crash", text, name);
        return;
    }
    snprintf (text, sizeof text, "exit without a result: the job process "
              "ended with exit code %d", WEXITSTATUS (status));
    fcj_job_fail (self, FCJ_CRASHED, "Crash", text, NULL);
}

void
fcj_job_on_end (fcj_world_t *world, fcj_worker_job_t *self, int status,
                int64_t cpu_ms, int64_t memory)
{
    fcj_process_t *process = self->process;
    self->cpu_ms = cpu_ms;
    self->memory = memory > self->memory ? memory : self->memory;
    if (self->stop && self->stop != FCJ_REFUSED)
        s_fail_by_limit (self);
    else if (self->host && fcj_host_why (world))
        fcj_job_fail (self, FCJ_CRASHED, "Crash", fcj_host_why (world), NULL);
    else
        s_fail_by_status (self, status);
    if (process)
        s_let_go (world, process);
    s_finish (world, self);
}

/*  Its record is final since the cancel; how it ended is said behind it.  */
static void
s_say_ended (fcj_world_t *world, const fcj_worker_job_t *self)
{
    if (!self->ended_by)
        return;
    fcj_pack_t *body = fcj_pack_new ();
    fcj_pack_map (body, 3);
    fcj_pack_kstr (body, "id", self->id);
    fcj_pack_kstr (body, "token", self->token);
    fcj_pack_kstr (body, "by", self->ended_by);
    fcj_link_send (world->link, "ENDED", body);
    fcj_pack_destroy (&body);
}

/*  The process has let go of it. Without files to store, FINISH at once.
 *  Who waited for its slots is looked for in the next tick.  */
static void
s_finish (fcj_world_t *world, fcj_worker_job_t *self)
{
    self->process = NULL;
    self->ask = 0;
    self->finished = fcj_now_ms ();
    if (self->silent) {
        s_say_ended (world, self);
        s_forget (world, self);
        return;
    }
    self->state = FCJ_J_STORING;
    if (self->artifact_count || self->result_size > FCJ_INLINE_MAX
        || self->output[0].size > FCJ_TAIL_MAX
        || self->output[1].size > FCJ_TAIL_MAX)
        fcj_ingest_store (world->ingest, self);
    else
        fcj_job_on_stored (world, self);
}

static void
s_report (fcj_world_t *world, fcj_worker_job_t *self)
{
    self->state = FCJ_J_DONE;
    self->reported = world->now;
    if (self->report)
        fcj_link_send (world->link, self->release ? "RELEASE" : "FINISH",
                       self->report);
}

void
fcj_job_on_stored (fcj_world_t *world, fcj_worker_job_t *self)
{
    if (self->native && self->files)
        fcj_ingest_remove (world->ingest, self->scratch);
    if (self->silent) {
        s_forget (world, self);
        return;
    }
    self->report = fcj_report_finish (self);
    s_report (world, self);
    fcj_log (FCJ_INFO, "job_finished", "id", self->id, "state",
             fcj_state_name (self->end), "reason",
             self->end == FCJ_FAILED ? fcj_reason_name (self->reason) : "",
             NULL);
}

void
fcj_job_release (fcj_world_t *world, fcj_worker_job_t *self, bool lost,
                 const char *why)
{
    fcj_process_t *process = self->process;
    if (self->state != FCJ_J_PENDING && self->state != FCJ_J_RUNNING)
        return;
    /*  No process can be made: that must end some day, so it counts.  */
    bool unbegun = self->state == FCJ_J_PENDING && !lost;
    self->process = NULL;
    if (process)
        fcj_process_end (world, process);
    if (self->silent) {
        s_forget (world, self);
        return;
    }
    self->release = true;
    self->report = fcj_report_release (self, lost, unbegun, why);
    s_report (world, self);
    fcj_log (FCJ_WARNING, "job_released", "id", self->id, "why", why, NULL);
}

/* ---- What the broker says ------------------------------------------------- */

void
fcj_job_on_finished (fcj_world_t *world, const char *token)
{
    fcj_worker_job_t *self = s_find (world, token);
    if (self && self->state == FCJ_J_DONE)
        s_forget (world, self);
}

void
fcj_job_on_kill (fcj_world_t *world, const char *token)
{
    fcj_worker_job_t *self = s_find (world, token);
    if (!self)
        return;
    fcj_log (FCJ_INFO, "job_killed", "id", self->id, NULL);
    self->silent = true;
    if (self->state == FCJ_J_RUNNING)
        fcj_job_stop (world, self, FCJ_REFUSED);
    else if (self->state != FCJ_J_STORING)
        s_forget (world, self);
}

void
fcj_job_on_answer (fcj_world_t *world, const char *token,
                   const fcj_map_t *answer)
{
    fcj_worker_job_t *self = s_find (world, token);
    if (self)
        fcj_ask_on_answer (world, self, answer);
}

/* ---- Time ------------------------------------------------------------------ */

static void
s_tick_running (fcj_world_t *world, fcj_worker_job_t *self)
{
    if (world->now - self->begun >= FCJ_STARTED_MS)
        s_tell_started (world, self);
    fcj_ask_tick (world, self);
    if (!self->stop && !self->ask && world->now >= self->deadline)
        fcj_job_stop (world, self, FCJ_TIMEOUT);
    if (self->stop && self->process && self->host
        && world->now >= self->kill_at) {
        self->hopeless = true;
        self->kill_at = world->now + FCJ_TERM_GRACE_MS;
        if (!fcj_host_give_up (world, self->process))
            fcj_job_on_end (world, self, 0, 0, 0);
        return;
    }
    if (self->stop && self->process && world->now >= self->kill_at) {
        self->ended_by = "SIGKILL";
        fcj_process_kill (self->process, SIGKILL);
        self->kill_at = world->now + FCJ_TERM_GRACE_MS;
    }
    if (self->fraction >= 0 && !self->stop
        && world->now - self->progress_at >= FCJ_PROGRESS_MS)
        s_send_progress (world, self);
}

/*  Without native processes FreeCAD still can: that is for who asked to say,
 *  not for another try here.  */
static void
s_give_up (fcj_world_t *world, fcj_worker_job_t *self)
{
    char text[FCJ_TEXT_MAX];
    if (!self->native) {
        fcj_job_release (world, self, true, "no job process could be made");
        return;
    }
    snprintf (text, sizeof text, "no native process could be started (%.300s)"
              "; engine \"freecad\" does without", world->native_broken[0]
              ? world->native_broken : "they end before they are ready");
    fcj_job_fail (self, FCJ_REFUSED, "Refused", text, NULL);
    s_finish (world, self);
}

void
fcj_job_tick (fcj_world_t *world)
{
    fcj_job_dispatch (world);
    for (int i = 0; i < FCJ_JOBS; i++) {
        fcj_worker_job_t *job = &world->jobs[i];
        if (job->state == FCJ_J_RUNNING)
            s_tick_running (world, job);
        else if (job->state == FCJ_J_PENDING
                 && world->now - job->received > FCJ_START_MS)
            s_give_up (world, job);
    }
    fcj_job_repeat (world, FCJ_REPEAT_MS);
}

void
fcj_job_repeat (fcj_world_t *world, int64_t older_than)
{
    for (int i = 0; i < FCJ_JOBS; i++) {
        fcj_worker_job_t *job = &world->jobs[i];
        if (job->state == FCJ_J_DONE
            && world->now - job->reported >= older_than)
            s_report (world, job);
    }
}

int
fcj_job_count (const fcj_world_t *world)
{
    int count = 0;
    for (int i = 0; i < FCJ_JOBS; i++)
        count += world->jobs[i].state != FCJ_J_FREE;
    return count;
}
