/*  process.c - job processes, from their making to the last byte.  */

#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../jobs/log.h"

#define READ_MAX     (64 * 1024)
#define ERROR_TEXT   400
#define DRAIN_MAX    64         /* reads: a grandchild may go on writing */
#define MESSAGES_MAX 64         /* one process' share of a turn */

static int
s_scratch (fcj_world_t *world, fcj_process_t *self)
{
    char artifacts[PATH_MAX];
    snprintf (self->scratch, sizeof self->scratch, "%s/%d-%u", world->root,
              self->index, self->generation);
    snprintf (artifacts, sizeof artifacts, "%s/artifacts", self->scratch);
    if (mkdir (self->scratch, 0700) || mkdir (artifacts, 0700))
        return -1;
    if (world->options.uid_base < 0)
        return 0;
    uid_t uid = (uid_t) (world->options.uid_base + self->index);
    return chown (artifacts, uid, uid) || chown (self->scratch, uid, uid);
}

/*  give[0] is the far end of the control socket, [1] and [2] the ends that
 *  it writes stdout and stderr to.  */
static int
s_wires (fcj_process_t *self, int give[3])
{
    int pair[2];
    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return -1;
    self->control = pair[0];
    give[0] = pair[1];
    for (int i = 0; i < 2; i++) {
        if (pipe2 (pair, O_CLOEXEC))
            return -1;
        self->out[i] = pair[0];
        give[1 + i] = pair[1];
        fcntl (self->out[i], F_SETFL, O_NONBLOCK);
    }
    return 0;
}

static int
s_watch (fcj_world_t *world, const fcj_process_t *self)
{
    return fcj_world_watch (world, self->control, FCJ_ON_CONTROL, self->index,
                            self->generation)
        || fcj_world_watch (world, self->out[0], FCJ_ON_STDOUT, self->index,
                            self->generation)
        || fcj_world_watch (world, self->out[1], FCJ_ON_STDERR, self->index,
                            self->generation) ? -1 : 0;
}

fcj_process_t *
fcj_process_new (fcj_world_t *world, fcj_zygote_t *zygote, int give[3],
                 fcj_error_t *error)
{
    fcj_process_t *self = NULL;
    for (int i = 0; i < FCJ_PROCESSES && !self; i++)
        if (world->processes[i].state == FCJ_P_FREE)
            self = &world->processes[i];
    if (!self) {
        fcj_fail (error, FCJ_INTERNAL, "no room for another process");
        return NULL;
    }
    memset (self, 0, sizeof *self);
    self->index = (int) (self - world->processes);
    self->generation = ++world->generation;
    self->zygote = zygote;
    self->state = FCJ_P_FORKING;
    self->deadline = world->now + FCJ_FORK_READY_MS;
    self->control = self->out[0] = self->out[1] = -1;
    give[0] = give[1] = give[2] = -1;
    self->frames = fcj_frames_new (FCJ_FRAME_MAX);
    if (!self->frames || s_scratch (world, self) || s_wires (self, give)
        || s_watch (world, self)) {
        fcj_fail (error, FCJ_INTERNAL, "a process cannot be prepared: %s",
                  strerror (errno));
        for (int i = 0; i < 3; i++)
            if (give[i] >= 0)
                close (give[i]);
        fcj_process_free (world, self);
        return NULL;
    }
    return self;
}

static void
s_close (int *fd)
{
    if (*fd >= 0)
        close (*fd);
    *fd = -1;
}

void
fcj_process_free (fcj_world_t *world, fcj_process_t *self)
{
    s_close (&self->control);
    s_close (&self->out[0]);
    s_close (&self->out[1]);
    fcj_frames_destroy (&self->frames);
    self->unheard = false;
    fcj_ingest_remove (world->ingest, self->scratch);
    self->state = FCJ_P_FREE;
    self->job = NULL;
}

void
fcj_process_kill (fcj_process_t *self, int signal)
{
    self->killed |= signal == SIGKILL;
    /*  Before its setsid the group does not exist yet.  */
    if (self->pid > 0 && kill (-self->pid, signal))
        kill (self->pid, signal);
}

fcj_process_t *
fcj_process_waiting (fcj_world_t *world)
{
    for (int i = 0; i < FCJ_PROCESSES; i++) {
        fcj_process_t *process = &world->processes[i];
        if (process->state == FCJ_P_WAITING && !process->proof
            && !process->native && process->zygote == world->active)
            return process;
    }
    return NULL;
}

