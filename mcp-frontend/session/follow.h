/*  follow.h - a client that GETs: the session's own stream, or the rest of a
 *  call's whose connection was lost.
 *
 *  A follower reads an event log in Redis (stream.h) from where its client
 *  stands and goes on when it is poked, by this front-end or, over the bus,
 *  by another; every few seconds it looks without being poked. One that follows
 *  the session's own stream also says what the session wants to hear
 *  (interest.h). A new one takes the place of an older one.  */

#ifndef FCJ_MCP_FOLLOW_H
#define FCJ_MCP_FOLLOW_H
#include "../protocol/era.h"
#include "session.h"

/*  GET with headers' session and last_event; the sink is answered. */
void fcj_follow (fcj_front_t *front, const fcj_sink_t *sink,
                 const char *owner, const fcj_headers_t *headers);
/*  The log <session>:<stream> grew. */
void fcj_follow_poke (fcj_front_t *front, const char *name);
/*  Its client follows it at another front-end now. */
void fcj_follow_replaced (fcj_front_t *front, const char *name);
/*  The session has ended: its streams end. */
void fcj_follow_end (fcj_front_t *front, const char *session);
void fcj_follow_tick (fcj_front_t *front, int64_t now);
void fcj_follow_destroy_all (fcj_front_t *front);
#endif
