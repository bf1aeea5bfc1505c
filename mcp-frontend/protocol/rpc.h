/*  rpc.h - bytes to one JSON value, with every bound checked.
 *
 *  Refused: over FCJ_REQUEST_MAX, NUL bytes (raw or \u0000), invalid UTF-8,
 *  lone surrogates, duplicate members, more than FCJ_JSON_DEPTH_MAX levels,
 *  anything behind the value.  */

#ifndef FCJ_MCP_RPC_H
#define FCJ_MCP_RPC_H
#include <jansson.h>

/*  NULL: *code is FCJ_RPC_PARSE or FCJ_RPC_REQUEST, why (256 bytes) says
 *  what is wrong and where. */
json_t *fcj_rpc_parse (const char *bytes, size_t size, int *code,
                       char why[256]);
/*  What is said of a message over FCJ_REQUEST_MAX.  */
void fcj_rpc_too_long (char why[256]);
/*  A JSON-RPC 2.0 request, notification or response, well-formed; 0 or -1
 *  with why. */
int fcj_rpc_check (const json_t *message, char why[256]);
/*  True for what may be an id or a progress token: string or integer. */
int fcj_rpc_is_id (const json_t *value);
#endif
