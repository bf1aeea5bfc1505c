/*  handle_tools.c - tools/list and tools/call.
 *
 *  A call is checked here, then goes to a builtin tool or becomes a job. A
 *  call that comes while the service is still starting is parked until it is
 *  ready, has failed, or FCJ_MCP_START_S are over.  */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../protocol/era.h"
#include "../extra.h"
#include "handlers.h"
#include "../../jobs/schema.h"
#include "../service.h"
#include "../tools/task.h"

#define LIST_TTL_MS   60000

static const struct { const char *name; fcj_tool_fn *fn; } BUILTIN[] = {
    { "get_job_status", fcj_tool_status },
    { "get_job_result", fcj_tool_result },
    { "get_job_output", fcj_tool_output },
    { "answer_job", fcj_tool_answer },
    { "cancel_job", fcj_tool_cancel },
    { "delete_job", fcj_tool_delete },
    { "list_jobs", fcj_tool_list },
    { "service_status", fcj_tool_service_status },
    { "reload_handlers", fcj_tool_reload },
};

/*  The cursor is the index of the first tool of the page; -1: invalid. */
static long s_cursor (const json_t *params)
{
    const json_t *cursor = json_object_get (params, "cursor");
    if (!cursor)
        return 0;
    const char *text = json_string_value (cursor);
    if (!text || strlen (text) > 6 || text[strspn (text, "0123456789")])
        return -1;
    return atol (text);
}

void fcj_handle_tools_list (fcj_call_t *call)
{
    fcj_catalogue_t *catalogue = call->front->catalogue;
    bool tasks = !strcmp (call->version, FCJ_MCP_LEGACY);
    long first = s_cursor (call->params);
    size_t count = json_array_size (fcj_catalogue_listed (catalogue, tasks));
    if (first < 0 || (size_t) first > count) {
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "Invalid cursor:"
                        " start again without one");
        return;
    }
    size_t next;
    const char *page = fcj_catalogue_page (catalogue, tasks, (size_t) first,
                                           &next);
    json_t *result = json_object ();
    if (next)
        json_object_set_new (result, "nextCursor",
                             json_sprintf ("%zu", next));
    fcj_call_cacheable_text (call, result, LIST_TTL_MS, true, "tools", page);
}

/* ---- tools/call -------------------------------------------------------- */

static void s_run (fcj_call_t *call)
{
    const char *name = json_string_value (
        json_object_get (call->tool, "name"));
    const json_t *args = json_object_get (call->params, "arguments");
    const fcj_extra_t *extra = call->front->extra;
    const char *job = json_string_value (json_object_get (call->state,
                                                          "job"));
    fcj_tool_fn *own = extra? extra->tool (name): NULL;
    bool of_job = json_object_get (call->tool, "lane") != NULL;
    if (of_job && job && fcj_id_valid (job)) {  /* the round after a question */
        fcj_hold_again (call, job);
        return;
    }
    if (own) {
        own (call, args);
        return;
    }
    for (size_t n = 0; n < sizeof BUILTIN / sizeof *BUILTIN; n++)
        if (strcmp (BUILTIN[n].name, name) == 0) {
            BUILTIN[n].fn (call, args);
            return;
        }
    fcj_submit (call, args);
}

static void s_service_failed (fcj_call_t *call)
{
    fcj_call_tool_fail (call, FCJ_BROKER_UNAVAILABLE, "the FreeCAD job"
        " service did not start: %s. Run `fcj doctor` in a terminal: it says"
        " what is missing on this machine and how to mend it. Then call this"
        " tool again.", fcj_service_error (call->front->service));
}

static void s_parked (fcj_call_t *call, const fcj_map_t *event, int64_t now)
{
    (void) event;
    fcj_service_state_t state = fcj_service_state (call->front->service);
    if (state == FCJ_SERVICE_STARTING && now < call->deadline) {
        call->reread = now + FCJ_MCP_TICK_MS / 2;
        return;
    }
    fcj_call_unwait (call);
    fcj_error_t error;
    if (state == FCJ_SERVICE_READY) {
        if (fcj_front_open (call->front, &error) == 0)
            s_run (call);
        else
            fcj_call_tool_error (call, &error);
    }
    else
        s_service_failed (call);
}

/*  Any tool that becomes a job takes wait_s, how long the client wants to
 *  wait for the result; it is no argument of the tool's. */
