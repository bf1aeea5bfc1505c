/*  handle_session.c - what a legacy client sets for its session: the level of
 *  log messages, and the resources that it wants to hear of.  */

#include <string.h>
#include "../extra.h"
#include "freecad.h"
#include "handlers.h"
#include "../news/interest.h"
#include "../session/session.h"

#define URI_MAX 1024

void fcj_handle_level (fcj_call_t *call)
{
    int level = fcj_say_of (json_string_value (
        json_object_get (call->params, "level")));
    if (level < 0) {
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "'level' is debug,"
            " info, notice, warning, error, critical, alert or emergency");
        return;
    }
    if (call->session)          /* without one there is nothing to keep */
        fcj_session_set_level (call->session, (fcj_say_t) level);
    fcj_call_result (call, json_object ());
}

/*  NULL: the call has been answered. */
static const char *s_uri (fcj_call_t *call)
{
    const char *uri = json_string_value (json_object_get (call->params,
                                                          "uri"));
    if (!uri || !*uri || strlen (uri) > URI_MAX)
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "'uri' must be a"
                        " string of 1 to %d characters", URI_MAX);
    else if (!call->session)
        fcj_call_error (call, FCJ_RPC_REQUEST, 200, NULL, "Subscriptions"
                        " need a session: initialize, and send the"
                        " Mcp-Session-Id that comes back");
    else
        return uri;
    return NULL;
}

bool fcj_handle_may_want (fcj_front_t *front, const char *what,
                          const char *owner)
{
    fcj_id_t job;
    fcj_error_t error;
    size_t scheme = strlen (FCJ_FREECAD_SCHEME);
    if (!strncmp (what, FCJ_FREECAD_SCHEME, scheme)) {
        fcj_front_open (front, &error);     /* whom changes.c will ask */
        return strlen (what) <= URI_MAX && fcj_freecad_known (what);
    }
    if (front->extra && !fcj_interest_is_task (what)) {
        json_t *contents = front->extra->read (what);
        json_decref (contents);
        if (contents)
            return true;
    }
    if (!fcj_interest_job (what, job) || fcj_front_open (front, &error) != 0)
        return false;
    fcj_record_t *record = fcj_store_status (front->store, job, owner,
                                             &error);
    bool there = record != NULL;
    fcj_record_destroy (&record);
    return there;
}

void fcj_handle_subscribe (fcj_call_t *call)
{
    const char *uri = s_uri (call);
    if (!uri)
        return;
    if (fcj_interest_is_task (uri)
        || !fcj_handle_may_want (call->front, uri, call->owner))
        fcj_call_error (call, FCJ_RPC_RESOURCE, 200, json_pack (
            "{s:s}", "uri", uri), "Resource not found");
    else if (!fcj_session_want (call->session, uri, true))
        fcj_call_error (call, FCJ_RPC_INTERNAL, 200, NULL, "A session"
            " subscribes to at most %d resources; unsubscribe from some",
            FCJ_WANTS_MAX);
    else
        fcj_call_result (call, json_object ());
}

void fcj_handle_unsubscribe (fcj_call_t *call)
{
    const char *uri = s_uri (call);
    if (!uri)
        return;
    fcj_session_want (call->session, uri, false);
    fcj_call_result (call, json_object ());
}
