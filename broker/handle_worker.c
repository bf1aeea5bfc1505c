/*  handle_worker.c - what workers say.  */

#include "broker.h"
#include "../jobs/log.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define HELD_MAX 256

static bool
s_is (const char *type, const char *name)
{
    return strcmp (type, name) == 0;
}

static void
s_hello (fcj_broker_t *self, fcj_peer_t *peer, const fcj_map_t *body)
{
    char name[FCJ_NAME_MAX + 1] = "", lane[16];
    fcj_held_t held[HELD_MAX];
    fcj_event_t event = { .type = FCJ_EV_HELLO, .worker = peer->worker,
                          .name = name, .held = held };
    fcj_map_copy (body, "name", name, sizeof name);
    const fcj_list_t *lanes = fcj_map_list (body, "lanes");
    for (size_t n = 0; lanes && n < fcj_list_count (lanes) && n < 8; n++)
        if (fcj_list_copy (lanes, n, lane, sizeof lane) > 0
            && fcj_lane_of (lane) >= 0)
            event.lanes |= 1u << fcj_lane_of (lane);
    peer->gui = event.lanes >> FCJ_LANE_GUI & 1;
    peer->rank = fcj_map_int (body, "rank", 0) > 0;
    if (!peer->joined)
        peer->joined = fcj_broker_now (self);
    int64_t slots = fcj_map_int (body, "slots", 1);
    event.slots = slots < 0 ? 0 : slots > FCJ_SLOTS_MAX ? FCJ_SLOTS_MAX
                                                        : (int) slots;
    const fcj_list_t *list = fcj_map_list (body, "running");
    for (size_t n = 0; list && n < fcj_list_count (list)
         && event.held_count < HELD_MAX; n++) {
        const fcj_map_t *job = fcj_list_map (list, n);
        fcj_held_t *at = &held[event.held_count];
        if (job && fcj_map_copy (job, "id", at->id, sizeof at->id) > 0
            && fcj_map_copy (job, "token", at->token, sizeof at->token) > 0)
            event.held_count++;
    }
    fcj_broker_step (self, &event);
    fcj_lane_tell (self, peer);
    fcj_log (FCJ_INFO, "worker_joined", "worker", peer->worker, "name", name,
             NULL);
}

static void
s_beat (fcj_broker_t *self, fcj_peer_t *peer, const fcj_map_t *body)
{
    fcj_held_t held[HELD_MAX];
    fcj_event_t event = { .type = FCJ_EV_BEAT, .worker = peer->worker,
                          .held = held };
    const fcj_list_t *list = fcj_map_list (body, "running");
    for (size_t n = 0; list && n < fcj_list_count (list)
         && event.held_count < HELD_MAX; n++) {
        fcj_held_t *at = &held[event.held_count];
        at->id[0] = 0;
        if (fcj_list_copy (list, n, at->token, sizeof at->token) > 0)
            event.held_count++;
    }
    fcj_broker_step (self, &event);
}

static fcj_bytes_t *
s_copy (const fcj_map_t *body)
{
    /*  The core keeps the map as it came, but for keys of another type.  */
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, fcj_map_count (body));
    fcj_map_repack_all (body, pack);
    return fcj_bytes_take (&pack);
}

static void
s_about_job (fcj_broker_t *self, fcj_peer_t *peer, const char *type,
             const fcj_map_t *body)
{
    fcj_id_t id;
    fcj_token_t token;
    char message[FCJ_TEXT_MAX + 1] = "", state[16] = "";
    if (fcj_map_copy (body, "id", id, sizeof id) < 0
        || fcj_map_copy (body, "token", token, sizeof token) < 0)
        return;
    fcj_event_t event = {
        .worker = peer->worker, .id = id, .token = token, .message = message,
        .at = fcj_map_int (body, "at", fcj_broker_now (self)),
        .fraction = fcj_map_real (body, "fraction", 0),
        .lost = fcj_map_bool (body, "lost", false),
        .unbegun = fcj_map_bool (body, "unbegun", false),
    };
    fcj_map_copy (body, "message", message, sizeof message);
    if (s_is (type, "STARTED"))
        event.type = FCJ_EV_STARTED;
    else if (s_is (type, "PROGRESS"))
        event.type = FCJ_EV_PROGRESS;
    else if (s_is (type, "RELEASE"))
        event.type = FCJ_EV_RELEASE;
    else {
        event.type = FCJ_EV_FINISH;
        fcj_map_copy (body, "state", state, sizeof state);
        int value = fcj_state_of (state);
        if (value < 0 || !fcj_state_terminal ((fcj_state_t) value))
            return;
        event.state = (fcj_state_t) value;
        event.bytes = s_copy (body);
    }
    fcj_broker_step (self, &event);
}

