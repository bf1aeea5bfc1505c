/*  core.c - the broker decides.  */

#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUBMIT_TRIES    4       /* then the front-end hears of it */
#define REFUSED_TRIES   3       /* a finish that the store cannot take */

/* ---- Birth and end ----------------------------------------------------- */

/*  The store has it in a terminal state (or no longer: state NULL).  */
void
fcj_stored_end (fcj_core_t *self, job_t *job, const char *state)
{
    bool completed = state && strcmp (state, "completed") == 0;
    if (completed)
        self->counts.completed++;
    else if (state && strcmp (state, "cancelled") == 0)
        self->counts.cancelled++;
    else
        self->counts.failed++;
    if (state) {
        fcj_request_answer (self, job, true, state, NULL);
        fcj_request_answer (self, job, false, state, NULL);
    }
    else {
        fcj_request_refuse (self, job, true, FCJ_NOT_FOUND, "No such job.");
        fcj_request_refuse (self, job, false, FCJ_STORE_UNAVAILABLE,
                            "The store lost sight of the job: submit it again "
                            "with the same id.");
    }
    fcj_action_t *action = fcj_act_job (self, FCJ_DO_EVENT, job);
    action->state = state ? state : "gone";
    action->reason = (fcj_reason_t) job->reason;
    fcj_slot_part (self, job, "cancelled");
    fcj_depend_wake (self, job, completed);
    fcj_table_remove (self, job);
}

/*  The store has no such record: it was deleted, or its disk lost it.  */
static void
s_gone (fcj_core_t *self, job_t *job)
{
    fcj_action_t *action = fcj_act_job (self, FCJ_DO_WARN, job);
    strcpy (action->text, "not_in_the_store");
    fcj_stored_end (self, job, NULL);
}

void
fcj_lease_extend (fcj_core_t *self, job_t *job)
{
    fcj_phase_due (self, job, self->now + self->lease_ms);
}

/* ---- Leasing ----------------------------------------------------------- */

void
fcj_lease_prepare (fcj_core_t *self, job_t *job, worker_t *worker)
{
    fcj_token_t token;
    self->token (self->token_arg, token);
    fcj_binary_of (token, job->token);
    job->tokened = 1;
    job->attempt++;
    fcj_slot_attach (job, worker);
    fcj_slot_hold (job);
}

void
fcj_lease_dispatch (fcj_core_t *self)
{
    if (!self->recovered || self->stopping)
        return;
    for (unsigned lane = 0; lane < FCJ_LANE_COUNT; lane++) {
        worker_t *worker;
        while (self->lines[lane].count
               && (worker = fcj_slot_pick (self, lane))) {
            fcj_priority_t priority;
            fcj_queue_t *queue;
            fcj_item_t *item = fcj_line_next (&self->lines[lane], &priority,
                                              &queue);
            fcj_line_turn (&self->lines[lane], priority);
            job_t *job = (job_t *) item;        /* its first member */
            fcj_lease_prepare (self, job, worker);
            fcj_phase_begin (self, job, LEASING);
        }
    }
}

void
fcj_lease_run (fcj_core_t *self, job_t *job)
{
    if (job->cancel) {
        fcj_phase_begin (self, job, CANCELLING);
        return;
    }
    if (!job->worker->connected) {
        fcj_phase_requeue (self, job, false, false);
        return;
    }
    fcj_phase_set (self, job, RUNNING);
    job->sent = 1;
    job->unsure = job->absent = 0;
    fcj_act_job (self, FCJ_DO_RUN, job)->bytes = job->bytes;
    fcj_table_drop_bytes (self, job);
    fcj_lease_extend (self, job);
    fcj_act_event (self, job, "running");
}

/* ---- Store outcomes ---------------------------------------------------- */

