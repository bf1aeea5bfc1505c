/*  watch.h - who wants to hear of which job.
 *
 *  The broker is asked to watch a job while at least one watch is on it. A
 *  watch may be made and destroyed at any time, from inside an event too.  */

#ifndef FCJ_MCP_WATCH_H
#define FCJ_MCP_WATCH_H
#include "../call.h"

typedef void (fcj_watch_fn) (void *arg, const char *job,
                             const fcj_map_t *event);
typedef struct fcj_watches fcj_watches_t;

fcj_watches_t *fcj_watches_new (void);
void fcj_watches_destroy (fcj_watches_t **self_p);
/*  An EVENT of the broker: told to each watch on the job. */
void fcj_watches_event (fcj_watches_t *self, const char *job,
                        const fcj_map_t *event);

fcj_watch_t *fcj_watch_new (fcj_front_t *front, const char *job,
                            fcj_watch_fn *fn, void *arg);
void fcj_watch_destroy (fcj_watch_t **self_p);
#endif
