/*  child.h - one program that the service keeps running.
 *
 *  A child has a name, a command and a log file. It is started when the
 *  service says so and again whenever it ends, after a pause that doubles
 *  from 50 ms to 5 s and is forgotten when the child lived 30 s. Each child
 *  leads a process group of its own, so that Ctrl-C in a terminal reaches the
 *  service alone, which then stops them in order; and dies with the service
 *  (PDEATHSIG), however that ends.
 *
 *  A child that must never exist twice (Redis on one append-only file, a
 *  broker on one endpoint) holds a lock file: its copy of the descriptor is
 *  inherited, so that the child of a killed service keeps the next one
 *  waiting until it is really gone.  */

#ifndef FCJ_CHILD_H
#define FCJ_CHILD_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct fcj_child fcj_child_t;

/*  argv is copied; argv[0] is a path or found on PATH. log: file for stdout
 *  and stderr, appended. lock: path of the lock file or NULL.  */
fcj_child_t *fcj_child_new (const char *name, char *const *argv,
                            const char *log, const char *lock);
void fcj_child_destroy (fcj_child_t **self_p);

/*  Starts it when it does not run, is not being stopped and its pause is
 *  over. Call as often as you like.  */
void fcj_child_keep (fcj_child_t *self, int64_t now);
/*  Tells it that process pid ended; false when it is not this child's.  */
bool fcj_child_reaped (fcj_child_t *self, pid_t pid, int status, int64_t now);
/*  SIGTERM once, SIGKILL when grace_ms are over; true when it is gone.  */
bool fcj_child_stop (fcj_child_t *self, int64_t now, int64_t grace_ms);

const char *fcj_child_name (const fcj_child_t *self);
pid_t fcj_child_pid (const fcj_child_t *self);          /* 0: not running */
int64_t fcj_child_started (const fcj_child_t *self);
/*  Times in a row that it ended before it had lived 30 s.  */
int fcj_child_failures (const fcj_child_t *self);
/*  How it ended last, for people: "exit status 127". */
const char *fcj_child_ending (const fcj_child_t *self);
const char *fcj_child_log (const fcj_child_t *self);
#endif