static void
s_stored_submit (fcj_core_t *self, job_t *job, const fcj_event_t *event)
{
    fcj_id_t id;
    fcj_core_id_text (job->id, id);
    const char *state = fcj_state_name (event->state);
    if (event->outcome != FCJ_OK) {
        fcj_request_refuse (self, job, false, event->outcome, event->text);
        fcj_request_refuse (self, job, true, FCJ_NOT_FOUND, "No such job.");
        fcj_depend_wake (self, job, false);
        fcj_table_remove (self, job);
        return;
    }
    bool other = event->actual && strcmp (event->actual, id) != 0;
    if (other || fcj_state_terminal (event->state)) {
        fcj_request_answer (self, job, false, state, event->actual);
        if (other)
            fcj_request_refuse (self, job, true, FCJ_NOT_FOUND,
                                "No such job.");
        else
            fcj_request_answer (self, job, true, state, NULL);
        /*  Others may wait for it, submitted while this answer was out.  */
        fcj_depend_wake (self, job, !other && event->state == FCJ_COMPLETED);
        fcj_table_remove (self, job);
        return;
    }
    self->counts.submitted++;
    fcj_request_answer (self, job, false, state, NULL);
    if (job->worker && event->state == FCJ_RUNNING) {
        fcj_lease_run (self, job);
        return;
    }
    fcj_slot_detach (job);
    job->tokened = 0;
    job->attempt = 0;
    fcj_table_drop_bytes (self, job);
    fcj_depend_enter (self, job, event, false);
    if (job->cancel && (job->phase == READY || job->phase == WAITING))
        fcj_phase_begin (self, job, CANCELLING);
}

static void
s_stored_finish (fcj_core_t *self, job_t *job, const fcj_event_t *event)
{
    if (event->outcome == FCJ_OK)
        fcj_stored_end (self, job, fcj_state_name ((fcj_state_t) job->final));
    else if (job->tries < REFUSED_TRIES)
        fcj_phase_retry (self, job);
    else {
        fcj_table_drop_bytes (self, job);
        job->reason = FCJ_INTERNAL;
        job->final = FCJ_FAILED;
        fcj_phase_retry (self, job);
    }
}

static void
s_stored_requeue (fcj_core_t *self, job_t *job)
{
    if (job->lost)
        job->losses++;
    if (!job->ran && job->attempt)
        job->attempt--;
    self->counts.requeued++;
    fcj_slot_part (self, job, "requeued");
    job->tokened = 0;
    if (job->cancel)
        fcj_phase_begin (self, job, CANCELLING);
    else
        fcj_phase_ready_again (self, job);
}

/*  Another attempt than ours runs, says the record: wait for its worker.  */
static void
s_adopt (fcj_core_t *self, job_t *job, const fcj_event_t *event)
{
    fcj_slot_part (self, job, "stale");
    fcj_table_drop_bytes (self, job);
    worker_t *worker = fcj_worker_get (self, event->worker);
    fcj_binary_of (event->token, job->token);
    job->tokened = 1;
    if (worker)
        fcj_slot_attach (job, worker);
    job->sent = job->unsure = 1;
    if (job->cancel)
        fcj_phase_begin (self, job, CANCELLING);
    else {
        fcj_phase_set (self, job, RUNNING);
        fcj_lease_extend (self, job);
    }
}

/*  The record runs under our token: the call that did not fit does now.  */
static void
s_again (fcj_core_t *self, job_t *job)
{
    if (!job->bytes && !job->cancel && job->sent && !job->delivered) {
        fcj_phase_set (self, job, RUNNING);
        fcj_lease_extend (self, job);
        return;
    }
    fcj_phase_set (self, job, job->bytes ? FINISHING : job->cancel ? CANCELLING
                   : job->sent ? REQUEUEING : LEASING);
    fcj_phase_retry (self, job);
}

static void
s_queued_after_all (fcj_core_t *self, job_t *job)
{
    fcj_slot_part (self, job, "stale");
    fcj_table_drop_bytes (self, job);
    job->tokened = 0;
    if (job->cancel)
        fcj_phase_begin (self, job, CANCELLING);
    else if (job->reason == FCJ_DEPENDENCY) {
        fcj_phase_set (self, job, FINISHING);
        fcj_phase_retry (self, job);
    }
    else {
        job->reason = 0;
        job->final = 0;
        fcj_phase_ready_again (self, job);
    }
}

/*  How the record stands, after a call that it did not fit.  */
void
fcj_reconcile_stored (fcj_core_t *self, job_t *job, const fcj_event_t *event)
{
    if (event->outcome == FCJ_NOT_FOUND || event->outcome == FCJ_EXPIRED) {
        s_gone (self, job);
        return;
    }
    if (event->outcome != FCJ_OK) {
        fcj_phase_retry (self, job);
        return;
    }
    bool running = event->state == FCJ_RUNNING;
    bool ours = running && fcj_token_is (job, event->token);
    if (!ours) {
        job->attempt = (uint16_t) event->attempt;
        job->losses = (uint8_t) event->losses;
    }
    if (fcj_state_terminal (event->state))
        fcj_stored_end (self, job, fcj_state_name (event->state));
    else if (ours)
        s_again (self, job);
    else if (running && event->token && strlen (event->token) == FCJ_TOKEN_LEN)
        s_adopt (self, job, event);
    else
        s_queued_after_all (self, job);
}

