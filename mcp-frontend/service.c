/*  service.c - finds or starts the local service, without ever blocking. The
 *  child is double-forked, so that it is nobody's zombie and outlives us.  */

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "service.h"
#include "../jobs/log.h"

#define LINE_BYTES  4096
#define RESPAWN_MS  5000        /* between two attempts to start one */
#define FLAGS_MAX   128

struct fcj_service {
    const fcj_config_t *config;
    fcj_service_state_t state;
    bool wanted;                /* a call waits until it is ready */
    int fd;
    int64_t since, spawned;
    size_t used;
    char line[LINE_BYTES];
    char error[512];
};

static void s_close (fcj_service_t *self)
{
    if (self->fd >= 0)
        close (self->fd);
    self->fd = -1;
    self->used = 0;
}

static void s_fail (fcj_service_t *self, const char *why)
{
    snprintf (self->error, sizeof self->error, "%.500s", why);
    size_t size = strlen (self->error);
    if (size && self->error[size - 1] == '.')   /* it is told in a sentence */
        self->error[size - 1] = 0;
    self->state = FCJ_SERVICE_FAILED;
    fcj_log (FCJ_WARNING, "service_failed", "why", self->error, NULL);
}

/* ---- Starting it ------------------------------------------------------- */

static void s_exec (const char *program, const char *log, char **argv)
{
    int null = open ("/dev/null", O_RDWR);
    int out = open (log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
    setsid ();
    dup2 (null, 0);
    dup2 (null, 1);             /* stdout belongs to the protocol */
    dup2 (out >= 0? out: null, 2);
    for (int fd = 3; fd < 256; fd++)
        close (fd);
    execv (program, argv);
    _exit (127);
}

static void s_spawn (fcj_service_t *self)
{
    char program[4096], log[4096];
    char *argv[FLAGS_MAX + 3] = { (char *) "fcj-service", (char *) "--auto" };
    snprintf (log, sizeof log, "%s/service.log",
              fcj_config_path (self->config, "log_dir"));
    snprintf (program, sizeof program, "%s/fcj-service",
              fcj_config_path (self->config, "libexec"));
    self->spawned = fcj_mono_ms ();
    if (access (program, X_OK) != 0) {
        char why[4200];
        snprintf (why, sizeof why, "%s is missing", program);
        s_fail (self, why);
        return;
    }
    fcj_log (FCJ_INFO, "service_start", "program", program, NULL);
    /*  Our own settings, too; but it is us who listens on `http`.  */
    size_t flags = fcj_config_flags (self->config, "http", argv + 2,
                                     FLAGS_MAX);
    pid_t pid = fork ();
    if (pid == 0) {
        if (fork () == 0)
            s_exec (program, log, argv);
        _exit (0);
    }
    while (flags > 0)
        free (argv[1 + flags--]);
    if (pid < 0)
        s_fail (self, "no process could be forked");
    else
        waitpid (pid, NULL, 0);
}

/*  0 when connected. */
static int s_connect (fcj_service_t *self)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const char *path = fcj_config_path (self->config, "service_sock");
    if (strlen (path) >= sizeof address.sun_path)
        return -1;
    strcpy (address.sun_path, path);
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect (fd, (struct sockaddr *) &address,
                           sizeof address) != 0) {
        if (fd >= 0)
            close (fd);
        return -1;
    }
    self->fd = fd;
    return 0;
}

/* ---- What it says ------------------------------------------------------ */

static void s_line (fcj_service_t *self, const char *line)
{
    json_t *root = json_loads (line, 0, NULL);
    const char *state = json_string_value (json_object_get (root, "state"));
    const char *why = json_string_value (json_object_get (root, "error"));
    /*  Degraded: jobs wait, all else is answered.  */
    if (state && (strcmp (state, "ready") == 0
                  || strcmp (state, "degraded") == 0)) {
        self->state = FCJ_SERVICE_READY;
        self->wanted = false;
    } else if (state && strcmp (state, "starting") == 0) {
        if (self->state != FCJ_SERVICE_STARTING)    /* or it is stopping */
            self->since = fcj_mono_ms ();
        self->state = FCJ_SERVICE_STARTING;
    } else if (state && strcmp (state, "failed") == 0)
        s_fail (self, why? why: "no reason given");
    json_decref (root);
}

