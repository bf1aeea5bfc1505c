/*  zygote.c - fcj-zygote: started, listened to, replaced when it is lost.  */

#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../jobs/log.h"
#include "command.h"

#define BACKOFF_MS   250
#define BACKOFF_MAX  30000
#define CATALOGUE_MAX (4 * 1024 * 1024)

/* ---- Starting -------------------------------------------------------------- */

static void
s_command (const fcj_world_t *world, const fcj_zygote_t *self,
           fcj_command_t *command)
{
    const fcj_worker_options_t *options = &world->options;
    const char *preload = getenv ("FCJ_PRELOAD");
    fcj_command_init (command, options->zygote_binary);
    fcj_command_arg (command, "--python", "%s", options->python);
    fcj_command_arg (command, "--read", "%s", options->python);
    fcj_command_list (command, "--handlers", "", options->handlers);
    fcj_command_list (command, "--read", "", options->handlers);
    fcj_command_arg (command, "--catalogue", "%s/catalogue-%d.json",
                     world->root, self->index);
    fcj_command_walls (command, world);
    fcj_command_env (command, "QT_QPA_PLATFORM=offscreen");
    if (preload)
        fcj_command_env (command, "FCJ_PRELOAD=%s", preload);
}

/*  What it prints comes out as ours.  */
static pid_t
s_launch (const fcj_world_t *world, const fcj_zygote_t *self, int control)
{
    const int give[3] = { control, STDERR_FILENO, STDERR_FILENO };
    fcj_command_t command;
    s_command (world, self, &command);
    pid_t pid = fcj_command_start (&command, give, SIGTERM);
    if (pid < 0)
        fcj_log (FCJ_ERROR, "zygote_not_started", "binary",
                 world->options.zygote_binary, "why", strerror (errno), NULL);
    fcj_command_clear (&command);
    return pid;
}

void
fcj_zygote_start (fcj_world_t *world, bool for_reload)
{
    fcj_zygote_t *self = NULL;
    for (int i = 0; i < FCJ_ZYGOTES && !self; i++)
        if (world->zygotes[i].state == FCJ_Z_FREE)
            self = &world->zygotes[i];
    int pair[2];
    if (!self || socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
                             pair)) {
        world->start_again = world->now + BACKOFF_MS;
        return;
    }
    memset (self, 0, sizeof *self);
    self->index = (int) (self - world->zygotes);
    self->generation = ++world->generation;
    self->pid = s_launch (world, self, pair[1]);
    close (pair[1]);            /* without a zygote ours ends, too */
    self->fd = pair[0];
    fcntl (self->fd, F_SETFL, O_NONBLOCK);
    self->state = FCJ_Z_STARTING;
    self->deadline = world->now + FCJ_ZYGOTE_MS;
    fcj_world_watch (world, self->fd, FCJ_ON_ZYGOTE, self->index,
                     self->generation);
    world->start_again = 0;
    if (for_reload)
        world->next = self;
    else
        world->active = self;
}

/* ---- What it says ------------------------------------------------------------ */

static char *
s_copy (const fcj_map_t *packet, const char *key)
{
    size_t size;
    const char *bytes = fcj_map_bytes (packet, key, &size);
    return bytes ? strndup (bytes, size) : NULL;
}

static char *
s_catalogue (const fcj_map_t *packet)
{
    char path[PATH_MAX];
    if (fcj_map_copy (packet, "catalogue_file", path, sizeof path) <= 0)
        return s_copy (packet, "catalogue");
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat info;
    if (fd < 0 || fstat (fd, &info) || info.st_size > CATALOGUE_MAX) {
        if (fd >= 0)
            close (fd);
        return NULL;
    }
    char *text = calloc (1, (size_t) info.st_size + 1);
    ssize_t got = text ? read (fd, text, (size_t) info.st_size) : -1;
    close (fd);
    if (got != info.st_size) {
        free (text);
        return NULL;
    }
    return text;
}

