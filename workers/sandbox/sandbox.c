/*  sandbox.c - see sandbox.h.  */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "landlock.h"
#include "seccomp.h"

#define JOB_FILES       1024
#define OOM_SCORE       "500"

static int
s_limit (int what, rlim_t value)
{
    struct rlimit limit;
    if (getrlimit (what, &limit))
        return -1;
    if (limit.rlim_max != RLIM_INFINITY && value > limit.rlim_max)
        value = limit.rlim_max;
    limit.rlim_cur = limit.rlim_max = value;
    return setrlimit (what, &limit);
}

static int
s_limits (const fcj_sandbox_t *self)
{
    if (s_limit (RLIMIT_CORE, 0) || s_limit (RLIMIT_NOFILE, JOB_FILES))
        return -1;
    if (self->file_size && s_limit (RLIMIT_FSIZE, (rlim_t) self->file_size))
        return -1;
    if (self->processes && s_limit (RLIMIT_NPROC, (rlim_t) self->processes))
        return -1;
    return 0;
}

/*  The kernel's out-of-memory killer shall take a job, not the broker.  */
static void
s_oom_score (void)
{
    int fd = open ("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t ignored = write (fd, OOM_SCORE, strlen (OOM_SCORE));
    (void) ignored;
    close (fd);
}

static int
s_become (uid_t uid)
{
    return setgroups (0, NULL) || setresgid (uid, uid, uid)
           || setresuid (uid, uid, uid) ? -1 : 0;
}

int
fcj_sandbox_prepare (bool network, fcj_error_t *error)
{
    return fcj_seccomp_prepare (network, error);
}

int
fcj_sandbox_enter (const fcj_sandbox_t *self, fcj_error_t *error)
{
    if (setsid () < 0)
        return fcj_fail (error, FCJ_INTERNAL, "setsid: %s", strerror (errno));
    s_oom_score ();
    if (s_limits (self))
        return fcj_fail (error, FCJ_INTERNAL, "setrlimit: %s",
                         strerror (errno));
    if (self->on && self->uid != (uid_t) -1 && s_become (self->uid))
        return fcj_fail (error, FCJ_INTERNAL, "cannot become uid %u: %s",
                         (unsigned) self->uid, strerror (errno));
    if (prctl (PR_SET_PDEATHSIG, SIGKILL) || getppid () != self->parent)
        return fcj_fail (error, FCJ_INTERNAL, "the zygote is gone");
    if (chdir (self->scratch))
        return fcj_fail (error, FCJ_INTERNAL, "%s: %s", self->scratch,
                         strerror (errno));
    if (!self->on)
        return 0;
    if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return fcj_fail (error, FCJ_INTERNAL, "no_new_privs: %s",
                         strerror (errno));
    if (fcj_landlock_enter (self, error))
        return -1;
    return fcj_seccomp_enter (error);
}
