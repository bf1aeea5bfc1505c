/*  link.c - the broker, over one DEALER socket (broker/PROTOCOL.md).
 *
 *  ZeroMQ reconnects; what it cannot know is whether the broker at the other
 *  end still knows us. "HELLO?" says that it does not, silence that there is
 *  none: HELLO is repeated until WELCOME, and after each WELCOME every report
 *  that was not confirmed. A message that cannot be sent now is dropped; all
 *  that matter are sent again.  */

#include "world.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "../../jobs/log.h"
#include "../common/abi.h"

#define VERSION      "FCJ1"
#define QUEUE_MAX    10000      /* messages */
#define LINGER_MS    300
#define TURN_MAX     256        /* messages read in one turn */

struct fcj_link {
    fcj_world_t *world;
    void *context, *socket;
    bool welcome, wanted;       /* known by the broker; we have said HELLO */
    bool unread;                /* there may be messages */
    int64_t heard, said, beat;
    int64_t beat_ms;            /* the broker's, once it has said so */
    char *info;                 /* INFO as it was sent last */
    size_t info_size;
};

fcj_link_t *
fcj_link_new (fcj_world_t *world, fcj_error_t *error)
{
    fcj_link_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->world = world;
    self->beat_ms = world->options.beat_ms;
    self->unread = true;
    self->context = zmq_ctx_new ();
    self->socket = self->context ? zmq_socket (self->context, ZMQ_DEALER)
                                 : NULL;
    int linger = LINGER_MS, queue = QUEUE_MAX, now = 1, reconnect = 50;
    int reconnect_max = 1000, fd;
    int64_t most = FCJ_FRAME_MAX;
    size_t size = sizeof fd;
    if (!self->socket
        || zmq_setsockopt (self->socket, ZMQ_LINGER, &linger, sizeof linger)
        || zmq_setsockopt (self->socket, ZMQ_SNDHWM, &queue, sizeof queue)
        || zmq_setsockopt (self->socket, ZMQ_RCVHWM, &queue, sizeof queue)
        || zmq_setsockopt (self->socket, ZMQ_IMMEDIATE, &now, sizeof now)
        || zmq_setsockopt (self->socket, ZMQ_RECONNECT_IVL, &reconnect,
                           sizeof reconnect)
        || zmq_setsockopt (self->socket, ZMQ_RECONNECT_IVL_MAX,
                           &reconnect_max, sizeof reconnect_max)
        || zmq_setsockopt (self->socket, ZMQ_MAXMSGSIZE, &most, sizeof most)
        || zmq_connect (self->socket, world->options.broker)
        || zmq_getsockopt (self->socket, ZMQ_FD, &fd, &size)
        || fcj_world_watch (world, fd, FCJ_ON_LINK, 0, 0)) {
        fcj_fail (error, FCJ_BROKER_UNAVAILABLE, "%s: %s",
                  world->options.broker, zmq_strerror (zmq_errno ()));
        fcj_link_destroy (&self);
    }
    return self;
}

void
fcj_link_destroy (fcj_link_t **self_p)
{
    fcj_link_t *self = *self_p;
    if (!self)
        return;
    if (self->socket)
        zmq_close (self->socket);
    if (self->context)
        zmq_ctx_term (self->context);
    free (self->info);
    free (self);
    *self_p = NULL;
}

