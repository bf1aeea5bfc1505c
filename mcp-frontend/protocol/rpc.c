/*  rpc.c - bytes to one JSON value. The depth is counted before jansson
 *  sees the text, because its own limit (2048) is far deeper than what a
 *  handler should walk through.  */

#include <stdio.h>
#include <string.h>
#include "../call.h"
#include "rpc.h"

/*  The deepest nesting outside of strings. */
static int s_depth (const char *bytes, size_t size)
{
    int depth = 0, deepest = 0;
    bool in_string = false;
    for (size_t n = 0; n < size; n++) {
        char c = bytes[n];
        if (in_string) {
            if (c == '\\')
                n++;
            else if (c == '"')
                in_string = false;
        }
        else if (c == '"')
            in_string = true;
        else if (c == '{' || c == '[') {
            if (++depth > deepest)
                deepest = depth;
        }
        else if (c == '}' || c == ']')
            depth--;
    }
    return deepest;
}

/* ------------------------------------------------------------------------ */

void fcj_rpc_too_long (char why[256])
{
    snprintf (why, 256, "The message has more than the %d bytes"
              " allowed. Send less code, or pass data by reference"
              " (a job's artifact, a file below a workspace root).",
              FCJ_REQUEST_MAX);
}

json_t *fcj_rpc_parse (const char *bytes, size_t size, int *code,
                       char why[256])
{
    *code = FCJ_RPC_REQUEST;
    if (size > FCJ_REQUEST_MAX) {
        fcj_rpc_too_long (why);
        return NULL;
    }
    *code = FCJ_RPC_PARSE;
    if (memchr (bytes, 0, size)) {
        snprintf (why, 256, "Parse error: a NUL byte in the message");
        return NULL;
    }
    if (s_depth (bytes, size) > FCJ_JSON_DEPTH_MAX) {
        *code = FCJ_RPC_REQUEST;
        snprintf (why, 256, "The message is nested more than %d levels deep;"
                  " make it flatter", FCJ_JSON_DEPTH_MAX);
        return NULL;
    }
    json_error_t error;
    json_t *value = json_loadb (bytes, size, JSON_REJECT_DUPLICATES
                                | JSON_DECODE_ANY, &error);
    if (!value && strstr (error.text, "JSON_ALLOW_NUL"))
        snprintf (why, 256, "Parse error: a NUL character (\\u0000) in a"
                  " string (byte %d): leave it out", error.position);
    else if (!value)
        snprintf (why, 256, "Parse error: %.180s (byte %d)", error.text,
                  error.position);
    return value;
}

int fcj_rpc_is_id (const json_t *value)
{
    return json_is_string (value) || json_is_integer (value);
}

static int s_check_response (const json_t *message, char why[256])
{
    bool result = json_is_object (json_object_get (message, "result"));
    bool error = json_is_object (json_object_get (message, "error"));
    if (result != error && fcj_rpc_is_id (json_object_get (message, "id")))
        return 0;
    snprintf (why, 256, "A response has an 'id' and either 'result' or"
              " 'error', an object");
    return -1;
}

int fcj_rpc_check (const json_t *message, char why[256])
{
    const char *version = json_string_value (
        json_object_get (message, "jsonrpc"));
    const json_t *id = json_object_get (message, "id");
    const json_t *params = json_object_get (message, "params");
    const json_t *method = json_object_get (message, "method");
    if (!json_is_object (message))
        snprintf (why, 256, "A message is a JSON object");
    else if (!version || strcmp (version, "2.0") != 0)
        snprintf (why, 256, "'jsonrpc' must be \"2.0\"");
    else if (!method && (json_object_get (message, "result")
                         || json_object_get (message, "error")))
        return s_check_response (message, why);
    else if (!json_is_string (method))
        snprintf (why, 256, "'method' must be a string");
    else if (id && !fcj_rpc_is_id (id))
        snprintf (why, 256, "'id' must be a string or an integer");
    else if (params && !json_is_object (params))
        snprintf (why, 256, "'params' must be an object");
    else
        return 0;
    return -1;
}
