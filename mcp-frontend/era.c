/*  era.c - the ladder that tells the eras apart. Each rung answers with the
 *  code and status that the specification names, before anything of the
 *  answer is sent. On stdio the same ladder runs without the header rungs.  */

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "era.h"
#include "front.h"
#include "rpc.h"

#define META "io.modelcontextprotocol/"
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
    char value[1024];
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

/* ---- The modern envelope ----------------------------------------------- */

static int s_check_meta (fcj_call_t *call, const json_t *meta,
                         fcj_era_error_t *error)
{
    static const char *const LEVELS = " debug info notice warning error"
                                      " critical alert emergency ";
    const json_t *version = json_object_get (meta, META "protocolVersion");
    json_t *capabilities = json_object_get (meta, META "clientCapabilities");
    const json_t *level = json_object_get (meta, META "logLevel");
    if (!json_is_string (version))
        return s_fail (error, FCJ_RPC_PARAMS, 400, "params._meta lacks \""
                       META "protocolVersion\" (a string)");
    if (!json_is_object (capabilities) && call->id)
        return s_fail (error, FCJ_RPC_PARAMS, 400, "params._meta lacks \""
                       META "clientCapabilities\" (an object, may be {})");
    if (level) {
        char word[16];
        snprintf (word, sizeof word, " %.12s ",
                  json_is_string (level)? json_string_value (level): "?");
        if (!strstr (LEVELS, word))
            return s_fail (error, FCJ_RPC_PARAMS, 400,
                           "unknown \"" META "logLevel\"");
    }
    call->capabilities = capabilities;
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
