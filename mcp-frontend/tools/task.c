/*  task.c - the record of a job, told in the words of a task. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../protocol/ask.h"
#include "../front.h"
#include "../methods/handlers.h"
#include "../../jobs/schema.h"
#include "../session/session.h"
#include "task.h"
#include "view.h"
#include "../../jobs/json.h"

#define ANSWER_MS 10000

/* ---- Whether ----------------------------------------------------------- */

fcj_task_support_t fcj_task_support (const json_t *tool)
{
    const char *told = json_string_value (json_object_get (
        json_object_get (tool, "execution"), "taskSupport"));
    if (!told)                  /* what becomes a job can be a task */
        return json_object_get (tool, "lane")? FCJ_TASK_OPTIONAL
                                             : FCJ_TASK_FORBIDDEN;
    return !strcmp (told, "required")? FCJ_TASK_REQUIRED
        : !strcmp (told, "optional")? FCJ_TASK_OPTIONAL: FCJ_TASK_FORBIDDEN;
}

fcj_task_mode_t fcj_task_mode (const fcj_call_t *call)
{
    if (!call->tool || fcj_task_support (call->tool) == FCJ_TASK_FORBIDDEN)
        return FCJ_TASK_NONE;
    if (call->modern)
        return json_is_object (json_object_get (json_object_get (
                   call->capabilities, "extensions"), FCJ_MCP_TASKS))
            ? FCJ_TASK_MODERN: FCJ_TASK_NONE;
    return json_is_object (json_object_get (call->params, "task"))
        && !strcmp (call->version, FCJ_MCP_LEGACY)
        ? FCJ_TASK_LEGACY: FCJ_TASK_NONE;
}

/* ---- Questions --------------------------------------------------------- */

/*  A job may put several questions into one form (Job.ask_all): the schema's
 *  x-fcj-questions says which fields belong to which. Each is a request of
 *  its own then, and what was answered is kept in Redis until all are. */
static json_t *s_parts (const json_t *ask)
{
    return json_object_get (json_object_get (ask, "schema"),
                            "x-fcj-questions");
}

static json_t *s_asked (const fcj_record_t *record)
{
    const char *text = fcj_record_str (record, "ask", NULL);
    json_t *ask = text? json_loads (text, 0, NULL): NULL;
    if (ask && !json_is_object (json_object_get (ask, "schema"))) {
        json_decref (ask);
        ask = NULL;
    }
    return ask;
}

int64_t fcj_task_asking (const fcj_record_t *record)
{
    json_t *ask = s_asked (record);
    int64_t number = json_integer_value (json_object_get (ask, "ask"));
    json_decref (ask);
    return number;
}

static void s_key (const fcj_record_t *record, const json_t *ask,
                   const char *part, char *out, size_t size)
{
    snprintf (out, size, "ask-%lld-%lld%s%.60s",
              (long long) fcj_record_int (record, "attempt", 1),
              (long long) json_integer_value (json_object_get (ask, "ask")),
              part? "-": "", part? part: "");
}

/*  The schema with the fields of one part only. */
static json_t *s_part_schema (const json_t *ask, const json_t *part)
{
    const json_t *schema = json_object_get (ask, "schema");
    const json_t *all = json_object_get (schema, "properties");
    json_t *properties = json_object (), *required = json_array (), *one;
    size_t n, m;
    json_t *name;
    json_array_foreach (json_object_get (part, "fields"), n, name) {
        const char *field = json_string_value (name);
        if (field && json_object_get (all, field))
            json_object_set (properties, field,
                             json_object_get (all, field));
        json_array_foreach (json_object_get (schema, "required"), m, one)
            if (json_equal (one, name))
                json_array_append (required, one);
    }
    return json_pack ("{s:s,s:o,s:o}", "type", "object", "properties",
                      properties, "required", required);
}

/*  What was answered of this question: key -> bare result, as a record. */
static fcj_record_t *s_given (fcj_front_t *front, const fcj_record_t *record,
                              const char *key, const char *value)
{
    fcj_error_t error;
    const char *id = fcj_record_str (record, "id", NULL);
    return fcj_store_notes (front->store, "mcp:given:", id, key, value,
                            FCJ_RETENTION_S, &error);
}

