/*  fixtures.h - what the official conformance suite expects of a server: its
 *  test_* tools, resources and prompts, in the terms of extra.h.  */

#ifndef FCJ_FIXTURES_H
#define FCJ_FIXTURES_H
#include "mcp-frontend/extra.h"

#define FIXTURE_IMAGE "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4" \
                      "2mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
#define FIXTURE_AUDIO "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIA" \
                      "AAA="

fcj_tool_fn *fixture_content (const char *name);    /* contents.c */
fcj_tool_fn *fixture_asking (const char *name);     /* asking.c */
fcj_tool_fn *fixture_tasks (const char *name);      /* tasks.c */
json_t *fixture_read (const char *uri);             /* resources.c */
bool fixture_prompt (fcj_call_t *call, const char *name);
bool fixture_complete (fcj_call_t *call, const json_t *ref);

/*  Ends a call with content blocks (taken), or with one text. */
void fixture_answer (fcj_call_t *call, json_t *content, bool is_error);
void fixture_say (fcj_call_t *call, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));
#endif
