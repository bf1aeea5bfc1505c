/*  era.h - which protocol a message speaks, and whether it does so rightly.
 *
 *  Modern (2026-07-28): version and capabilities in every request's
 *  params._meta, headers that repeat what the body says. Legacy: the
 *  `initialize` handshake. The body decides, not the header.  */

#ifndef FCJ_MCP_ERA_H
#define FCJ_MCP_ERA_H
#include "../call.h"

#define FCJ_HEADER_PARAMS 16    /* Mcp-Param-* headers looked at */

/*  HTTP headers as they came; NULL when absent. */
typedef struct fcj_headers {
    const char *version, *method, *name, *session, *last_event;
    struct { const char *name, *value; } params[FCJ_HEADER_PARAMS];
    size_t params_count;
    bool doubled;               /* one of them came twice */
} fcj_headers_t;

/*  What is wrong: a code and HTTP status, and data (owned) or NULL. */
typedef struct {
    int code, status;
    char text[256];
    json_t *data;
} fcj_era_error_t;

/*  Fills modern, version, capabilities and token of the call, whose id,
 *  method and params are set. headers NULL: stdio. 0, or -1 with *error. */
int fcj_era_classify (fcj_call_t *call, const fcj_headers_t *headers,
                      fcj_era_error_t *error);
/*  The Mcp-Param-* headers of a modern tools/call against its arguments and
 *  the x-mcp-header annotations of the tool's schema. */
int fcj_era_check_params (const json_t *schema, const json_t *args,
                          const fcj_headers_t *headers,
                          fcj_era_error_t *error);
/*  Whether a message says that it is a modern one. */
bool fcj_era_claims (const json_t *message);
/*  Whether the version in the headers of a session's GET or DELETE, if one
 *  is there, is one that has sessions. */
bool fcj_era_served (const fcj_headers_t *headers);
/*  The legacy version to answer an `initialize` with. */
const char *fcj_era_legacy (const char *requested);
json_t *fcj_era_supported (void);
#endif
