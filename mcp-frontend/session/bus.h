/*  bus.h - front-ends tell each other what one client's requests, which may
 *  come to any of them, need at another.
 *
 *  Redis publish/subscribe on one channel, `{fcj:0}:mcp:bus`; a message is
 *  {"from", "kind", "name", "body"}:
 *
 *    session   name: its id; it changed or has ended
 *    follow    name: an event log whose client gets it from the sender now
 *    log       name: an event log that grew (stream.h)
 *    answer    name: a session; body: a client's JSON-RPC response
 *    cancel    name: a session; body: params of notifications/cancelled
 *              and "scope", the number of its sender's
 *
 *  A message may get lost: who depends on one looks again now and then.  */

#ifndef FCJ_MCP_BUS_H
#define FCJ_MCP_BUS_H
#include "../call.h"
#include "../../jobs/store/async.h"

/*  Subscribes; NULL and *error for a bad URL. */
fcj_async_t *fcj_bus_new (fcj_front_t *front, const char *url,
                          fcj_error_t *error);
/*  body (borrowed) may be NULL. Not told to this front-end itself. */
void fcj_bus_send (fcj_front_t *front, const char *kind, const char *name,
                   const json_t *body);
#endif
