/*  scope.h - what a caller may do.
 *
 *      fcj:read    look: jobs, results, documents, the service's state
 *      fcj:run     and start, cancel and delete jobs
 *      fcj:admin   and administer the service (reload_handlers)
 *
 *  Each contains the one above it. Over stdio, and over HTTP where no tokens
 *  are configured, a caller may do everything.  */

#ifndef FCJ_MCP_SCOPE_H
#define FCJ_MCP_SCOPE_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum {
    FCJ_SCOPE_NONE, FCJ_SCOPE_READ, FCJ_SCOPE_RUN, FCJ_SCOPE_ADMIN
} fcj_scope_t;

/*  "fcj:read"; with `bare`, "read". "" for NONE. */
const char *fcj_scope_name (fcj_scope_t scope, bool bare);
/*  The highest scope in a list separated by blanks or commas, with or
 *  without the prefix `fcj:`. With `strict` a foreign word gives NONE, else
 *  it is passed over. */
fcj_scope_t fcj_scope_parse (const char *list, bool strict);
/*  What a method needs; of tools/call, the tool's catalogue entry decides
 *  (NULL where there is no such tool). */
fcj_scope_t fcj_scope_needed (const char *method, const json_t *tool);
#endif
