/*  session.h - what a legacy client has told us once and for all: version,
 *  capabilities, log level, subscriptions.
 *
 *  Over HTTP a session lives in Redis, so that any front-end serves it:
 *
 *    {fcj:0}:mcp:session:<id>   HASH owner version capabilities level
 *    {fcj:0}:mcp:wants:<id>     SET of the URIs (task:<id>: tasks) wanted
 *    {fcj:0}:mcp:sessions:<owner>  ZSET id -> last use, for the bound
 *
 *  Each expires FCJ_SESSION_S after its last use. What is read is kept for
 *  FCJ_SESSION_FRESH_MS, less when the bus says that it changed. Over stdio
 *  there is one session, in memory.  */

#ifndef FCJ_MCP_SESSION_H
#define FCJ_MCP_SESSION_H
#include "../call.h"

#define FCJ_SESSION_S         86400
#define FCJ_SESSION_FRESH_MS  5000
#define FCJ_SESSIONS_MAX      4096      /* kept in memory */
#define FCJ_SESSIONS_OWNER    1000      /* of one owner, in Redis */
#define FCJ_WANTS_MAX         256       /* URIs and tasks of one session */
#define FCJ_CAPABILITIES_MAX  8192      /* bytes, of a client's */

struct fcj_session {
    TAILQ_ENTRY (fcj_session) next;
    fcj_front_t *front;
    int refs;
    bool listed;                /* in the table of the known ones */
    fcj_token_t id;             /* "" on stdio */
    char owner[FCJ_NAME_MAX + 1], version[16];
    json_t *capabilities;
    fcj_say_t level;
    json_t *wants;              /* {uri or task:<id>: true} */
    int64_t fetched, touched;   /* monotonic ms */
};

typedef struct fcj_sessions fcj_sessions_t;
fcj_sessions_t *fcj_sessions_new (void);
void fcj_sessions_destroy (fcj_sessions_t **self_p);

/*  session NULL: FCJ_NOT_FOUND (unknown, ended or another's), or the store
 *  does not answer. It is borrowed. */
typedef void (fcj_session_fn) (void *arg, fcj_session_t *session,
                               const fcj_error_t *error);

/*  fn may be called at once. */
void fcj_session_find (fcj_front_t *front, const char *id,
                       const char *owner, fcj_session_fn *fn, void *arg);
void fcj_session_create (fcj_front_t *front, const char *owner,
                         const char *version, json_t *capabilities,
                         fcj_session_fn *fn, void *arg);
/*  arg dies before it was called. */
void fcj_session_forget (fcj_front_t *front, const void *arg);
/*  Ends it everywhere; its streams are closed. */
void fcj_session_delete (fcj_session_t *self);
/*  Of stdio. */
fcj_session_t *fcj_session_local (fcj_front_t *front, const char *version,
                                  json_t *capabilities);

fcj_session_t *fcj_session_hold (fcj_session_t *self);
void fcj_session_release (fcj_session_t **self_p);

/*  It is being used. */
void fcj_session_touch (fcj_session_t *self);
void fcj_session_set_level (fcj_session_t *self, fcj_say_t level);
/*  False: too many. */
bool fcj_session_want (fcj_session_t *self, const char *what, bool wanted);
/*  Another front-end changed or ended it: read it again. */
void fcj_session_changed (fcj_front_t *front, const char *id);
#endif
