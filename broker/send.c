/*  send.c - the core's actions that are messages.
 *
 *  A message that its peer cannot take (gone, or its pipe is full) is lost:
 *  a RUN goes back to the core at once, the rest is repeated by the protocol.
 */

#include "broker.h"
#include "../jobs/log.h"
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

int
fcj_send (fcj_broker_t *self, const fcj_peer_t *peer, const char *type,
          const fcj_pack_t *body)
{
    void *socket = peer->is_worker ? self->workers : self->frontends;
    if (zmq_send (socket, peer->identity, peer->identity_size,
                  ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return -1;
    zmq_send (socket, "FCJ1", 4, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    zmq_send (socket, type, strlen (type), ZMQ_SNDMORE | ZMQ_DONTWAIT);
    if (body)
        zmq_send (socket, fcj_pack_data (body), fcj_pack_size (body),
                  ZMQ_DONTWAIT);
    else
        zmq_send (socket, "\x80", 1, ZMQ_DONTWAIT);
    return 0;
}

static void
s_reply (fcj_broker_t *self, uint64_t ref, const char *type,
         const fcj_pack_t *body)
{
    fcj_peer_t *peer = fcj_peer_serial (self, (uint32_t) (ref >> 32));
    if (peer)
        fcj_send (self, peer, type, body);
}

void
fcj_send_refused (fcj_broker_t *self, uint64_t ref, fcj_reason_t reason,
                  const char *text, bool retryable)
{
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 4);
    fcj_pack_kint (pack, "req", (uint32_t) ref);
    fcj_pack_kstr (pack, "reason", fcj_reason_name (reason));
    fcj_pack_kstr (pack, "text", text);
    fcj_pack_kbool (pack, "retryable", retryable);
    s_reply (self, ref, "REFUSED", pack);
    fcj_pack_destroy (&pack);
}

void
fcj_send_done (fcj_broker_t *self, uint64_t ref, const char *state)
{
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 2);
    fcj_pack_kint (pack, "req", (uint32_t) ref);
    fcj_pack_kstr (pack, "state", state);
    s_reply (self, ref, "DONE", pack);
    fcj_pack_destroy (&pack);
}

static void
s_accepted (fcj_broker_t *self, const fcj_action_t *action)
{
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 4);
    fcj_pack_kint (pack, "req", (uint32_t) action->ref);
    fcj_pack_kstr (pack, "id", action->id);
    fcj_pack_kstr (pack, "state", action->state);
    fcj_pack_kbool (pack, "existing", action->existing);
    s_reply (self, action->ref, "ACCEPTED", pack);
    fcj_pack_destroy (&pack);
    /*  Whoever gets another id than asked for watches that one.  */
    fcj_peer_t *peer = fcj_peer_serial (self, (uint32_t) (action->ref >> 32));
    if (!peer || !action->existing)
        return;
    bool watched = fcj_core_state (self->core, action->id, NULL, NULL)
                   && fcj_watch (self, peer, action->id);
    fcj_send_state (self, peer, 0, action->id, watched);
}

void
fcj_send_state (fcj_broker_t *self, const fcj_peer_t *peer, int64_t req,
                const char *id, bool watched)
{
    int attempt = 0;
    const char *state = fcj_core_state (self->core, id, NULL, &attempt);
    const fcj_seen_t *seen = fcj_seen (self, id, false);
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 8);
    fcj_pack_kint (pack, "req", req);
    fcj_pack_kbool (pack, "watched", watched);
    fcj_pack_kstr (pack, "id", id);
    fcj_pack_kstr (pack, "state", state ? state : "gone");
    fcj_pack_kint (pack, "attempt", attempt);
    fcj_pack_kreal (pack, "progress", seen ? seen->progress : 0);
    fcj_pack_kstr (pack, "message", seen ? seen->message : "");
    fcj_pack_kstr (pack, "ask", seen ? seen->ask : NULL);
    fcj_send (self, peer, "EVENT", pack);
    fcj_pack_destroy (&pack);
}

static void
s_note (fcj_seen_t *seen, const fcj_action_t *action, bool running)
{
    seen->running = running;
    seen->progress = running ? action->fraction : 0;
    seen->message[0] = 0;
    if (action->message)
        strncat (seen->message, action->message, FCJ_TEXT_MAX);
}

/*  To who watches the job; terminal: for the last time.  */
static void
s_tell (fcj_broker_t *self, fcj_seen_t *seen, const fcj_pack_t *event,
        bool terminal)
{
    for (size_t n = 0; n < FCJ_WATCHERS_MAX; n++) {
        fcj_peer_t *peer = seen->watchers[n]
            ? fcj_peer_serial (self, seen->watchers[n]) : NULL;
        if (peer)
            fcj_send (self, peer, "EVENT", event);
        if (!peer || terminal)
            seen->watchers[n] = 0;
    }
}

static void
s_event (fcj_broker_t *self, const fcj_action_t *action)
{
    fcj_seen_t *seen = fcj_seen (self, action->id, false);
    if (!seen)
        return;
    bool running = strcmp (action->state, "running") == 0;
    bool queued = strcmp (action->state, "queued") == 0;
    s_note (seen, action, running);
    if (!running) {
        free (seen->ask);
        seen->ask = NULL;
    }
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 7);
    fcj_pack_kstr (pack, "id", action->id);
    fcj_pack_kstr (pack, "state", action->state);
    fcj_pack_kint (pack, "attempt", action->attempt);
    fcj_pack_kreal (pack, "progress", action->fraction);
    fcj_pack_kstr (pack, "message", action->message ? action->message : "");
    fcj_pack_kstr (pack, "reason", action->reason
                   ? fcj_reason_name (action->reason) : NULL);
    fcj_pack_kstr (pack, "ask", seen->ask);
    s_tell (self, seen, pack, !running && !queued);
    fcj_pack_destroy (&pack);
    fcj_seen_check (self, seen);
}

