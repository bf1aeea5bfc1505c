/*  handle_cancelled.c - notifications/cancelled: a call gets no answer any
 *  more, and a job that only it knows is cancelled with it. A modern client
 *  over HTTP closes the stream instead. The call may wait at another
 *  front-end. Who may only look does not end what somebody started who may
 *  run: a session can be used with tokens of several scopes.  */

#include <string.h>
#include "../session/bus.h"
#include "handlers.h"
#include "../protocol/rpc.h"
#include "../session/session.h"

static bool s_is (const fcj_call_t *call, const char *session,
                  const json_t *id)
{
    if (!call->id || !json_equal (call->id, (json_t *) id))
        return false;
    if (!*session)
        return !call->sink.http;
    return call->session && !strcmp (call->session->id, session);
}

bool fcj_cancel_call (fcj_front_t *front, const char *session,
                      const json_t *id, fcj_scope_t scope)
{
    fcj_call_t *call;
    if (!id)
        return false;
    TAILQ_FOREACH (call, &front->everyone, all)
        if (s_is (call, session, id) && call->sink.scope <= scope
            && strcmp (call->method, "initialize") != 0) {
            fcj_sink_t sink = call->sink;
            fcj_call_cancel (call);
            sink.answer (sink.arg, 202, NULL, 0);
            return true;
        }
    return false;
}

void fcj_handle_cancelled (fcj_call_t *call)
{
    json_t *id = json_object_get (call->params, "requestId");
    const char *session = call->session? call->session->id: "";
    bool reachable = !call->sink.http || call->session;
    if (fcj_rpc_is_id (id) && json_string_length (id) < 256 && reachable
        && !fcj_cancel_call (call->front, session, id, call->sink.scope)
        && call->sink.http) {
        json_t *body = json_pack ("{s:O,s:i}", "requestId", id, "scope",
                                  call->sink.scope);
        fcj_bus_send (call->front, "cancel", session, body);
        json_decref (body);
    }
    fcj_call_result (call, json_object ());
}