static void s_read (fcj_service_t *self)
{
    ssize_t got = recv (self->fd, self->line + self->used,
                        LINE_BYTES - 1 - self->used, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {             /* it ended: wanted again at the next call */
        s_close (self);
        if (self->state == FCJ_SERVICE_READY
            || (self->state == FCJ_SERVICE_STARTING && !self->wanted))
            self->state = FCJ_SERVICE_IDLE;
        return;
    }
    self->used += (size_t) got;
    self->line[self->used] = 0;
    char *start = self->line, *end;
    while ((end = strchr (start, '\n'))) {
        *end = 0;
        s_line (self, start);
        start = end + 1;
    }
    self->used = strlen (start);
    memmove (self->line, start, self->used);
    if (self->used == LINE_BYTES - 1)
        self->used = 0;         /* no line of ours is that long */
}

/* ------------------------------------------------------------------------ */

fcj_service_t *fcj_service_new (const fcj_config_t *config)
{
    fcj_service_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->config = config;
    self->fd = -1;
    return self;
}

void fcj_service_destroy (fcj_service_t **self_p)
{
    if (!*self_p)
        return;
    s_close (*self_p);
    free (*self_p);
    *self_p = NULL;
}

void fcj_service_need (fcj_service_t *self)
{
    int64_t now = fcj_mono_ms ();
    if (self->state == FCJ_SERVICE_STARTING)
        self->wanted = true;
    if (self->state == FCJ_SERVICE_READY
        || self->state == FCJ_SERVICE_STARTING)
        return;
    if (self->state == FCJ_SERVICE_FAILED && self->spawned
        && now - self->spawned < RESPAWN_MS)
        return;
    s_close (self);
    self->wanted = true;
    self->state = FCJ_SERVICE_STARTING;
    self->since = now;
    *self->error = 0;
    if (s_connect (self) != 0)
        s_spawn (self);
    else
        s_read (self);
}

void fcj_service_look (fcj_service_t *self)
{
    if (self->state != FCJ_SERVICE_IDLE || s_connect (self) != 0)
        return;
    self->state = FCJ_SERVICE_STARTING;
    self->since = fcj_mono_ms ();
    s_read (self);
}

static void s_wait (fcj_call_t *call, const fcj_map_t *event, int64_t now)
{
    (void) event;
    if (fcj_service_state (call->front->service) == FCJ_SERVICE_STARTING
        && now < call->deadline) {
        call->reread = now + FCJ_MCP_TICK_MS / 2;
        return;
    }
    fcj_call_unwait (call);
    call->ready (call);
}

void fcj_service_when_ready (fcj_call_t *call, bool start,
                             void (*fn) (fcj_call_t *call))
{
    fcj_service_t *self = call->front->service;
    if (start)
        fcj_service_need (self);
    else
        fcj_service_look (self);
    if (self->state != FCJ_SERVICE_STARTING) {
        fn (call);
        return;
    }
    call->ready = fn;
    fcj_call_wait (call, NULL, FCJ_MCP_START_S * 1000, 1, s_wait);
}

fcj_service_state_t fcj_service_state (const fcj_service_t *self)
{
    return self->state;
}

const char *fcj_service_error (const fcj_service_t *self)
{
    return *self->error? self->error: "it is still starting";
}

int fcj_service_fd (const fcj_service_t *self)
{
    return self->fd;
}

void fcj_service_run (fcj_service_t *self)
{
    if (self->fd >= 0)
        s_read (self);
    if (self->state != FCJ_SERVICE_STARTING)
        return;
    int64_t now = fcj_mono_ms ();
    if (self->fd < 0 && s_connect (self) == 0)
        s_read (self);
    /*  The one that a call waits for was stopping: start the next, once.  */
    if (self->fd < 0 && self->wanted && self->spawned < self->since) {
        self->since = now;
        s_spawn (self);
    }
    if (self->state == FCJ_SERVICE_STARTING
        && now - self->since > FCJ_MCP_START_S * 1000)
        s_fail (self, "it was not ready in time (its log: log/service.log in"
                      " the state directory)");
}
