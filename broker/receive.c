/*  receive.c - a message comes in: from whom, and is it one?
 *
 *  Anything may be in it. Who sends what is no message of ours is dropped; who
 *  has not said HELLO, or was forgotten, is asked for it. All else goes to its
 *  handler.  */

#include "broker.h"
#include "../jobs/log.h"
#include <string.h>
#include <zmq.h>

static void s_handle (fcj_broker_t *self, bool is_worker, zmq_msg_t frames[4],
                      int count);
static fcj_peer_t *s_hello (fcj_broker_t *self, bool is_worker,
                            const void *identity, size_t size,
                            const fcj_map_t *body);
static void s_welcome (fcj_broker_t *self, const fcj_peer_t *peer);

bool
fcj_receive (fcj_broker_t *self, bool is_worker)
{
    void *socket = is_worker ? self->workers : self->frontends;
    zmq_msg_t frames[4];
    int count = 0, more = 1;
    while (more) {
        zmq_msg_t frame;
        zmq_msg_init (&frame);
        if (zmq_msg_recv (&frame, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close (&frame);
            break;
        }
        more = zmq_msg_more (&frame);
        if (count < 4)
            frames[count] = frame;
        else
            zmq_msg_close (&frame);
        count++;
    }
    if (count)
        s_handle (self, is_worker, frames, count);
    for (int n = 0; n < count && n < 4; n++)
        zmq_msg_close (&frames[n]);
    return count > 0;
}

static void
s_handle (fcj_broker_t *self, bool is_worker, zmq_msg_t frames[4], int count)
{
    const void *identity = zmq_msg_data (&frames[0]);
    size_t size = zmq_msg_size (&frames[0]);
    char type[16] = "";
    fcj_map_t *body = NULL;
    if (size > FCJ_IDENTITY_MAX)
        return;
    fcj_peer_t *peer = fcj_peer_find (self, is_worker, identity, size);
    if (count == 4 && zmq_msg_size (&frames[1]) == 4
        && memcmp (zmq_msg_data (&frames[1]), "FCJ1", 4) == 0
        && zmq_msg_size (&frames[2]) < sizeof type) {
        memcpy (type, zmq_msg_data (&frames[2]), zmq_msg_size (&frames[2]));
        body = fcj_map_new (zmq_msg_data (&frames[3]),
                            zmq_msg_size (&frames[3]));
    }
    if (!body) {
        fcj_log (FCJ_WARNING, "peer_dropped", "why", "malformed", NULL);
        if (peer)
            fcj_peer_gone (self, peer);
        return;
    }
    if (strcmp (type, "HELLO") == 0)
        peer = s_hello (self, is_worker, identity, size, body);
    else if (!peer) {
        fcj_peer_t stranger = { .is_worker = is_worker,
                                .identity_size = size };
        memcpy (stranger.identity, identity, size);
        fcj_send (self, &stranger, "HELLO?", NULL);
    }
    if (peer) {
        peer->heard = fcj_broker_now (self);
        if (is_worker)
            fcj_handle_worker (self, peer, type, body);
        else
            fcj_handle_frontend (self, peer, type, body);
    }
    fcj_map_destroy (&body);
}

static fcj_peer_t *
s_hello (fcj_broker_t *self, bool is_worker, const void *identity,
         size_t size, const fcj_map_t *body)
{
    char worker[FCJ_ID_LEN + 1] = "";
    fcj_peer_t *peer = fcj_peer_find (self, is_worker, identity, size);
    if (is_worker && (fcj_map_copy (body, "worker", worker, sizeof worker) < 0
                      || !fcj_id_valid (worker)))
        return NULL;
    /*  The same worker under a new identity: it reconnected.  */
    fcj_peer_t *old = is_worker ? fcj_peer_worker (self, worker) : NULL;
    if (old && old != peer)
        fcj_peer_close (old);
    if (!peer)
        peer = fcj_peer_new (self, is_worker, identity, size);
    if (!peer)
        return NULL;
    strcpy (peer->worker, worker);
    fcj_peer_info (peer, body);
    s_welcome (self, peer);
    return peer;
}

static void
s_welcome (fcj_broker_t *self, const fcj_peer_t *peer)
{
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 4);
    fcj_pack_kstr (pack, "broker", "fcj-broker");
    fcj_pack_kstr (pack, "version", FCJ_VERSION);
    fcj_pack_kint (pack, "lease_ms", self->lease_ms);
    fcj_pack_kint (pack, "beat_ms", self->beat_ms);
    fcj_send (self, peer, "WELCOME", pack);
    fcj_pack_destroy (&pack);
}
