/*  call.c - a call's life: made from a message, perhaps waiting, answered
 *  once. The differences between the eras in an answer live here, so that no
 *  handler has to know them.  */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "protocol/ask.h"
#include "front.h"
#include "methods/handlers.h"
#include "news/interest.h"
#include "transport/render.h"
#include "session/session.h"
#include "news/watch.h"
#include "../jobs/json.h"
#include "../jobs/utf8.h"

#define PROGRESS_MIN_STEP 1e-6

static void s_destroy (fcj_call_t *call)
{
    fcj_front_t *front = call->front;
    fcj_call_unwait (call);
    fcj_lookup_destroy (&call->lookup);
    fcj_interest_destroy (&call->interest);
    fcj_ask_forget (call);
    if (front->client)
        fcj_client_forget (front->client, call);
    fcj_session_forget (front, call);
    TAILQ_REMOVE (&front->everyone, call, all);
    front->live--;
    fcj_session_release (&call->session);
    json_decref (call->capabilities);
    json_decref (call->answers);
    json_decref (call->state);
    json_decref (call->tool);
    json_decref (call->kept);
    json_decref (call->live);
    json_decref (call->root);
    free (call);
}

fcj_call_t *fcj_call_new (fcj_front_t *front, const fcj_sink_t *sink,
                          const char *owner, json_t *root)
{
    fcj_call_t *call = calloc (1, sizeof *call);
    if (!call)
        abort ();               /* out of memory: nothing can be answered */
    call->front = front;
    front->live++;
    TAILQ_INSERT_TAIL (&front->everyone, call, all);
    call->sink = *sink;
    call->root = root;
    call->progress = -1;
    call->level = FCJ_SAY_NOTHING;
    call->wait_ms = -1;
    snprintf (call->owner, sizeof call->owner, "%s", owner);
    return call;
}

/* ---- Answers ----------------------------------------------------------- */

char *fcj_call_text (json_t *message, size_t *size)
{
    char *text = fcj_json_dumps (message, JSON_COMPACT);
    json_decref (message);
    *size = text? strlen (text): 0;
    return text;
}

static void s_send_text (fcj_call_t *call, int status, char *text,
                         size_t size)
{
    fcj_sink_t sink = call->sink;
    s_destroy (call);
    sink.answer (sink.arg, status, text, size);
}

static void s_send (fcj_call_t *call, int status, json_t *message)
{
    size_t size = 0;
    char *text = NULL;
    if (call->id)
        text = fcj_call_text (message, &size);
    else
        json_decref (message);  /* a notification is never answered */
    s_send_text (call, status, text, size);
}

static void s_set_server_info (json_t *result)
{
    json_t *meta = json_object_get (result, "_meta");
    if (!meta) {
        meta = json_object ();
        json_object_set_new (result, "_meta", meta);
    }
    json_object_set_new (meta, "io.modelcontextprotocol/serverInfo",
                         json_pack ("{s:s,s:s}", "name", "freecad-jobs",
                                    "version", FCJ_VERSION));
}

void fcj_call_result (fcj_call_t *call, json_t *result)
{
    if (call->modern) {
        if (!json_object_get (result, "resultType"))
            json_object_set_new (result, "resultType",
                                 json_string ("complete"));
        s_set_server_info (result);
    }
    if (!call->id) {
        json_decref (result);
        result = json_null ();
    }
    s_send (call, 200, json_pack ("{s:s,s:O?,s:o}", "jsonrpc", "2.0",
                                  "id", call->id, "result", result));
}

static void s_hint (fcj_call_t *call, json_t *result, int64_t ttl_ms,
                    bool shared)
{
    if (!call->modern)
        return;
    json_object_set_new (result, "ttlMs", json_integer (ttl_ms));
    json_object_set_new (result, "cacheScope",
                         json_string (shared? "public": "private"));
}

void fcj_call_cacheable (fcj_call_t *call, json_t *result, int64_t ttl_ms,
                         bool shared)
{
    s_hint (call, result, ttl_ms, shared);
    fcj_call_result (call, result);
}

/*  The message ends with the braces of result and of itself: before them
 *  there is room for a member. */
void fcj_call_cacheable_text (fcj_call_t *call, json_t *result,
                              int64_t ttl_ms, bool shared, const char *name,
                              const char *text)
{
    s_hint (call, result, ttl_ms, shared);
    if (call->modern) {
        json_object_set_new (result, "resultType", json_string ("complete"));
        s_set_server_info (result);
    }
    const char *comma = json_object_size (result)? ",": "";
    size_t size = 0;
    char *head = fcj_call_text (json_pack (
        "{s:s,s:O?,s:o}", "jsonrpc", "2.0", "id", call->id, "result",
        result), &size), *whole = NULL;
    int length = head && size > 2? asprintf (
        &whole, "%.*s%s\"%s\":%s}}", (int) size - 2, head, comma, name,
        text): -1;
    free (head);
    if (length < 0)
        abort ();               /* out of memory */
    s_send_text (call, 200, whole, (size_t) length);
}

