/*  native.c - fcj-native processes: started, used again, replaced.
 *
 *  One waits always, so that the first native job finds it warm; more are
 *  started when jobs are there, at most one a slot. What makes one unfit for
 *  another job: it was told to run alone, a job of it did not complete, it
 *  has served enough, it kept too much memory, or the handlers are others
 *  than those it has read.  */

#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../../jobs/log.h"

#define ARGS_MAX     128
#define BACKOFF_MS   250
#define BACKOFF_MAX  30000
#define WARM         1          /* processes that wait without any job */

typedef struct {
    char *argv[ARGS_MAX + 2];
    int argc;
    char *roots;                /* what some of them point into */
    char parent[24], uid[24], processes[24], catalogue[1200], home[1100];
    char *environment[4];
} command_t;

static void
s_arg (command_t *command, const char *flag, const char *value)
{
    if (command->argc + 2 > ARGS_MAX)
        return;
    command->argv[command->argc++] = (char *) (uintptr_t) flag;
    command->argv[command->argc++] = (char *) (uintptr_t) value;
}

/*  A writable root is told by "w:" in front of it.  */
static void
s_roots (command_t *command, const char *roots, bool writable)
{
    char *copy = strdup (roots), *rest = NULL;
    char *to = command->roots = calloc (1, 4 * strlen (roots) + 64);
    for (char *at = copy && to ? strtok_r (copy, ":", &rest) : NULL; at;
         at = strtok_r (NULL, ":", &rest)) {
        int size = sprintf (to, "%s%s", writable ? "w:" : "", at);
        s_arg (command, "--root", to);
        to += size + 1;
    }
    free (copy);
}

/*  The tools that the active zygote has, in a file of their own: a path that
 *  never has another content.  */
