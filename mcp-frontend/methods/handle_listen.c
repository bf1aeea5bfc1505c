/*  handle_listen.c - subscriptions/listen: a stream of what the client wants
 *  to hear. The first message says what of it is honoured; the state lives
 *  with the request only.  */

#include <string.h>
#include "handlers.h"
#include "../news/interest.h"
#include "../session/session.h"

#define SUBSCRIPTION "io.modelcontextprotocol/subscriptionId"

/*  A message on the stream, tagged with the request's id. */
static void s_tell (void *arg, const char *method, json_t *params)
{
    fcj_call_t *call = arg;
    if (!params)
        params = json_object ();
    json_t *meta = json_object_get (params, "_meta");
    if (!meta) {
        meta = json_object ();
        json_object_set_new (params, "_meta", meta);
    }
    json_object_set (meta, SUBSCRIPTION, call->id);
    fcj_call_tell (call, NULL, method, params);
}

void fcj_handle_listen_end (fcj_call_t *call)
{
    if (!call->sink.http)       /* there the stream's end says it */
        fcj_call_tell (call, NULL, "notifications/cancelled", json_pack (
            "{s:O}", "requestId", call->id));
    fcj_call_result (call, json_pack ("{s:{s:O}}", "_meta", SUBSCRIPTION,
                                      call->id));
}

static void s_step (fcj_call_t *call, const fcj_map_t *event, int64_t now)
{
    (void) event;
    (void) now;
    (void) call;                /* the interest tells; nothing to wait for */
}

/* ---- What is honoured -------------------------------------------------- */

static int s_lists (const fcj_call_t *call, const json_t *asked, json_t *out)
{
    static const struct { const char *key, *capability; int kind; } LISTS[] = {
        { "toolsListChanged", "tools", FCJ_LIST_TOOLS },
        { "promptsListChanged", "prompts", FCJ_LIST_PROMPTS },
        { "resourcesListChanged", "resources", FCJ_LIST_RESOURCES },
    };
    json_t *can = fcj_handle_capabilities (call->front, call->version);
    int kinds = 0;
    for (size_t n = 0; n < sizeof LISTS / sizeof *LISTS; n++)
        if (json_is_true (json_object_get (asked, LISTS[n].key))
            && json_is_true (json_object_get (json_object_get (
                   can, LISTS[n].capability), "listChanged"))) {
            kinds |= LISTS[n].kind;
            json_object_set_new (out, LISTS[n].key, json_true ());
        }
    json_decref (can);
    return kinds;
}

static void s_wants (fcj_call_t *call, const json_t *asked, const char *key,
                     const char *prefix, json_t *out)
{
    char what[1100];
    size_t n;
    json_t *one, *honoured = json_array ();
    json_array_foreach (json_object_get (asked, key), n, one) {
        if (n >= FCJ_WANTS_MAX || json_string_length (one) > 1024
            || (!*prefix && fcj_interest_is_task (json_string_value (one))))
            continue;
        snprintf (what, sizeof what, "%s%s", prefix, json_string_value (one));
        if (!fcj_handle_may_want (call->front, what, call->owner))
            continue;
        fcj_interest_add (call->interest, what, call->owner);
        json_array_append (honoured, one);
    }
    if (json_array_size (honoured))
        json_object_set (out, key, honoured);
    json_decref (honoured);
}

static bool s_are_strings (const json_t *list)
{
    size_t n;
    json_t *one;
    json_array_foreach (list, n, one)
        if (!json_is_string (one))
            return false;
    return !list || json_is_array (list);
}

static bool s_well_formed (const json_t *asked)
{
    static const char *const LISTS[] = { "toolsListChanged",
        "promptsListChanged", "resourcesListChanged" };
    for (size_t n = 0; n < sizeof LISTS / sizeof *LISTS; n++) {
        const json_t *flag = json_object_get (asked, LISTS[n]);
        if (flag && !json_is_boolean (flag))
            return false;
    }
    return json_is_object (asked)
        && s_are_strings (json_object_get (asked, "resourceSubscriptions"))
        && s_are_strings (json_object_get (asked, "taskIds"));
}

void fcj_handle_listen (fcj_call_t *call)
{
    const json_t *asked = json_object_get (call->params, "notifications");
    if (!s_well_formed (asked)) {
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL,
            "subscriptions/listen needs 'notifications', an object:"
            " toolsListChanged, promptsListChanged, resourcesListChanged,"
            " resourceSubscriptions (URIs), taskIds");
        return;
    }
    if (json_object_get (asked, "taskIds")
        && fcj_handle_needs_tasks (call) != 0)
        return;
    if (!call->sink.streams) {
        fcj_call_error (call, FCJ_RPC_REQUEST, 406, NULL, "The answer is a"
                        " stream: Accept text/event-stream");
        return;
    }
    json_t *honoured = json_object ();
    call->interest = fcj_interest_new (call->front, s_tell, call);
    fcj_interest_lists (call->interest, s_lists (call, asked, honoured));
    s_wants (call, asked, "resourceSubscriptions", "", honoured);
    s_wants (call, asked, "taskIds", "task:", honoured);
    bool nothing = json_object_size (honoured) == 0;
    s_tell (call, "notifications/subscriptions/acknowledged",
            json_pack ("{s:o}", "notifications", honoured));
    if (nothing)
        fcj_handle_listen_end (call);
    else
        fcj_call_wait (call, NULL, INT64_MAX / 4, 0, s_step);
}
