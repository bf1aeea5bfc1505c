/*  supervisor.c - the loop: wait, dispatch, look at the clock.  */

#include "world.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../jobs/log.h"

#define EVENTS_MAX   64
#define TURN_SOON_MS 4
#define TURN_BUSY_MS 50
#define TURN_IDLE_MS 250
#define LAST_WORD_MS 1000       /* for the answers to our RELEASEs */

/*  kind: 8 bits, index: 24, generation: 32.  */
int
fcj_world_watch (fcj_world_t *world, int fd, fcj_on_t on, int index,
                 uint32_t generation)
{
    struct epoll_event event = { .events = EPOLLIN };
    event.data.u64 = (uint64_t) on << 56 | (uint64_t) (unsigned) index << 32
                     | generation;
    return epoll_ctl (world->epoll, EPOLL_CTL_ADD, fd, &event);
}

/* ---- Signals ------------------------------------------------------------------ */

static int
s_signals (fcj_world_t *world)
{
    sigset_t mask;
    sigemptyset (&mask);
    sigaddset (&mask, SIGTERM);
    sigaddset (&mask, SIGINT);
    sigaddset (&mask, SIGCHLD);
    sigprocmask (SIG_BLOCK, &mask, NULL);
    signal (SIGPIPE, SIG_IGN);
    int fd = signalfd (-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    fcj_world_watch (world, fd, FCJ_ON_SIGNAL, 0, 0);
    return fd;
}

static void
s_drain (fcj_world_t *world)
{
    if (world->draining) {              /* asked twice: at once */
        world->drain_until = world->now;
        return;
    }
    fcj_log (FCJ_INFO, "draining", NULL);
    world->draining = true;
    world->drain_until = world->now + FCJ_DRAIN_MS;
    fcj_link_send_empty (world->link, "DRAIN");
    for (int i = 0; i < FCJ_JOBS; i++)
        if (world->jobs[i].state == FCJ_J_PENDING)
            fcj_job_release (world, &world->jobs[i], false,
                             "the worker is stopping");
}

/*  Zygotes tell their end by their socket's; orphans have no other.  */
static void
s_on_signal (fcj_world_t *world, int fd)
{
    struct signalfd_siginfo info;
    while (read (fd, &info, sizeof info) == sizeof info)
        if (info.ssi_signo != SIGCHLD)
            s_drain (world);
    struct rusage use;
    siginfo_t child = { .si_pid = 0 };
    int status;
    /*  Its number is its own until it is reaped: what it left in its group
     *  dies before.  */
    while (waitid (P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0
           && child.si_pid > 0) {
        pid_t pid = child.si_pid;
        fcj_native_kill_group (world, pid);
        fcj_host_kill_group (world, pid);
        if (wait4 (pid, &status, 0, &use) != pid)
            return;
        child.si_pid = 0;
        if (world->host && fcj_host_on_child (world, pid, status))
            continue;
        for (int i = 0; i < FCJ_ZYGOTES; i++)
            if (world->zygotes[i].state != FCJ_Z_FREE
                && world->zygotes[i].pid == pid) {
                world->zygotes[i].pid = 0;
                fcj_zygote_read (world, &world->zygotes[i]);
            }
        int64_t cpu_ms = (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000
            + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1000;
        fcj_native_on_child (world, pid, status, cpu_ms,
                             use.ru_maxrss * 1024L);
    }
}

/* ---- The loop -------------------------------------------------------------------- */

static void
s_dispatch (fcj_world_t *world, uint64_t data, int signals)
{
    fcj_on_t on = (fcj_on_t) (data >> 56);
    int index = (int) (data >> 32 & 0xFFFFFF);
    uint32_t generation = (uint32_t) data;
    fcj_worker_job_t *job;

    switch (on) {
    case FCJ_ON_LINK:
        fcj_link_wake (world->link);
        fcj_link_read (world->link);
        break;
    case FCJ_ON_SIGNAL:
        s_on_signal (world, signals);
        break;
    case FCJ_ON_INGEST:
        while ((job = fcj_ingest_next (world->ingest)))
            fcj_job_on_stored (world, job);
        break;
    case FCJ_ON_ZYGOTE:
        if (world->zygotes[index].state != FCJ_Z_FREE
            && world->zygotes[index].generation == generation)
            fcj_zygote_read (world, &world->zygotes[index]);
        break;
    default: {
        fcj_process_t *process = &world->processes[index];
        if (process->state == FCJ_P_FREE || process->generation != generation)
            break;
        if (on == FCJ_ON_CONTROL)
            fcj_process_on_control (world, process);
        else
            fcj_process_on_output (world, process, on == FCJ_ON_STDERR);
    } }
}

static void
s_drain_tick (fcj_world_t *world)
{
    if (!world->draining)
        return;
    if (world->now >= world->drain_until)
        for (int i = 0; i < FCJ_JOBS; i++)
            fcj_job_release (world, &world->jobs[i], false,
                             "the worker is stopping");
    if ((fcj_job_count (world) == 0
         && !(world->host && fcj_host_resting (world)))
        || world->now >= world->drain_until + LAST_WORD_MS)
        world->done = true;
}

static void
s_turn (fcj_world_t *world, int signals)
{
    struct epoll_event events[EVENTS_MAX];
    bool busy = fcj_job_count (world) || world->draining || world->next
        || (world->host ? fcj_host_busy (world)
            : !world->active || world->active->state != FCJ_Z_READY);

    fcj_link_read (world->link);
    int wait = world->unheard ? 0 : world->refill ? TURN_SOON_MS
        : busy ? TURN_BUSY_MS : TURN_IDLE_MS;
    int count = epoll_wait (world->epoll, events, EVENTS_MAX, wait);
    world->unheard = false;
    world->now = fcj_mono_ms ();
    if (count == 0) {
        fcj_link_wake (world->link);
        fcj_ingest_tick (world->ingest);
    }
    for (int i = 0; i < count; i++)
        s_dispatch (world, events[i].data.u64, signals);
    if (world->host)
        fcj_host_tick (world);
    else {
        fcj_zygote_tick (world);
        fcj_native_tick (world);
    }
    fcj_process_tick (world);
    fcj_job_tick (world);
    fcj_watch_tick (world);
    fcj_link_tick (world->link);
    s_drain_tick (world);
}

/*  Waits for its own zygotes only: who started us may have left us another
 *  child. Orphans of killed jobs come once their parents are gone.  */
static void
s_end_all (fcj_world_t *world)
{
    fcj_host_destroy (world);
    for (int i = 0; i < FCJ_PROCESSES; i++)
        if (world->processes[i].state != FCJ_P_FREE)
            fcj_process_kill (&world->processes[i], SIGKILL);
    for (int i = 0; i < FCJ_ZYGOTES; i++) {
        const fcj_zygote_t *zygote = &world->zygotes[i];
        if (zygote->state != FCJ_Z_FREE && zygote->pid > 0) {
            kill (zygote->pid, SIGKILL);
            waitpid (zygote->pid, NULL, 0);
        }
    }
    for (int i = 0; i < FCJ_PROCESSES; i++)
        if (world->processes[i].state != FCJ_P_FREE
            && world->processes[i].pid > 0)
            waitpid (world->processes[i].pid, NULL, 0);
}

/*  What is still held when everybody is gone: nothing is lost at the end, so
 *  that a leak checker speaks of real leaks only.  */
static void
s_forget_all (fcj_world_t *world)
{
    for (int i = 0; i < FCJ_PROCESSES; i++)
        fcj_frames_destroy (&world->processes[i].frames);
    for (int i = 0; i < FCJ_ZYGOTES; i++) {
        free (world->zygotes[i].info);
        free (world->zygotes[i].catalogue);
    }
}

int
fcj_supervisor_run (const fcj_worker_options_t *options, fcj_error_t *error)
{
    fcj_world_t *world = calloc (1, sizeof *world);
    if (!world)
        return fcj_fail (error, FCJ_INTERNAL, "out of memory");
    world->options = *options;
    world->now = fcj_mono_ms ();
    for (int i = 0; i < FCJ_JOBS; i++)
        world->jobs[i].index = i;
    fcj_id_new (world->worker);
    prctl (PR_SET_CHILD_SUBREAPER, 1);
    world->epoll = epoll_create1 (EPOLL_CLOEXEC);
    world->lock = fcj_leftover_claim (options, world->worker, world->root,
                                      sizeof world->root, error);
    if (world->lock < 0) {
        free (world);
        return -1;
    }
    int signals = s_signals (world);
    if (!options->gui)
        fcj_zygote_start (world, false);    /* before ZeroMQ has threads */
    if (!options->gui || fcj_host_new (world, error)) {
        world->ingest = fcj_ingest_new (&world->options, error);
        world->memo = fcj_memo_new (options->memo, options->memo_max, error);
    }
    world->link = world->ingest && world->memo
        ? fcj_link_new (world, error) : NULL;
    int done = world->link ? 0 : -1;
    if (done == 0) {
        fcj_world_watch (world, fcj_ingest_fd (world->ingest), FCJ_ON_INGEST,
                         0, 0);
        if (world->host)
            fcj_link_hello (world->link);   /* no slot yet, but we are here */
        while (!world->done)
            s_turn (world, signals);
        fcj_link_send_empty (world->link, "BYE");
    }
    s_end_all (world);
    fcj_link_destroy (&world->link);
    fcj_ingest_destroy (&world->ingest);
    fcj_memo_destroy (&world->memo);
    fcj_leftover_remove (options, world->root);
    s_forget_all (world);
    free (world);
    return done;
}
