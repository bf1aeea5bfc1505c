/*  jobsay.c - what the process of a job says (workers/PROTOCOL.md), and what
 *  of it the broker is told at once. The process is the user's and may say
 *  anything: each message is looked at before it is believed.  */

#include "world.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../jobs/utf8.h"

bool
fcj_plain_name (const char *name)
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
        || !fcj_plain_name (new.name) || !fcj_plain_name (new.file)) {
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

void
fcj_job_tell_started (fcj_world_t *world, fcj_worker_job_t *self)
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

void
fcj_job_tell_progress (fcj_world_t *world, fcj_worker_job_t *self)
{
    fcj_job_tell_started (world, self);
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

/*  Cut to what fits, between two characters.  */
static void
s_copy_text (const fcj_map_t *message, const char *key, char *to, size_t room)
{
    size_t size = 0;
    const char *from = fcj_map_bytes (message, key, &size);
    if (from) {
        size = fcj_utf8_cut (from, size, room - 1);
        memcpy (to, from, size);
    }
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
        fcj_job_tell_progress (world, self);
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
    if (self->reason != FCJ_INVALID && self->reason != FCJ_MEMORY
        && self->reason != FCJ_OUTPUT_LIMIT)
        self->reason = FCJ_EXCEPTION;
    self->error = s_json (message, "error", FCJ_INLINE_MAX, &size);
    if (!self->error)
        fcj_job_fail (self, self->reason, "Error",
                      "the job failed and its error cannot be shown", NULL);
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
    if (!process->host && !process->native) {
        fcj_process_kill (process, SIGKILL);
        world->failures = 0;            /* what it was forked from is good */
    }
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
        fcj_process_let_go (world, process);
    fcj_job_finish (world, self);
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
        fcj_recall_on_message (world, process, self, type, message);
}
