/*  handle_response.c - a legacy client answers a question of ours (ask.h);
 *  the call that asked may wait at another front-end.  */

#include "ask.h"
#include "bus.h"
#include "handlers.h"
#include "session.h"

void fcj_handle_response (fcj_call_t *call)
{
    fcj_front_t *front = call->front;
    json_t *response = json_incref (call->root);
    fcj_session_t *session = call->session
        ? fcj_session_hold (call->session): NULL;
    bool http = call->sink.http;
    fcj_call_result (call, json_object ());
    if ((session || !http)
        && !fcj_ask_answered (front, session? session->id: "", response)
        && http)
        fcj_bus_send (front, "answer", session->id, response);
    fcj_session_release (&session);
    json_decref (response);
}