static int64_t
s_address_space (pid_t pid)
{
    char path[64], text[64] = "";
    snprintf (path, sizeof path, "/proc/%d/statm", (int) pid);
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read (fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close (fd);
    return got > 0 ? strtoll (text, NULL, 10) * sysconf (_SC_PAGESIZE)
                   : 1L << 30;
}

static void
s_on_ready (fcj_world_t *world, fcj_zygote_t *self, const fcj_map_t *packet)
{
    self->info = s_copy (packet, "info");
    self->catalogue = s_catalogue (packet);
    self->threads = fcj_map_int (packet, "threads", 0);
    self->base_size = s_address_space (self->pid);
    self->state = FCJ_Z_READY;
    self->deadline = world->now + FCJ_ZYGOTE_MS;
    fcj_log (FCJ_INFO, "zygote_ready", "info", self->info ? self->info : "",
             NULL);
    if (self == world->active)
        fcj_publish (world, self->catalogue);
    if (self == world->next && !fcj_zygote_fork (world, self, true, false))
        fcj_zygote_proved (world, false, "no room for a process");
}

static fcj_process_t *
s_process (fcj_world_t *world, const fcj_zygote_t *self, int64_t pid)
{
    for (int i = 0; i < FCJ_PROCESSES; i++)
        if (world->processes[i].state != FCJ_P_FREE
            && world->processes[i].zygote == self
            && world->processes[i].pid == pid)
            return &world->processes[i];
    return NULL;
}

static void
s_on_forked (fcj_world_t *world, const fcj_zygote_t *self,
             const fcj_map_t *packet, bool ok)
{
    int64_t slot = fcj_map_int (packet, "slot", -1);
    if (slot < 0 || slot >= FCJ_PROCESSES
        || world->processes[slot].zygote != self)
        return;
    fcj_process_t *process = &world->processes[slot];
    if (!ok && process->state != FCJ_P_FREE) {
        char why[400] = "";
        fcj_map_copy (packet, "error", why, sizeof why);
        fcj_log (FCJ_ERROR, "fork_failed", "why", why, NULL);
        bool proof = process->proof;
        fcj_process_free (world, process);
        if (proof)
            fcj_zygote_proved (world, false, why);
        else
            fcj_zygote_not_forked (world);
        return;
    }
    process->pid = (pid_t) fcj_map_int (packet, "pid", 0);
    if (process->state == FCJ_P_FORKING) {
        process->state = FCJ_P_STARTING;
        process->deadline = world->now + FCJ_FORK_READY_MS;
        fcj_process_on_control (world, process);
    } else
        fcj_process_kill (process, SIGKILL);
}

static void
s_on_packet (fcj_world_t *world, fcj_zygote_t *self, const fcj_map_t *packet)
{
    char type[16] = "";
    fcj_map_copy (packet, "type", type, sizeof type);
    if (strcmp (type, "ready") == 0)
        s_on_ready (world, self, packet);
    else if (strcmp (type, "broken") == 0) {
        /*  The end of a traceback says most.  */
        size_t size;
        const char *why = fcj_map_bytes (packet, "error", &size);
        size_t skip = size >= sizeof self->why
            ? size - sizeof self->why + 1 : 0;
        if (why)
            snprintf (self->why, sizeof self->why, "%.*s",
                      (int) (size - skip), why + skip);
    } else if (strcmp (type, "forked") == 0)
        s_on_forked (world, self, packet, true);
    else if (strcmp (type, "failed") == 0)
        s_on_forked (world, self, packet, false);
    else if (strcmp (type, "exited") == 0) {
        fcj_process_t *process = s_process (world, self,
                                            fcj_map_int (packet, "pid", -1));
        if (process)
            fcj_process_on_exit (world, process,
                                 (int) fcj_map_int (packet, "status", 0),
                                 fcj_map_int (packet, "cpu_ms", 0),
                                 fcj_map_int (packet, "memory", 0));
    }
}

void
fcj_zygote_read (fcj_world_t *world, fcj_zygote_t *self)
{
    static char buffer[FCJ_PACKET_MAX];
    for (;;) {
        size_t n = 0;
        ssize_t size = fcj_packet_recv (self->fd, buffer, sizeof buffer,
                                        NULL, &n);
        if (size < 0 && errno == EAGAIN)
            return;
        if (size <= 0) {
            fcj_zygote_lost (world, self, self->why[0] ? self->why
                             : "the zygote ended");
            return;
        }
        fcj_map_t *packet = fcj_map_new (buffer, (size_t) size);
        if (packet)
            s_on_packet (world, self, packet);
        fcj_map_destroy (&packet);
        if (self->state == FCJ_Z_FREE)
            return;
    }
}

/* ---- Ends --------------------------------------------------------------------- */

void
fcj_zygote_free (fcj_zygote_t *self)
{
    if (self->pid > 0)
        kill (self->pid, SIGKILL);      /* reaped in supervisor.c */
    self->pid = 0;
    close (self->fd);
    self->fd = -1;
    free (self->info);
    free (self->catalogue);
    self->info = self->catalogue = NULL;
    self->state = FCJ_Z_FREE;
}

void
fcj_zygote_lose_processes (fcj_world_t *world, const fcj_zygote_t *self,
                  const char *why)
{
    for (int i = 0; i < FCJ_PROCESSES; i++) {
        fcj_process_t *process = &world->processes[i];
        if (process->state == FCJ_P_FREE || process->zygote != self)
            continue;
        fcj_process_kill (process, SIGKILL);
        /*  A result that is in the socket already is a result.  */
        if (process->job)
            fcj_process_hear_out (world, process);
        if (process->job)
            fcj_job_release (world, process->job, true, why);
        fcj_process_free (world, process);
    }
}

void
fcj_zygote_lost (fcj_world_t *world, fcj_zygote_t *self, const char *why)
{
    char text[512];
    if (self->state == FCJ_Z_FREE)
        return;
    snprintf (text, sizeof text, "%s", why);
    bool retiring = self->state == FCJ_Z_RETIRING;
    bool was_next = self == world->next, was_active = self == world->active;
    if (!retiring)
        fcj_log (FCJ_ERROR, "zygote_lost", "why", text, NULL);
    fcj_zygote_lose_processes (world, self, "the zygote ended");
    fcj_zygote_free (self);
    if (was_next)
        fcj_zygote_proved (world, false, text);
    if (!was_active)
        return;
    world->active = NULL;
    int64_t wait = BACKOFF_MS;
    for (int i = 0; i < world->failures && wait < BACKOFF_MAX; i++)
        wait *= 2;
    world->start_again = world->now + (world->failures ? wait : 0);
    world->failures++;
    snprintf (world->broken, sizeof world->broken, "%s", text);
    if (world->failures > 1 || !world->announced) {
        world->announced = false;
        fcj_link_hello (world->link);   /* no slots now, and why */
    }
}

/* ---- Time ----------------------------------------------------------------------- */

static bool
s_is_used (const fcj_world_t *world, const fcj_zygote_t *self)
{
    for (int i = 0; i < FCJ_PROCESSES; i++)
        if (world->processes[i].state != FCJ_P_FREE
            && world->processes[i].zygote == self)
            return true;
    return false;
}

void
fcj_zygote_tick (fcj_world_t *world)
{
    for (int i = 0; i < FCJ_ZYGOTES; i++) {
        fcj_zygote_t *zygote = &world->zygotes[i];
        bool late = world->now >= zygote->deadline;
        if (zygote->state == FCJ_Z_RETIRING && !s_is_used (world, zygote))
            fcj_zygote_free (zygote);
        else if (late && (zygote->state == FCJ_Z_STARTING
                          || zygote == world->next)
                 && zygote->state != FCJ_Z_FREE)
            fcj_zygote_lost (world, zygote, "the zygote did not become ready "
                             "within a minute");
    }
    if (!world->active && !world->draining
        && world->now >= world->start_again)
        fcj_zygote_start (world, false);
    fcj_zygote_keep_waiting (world);
}
