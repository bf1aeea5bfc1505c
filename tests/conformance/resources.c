/*  resources.c - resources, prompts and completion. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fixtures.h"
#include "mcp-frontend/protocol/ask.h"

#define TEMPLATE "test://template/"

static json_t *s_text (const char *uri, const char *type, json_t *text)
{
    return json_pack ("[{s:s,s:s,s:o}]", "uri", uri, "mimeType", type,
                      "text", text);
}

static json_t *s_from_template (const char *uri)
{
    const char *id = uri + strlen (TEMPLATE), *end = strchr (id, '/');
    if (!end || strcmp (end, "/data") != 0)
        return NULL;
    json_t *data = json_pack ("{s:s%,s:b,s:o}", "id", id, (size_t) (end - id),
        "templateTest", 1, "data", json_sprintf ("Data for ID: %.*s",
                                                 (int) (end - id), id));
    char *text = json_dumps (data, JSON_COMPACT);
    json_t *contents = s_text (uri, "application/json", json_string (text));
    free (text);
    json_decref (data);
    return contents;
}

json_t *fixture_read (const char *uri)
{
    if (!strcmp (uri, "test://static-text"))
        return s_text (uri, "text/plain", json_string (
            "This is the content of the static text resource."));
    if (!strcmp (uri, "test://static-binary"))
        return json_pack ("[{s:s,s:s,s:s}]", "uri", uri, "mimeType",
                          "image/png", "blob", FIXTURE_IMAGE);
    if (!strcmp (uri, "test://watched-resource"))
        return s_text (uri, "text/plain", json_string (
            "Watched resource content"));
    return !strncmp (uri, TEMPLATE, strlen (TEMPLATE))
        ? s_from_template (uri): NULL;
}

/* ---- Prompts ----------------------------------------------------------- */

static json_t *s_message (json_t *content)
{
    return json_pack ("{s:s,s:o}", "role", "user", "content", content);
}

static json_t *s_said (const char *text)
{
    return s_message (json_pack ("{s:s,s:s}", "type", "text", "text", text));
}

static void s_answer (fcj_call_t *call, json_t *messages)
{
    fcj_call_result (call, json_pack ("{s:o}", "messages", messages));
}

static const char *s_arg (const fcj_call_t *call, const char *name)
{
    const char *text = json_string_value (json_object_get (json_object_get (
        call->params, "arguments"), name));
    return text? text: "";
}

static void s_asks (fcj_call_t *call)
{
    const json_t *answer = fcj_ask_answer (call, "user_context");
    if (answer)
        s_answer (call, json_pack ("[o]", s_said (
            "The context that was given is taken into account.")));
    else
        fcj_ask (call, json_pack ("{s:o}", "user_context", fcj_ask_form (
            "What context should the prompt use?", json_pack (
                "{s:s,s:{s:{s:s}},s:[s]}", "type", "object", "properties",
                "context", "type", "string", "required", "context"))),
            NULL, "");
}

bool fixture_prompt (fcj_call_t *call, const char *name)
{
    char text[600];
    if (!strcmp (name, "test_simple_prompt"))
        s_answer (call, json_pack ("[o]", s_said (
            "This is a simple prompt for testing.")));
    else if (!strcmp (name, "test_prompt_with_arguments")) {
        snprintf (text, sizeof text, "Prompt with arguments: arg1='%.200s',"
                  " arg2='%.200s'", s_arg (call, "arg1"),
                  s_arg (call, "arg2"));
        s_answer (call, json_pack ("[o]", s_said (text)));
    }
    else if (!strcmp (name, "test_prompt_with_embedded_resource"))
        s_answer (call, json_pack ("[o,o]", s_message (json_pack (
            "{s:s,s:{s:s,s:s,s:s}}", "type", "resource", "resource", "uri",
            s_arg (call, "resourceUri"), "mimeType", "text/plain", "text",
            "Embedded resource content for testing.")), s_said (
                "Please process the embedded resource above.")));
    else if (!strcmp (name, "test_prompt_with_image"))
        s_answer (call, json_pack ("[o,o]", s_message (json_pack (
            "{s:s,s:s,s:s}", "type", "image", "data", FIXTURE_IMAGE,
            "mimeType", "image/png")), s_said (
                "Please analyze the image above.")));
    else if (!strcmp (name, "test_input_required_result_prompt"))
        s_asks (call);
    else
        return false;
    return true;
}

bool fixture_complete (fcj_call_t *call, const json_t *ref)
{
    const char *name = json_string_value (json_object_get (ref, "name"));
    if (!name || strcmp (name, "test_prompt_with_arguments") != 0)
        return false;
    fcj_call_result (call, json_pack ("{s:{s:[s,s],s:i,s:b}}", "completion",
        "values", "paris", "park", "total", 2, "hasMore", 0));
    return true;
}
