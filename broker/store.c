/*  store.c - the core's actions that are store calls, and what the store
 *  says about them, as events for the core.  */

#include "broker.h"
#include "../jobs/log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 1000

/*  A store call under way. Its outcome goes to the core (call, s_stored) or
 *  to the front-end that asked (ref, s_answered).  */
typedef struct {
    fcj_broker_t *broker;
    uint32_t call;
    uint64_t ref;
    fcj_id_t id;
} call_t;

static call_t *
s_call_new (fcj_broker_t *self, const char *id, uint32_t call)
{
    call_t *made = calloc (1, sizeof *made);
    if (!made)
        abort ();
    made->broker = self;
    made->call = call;
    strcpy (made->id, id);
    return made;
}

static call_t *
s_call_for (fcj_broker_t *self, const char *id, uint64_t ref)
{
    call_t *made = s_call_new (self, id, 0);
    made->ref = ref;
    return made;
}

/*  DONE with the state that every such reply names, or REFUSED.  */
static void
s_answered (void *arg, const fcj_map_t *reply, const fcj_error_t *error)
{
    call_t *call = arg;
    char state[16] = "gone";
    if (reply)
        fcj_map_copy (reply, "state", state, sizeof state);
    if (error)
        fcj_send_refused (call->broker, call->ref, error->reason,
                          error->text, error->retryable);
    else
        fcj_send_done (call->broker, call->ref, state);
    free (call);
}

static size_t
s_deps (const fcj_map_t *map, fcj_dep_t deps[FCJ_DEPENDS_MAX])
{
    size_t count = map ? fcj_map_count (map) : 0;
    if (count > FCJ_DEPENDS_MAX)
        count = FCJ_DEPENDS_MAX;
    for (size_t n = 0; n < count; n++) {
        size_t size;
        const char *key = fcj_map_key_at (map, n, &size);
        fcj_id_t id = "";
        char state[16] = "";
        if (key && size == FCJ_ID_LEN)
            memcpy (id, key, size);
        fcj_map_copy (map, id, state, sizeof state);
        memcpy (deps[n].id, id, sizeof id);
        deps[n].state = fcj_state_of (state);
    }
    return count;
}

static void
s_stored (void *arg, const fcj_map_t *reply, const fcj_error_t *error)
{
    call_t *call = arg;
    char state[16] = "queued";
    fcj_id_t actual = "", worker = "";
    fcj_token_t token = "";
    fcj_dep_t deps[FCJ_DEPENDS_MAX];
    fcj_event_t event = { .type = FCJ_EV_STORED, .id = call->id,
                          .call = call->call };
    if (error) {
        event.outcome = error->reason;
        event.text = error->text;
        if (error->reason != FCJ_STORE_UNAVAILABLE)
            fcj_log (FCJ_WARNING, "store_refused", "id", call->id, "reason",
                     fcj_reason_name (error->reason), "text", error->text,
                     NULL);
    }
    if (reply) {
        fcj_map_copy (reply, "state", state, sizeof state);
        if (fcj_map_copy (reply, "id", actual, sizeof actual) > 0)
            event.actual = actual;
        if (fcj_map_copy (reply, "token", token, sizeof token) > 0)
            event.token = token;
        if (fcj_map_copy (reply, "worker", worker, sizeof worker) > 0)
            event.worker = worker;
        event.attempt = (int) fcj_map_int (reply, "attempt", 0);
        event.losses = (int) fcj_map_int (reply, "lost", 0);
        event.deps = deps;
        event.dep_count = s_deps (fcj_map_map (reply, "deps"), deps);
    }
    int value = fcj_state_of (state);
    event.state = value < 0 ? FCJ_QUEUED : (fcj_state_t) value;
    call->broker->reply = reply;
    fcj_broker_step (call->broker, &event);
    call->broker->reply = NULL;
    free (call);
}

/*  Nothing depends on it; but a stale one is worth a line.  */
static void
s_ignored (void *arg, const fcj_map_t *reply, const fcj_error_t *error)
{
    (void) arg;
    (void) reply;
    if (error)
        fcj_log (FCJ_DEBUG, "store_call_ignored", "reason",
                 fcj_reason_name (error->reason), NULL);
}

/*  The answer to a question is acknowledged when the record shows the question
 *  no longer. Without a ref nobody answered: it was withdrawn.  */
static void
s_unask (fcj_broker_t *self, const fcj_action_t *action)
{
    call_t *call = action->ref ? s_call_for (self, action->id, action->ref)
                               : NULL;
    fcj_writer_answered (self->writer, action->id, action->token, action->ask,
                         call ? s_answered : s_ignored, call);
}