void
fcj_reconcile (fcj_core_t *self, job_t *job, const char *what)
{
    fcj_action_t *action = fcj_act_job (self, FCJ_DO_WARN, job);
    snprintf (action->text, sizeof action->text, "stale_%s", what);
    uint8_t tries = job->tries;
    fcj_phase_begin (self, job, READING);
    job->tries = tries;                 /* calls that never fit slow down */
}

void
fcj_on_stored (fcj_core_t *self, const fcj_event_t *event)
{
    job_t *job = fcj_table_find (self, event->id);
    if (!job || job->call != event->call || !fcj_phase_calls (job->phase)
        || job->due.place)
        return;                         /* of a call that is over */
    fcj_reason_t outcome = event->outcome;
    bool stale = outcome == FCJ_STALE || outcome == FCJ_NOT_FOUND
                 || outcome == FCJ_EXPIRED;
    if (outcome == FCJ_STORE_UNAVAILABLE) {
        fcj_phase_retry (self, job);
        if (job->phase == STORING && job->tries == SUBMIT_TRIES)
            fcj_request_refuse (self, job, false, outcome, "The store does "
                                "not answer; submit again with the same id to "
                                "learn what became of the job.");
    }
    else if (job->phase == STORING)
        s_stored_submit (self, job, event);
    else if (job->phase == READING)
        fcj_reconcile_stored (self, job, event);
    else if (stale)
        fcj_reconcile (self, job, job->phase == LEASING ? "lease"
                       : job->phase == FINISHING ? "finish"
                       : job->phase == REQUEUEING ? "requeue" : "cancel");
    else if (job->phase == FINISHING)
        s_stored_finish (self, job, event);
    else if (outcome != FCJ_OK)
        fcj_phase_retry (self, job);
    else if (job->phase == LEASING)
        fcj_lease_run (self, job);
    else if (job->phase == REQUEUEING)
        s_stored_requeue (self, job);
    else
        fcj_stored_end (self, job, fcj_state_name (event->state));
}

/* ---- Workers ----------------------------------------------------------- */

void
fcj_lease_heard (fcj_core_t *self, job_t *job)
{
    fcj_slot_confirm (job);
    if (job->phase != RUNNING)
        return;
    fcj_slot_hold (job);
    job->renewed = 1;
    fcj_lease_extend (self, job);
}

/* ---- Start-up ---------------------------------------------------------- */

void
fcj_on_recover (fcj_core_t *self, const fcj_event_t *event)
{
    uint8_t id[16];
    if (fcj_binary_of (event->id, id) < 0 || fcj_table_find_binary (self, id))
        return;
    job_t *job = fcj_table_add (self, event, id);
    job->queue_until = event->queue_ms;
    job->attempt = (uint16_t) event->attempt;
    job->losses = (uint8_t) event->losses;
    if (job->attempt > 0)
        fcj_phase_wait_anew (self, job);
    if (event->state != FCJ_RUNNING) {
        fcj_depend_enter (self, job, event, false);
        return;
    }
    worker_t *worker = fcj_worker_get (self, event->worker);
    fcj_phase_set (self, job, RUNNING);
    job->sent = job->unsure = 1;
    job->tokened = fcj_binary_of (event->token, job->token) == 0;
    if (worker)
        fcj_slot_attach (job, worker);
    /*  Its worker could not renew while there was no broker.  */
    fcj_lease_extend (self, job);
    if (event->ask > 0)
        fcj_question_new (job, event->ask);
}

/* ---- Time -------------------------------------------------------------- */

static void
s_renew (fcj_core_t *self)
{
    if (self->now < self->renew_at)
        return;
    self->renew_at = self->now + self->lease_ms / 3;
    for (size_t n = 0; n < self->worker_count; n++)
        for (job_t *job = self->workers[n]->jobs; job; job = job->next)
            if (job->renewed && job->phase == RUNNING) {
                job->renewed = 0;
                fcj_act_job (self, FCJ_DO_RENEW, job)->deadline
                    = job->due.due;
            }
}

