/*  handle_frontend.c - what front-ends say: their jobs.
 *
 *  Of a job the broker reads what it decides by (owner, lane, priority, what
 *  it depends on) and hands on the rest as it came. A front-end is trusted to
 *  say for which owner it asks; the core and the store compare that with the
 *  job's. STATUS, LIVE and RELOAD have files of their own.  */

#include "broker.h"
#include <stdio.h>
#include <string.h>

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
    event.bytes = fcj_bytes_take (&pack);
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
    return fcj_bytes_take (&pack);
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
    else if (strcmp (type, "UNWATCH") == 0)
        fcj_unwatch (self, peer, id);
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
        fcj_handle_status (self, peer, req);
    else if (strcmp (type, "LIVE") == 0)
        fcj_handle_live (self, peer, req, body);
    else if (strcmp (type, "RELOAD") == 0)
        fcj_handle_reload (self, ref);
    else
        for (const char *const *at = (const char *const[]) {
                 "WATCH", "UNWATCH", "PLACE", "CANCEL", "DELETE",
                 "ANSWER", NULL };
             *at; at++)
            if (strcmp (type, *at) == 0)
                s_about_job (self, peer, type, body, req);
}
