/*  fetch.h - HTTP GETs beside the poll loop, by libcurl.
 *
 *  curl's sockets are watched by an epoll descriptor that the loop polls;
 *  nothing here blocks. Answers are bounded (FCJ_FETCH_BYTES_MAX, five
 *  seconds, no redirects); https, or http to loopback.  */

#ifndef FCJ_MCP_FETCH_H
#define FCJ_MCP_FETCH_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../../jobs/error.h"

#define FCJ_FETCH_BYTES_MAX (256 * 1024)

typedef struct fcj_fetch fcj_fetch_t;
/*  text: the body of a 200, of size bytes; else NULL, and why. */
typedef void (fcj_fetch_fn) (void *arg, const char *text, size_t size,
                             const char *why);

/*  ca_file: certificates to trust instead of the system's; "": those. */
fcj_fetch_t *fcj_fetch_new (const char *ca_file, fcj_error_t *error);
/*  Those under way end without a word. */
void fcj_fetch_destroy (fcj_fetch_t **self_p);
/*  May it be fetched at all? */
bool fcj_fetch_allowed (const char *url);
void fcj_fetch_get (fcj_fetch_t *self, const char *url, fcj_fetch_fn *fn,
                    void *arg);
int fcj_fetch_fd (const fcj_fetch_t *self);
void fcj_fetch_run (fcj_fetch_t *self, int64_t now_ms);
/*  Milliseconds until run is due, at most `most`. */
int fcj_fetch_timeout (const fcj_fetch_t *self, int64_t now_ms, int most);
#endif
