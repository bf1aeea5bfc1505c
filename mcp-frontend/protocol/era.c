/*  era.c - the ladder that tells the eras apart. Each rung answers with the
 *  code and status that the specification names, before anything of the
 *  answer is sent. On stdio the same ladder runs without the header rungs.  */

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "era.h"
#include "../front.h"
#include "rpc.h"

#define META "io.modelcontextprotocol/"
#define VALUE_MAX 4096          /* of a header: a name or a URI, encoded */
static const char *const LEGACY[] = {
    "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"
};

__attribute__ ((format (printf, 4, 5)))
static int s_fail (fcj_era_error_t *error, int code, int status,
                   const char *format, ...)
{
    va_list args;
    va_start (args, format);
    vsnprintf (error->text, sizeof error->text, format, args);
    va_end (args);
    error->code = code;
    error->status = status;
    return -1;
}

const char *fcj_era_legacy (const char *requested)
{
    for (size_t n = 0; n < sizeof LEGACY / sizeof *LEGACY; n++)
        if (requested && strcmp (requested, LEGACY[n]) == 0)
            return LEGACY[n];
    return LEGACY[0];
}

json_t *fcj_era_supported (void)
{
    return json_pack ("[s]", FCJ_MCP_MODERN);
}

static bool s_modern (const char *version)
{
    return version && strcmp (version, FCJ_MCP_MODERN) >= 0;
}

/* ---- Headers ----------------------------------------------------------- */

/*  Copies a header's value trimmed and, if it may be, decoded from
 *  =?base64?...?=; -1 when it is malformed or longer than the buffer. */
static int s_value (const char *raw, bool encoded, char *out, size_t size)
{
    while (*raw == ' ' || *raw == '\t')
        raw++;
    size_t length = strlen (raw);
    while (length && (raw[length - 1] == ' ' || raw[length - 1] == '\t'))
        length--;
    for (size_t n = 0; n < length; n++)
        if ((raw[n] < 0x20 && raw[n] != '\t') || raw[n] > 0x7e)
            return -1;
    if (encoded && length >= 11 && !strncmp (raw, "=?base64?", 9)
        && !strncmp (raw + length - 2, "?=", 2)) {
        size_t bytes = 0;
        if (sodium_base642bin ((unsigned char *) out, size - 1, raw + 9,
                               length - 11, NULL, &bytes, NULL,
                               sodium_base64_VARIANT_ORIGINAL) != 0)
            return -1;
        out[bytes] = 0;
        return strlen (out) == bytes? 0: -1;
    }
    if (length >= size)
        return -1;
    memcpy (out, raw, length);
    out[length] = 0;
    return 0;
}

static int s_same (const char *header, const char *raw, bool encoded,
                   const char *expected, fcj_era_error_t *error)
{
    char value[VALUE_MAX];
    if (!raw)
        return s_fail (error, FCJ_RPC_HEADER, 400,
                       "The header %s is missing", header);
    if (s_value (raw, encoded, value, sizeof value) != 0)
        return s_fail (error, FCJ_RPC_HEADER, 400,
                       "The header %s is malformed", header);
    if (strcmp (value, expected) != 0)
        return s_fail (error, FCJ_RPC_HEADER, 400,
                       "The header %s does not say what the body says",
                       header);
    return 0;
}

/*  What Mcp-Name has to repeat, NULL for methods without one. */
static const char *s_named (const fcj_call_t *call)
{
    const char *key = NULL;
    if (!strcmp (call->method, "tools/call")
        || !strcmp (call->method, "prompts/get"))
        key = "name";
    else if (!strcmp (call->method, "resources/read"))
        key = "uri";
    else if (!strcmp (call->method, "tasks/get")
             || !strcmp (call->method, "tasks/update")
             || !strcmp (call->method, "tasks/cancel"))
        key = "taskId";
    return key? json_string_value (json_object_get (call->params, key)): NULL;
}

