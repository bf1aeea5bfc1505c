/*  handle_frontend.c - what front-ends say.  */

#include "broker.h"
#include "../jobs/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RELOAD_MS 30000

/*  The owner, lane and so on of a job; the rest the broker never reads. -1:
 *  refused, and answered.  */
static int
s_job_event (const fcj_map_t *job, fcj_event_t *event, char *id,
             char owner[FCJ_NAME_MAX + 1], fcj_dep_t *deps)
{
    char lane[16] = "", priority[16] = "normal", tool[FCJ_NAME_MAX + 1];
    if (fcj_map_copy (job, "id", id, sizeof (fcj_id_t)) < 0
        || !fcj_id_valid (id)
        || fcj_map_copy (job, "owner", owner, FCJ_NAME_MAX + 1) < 1
        || fcj_map_copy (job, "tool", tool, sizeof tool) < 1
        || fcj_map_copy (job, "lane", lane, sizeof lane) < 0
        || fcj_lane_of (lane) < 0)
        return -1;
    if (fcj_map_has (job, "priority"))
        fcj_map_copy (job, "priority", priority, sizeof priority);
    if (fcj_priority_of (priority) < 0)
        return -1;
    int64_t wait_s = fcj_map_int (job, "queue_timeout_s",
                                  FCJ_QUEUE_TIMEOUT_S);
    if (wait_s < 1 || wait_s > 366L * 86400)
        return -1;
    const fcj_list_t *list = fcj_map_list (job, "depends_on");
    size_t count = list ? fcj_list_count (list) : 0;
    if (count > FCJ_DEPENDS_MAX)
        return -1;
    for (size_t n = 0; n < count; n++)
        if (fcj_list_copy (list, n, deps[n].id, sizeof deps[n].id) < 0
            || !fcj_id_valid (deps[n].id))
            return -1;
    event->id = id;
    event->owner = owner;
    event->lane = (fcj_lane_t) fcj_lane_of (lane);
    event->priority = (fcj_priority_t) fcj_priority_of (priority);
    event->queue_ms = wait_s * 1000;
    event->deps = deps;
    event->dep_count = count;
    return 0;
}

static void
s_submit (fcj_broker_t *self, fcj_peer_t *peer, uint64_t ref,
          const fcj_map_t *body)
{
    fcj_id_t id;
    char owner[FCJ_NAME_MAX + 1];
    fcj_dep_t deps[FCJ_DEPENDS_MAX];
    fcj_event_t event = { .type = FCJ_EV_SUBMIT, .ref = ref };
    const fcj_map_t *job = fcj_map_map (body, "job");
    if (!job || s_job_event (job, &event, id, owner, deps) < 0) {
        fcj_send_refused (self, ref, FCJ_INVALID, "The job lacks a valid id, "
                          "owner, tool, lane, priority, queue_timeout_s or "
                          "depends_on (PROTOCOL.md).", false);
        return;
    }
    if (!self->recovered || !fcj_writer_up (self->writer)) {
        fcj_send_refused (self, ref, FCJ_STORE_UNAVAILABLE, "The store is "
                          "not reachable yet: try again in a moment.", true);
        return;
    }
    char why[sizeof (fcj_error_t)];
    if (event.lane == FCJ_LANE_GUI
        && !fcj_lane_served (self, why, sizeof why)) {
        fcj_send_refused (self, ref, FCJ_NO_WORKER, why, false);
        return;
    }
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_map_repack (body, "job", pack);
    size_t size = fcj_pack_size (pack);
    event.bytes = malloc (sizeof (fcj_bytes_t) + size);
    if (!event.bytes)
        abort ();
    event.bytes->size = size;
    memcpy (event.bytes->data, fcj_pack_data (pack), size);
    fcj_pack_destroy (&pack);
    if (fcj_map_bool (body, "watch", false))
        fcj_watch (self, peer, id);
    fcj_broker_step (self, &event);
    fcj_seen_t *seen = fcj_seen (self, id, false);
    if (seen && !fcj_core_state (self->core, id, NULL, NULL)) {
        memset (seen->watchers, 0, sizeof seen->watchers);
        seen->running = false;
        fcj_seen_check (self, seen);
    }
}

