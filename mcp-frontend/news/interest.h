/*  interest.h - what an open stream wants to hear: that a list changed, that
 *  a resource changed, how a task is.
 *
 *  Behind each GET stream of a session, each subscriptions/listen and each
 *  legacy client on stdio stands one. A job's record and its task change
 *  when the job does: told at once when its state changes, else at most once
 *  in FCJ_INTEREST_MS; stdout and stderr when more has been printed, looked
 *  at as often; its files when it ends.  */

#ifndef FCJ_MCP_INTEREST_H
#define FCJ_MCP_INTEREST_H
#include "../session/session.h"

#define FCJ_INTEREST_MS 1000

typedef enum {
    FCJ_LIST_TOOLS = 1, FCJ_LIST_PROMPTS = 2, FCJ_LIST_RESOURCES = 4
} fcj_list_kind_t;

typedef struct fcj_interest fcj_interest_t;
/*  params is taken, may be NULL. */
typedef void (fcj_interest_fn) (void *arg, const char *method,
                                json_t *params);

/*  It hears of nothing yet. */
fcj_interest_t *fcj_interest_new (fcj_front_t *front, fcj_interest_fn *fn,
                                  void *arg);
void fcj_interest_destroy (fcj_interest_t **self_p);
/*  Of these lists. */
void fcj_interest_lists (fcj_interest_t *self, int kinds);
/*  Of a resource; or, what beginning with "task:", of a task. owner: whose
 *  stream it is (rights have been checked). */
void fcj_interest_add (fcj_interest_t *self, const char *what,
                       const char *owner);
/*  Of all lists, and of what a session wants, now and as it changes. since:
 *  of a stream that is resumed, when it heard something last (wall clock, ms):
 *  what has changed since then is told; 0: it begins now. */
void fcj_interest_follow (fcj_interest_t *self, fcj_session_t *session,
                          int64_t since);
void fcj_interest_refresh (fcj_front_t *front, fcj_session_t *session);

/*  Something changed: whoever wants to is told. */
void fcj_interest_list_changed (fcj_front_t *front, fcj_list_kind_t kind);
/*  Every freecad:// resource that is(arg, uri) says has changed. */
typedef bool (fcj_interest_is_fn) (const void *arg, const char *uri);
void fcj_interest_live_changed (fcj_front_t *front, fcj_interest_is_fn *is,
                                const void *arg);
void fcj_interest_tick (fcj_front_t *front, int64_t now);

/*  Whether what begins with "task:", which no URI of ours does. */
bool fcj_interest_is_task (const char *what);
/*  The job that "job://<id>..." or "task:<id>" is about, or false. */
bool fcj_interest_job (const char *what, fcj_id_t job);
#endif
