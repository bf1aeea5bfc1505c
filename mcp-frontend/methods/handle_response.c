/*  handle_response.c - a legacy client answers a question of ours (ask.h);
 *  the call that asked may wait at another front-end.  */

#include <string.h>
#include "../protocol/ask.h"
#include "../session/bus.h"
#include "handlers.h"
#include "../session/session.h"

/*  Only what can be a question of ours is shown to the others. */
static bool s_may_be_ours (const json_t *response)
{
    const char *id = json_string_value (json_object_get (response, "id"));
    return id && strlen (id) < FCJ_TOKEN_LEN + 16
        && strspn (id, "0123456789abcdef") == FCJ_TOKEN_LEN
        && id[FCJ_TOKEN_LEN] == '-';
}

void fcj_handle_response (fcj_call_t *call)
{
    fcj_front_t *front = call->front;
    json_t *response = json_incref (call->root);
    fcj_session_t *session = call->session
        ? fcj_session_hold (call->session): NULL;
    bool http = call->sink.http;
    fcj_call_result (call, json_object ());
    if ((session || !http) && s_may_be_ours (response)
        && !fcj_ask_answered (front, session? session->id: "", response)
        && http)
        fcj_bus_send (front, "answer", session->id, response);
    fcj_session_release (&session);
    json_decref (response);
}