/*  A question is there, or over: as much an event as progress is.  */
static void
s_asked (fcj_broker_t *self, const fcj_action_t *action)
{
    fcj_seen_t *seen = fcj_seen (self, action->id, true);
    if (!seen)
        return;
    seen->running = true;
    free (seen->ask);
    seen->ask = action->type == FCJ_DO_ASK && action->message
                ? strdup (action->message) : NULL;
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 6);
    fcj_pack_kstr (pack, "id", action->id);
    fcj_pack_kstr (pack, "state", "running");
    fcj_pack_kint (pack, "attempt", action->attempt);
    fcj_pack_kreal (pack, "progress", seen->progress);
    fcj_pack_kstr (pack, "message", seen->message);
    fcj_pack_kstr (pack, "ask", seen->ask);
    s_tell (self, seen, pack, false);
    fcj_pack_destroy (&pack);
}

static void
s_note_run (fcj_broker_t *self, const fcj_action_t *action, const void *spec,
            size_t size)
{
    fcj_seen_t *seen = fcj_seen (self, action->id, true);
    fcj_map_t *map = fcj_map_new (spec, size);
    if (seen) {
        seen->running = true;
        seen->started = fcj_broker_now (self);
        if (map)
            fcj_map_copy (map, "tool", seen->tool, sizeof seen->tool);
    }
    fcj_map_destroy (&map);
}

/*  The core hears of it after this step.  */
static void
s_unsent (fcj_broker_t *self, const fcj_action_t *action)
{
    if (self->unsent_count == FCJ_UNSENT_MAX)
        return;
    fcj_held_t *held = &self->unsent[self->unsent_count++];
    strcpy (held->id, action->id);
    strcpy (held->token, action->token);
}

static void
s_run (fcj_broker_t *self, const fcj_action_t *action)
{
    const char *spec = action->bytes ? action->bytes->data : NULL;
    size_t size = action->bytes ? action->bytes->size : 0;
    if (!spec && self->reply)
        spec = fcj_map_bytes (self->reply, "spec", &size);
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 5);
    fcj_pack_kstr (pack, "id", action->id);
    fcj_pack_kint (pack, "attempt", action->attempt);
    fcj_pack_kstr (pack, "token", action->token);
    fcj_pack_key (pack, "spec");
    if (spec)
        fcj_pack_raw (pack, spec, size);
    else
        fcj_pack_map (pack, 0);
    fcj_pack_key (pack, "refs");
    if (action->bytes || !self->reply
        || !fcj_map_map (self->reply, "refs")
        || fcj_map_repack (self->reply, "refs", pack) < 0)
        fcj_pack_map (pack, 0);
    fcj_peer_t *peer = fcj_peer_worker (self, action->worker);
    if (spec)
        s_note_run (self, action, spec, size);
    bool sent = spec && peer && fcj_send (self, peer, "RUN", pack) == 0;
    if (!sent)
        s_unsent (self, action);
    if (!sent && spec && peer)
        peer->deaf = true;
    fcj_pack_destroy (&pack);
}

static void
s_to_worker (fcj_broker_t *self, const fcj_action_t *action,
             const char *type)
{
    fcj_peer_t *peer = fcj_peer_worker (self, action->worker);
    if (!peer)
        return;
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 3);
    fcj_pack_kstr (pack, "id", action->id);
    fcj_pack_kstr (pack, "token", action->token);
    fcj_pack_kstr (pack, "why", action->text);
    fcj_send (self, peer, type, pack);
    fcj_pack_destroy (&pack);
}

/*  bytes: a packed map {action, content}.  */
static void
s_answer (fcj_broker_t *self, const fcj_action_t *action)
{
    fcj_peer_t *peer = fcj_peer_worker (self, action->worker);
    fcj_map_t *answer = fcj_map_new (action->bytes->data,
                                     action->bytes->size);
    if (peer && answer) {
        fcj_pack_t *pack = fcj_pack_new ();
        fcj_pack_map (pack, 5);
        fcj_pack_kstr (pack, "id", action->id);
        fcj_pack_kstr (pack, "token", action->token);
        fcj_pack_kint (pack, "ask", action->ask);
        fcj_pack_key (pack, "action");
        fcj_map_repack (answer, "action", pack);
        fcj_pack_key (pack, "content");
        fcj_map_repack (answer, "content", pack);
        fcj_send (self, peer, "ANSWER", pack);
        fcj_pack_destroy (&pack);
    }
    fcj_map_destroy (&answer);
}

void
fcj_send_act (fcj_broker_t *self, const fcj_action_t *action)
{
    switch (action->type) {
    case FCJ_DO_ASK:
    case FCJ_DO_UNASK:    s_asked (self, action); break;
    case FCJ_DO_ANSWER:   s_answer (self, action); break;
    case FCJ_DO_RUN:      s_run (self, action); break;
    case FCJ_DO_KILL:     s_to_worker (self, action, "KILL"); break;
    case FCJ_DO_FINISHED: s_to_worker (self, action, "FINISHED"); break;
    case FCJ_DO_ACCEPTED: s_accepted (self, action); break;
    case FCJ_DO_EVENT:    s_event (self, action); break;
    case FCJ_DO_DONE:
        fcj_send_done (self, action->ref, action->state);
        break;
    case FCJ_DO_REFUSED:
        fcj_send_refused (self, action->ref, action->reason, action->text,
                          action->retryable);
        break;
    case FCJ_DO_WARN:
        fcj_log (FCJ_WARNING, "job_out_of_step", "id", action->id, "what",
                 action->text, NULL);
        break;
    default: break;
    }
}
