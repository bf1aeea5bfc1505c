/*  schema.h - arguments against a tool's inputSchema.
 *
 *  JSON Schema 2020-12: type, enum, const, properties, required,
 *  additionalProperties, min/maxProperties, items, prefixItems, min/maxItems,
 *  uniqueItems, min/maxLength, pattern (POSIX extended, see below), minimum,
 *  maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, anyOf, allOf,
 *  oneOf, not, if/then/else, $ref into $defs; annotations (title, format...)
 *  and x-* are passed over. A schema with another keyword is refused when the
 *  catalogue is read, not met by surprise in a call. The error of a check
 *  names the field, what it must be and what it was.  */

#ifndef FCJ_SCHEMA_H
#define FCJ_SCHEMA_H
#include <jansson.h>
#include "error.h"

/*  0, or -1 with *error (FCJ_INVALID). */
int fcj_schema_check (const json_t *schema, const json_t *value,
                      fcj_error_t *error);
/*  Can fcj_schema_check do all that this schema says? 0, or -1 with what it
 *  can not, and where. A pattern means the same to POSIX and to ECMAScript:
 *  no \d, no (?, no back reference. */
int fcj_schema_valid (const json_t *schema, fcj_error_t *error);
#endif