static void
s_place (fcj_broker_t *self, fcj_peer_t *peer, int64_t req, const char *id)
{
    int64_t position = fcj_core_place (self->core, id, NULL);
    char lane[FCJ_TEXT_MAX + 1], why[FCJ_TEXT_MAX + 160];
    bool stuck = position > 0
        && fcj_core_lane (self->core, id) == FCJ_LANE_GUI
        && !fcj_lane_served (self, lane, sizeof lane);
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, stuck ? 4 : 3);
    if (stuck) {
        snprintf (why, sizeof why, "no window is connected; the job waits "
                  "for one until its queue timeout. %s", lane);
        fcj_pack_kstr (pack, "why", why);
    }
    fcj_pack_kint (pack, "req", req);
    fcj_pack_kint (pack, "position", position < 0 ? 0 : position);
    fcj_pack_kint (pack, "ahead", position > 0 ? position - 1 : 0);
    fcj_send (self, peer, "DONE", pack);
    fcj_pack_destroy (&pack);
}

/* ---- ANSWER ------------------------------------------------------------ */

/*  {action, content} packed, as the core keeps it; NULL: malformed.  */
static fcj_bytes_t *
s_answer_bytes (const fcj_map_t *body)
{
    char action[16] = "";
    size_t size = 0;
    const char *content = fcj_map_bytes (body, "content", &size);
    fcj_map_copy (body, "action", action, sizeof action);
    bool accept = strcmp (action, "accept") == 0;
    if ((!accept && strcmp (action, "decline") && strcmp (action, "cancel"))
        || (accept && !content) || size > FCJ_INLINE_MAX)
        return NULL;
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 2);
    fcj_pack_kstr (pack, "action", action);
    fcj_pack_kstrn (pack, "content", accept ? content : "",
                    accept ? size : 0);
    fcj_bytes_t *bytes = malloc (sizeof *bytes + fcj_pack_size (pack));
    if (!bytes)
        abort ();
    bytes->size = fcj_pack_size (pack);
    memcpy (bytes->data, fcj_pack_data (pack), bytes->size);
    fcj_pack_destroy (&pack);
    return bytes;
}

static void
s_answer (fcj_broker_t *self, uint64_t ref, const char *id,
          const char *owner, const fcj_map_t *body)
{
    fcj_event_t event = { .type = FCJ_EV_ANSWER, .ref = ref, .id = id,
                          .owner = owner,
                          .ask = fcj_map_int (body, "ask", 0),
                          .bytes = s_answer_bytes (body) };
    if (event.bytes)
        fcj_broker_step (self, &event);
    else
        fcj_send_refused (self, ref, FCJ_INVALID, "An answer has the action "
                          "accept (with content, at most 64 KiB), decline or "
                          "cancel.", false);
}

/* ---- STATUS ------------------------------------------------------------ */

typedef struct {
    fcj_broker_t *broker;
    fcj_pack_t *pack;
    size_t count;
} view_t;

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
s_status (fcj_broker_t *self, fcj_peer_t *peer, int64_t req)
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

/* ---- LIVE -------------------------------------------------------------- */

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

static void
s_live (fcj_broker_t *self, fcj_peer_t *peer, int64_t req,
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

/* ---- RELOAD ------------------------------------------------------------ */

static void
s_reload (fcj_broker_t *self, uint64_t ref)
{
    if (self->reload_ref) {
        fcj_send_refused (self, ref, FCJ_CONFLICT, "A reload is under way: "
                          "try again when it is done.", true);
        return;
    }
    self->reload_ref = ref;
    self->reload_until = fcj_broker_now (self) + RELOAD_MS;
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 1);
    fcj_pack_kint (pack, "req", (uint32_t) ref);
    for (size_t n = 0; n < FCJ_PEERS_MAX; n++) {
        fcj_peer_t *peer = &self->peers[n];
        peer->reload_ok = false;
        strcpy (peer->reload_error, "The worker did not answer.");
        peer->reload_waits = peer->used && peer->is_worker;
        if (peer->reload_waits)
            fcj_send (self, peer, "RELOAD", pack);
    }
    fcj_pack_destroy (&pack);
    fcj_reload_over (self);
}

