/*  stream.h - a call's answer that survives its connection.
 *
 *  In a legacy session the events of a call's stream are also kept in Redis,
 *  in `{fcj:0}:mcp:log:<session>:<stream>` (a STREAM; field `d` the message,
 *  `e` marks the last), at most FCJ_LOG_EVENTS, for FCJ_LOG_S after the last
 *  one. An event's id is <stream>.<entry's id>; a client that lost its
 *  connection GETs with Last-Event-ID from any front-end (follow.h). Stream
 *  "0" is the session's own: what belongs to no call.  */

#ifndef FCJ_MCP_STREAM_H
#define FCJ_MCP_STREAM_H
#include "../call.h"
#include "session.h"

#define FCJ_LOG_EVENTS  512
#define FCJ_LOG_S       300
#define FCJ_LOG_BYTES   (1024 * 1024)       /* larger events are not kept */
#define FCJ_LOG_RETRY   1000                /* ms, told to the client */

/*  Puts a log between the call and its sink. */
void fcj_stream_wrap (fcj_call_t *call);
/*  Ends the connection, not the call: the client comes back for the rest. */
void fcj_stream_let_go (fcj_call_t *call);
/*  A message (borrowed) on the session's own stream. */
void fcj_stream_tell (fcj_session_t *session, const char *method,
                      const json_t *params);
#endif