char *fcj_call_error_text (json_t *id, int code, const char *message,
                           json_t *data, size_t *size)
{
    json_t *error = json_pack ("{s:i,s:s}", "code", code,
                               "message", message);
    if (!error)                 /* the text was no UTF-8 */
        error = json_pack ("{s:i,s:s}", "code", code, "message", "Error");
    if (data)
        json_object_set_new (error, "data", data);
    json_t *root = json_pack ("{s:s,s:o}", "jsonrpc", "2.0", "error", error);
    if (id)
        json_object_set (root, "id", id);
    return fcj_call_text (root, size);
}

void fcj_call_error (fcj_call_t *call, int code, int status, json_t *data,
                     const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start (args, format);
    vsnprintf (message, sizeof message, format, args);
    va_end (args);
    fcj_utf8_mend (message);
    size_t size = 0;
    char *text = NULL;
    if (call->id)
        text = fcj_call_error_text (call->id, code, message, data, &size);
    else
        json_decref (data);
    fcj_sink_t sink = call->sink;
    s_destroy (call);
    sink.answer (sink.arg, status, text, size);
}

void fcj_call_lacks (fcj_call_t *call, json_t *required, const char *text)
{
    fcj_call_error (call, FCJ_RPC_CAPABILITY, 400, json_pack (
        "{s:o}", "requiredCapabilities", required), "%s", text);
}

/* ---- Answers of tools -------------------------------------------------- */

/*  Content types that an older client does not know become text. */
static void s_add_links (const char *version, json_t *content,
                         json_t *links)
{
    size_t n;
    json_t *link;
    bool known = strcmp (version, "2025-06-18") >= 0;
    json_array_foreach (links, n, link) {
        if (known || !json_object_get (link, "uri")) {
            json_array_append (content, link);
            continue;
        }
        const char *uri = json_string_value (json_object_get (link, "uri"));
        json_array_append_new (content, json_pack (
            "{s:s,s:s+}", "type", "text", "text", "Resource: ",
            uri? uri: ""));
    }
    json_decref (links);
}

json_t *fcj_call_tool_result (const char *version, const char *text,
                              json_t *structured, json_t *links,
                              bool is_error)
{
    json_t *content = json_array ();
    json_t *block = json_pack ("{s:s,s:s}", "type", "text", "text",
                               text? text: "");
    if (!block)
        block = json_pack ("{s:s,s:s}", "type", "text", "text",
                           "(text that is not UTF-8)");
    json_array_append_new (content, block);
    if (structured) {
        char *dump = fcj_json_dumps (structured, JSON_COMPACT);
        if (dump)
            json_array_append_new (content, json_pack (
                "{s:s,s:s}", "type", "text", "text", dump));
        free (dump);
    }
    s_add_links (version, content, links);
    json_t *result = json_pack ("{s:o}", "content", content);
    if (structured)
        json_object_set_new (result, "structuredContent", structured);
    if (is_error)
        json_object_set_new (result, "isError", json_true ());
    return result;
}

void fcj_call_tool (fcj_call_t *call, const char *text, json_t *structured,
                    json_t *links, bool is_error)
{
    size_t size = 0;
    char *whole = structured && call->id && !is_error
        && json_array_size (links) == 0
        ? fcj_render_tool (call, text, structured, &size): NULL;
    if (whole) {
        json_decref (structured);
        json_decref (links);
        s_send_text (call, 200, whole, size);
        return;
    }
    fcj_call_result (call, fcj_call_tool_result (
        call->version, text, structured, links, is_error));
}

void fcj_call_tool_error (fcj_call_t *call, const fcj_error_t *error)
{
    char text[1024];
    snprintf (text, sizeof text, "%s: %s%s", fcj_reason_name (error->reason),
              error->text, error->retryable? " (Try again in a moment.)": "");
    fcj_call_tool (call, text, NULL, NULL, true);
}

void fcj_call_tool_fail (fcj_call_t *call, fcj_reason_t reason,
                         const char *format, ...)
{
    fcj_error_t error = { reason, false, "" };
    va_list args;
    va_start (args, format);
    vsnprintf (error.text, sizeof error.text, format, args);
    va_end (args);
    fcj_utf8_mend (error.text);
    fcj_call_tool_error (call, &error);
}