/*  Answers the reload when nobody is waited for any more.  */
void
fcj_reload_over (fcj_broker_t *self)
{
    if (!self->reload_ref)
        return;
    size_t workers = 0;
    for (size_t n = 0; n < FCJ_PEERS_MAX; n++) {
        fcj_peer_t *peer = &self->peers[n];
        if (peer->used && peer->is_worker && peer->reload_waits
            && fcj_broker_now (self) < self->reload_until)
            return;
        workers += peer->used && peer->is_worker;
    }
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 3);
    fcj_pack_kint (pack, "req", (uint32_t) self->reload_ref);
    fcj_pack_key (pack, "workers");
    fcj_pack_array (pack, workers);
    for (size_t n = 0; n < FCJ_PEERS_MAX; n++) {
        fcj_peer_t *peer = &self->peers[n];
        if (!peer->used || !peer->is_worker)
            continue;
        fcj_pack_map (pack, 3);
        fcj_pack_kstr (pack, "worker", peer->worker);
        fcj_pack_kbool (pack, "ok", peer->reload_ok);
        fcj_pack_kstr (pack, "error",
                       peer->reload_ok ? NULL : peer->reload_error);
    }
    fcj_pack_kstr (pack, "catalogue", self->catalogue);
    fcj_peer_t *asker = fcj_peer_serial (self,
                                         (uint32_t) (self->reload_ref >> 32));
    if (asker)
        fcj_send (self, asker, "DONE", pack);
    fcj_pack_destroy (&pack);
    self->reload_ref = 0;
    free (self->catalogue);
    self->catalogue = NULL;
}

/* ---- All of them ------------------------------------------------------- */

static void
s_about_job (fcj_broker_t *self, fcj_peer_t *peer, const char *type,
             const fcj_map_t *body, int64_t req)
{
    fcj_id_t id = "";
    char owner[FCJ_NAME_MAX + 1] = "";
    uint64_t ref = fcj_ref (peer, req);
    fcj_map_copy (body, "owner", owner, sizeof owner);
    if (fcj_map_copy (body, "id", id, sizeof id) < 0 || !fcj_id_valid (id)) {
        fcj_send_refused (self, ref, FCJ_INVALID, "id is not a job id "
                          "(UUIDv4, lower case).", false);
        return;
    }
    const char *holder = NULL;
    bool known = fcj_core_state (self->core, id, &holder, NULL) != NULL;
    if (strcmp (type, "WATCH") == 0) {
        bool watched = known && fcj_watch (self, peer, id);
        fcj_send_state (self, peer, req, id, watched);
    }
    else if (strcmp (type, "UNWATCH") == 0) {
        fcj_seen_t *seen = fcj_seen (self, id, false);
        for (size_t n = 0; seen && n < FCJ_WATCHERS_MAX; n++)
            if (seen->watchers[n] == peer->serial)
                seen->watchers[n] = 0;
        if (seen)
            fcj_seen_check (self, seen);
    }
    else if (strcmp (type, "PLACE") == 0)
        s_place (self, peer, req, id);
    else if (!self->recovered)
        fcj_send_refused (self, ref, FCJ_STORE_UNAVAILABLE, "The store is "
                          "not reachable yet: try again in a moment.", true);
    else if (strcmp (type, "CANCEL") == 0 && known) {
        fcj_event_t event = { .type = FCJ_EV_CANCEL, .ref = ref, .id = id,
                              .owner = owner };
        fcj_broker_step (self, &event);
    }
    else if (strcmp (type, "ANSWER") == 0)
        s_answer (self, ref, id, owner, body);
    else if (strcmp (type, "CANCEL") == 0)
        fcj_store_cancel (self, ref, id, owner);
    else if (strcmp (type, "DELETE") == 0)
        fcj_store_delete (self, ref, id, owner);
}

void
fcj_handle_frontend (fcj_broker_t *self, fcj_peer_t *peer, const char *type,
                     const fcj_map_t *body)
{
    int64_t req = fcj_map_int (body, "req", 0);
    if (req < 0 || req > UINT32_MAX)
        return;
    uint64_t ref = fcj_ref (peer, req);
    if (strcmp (type, "SUBMIT") == 0)
        s_submit (self, peer, ref, body);
    else if (strcmp (type, "STATUS") == 0)
        s_status (self, peer, req);
    else if (strcmp (type, "LIVE") == 0)
        s_live (self, peer, req, body);
    else if (strcmp (type, "RELOAD") == 0)
        s_reload (self, ref);
    else
        for (const char *const *at = (const char *const[]) {
                 "WATCH", "UNWATCH", "PLACE", "CANCEL", "DELETE",
                 "ANSWER", NULL };
             *at; at++)
            if (strcmp (type, *at) == 0)
                s_about_job (self, peer, type, body, req);
}
