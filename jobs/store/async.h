/*  async.h - Redis without waiting: commands out, answers by callback.
 *
 *  For what a front-end keeps in Redis beside the jobs (sessions, event
 *  logs). One connection, pipelined; it connects at the first question and
 *  again after a loss. A question that cannot be sent in FCJ_ASYNC_MS, is not
 *  answered in as long again, or whose connection is lost, fails with
 *  FCJ_STORE_UNAVAILABLE: it may have taken effect. At most FCJ_ASYNC_MAX are
 *  under way, and FCJ_STORE_WAITING_MAX bytes of them unsent.  */

#ifndef FCJ_ASYNC_H
#define FCJ_ASYNC_H
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>
#include "../error.h"
#include "command.h"

#define FCJ_ASYNC_MS   3000
#define FCJ_ASYNC_MAX  16384

typedef struct fcj_async fcj_async_t;

/*  One reply a command, valid during the callback; or NULL and error. An
 *  error reply of Redis itself is a reply (fcj_reply_check tells). */
typedef void (fcj_async_fn) (void *arg, redisReply *const *replies,
                             int count, const fcj_error_t *error);

fcj_async_t *fcj_async_new (const char *url, fcj_error_t *error);
/*  What was asked fails; *self_p is NULL before anybody is told. */
void fcj_async_destroy (fcj_async_t **self_p);

/*  Sends the commands (copied); fn (may be NULL) is called once, never from
 *  inside this call. */
void fcj_async_ask (fcj_async_t *self, const fcj_command_t *commands,
                    fcj_async_fn *fn, void *arg);
/*  The callbacks of arg are forgotten: their owner dies first. */
void fcj_async_forget (fcj_async_t *self, const void *arg);

/*  What comes without a question (after SUBSCRIBE): fn gets each. The
 *  commands are sent at each new connection. */
void fcj_async_listen (fcj_async_t *self, const fcj_command_t *commands,
                       void (*fn) (void *arg, const redisReply *push),
                       void *arg);

/*  For the poll loop: -1 while down. run at each wake-up and at least each
 *  100 ms. */
int  fcj_async_fd (const fcj_async_t *self);
bool fcj_async_wants_write (const fcj_async_t *self);
void fcj_async_run (fcj_async_t *self);
/*  Only sends what was asked: nothing is called back.  */
void fcj_async_flush (fcj_async_t *self);
/*  Something is waiting to be run now rather than at the next event. */
bool fcj_async_pending (const fcj_async_t *self);
bool fcj_async_up (const fcj_async_t *self);
#endif
