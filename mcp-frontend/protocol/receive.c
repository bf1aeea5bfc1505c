/*  receive.c - from bytes to a dispatched call: parse, tell the eras apart,
 *  find the session, and only then look at the method.  */

#include <stdlib.h>
#include <string.h>
#include "ask.h"
#include "../transport/batch.h"
#include "dispatch.h"
#include "era.h"
#include "../front.h"
#include "rpc.h"
#include "seek.h"
#include "../session/session.h"
#include "../session/stream.h"

static void s_refuse (const fcj_sink_t *sink, json_t *id, int code,
                      int status, const char *why, json_t *data)
{
    size_t size;
    char *text = fcj_call_error_text (id, code, why, data, &size);
    sink->answer (sink->arg, status, text, size);
}

/*  The connection is lost. A modern client cancels by that; a legacy one
 *  has only lost its answer, and the job goes on. */
static void s_gone (void *arg)
{
    fcj_call_t *call = arg;
    if (call->modern)
        fcj_call_cancel (call);
    else
        fcj_call_abandon (call);
}

static void s_go (fcj_call_t *call)
{
    if (call->front->waiting >= FCJ_MCP_CALLS_MAX)
        fcj_call_error (call, FCJ_RPC_INTERNAL, 503, NULL, "Too many calls"
                        " are waiting; try again in a moment");
    else
        fcj_dispatch (call);
}

/* ---- Sessions ---------------------------------------------------------- */

static void s_join (fcj_call_t *call, fcj_session_t *session)
{
    call->session = fcj_session_hold (session);
    call->capabilities = json_incref (session->capabilities);
    call->level = session->level;
}

static void s_found (void *arg, fcj_session_t *session,
                     const fcj_error_t *error)
{
    fcj_call_t *call = arg;
    if (!session) {
        bool away = error->reason != FCJ_NOT_FOUND;
        if (call->id)
            fcj_call_error (call, away? FCJ_RPC_INTERNAL: FCJ_RPC_SESSION,
                            away? 503: 404, NULL, "%s", error->text);
        else {
            fcj_sink_t sink = call->sink;
            json_t *root = json_incref (call->root);
            fcj_call_abandon (call);
            s_refuse (&sink, NULL, FCJ_RPC_SESSION, away? 503: 404,
                      error->text, NULL);
            json_decref (root);
        }
        return;
    }
    if (!call->versioned)
        memcpy (call->version, session->version, sizeof call->version);
    s_join (call, session);
    if (call->id && call->sink.streams && call->sink.hold)
        fcj_stream_wrap (call);
    s_go (call);
}

/* ---- One message ------------------------------------------------------- */

/*  Which of the two a message without a method is. */
static bool s_is_response (const json_t *root)
{
    return !json_object_get (root, "method")
        && (json_object_get (root, "result")
            || json_object_get (root, "error"));
}

void fcj_front_take (fcj_front_t *self, const fcj_sink_t *sink,
                     const char *owner, const fcj_headers_t *headers,
                     json_t *root)
{
    char why[256];
    if (fcj_rpc_check (root, why) != 0) {
        json_t *id = json_object_get (root, "id");
        s_refuse (sink, fcj_rpc_is_id (id)? id: NULL, FCJ_RPC_REQUEST, 400,
                  why, NULL);
        json_decref (root);
        return;
    }
    if (!json_object_get (root, "params"))
        json_object_set_new (root, "params", json_object ());
    bool response = s_is_response (root);
    fcj_call_t *call = fcj_call_new (self, sink, owner, root);
    call->id = response? NULL: json_object_get (root, "id");
    call->method = response? FCJ_RESPONSE
        : json_string_value (json_object_get (root, "method"));
    call->params = json_object_get (root, "params");
    call->headers = headers;
    call->versioned = headers && headers->version;
    fcj_era_error_t error;
    if (fcj_era_classify (call, headers, &error) != 0) {
        fcj_call_error (call, error.code, error.status, error.data, "%s",
                        error.text);
        return;
    }
    if (sink->hold)
        sink->hold (sink->arg, s_gone, call);
    bool handshake = !strcmp (call->method, "initialize");
    if (call->modern || handshake) {
        s_go (call);
        return;
    }
    if (!call->sink.http && self->local)
        s_join (call, self->local);
    if (headers && headers->session && *headers->session) {
        call->headers = NULL;   /* gone when the session is found */
        fcj_session_find (self, headers->session, owner, s_found, call);
    }
    else
        s_go (call);
}

void fcj_front_message (fcj_front_t *self, const fcj_sink_t *sink,
                        const char *owner, const fcj_headers_t *headers,
                        const char *bytes, size_t size)
{
    char why[256];
    int code;
    json_t *root = fcj_rpc_parse (bytes, size, &code, why);
    if (!root) {
        fcj_seek_t seek = { 0 };
        fcj_seek_feed (&seek, bytes, size);
        json_t *id = fcj_seek_id (&seek);
        s_refuse (sink, id, code, 400, why, NULL);
        json_decref (id);
    }
    else if (json_is_array (root))
        fcj_batch (self, sink, owner, headers, root);
    else
        fcj_front_take (self, sink, owner, headers, root);
}

void fcj_front_too_long (const fcj_sink_t *sink, json_t *id)
{
    char why[256];
    fcj_rpc_too_long (why);
    s_refuse (sink, id, FCJ_RPC_REQUEST, 400, why, NULL);
}

/* ---- DELETE ------------------------------------------------------------ */

typedef struct {
    fcj_front_t *front;
    fcj_sink_t sink;
} deletion_t;

static void s_left (void *arg)
{
    deletion_t *self = arg;
    fcj_session_forget (self->front, self);
    free (self);
}

static void s_delete (void *arg, fcj_session_t *session,
                      const fcj_error_t *error)
{
    deletion_t *self = arg;
    fcj_sink_t sink = self->sink;
    free (self);
    if (session) {
        fcj_session_delete (session);
        sink.answer (sink.arg, 204, NULL, 0);
    }
    else
        s_refuse (&sink, NULL, FCJ_RPC_SESSION,
                  error->reason == FCJ_NOT_FOUND? 404: 503, error->text,
                  NULL);
}

void fcj_front_delete (fcj_front_t *self, const fcj_sink_t *sink,
                       const char *owner, const fcj_headers_t *headers)
{
    deletion_t *deletion = calloc (1, sizeof *deletion);
    if (!deletion)
        abort ();
    deletion->front = self;
    deletion->sink = *sink;
    sink->hold (sink->arg, s_left, deletion);
    fcj_session_find (self, headers->session, owner, s_delete, deletion);
}
