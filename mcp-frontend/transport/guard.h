/*  guard.h - what clients may hold of us: connections, time, memory.
 *
 *  libmicrohttpd's own timeout counts silence, so a client that sends a byte
 *  now and then keeps a connection for ever. Here a request has a time to be
 *  complete in: its head, then its body. What is kept for clients (bodies,
 *  answers, streams that they do not read) comes out of one budget.  */

#ifndef FCJ_MCP_GUARD_H
#define FCJ_MCP_GUARD_H
#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FCJ_GUARD_CONNECTIONS 4096
#define FCJ_GUARD_CROWDED_MS  2000      /* for a head, when most are taken */
#define FCJ_GUARD_IDLE_MS     120000    /* between two requests */

/*  A connection waits for a request's head, or for its body, or we are at
 *  work for it, however long that takes. */
typedef enum { FCJ_GUARD_HEAD, FCJ_GUARD_BODY, FCJ_GUARD_WORK } fcj_phase_t;

typedef struct fcj_guard fcj_guard_t;

/*  request_ms: for the head of a connection's first request, and for each
 *  body; memory: the budget, bytes. */
fcj_guard_t *fcj_guard_new (int64_t request_ms, int64_t memory);
void fcj_guard_destroy (fcj_guard_t **self_p);
/*  How many there may be: FCJ_GUARD_CONNECTIONS, or fewer where the process
 *  has not so many descriptors. */
unsigned fcj_guard_connections (const fcj_guard_t *self);
/*  For MHD_OPTION_NOTIFY_CONNECTION, with the guard as its argument. */
void fcj_guard_notify (void *arg, struct MHD_Connection *connection,
                       void **context,
                       enum MHD_ConnectionNotificationCode what);
void fcj_guard_phase (struct MHD_Connection *connection, fcj_phase_t phase);
/*  Ends those that are late; about each second. */
void fcj_guard_tick (fcj_guard_t *self, int64_t now_ms);
/*  Takes bytes out of the budget; false, and nothing taken: it is used up. */
bool fcj_guard_take (fcj_guard_t *self, size_t bytes);
void fcj_guard_give (fcj_guard_t *self, size_t bytes);
#endif
