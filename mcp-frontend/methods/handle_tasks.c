/*  handle_tasks.c - tasks/get, result, list, cancel and update. A task is a
 *  job, so it is asked for where jobs are: in Redis, from any front-end, and
 *  after any restart.  */

#include <stdio.h>
#include <string.h>
#include "../protocol/ask.h"
#include "handlers.h"
#include "../service.h"
#include "../tools/task.h"

#define PAGE       50
#define ASK_MS     10000
#define FOREVER_MS (1000L * FCJ_TIMEOUT_MAX_S)

int fcj_handle_needs_tasks (fcj_call_t *call)
{
    if (json_is_object (json_object_get (json_object_get (
            call->capabilities, "extensions"), FCJ_MCP_TASKS)))
        return 0;
    fcj_call_lacks (call, json_pack ("{s:{s:{}}}", "extensions",
                                     FCJ_MCP_TASKS),
                    "The client must declare the tasks extension");
    return -1;
}

static void s_not_found (fcj_call_t *call, const fcj_error_t *error)
{
    if (error->reason == FCJ_EXPIRED)
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL,
                        "Task has expired");
    else if (error->reason == FCJ_NOT_FOUND)
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "Task not found");
    else
        fcj_call_error (call, FCJ_RPC_INTERNAL, 200, NULL, "%s",
                        error->text);
}

/*  Older versions have no tasks. -1: the call has been answered. */
static int s_has_tasks (fcj_call_t *call)
{
    if (call->modern || strcmp (call->version, FCJ_MCP_LEGACY) >= 0)
        return 0;
    fcj_call_error (call, FCJ_RPC_METHOD, 200, NULL, "Method not found:"
                    " %.64s", call->method);
    return -1;
}

/*  The record of params.taskId; NULL: the call has been answered. */
static fcj_record_t *s_record (fcj_call_t *call)
{
    fcj_error_t error;
    const char *task = json_string_value (json_object_get (call->params,
                                                           "taskId"));
    if ((call->modern && fcj_handle_needs_tasks (call) != 0)
        || s_has_tasks (call) != 0)
        return NULL;
    if (!task) {
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "%.32s needs"
                        " 'taskId', a string", call->method);
        return NULL;
    }
    fcj_record_t *record = NULL;
    fcj_fail (&error, FCJ_NOT_FOUND, "no such task");
    fcj_service_need (call->front->service);
    if (fcj_id_valid (task) && fcj_front_open (call->front, &error) == 0)
        record = fcj_store_get (call->front->store, task, call->owner,
                                &error);
    if (!record)
        s_not_found (call, &error);
    return record;
}

/* ---- get --------------------------------------------------------------- */

void fcj_handle_tasks_get (fcj_call_t *call)
{
    fcj_record_t *record = s_record (call);
    if (!record)
        return;
    fcj_call_result (call, fcj_task_view (call->front, record,
                                          call->version, true));
    fcj_record_destroy (&record);
}

/* ---- result (2025-11-25): blocks until the end ------------------------- */

static void s_answer_result (fcj_call_t *call, const fcj_record_t *record)
{
    json_t *error;
    const char *id = fcj_record_str (record, "id", NULL);
    json_t *result = fcj_task_result (call->front, record, call->version,
                                      &error);
    if (!result) {
        fcj_call_error (call, FCJ_RPC_INTERNAL, 200,
            json_pack ("{s:{s:s}}", FCJ_MCP_RELATED, "taskId", id), "%s",
            json_string_value (json_object_get (error, "message")));
        json_decref (error);
        return;
    }
    json_object_set_new (result, "_meta", json_pack ("{s:{s:s}}", FCJ_MCP_RELATED,
                                                     "taskId", id));
    fcj_call_result (call, result);
}

static void s_step (fcj_call_t *call, const fcj_map_t *event, int64_t now)
{
    char state[16] = "";
    fcj_error_t error;
    fcj_hold_tell (call, event);
    if (event) {
        fcj_map_copy (event, "state", state, sizeof state);
        if (fcj_state_of (state) < FCJ_COMPLETED && strcmp (state, "gone")
            && !fcj_map_has (event, "ask"))
            return;
    }
    else if (call->sink.open)
        call->sink.open (call->sink.arg);
    fcj_record_t *record = fcj_store_get (call->front->store, call->job,
                                          call->owner, &error);
    call->reread = now + FCJ_MCP_REREAD_MS;
    if (record && fcj_state_terminal (fcj_record_state (record))) {
        fcj_hold_told (call, record);
        fcj_call_unwait (call);
        s_answer_result (call, record);
    }
    else if (record)
        fcj_hold_ask (call, record);
    else if (error.reason != FCJ_STORE_UNAVAILABLE) {
        fcj_call_unwait (call);
        s_not_found (call, &error);
    }
    fcj_record_destroy (&record);
}