json_t *fcj_task_requests (fcj_front_t *front, const fcj_record_t *record)
{
    json_t *ask = s_asked (record);
    if (!ask || fcj_record_state (record) != FCJ_RUNNING) {
        json_decref (ask);
        return NULL;
    }
    char key[128];
    size_t n;
    json_t *requests = json_object (), *parts = s_parts (ask), *part;
    const char *message = json_string_value (
        json_object_get (ask, "message"));
    fcj_record_t *given = parts? s_given (front, record, NULL, NULL): NULL;
    json_array_foreach (parts, n, part) {
        const char *text = json_string_value (
            json_object_get (part, "message"));
        s_key (record, ask, json_string_value (json_object_get (
            part, "key")), key, sizeof key);
        if (!given || !fcj_record_str (given, key, NULL))
            json_object_set_new (requests, key, fcj_ask_form (
                text? text: "", s_part_schema (ask, part)));
    }
    fcj_record_destroy (&given);
    if (!parts) {
        s_key (record, ask, NULL, key, sizeof key);
        json_object_set_new (requests, key, fcj_ask_form (
            message? message: "", json_deep_copy (json_object_get (
                ask, "schema"))));
    }
    json_decref (ask);
    if (json_object_size (requests))
        return requests;
    json_decref (requests);
    return NULL;
}

/* ---- Answers ----------------------------------------------------------- */

static const char *s_action (const json_t *answer)
{
    const char *action = json_string_value (
        json_object_get (answer, "action"));
    return action && (!strcmp (action, "accept")
                      || !strcmp (action, "decline")
                      || !strcmp (action, "cancel"))? action: NULL;
}

static void s_unheard (void *arg, const fcj_map_t *reply,
                       const fcj_error_t *error)
{
    (void) arg;
    (void) reply;
    (void) error;
}

static void s_send (fcj_front_t *front, const fcj_record_t *record,
                    const json_t *ask, const char *action,
                    const json_t *content)
{
    bool accept = !strcmp (action, "accept");
    char *text = accept? fcj_json_dumps (content, JSON_COMPACT): NULL;
    fcj_client_answer (front->client, fcj_record_str (record, "id", NULL),
                       fcj_record_str (record, "owner", NULL),
                       json_integer_value (json_object_get (ask, "ask")),
                       action, text, ANSWER_MS, s_unheard, NULL);
    free (text);
}

/*  An answer that fits its schema, or NULL: it is asked again. */
static const json_t *s_fitting (const json_t *answers, const char *key,
                                const json_t *schema)
{
    fcj_error_t error;
    const json_t *answer = json_object_get (answers, key);
    const char *action = s_action (answer);
    if (!action)
        return NULL;
    json_t *content = json_object_get (answer, "content");
    json_t *checked = content? json_incref (content): json_object ();
    bool fits = strcmp (action, "accept") != 0
             || (json_is_object (checked)
                 && fcj_schema_check (schema, checked, &error) == 0);
    json_decref (checked);
    return fits? answer: NULL;
}

/*  Keeps the parts that were answered now; true and the whole answer in
 *  content and action when that were the last. */
static bool s_gather (fcj_front_t *front, const fcj_record_t *record,
                      const json_t *ask, const json_t *answers,
                      json_t *content, const char **action)
{
    size_t n, missing = 0;
    json_t *part;
    json_array_foreach (s_parts (ask), n, part) {
        char key[128];
        s_key (record, ask, json_string_value (json_object_get (
            part, "key")), key, sizeof key);
        json_t *schema = s_part_schema (ask, part);
        const json_t *fresh = s_fitting (answers, key, schema);
        json_decref (schema);
        char *text = fresh? fcj_json_dumps (fresh, JSON_COMPACT): NULL;
        fcj_record_t *given = s_given (front, record, text? key: NULL, text);
        const char *kept = given? fcj_record_str (given, key, NULL): NULL;
        json_t *answer = kept? json_loads (kept, 0, NULL): NULL;
        missing += !answer;
        if (answer && strcmp (s_action (answer), "accept") != 0)
            *action = !strcmp (s_action (answer), "decline")? "decline"
                                                            : "cancel";
        json_object_update (content, json_object_get (answer, "content"));
        json_decref (answer);
        fcj_record_destroy (&given);
        free (text);
    }
    return missing == 0;
}

