/*  batch.c - a sink that collects. Each message of the batch is a call of
 *  its own; notifications go through to the client as they come.  */

#include <stdlib.h>
#include <string.h>
#include "batch.h"
#include "../protocol/era.h"
#include "../front.h"

typedef struct {
    fcj_sink_t out;
    bool attached;
    size_t left;                /* messages not answered, and the sender */
    json_t *answers;
} batch_t;

static void s_gone (void *arg)
{
    batch_t *self = arg;
    self->attached = false;     /* legacy: its calls go on */
}

static void s_done (batch_t *self)
{
    size_t size = 0;
    if (--self->left)
        return;
    char *text = json_array_size (self->answers)
        ? fcj_call_text (json_incref (self->answers), &size): NULL;
    if (self->attached)
        self->out.answer (self->out.arg, 200, text, size);
    else
        free (text);
    json_decref (self->answers);
    free (self);
}

static void s_answer (void *arg, int status, char *text, size_t size)
{
    batch_t *self = arg;
    (void) status;
    json_t *answer = text? json_loadb (text, size, 0, NULL): NULL;
    if (answer)
        json_array_append_new (self->answers, answer);
    free (text);
    s_done (self);
}

static void s_notify (void *arg, const char *id, char *text, size_t size)
{
    batch_t *self = arg;
    if (self->attached)
        self->out.notify (self->out.arg, id, text, size);
    else
        free (text);
}

static void s_refuse (const fcj_sink_t *sink, json_t *root, const char *why)
{
    size_t size;
    char *text = fcj_call_error_text (NULL, FCJ_RPC_REQUEST, why, NULL,
                                      &size);
    json_decref (root);
    sink->answer (sink->arg, 400, text, size);
}

/*  Modern messages come one by one, whatever the others are. */
static bool s_is_modern (const json_t *root)
{
    size_t n;
    json_t *one;
    json_array_foreach (root, n, one)
        if (fcj_era_claims (one))
            return true;
    return false;
}

static bool s_allowed (const fcj_front_t *front,
                       const fcj_headers_t *headers)
{
    const char *version = headers
        ? headers->version? headers->version: FCJ_MCP_DEFAULT
        : front->legacy;
    return strcmp (version, "2025-03-26") <= 0;
}

void fcj_batch (fcj_front_t *front, const fcj_sink_t *sink,
                const char *owner, const fcj_headers_t *headers,
                json_t *root)
{
    size_t n, count = json_array_size (root);
    json_t *one;
    if (s_is_modern (root) || !s_allowed (front, headers)) {
        s_refuse (sink, root, "Batches are not part of this protocol"
                  " version: send each message by itself");
        return;
    }
    if (!count || count > FCJ_BATCH_MAX) {
        s_refuse (sink, root, "A batch has 1 to 64 messages");
        return;
    }
    batch_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->out = *sink;
    self->attached = true;
    self->left = count + 1;
    self->answers = json_array ();
    if (sink->hold)
        sink->hold (sink->arg, s_gone, self);
    fcj_sink_t item = {
        .answer = s_answer, .notify = s_notify, .arg = self,
        .scope = sink->scope, .http = sink->http, .streams = sink->streams
    };
    json_array_foreach (root, n, one)
        fcj_front_take (front, &item, owner, headers, json_incref (one));
    json_decref (root);
    s_done (self);
}
