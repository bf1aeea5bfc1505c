/*  request.h - what a request asks for, whoever takes it: front-end or command
 *  line.  */

#ifndef FCJ_REQUEST_H
#define FCJ_REQUEST_H
#include <jansson.h>

#define FCJ_REQUEST_HASH_LEN 64

/*  The hash of tool, arguments and inputs (NULL or empty: none), in hex: the
 *  same for the same request, whichever front-end takes it. -1: no memory, or
 *  a tool that is not UTF-8.  */
int fcj_request_hash (const char *tool, const json_t *arguments,
                      const json_t *inputs,
                      char hex[FCJ_REQUEST_HASH_LEN + 1]);
/*  The argument that has a value which the tool's native form does not know
 *  (its `unless` in the catalogue); NULL when there is none.  */
const char *fcj_request_beyond_native (const json_t *tool,
                                       const json_t *arguments);
#endif
