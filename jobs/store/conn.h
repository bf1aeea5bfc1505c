/*  conn.h - one connection to Redis: unix socket, TCP or TLS, non-blocking.
 *
 *  Both clients drive it: the reader waits with poll(2), the writer from the
 *  broker's loop. AUTH and SELECT of the URL are done before it is up.  */

#ifndef FCJ_CONN_H
#define FCJ_CONN_H
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include "../error.h"

typedef struct fcj_conn fcj_conn_t;

/*  Reads the URL (url.h; FCJ_INVALID); does not connect.  */
fcj_conn_t *fcj_conn_new (const char *url, fcj_error_t *error);
void fcj_conn_destroy (fcj_conn_t **self_p);

/*  Starts to connect, to the next of the host's addresses. 0, or -1.  */
int fcj_conn_open (fcj_conn_t *self, fcj_error_t *error);
void fcj_conn_close (fcj_conn_t *self);
int fcj_conn_fd (const fcj_conn_t *self);      /* -1 when closed */
bool fcj_conn_up (const fcj_conn_t *self);
bool fcj_conn_wants_write (const fcj_conn_t *self);

void fcj_conn_send (fcj_conn_t *self, const void *bytes, size_t size);
/*  The bytes that the socket has not taken yet; senders bound them.  */
size_t fcj_conn_unsent (const fcj_conn_t *self);
/*  Connects on, writes and reads what is possible now. On -1 the link is
 *  closed, everything unanswered is lost, and *error says why.  */
int fcj_conn_run (fcj_conn_t *self, fcj_error_t *error);
/*  Only writes. Reading here would leave replies that no poll wakes for.  */
int fcj_conn_flush (fcj_conn_t *self, fcj_error_t *error);
/*  The next reply (caller frees with freeReplyObject), NULL for none yet.  */
redisReply *fcj_conn_reply (fcj_conn_t *self);

/*  Fills *error for an error reply and returns -1; 0 for any other. Redis not
 *  ready or read-only is FCJ_STORE_UNAVAILABLE, full FCJ_QUEUE_FULL. */
int fcj_reply_check (const redisReply *reply, fcj_error_t *error);
/*  The text of element n of an array reply, "" for none.  */
const char *fcj_reply_text (const redisReply *reply, size_t n);
#endif
