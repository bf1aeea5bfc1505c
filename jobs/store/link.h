/*  link.h - one connection to Redis: unix socket, TCP or TLS, non-blocking.
 *
 *  Both clients drive it: the reader waits with poll(2), the writer from the
 *  broker's loop. AUTH and SELECT of the URL are done before it is up.  */

#ifndef FCJ_LINK_H
#define FCJ_LINK_H
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include "../error.h"

typedef struct fcj_link fcj_link_t;

/*  Reads the URL (FCJ_INVALID); does not connect.  */
fcj_link_t *fcj_link_new (const char *url, fcj_error_t *error);
void fcj_link_destroy (fcj_link_t **self_p);

/*  Starts to connect, to the next of the host's addresses. 0, or -1.  */
int fcj_link_open (fcj_link_t *self, fcj_error_t *error);
void fcj_link_close (fcj_link_t *self);
int fcj_link_fd (const fcj_link_t *self);      /* -1 when closed */
bool fcj_link_up (const fcj_link_t *self);
bool fcj_link_wants_write (const fcj_link_t *self);

void fcj_link_send (fcj_link_t *self, const void *bytes, size_t size);
/*  Connects on, writes and reads what is possible now. On -1 the link is
 *  closed, everything unanswered is lost, and *error says why.  */
int fcj_link_run (fcj_link_t *self, fcj_error_t *error);
/*  Only writes. Reading here would leave replies that no poll wakes for.  */
int fcj_link_flush (fcj_link_t *self, fcj_error_t *error);
/*  The next reply (caller frees with freeReplyObject), NULL for none yet.  */
redisReply *fcj_link_reply (fcj_link_t *self);

/*  Fills *error for an error reply and returns -1; 0 for any other. Redis not
 *  ready, full or read-only is FCJ_STORE_UNAVAILABLE. */
int fcj_reply_check (const redisReply *reply, fcj_error_t *error);
#endif