/* ---- While it is open -------------------------------------------------- */

void fcj_call_tell (fcj_call_t *call, const char *id, const char *method,
                    json_t *params)
{
    size_t size;
    if (!call->sink.streams) {
        json_decref (params);
        return;
    }
    if (!strcmp (call->method, "tasks/result"))
        json_object_set_new (params, "_meta", json_pack (
            "{s:{s:O}}", FCJ_MCP_RELATED, "taskId",
            json_object_get (call->params, "taskId")));
    char *text = fcj_call_text (json_pack (
        "{s:s,s:s*,s:s,s:o*}", "jsonrpc", "2.0", "id", id, "method", method,
        "params", params), &size);
    if (text)
        call->sink.notify (call->sink.arg, NULL, text, size);
}

static void s_progress (fcj_call_t *call, double progress, double total,
                        const char *message)
{
    call->progress = progress;
    call->progress_at = fcj_mono_ms ();
    json_t *params = json_pack ("{s:O,s:f}", "progressToken", call->token,
                                "progress", progress);
    if (total > 0)
        json_object_set_new (params, "total", json_real (total));
    if (message && *message
        && strcmp (call->version, FCJ_MCP_DEFAULT) >= 0) {
        json_t *text = json_string (message);
        if (text)
            json_object_set_new (params, "message", text);
    }
    fcj_call_tell (call, NULL, "notifications/progress", params);
}

void fcj_call_progress (fcj_call_t *call, double progress, double total,
                        const char *message)
{
    if (!call->token || !call->sink.streams
        || progress < call->progress + PROGRESS_MIN_STEP)
        return;
    bool last = total > 0 && progress >= total;
    if (call->progress >= 0 && !last
        && fcj_mono_ms () - call->progress_at < FCJ_PROGRESS_MS)
        return;
    s_progress (call, progress, total, message);
}

void fcj_call_alive (fcj_call_t *call, const char *message)
{
    if (!call->token || !call->sink.streams
        || fcj_mono_ms () - call->progress_at < FCJ_MCP_ALIVE_MS)
        return;
    double next = call->progress < 0? 0: call->progress + PROGRESS_MIN_STEP;
    s_progress (call, next, next > 1? 0: 1, message);   /* never over total */
}

void fcj_call_say (fcj_call_t *call, fcj_say_t level, json_t *data)
{
    if (level < call->level || level >= FCJ_SAY_NOTHING) {
        json_decref (data);
        return;
    }
    fcj_call_tell (call, NULL, "notifications/message", json_pack (
        "{s:s,s:s,s:o}", "level", fcj_say_name (level), "logger",
        "freecad-jobs", "data", data));
}

/* ---- Waiting ----------------------------------------------------------- */

static void s_event (void *arg, const char *job, const fcj_map_t *event)
{
    fcj_call_t *call = arg;
    (void) job;
    if (call->step)
        call->step (call, event, fcj_mono_ms ());
}

void fcj_call_wait (fcj_call_t *call, const char *job, int64_t wait_ms,
                    int64_t reread_ms, fcj_call_step_fn *step)
{
    fcj_front_t *front = call->front;
    fcj_id_t watched = "";
    if (job)
        snprintf (watched, sizeof watched, "%s", job);
    fcj_call_unwait (call);
    call->deadline = fcj_mono_ms () + wait_ms;
    call->reread = reread_ms? fcj_mono_ms () + reread_ms: 0;
    call->step = step;
    if (*watched) {
        call->watch = fcj_watch_new (front, watched, s_event, call);
        memcpy (call->job, watched, sizeof watched);
    }
    TAILQ_INSERT_TAIL (&front->calls, call, next);
    front->waiting++;
}

void fcj_call_unwait (fcj_call_t *call)
{
    fcj_front_t *front = call->front;
    if (!call->step)
        return;
    if (front->at == call)      /* the tick goes on behind it */
        front->at = TAILQ_NEXT (call, next);
    TAILQ_REMOVE (&front->calls, call, next);
    front->waiting--;
    call->step = NULL;
    fcj_watch_destroy (&call->watch);
    *call->job = 0;
}

void fcj_call_abandon (fcj_call_t *call)
{
    s_destroy (call);
}

void fcj_call_cancel (fcj_call_t *call)
{
    if (call->owns_job && *call->job)
        fcj_tool_cancel_job (call->front, call->job, call->owner);
    if (*call->pending)         /* the broker reads them in this order */
        fcj_tool_cancel_job (call->front, call->pending, call->owner);
    s_destroy (call);
}
