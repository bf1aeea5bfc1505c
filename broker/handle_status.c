/*  handle_status.c - STATUS and LIVE: how the service stands.
 *
 *  STATUS is everything a person or a monitor wants to see at once. LIVE is
 *  asked often, for the window alone, so it costs nothing while that has no
 *  news: the asker says which answer it has seen, by its stamp.  */

#include "broker.h"

typedef struct {
    fcj_broker_t *broker;
    fcj_pack_t *pack;
    size_t count;
} view_t;

static void s_pack_worker (fcj_broker_t *self, fcj_pack_t *pack, size_t n);
static void s_count_one (void *arg, const char *id, const char *owner);
static void s_pack_one (void *arg, const char *id, const char *owner);
static int64_t s_stamp (const char *worker, const void *bytes, size_t size);

void
fcj_handle_status (fcj_broker_t *self, fcj_peer_t *peer, int64_t req)
{
    fcj_core_counts_t counts;
    fcj_core_worker_t worker;
    fcj_core_counts (self->core, &counts);
    size_t workers = 0;
    while (fcj_core_worker (self->core, workers, &worker))
        workers++;
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 10);
    fcj_pack_kint (pack, "req", req);
    fcj_pack_key (pack, "queued");
    fcj_pack_map (pack, 2);
    fcj_pack_kint (pack, "compute", (int64_t) counts.queued[0]);
    fcj_pack_kint (pack, "gui", (int64_t) counts.queued[1]);
    fcj_pack_kint (pack, "running", (int64_t) counts.running);
    fcj_pack_kint (pack, "waiting", (int64_t) counts.waiting);
    fcj_pack_key (pack, "workers");
    fcj_pack_array (pack, workers);
    for (size_t n = 0; n < workers; n++)
        s_pack_worker (self, pack, n);
    fcj_pack_key (pack, "counters");
    fcj_pack_map (pack, 5);
    fcj_pack_kint (pack, "submitted", (int64_t) counts.submitted);
    fcj_pack_kint (pack, "completed", (int64_t) counts.completed);
    fcj_pack_kint (pack, "failed", (int64_t) counts.failed);
    fcj_pack_kint (pack, "cancelled", (int64_t) counts.cancelled);
    fcj_pack_kint (pack, "requeued", (int64_t) counts.requeued);
    fcj_pack_kstr (pack, "store", fcj_writer_up (self->writer)
                   && self->recovered ? "up" : "down");
    fcj_pack_kstr (pack, "version", FCJ_VERSION);
    fcj_pack_kint (pack, "uptime_ms", fcj_mono_ms () - self->mono_start);
    fcj_pack_key (pack, "limits");
    fcj_pack_map (pack, 2);
    fcj_pack_kint (pack, "queue_max",
                   fcj_config_int (self->config, "queue-max"));
    fcj_pack_kint (pack, "queue_owner_max",
                   fcj_config_int (self->config, "queue-owner-max"));
    fcj_send (self, peer, "DONE", pack);
    fcj_pack_destroy (&pack);
}

static void
s_pack_worker (fcj_broker_t *self, fcj_pack_t *pack, size_t n)
{
    fcj_core_worker_t worker;
    fcj_core_worker (self->core, n, &worker);
    view_t view = { .broker = self, .pack = pack };
    fcj_core_running (self->core, n, s_count_one, &view);
    fcj_pack_map (pack, 8);
    fcj_pack_kstr (pack, "worker", worker.worker);
    fcj_pack_kstr (pack, "name", worker.name);
    fcj_pack_kint (pack, "slots", worker.slots);
    fcj_pack_kint (pack, "busy", worker.busy);
    fcj_pack_kbool (pack, "connected", worker.connected);
    fcj_pack_key (pack, "lanes");
    fcj_pack_array (pack, (worker.lanes & 1) + (worker.lanes >> 1 & 1));
    for (int lane = 0; lane < FCJ_LANE_COUNT; lane++)
        if (worker.lanes & 1u << lane)
            fcj_pack_str (pack, fcj_lane_name ((fcj_lane_t) lane));
    fcj_pack_key (pack, "running");
    fcj_pack_array (pack, view.count);
    fcj_core_running (self->core, n, s_pack_one, &view);
    fcj_peer_t *peer = fcj_peer_worker (self, worker.worker);
    fcj_pack_key (pack, "info");
    if (peer && peer->info)
        fcj_pack_raw (pack, peer->info, peer->info_size);
    else
        fcj_pack_map (pack, 0);
}

static void
s_count_one (void *arg, const char *id, const char *owner)
{
    (void) id;
    (void) owner;
    ((view_t *) arg)->count++;
}

static void
s_pack_one (void *arg, const char *id, const char *owner)
{
    view_t *view = arg;
    const fcj_seen_t *seen = fcj_seen (view->broker, id, false);
    fcj_pack_map (view->pack, 6);
    fcj_pack_kstr (view->pack, "id", id);
    fcj_pack_kstr (view->pack, "owner", owner);
    fcj_pack_kstr (view->pack, "tool", seen ? seen->tool : "");
    fcj_pack_kint (view->pack, "started", seen ? seen->started : 0);
    fcj_pack_kreal (view->pack, "progress", seen ? seen->progress : 0);
    fcj_pack_kstr (view->pack, "message", seen ? seen->message : "");
}

/* ---- LIVE -------------------------------------------------------------- */

void
fcj_handle_live (fcj_broker_t *self, fcj_peer_t *peer, int64_t req,
                 const fcj_map_t *body)
{
    const fcj_peer_t *holder = fcj_lane_holder (self);
    fcj_map_t *info = holder && holder->info
        ? fcj_map_new (holder->info, holder->info_size) : NULL;
    fcj_pack_t *gui = fcj_pack_new ();
    bool there = info && fcj_map_map (info, "gui")
        && fcj_map_repack (info, "gui", gui) == 0;
    int64_t stamp = there ? s_stamp (holder->worker, fcj_pack_data (gui),
                                     fcj_pack_size (gui)) : 0;
    bool news = there && stamp != fcj_map_int (body, "seen", -1);
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, news ? 4 : 2);
    fcj_pack_kint (pack, "req", req);
    fcj_pack_kint (pack, "stamp", stamp);
    if (news) {
        fcj_pack_kstr (pack, "worker", holder->worker);
        fcj_pack_key (pack, "gui");
        fcj_pack_raw (pack, fcj_pack_data (gui), fcj_pack_size (gui));
    }
    fcj_send (self, peer, "DONE", pack);
    fcj_pack_destroy (&pack);
    fcj_pack_destroy (&gui);
    fcj_map_destroy (&info);
}

/*  FNV-1a: tells one answer from another, not one attacker's from ours.  */
static int64_t
s_stamp (const char *worker, const void *bytes, size_t size)
{
    uint64_t hash = 14695981039346656037u;
    for (const char *at = worker; *at; at++)
        hash = (hash ^ (unsigned char) *at) * 1099511628211u;
    for (const unsigned char *at = bytes, *end = at + size; at < end; at++)
        hash = (hash ^ *at) * 1099511628211u;
    return (int64_t) (hash >> 1);
}