static int s_check_headers (const fcj_call_t *call,
                            const fcj_headers_t *headers,
                            fcj_era_error_t *error)
{
    if (!call->id)
        return 0;               /* notifications need none */
    if (headers->doubled)
        return s_fail (error, FCJ_RPC_HEADER, 400,
                       "An MCP header came more than once");
    if (s_same ("MCP-Protocol-Version", headers->version, false,
                call->version, error)
        || s_same ("Mcp-Method", headers->method, false, call->method,
                   error))
        return -1;
    const char *name = s_named (call);
    if (name)
        return s_same ("Mcp-Name", headers->name, true, name, error);
    return 0;
}

/*  What an argument looks like as a header; false: it has no such form. */
static bool s_as_header (const json_t *value, char *out, size_t size)
{
    if (json_is_string (value) && json_string_length (value) < size)
        snprintf (out, size, "%s", json_string_value (value));
    else if (json_is_integer (value))
        snprintf (out, size, "%lld", (long long) json_integer_value (value));
    else if (json_is_boolean (value))
        snprintf (out, size, "%s", json_is_true (value)? "true": "false");
    else
        return false;
    return true;
}

static int s_check_param (const char *name, const json_t *value,
                          const char *raw, fcj_era_error_t *error)
{
    char label[80], expected[VALUE_MAX], *end;
    snprintf (label, sizeof label, "Mcp-Param-%.60s", name);
    if (!value || json_is_null (value))
        return raw? s_fail (error, FCJ_RPC_HEADER, 400, "The header %s has"
                            " no argument in the body", label): 0;
    if (json_is_integer (value) && raw) {       /* 42 is 42.0 */
        double number = strtod (raw, &end);
        if (end != raw && !end[strspn (end, " \t")]
            && fabs (number - (double) json_integer_value (value)) < 0.5
            && fabs (number - nearbyint (number)) < 1e-9)
            return 0;
    }
    if (!s_as_header (value, expected, sizeof expected))
        return s_fail (error, FCJ_RPC_HEADER, 400, "The argument of %s can"
                       " not be a header", label);
    return s_same (label, raw, true, expected, error);
}

int fcj_era_check_params (const json_t *schema, const json_t *args,
                          const fcj_headers_t *headers,
                          fcj_era_error_t *error)
{
    const char *key;
    json_t *rule;
    memset (error, 0, sizeof *error);
    json_object_foreach (json_object_get (schema, "properties"), key, rule) {
        const char *name = json_string_value (
            json_object_get (rule, "x-mcp-header"));
        const char *raw = NULL;
        for (size_t n = 0; name && n < headers->params_count; n++)
            if (!strcasecmp (headers->params[n].name, name)) {
                if (raw)
                    return s_fail (error, FCJ_RPC_HEADER, 400, "An MCP"
                                   " header came more than once");
                raw = headers->params[n].value;
            }
        if (name && s_check_param (name, json_object_get (args, key), raw,
                                   error) != 0)
            return -1;
    }
    return 0;
}

/* ---- The modern envelope ----------------------------------------------- */

static int s_check_meta (fcj_call_t *call, const json_t *meta,
                         fcj_era_error_t *error)
{
    const json_t *version = json_object_get (meta, META "protocolVersion");
    json_t *capabilities = json_object_get (meta, META "clientCapabilities");
    const json_t *level = json_object_get (meta, META "logLevel");
    if (!json_is_string (version))
        return s_fail (error, FCJ_RPC_PARAMS, 400, "params._meta lacks \""
                       META "protocolVersion\" (a string)");
    if (!json_is_object (capabilities) && call->id)
        return s_fail (error, FCJ_RPC_PARAMS, 400, "params._meta lacks \""
                       META "clientCapabilities\" (an object, may be {})");
    if (level && fcj_say_of (json_string_value (level)) < 0)
        return s_fail (error, FCJ_RPC_PARAMS, 400,
                       "unknown \"" META "logLevel\"");
    if (level)
        call->level = (fcj_say_t) fcj_say_of (json_string_value (level));
    call->capabilities = json_incref (capabilities);
    return 0;
}