static void
s_on_proof (fcj_world_t *world, fcj_process_t *self, const char *type,
            const fcj_map_t *message)
{
    char state[16] = "", why[400] = "the self-check failed";
    if (strcmp (type, "result") != 0)
        return;
    fcj_map_copy (message, "state", state, sizeof state);
    fcj_map_copy (message, "error", why, sizeof why);
    fcj_process_end (world, self);
    fcj_zygote_proved (world, strcmp (state, "completed") == 0, why);
}

static void
s_on_waiting (fcj_world_t *world, fcj_process_t *self,
              const fcj_map_t *message)
{
    if (self->native) {
        if (fcj_native_on_waiting (world, self, message))
            fcj_job_dispatch (world);
        return;
    }
    self->state = self->proof ? FCJ_P_RUNNING : FCJ_P_WAITING;
    world->fork_failures = 0;
    if (self->proof && fcj_run_send_proof (world, self))
        fcj_zygote_proved (world, false, "the self-check was not taken");
    else if (!self->proof && !world->announced) {
        world->announced = true;
        world->failures = 0;
        fcj_link_hello (world->link);
    }
    fcj_job_dispatch (world);
}

static void
s_on_message (fcj_world_t *world, fcj_process_t *self,
              const fcj_map_t *message)
{
    char type[16];
    if (fcj_map_copy (message, "type", type, sizeof type) <= 0)
        return;
    if (self->host && fcj_host_on_message (world, self, type, message))
        return;
    if (self->state == FCJ_P_STARTING) {
        if (strcmp (type, "waiting") == 0)
            s_on_waiting (world, self, message);
    } else if (self->proof)
        s_on_proof (world, self, type, message);
    else if (self->job)
        fcj_job_on_message (world, self, message);
}

/*  A window may be a person's, which cannot be killed: it is told by the end
 *  of its socket, and so are we.  */
void
fcj_process_break (fcj_process_t *self)
{
    fcj_process_kill (self, SIGKILL);
    if (self->host)
        shutdown (self->control, SHUT_RDWR);
    else
        s_close (&self->control);
}

/*  True when its share of this turn is used up and there may be more.  */
static bool
s_messages (fcj_world_t *world, fcj_process_t *self)
{
    const void *bytes;
    size_t size;
    int next = 0;
    /*  The window's share is all that came: nobody else is served here.  */
    for (int i = 0; self->control >= 0; i++) {
        if (i == MESSAGES_MAX && !self->host)
            return true;
        next = fcj_frames_next (self->frames, &bytes, &size);
        if (next <= 0)
            break;
        fcj_map_t *message = fcj_map_new (bytes, size);
        if (message)
            s_on_message (world, self, message);
        fcj_map_destroy (&message);
    }
    if (next < 0 && self->control >= 0)
        fcj_process_break (self);
    return false;
}

/*  Nothing is read before all that was read is heard: what a process says
 *  faster than it is heard waits in the socket, which has a bound.  */

void
fcj_process_on_control (fcj_world_t *world, fcj_process_t *self)
{
    /*  "waiting" may overtake the zygote's "forked", which tells the pid.  */
    if (self->control < 0 || self->state == FCJ_P_FORKING)
        return;
    int got = 0;
    bool more = s_messages (world, self);
    if (!more && self->control >= 0
        && (got = fcj_frames_read (self->frames, self->control)) > 0)
        more = s_messages (world, self);
    self->unheard = more;
    world->unheard |= more;
    if (got < 0) {
        s_close (&self->control);
        if (self->host)
            fcj_host_on_close (world, self);
    }
}

void
fcj_process_hear_out (fcj_world_t *world, fcj_process_t *self)
{
    do
        while (s_messages (world, self))
            ;
    while (self->control >= 0
           && fcj_frames_read (self->frames, self->control) > 0);
}

/*  True when there may be more.  */
static bool
s_read_output (fcj_world_t *world, fcj_process_t *self, int which)
{
    static char buffer[READ_MAX];
    if (self->out[which] < 0)
        return false;
    ssize_t got = read (self->out[which], buffer, sizeof buffer);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        s_close (&self->out[which]);
    if (got <= 0)
        return false;
    if (self->job)
        fcj_job_on_bytes (world, self->job, which, buffer, (size_t) got);
    else if (self->state == FCJ_P_STARTING || self->proof) {
        /*  Why it does not start, say.  */
        ssize_t skip = got > ERROR_TEXT ? got - ERROR_TEXT : 0;
        snprintf (self->native ? world->native_broken : world->broken,
                  sizeof world->broken, "%.*s", (int) (got - skip),
                  buffer + skip);
    }
    return got == sizeof buffer;
}

