/*  lane.c - who holds the lane gui: one of the GUI workers, or nobody.
 *
 *      free --take, stored--> held --renewed each 2 s--> held
 *      held --lost, left, drains, or a higher rank waits--> giving up --> free
 *
 *  The window exists once, so the lane is leased as a whole, and the lease
 *  stands in Redis: a broker that starts finds it there. Only when Redis has
 *  it does the core send the holder jobs; a token tells our lease from that
 *  of a broker before us, which runs out by itself.  */

#include "broker.h"
#include "../jobs/log.h"
#include <stdio.h>
#include <string.h>

#define TTL_MS   6000
#define RENEW_MS 2000
#define RETRY_MS 200

bool
fcj_lane_served (const fcj_broker_t *self, char *why, size_t size)
{
    bool any = false;
    why[0] = 0;
    for (size_t n = 0; n < FCJ_PEERS_MAX; n++) {
        const fcj_peer_t *peer = &self->peers[n];
        if (!peer->used || !peer->gui || peer->left)
            continue;
        if (!peer->gui_error[0])
            return true;
        any = true;
        snprintf (why, size, "FreeCAD's window does not start: %.200s. "
                  "`fcj doctor` checks this machine.", peer->gui_error);
    }
    if (!any)
        snprintf (why, size, "No FreeCAD with a window is there for this "
                  "tool. Start one: `fcj-worker --gui` (fcj-service does, "
                  "unless it has --no-gui), or connect your own FreeCAD with "
                  "the add-on (`fcj addon install`). Tools that compute in "
                  "the background work without it.");
    return false;
}

/* ---- Choosing ------------------------------------------------------------ */

static const fcj_peer_t *
s_peer (const fcj_broker_t *self, const char *worker)
{
    for (size_t n = 0; n < FCJ_PEERS_MAX; n++) {
        const fcj_peer_t *peer = &self->peers[n];
        if (peer->used && peer->gui && !peer->left
            && strcmp (peer->worker, worker) == 0)
            return peer;
    }
    return NULL;
}

const fcj_peer_t *
fcj_lane_holder (const fcj_broker_t *self)
{
    return self->lane.held ? s_peer (self, self->lane.worker) : NULL;
}

/*  One whose FreeCAD does not start serves nobody.  */
static int
s_rank (const fcj_peer_t *peer)
{
    return peer->gui_error[0] ? -1 : peer->rank;
}

/*  The highest rank, then who has been there longest.  */
static const fcj_peer_t *
s_candidate (const fcj_broker_t *self)
{
    const fcj_peer_t *best = NULL;
    for (size_t n = 0; n < FCJ_PEERS_MAX; n++) {
        const fcj_peer_t *peer = &self->peers[n];
        if (!peer->used || !peer->gui || peer->left)
            continue;
        if (!best || s_rank (peer) > s_rank (best)
            || (s_rank (peer) == s_rank (best)
                && peer->joined < best->joined))
            best = peer;
    }
    return best;
}

void
fcj_lane_look (fcj_peer_t *peer, const fcj_map_t *info)
{
    const fcj_map_t *gui = info ? fcj_map_map (info, "gui") : NULL;
    char state[16] = "";
    peer->gui_error[0] = 0;
    if (!gui || fcj_map_copy (gui, "state", state, sizeof state) < 0
        || strcmp (state, "failed") != 0)
        return;
    if (fcj_map_copy (gui, "error", peer->gui_error,
                      sizeof peer->gui_error) <= 0)
        strcpy (peer->gui_error, "its log says why");
}

static bool
s_is_busy (const fcj_broker_t *self, const char *name)
{
    fcj_core_worker_t worker;
    for (size_t n = 0; fcj_core_worker (self->core, n, &worker); n++)
        if (strcmp (worker.worker, name) == 0)
            return worker.busy > 0;
    return false;
}

/* ---- Telling ------------------------------------------------------------- */

void
fcj_lane_tell (fcj_broker_t *self, const fcj_peer_t *peer)
{
    if (!peer->gui)
        return;
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 1);
    fcj_pack_kbool (pack, "holder", self->lane.held
                    && strcmp (self->lane.worker, peer->worker) == 0);
    fcj_send (self, peer, "LANE", pack);
    fcj_pack_destroy (&pack);
}

static void
s_set (fcj_broker_t *self, bool held)
{
    if (self->lane.held == held)
        return;
    self->lane.held = held;
    fcj_event_t event = { .type = FCJ_EV_LANE,
                          .worker = held ? self->lane.worker : "" };
    fcj_broker_step (self, &event);
    fcj_log (FCJ_INFO, held ? "lane_taken" : "lane_free", "worker",
             self->lane.worker, NULL);
    for (size_t n = 0; n < FCJ_PEERS_MAX; n++)
        if (self->peers[n].used)
            fcj_lane_tell (self, &self->peers[n]);
}

/* ---- The lease ----------------------------------------------------------- */

static void
s_on_stored (void *arg, const fcj_map_t *reply, const fcj_error_t *error)
{
    fcj_broker_t *self = arg;
    int64_t now = fcj_broker_now (self);
    self->lane.asking = false;
    if (error && error->reason == FCJ_STORE_UNAVAILABLE) {
        self->lane.at = now + RETRY_MS;
        if (now >= self->lane.until)            /* it has run out there */
            s_set (self, false);
        return;
    }
    bool ours = reply && fcj_map_bool (reply, "mine", false);
    char holder[FCJ_ID_LEN + 1] = "";
    if (reply)
        fcj_map_copy (reply, "holder", holder, sizeof holder);
    self->lane.at = now + (ours ? RENEW_MS : *holder ? RETRY_MS : 0);
    if (ours)
        self->lane.until = now + TTL_MS - RENEW_MS;
    s_set (self, ours);
}

static void
s_ask (fcj_broker_t *self, bool give_up)
{
    self->lane.asking = true;
    fcj_writer_lane (self->writer, self->lane.worker, self->lane.token,
                     give_up ? 0 : TTL_MS, s_on_stored, self);
}

void
fcj_lane_clock (fcj_broker_t *self)
{
    fcj_holder_t *lane = &self->lane;
    int64_t now = fcj_broker_now (self);
    if (!self->recovered || lane->asking || !fcj_writer_up (self->writer))
        return;
    const fcj_peer_t *best = s_candidate (self);
    if (lane->held) {
        const fcj_peer_t *holder = s_peer (self, lane->worker);
        if (!holder || (s_rank (best) > s_rank (holder)
                        && !s_is_busy (self, lane->worker))) {
            s_set (self, false);
            s_ask (self, true);
        } else if (now >= lane->at)
            s_ask (self, false);
    } else if (best && now >= lane->at) {
        snprintf (lane->worker, sizeof lane->worker, "%s", best->worker);
        fcj_token_new (lane->token);
        s_ask (self, false);
    }
}
