/*  peer.c - who is connected: front-ends and workers.
 *
 *  A peer is found by its connection's identity. The rest of the broker knows
 *  it by a serial that is never used twice, so that a late answer does not go
 *  to whoever has its place by now.  */

#include "broker.h"
#include "../jobs/log.h"
#include <stdlib.h>
#include <string.h>

#define INFO_MAX (64 * 1024)     /* what a worker says of itself */

fcj_peer_t *
fcj_peer_find (fcj_broker_t *self, bool is_worker, const void *identity,
               size_t size)
{
    for (size_t n = 0; n < FCJ_PEERS_MAX; n++) {
        fcj_peer_t *peer = &self->peers[n];
        if (peer->used && peer->is_worker == is_worker
            && peer->identity_size == size
            && memcmp (peer->identity, identity, size) == 0)
            return peer;
    }
    return NULL;
}

fcj_peer_t *
fcj_peer_serial (fcj_broker_t *self, uint32_t serial)
{
    /*  A serial carries its place in its low bits.  */
    fcj_peer_t *peer = &self->peers[serial % FCJ_PEERS_MAX];
    return peer->used && peer->serial == serial ? peer : NULL;
}

fcj_peer_t *
fcj_peer_worker (fcj_broker_t *self, const char *worker)
{
    for (size_t n = 0; n < FCJ_PEERS_MAX; n++) {
        fcj_peer_t *peer = &self->peers[n];
        if (peer->used && peer->is_worker
            && strcmp (peer->worker, worker) == 0)
            return peer;
    }
    return NULL;
}

fcj_peer_t *
fcj_peer_new (fcj_broker_t *self, bool is_worker, const void *identity,
              size_t size)
{
    for (size_t n = 0; n < FCJ_PEERS_MAX; n++) {
        fcj_peer_t *peer = &self->peers[n];
        if (peer->used)
            continue;
        memset (peer, 0, sizeof *peer);
        peer->used = true;
        peer->is_worker = is_worker;
        self->serial++;
        peer->serial = (uint32_t) (self->serial * FCJ_PEERS_MAX + n);
        if (peer->serial == 0)
            peer->serial = FCJ_PEERS_MAX;
        memcpy (peer->identity, identity, size);
        peer->identity_size = size;
        return peer;
    }
    return NULL;
}

void
fcj_peer_close (fcj_peer_t *peer)
{
    free (peer->info);
    peer->info = NULL;
    peer->used = false;
}

void
fcj_peer_gone (fcj_broker_t *self, fcj_peer_t *peer)
{
    fcj_peer_close (peer);
    if (!peer->is_worker)
        return;
    fcj_log (FCJ_WARNING, "worker_lost", "worker", peer->worker, NULL);
    fcj_event_t event = { .type = FCJ_EV_LOST, .worker = peer->worker };
    fcj_broker_step (self, &event);
    fcj_reload_over (self);
}

void
fcj_peer_deaf_gone (fcj_broker_t *self)
{
    for (size_t n = 0; n < FCJ_PEERS_MAX; n++)
        if (self->peers[n].used && self->peers[n].deaf)
            fcj_peer_gone (self, &self->peers[n]);
}

void
fcj_peer_info (fcj_peer_t *peer, const fcj_map_t *body)
{
    if (!fcj_map_map (body, "info"))
        return;
    fcj_pack_t *pack = fcj_pack_new ();
    if (fcj_map_repack (body, "info", pack) == 0
        && fcj_pack_size (pack) < INFO_MAX) {
        free (peer->info);
        peer->info_size = fcj_pack_size (pack);
        peer->info = malloc (peer->info_size);
        if (peer->info)
            memcpy (peer->info, fcj_pack_data (pack), peer->info_size);
    }
    fcj_pack_destroy (&pack);
    fcj_lane_look (peer, fcj_map_map (body, "info"));
}