void
fcj_process_on_output (fcj_world_t *world, fcj_process_t *self, int which)
{
    s_read_output (world, self, which);
}

void
fcj_process_drain (fcj_world_t *world, fcj_process_t *self)
{
    for (int which = 0; which < 2; which++)
        for (int i = 0; i < DRAIN_MAX; i++)
            if (!s_read_output (world, self, which))
                break;
}

void
fcj_process_end (fcj_world_t *world, fcj_process_t *self)
{
    if (self->state == FCJ_P_ENDING || self->state == FCJ_P_FREE)
        return;
    if (!self->killed)
        fcj_process_kill (self, SIGKILL);
    self->job = NULL;
    self->state = FCJ_P_ENDING;
    self->deadline = world->now + FCJ_END_MS;
    s_close (&self->control);
    s_close (&self->out[0]);
    s_close (&self->out[1]);
}

/*  The window has other jobs to run, as soon as it says that it waits.  */
void
fcj_process_let_go (fcj_world_t *world, fcj_process_t *self)
{
    if (!self->host) {
        fcj_process_end (world, self);
        return;
    }
    self->job = NULL;
    self->state = FCJ_P_RESTING;
}

/*  It ended before it waited; what it printed says why, perhaps.  */
static void
s_on_not_ready (fcj_world_t *world, fcj_process_t *self)
{
    fcj_process_drain (world, self);
    if (self->native) {
        fcj_native_not_started (world);
        return;
    }
    fcj_log (FCJ_ERROR, "process_not_ready", "why", world->broken, NULL);
    if (self->proof)
        fcj_zygote_proved (world, false, "the process for the self-check "
                           "ended before it was ready");
    else if (!self->host)
        fcj_zygote_not_forked (world);
}

/*  What it said before it died counts: socket first, then pipes. What it left
 *  in its group the zygote has killed before it reaped it; now its number may
 *  be somebody else's.  */
void
fcj_process_on_exit (fcj_world_t *world, fcj_process_t *self, int status,
                     int64_t cpu_ms, int64_t memory)
{
    self->pid = 0;
    fcj_process_hear_out (world, self);
    if (self->state == FCJ_P_RUNNING)
        fcj_process_drain (world, self);
    if (self->job)
        fcj_job_on_end (world, self->job, status, cpu_ms, memory);
    else if (self->proof && self->state == FCJ_P_RUNNING)
        fcj_zygote_proved (world, false, "the self-check crashed");
    else if (self->state == FCJ_P_STARTING)
        s_on_not_ready (world, self);
    fcj_process_free (world, self);
}

void
fcj_process_tick (fcj_world_t *world)
{
    for (int i = 0; i < FCJ_PROCESSES; i++) {
        fcj_process_t *process = &world->processes[i];
        if (process->unheard)
            fcj_process_on_control (world, process);
        if (process->host)
            continue;                   /* host.c looks at its clock */
        bool starting = process->state == FCJ_P_FORKING
            || process->state == FCJ_P_STARTING;
        if ((!starting && process->state != FCJ_P_ENDING)
            || world->now < process->deadline)
            continue;
        if (starting && process->native) {
            fcj_native_not_started (world);
            fcj_process_end (world, process);
        } else if (starting) {
            fcj_log (FCJ_ERROR, "process_not_ready", "why",
                     "a fork did not say that it waits", NULL);
            bool forking = process->state == FCJ_P_FORKING;
            fcj_zygote_t *zygote = process->zygote;
            if (!process->proof)
                fcj_zygote_not_forked (world);
            fcj_process_end (world, process);
            if (forking)                /* the zygote itself hangs */
                fcj_zygote_lost (world, zygote, "it does not answer");
            else if (process->proof)
                fcj_zygote_proved (world, false, "the process for the "
                                   "self-check was not ready in time");
        } else if (process->pid == 0 || kill (process->pid, 0))
            fcj_process_free (world, process);
        else {
            fcj_process_kill (process, SIGKILL);
            process->deadline = world->now + FCJ_END_MS;
        }
    }
}
