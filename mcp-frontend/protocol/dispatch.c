/*  dispatch.c - the table of methods, each with the era it belongs to. What
 *  is not advertised is not found.  */

#include <string.h>
#include "ask.h"
#include "dispatch.h"
#include "../methods/handlers.h"

#define LEGACY 1
#define MODERN 2
#define BOTH   3

static void s_ping (fcj_call_t *call)
{
    fcj_call_result (call, json_object ());
}

static const struct {
    const char *method;
    int eras;
    void (*handle) (fcj_call_t *call);
} METHODS[] = {
    { "initialize", LEGACY, fcj_handle_initialize },
    { "server/discover", MODERN, fcj_handle_discover },
    { "ping", LEGACY, s_ping },
    { "logging/setLevel", LEGACY, fcj_handle_level },
    { "tools/list", BOTH, fcj_handle_tools_list },
    { "tools/call", BOTH, fcj_handle_tools_call },
    { "resources/list", BOTH, fcj_handle_resources_list },
    { "resources/templates/list", BOTH, fcj_handle_resources_templates },
    { "resources/read", BOTH, fcj_handle_resources_read },
    { "resources/subscribe", LEGACY, fcj_handle_subscribe },
    { "resources/unsubscribe", LEGACY, fcj_handle_unsubscribe },
    { "subscriptions/listen", MODERN, fcj_handle_listen },
    { "prompts/list", BOTH, fcj_handle_prompts_list },
    { "prompts/get", BOTH, fcj_handle_prompts_get },
    { "completion/complete", BOTH, fcj_handle_complete },
    { "tasks/get", BOTH, fcj_handle_tasks_get },
    { "tasks/cancel", BOTH, fcj_handle_tasks_cancel },
    { "tasks/update", MODERN, fcj_handle_tasks_update },
    { "tasks/result", LEGACY, fcj_handle_tasks_result },
    { "tasks/list", LEGACY, fcj_handle_tasks_list },
};

/*  Only these may be answered with a question. */
static bool s_may_ask (const char *method)
{
    return !strcmp (method, "tools/call") || !strcmp (method, "prompts/get")
        || !strcmp (method, "resources/read");
}

static void s_notification (fcj_call_t *call)
{
    if (strcmp (call->method, "notifications/cancelled") == 0)
        fcj_handle_cancelled (call);
    else if (strcmp (call->method, FCJ_RESPONSE) == 0
             && call->sink.scope >= FCJ_SCOPE_RUN)
        fcj_handle_response (call);
    else
        s_ping (call);          /* accepted; nothing to do */
}

/*  False: the call has been refused for want of a scope. */
static bool s_may (fcj_call_t *call)
{
    const char *name = json_string_value (
        json_object_get (call->params, "name"));
    const json_t *tool = name
        ? fcj_catalogue_find (call->front->catalogue, name): NULL;
    fcj_scope_t needed = fcj_scope_needed (call->method, tool);
    if (call->sink.scope >= needed)
        return true;
    if (call->sink.challenge)
        call->sink.challenge (call->sink.arg, needed);
    fcj_call_error (call, FCJ_RPC_REQUEST, 403, NULL, "Your token does not"
                    " allow this: it needs the scope %s",
                    fcj_scope_name (needed, false));
    return false;
}

void fcj_dispatch (fcj_call_t *call)
{
    if (!call->id) {
        s_notification (call);
        return;
    }
    if (!s_may (call))
        return;
    int era = call->modern? MODERN: LEGACY;
    for (size_t n = 0; n < sizeof METHODS / sizeof *METHODS; n++)
        if ((METHODS[n].eras & era)
            && strcmp (METHODS[n].method, call->method) == 0) {
            call->handle = METHODS[n].handle;
            if (!call->modern || !s_may_ask (call->method)
                || fcj_ask_open (call) == 0)
                METHODS[n].handle (call);
            return;
        }
    fcj_call_error (call, FCJ_RPC_METHOD, call->modern? 404: 200, NULL,
                    "Method not found: %.64s", call->method);
}
