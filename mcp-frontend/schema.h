/*  schema.h - arguments against a tool's inputSchema.
 *
 *  The subset of JSON Schema 2020-12 named in jobs/tools/README.md. The
 *  error names the field, what it must be and what it was.  */

#ifndef FCJ_MCP_SCHEMA_H
#define FCJ_MCP_SCHEMA_H
#include <jansson.h>
#include "../jobs/error.h"

/*  0, or -1 with *error (FCJ_INVALID). */
int fcj_schema_check (const json_t *schema, const json_t *value,
                      fcj_error_t *error);
#endif
