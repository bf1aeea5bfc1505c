/*  broker.c - one loop around two ROUTER sockets and the store.
 *
 *  Whatever a turn of the loop decided is handed to the store in the same
 *  turn: a no-op job costs the broker two round trips to Redis. Workers are
 *  not listened to until the live jobs are back from Redis, because only
 *  then can the broker tell a stale token from one it has forgotten.  */

#include "broker.h"
#include "../jobs/log.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#define TURN_MESSAGES   500     /* of one socket in one turn */
#define TURN_MS         50      /* a turn waits so long, at most */
#define FLUSH_MS        3000    /* store calls under way at the end */
#define STORE_TIMEOUT_MS 2000
#define EXPIRE_MS       1000
#define EXPIRE_LIMIT    100
#define LEASE_BEATS     2       /* that a lease lasts at least */
#define LIBRARY_MAX     (1024 * 1024)

static int s_start (fcj_broker_t *self, fcj_error_t *error);
static int s_lock (fcj_broker_t *self, fcj_error_t *error);
static char *s_library (const char *path, fcj_error_t *error);
static void *s_bind (fcj_broker_t *self, int n, const char *endpoint,
                     fcj_error_t *error);
static void s_token (void *arg, fcj_token_t token);
static void s_turn (fcj_broker_t *self);
static void s_clock (fcj_broker_t *self, int64_t now);
static void s_sweep (fcj_broker_t *self, int64_t now);
static void s_expired (void *arg, const fcj_map_t *reply,
                       const fcj_error_t *error);

/* ---- Birth and end ----------------------------------------------------- */

fcj_broker_t *
fcj_broker_new (const fcj_config_t *config, fcj_error_t *error)
{
    fcj_broker_t *self = calloc (1, sizeof *self);
    if (!self) {
        fcj_fail (error, FCJ_INTERNAL, "Out of memory.");
        return NULL;
    }
    self->config = config;
    self->lock = -1;
    self->wall_start = fcj_now_ms ();
    self->mono_start = fcj_mono_ms ();
    if (s_start (self, error) < 0)
        fcj_broker_destroy (&self);
    return self;
}

static int
s_start (fcj_broker_t *self, fcj_error_t *error)
{
    const fcj_config_t *config = self->config;
    self->lease_ms = fcj_config_int (config, "lease-ms");
    self->beat_ms = fcj_config_int (config, "beat-ms");
    if (self->lease_ms < LEASE_BEATS * self->beat_ms)
        return fcj_fail (error, FCJ_INVALID, "lease-ms (%lld) must be at "
                         "least %d times beat-ms (%lld): a late heartbeat "
                         "must not cost a job.", (long long) self->lease_ms,
                         LEASE_BEATS, (long long) self->beat_ms);
    if (s_lock (self, error) < 0)
        return -1;
    char *library = s_library (fcj_config_path (config, "store_library"),
                               error);
    if (!library)
        return -1;
    self->writer = fcj_writer_new (fcj_config_path (config, "redis_url"),
                                   library, STORE_TIMEOUT_MS, error);
    free (library);
    if (!self->writer)
        return -1;
    self->core = fcj_core_new ((size_t) fcj_config_int (config, "queue-max"),
                               (size_t) fcj_config_int (config,
                                                        "queue-owner-max"),
                               s_token, NULL);
    fcj_core_set_lease (self->core, self->lease_ms);
    self->context = zmq_ctx_new ();
    self->frontends = s_bind (self, 0, fcj_config_path (
                                  config, "frontend_endpoint"), error);
    if (!self->frontends)
        return -1;
    self->workers = s_bind (self, 1, fcj_config_path (
                                config, "worker_endpoint"), error);
    if (!self->workers)
        return -1;
    if (fcj_config_int (config, "sweep-s") > 0)
        self->sweep = fcj_sweep_new (
            fcj_config_path (config, "redis_url"),
            fcj_config_path (config, "blobs"),
            1000 * fcj_config_int (config, "sweep-grace-s"));
    return 0;
}

