/*  render.h - the answer that is made most often, as text at once. */

#ifndef FCJ_MCP_RENDER_H
#define FCJ_MCP_RENDER_H
#include <jansson.h>

typedef struct fcj_call fcj_call_t;

/*  The whole message for a tool's success without links: what fcj_call_tool
 *  would send, byte for byte. Malloc'ed; NULL when something is no UTF-8
 *  (then it is made the other way). structured: borrowed. */
char *fcj_render_tool (const fcj_call_t *call, const char *text,
                       const json_t *structured, size_t *size);
#endif
