/*  contents.c - tools that answer at once, or in three steps. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fixtures.h"
#include "mcp-frontend/news/interest.h"
#include "mcp-frontend/session/stream.h"

#define STEP_MS 50

void fixture_answer (fcj_call_t *call, json_t *content, bool is_error)
{
    json_t *result = json_pack ("{s:o}", "content", content);
    if (is_error)
        json_object_set_new (result, "isError", json_true ());
    fcj_call_result (call, result);
}

void fixture_say (fcj_call_t *call, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    fixture_answer (call, json_pack ("[{s:s,s:s}]", "type", "text", "text",
                                     text), false);
}

/* ---- At once ----------------------------------------------------------- */

static void s_text (fcj_call_t *call, const json_t *args)
{
    (void) args;
    fixture_say (call, "This is a simple text response for testing.");
}

static json_t *s_image (void)
{
    return json_pack ("{s:s,s:s,s:s}", "type", "image", "data",
                      FIXTURE_IMAGE, "mimeType", "image/png");
}

static void s_image_content (fcj_call_t *call, const json_t *args)
{
    (void) args;
    fixture_answer (call, json_pack ("[o]", s_image ()), false);
}

static void s_audio_content (fcj_call_t *call, const json_t *args)
{
    (void) args;
    fixture_answer (call, json_pack ("[{s:s,s:s,s:s}]", "type", "audio",
        "data", FIXTURE_AUDIO, "mimeType", "audio/wav"), false);
}

static json_t *s_resource (const char *uri, const char *type,
                           const char *text)
{
    return json_pack ("{s:s,s:{s:s,s:s,s:s}}", "type", "resource",
                      "resource", "uri", uri, "mimeType", type, "text",
                      text);
}

static void s_embedded (fcj_call_t *call, const json_t *args)
{
    (void) args;
    fixture_answer (call, json_pack ("[o]", s_resource (
        "test://embedded-resource", "text/plain",
        "This is an embedded resource content.")), false);
}

static void s_multiple (fcj_call_t *call, const json_t *args)
{
    (void) args;
    fixture_answer (call, json_pack ("[{s:s,s:s},o,o]", "type", "text",
        "text", "Multiple content types test:", s_image (), s_resource (
            "test://mixed-content-resource", "application/json",
            "{\"test\":\"data\",\"value\":123}")), false);
}

static void s_error (fcj_call_t *call, const json_t *args)
{
    (void) args;
    fixture_answer (call, json_pack ("[{s:s,s:s}]", "type", "text", "text",
        "This tool intentionally returns an error for testing"), true);
}

static void s_echo (fcj_call_t *call, const json_t *args)
{
    char *text = json_dumps (args, JSON_COMPACT);
    fixture_say (call, "called with: %s", text? text: "{}");
    free (text);
}

static void s_greet (fcj_call_t *call, const json_t *args)
{
    fixture_say (call, "Hello, %s!", json_string_value (
        json_object_get (args, "name")));
}

static void s_change_tools (fcj_call_t *call, const json_t *args)
{
    (void) args;
    fcj_interest_list_changed (call->front, FCJ_LIST_TOOLS);
    fixture_say (call, "The tools have changed.");
}

static void s_change_prompts (fcj_call_t *call, const json_t *args)
{
    (void) args;
    fcj_interest_list_changed (call->front, FCJ_LIST_PROMPTS);
    fixture_say (call, "The prompts have changed.");
}

/* ---- In steps ---------------------------------------------------------- */

static int s_count (fcj_call_t *call)
{
    int count = (int) json_integer_value (call->kept);
    json_decref (call->kept);
    call->kept = json_integer (count + 1);
    return count;
}

static void s_next (fcj_call_t *call, int64_t now)
{
    call->deadline = now + STEP_MS;
}

static void s_log_step (fcj_call_t *call, const fcj_map_t *event,
                        int64_t now)
{
    static const char *const SAID[] = { "Tool execution started",
        "Tool processing data", "Tool execution completed" };
    int count = s_count (call);
    (void) event;
    if (count < 3) {
        fcj_call_say (call, FCJ_SAY_INFO, json_string (SAID[count]));
        s_next (call, now);
    }
    else
        fixture_say (call, "Tool with logging executed successfully");
}

static void s_logging (fcj_call_t *call, const json_t *args)
{
    (void) args;
    fcj_call_wait (call, NULL, 0, 0, s_log_step);
}

static void s_progress_step (fcj_call_t *call, const fcj_map_t *event,
                             int64_t now)
{
    int count = s_count (call);
    (void) event;
    if (count < 3) {
        call->progress_at = 0;  /* the suite's steps are faster than ours */
        fcj_call_progress (call, 50 * count, 100, "working");
        s_next (call, now);
    }
    else
        fixture_say (call, "Tool with progress executed successfully");
}

static void s_progress (fcj_call_t *call, const json_t *args)
{
    (void) args;
    fcj_call_wait (call, NULL, 0, 0, s_progress_step);
}

static void s_reconnect_step (fcj_call_t *call, const fcj_map_t *event,
                              int64_t now)
{
    (void) event;
    (void) now;
    fixture_say (call, "The client came back for this after its connection"
                       " was closed.");
}

static void s_reconnection (fcj_call_t *call, const json_t *args)
{
    (void) args;
    fcj_call_wait (call, NULL, 300, 0, s_reconnect_step);
    fcj_stream_let_go (call);
}

fcj_tool_fn *fixture_content (const char *name)
{
    static const struct { const char *name; fcj_tool_fn *fn; } TOOLS[] = {
        { "test_simple_text", s_text },
        { "test_image_content", s_image_content },
        { "test_audio_content", s_audio_content },
        { "test_embedded_resource", s_embedded },
        { "test_multiple_content_types", s_multiple },
        { "test_error_handling", s_error },
        { "test_tool_with_logging", s_logging },
        { "test_logging_tool", s_logging },
        { "test_tool_with_progress", s_progress },
        { "test_reconnection", s_reconnection },
        { "test_header_argument", s_echo },
        { "json_schema_2020_12_tool", s_echo },
        { "test_trigger_tool_change", s_change_tools },
        { "test_trigger_prompt_change", s_change_prompts },
        { "greet", s_greet },
    };
    for (size_t n = 0; n < sizeof TOOLS / sizeof *TOOLS; n++)
        if (!strcmp (TOOLS[n].name, name))
            return TOOLS[n].fn;
    return NULL;
}
