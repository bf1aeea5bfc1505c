/*  child.c - see child.h. Nothing here blocks: the service's loop calls in
 *  with the time it is.  */

#include "child.h"
#include "logfile.h"
#include "../../jobs/log.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAUSE_MIN_MS    50
#define PAUSE_MAX_MS    5000
#define SETTLED_MS      30000

struct fcj_child {
    char *name, *log, *lock;
    char **argv;
    pid_t pid;
    int64_t started;            /* of the running process                   */
    int64_t due;                /* not to be started before                 */
    int64_t pause;
    int64_t stopping;           /* since when; 0: not                       */
    bool killed;
    int failures;
    char ending[64];
};

static char *s_copy (const char *text)
{
    char *copy = text ? strdup (text) : NULL;
    if (text && !copy)
        abort ();
    return copy;
}

fcj_child_t *fcj_child_new (const char *name, char *const *argv,
                            const char *log, const char *lock)
{
    size_t count = 0;
    while (argv[count])
        count++;
    fcj_child_t *self = calloc (1, sizeof *self);
    char **copy = calloc (count + 1, sizeof *copy);
    if (!self || !copy)
        abort ();
    for (size_t n = 0; n < count; n++)
        copy[n] = s_copy (argv[n]);
    self->argv = copy;
    self->name = s_copy (name);
    self->log = s_copy (log);
    self->lock = s_copy (lock);
    self->pause = PAUSE_MIN_MS;
    return self;
}

void fcj_child_destroy (fcj_child_t **self_p)
{
    fcj_child_t *self = *self_p;
    if (!self)
        return;
    for (char **arg = self->argv; *arg; arg++)
        free (*arg);
    free (self->argv);
    free (self->name);
    free (self->log);
    free (self->lock);
    free (self);
    *self_p = NULL;
}

/*  Between fork and exec: only what is safe there.  */
__attribute__ ((noreturn))
static void s_become (fcj_child_t *self, pid_t parent, int log, int lock)
{
    sigset_t none;
    sigemptyset (&none);
    sigprocmask (SIG_SETMASK, &none, NULL);
    signal (SIGPIPE, SIG_DFL);
    setpgid (0, 0);
    prctl (PR_SET_PDEATHSIG, SIGTERM);
    if (getppid () != parent)
        _exit (0);                      /* the service died meanwhile */
    int null = open ("/dev/null", O_RDWR);
    dup2 (null, 0);
    dup2 (log >= 0 ? log : null, 1);
    dup2 (log >= 0 ? log : null, 2);
    if (lock >= 0)
        fcntl (lock, F_SETFD, 0);       /* inherited: see child.h */
    execvp (self->argv[0], self->argv);
    dprintf (2, "%s: cannot start: %s\n", self->argv[0], strerror (errno));
    _exit (127);
}

static void s_wait_longer (fcj_child_t *self, int64_t now)
{
    self->due = now + self->pause;
    self->pause *= 2;
    if (self->pause > PAUSE_MAX_MS)
        self->pause = PAUSE_MAX_MS;
}

/*  The lock's descriptor, -1 without a lock, -2 when another holds it.  */
static int s_take_lock (const char *path)
{
    if (!path)
        return -1;
    int lock = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock >= 0 && flock (lock, LOCK_EX | LOCK_NB) == 0)
        return lock;
    if (lock >= 0)
        close (lock);
    return -2;
}

void fcj_child_keep (fcj_child_t *self, int64_t now)
{
    if (self->pid || self->stopping || now < self->due)
        return;
    int lock = s_take_lock (self->lock);
    if (lock == -2) {
        snprintf (self->ending, sizeof self->ending,
                  "another %s still runs here", self->name);
        self->due = now + PAUSE_MIN_MS;
        return;
    }
    int log = fcj_logfile_open (self->log);
    pid_t parent = getpid ();
    pid_t pid = fork ();
    if (pid == 0)
        s_become (self, parent, log, lock);
    if (log >= 0)
        close (log);
    if (lock >= 0)
        close (lock);
    if (pid < 0) {
        snprintf (self->ending, sizeof self->ending, "fork: %s",
                  strerror (errno));
        s_wait_longer (self, now);
        return;
    }
    self->pid = pid;
    self->started = now;
    char number[16];
    snprintf (number, sizeof number, "%d", (int) pid);
    fcj_log (FCJ_INFO, "child_started", "name", self->name, "pid", number,
             NULL);
}

static void s_describe (fcj_child_t *self, int status)
{
    if (WIFSIGNALED (status))
        snprintf (self->ending, sizeof self->ending, "signal %d (%s)",
                  WTERMSIG (status), strsignal (WTERMSIG (status)));
    else
        snprintf (self->ending, sizeof self->ending, "exit status %d",
                  WEXITSTATUS (status));
}

bool fcj_child_reaped (fcj_child_t *self, pid_t pid, int status, int64_t now)
{
    if (pid != self->pid || !pid)
        return false;
    self->pid = 0;
    s_describe (self, status);
    if (now - self->started >= SETTLED_MS) {
        self->pause = PAUSE_MIN_MS;
        self->failures = 0;
    }
    self->failures++;
    s_wait_longer (self, now);
    fcj_log (self->stopping ? FCJ_INFO : FCJ_WARNING, "child_ended",
             "name", self->name, "how", self->ending, NULL);
    return true;
}

bool fcj_child_stop (fcj_child_t *self, int64_t now, int64_t grace_ms)
{
    if (!self->stopping) {
        self->stopping = now;
        if (self->pid)
            kill (self->pid, SIGTERM);
    }
    if (self->pid && !self->killed && now - self->stopping >= grace_ms) {
        fcj_log (FCJ_WARNING, "child_killed", "name", self->name, NULL);
        kill (self->pid, SIGKILL);
        self->killed = true;
    }
    return self->pid == 0;
}

const char *fcj_child_name (const fcj_child_t *self) { return self->name; }
pid_t fcj_child_pid (const fcj_child_t *self) { return self->pid; }
int64_t fcj_child_started (const fcj_child_t *self) { return self->started; }
int fcj_child_failures (const fcj_child_t *self) { return self->failures; }
const char *fcj_child_ending (const fcj_child_t *self)
{
    return self->ending;
}
const char *fcj_child_log (const fcj_child_t *self) { return self->log; }