static fcj_lease_args_t
s_lease_args (const fcj_action_t *action)
{
    return (fcj_lease_args_t) {
        .attempt = action->attempt, .token = action->token,
        .worker = action->worker, .deadline_ms = action->deadline,
    };
}

static void
s_lease (fcj_broker_t *self, const fcj_action_t *action, call_t *call)
{
    fcj_id_t ids[FCJ_DEPENDS_MAX];
    const char *texts[FCJ_DEPENDS_MAX];
    size_t count = action->dep_count;
    for (size_t n = 0; n < count; n++) {
        fcj_core_id_text (action->deps[n], ids[n]);
        texts[n] = ids[n];
    }
    fcj_lease_args_t lease = s_lease_args (action);
    fcj_writer_lease (self->writer, action->id, texts, count, &lease,
                      s_stored, call);
}

static void
s_error_json (const char *reason, const char *text, char *out, size_t size)
{
    snprintf (out, size, "{\"type\":\"%s\",\"message\":\"%s\"}", reason,
              text);
}

static void
s_finish (fcj_broker_t *self, const fcj_action_t *action, call_t *call)
{
    const char *token = action->token[0] ? action->token : NULL;
    if (action->bytes) {
        fcj_writer_finish (self->writer, action->id, token,
                           action->bytes->data, action->bytes->size,
                           s_stored, call);
        return;
    }
    char json[512];
    const char *reason = fcj_reason_name (action->reason);
    s_error_json (reason, action->text, json, sizeof json);
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 4);
    fcj_pack_kstr (pack, "state", "failed");
    fcj_pack_kstr (pack, "reason", reason);
    fcj_pack_kstr (pack, "error", json);
    fcj_pack_kint (pack, "finished", fcj_now_ms ());
    fcj_writer_finish (self->writer, action->id, token, fcj_pack_data (pack),
                       fcj_pack_size (pack), s_stored, call);
    fcj_pack_destroy (&pack);
}

static void
s_submit (fcj_broker_t *self, const fcj_action_t *action, call_t *call)
{
    fcj_lease_args_t lease = s_lease_args (action);
    fcj_writer_submit (self->writer, action->bytes->data,
                       action->bytes->size, action->token[0] ? &lease : NULL,
                       s_stored, call);
}

void
fcj_store_ended (fcj_broker_t *self, const char *id, const char *token,
                 const char *by)
{
    if (fcj_writer_up (self->writer))
        fcj_writer_ended (self->writer, id, token, by, s_ignored, NULL);
}

static bool
s_act_quiet (fcj_broker_t *self, const fcj_action_t *action)
{
    const char *id = action->id, *token = action->token;
    switch (action->type) {
    case FCJ_DO_STARTED:
        fcj_writer_started (self->writer, id, token, action->at, s_ignored,
                            NULL);
        return true;
    case FCJ_DO_PROGRESS:
        fcj_writer_progress (self->writer, id, token, action->fraction,
                             action->message, s_ignored, NULL);
        return true;
    case FCJ_DO_ASK:
        fcj_writer_ask (self->writer, id, token, action->ask, action->message,
                        s_ignored, NULL);
        return false;               /* those who watch hear of it, too */
    case FCJ_DO_UNASK:
        s_unask (self, action);
        return false;
    case FCJ_DO_RENEW:
        fcj_writer_renew (self->writer, &id, &token, 1, action->deadline,
                          s_ignored, NULL);
        return true;
    default:
        return false;
    }
}

bool
fcj_store_act (fcj_broker_t *self, const fcj_action_t *action)
{
    if (s_act_quiet (self, action))
        return true;
    if (!action->call)
        return false;
    call_t *call = s_call_new (self, action->id, action->call);
    switch (action->type) {
    case FCJ_DO_SUBMIT: s_submit (self, action, call); return true;
    case FCJ_DO_LEASE:  s_lease (self, action, call);  return true;
    case FCJ_DO_FINISH: s_finish (self, action, call); return true;
    case FCJ_DO_REQUEUE:
        fcj_writer_requeue (self->writer, action->id, action->token,
                            action->lost, action->ran, action->text,
                            s_stored, call);
        return true;
    case FCJ_DO_READ:
        fcj_writer_read (self->writer, action->id, s_stored, call);
        return true;
    case FCJ_DO_CANCEL:
        fcj_writer_cancel (self->writer, action->id, action->owner, s_stored,
                           call);
        return true;
    default:
        free (call);
        return false;
    }
}

/* ---- Jobs that the core does not hold ---------------------------------- */

