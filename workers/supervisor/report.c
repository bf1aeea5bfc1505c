/*  report.c - FINISH and RELEASE of broker/PROTOCOL.md.  */

#include "world.h"
#include "../../jobs/utf8.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/*  The last FCJ_TAIL_MAX bytes with every byte that is no UTF-8 (the cut
 *  character at the start, too) made "?", and NUL made a space.  */
static void
s_pack_tail (fcj_pack_t *body, const char *key, const fcj_output_t *output)
{
    char text[FCJ_TAIL_MAX];
    size_t size = output->tail_size < FCJ_TAIL_MAX
        ? output->tail_size : FCJ_TAIL_MAX;
    if (size)
        memcpy (text, output->tail + output->tail_size - size, size);
    size_t at = 0;
    while (at < size) {
        size_t length = fcj_utf8_size (text + at, size - at);
        if (length == 0)
            text[at] = '?';
        else if (text[at] == 0)
            text[at] = ' ';
        at += length ? length : 1;
    }
    fcj_pack_kstrn (body, key, text, size);
}

static void
s_add (json_t *list, const char *name, const char *mime, int64_t size,
       const char *hash)
{
    json_t *item = json_pack ("{s:s, s:s, s:I, s:s}", "name", name, "mime",
                              mime, "size", (json_int_t) size, "hash", hash);
    if (item)
        json_array_append_new (list, item);
}

static char *
s_artifacts (const fcj_worker_job_t *self)
{
    json_t *list = json_array ();
    for (int i = 0; i < self->artifact_count; i++) {
        const fcj_artifact_t *one = &self->artifacts[i];
        if (one->size >= 0)
            s_add (list, one->name, one->mime, one->size, one->hash);
    }
    static const char *const logs[2] = { "stdout.log", "stderr.log" };
    for (int i = 0; i < 2; i++)
        if (self->output[i].hash[0])
            s_add (list, logs[i], "text/plain", self->output[i].size,
                   self->output[i].hash);
    char *text = json_array_size (list) ? json_dumps (list, JSON_COMPACT)
                                        : NULL;
    json_decref (list);
    return text;
}

fcj_pack_t *
fcj_report_finish (const fcj_worker_job_t *self)
{
    fcj_pack_t *body = fcj_pack_new ();
    char *artifacts = s_artifacts (self);
    bool failed = self->end == FCJ_FAILED;
    bool inline_result = self->result && !self->result_hash[0];

    fcj_pack_map (body, 12U + (failed ? 1U : 0) + (self->error ? 1U : 0)
                  + (self->result ? 1U : 0) + (artifacts ? 1U : 0)
                  + (self->ended_by ? 1U : 0)
                  + (self->latest >= 0 ? 2U : 0));
    fcj_pack_kstr (body, "id", self->id);
    fcj_pack_kint (body, "attempt", self->attempt);
    fcj_pack_kstr (body, "token", self->token);
    fcj_pack_kstr (body, "state", fcj_state_name (self->end));
    if (failed)
        fcj_pack_kstr (body, "reason", fcj_reason_name (self->reason));
    if (self->error)
        fcj_pack_kstr (body, "error", self->error);
    if (inline_result)
        fcj_pack_kstrn (body, "result", self->result, self->result_size);
    else if (self->result)
        fcj_pack_kstr (body, "result_blob", self->result_hash);
    if (artifacts)
        fcj_pack_kstr (body, "artifacts", artifacts);
    if (self->ended_by)
        fcj_pack_kstr (body, "ended_by", self->ended_by);
    if (self->latest >= 0) {
        fcj_pack_kreal (body, "progress", self->latest);
        fcj_pack_kstr (body, "message", self->message);
    }
    s_pack_tail (body, "stdout", &self->output[0]);
    s_pack_tail (body, "stderr", &self->output[1]);
    fcj_pack_kint (body, "stdout_size", self->output[0].size);
    fcj_pack_kint (body, "stderr_size", self->output[1].size);
    fcj_pack_kint (body, "memory", self->memory);
    fcj_pack_kint (body, "cpu_ms", self->cpu_ms);
    fcj_pack_kint (body, "started", self->started);
    fcj_pack_kint (body, "finished", self->finished);
    free (artifacts);
    return body;
}

fcj_pack_t *
fcj_report_release (const fcj_worker_job_t *self, bool lost, bool unbegun,
                    const char *why)
{
    fcj_pack_t *body = fcj_pack_new ();
    fcj_pack_map (body, 5);
    fcj_pack_kstr (body, "id", self->id);
    fcj_pack_kstr (body, "token", self->token);
    fcj_pack_kbool (body, "lost", lost);
    fcj_pack_kbool (body, "unbegun", unbegun);
    fcj_pack_kstr (body, "why", why);
    return body;
}