/*  The record's `ask`; NULL: not a question.  */
static char *
s_question (const fcj_map_t *body, int64_t number)
{
    char message[FCJ_TEXT_MAX + 1] = "";
    size_t size = 0;
    const char *text = fcj_map_bytes (body, "schema", &size);
    if (!text || size > FCJ_ASK_SCHEMA_MAX
        || fcj_map_copy (body, "message", message, sizeof message) < 0)
        return NULL;
    json_t *schema = json_loadb (text, size, 0, NULL);
    json_t *ask = json_is_object (schema)
        ? json_pack ("{s:I, s:s, s:O}", "ask", (json_int_t) number,
                     "message", message, "schema", schema) : NULL;
    char *made = ask ? json_dumps (ask, JSON_COMPACT) : NULL;
    json_decref (ask);
    json_decref (schema);
    return made;
}

static void
s_ask (fcj_broker_t *self, fcj_peer_t *peer, const char *type,
       const fcj_map_t *body)
{
    fcj_id_t id;
    fcj_token_t token;
    fcj_event_t event = { .type = FCJ_EV_UNASK, .worker = peer->worker,
                          .id = id, .token = token,
                          .ask = fcj_map_int (body, "ask", 0) };
    if (fcj_map_copy (body, "id", id, sizeof id) < 0
        || fcj_map_copy (body, "token", token, sizeof token) < 0)
        return;
    char *question = NULL;
    if (s_is (type, "ASK")) {
        question = s_question (body, event.ask);
        event.type = FCJ_EV_ASK;
        event.message = question;
        if (!question)
            return;
    }
    fcj_broker_step (self, &event);
    free (question);
}

static void
s_ended (fcj_broker_t *self, const fcj_map_t *body)
{
    fcj_id_t id;
    fcj_token_t token;
    char by[16];
    if (fcj_map_copy (body, "id", id, sizeof id) == FCJ_ID_LEN
        && fcj_id_valid (id)
        && fcj_map_copy (body, "token", token, sizeof token) > 0
        && fcj_map_copy (body, "by", by, sizeof by) > 0)
        fcj_store_ended (self, id, token, by);
}

void
fcj_handle_worker (fcj_broker_t *self, fcj_peer_t *peer, const char *type,
                   const fcj_map_t *body)
{
    fcj_event_t event = { .worker = peer->worker };
    if (s_is (type, "HELLO"))
        s_hello (self, peer, body);
    else if (s_is (type, "BEAT"))
        s_beat (self, peer, body);
    else if (s_is (type, "STARTED") || s_is (type, "PROGRESS")
             || s_is (type, "FINISH") || s_is (type, "RELEASE"))
        s_about_job (self, peer, type, body);
    else if (s_is (type, "ASK") || s_is (type, "UNASK"))
        s_ask (self, peer, type, body);
    else if (s_is (type, "INFO"))
        fcj_peer_info (peer, body);
    else if (s_is (type, "ENDED"))
        s_ended (self, body);
    else if (s_is (type, "RELOADED"))
        fcj_handle_reloaded (self, peer, body);
    else if (s_is (type, "DRAIN")) {
        peer->left = true;
        event.type = FCJ_EV_DRAIN;
        fcj_broker_step (self, &event);
    }
    else if (s_is (type, "BYE")) {
        event.type = FCJ_EV_BYE;
        fcj_broker_step (self, &event);
        fcj_peer_close (peer);
        fcj_reload_over (self);
    }
}
