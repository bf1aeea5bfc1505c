/*  asking.c - tools and a prompt that ask their client something. One text
 *  serves both eras: ask.h sees to the difference.  */

#include <stdlib.h>
#include <string.h>
#include "fixtures.h"
#include "mcp-frontend/protocol/ask.h"

#define ELICIT   "elicitation/create"
#define SAMPLE   "sampling/createMessage"

static json_t *s_form (const char *message, const char *field,
                       const char *type)
{
    return fcj_ask_form (message, json_pack (
        "{s:s,s:{s:{s:s}},s:[s]}", "type", "object", "properties", field,
        "type", type, "required", field));
}

static json_t *s_sample (const char *prompt, int most)
{
    return json_pack ("{s:s,s:{s:[{s:s,s:{s:s,s:s}}],s:i}}", "method",
                      SAMPLE, "params", "messages", "role", "user",
                      "content", "type", "text", "text", prompt,
                      "maxTokens", most);
}

static json_t *s_roots (void)
{
    return json_pack ("{s:s,s:{}}", "method", "roots/list", "params");
}

static const char *s_content (const fcj_call_t *call, const char *key,
                              const char *field)
{
    return json_string_value (json_object_get (json_object_get (
        fcj_ask_answer (call, key), "content"), field));
}

/*  -1: the client can not be asked, and was told so. */
static int s_need (fcj_call_t *call, const char *method, const char *name)
{
    if (fcj_ask_can (call, method))
        return 0;
    if (call->modern)
        fcj_call_lacks (call, json_pack ("{s:{}}", name),
                        "The client must declare what this tool needs");
    else
        fcj_call_tool_fail (call, FCJ_INVALID, "the client did not declare"
                            " %s", name);
    return -1;
}

static void s_ask_one (fcj_call_t *call, const char *key, json_t *request,
                       json_t *state)
{
    fcj_ask (call, json_pack ("{s:o}", key, request), state, "");
}

/* ---- One question ------------------------------------------------------ */

static void s_elicitation_result (fcj_call_t *call, const json_t *args)
{
    const char *name = s_content (call, "user_name", "name");
    (void) args;
    if (name)
        fixture_say (call, "Hello, %s!", name);
    else if (s_need (call, ELICIT, "elicitation") == 0)
        s_ask_one (call, "user_name", s_form ("What is your name?", "name",
                                              "string"), NULL);
}

static void s_sampling_result (fcj_call_t *call, const json_t *args)
{
    const char *text = s_content (call, "capital_question", "text");
    (void) args;
    if (text)
        fixture_say (call, "The model says: %s", text);
    else if (s_need (call, SAMPLE, "sampling") == 0)
        s_ask_one (call, "capital_question", s_sample (
            "What is the capital of France?", 100), NULL);
}

static void s_roots_result (fcj_call_t *call, const json_t *args)
{
    const json_t *roots = json_object_get (fcj_ask_answer (
        call, "client_roots"), "roots");
    (void) args;
    if (roots) {
        char *text = json_dumps (roots, JSON_COMPACT);
        fixture_say (call, "Roots: %s", text? text: "");
        free (text);
    }
    else if (s_need (call, "roots/list", "roots") == 0)
        s_ask_one (call, "client_roots", s_roots (), NULL);
}

static void s_confirm_state (fcj_call_t *call, const json_t *args)
{
    (void) args;
    if (fcj_ask_answer (call, "confirm") && call->state)
        fixture_say (call, "state-ok");
    else if (s_need (call, ELICIT, "elicitation") == 0)
        s_ask_one (call, "confirm", s_form ("Please confirm", "ok",
                                            "boolean"),
                   json_pack ("{s:b}", "asked", 1));
}

static void s_multiple (fcj_call_t *call, const json_t *args)
{
    const char *name = s_content (call, "user_name", "name");
    (void) args;
    if (name && fcj_ask_answer (call, "greeting")
        && fcj_ask_answer (call, "client_roots"))
        fixture_say (call, "All three came, %s.", name);
    else if (s_need (call, ELICIT, "elicitation") == 0
             && s_need (call, SAMPLE, "sampling") == 0
             && s_need (call, "roots/list", "roots") == 0)
        fcj_ask (call, json_pack ("{s:o,s:o,s:o}", "user_name",
            s_form ("What is your name?", "name", "string"), "greeting",
            s_sample ("Generate a greeting", 50), "client_roots",
            s_roots ()), json_pack ("{s:b}", "asked", 1), "");
}

static void s_rounds (fcj_call_t *call, const json_t *args)
{
    const char *name = json_string_value (json_object_get (call->state,
                                                           "name"));
    const char *first = s_content (call, "step1", "name");
    const char *color = s_content (call, "step2", "color");
    (void) args;
    if (s_need (call, ELICIT, "elicitation") != 0)
        return;
    if (name && color)
        fixture_say (call, "%s likes %s.", name, color);
    else if (first || name)
        s_ask_one (call, "step2", s_form ("Step 2: What is your favorite"
            " color?", "color", "string"), json_pack (
                "{s:s}", "name", first? first: name));
    else
        s_ask_one (call, "step1", s_form ("Step 1: What is your name?",
            "name", "string"), json_pack ("{s:i}", "round", 1));
}

static void s_capabilities (fcj_call_t *call, const json_t *args)
{
    json_t *requests = json_object ();
    (void) args;
    if (fcj_ask_can (call, SAMPLE))
        json_object_set_new (requests, "sample", s_sample ("Say hello.",
                                                           50));
    if (fcj_ask_can (call, ELICIT))
        json_object_set_new (requests, "name", s_form (
            "What is your name?", "name", "string"));
    if (json_object_size (call->answers) || !json_object_size (requests)) {
        json_decref (requests);
        fixture_say (call, "Nothing more to ask.");
    }
    else
        fcj_ask (call, requests, NULL, "");
}