int64_t fcj_task_give (fcj_front_t *front, const fcj_record_t *record,
                       const json_t *answers)
{
    json_t *ask = s_asked (record), *content = json_object ();
    char key[128];
    const char *action = "accept";
    int64_t number = 0;
    if (ask && s_parts (ask)) {
        if (s_gather (front, record, ask, answers, content, &action)) {
            s_send (front, record, ask, action, content);
            number = json_integer_value (json_object_get (ask, "ask"));
        }
    }
    else if (ask) {
        s_key (record, ask, NULL, key, sizeof key);
        const json_t *answer = s_fitting (answers, key, json_object_get (
            ask, "schema"));
        json_object_update (content, json_object_get (answer, "content"));
        if (answer) {
            s_send (front, record, ask, s_action (answer), content);
            number = json_integer_value (json_object_get (ask, "ask"));
        }
    }
    json_decref (content);
    json_decref (ask);
    return number;
}

/* ---- Results ----------------------------------------------------------- */

/*  What no argument of the model's could have changed. */
static bool s_is_protocol_error (fcj_reason_t reason)
{
    return reason == FCJ_POISON || reason == FCJ_WORKER_LOST
        || reason == FCJ_EXPIRED || reason == FCJ_REFUSED
        || reason >= FCJ_NOT_FOUND;
}

json_t *fcj_task_result (fcj_front_t *front, const fcj_record_t *record,
                         const char *version, json_t **error)
{
    const char *reason = fcj_record_str (record, "reason", NULL);
    const char *tool = fcj_record_str (record, "tool", NULL);
    const char *text = fcj_record_str (record, "error", NULL);
    *error = NULL;
    if (fcj_record_state (record) == FCJ_FAILED
        && s_is_protocol_error (fcj_reason_of (reason? reason: ""))) {
        json_t *why = text? json_loads (text, 0, NULL): NULL;
        const char *told = json_string_value (json_object_get (why,
                                                               "message"));
        *error = json_pack ("{s:i,s:o,s:{s:s}}", "code", FCJ_RPC_INTERNAL,
            "message", json_sprintf ("The job failed (%s)%s%.300s",
                reason? reason: "unknown", told? ": ": "", told? told: ""),
            "data", "reason", reason? reason: "unknown");
        json_decref (why);
        return NULL;
    }
    const json_t *entry = tool? fcj_catalogue_find (front->catalogue, tool)
                              : NULL;
    return fcj_tool_outcome (front, record, version,
                             fcj_tool_shape (entry));
}

/* ---- The view ---------------------------------------------------------- */

static const char *s_status (const fcj_record_t *record, bool legacy)
{
    const char *reason = fcj_record_str (record, "reason", NULL);
    switch (fcj_record_state (record)) {
        case FCJ_COMPLETED: return "completed";
        case FCJ_CANCELLED: return "cancelled";
        case FCJ_FAILED:
            return legacy || s_is_protocol_error (fcj_reason_of (
                reason? reason: ""))? "failed": "completed";
        case FCJ_RUNNING:
            return fcj_record_str (record, "ask", NULL)? "input_required"
                                                       : "working";
        default:            return "working";
    }
}

static json_t *s_message (const fcj_record_t *record)
{
    const char *reason = fcj_record_str (record, "reason", NULL);
    const char *message = fcj_record_str (record, "message", NULL);
    double progress = fcj_record_real (record, "progress", -1);
    fcj_state_t state = fcj_record_state (record);
    char text[FCJ_TEXT_MAX + 64];
    json_t *ask = state == FCJ_RUNNING? s_asked (record): NULL;
    const char *question = json_string_value (json_object_get (ask,
                                                               "message"));
    if (ask)
        snprintf (text, sizeof text, "asks: %.400s",
                  question? question: "a form");
    else if (state == FCJ_FAILED)
        snprintf (text, sizeof text, "failed: %s", reason? reason: "?");
    else if (state == FCJ_RUNNING && progress >= 0)
        snprintf (text, sizeof text, "%.0f %%%s%s", progress * 100,
                  message && *message? ": ": "", message? message: "");
    else
        snprintf (text, sizeof text, "%s", fcj_state_name (state));
    json_decref (ask);
    json_t *string = json_string (text);
    return string? string: json_string (fcj_state_name (state));
}

