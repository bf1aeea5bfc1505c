/*  http.h - Streamable HTTP at /mcp, both eras.
 *
 *  libmicrohttpd without threads of its own: its epoll descriptor is polled
 *  by the front's loop. A call that waits suspends its connection; the first
 *  notification of a call, or waiting for some time, turns the answer into a
 *  stream (SSE). GET and DELETE are of a legacy client's session.  */

#ifndef FCJ_MCP_HTTP_H
#define FCJ_MCP_HTTP_H
#include "../front.h"

/*  address: "127.0.0.1:8765", "[::1]:0", "localhost:80"; other hosts only
 *  with authorization. NULL and *error otherwise. With tls-cert it speaks
 *  TLS and nothing else. */
fcj_http_t *fcj_http_new (fcj_front_t *front, const char *address,
                          fcj_error_t *error);
void fcj_http_destroy (fcj_http_t **self_p);
int fcj_http_fd (const fcj_http_t *self);
void fcj_http_run (fcj_http_t *self);
/*  Milliseconds until run is due, at most most. */
int fcj_http_timeout (const fcj_http_t *self, int most);
/*  Judges again the requests that wait for an issuer's keys. */
void fcj_http_recheck (fcj_http_t *self);
/*  True when nothing that was answered waits to be sent. */
bool fcj_http_drained (const fcj_http_t *self);
/*  Keep-alives, and clients that went away; about each second. */
void fcj_http_tick (fcj_http_t *self, int64_t now);
#endif