static void s_missing (fcj_call_t *call, const json_t *args)
{
    (void) args;
    if (s_need (call, SAMPLE, "sampling") == 0)
        fixture_say (call, "The client can sample.");
}

/* ---- The legacy suite's ------------------------------------------------ */

static void s_sampling (fcj_call_t *call, const json_t *args)
{
    const char *text = s_content (call, "sample", "text");
    if (text)
        fixture_say (call, "LLM response: %s", text);
    else if (s_need (call, SAMPLE, "sampling") == 0)
        s_ask_one (call, "sample", s_sample (json_string_value (
            json_object_get (args, "prompt")), 100), NULL);
}

static void s_tell_answer (fcj_call_t *call, const char *label)
{
    const json_t *answer = fcj_ask_answer (call, "form");
    json_t *content = json_object_get (answer, "content");
    char *text = content? json_dumps (content, JSON_COMPACT): NULL;
    fixture_say (call, "%s: action=%s, content=%s", label,
                 json_string_value (json_object_get (answer, "action")),
                 text? text: "{}");
    free (text);
}

static void s_elicit (fcj_call_t *call, const char *message,
                      const char *schema, const char *label)
{
    if (fcj_ask_answer (call, "form"))
        s_tell_answer (call, label);
    else if (s_need (call, ELICIT, "elicitation") == 0)
        s_ask_one (call, "form", fcj_ask_form (message, json_loads (
            schema, 0, NULL)), NULL);
}

static void s_elicitation (fcj_call_t *call, const json_t *args)
{
    s_elicit (call, json_string_value (json_object_get (args, "message")),
        "{\"type\":\"object\",\"properties\":{\"username\":{\"type\":"
        "\"string\",\"description\":\"User's name\"},\"email\":{\"type\":"
        "\"string\",\"description\":\"User's e-mail\"}},\"required\":"
        "[\"username\",\"email\"]}", "User response");
}

static void s_defaults (fcj_call_t *call, const json_t *args)
{
    (void) args;
    s_elicit (call, "Please review and update the form fields with defaults",
        "{\"type\":\"object\",\"properties\":{"
        "\"name\":{\"type\":\"string\",\"default\":\"John Doe\"},"
        "\"age\":{\"type\":\"integer\",\"default\":30},"
        "\"score\":{\"type\":\"number\",\"default\":95.5},"
        "\"status\":{\"type\":\"string\",\"enum\":[\"active\",\"inactive\","
        "\"pending\"],\"default\":\"active\"},"
        "\"verified\":{\"type\":\"boolean\",\"default\":true}},"
        "\"required\":[]}", "Elicitation completed");
}

static void s_enums (fcj_call_t *call, const json_t *args)
{
    (void) args;
    s_elicit (call, "Please select options from the enum fields",
        "{\"type\":\"object\",\"properties\":{"
        "\"untitledSingle\":{\"type\":\"string\",\"enum\":[\"option1\","
        "\"option2\",\"option3\"]},"
        "\"titledSingle\":{\"type\":\"string\",\"oneOf\":["
        "{\"const\":\"value1\",\"title\":\"First Option\"},"
        "{\"const\":\"value2\",\"title\":\"Second Option\"},"
        "{\"const\":\"value3\",\"title\":\"Third Option\"}]},"
        "\"legacyEnum\":{\"type\":\"string\",\"enum\":[\"opt1\",\"opt2\","
        "\"opt3\"],\"enumNames\":[\"Option One\",\"Option Two\","
        "\"Option Three\"]},"
        "\"untitledMulti\":{\"type\":\"array\",\"minItems\":1,"
        "\"maxItems\":3,\"items\":{\"type\":\"string\",\"enum\":"
        "[\"option1\",\"option2\",\"option3\"]}},"
        "\"titledMulti\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":3,"
        "\"items\":{\"anyOf\":["
        "{\"const\":\"value1\",\"title\":\"First Choice\"},"
        "{\"const\":\"value2\",\"title\":\"Second Choice\"},"
        "{\"const\":\"value3\",\"title\":\"Third Choice\"}]}}},"
        "\"required\":[]}", "Elicitation completed");
}

fcj_tool_fn *fixture_asking (const char *name)
{
    static const struct { const char *name; fcj_tool_fn *fn; } TOOLS[] = {
        { "test_input_required_result_elicitation", s_elicitation_result },
        { "test_streaming_elicitation", s_elicitation_result },
        { "test_input_required_result_sampling", s_sampling_result },
        { "test_input_required_result_list_roots", s_roots_result },
        { "test_input_required_result_request_state", s_confirm_state },
        { "test_input_required_result_tampered_state", s_confirm_state },
        { "test_input_required_result_multiple_inputs", s_multiple },
        { "test_input_required_result_multi_round", s_rounds },
        { "test_input_required_result_capabilities", s_capabilities },
        { "test_missing_capability", s_missing },
        { "test_sampling", s_sampling },
        { "test_elicitation", s_elicitation },
        { "test_elicitation_sep1034_defaults", s_defaults },
        { "test_elicitation_sep1330_enums", s_enums },
    };
    for (size_t n = 0; n < sizeof TOOLS / sizeof *TOOLS; n++)
        if (!strcmp (TOOLS[n].name, name))
            return TOOLS[n].fn;
    return NULL;
}