static json_t *s_updated (const fcj_record_t *record)
{
    static const char *const FIELDS[] = { "submitted", "leased", "started",
                                          "finished" };
    int64_t latest = 0;
    for (size_t n = 0; n < 4; n++) {
        int64_t at = fcj_record_int (record, FIELDS[n], 0);
        latest = at > latest? at: latest;
    }
    json_t *time = fcj_view_time (latest);
    return time? time: json_string ("1970-01-01T00:00:00.000Z");
}

/*  Of a finished one the whole life; of another at least this long. */
static int64_t s_ttl_ms (const fcj_record_t *record)
{
    int64_t submitted = fcj_record_int (record, "submitted", 0);
    int64_t finished = fcj_record_int (record, "finished", submitted);
    int64_t kept = 1000 * fcj_record_int (record, "retention_s",
                                          FCJ_RETENTION_S);
    return kept + (finished > submitted? finished - submitted: 0);
}

static void s_add_outcome (fcj_front_t *front, const fcj_record_t *record,
                           const char *version, json_t *task)
{
    json_t *error = NULL, *requests = fcj_task_requests (front, record);
    if (requests)
        json_object_set_new (task, "inputRequests", requests);
    fcj_state_t state = fcj_record_state (record);
    if (state != FCJ_COMPLETED && state != FCJ_FAILED)
        return;
    json_t *result = fcj_task_result (front, record, version, &error);
    if (result) {
        json_object_set_new (result, "resultType", json_string ("complete"));
        json_object_set_new (task, "result", result);
    }
    if (error)
        json_object_set_new (task, "error", error);
}

json_t *fcj_task_view (fcj_front_t *front, const fcj_record_t *record,
                       const char *version, bool whole)
{
    bool legacy = strcmp (version, FCJ_MCP_MODERN) < 0;
    json_t *created = fcj_view_time (fcj_record_int (record, "submitted",
                                                     1));
    json_t *task = json_pack (
        "{s:s,s:s,s:o,s:o,s:o,s:I,s:I}",
        "taskId", fcj_record_str (record, "id", NULL),
        "status", s_status (record, legacy),
        "statusMessage", s_message (record),
        "createdAt", created, "lastUpdatedAt", s_updated (record),
        legacy? "ttl": "ttlMs", (json_int_t) s_ttl_ms (record),
        legacy? "pollInterval": "pollIntervalMs",
        (json_int_t) fcj_view_poll_ms (record));
    if (whole && !legacy)
        s_add_outcome (front, record, version, task);
    return task;
}

json_t *fcj_task_of (fcj_front_t *front, const char *job, const char *owner,
                     const char *version)
{
    fcj_error_t error;
    fcj_record_t *record = front->store
        ? fcj_store_get (front->store, job, owner, &error): NULL;
    json_t *task = record? fcj_task_view (front, record, version, true)
                         : NULL;
    fcj_record_destroy (&record);
    return task;
}

void fcj_task_answer (fcj_call_t *call, const char *job)
{
    fcj_record_t *record = fcj_tool_record (call, job);
    if (!record)
        return;
    json_t *task = fcj_task_view (call->front, record, call->version, false);
    fcj_record_destroy (&record);
    if (call->modern) {
        json_object_set_new (task, "resultType", json_string ("task"));
        fcj_call_result (call, task);
        return;
    }
    char what[FCJ_ID_LEN + 8];
    snprintf (what, sizeof what, "task:%s", job);
    if (call->session)          /* its status is told on the GET stream */
        fcj_session_want (call->session, what, true);
    fcj_call_result (call, json_pack ("{s:o}", "task", task));
}
