/*  fuzz_ladder.c - headers and a body as they may come over HTTP: every pair
 *  is told an era or an error with a code and a status, on stdio, too.
 *
 *  Input: lines `Name: value`, an empty line, the body.  */

#include "mcp-frontend/protocol/era.h"
#include "mcp-frontend/front.h"
#include "mcp-frontend/protocol/rpc.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINES_MAX 64

/*  Cuts the head in place; the body, or NULL when there is none. */
static char *s_head (char *text, fcj_headers_t *headers)
{
    static const char *const NAMES[] = { "MCP-Protocol-Version",
        "Mcp-Method", "Mcp-Name", "Mcp-Session-Id", "Last-Event-ID" };
    const char **places[] = { &headers->version, &headers->method,
        &headers->name, &headers->session, &headers->last_event };
    for (int line = 0; line < LINES_MAX; line++) {
        char *end = strchr (text, '\n');
        if (!end || end == text)
            return end? end + 1: NULL;
        *end = 0;
        char *colon = strstr (text, ": ");
        if (!colon)
            return NULL;
        *colon = 0;
        for (size_t n = 0; n < 5; n++)
            if (strcasecmp (text, NAMES[n]) == 0) {
                headers->doubled = headers->doubled || *places[n];
                *places[n] = colon + 2;
            }
        if (strncasecmp (text, "Mcp-Param-", 10) == 0
            && headers->params_count < FCJ_HEADER_PARAMS) {
            headers->params[headers->params_count].name = text + 10;
            headers->params[headers->params_count++].value = colon + 2;
        }
        text = end + 1;
    }
    return NULL;
}

static void s_climb (json_t *root, const fcj_headers_t *headers)
{
    static fcj_front_t front = { .legacy = "2025-11-25" };
    fcj_call_t call = { .front = &front, .root = root };
    fcj_era_error_t error;
    call.sink.http = headers != NULL;
    call.id = json_object_get (root, "id");
    call.method = json_string_value (json_object_get (root, "method"));
    call.params = json_object_get (root, "params");
    if (!call.method)
        return;                 /* a response: no ladder */
    if (fcj_era_classify (&call, headers, &error) != 0) {
        if (!error.code || error.status < 200 || !*error.text)
            abort ();
        json_decref (error.data);
        json_decref (call.capabilities);
        return;
    }
    json_decref (call.capabilities);
    if (!*call.version)
        abort ();
    const json_t *args = json_object_get (call.params, "arguments");
    if (headers && json_is_object (args)
        && fcj_era_check_params (json_object_get (call.params, "schema"),
                                 args, headers, &error) != 0)
        json_decref (error.data);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char why[256], *text = malloc (size + 1);
    int code = 0;
    fcj_headers_t headers;
    memset (&headers, 0, sizeof headers);
    memcpy (text, data, size);
    text[size] = 0;
    char *body = s_head (text, &headers);
    json_t *root = body? fcj_rpc_parse (body, strlen (body), &code, why)
                       : NULL;
    if (root && fcj_rpc_check (root, why) == 0) {
        if (!json_object_get (root, "params"))
            json_object_set_new (root, "params", json_object ());
        s_climb (root, &headers);
        s_climb (root, NULL);
    }
    json_decref (root);
    free (text);
    return 0;
}
