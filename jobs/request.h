/*  request.h - what an idempotency key stands for.  */

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
#endif