static int
s_catalogue (fcj_world_t *world, command_t *command)
{
    const fcj_zygote_t *zygote = world->active;
    snprintf (command->catalogue, sizeof command->catalogue,
              "%s/native-%u.json", world->root, zygote->generation);
    int fd = open (command->catalogue, O_WRONLY | O_CREAT | O_EXCL
                                       | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? 0 : -1;
    size_t size = strlen (zygote->catalogue);
    ssize_t put = write (fd, zygote->catalogue, size);
    close (fd);
    if (put == (ssize_t) size)
        return 0;
    unlink (command->catalogue);
    return -1;
}

static int
s_command (fcj_world_t *world, const fcj_process_t *process,
           command_t *command)
{
    const fcj_worker_options_t *options = &world->options;
    memset (command, 0, sizeof *command);
    if (s_catalogue (world, command))
        return -1;
    snprintf (command->parent, sizeof command->parent, "%d", getpid ());
    snprintf (command->uid, sizeof command->uid, "%lld",
              (long long) (options->uid_base < 0 ? -1
                           : options->uid_base + process->index));
    /*  Threads count, and a wide job may have one for each slot.  */
    snprintf (command->processes, sizeof command->processes, "%lld",
              (long long) options->processes_max + options->slots);
    snprintf (command->home, sizeof command->home, "HOME=%s/home",
              world->root);
    command->argv[command->argc++] = (char *) (uintptr_t)
        options->native_binary;
    s_arg (command, "--parent", command->parent);
    s_arg (command, "--scratch", process->scratch);
    s_arg (command, "--uid", command->uid);
    s_arg (command, "--processes", command->processes);
    s_arg (command, "--catalogue", command->catalogue);
    s_arg (command, "--sandbox", options->sandbox ? "on" : "off");
    s_arg (command, "--network", options->network ? "on" : "off");
    s_roots (command, options->roots, options->roots_write);
    command->environment[0] = command->home;
    command->environment[1] = (char *) (uintptr_t) "PATH=/usr/bin:/bin";
    command->environment[2] = (char *) (uintptr_t) "LANG=C.UTF-8";
    return 0;
}

/*  In the fork, before exec: only calls that are safe among threads. give:
 *  control socket, stdout, stderr; any of them may have a low number.  */
static void
s_exec (const command_t *command, const int give[3], pid_t parent)
{
    sigset_t none;
    int fds[3];
    sigemptyset (&none);
    sigprocmask (SIG_SETMASK, &none, NULL);
    signal (SIGPIPE, SIG_DFL);
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    if (getppid () != parent)
        _exit (1);
    for (int i = 0; i < 3; i++)
        fds[i] = fcntl (give[i], F_DUPFD, 10);
    int null = open ("/dev/null", O_RDONLY);
    dup2 (null, 0);
    dup2 (fds[1], 1);
    dup2 (fds[2], 2);
    dup2 (fds[0], 3);
    close_range (4, ~0U, 0);
    execve (command->argv[0], command->argv, command->environment);
    _exit (127);
}

static bool
s_start (fcj_world_t *world)
{
    int give[3];
    fcj_error_t error;
    command_t command = { .roots = NULL };
    fcj_process_t *process = fcj_process_new (world, NULL, give, &error);
    if (!process) {
        snprintf (world->native_broken, sizeof world->native_broken, "%s",
                  error.text);
        fcj_native_not_started (world);
        return false;
    }
    process->native = true;
    pid_t parent = getpid ();
    bool there = access (world->options.native_binary, X_OK) == 0;
    if (!there)
        snprintf (world->native_broken, sizeof world->native_broken,
                  "%.400s: %s", world->options.native_binary,
                  strerror (errno));
    process->pid = !there || s_command (world, process, &command) ? -1
        : fork ();
    if (process->pid == 0)
        s_exec (&command, give, parent);
    free (command.roots);
    for (int i = 0; i < 3; i++)
        close (give[i]);
    if (process->pid < 0) {
        process->pid = 0;
        fcj_process_free (world, process);
        fcj_native_not_started (world);
        return false;
    }
    process->state = FCJ_P_STARTING;
    world->native_started++;
    return true;
}

/* ---- From job to job -------------------------------------------------------- */

fcj_process_t *
fcj_native_waiting (fcj_world_t *world, bool isolated)
{
    fcj_process_t *best = NULL;
    for (int i = 0; i < FCJ_PROCESSES; i++) {
        fcj_process_t *process = &world->processes[i];
        if (!process->native || process->state != FCJ_P_WAITING
            || (isolated && process->served))
            continue;
        /*  The one that was used last is warmest; the others may end.  */
        if (!best || process->deadline > best->deadline)
            best = process;
    }
    return best;
}

bool
fcj_native_release (fcj_world_t *world, fcj_process_t *self, int64_t cpu_ms)
{
    world->native_jobs++;
    self->cpu_ms += cpu_ms;
    if (self->outdated || self->served >= world->options.native_jobs
        || world->draining)
        return false;
    self->job = NULL;
    self->state = FCJ_P_STARTING;
    self->deadline = world->now + FCJ_FORK_READY_MS;
    return true;
}

bool
fcj_native_on_waiting (fcj_world_t *world, fcj_process_t *self,
                       const fcj_map_t *message)
{
    self->resident = fcj_map_int (message, "resident", 0);
    if (!self->fresh)
        self->fresh = self->resident;
    if (self->resident - self->fresh > world->options.native_growth) {
        fcj_log (FCJ_INFO, "native_grew", NULL);
        fcj_process_end (world, self);
        return false;
    }
    self->state = FCJ_P_WAITING;
    self->deadline = world->now;
    world->native_failures = 0;
    world->native_broken[0] = 0;
    return true;
}

void
fcj_native_not_started (fcj_world_t *world)
{
    int64_t wait = BACKOFF_MS;
    for (int i = 0; i < world->native_failures && wait < BACKOFF_MAX; i++)
        wait *= 2;
    if (world->native_failures++ == 0)
        fcj_log (FCJ_ERROR, "native_not_started", "why",
                 world->native_broken, NULL);
    world->native_again = world->now + wait;
}

void
fcj_native_renew (fcj_world_t *world)
{
    for (int i = 0; i < FCJ_PROCESSES; i++) {
        fcj_process_t *process = &world->processes[i];
        if (!process->native || process->state == FCJ_P_FREE)
            continue;
        process->outdated = true;
        if (!process->job)
            fcj_process_end (world, process);
    }
}

static fcj_process_t *
s_of_pid (const fcj_world_t *world, pid_t pid)
{
    for (int i = 0; i < FCJ_PROCESSES; i++) {
        const fcj_process_t *process = &world->processes[i];
        if (process->native && process->state != FCJ_P_FREE
            && process->pid == pid)
            return (fcj_process_t *) (uintptr_t) process;
    }
    return NULL;
}

void
fcj_native_kill_group (const fcj_world_t *world, pid_t pid)
{
    if (s_of_pid (world, pid))
        kill (-pid, SIGKILL);
}

void
fcj_native_on_child (fcj_world_t *world, pid_t pid, int status,
                     int64_t cpu_ms, int64_t memory)
{
    fcj_process_t *process = s_of_pid (world, pid);
    if (process)
        fcj_process_on_exit (world, process, status,
                             cpu_ms - process->cpu_ms, memory);
}

/* ---- How many -------------------------------------------------------------- */

typedef struct {
    int waiting, starting, running, fresh;
    int wanted, wanted_fresh;   /* jobs without a process */
    fcj_process_t *oldest;      /* waits longest */
} count_t;

static count_t
s_count (fcj_world_t *world)
{
    count_t count = { 0 };
    for (int i = 0; i < FCJ_PROCESSES; i++) {
        fcj_process_t *process = &world->processes[i];
        if (!process->native)
            continue;
        count.running += process->state == FCJ_P_RUNNING;
        count.starting += process->state == FCJ_P_STARTING;
        if (process->state == FCJ_P_WAITING) {
            count.waiting++;
            if (!count.oldest || process->deadline < count.oldest->deadline)
                count.oldest = process;
        }
        count.fresh += process->served == 0
            && (process->state == FCJ_P_WAITING
                || process->state == FCJ_P_STARTING);
    }
    for (int i = 0; i < FCJ_JOBS; i++) {
        const fcj_worker_job_t *job = &world->jobs[i];
        count.wanted += job->state == FCJ_J_PENDING && job->native;
        count.wanted_fresh += job->state == FCJ_J_PENDING && job->native
            && job->isolated;
    }
    return count;
}

void
fcj_native_tick (fcj_world_t *world)
{
    if (!world->active || world->active->state != FCJ_Z_READY
        || !world->active->catalogue || world->draining
        || world->now < world->native_again)
        return;
    count_t count = s_count (world);
    int most = world->options.slots + WARM;
    int have = count.waiting + count.starting + count.running;
    bool few = count.waiting + count.starting < count.wanted
        || (count.waiting + count.starting < WARM && !count.running)
        || count.fresh < count.wanted_fresh;
    if (few && have < most)
        s_start (world);
    else if (count.fresh < count.wanted_fresh && count.oldest
             && count.oldest->served)
        fcj_process_end (world, count.oldest);  /* room for a new one */
    else if (count.waiting > WARM && !count.wanted
             && world->now - count.oldest->deadline > FCJ_NATIVE_IDLE_MS)
        fcj_process_end (world, count.oldest);
}
