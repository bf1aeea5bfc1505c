/*  json.h - JSON text in which a real has the fewest digits that read back
 *  the same: 0.261, not 0.26100000000000001. Everything that a person or a
 *  model reads is written with this.  */

#ifndef FCJ_JSON_H
#define FCJ_JSON_H
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/*  As json_dumps and json_dumpf.  */
char *fcj_json_dumps (const json_t *json, size_t flags);
int fcj_json_dumpf (const json_t *json, FILE *out, size_t flags);
/*  Shortens the reals of a JSON text in place; returns its length.  */
size_t fcj_json_shorten (char *text);
#endif
