/*  extra.h - what a program may add to the front-end: tools, resources and
 *  prompts answered by C functions. fcj-mcp adds nothing; the program that
 *  the conformance suite is run against adds the suite's fixtures.  */

#ifndef FCJ_MCP_EXTRA_H
#define FCJ_MCP_EXTRA_H
#include "methods/handlers.h"

typedef struct fcj_extra {
    /*  {"tools": [...], "resources": [...], "templates": [...],
     *  "prompts": [...]}: tools as in builtin.json, the others as their
     *  lists show them. They come first in the lists. */
    const char *lists;
    /*  NULL: not one of ours. A tool of a handler may be overridden: its
     *  entry is then the handler's. */
    fcj_tool_fn *(*tool) (const char *name);
    /*  The contents of a resource, an array; NULL: not ours. */
    json_t *(*read) (const char *uri);
    /*  True: the call is answered. */
    bool (*prompt) (fcj_call_t *call, const char *name);
    /*  True: the completion/complete is answered. */
    bool (*complete) (fcj_call_t *call, const json_t *ref);
} fcj_extra_t;

/*  A list of the extras, owned by the caller; empty without any. */
json_t *fcj_extra_list (const fcj_front_t *front, const char *key);

/*  The main of such a program. */
int fcj_mcp_main (int argc, char **argv, const fcj_extra_t *extra);
#endif
