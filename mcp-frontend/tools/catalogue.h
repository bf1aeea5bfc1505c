/*  catalogue.h - the tools: those of the handlers, from catalogue.json, and
 *  the front-end's own, from builtin.json, which is part of the program.
 *
 *  A file that can not be read or is no catalogue never replaces one that
 *  works. An entry is the JSON object of jobs/tools/README.md.  */

#ifndef FCJ_MCP_CATALOGUE_H
#define FCJ_MCP_CATALOGUE_H
#include <jansson.h>
#include <stdbool.h>
#include "../../jobs/error.h"

#define FCJ_MCP_NAME_SHOWN 64          /* of an unknown name, in errors */

typedef struct fcj_catalogue fcj_catalogue_t;

/*  The newest readable file of paths wins; a NULL ends the list. toolsets:
 *  names separated by commas, or "all". Tools from a directory of the user's
 *  own are always offered, as are the front-end's. read_only: only those that
 *  say they change nothing. extra: more tools, JSON, or NULL (extra.h). An
 *  unknown toolset is an error. */
fcj_catalogue_t *fcj_catalogue_new (const char *const *paths,
                                    const char *toolsets, bool read_only,
                                    const char *extra, fcj_error_t *error);
void fcj_catalogue_destroy (fcj_catalogue_t **self_p);
/*  Reads again when a file changed; true when the tools did. */
bool fcj_catalogue_refresh (fcj_catalogue_t *self);
/*  The entry of a name, borrowed; NULL: no such tool for clients. */
json_t *fcj_catalogue_find (const fcj_catalogue_t *self, const char *name);
/*  ... also of one that is not offered, for what is made of tools. */
json_t *fcj_catalogue_any (const fcj_catalogue_t *self, const char *name);
/*  Why a tool that there is isn't offered, and what to do; "" where there is
 *  none of that name. */
void fcj_catalogue_why (const fcj_catalogue_t *self, const char *name,
                        char *out, size_t size);
/*  Up to three names like name, comma separated; "" when none is. */
void fcj_catalogue_near (const fcj_catalogue_t *self, const char *name,
                         char *out, size_t size);
/*  What tools/list shows of all tools, an array, borrowed. tasks: with what
 *  2025-11-25 says of tasks (execution). */
json_t *fcj_catalogue_listed (const fcj_catalogue_t *self, bool tasks);
/*  A page of it as JSON text, borrowed until the tools change. *next is the
 *  first index behind it, 0 when it is the last. */
const char *fcj_catalogue_page (fcj_catalogue_t *self, bool tasks,
                                size_t first, size_t *next);
/*  Writes the text of a catalogue to path, atomically, once it parsed. */
int fcj_catalogue_write (const char *path, const char *text,
                         fcj_error_t *error);
#endif