void
fcj_on_tick (fcj_core_t *self)
{
    fcj_due_t *due;
    while ((due = fcj_heap_first (&self->heap)) && due->due <= self->now) {
        job_t *job = (job_t *) ((char *) due - offsetof (job_t, due));
        fcj_heap_remove (&self->heap, due);
        if (fcj_phase_calls (job->phase))
            fcj_phase_call (self, job);
        else if (job->phase == RUNNING)
            fcj_phase_requeue (self, job, !job->absent, !job->absent);
        else
            fcj_phase_fail_queued (self, job, FCJ_EXPIRED);
    }
    fcj_worker_forget_idle (self);
    s_renew (self);
}

/* ---- The step ---------------------------------------------------------- */

static void
s_handle (fcj_core_t *self, const fcj_event_t *event)
{
    switch (event->type) {
    case FCJ_EV_SUBMIT:    fcj_on_submit (self, event);   break;
    case FCJ_EV_CANCEL:    fcj_on_cancel (self, event);   break;
    case FCJ_EV_HELLO:     fcj_on_hello (self, event);    break;
    case FCJ_EV_BEAT:      fcj_on_beat (self, event);     break;
    case FCJ_EV_LOST:      fcj_on_lost (self, event);     break;
    case FCJ_EV_DRAIN:     fcj_on_drain (self, event);    break;
    case FCJ_EV_BYE:       fcj_on_bye (self, event);      break;
    case FCJ_EV_STARTED:   fcj_on_started (self, event);  break;
    case FCJ_EV_PROGRESS:  fcj_on_progress (self, event); break;
    case FCJ_EV_FINISH:    fcj_on_finish (self, event);   break;
    case FCJ_EV_RELEASE:   fcj_on_release (self, event);  break;
    case FCJ_EV_ASK:       fcj_on_ask (self, event);      break;
    case FCJ_EV_UNASK:     fcj_on_unask (self, event);    break;
    case FCJ_EV_ANSWER:    fcj_on_answer (self, event);   break;
    case FCJ_EV_LANE:      fcj_on_lane (self, event);     break;
    case FCJ_EV_UNSENT:    fcj_on_unsent (self, event);   break;
    case FCJ_EV_STORED:    fcj_on_stored (self, event);   break;
    case FCJ_EV_RECOVER:   fcj_on_recover (self, event);  break;
    case FCJ_EV_RECOVERED: self->recovered = true;        break;
    case FCJ_EV_STOP:      self->stopping = true;         break;
    case FCJ_EV_TICK:      fcj_on_tick (self);            break;
    }
}

size_t
fcj_core_step (fcj_core_t *self, const fcj_event_t *event, int64_t now)
{
    self->action_count = 0;
    fcj_table_clean (self);
    if (now > self->now)
        self->now = now;
    s_handle (self, event);
    fcj_lease_dispatch (self);
    return self->action_count;
}

const fcj_action_t *
fcj_core_action (const fcj_core_t *self, size_t n)
{
    return &self->actions[n];
}

int64_t
fcj_core_due (const fcj_core_t *self)
{
    fcj_due_t *due = fcj_heap_first (&self->heap);
    return due ? due->due : INT64_MAX;
}

fcj_core_t *
fcj_core_new (size_t queue_max, size_t owner_max, fcj_token_fn *token,
              void *arg)
{
    fcj_core_t *self = fcj_must_alloc (sizeof *self);
    self->queue_max = queue_max;
    self->owner_max = owner_max;
    self->token = token;
    self->token_arg = arg;
    self->lease_ms = FCJ_LEASE_MS;
    self->buckets = 64;
    while (self->buckets < queue_max)
        self->buckets *= 2;
    self->jobs = fcj_must_alloc (self->buckets * sizeof (job_t *));
    return self;
}

void
fcj_core_set_lease (fcj_core_t *self, int64_t ms)
{
    self->lease_ms = ms;
}

void
fcj_core_destroy (fcj_core_t **self_p)
{
    fcj_core_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    for (size_t n = 0; n < self->buckets; n++)
        while (self->jobs[n]) {
            fcj_table_clean (self);
            fcj_table_remove (self, self->jobs[n]);
        }
    fcj_table_clean (self);
    while (self->worker_count)
        fcj_worker_forget (self, self->workers[0]);
    free (self->actions);
    free (self->jobs);
    fcj_heap_free (&self->heap);
    free (self);
}

