/*  sandbox.h - the walls around a job process.
 *
 *  fcj_sandbox_enter is called in the forked child, once, before any code of
 *  a user. What it does, in this order, because each step takes away what an
 *  earlier one needs: own session, rlimits, another uid (as root), death
 *  with the parent (setuid forgets it), no new privileges, Landlock, seccomp.
 *  A step that fails fails the whole: a job never runs half protected. The
 *  one exception is a kernel without Landlock, which the operator is told of
 *  in service_status.  */

#ifndef FCJ_SANDBOX_H
#define FCJ_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "../../jobs/error.h"

#define FCJ_ROOTS_MAX 32

typedef struct {
    const char *path;
    bool writable;
} fcj_root_t;

typedef struct {
    bool on;                    /* off: rlimits only */
    bool network;               /* sockets allowed */
    uid_t uid;                  /* (uid_t) -1: stay who we are */
    pid_t parent;               /* dies with it */
    const char *scratch;        /* read and write */
    const char *const *readable; /* further paths to read, NULL-terminated */
    const fcj_root_t *roots;
    size_t root_count;
    long processes;             /* RLIMIT_NPROC; 0: leave */
    long file_size;             /* RLIMIT_FSIZE, bytes */
} fcj_sandbox_t;

/*  Once, in the zygote, before any fork.  */
int fcj_sandbox_prepare (bool network, fcj_error_t *error);
/*  0, or -1 with what failed.  */
int fcj_sandbox_enter (const fcj_sandbox_t *self, fcj_error_t *error);
#endif