static int s_take_wait (fcj_call_t *call, json_t *args)
{
    const json_t *schema = json_object_get (call->tool, "inputSchema");
    const json_t *wait_s = json_object_get (args, "wait_s");
    if (!wait_s || !json_object_get (call->tool, "lane")
        || json_object_get (json_object_get (schema, "properties"),
                            "wait_s"))
        return 0;
    double seconds = json_number_value (wait_s);
    if (!json_is_number (wait_s) || seconds < 0 || seconds > FCJ_WAIT_MAX_S) {
        fcj_call_tool_fail (call, FCJ_INVALID, "wait_s must be a number from"
            " 0 to %d", FCJ_WAIT_MAX_S);
        return -1;
    }
    call->wait_ms = (int64_t) (seconds * 1000);
    json_object_del (args, "wait_s");
    return 0;
}

/*  Checks before anything is started or sent. */
static int s_check (fcj_call_t *call)
{
    fcj_error_t error;
    json_t *args = json_object_get (call->params, "arguments");
    const char *code = json_string_value (json_object_get (args, "code"));
    if (code && json_string_length (json_object_get (args, "code"))
                > FCJ_CODE_MAX)
        fcj_call_tool_fail (call, FCJ_TOO_LARGE, "code has %zu bytes, at"
            " most %d are allowed. Pass data by reference instead: a file"
            " below a workspace root, or a job's artifact, in `inputs`.",
            strlen (code), FCJ_CODE_MAX);
    else if (fcj_schema_check (json_object_get (call->tool, "inputSchema"),
                               args, &error) != 0)
        fcj_call_tool_fail (call, FCJ_INVALID, "%.400s. Correct the"
            " arguments and call %.64s again.", error.text,
            json_string_value (json_object_get (call->tool, "name")));
    else
        return 0;
    return -1;
}

static int s_check_headers (fcj_call_t *call, const json_t *args)
{
    fcj_era_error_t error;
    const fcj_headers_t *headers = call->headers;
    call->headers = NULL;       /* they are gone when it is run again */
    if (!call->modern || !headers
        || fcj_era_check_params (json_object_get (call->tool, "inputSchema"),
                                 args, headers, &error) == 0)
        return 0;
    fcj_call_error (call, error.code, error.status, error.data, "%s",
                    error.text);
    return -1;
}

/*  A tool that needs a task, for a client that takes none; and the other way
 *  round. */
static int s_check_task (fcj_call_t *call)
{
    fcj_task_support_t support = fcj_task_support (call->tool);
    bool asks = json_is_object (json_object_get (call->params, "task"))
             && !strcmp (call->version, FCJ_MCP_LEGACY);
    bool none = fcj_task_mode (call) == FCJ_TASK_NONE;
    if (support == FCJ_TASK_REQUIRED && none && call->modern)
        return fcj_handle_needs_tasks (call);
    if (support == FCJ_TASK_REQUIRED && none)
        fcj_call_error (call, FCJ_RPC_METHOD, 200, NULL, "This tool runs as"
                        " a task only: call it with params.task");
    else if (support == FCJ_TASK_FORBIDDEN && asks)
        fcj_call_error (call, FCJ_RPC_METHOD, 200, NULL, "This tool does not"
                        " run as a task: call it without params.task");
    else
        return 0;
    return -1;
}

void fcj_handle_tools_call (fcj_call_t *call)
{
    fcj_front_t *front = call->front;
    const json_t *name = json_object_get (call->params, "name");
    json_t *args = json_object_get (call->params, "arguments");
    if (!json_is_string (name) || (args && !json_is_object (args))) {
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "tools/call needs"
            " 'name', a string, and 'arguments', an object");
        return;
    }
    json_t *tool = fcj_catalogue_find (front->catalogue,
                                       json_string_value (name));
    if (!tool) {
        char near[256], hidden[400];
        fcj_catalogue_why (front->catalogue, json_string_value (name),
                           hidden, sizeof hidden);
        if (*hidden) {
            fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "%s", hidden);
            return;
        }
        fcj_catalogue_near (front->catalogue, json_string_value (name),
                            near, sizeof near);
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "Unknown tool"
            " '%.64s'.%s%s%s tools/list names all.",
            json_string_value (name), *near? " Did you mean ": "", near,
            *near? "?": "");
        return;
    }
    json_decref (call->tool);
    call->tool = json_incref (tool);
    if (s_check_headers (call, args) != 0 || s_check_task (call) != 0)
        return;
    if (!args)
        json_object_set_new (call->params, "arguments", json_object ());
    if (s_take_wait (call, json_object_get (call->params, "arguments")) != 0
        || s_check (call) != 0)
        return;
    fcj_service_need (front->service);
    if (fcj_service_state (front->service) != FCJ_SERVICE_READY) {
        fcj_call_wait (call, NULL, FCJ_MCP_START_S * 1000, 1, s_parked);
        return;
    }
    fcj_error_t error;
    if (fcj_front_open (front, &error) != 0)
        fcj_call_tool_error (call, &error);
    else
        s_run (call);
}