void
fcj_store_delete (fcj_broker_t *self, uint64_t ref, const char *id,
                  const char *owner)
{
    fcj_writer_delete (self->writer, id, owner, s_answered,
                       s_call_for (self, id, ref));
}

void
fcj_store_cancel (fcj_broker_t *self, uint64_t ref, const char *id,
                  const char *owner)
{
    fcj_writer_cancel (self->writer, id, owner, s_answered,
                       s_call_for (self, id, ref));
}

/* ---- Start-up ---------------------------------------------------------- */

static size_t
s_live_deps (const fcj_list_t *list, fcj_dep_t deps[FCJ_DEPENDS_MAX])
{
    size_t count = list ? fcj_list_count (list) : 0;
    if (count > FCJ_DEPENDS_MAX)
        count = FCJ_DEPENDS_MAX;
    for (size_t n = 0; n < count; n++) {
        const fcj_map_t *dep = fcj_list_map (list, n);
        char state[16] = "";
        deps[n] = (fcj_dep_t) { .state = -1 };
        if (!dep)
            continue;
        fcj_map_copy (dep, "id", deps[n].id, sizeof deps[n].id);
        fcj_map_copy (dep, "state", state, sizeof state);
        deps[n].state = fcj_state_of (state);
    }
    return count;
}

static void
s_recover_job (fcj_broker_t *self, const fcj_map_t *job)
{
    fcj_id_t id = "", worker = "";
    fcj_token_t token = "";
    char owner[FCJ_NAME_MAX + 1] = "", lane[16] = "", priority[16] = "";
    char state[16] = "";
    fcj_dep_t deps[FCJ_DEPENDS_MAX];
    fcj_map_copy (job, "id", id, sizeof id);
    fcj_map_copy (job, "worker", worker, sizeof worker);
    fcj_map_copy (job, "token", token, sizeof token);
    fcj_map_copy (job, "owner", owner, sizeof owner);
    fcj_map_copy (job, "lane", lane, sizeof lane);
    fcj_map_copy (job, "priority", priority, sizeof priority);
    fcj_map_copy (job, "state", state, sizeof state);
    int lane_value = fcj_lane_of (lane), rank = fcj_priority_of (priority);
    fcj_event_t event = {
        .type = FCJ_EV_RECOVER, .id = id, .owner = owner, .worker = worker,
        .token = token, .lane = (fcj_lane_t) (lane_value < 0 ? 0 : lane_value),
        .priority = (fcj_priority_t) (rank < 0 ? FCJ_NORMAL : rank),
        .state = strcmp (state, "running") ? FCJ_QUEUED : FCJ_RUNNING,
        .attempt = (int) fcj_map_int (job, "attempt", 0),
        .losses = (int) fcj_map_int (job, "lost", 0),
        .ask = fcj_map_int (job, "asking", 0),
        .queue_ms = fcj_map_int (job, "submitted", fcj_broker_now (self))
                    + 1000 * fcj_map_int (job, "queue_timeout_s",
                                          FCJ_QUEUE_TIMEOUT_S),
        .deps = deps,
    };
    event.dep_count = s_live_deps (fcj_map_list (job, "depends_on"), deps);
    fcj_broker_step (self, &event);
}

static void
s_live (void *arg, const fcj_map_t *reply, const fcj_error_t *error)
{
    fcj_broker_t *self = arg;
    self->recovering = false;
    if (error || !reply) {
        fcj_log (FCJ_WARNING, "recovery_waits", "text",
                 error ? error->text : "no reply", NULL);
        self->recover_at = fcj_broker_now (self) + 200;
        return;
    }
    const fcj_list_t *jobs = fcj_map_list (reply, "jobs");
    size_t count = jobs ? fcj_list_count (jobs) : 0;
    for (size_t n = 0; n < count; n++) {
        const fcj_map_t *job = fcj_list_map (jobs, n);
        if (job)
            s_recover_job (self, job);
    }
    int64_t last = fcj_map_int (reply, "last", self->recovered_seq);
    if (last > self->recovered_seq) {   /* also past records that are lost */
        self->recovered_seq = last;
        return;
    }
    self->recovered = true;
    fcj_event_t event = { .type = FCJ_EV_RECOVERED };
    fcj_broker_step (self, &event);
    fcj_log (FCJ_INFO, "recovered", NULL);
}

void
fcj_store_recover (fcj_broker_t *self)
{
    if (self->recovered || self->recovering
        || fcj_broker_now (self) < self->recover_at)
        return;
    self->recovering = true;
    fcj_writer_live (self->writer, self->recovered_seq, PAGE, s_live, self);
}
