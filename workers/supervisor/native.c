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
#include <string.h>
#include <unistd.h>

#include "../../jobs/log.h"
#include "command.h"

#define BACKOFF_MS   250
#define BACKOFF_MAX  30000
#define WARM         1          /* processes that wait without any job */

/*  The tools that the active zygote has, in a file of their own: a path that
 *  never has another content.  */
static int
s_catalogue (const fcj_world_t *world, char path[PATH_MAX])
{
    const fcj_zygote_t *zygote = world->active;
    snprintf (path, PATH_MAX, "%s/native-%u.json", world->root,
              zygote->generation);
    int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? 0 : -1;
    size_t size = strlen (zygote->catalogue);
    ssize_t put = write (fd, zygote->catalogue, size);
    close (fd);
    if (put == (ssize_t) size)
        return 0;
    unlink (path);
    return -1;
}

static void
s_command (const fcj_world_t *world, const fcj_process_t *process,
           const char *catalogue, fcj_command_t *command)
{
    const fcj_worker_options_t *options = &world->options;
    fcj_command_init (command, options->native_binary);
    fcj_command_arg (command, "--parent", "%d", getpid ());
    fcj_command_arg (command, "--scratch", "%s", process->scratch);
    fcj_command_arg (command, "--uid", "%lld",
                     (long long) (options->uid_base < 0 ? -1
                                  : options->uid_base + process->index));
    /*  Threads count, and a wide job may have one for each slot.  */
    fcj_command_arg (command, "--processes", "%lld",
                     (long long) options->processes_max + options->slots);
    fcj_command_arg (command, "--file-size", "%lld",
                     (long long) options->artifact_max);
    fcj_command_arg (command, "--catalogue", "%s", catalogue);
    fcj_command_walls (command, world);
}

/*  Its pid, or -1 with errno.  */
static pid_t
s_launch (const fcj_world_t *world, const fcj_process_t *process,
          const int give[3])
{
    char catalogue[PATH_MAX];
    fcj_command_t command;
    if (s_catalogue (world, catalogue))
        return -1;
    s_command (world, process, catalogue, &command);
    pid_t pid = fcj_command_start (&command, give, SIGKILL);
    int problem = errno;
    fcj_command_clear (&command);
    errno = problem;
    return pid;
}

static bool
s_start (fcj_world_t *world)
{
    int give[3];
    fcj_error_t error;
    fcj_process_t *process = fcj_process_new (world, NULL, give, &error);
    if (!process) {
        snprintf (world->native_broken, sizeof world->native_broken, "%s",
                  error.text);
        fcj_native_not_started (world);
        return false;
    }
    process->native = true;
    pid_t pid = s_launch (world, process, give);
    if (pid < 0)
        snprintf (world->native_broken, sizeof world->native_broken,
                  "%.400s: %s", world->options.native_binary,
                  strerror (errno));
    for (int i = 0; i < 3; i++)
        close (give[i]);
    if (pid < 0) {
        fcj_process_free (world, process);
        fcj_native_not_started (world);
        return false;
    }
    process->pid = pid;
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