/* ---- Looking ----------------------------------------------------------- */

void
fcj_core_counts (const fcj_core_t *self, fcj_core_counts_t *counts)
{
    *counts = self->counts;
    for (int lane = 0; lane < FCJ_LANE_COUNT; lane++)
        counts->queued[lane] = self->lines[lane].count;
}

const char *
fcj_core_state (const fcj_core_t *self, const char *id, const char **owner,
                int *attempt)
{
    const job_t *job = fcj_table_find (self, id);
    if (!job)
        return NULL;
    if (owner)
        *owner = job->owner->name;
    if (attempt)
        *attempt = job->attempt;
    return fcj_phase_state (job);
}

int64_t
fcj_core_place (const fcj_core_t *self, const char *id, const char **owner)
{
    const job_t *job = fcj_table_find (self, id);
    if (!job)
        return -1;
    if (owner)
        *owner = job->owner->name;
    return job->phase == READY ? 1 + (int64_t) fcj_phase_ahead (self, job) : 0;
}

int
fcj_core_lane (const fcj_core_t *self, const char *id)
{
    const job_t *job = fcj_table_find (self, id);
    return job ? (int) job->lane : -1;
}

bool
fcj_core_worker (const fcj_core_t *self, size_t n, fcj_core_worker_t *view)
{
    if (n >= self->worker_count)
        return false;
    const worker_t *worker = self->workers[n];
    *view = (fcj_core_worker_t) {
        .worker = worker->id, .name = worker->name, .lanes = worker->lanes,
        .slots = worker->slots, .busy = worker->busy,
        .connected = worker->connected, .draining = worker->draining,
    };
    return true;
}

void
fcj_core_running (const fcj_core_t *self, size_t n,
                  void (*fn) (void *arg, const char *id, const char *owner),
                  void *arg)
{
    if (n >= self->worker_count)
        return;
    for (job_t *job = self->workers[n]->jobs; job; job = job->next)
        if (job->phase == RUNNING) {
            fcj_id_t id;
            fcj_core_id_text (job->id, id);
            fn (arg, id, job->owner->name);
        }
}

bool
fcj_core_pending (const fcj_core_t *self)
{
    return self->busy_calls > 0;
}

static const char *
s_check_job (const job_t *job)
{
    if ((job->phase == READY) != (job->item.size > 0))
        return "in line but not ready, or the other way round";
    if (job->phase == RUNNING && !job->due.place)
        return "a running job without a lease deadline";
    if (job->phase == RUNNING && !job->tokened)
        return "a running job without a token";
    if (job->held && !job->worker)
        return "a slot held without a worker";
    if (job->question && job->phase != RUNNING)
        return "a question of a job that does not run";
    if (job->phase == READY && job->worker)
        return "a queued job keeps a worker";
    if (job->phase == WAITING && !(job->deps && job->deps->pending))
        return "a job waits for nothing";
    return NULL;
}

static const char *
s_check_jobs (const fcj_core_t *self)
{
    size_t live = 0, ready = 0, waiting = 0, running = 0, calls = 0;
    const char *wrong = NULL;
    for (size_t n = 0; n < self->buckets; n++)
        for (job_t *job = self->jobs[n]; job; job = job->chain) {
            live++;
            ready += job->phase == READY;
            waiting += job->phase == WAITING;
            running += job->phase == RUNNING;
            calls += fcj_phase_calls (job->phase);
            if ((wrong = s_check_job (job)))
                return wrong;
        }
    if (live != self->counts.live || waiting != self->counts.waiting
        || running != self->counts.running || calls != self->busy_calls)
        return "counters differ from the jobs";
    size_t lines = 0;
    for (int lane = 0; lane < FCJ_LANE_COUNT; lane++)
        lines += self->lines[lane].count;
    return lines == ready ? NULL : "the lines differ from the ready jobs";
}

static const char *
s_check_worker (const worker_t *worker)
{
    int busy = worker->ghost_count;
    for (job_t *job = worker->jobs; job; job = job->next)
        busy += job->held;
    return busy == worker->busy ? NULL
           : "a worker's busy slots differ from its jobs";
}

const char *
fcj_core_check (const fcj_core_t *self)
{
    const char *wrong = s_check_jobs (self);
    for (size_t n = 0; !wrong && n < self->worker_count; n++)
        wrong = s_check_worker (self->workers[n]);
    return wrong;
}
