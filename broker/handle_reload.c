/*  handle_reload.c - RELOAD: all workers load the tools again.
 *
 *  One reload at a time. It is answered when the last worker has answered, or
 *  is gone, or its time is over; the answer says how it went with each.  */

#include "broker.h"
#include <stdlib.h>
#include <string.h>

#define RELOAD_MS 30000

void
fcj_handle_reload (fcj_broker_t *self, uint64_t ref)
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

void
fcj_handle_reloaded (fcj_broker_t *self, fcj_peer_t *peer,
                     const fcj_map_t *body)
{
    size_t size;
    peer->reload_waits = false;
    peer->reload_ok = fcj_map_bool (body, "ok", false);
    fcj_map_copy (body, "error", peer->reload_error,
                  sizeof peer->reload_error);
    const char *text = fcj_map_bytes (body, "catalogue", &size);
    /*  The catalogue of a window that still starts is empty: "{}".  */
    if (text && size > 2 && peer->reload_ok) {
        free (self->catalogue);
        self->catalogue = strndup (text, size);
    }
    fcj_reload_over (self);
}

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