void fcj_handle_tasks_result (fcj_call_t *call)
{
    fcj_record_t *record = s_record (call);
    if (!record)
        return;
    if (call->answers)          /* run again: the client was asked */
        call->given = fcj_task_give (call->front, record, call->answers);
    json_decref (call->answers);
    call->answers = NULL;
    if (fcj_state_terminal (fcj_record_state (record)))
        s_answer_result (call, record);
    else
        fcj_call_wait (call, fcj_record_str (record, "id", NULL), FOREVER_MS,
                       50, s_step);
    fcj_record_destroy (&record);
}

/* ---- list (2025-11-25) ------------------------------------------------- */

void fcj_handle_tasks_list (fcj_call_t *call)
{
    fcj_record_t *records[PAGE];
    fcj_error_t error;
    char cursor[64] = "";
    const json_t *given = json_object_get (call->params, "cursor");
    const char *start = json_string_value (given);
    if (s_has_tasks (call) != 0)
        return;
    if (given && (!start || strlen (start) >= sizeof cursor)) {
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "Invalid cursor:"
                        " start again without one");
        return;
    }
    if (start)
        snprintf (cursor, sizeof cursor, "%s", start);
    fcj_service_need (call->front->service);
    int count = fcj_front_open (call->front, &error) != 0? -1
        : fcj_store_list (call->front->store, call->owner, NULL, NULL, PAGE,
                          cursor, records, &error);
    if (count < 0) {
        bool invalid = error.reason == FCJ_INVALID;
        fcj_call_error (call, invalid? FCJ_RPC_PARAMS: FCJ_RPC_INTERNAL, 200,
                        NULL, "%s", error.text);
        return;
    }
    json_t *list = json_array ();
    for (int n = 0; n < count; n++) {
        json_array_append_new (list, fcj_task_view (
            call->front, records[n], call->version, false));
        fcj_record_destroy (&records[n]);
    }
    json_t *result = json_pack ("{s:o}", "tasks", list);
    if (*cursor && count > 0)
        json_object_set_new (result, "nextCursor", json_string (cursor));
    fcj_call_result (call, result);
}

/* ---- cancel ------------------------------------------------------------ */

static void s_cancelled (void *arg, const fcj_map_t *reply,
                         const fcj_error_t *error)
{
    fcj_call_t *call = arg;
    if (!reply) {
        s_not_found (call, error);
        return;
    }
    if (call->modern) {
        fcj_call_result (call, json_object ());
        return;
    }
    json_t *task = fcj_task_of (call->front, json_string_value (call->kept),
                                call->owner, call->version);
    if (task)
        fcj_call_result (call, task);
    else
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "Task not found");
}

void fcj_handle_tasks_cancel (fcj_call_t *call)
{
    fcj_record_t *record = s_record (call);
    if (!record)
        return;
    bool over = fcj_state_terminal (fcj_record_state (record));
    if (over && call->modern)
        fcj_call_result (call, json_object ());
    else if (over)
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "The task has ended"
            " already: %s", fcj_state_name (fcj_record_state (record)));
    else {
        fcj_pack_t *fields = fcj_pack_new ();
        call->kept = json_string (fcj_record_str (record, "id", NULL));
        fcj_pack_map (fields, 2);
        fcj_pack_kstr (fields, "id", json_string_value (call->kept));
        fcj_pack_kstr (fields, "owner", call->owner);
        fcj_client_request (call->front->client, "CANCEL",
                            fcj_pack_data (fields), fcj_pack_size (fields),
                            ASK_MS, s_cancelled, call);
        fcj_pack_destroy (&fields);
    }
    fcj_record_destroy (&record);
}

/* ---- update ------------------------------------------------------------ */

void fcj_handle_tasks_update (fcj_call_t *call)
{
    const json_t *answers = json_object_get (call->params, "inputResponses");
    fcj_record_t *record = s_record (call);
    if (!record)
        return;
    if (json_is_object (answers)) {
        fcj_task_give (call->front, record, answers);
        fcj_call_result (call, json_object ());
    }
    else
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "tasks/update needs"
                        " 'inputResponses', an object");
    fcj_record_destroy (&record);
}
