/*  prompts.h - guided workflows, written for a model.
 *
 *  Each is a file of prompts/, built into the program: a head of `key: value`
 *  lines between two lines of dashes (title, description, and a line
 *
 *      argument: NAME | KIND | DESCRIPTION
 *
 *  for each argument; KIND is `required`, `optional`, `one of a, b`, `a
 *  document`, `an object` or `a job`), then the text. In it {{name}} is the
 *  value of an argument, and a line that begins with {{?name}} is there only
 *  when that argument is given, or when `name` is a tool that this server
 *  offers; with {{!name}}, only when not; it may begin with several. So no
 *  text names a tool that the client can not call.  */

#ifndef FCJ_MCP_PROMPTS_H
#define FCJ_MCP_PROMPTS_H
#include <jansson.h>
#include "../tools/catalogue.h"

#define FCJ_PROMPT_VALUE_MAX 8192       /* bytes of one argument */

typedef struct fcj_prompts fcj_prompts_t;

fcj_prompts_t *fcj_prompts_new (void);
void fcj_prompts_destroy (fcj_prompts_t **self_p);
/*  What prompts/list shows, an array, borrowed. */
json_t *fcj_prompts_listed (const fcj_prompts_t *self);
/*  {name, title, description, arguments: [...], kinds: {name: kind}, text};
 *  borrowed; NULL: there is none of that name. */
json_t *fcj_prompts_find (const fcj_prompts_t *self, const char *name);
/*  The text with the arguments (an object, may be NULL) filled in, to be
 *  freed; NULL and *error when one is missing, unknown or no string. */
char *fcj_prompts_text (const json_t *prompt, const json_t *arguments,
                        const fcj_catalogue_t *catalogue,
                        fcj_error_t *error);
#endif
