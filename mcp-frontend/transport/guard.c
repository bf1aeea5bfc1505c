/*  guard.c - a list of connections with the time of their last step. A late
 *  one is shut down, and libmicrohttpd, which finds it ended, cleans up.  */

#include <stdlib.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include "guard.h"
#include "../../jobs/job.h"
#include "../../jobs/log.h"

#define OTHER_FILES 256         /* descriptors that are no clients' */

typedef struct held {
    LIST_ENTRY (held) next;
    int fd;
    fcj_phase_t phase;
    bool used;                  /* it has had a request */
    int64_t since;
} held_t;

struct fcj_guard {
    LIST_HEAD (, held) all;
    size_t count, memory, most, ended;
    unsigned connections;       /* that there are descriptors for */
    int64_t request_ms;
    int64_t ticked;
};

/*  Raises the soft limit of descriptors as far as it may. */
static unsigned s_connections (void)
{
    struct rlimit limit;
    rlim_t wanted = FCJ_GUARD_CONNECTIONS + OTHER_FILES;
    if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
        return FCJ_GUARD_CONNECTIONS / 8;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = limit.rlim_max < wanted? limit.rlim_max: wanted;
        setrlimit (RLIMIT_NOFILE, &limit);
        getrlimit (RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= wanted)
        return FCJ_GUARD_CONNECTIONS;
    return limit.rlim_cur > 2 * OTHER_FILES
        ? (unsigned) limit.rlim_cur - OTHER_FILES: OTHER_FILES;
}

fcj_guard_t *fcj_guard_new (int64_t request_ms, int64_t memory)
{
    fcj_guard_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    LIST_INIT (&self->all);
    self->request_ms = request_ms;
    self->most = (size_t) memory;
    self->connections = s_connections ();
    return self;
}

void fcj_guard_destroy (fcj_guard_t **self_p)
{
    free (*self_p);             /* MHD has closed all: the list is empty */
    *self_p = NULL;
}

unsigned fcj_guard_connections (const fcj_guard_t *self)
{
    return self->connections;
}

void fcj_guard_notify (void *arg, struct MHD_Connection *connection,
                       void **context,
                       enum MHD_ConnectionNotificationCode what)
{
    fcj_guard_t *self = arg;
    held_t *one = *context;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        one = calloc (1, sizeof *one);
        if (!one)
            abort ();
        one->fd = MHD_get_connection_info (
            connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        one->since = fcj_mono_ms ();
        LIST_INSERT_HEAD (&self->all, one, next);
        self->count++;
        *context = one;
    }
    else if (one) {
        LIST_REMOVE (one, next);
        self->count--;
        free (one);
        *context = NULL;
    }
}

void fcj_guard_phase (struct MHD_Connection *connection, fcj_phase_t phase)
{
    held_t *one = MHD_get_connection_info (
        connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    if (!one)
        return;
    one->phase = phase;
    one->used = true;
    one->since = fcj_mono_ms ();
}

void fcj_guard_tick (fcj_guard_t *self, int64_t now_ms)
{
    bool crowded = self->count > self->connections / 4 * 3;
    held_t *one;
    size_t ended = 0;
    LIST_FOREACH (one, &self->all, next) {
        bool idle = one->phase == FCJ_GUARD_HEAD && one->used;
        int64_t most = idle? FCJ_GUARD_IDLE_MS: self->request_ms;
        if (crowded && one->phase == FCJ_GUARD_HEAD)
            most = FCJ_GUARD_CROWDED_MS;
        if (one->phase == FCJ_GUARD_WORK || now_ms - one->since < most)
            continue;
        shutdown (one->fd, SHUT_RDWR);
        one->since = now_ms;
        ended++;
    }
    self->ended += ended;
    if (self->ended && now_ms - self->ticked > 10000) {
        fcj_log (FCJ_INFO, "slow_clients_ended", NULL);
        self->ended = 0;
        self->ticked = now_ms;
    }
}

bool fcj_guard_take (fcj_guard_t *self, size_t bytes)
{
    if (self->memory + bytes > self->most)
        return false;
    self->memory += bytes;
    return true;
}

void fcj_guard_give (fcj_guard_t *self, size_t bytes)
{
    self->memory -= bytes < self->memory? bytes: self->memory;
}
