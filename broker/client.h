/*  client.h - a front-end's side of the wire (PROTOCOL.md).
 *
 *  One object, one thread, driven by the caller's poll loop. Reconnects and
 *  says HELLO by itself; requests sent while the broker is away are kept
 *  (up to 1024) and sent when it is back, until their time is over. A SUBMIT
 *  whose broker died is repeated. Watches are renewed at each WELCOME.  */

#ifndef FCJ_CLIENT_H
#define FCJ_CLIENT_H

#include "../jobs/codec.h"
#include "../jobs/error.h"
#include <stdint.h>

typedef struct fcj_client fcj_client_t;

/*  The answer of one request: reply is ACCEPTED's or DONE's body, or NULL
 *  with error (a REFUSED, or FCJ_BROKER_UNAVAILABLE after timeout).  */
typedef void (fcj_client_fn) (void *arg, const fcj_map_t *reply,
                              const fcj_error_t *error);
/*  An EVENT of a watched job. */
typedef void (fcj_client_event_fn) (void *arg, const char *id,
                                    const fcj_map_t *event);

fcj_client_t *fcj_client_new (const char *endpoint, const char *name,
                              fcj_client_event_fn *on_event, void *arg,
                              fcj_error_t *error);
void fcj_client_destroy (fcj_client_t **self_p);

/*  The ZMQ_FD to poll for reading. It is edge-triggered, so call run() after
 *  each wake-up, after each request, and at least each 100 ms. */
int  fcj_client_fd (const fcj_client_t *self);
void fcj_client_run (fcj_client_t *self);
bool fcj_client_up (const fcj_client_t *self);

/*  type: "CANCEL", "STATUS"...; fields: packed map body without req, may be
 *  NULL (an empty map). Answered exactly once, never from inside this call. */
void fcj_client_request (fcj_client_t *self, const char *type,
                         const void *fields, size_t size, int64_t timeout_ms,
                         fcj_client_fn *fn, void *arg);
/*  job: packed map of "the job". watch: EVENTs until its end. */
void fcj_client_submit (fcj_client_t *self, const void *job, size_t size,
                        bool watch, int64_t timeout_ms,
                        fcj_client_fn *fn, void *arg);
void fcj_client_watch (fcj_client_t *self, const char *id);
void fcj_client_unwatch (fcj_client_t *self, const char *id);
/*  Answers question `ask` of a job. action: accept, decline, cancel; content:
 *  JSON text of an object, NULL but for accept. The reply is DONE's; error
 *  FCJ_STALE: the job does not ask that (any more). May be repeated.  */
void fcj_client_answer (fcj_client_t *self, const char *id,
                        const char *owner, int64_t ask, const char *action,
                        const char *content, int64_t timeout_ms,
                        fcj_client_fn *fn, void *arg);
/*  Forget the callbacks of arg (its owner dies before the answer). */
void fcj_client_forget (fcj_client_t *self, void *arg);
#endif