bool
fcj_link_send (fcj_link_t *self, const char *type, const fcj_pack_t *body)
{
    self->unread = true;
    if (zmq_send (self->socket, VERSION, sizeof VERSION - 1,
                  ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0)
        return false;
    zmq_send (self->socket, type, strlen (type), ZMQ_DONTWAIT | ZMQ_SNDMORE);
    return zmq_send (self->socket, fcj_pack_data (body),
                     fcj_pack_size (body), ZMQ_DONTWAIT) >= 0;
}

void
fcj_link_send_empty (fcj_link_t *self, const char *type)
{
    fcj_pack_t *body = fcj_pack_new ();
    fcj_pack_map (body, 0);
    fcj_link_send (self, type, body);
    fcj_pack_destroy (&body);
}

/* ---- HELLO ------------------------------------------------------------------- */

static void
s_pack_info_texts (fcj_pack_t *body, const fcj_world_t *world)
{
    static const char *const keys[] = { "freecad", "occt", "python" };
    const char *said = world->host ? fcj_host_info (world)
        : world->active ? world->active->info : NULL;
    json_t *info = said ? json_loads (said, 0, NULL) : NULL;
    for (size_t i = 0; i < 3; i++) {
        const char *text = json_string_value (json_object_get (info,
                                                               keys[i]));
        fcj_pack_kstr (body, keys[i], text ? text : "");
    }
    json_decref (info);
}

static void
s_pack_native (fcj_pack_t *body, const fcj_world_t *world)
{
    int64_t processes = 0;
    for (int i = 0; i < FCJ_PROCESSES; i++)
        processes += world->processes[i].native
            && world->processes[i].state != FCJ_P_FREE;
    fcj_pack_key (body, "native");
    fcj_pack_map (body, world->native_broken[0] ? 4 : 3);
    fcj_pack_kint (body, "processes", processes);
    fcj_pack_kint (body, "started", world->native_started);
    fcj_pack_kint (body, "jobs", world->native_jobs);
    if (world->native_broken[0])
        fcj_pack_kstr (body, "error", world->native_broken);
}

static void
s_pack_memo (fcj_pack_t *body, const fcj_world_t *world)
{
    fcj_memo_counts_t counts;
    fcj_memo_counts (world->memo, &counts);
    fcj_pack_key (body, "memo");
    fcj_pack_map (body, 8);
    fcj_pack_kint (body, "hits", counts.hits);
    fcj_pack_kint (body, "misses", counts.misses);
    fcj_pack_kint (body, "stored", counts.stored);
    fcj_pack_kint (body, "evicted", counts.evicted);
    fcj_pack_kint (body, "broken", counts.broken);
    fcj_pack_kint (body, "entries", counts.entries);
    fcj_pack_kint (body, "bytes", counts.bytes);
    fcj_pack_kint (body, "max_bytes", world->options.memo_max);
}

static void
s_pack_info (fcj_pack_t *body, const fcj_world_t *world)
{
    char host[256] = "";
    bool broken = !world->host && !world->announced && world->broken[0];
    gethostname (host, sizeof host - 1);
    fcj_pack_key (body, "info");
    fcj_pack_map (body, 11U + broken + (world->host != NULL));
    s_pack_native (body, world);
    s_pack_memo (body, world);
    fcj_pack_kstr (body, "host", host);
    fcj_pack_kint (body, "pid", getpid ());
    fcj_pack_kstr (body, "version", FCJ_VERSION);
    s_pack_info_texts (body, world);
    fcj_pack_kint (body, "landlock", fcj_landlock_abi ());
    fcj_pack_kint (body, "zygote_threads",
                   world->active ? world->active->threads : 0);
    fcj_pack_kbool (body, "sandbox", world->options.sandbox);
    if (broken)
        fcj_pack_kstr (body, "error", world->broken);
    if (world->host)
        fcj_host_pack_info (world, body);
}

/*  A job that the broker told us to drop is not ours any more.  */
static bool
s_is_held (const fcj_worker_job_t *job)
{
    return job->state != FCJ_J_FREE && !job->silent;
}

static size_t
s_held (const fcj_world_t *world)
{
    size_t count = 0;
    for (int i = 0; i < FCJ_JOBS; i++)
        count += s_is_held (&world->jobs[i]);
    return count;
}

void
fcj_link_hello (fcj_link_t *self)
{
    const fcj_world_t *world = self->world;
    fcj_pack_t *body = fcj_pack_new ();
    fcj_pack_map (body, 7);
    fcj_pack_kstr (body, "worker", world->worker);
    fcj_pack_kstr (body, "name", world->options.name);
    fcj_pack_key (body, "lanes");
    fcj_pack_array (body, 1);
    fcj_pack_str (body, world->host ? "gui" : "compute");
    /*  A person's FreeCAD goes before one that nobody looks at.  */
    fcj_pack_kint (body, "rank",
                   world->host && world->options.attach >= 0);
    fcj_pack_kint (body, "slots", world->host ? fcj_host_slots (world)
                   : world->announced ? world->options.slots : 0);
    fcj_pack_key (body, "running");
    fcj_pack_array (body, s_held (world));
    for (int i = 0; i < FCJ_JOBS; i++) {
        const fcj_worker_job_t *job = &world->jobs[i];
        if (!s_is_held (job))
            continue;
        fcj_pack_map (body, 3);
        fcj_pack_kstr (body, "id", job->id);
        fcj_pack_kint (body, "attempt", job->attempt);
        fcj_pack_kstr (body, "token", job->token);
    }
    s_pack_info (body, world);
    fcj_link_send (self, "HELLO", body);
    fcj_pack_destroy (&body);
    self->said = fcj_mono_ms ();
    self->wanted = true;
    self->welcome = false;
}

void
fcj_link_info (fcj_link_t *self)
{
    if (!self || !self->wanted)
        return;
    fcj_pack_t *body = fcj_pack_new ();
    fcj_pack_map (body, 1);
    s_pack_info (body, self->world);
    fcj_link_send (self, "INFO", body);
    fcj_pack_destroy (&body);
}

static void
s_beat (fcj_link_t *self)
{
    const fcj_world_t *world = self->world;
    fcj_pack_t *body = fcj_pack_new ();
    fcj_pack_map (body, 1);
    fcj_pack_key (body, "running");
    fcj_pack_array (body, s_held (world));
    for (int i = 0; i < FCJ_JOBS; i++)
        if (s_is_held (&world->jobs[i]))
            fcj_pack_str (body, world->jobs[i].token);
    fcj_link_send (self, "BEAT", body);
    fcj_pack_destroy (&body);
    self->beat = world->now;
}

/*  Counters change; what was said last is not said again.  */
static void
s_info (fcj_link_t *self)
{
    fcj_pack_t *body = fcj_pack_new ();
    fcj_pack_map (body, 1);
    s_pack_info (body, self->world);
    size_t size = fcj_pack_size (body);
    if (size != self->info_size
        || memcmp (self->info, fcj_pack_data (body), size) != 0) {
        char *copy = realloc (self->info, size);
        if (copy) {
            self->info = memcpy (copy, fcj_pack_data (body), size);
            self->info_size = size;
        }
        fcj_link_send (self, "INFO", body);
    }
    fcj_pack_destroy (&body);
}

void
fcj_link_tick (fcj_link_t *self)
{
    int64_t now = self->world->now;
    if (!self->wanted)
        return;
    if (self->welcome && now - self->heard > FCJ_BEATS_MISSED * self->beat_ms) {
        fcj_log (FCJ_WARNING, "broker_silent", NULL);
        if (self->world->host)
            fcj_host_on_silence (self->world);
        self->welcome = false;
    }
    if (!self->welcome && now - self->said >= FCJ_BEAT_MS)
        fcj_link_hello (self);
    else if (self->welcome && now - self->beat >= self->beat_ms) {
        s_beat (self);
        s_info (self);
    }
}

/* ---- What it says -------------------------------------------------------------- */

static void
s_on_message (fcj_link_t *self, const char *type, const void *bytes,
              size_t size, const fcj_map_t *body)
{
    fcj_world_t *world = self->world;
    fcj_token_t token = "";
    fcj_map_copy (body, "token", token, sizeof token);
    if (strcmp (type, "RUN") == 0)
        fcj_job_take (world, bytes, size);
    else if (strcmp (type, "FINISHED") == 0)
        fcj_job_on_finished (world, token);
    else if (strcmp (type, "KILL") == 0)
        fcj_job_on_kill (world, token);
    else if (strcmp (type, "ANSWER") == 0)
        fcj_job_on_answer (world, token, body);
    else if (strcmp (type, "HELLO?") == 0) {
        if (self->wanted)
            fcj_link_hello (self);
    } else if (strcmp (type, "WELCOME") == 0) {
        self->welcome = true;
        int64_t beat_ms = fcj_map_int (body, "beat_ms", 0);
        if (beat_ms > 0)
            self->beat_ms = beat_ms;
        fcj_job_repeat (world, 0);
        fcj_ask_repeat (world);
        if (world->draining)
            fcj_link_send_empty (self, "DRAIN");
    } else if (strcmp (type, "LANE") == 0) {
        if (world->host)
            fcj_host_on_lane (world, fcj_map_bool (body, "holder", false));
    } else if (strcmp (type, "RELOAD") == 0 && world->host)
        fcj_host_reload (world, fcj_map_int (body, "req", 0));
    else if (strcmp (type, "RELOAD") == 0)
        fcj_zygote_reload (world, fcj_map_int (body, "req", 0));
}

/*  0: no message is there.  */
static int
s_read_one (fcj_link_t *self)
{
    zmq_msg_t part[3];
    int count = 0, more = 1;
    while (more) {
        zmq_msg_t extra, *into = count < 3 ? &part[count] : &extra;
        zmq_msg_init (into);
        if (zmq_msg_recv (into, self->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close (into);
            break;
        }
        more = zmq_msg_more (into);
        if (count >= 3)
            zmq_msg_close (into);
        count++;
    }
    if (count == 3 && zmq_msg_size (&part[0]) == sizeof VERSION - 1
        && memcmp (zmq_msg_data (&part[0]), VERSION, sizeof VERSION - 1) == 0
        && zmq_msg_size (&part[1]) < 16) {
        char type[16] = "";
        memcpy (type, zmq_msg_data (&part[1]), zmq_msg_size (&part[1]));
        const void *bytes = zmq_msg_data (&part[2]);
        size_t size = zmq_msg_size (&part[2]);
        fcj_map_t *body = fcj_map_new (bytes, size);
        self->heard = self->world->now;
        if (body)
            s_on_message (self, type, bytes, size, body);
        fcj_map_destroy (&body);
    }
    for (int i = 0; i < count && i < 3; i++)
        zmq_msg_close (&part[i]);
    return count;
}

/*  The descriptor of a ZeroMQ socket tells of changes only: read until there
 *  is nothing, after anything was sent, too. When neither was, looking would
 *  cost four system calls.  */
void
fcj_link_read (fcj_link_t *self)
{
    for (int i = 0; i < TURN_MAX && self->unread; i++)
        if (s_read_one (self) == 0)
            self->unread = false;
}

void
fcj_link_wake (fcj_link_t *self)
{
    self->unread = true;
}