static int
s_lock (fcj_broker_t *self, fcj_error_t *error)
{
    char path[600];
    snprintf (path, sizeof path, "%s/broker.lock",
              fcj_config_path (self->config, "run"));
    self->lock = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (self->lock >= 0 && flock (self->lock, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return fcj_fail (error, FCJ_CONFLICT, "Another fcj-broker holds %.300s: "
                     "stop it first, or use another --state.", path);
}

static char *
s_library (const char *path, fcj_error_t *error)
{
    FILE *file = fopen (path, "re");
    char *text = file ? calloc (1, LIBRARY_MAX + 1) : NULL;
    size_t size = text ? fread (text, 1, LIBRARY_MAX, file) : 0;
    if (file)
        fclose (file);
    if (size)
        return text;
    free (text);
    fcj_fail (error, FCJ_INVALID, "Cannot read the store's functions %.300s: "
              "check --share.", path);
    return NULL;
}

static void *
s_bind (fcj_broker_t *self, int n, const char *endpoint, fcj_error_t *error)
{
    void *socket = zmq_socket (self->context, ZMQ_ROUTER);
    int zero = 0, one = 1, high = 20000;
    int64_t max = FCJ_FRAME_MAX;
    if (!socket) {
        fcj_fail (error, FCJ_INTERNAL, "Cannot make a ZeroMQ socket.");
        return NULL;
    }
    zmq_setsockopt (socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt (socket, ZMQ_ROUTER_MANDATORY, &one, sizeof one);
    zmq_setsockopt (socket, ZMQ_SNDHWM, &high, sizeof high);
    zmq_setsockopt (socket, ZMQ_RCVHWM, &high, sizeof high);
    zmq_setsockopt (socket, ZMQ_MAXMSGSIZE, &max, sizeof max);
    bool ipc = strncmp (endpoint, "ipc://", 6) == 0;
    /*  The lock is ours: what lies there is left from a dead broker.  */
    if (ipc)
        unlink (endpoint + 6);
    mode_t mask = umask (0177);
    int bound = zmq_bind (socket, endpoint);
    umask (mask);
    if (bound < 0) {
        fcj_fail (error, FCJ_INVALID, "Cannot bind %.200s: %s.", endpoint,
                  zmq_strerror (zmq_errno ()));
        zmq_close (socket);
        return NULL;
    }
    if (ipc) {
        chmod (endpoint + 6, 0600);
        snprintf (self->ipc[n], sizeof self->ipc[n], "%s", endpoint + 6);
    }
    return socket;
}

static void
s_token (void *arg, fcj_token_t token)
{
    (void) arg;
    fcj_token_new (token);
}

void
fcj_broker_destroy (fcj_broker_t **self_p)
{
    fcj_broker_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    for (int n = 0; n < 2; n++)
        if (self->ipc[n][0])
            unlink (self->ipc[n]);
    if (self->frontends)
        zmq_close (self->frontends);
    if (self->workers)
        zmq_close (self->workers);
    if (self->context)
        zmq_ctx_term (self->context);
    fcj_sweep_destroy (&self->sweep);
    fcj_writer_destroy (&self->writer);
    fcj_core_destroy (&self->core);
    for (size_t n = 0; n < FCJ_PEERS_MAX; n++)
        free (self->peers[n].info);
    fcj_seen_destroy (self);
    free (self->catalogue);
    if (self->lock >= 0)
        close (self->lock);
    free (self);
}

/* ---- The loop ---------------------------------------------------------- */

void
fcj_broker_run (fcj_broker_t *self, const volatile int *stop)
{
    while (!*stop)
        s_turn (self);
    fcj_event_t event = { .type = FCJ_EV_STOP };
    fcj_broker_step (self, &event);
    int64_t until = fcj_mono_ms () + FLUSH_MS;
    while (fcj_core_pending (self->core) && fcj_mono_ms () < until)
        s_turn (self);
}

static void
s_turn (fcj_broker_t *self)
{
    int fd = fcj_writer_fd (self->writer);
    zmq_pollitem_t items[3] = {
        { .socket = self->frontends, .events = ZMQ_POLLIN },
        { .socket = self->workers,
          .events = self->recovered ? ZMQ_POLLIN : 0 },
        { .fd = fd, .events = ZMQ_POLLIN },
    };
    if (fcj_writer_wants_write (self->writer))
        items[2].events |= ZMQ_POLLOUT;
    int64_t wait = TURN_MS;
    int64_t due = fcj_core_due (self->core) - fcj_broker_now (self);
    if (due < wait)
        wait = due < 0 ? 0 : due;
    zmq_poll (items, fd < 0 ? 2 : 3, wait);
    fcj_writer_run (self->writer);
    for (int n = 0; n < TURN_MESSAGES && self->recovered; n++)
        if (!fcj_receive (self, true))
            break;
    for (int n = 0; n < TURN_MESSAGES; n++)
        if (!fcj_receive (self, false))
            break;
    s_clock (self, fcj_broker_now (self));
    fcj_writer_run (self->writer);
}

static void
s_clock (fcj_broker_t *self, int64_t now)
{
    fcj_store_recover (self);
    fcj_event_t tick = { .type = FCJ_EV_TICK };
    fcj_broker_step (self, &tick);
    if (now >= self->expire_at && self->recovered
        && fcj_writer_up (self->writer)) {
        self->expire_at = now + EXPIRE_MS;
        fcj_writer_expire (self->writer, EXPIRE_LIMIT, s_expired, NULL);
    }
    s_sweep (self, now);
    fcj_lane_clock (self);
    if (now < self->beat_at)
        return;
    self->beat_at = now + self->beat_ms;
    for (size_t n = 0; n < FCJ_PEERS_MAX; n++) {
        fcj_peer_t *peer = &self->peers[n];
        if (!peer->used)
            continue;
        /*  Not while their messages wait for the recovery.  */
        if (now - peer->heard > FCJ_BEATS_MISSED * self->beat_ms)
            fcj_peer_gone (self, peer);
        else
            fcj_send (self, peer, "BEAT", NULL);
    }
    fcj_reload_over (self);
}

/*  An interval after the store came (back): what waited for it is there.  */
static void
s_sweep (fcj_broker_t *self, int64_t now)
{
    if (!self->sweep)
        return;
    bool there = self->recovered && fcj_writer_up (self->writer);
    if (there && self->sweep_at && now >= self->sweep_at)
        fcj_sweep_begin (self->sweep);
    if (!there || !self->sweep_at || now >= self->sweep_at)
        self->sweep_at = now + 1000 * fcj_config_int (self->config,
                                                      "sweep-s");
}

static void
s_expired (void *arg, const fcj_map_t *reply, const fcj_error_t *error)
{
    (void) arg;
    (void) reply;
    (void) error;
}

/* ---- The core ---------------------------------------------------------- */

int64_t
fcj_broker_now (const fcj_broker_t *self)
{
    return self->wall_start + fcj_mono_ms () - self->mono_start;
}

void
fcj_broker_step (fcj_broker_t *self, const fcj_event_t *event)
{
    size_t count = fcj_core_step (self->core, event, fcj_broker_now (self));
    for (size_t n = 0; n < count; n++) {
        const fcj_action_t *action = fcj_core_action (self->core, n);
        if (!fcj_store_act (self, action))
            fcj_send_act (self, action);
    }
    if (self->unsent_count)
        fcj_peer_deaf_gone (self);
    while (self->unsent_count) {
        fcj_held_t held = self->unsent[--self->unsent_count];
        fcj_event_t unsent = { .type = FCJ_EV_UNSENT, .id = held.id,
                               .token = held.token };
        fcj_broker_step (self, &unsent);
    }
}

fcj_bytes_t *
fcj_bytes_take (fcj_pack_t **pack_p)
{
    size_t size = fcj_pack_size (*pack_p);
    fcj_bytes_t *bytes = malloc (sizeof *bytes + size);
    if (!bytes)
        abort ();
    bytes->size = size;
    memcpy (bytes->data, fcj_pack_data (*pack_p), size);
    fcj_pack_destroy (pack_p);
    return bytes;
}