/*  Header and body must agree before the version is judged: a header that
 *  says otherwise is a mismatch whatever the body's version. */
static int s_classify_modern (fcj_call_t *call, const json_t *meta,
                              const fcj_headers_t *headers,
                              fcj_era_error_t *error)
{
    call->modern = true;
    snprintf (call->version, sizeof call->version, "%s", FCJ_MCP_MODERN);
    if (s_check_meta (call, meta, error))
        return -1;
    const char *claim = json_string_value (
        json_object_get (meta, META "protocolVersion"));
    if (headers && headers->version
        && s_same ("MCP-Protocol-Version", headers->version, false, claim,
                   error))
        return -1;
    if (headers && headers->method
        && s_same ("Mcp-Method", headers->method, false, call->method,
                   error))
        return -1;
    if (strcmp (claim, FCJ_MCP_MODERN) != 0) {
        error->data = json_pack ("{s:o,s:s}", "supported",
                                 fcj_era_supported (), "requested", claim);
        return s_fail (error, FCJ_RPC_VERSION, 400,
                       "Unsupported protocol version");
    }
    return headers? s_check_headers (call, headers, error): 0;
}

static int s_classify_legacy (fcj_call_t *call, const char *version,
                              fcj_era_error_t *error)
{
    call->modern = false;
    if (version && !strcmp (call->method, "initialize"))
        version = NULL;         /* the handshake names its own */
    if (version && strcmp (fcj_era_legacy (version), version) != 0)
        return s_fail (error, FCJ_RPC_REQUEST, 400, "Unsupported"
                       " MCP-Protocol-Version '%.40s'", version);
    snprintf (call->version, sizeof call->version, "%s",
              version? version: call->sink.http? FCJ_MCP_DEFAULT
                                               : call->front->legacy);
    return 0;
}

/* ------------------------------------------------------------------------ */

bool fcj_era_claims (const json_t *message)
{
    return json_object_get (json_object_get (json_object_get (
        message, "params"), "_meta"), META "protocolVersion") != NULL;
}

bool fcj_era_served (const fcj_headers_t *headers)
{
    char version[32] = "";
    return !headers->version
        || (s_value (headers->version, false, version, sizeof version) == 0
            && strcmp (fcj_era_legacy (version), version) == 0);
}

int fcj_era_classify (fcj_call_t *call, const fcj_headers_t *headers,
                      fcj_era_error_t *error)
{
    memset (error, 0, sizeof *error);
    const json_t *meta = json_object_get (call->params, "_meta");
    const json_t *claim = json_object_get (meta, META "protocolVersion");
    bool handshake = !strcmp (call->method, "initialize")
                  && !s_modern (json_string_value (claim));
    char version[32] = "";
    const char *header = NULL;
    if (headers && headers->version) {
        if (s_value (headers->version, false, version, sizeof version))
            return s_fail (error, FCJ_RPC_HEADER, 400,
                           "The header MCP-Protocol-Version is malformed");
        header = version;
    }
    json_t *token = json_object_get (meta, "progressToken");
    if (fcj_rpc_is_id (token))
        call->token = token;
    if (meta && !json_is_object (meta))
        return s_fail (error, FCJ_RPC_PARAMS, 400,
                       "params._meta must be an object");
    if (!strcmp (call->method, FCJ_RESPONSE) && s_modern (header))
        return s_fail (error, FCJ_RPC_REQUEST, 400, "This version's server"
                       " sends no requests, so it takes no responses");
    if (handshake && s_modern (header))
        return s_fail (error, FCJ_RPC_HEADER, 400, "initialize is not part"
                       " of the version in MCP-Protocol-Version");
    if (!handshake && claim)
        return s_classify_modern (call, meta, headers, error);
    if (!handshake && s_modern (header) && call->id)
        return s_fail (error, FCJ_RPC_PARAMS, 400, "params._meta lacks \""
                       META "protocolVersion\" and \""
                       META "clientCapabilities\"");
    return s_classify_legacy (call, s_modern (header)? NULL: header, error);
}
