/*  call.c - a call's life: made from a message, perhaps waiting, answered
 *  once. The differences between the eras in an answer live here, so that no
 *  handler has to know them.  */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "front.h"

#define PROGRESS_MIN_STEP 1e-6

static void s_destroy (fcj_call_t *call)
{
    fcj_call_unwait (call);
    if (call->front->client)
        fcj_client_forget (call->front->client, call);
    call->front->live--;
    json_decref (call->tool);
    json_decref (call->kept);
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
    call->sink = *sink;
    call->root = root;
    call->progress = -1;
    snprintf (call->owner, sizeof call->owner, "%s", owner);
    return call;
}

/* ---- Answers ----------------------------------------------------------- */

static char *s_text (json_t *message, size_t *size)
{
    char *text = json_dumps (message, JSON_COMPACT);
    json_decref (message);
    *size = text? strlen (text): 0;
    return text;
}

static void s_send (fcj_call_t *call, int status, json_t *message)
{
    size_t size = 0;
    char *text = NULL;
    if (call->id)
        text = s_text (message, &size);
    else
        json_decref (message);  /* a notification is never answered */
    fcj_sink_t sink = call->sink;
    s_destroy (call);
    sink.answer (sink.arg, status, text, size);
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

void fcj_call_cacheable (fcj_call_t *call, json_t *result, int64_t ttl_ms,
                         bool shared)
{
    if (call->modern) {
        json_object_set_new (result, "ttlMs", json_integer (ttl_ms));
        json_object_set_new (result, "cacheScope",
                             json_string (shared? "public": "private"));
    }
    fcj_call_result (call, result);
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
    return s_text (root, size);
}

void fcj_call_error (fcj_call_t *call, int code, int status, json_t *data,
                     const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start (args, format);
    vsnprintf (message, sizeof message, format, args);
    va_end (args);
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

/* ---- Answers of tools -------------------------------------------------- */

/*  Content types that an older client does not know become text. */
static void s_add_links (fcj_call_t *call, json_t *content, json_t *links)
{
    size_t n;
    json_t *link;
    bool known = strcmp (call->version, "2025-06-18") >= 0;
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

void fcj_call_tool (fcj_call_t *call, const char *text, json_t *structured,
                    json_t *links, bool is_error)
{
    json_t *content = json_array ();
    json_t *block = json_pack ("{s:s,s:s}", "type", "text", "text",
                               text? text: "");
    if (!block)
        block = json_pack ("{s:s,s:s}", "type", "text", "text",
                           "(text that is not UTF-8)");
    json_array_append_new (content, block);
    if (structured) {
        char *dump = json_dumps (structured, JSON_COMPACT);
        if (dump)
            json_array_append_new (content, json_pack (
                "{s:s,s:s}", "type", "text", "text", dump));
        free (dump);
    }
    s_add_links (call, content, links);
    json_t *result = json_pack ("{s:o}", "content", content);
    if (structured)
        json_object_set_new (result, "structuredContent", structured);
    if (is_error)
        json_object_set_new (result, "isError", json_true ());
    fcj_call_result (call, result);
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
    fcj_call_tool_error (call, &error);
}

void fcj_call_progress (fcj_call_t *call, double fraction,
                        const char *message)
{
    if (!call->token || !call->sink.streams
        || fraction < call->progress + PROGRESS_MIN_STEP)
        return;
    call->progress = fraction;
    json_t *params = json_pack ("{s:O,s:f,s:f}", "progressToken",
                                call->token, "progress", fraction,
                                "total", 1.0);
    if (message && *message
        && strcmp (call->version, FCJ_MCP_DEFAULT) >= 0)
        json_object_set_new (params, "message", json_string (message));
    size_t size;
    char *text = s_text (json_pack (
        "{s:s,s:s,s:o}", "jsonrpc", "2.0", "method",
        "notifications/progress", "params", params), &size);
    call->sink.notify (call->sink.arg, text, size);
}

/* ---- Waiting ----------------------------------------------------------- */

static bool s_watched (const fcj_front_t *front, const char *job)
{
    const fcj_call_t *other;
    TAILQ_FOREACH (other, &front->calls, next)
        if (strcmp (other->job, job) == 0)
            return true;
    return false;
}

void fcj_call_wait (fcj_call_t *call, const char *job, int64_t wait_ms,
                    int64_t reread_ms, fcj_call_step_fn *step)
{
    fcj_front_t *front = call->front;
    fcj_call_unwait (call);
    call->deadline = fcj_mono_ms () + wait_ms;
    call->reread = reread_ms? fcj_mono_ms () + reread_ms: 0;
    call->step = step;
    if (job) {
        if (!s_watched (front, job) && front->client)
            fcj_client_watch (front->client, job);
        snprintf (call->job, sizeof call->job, "%s", job);
    }
    TAILQ_INSERT_TAIL (&front->calls, call, next);
    front->waiting++;
}

void fcj_call_unwait (fcj_call_t *call)
{
    if (!call->step)
        return;
    fcj_front_t *front = call->front;
    TAILQ_REMOVE (&front->calls, call, next);
    front->waiting--;
    call->step = NULL;
    if (*call->job && front->client && !s_watched (front, call->job))
        fcj_client_unwatch (front->client, call->job);
    *call->job = 0;
}

void fcj_call_abandon (fcj_call_t *call)
{
    s_destroy (call);
}
