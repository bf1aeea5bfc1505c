/*  test_simulation.c - the broker's core under seeded schedules.
 *
 *  A model of Redis with the semantics of store.h, model workers and a model
 *  front-end live in virtual time around the real core. Messages to and from
 *  workers are delayed and lost (a loss ends the connection, as in ZeroMQ);
 *  store calls time out with or without having taken effect; workers, the
 *  broker and the store crash and come back. The model store is the judge:
 *  (Some jobs ask their user, who answers what the store shows.)
 *  It fails the schedule when a terminal state changes, when two workers
 *  complete a job, or when one is executed more often than allowed. At the
 *  end the weather clears, and every acknowledged job must reach its end and
 *  every counter zero.
 *
 *  SEED=n runs one schedule, SCHEDULES=n changes their number.  */

#include "broker/core.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEDULES   100000
#define JOBS        8
#define WORKERS     3
#define SLOTS       2
#define WIRE        256         /* messages and replies under way */
#define STORMY      40          /* turns with faults */
#define CALM        400         /* turns without, at most */

typedef struct {
    bool stored, acknowledged;
    int state, attempt, lost, started, completions, terminals;
    int deps[2], dep_count;             /* jobs it depends on */
    int ask;                            /* open question, 0: none */
    fcj_id_t id;
    fcj_token_t token;
    char worker[37];
    int64_t deadline, cancelled_at;
} model_t;

typedef struct {
    bool alive, joined, wants_hello;
    char id[37];
    int count;
    struct {
        int job, state, ask, asks;      /* ask: waits for that answer */
        fcj_token_t token;
        bool finished;
    } runs[16];
    int64_t heard;
} model_worker_t;

typedef enum { W_NONE, W_STORED, W_TO_WORKER, W_TO_BROKER } wire_kind_t;

typedef struct {
    wire_kind_t kind;
    int64_t at;
    int epoch, worker, job;             /* broker or connection it belongs to */
    int type, outcome, state, final, ask;
    uint32_t call;
    fcj_token_t token;
    char holder[37];
    int dep_states[2], attempt, losses;
    bool lost;
} wire_t;

typedef struct {
    uint64_t random, seed;
    int64_t now;
    fcj_core_t *core;
    bool storm, store_up, recovered;
    int epoch, connection[WORKERS];
    model_t jobs[JOBS];
    model_worker_t workers[WORKERS];
    wire_t wire[WIRE];
    int64_t wire_last[WORKERS][2], store_last;
    uint64_t tokens;
    int names;
    const char *wrong;
} sim_t;

static uint32_t
s_random (sim_t *self, uint32_t below)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return (uint32_t) (self->random >> 32) % below;
}

static bool
s_chance (sim_t *self, uint32_t percent)
{
    return self->storm && s_random (self, 100) < percent;
}

static void
s_token (void *arg, fcj_token_t token)
{
    sim_t *self = arg;
    snprintf (token, sizeof (fcj_token_t), "%032llx",
              (unsigned long long) ++self->tokens);
}

static void
s_uuid (char *out, int kind, int n)
{
    snprintf (out, 37, "%08x-0000-4000-8000-%012x", (unsigned) kind,
              (unsigned) n);
}

static int
s_job_of (const char *id)
{
    return (int) strtol (id + 24, NULL, 16);
}

static wire_t *
s_wire (sim_t *self, wire_kind_t kind, int worker)
{
    for (int n = 0; n < WIRE; n++) {
        wire_t *wire = &self->wire[n];
        if (wire->kind != W_NONE)
            continue;
        memset (wire, 0, sizeof *wire);
        wire->kind = kind;
        wire->worker = worker;
        wire->at = self->now + 1 + s_random (self, self->storm ? 400 : 5);
        /*  Connections keep the order of what they carry.  */
        int64_t *last = kind == W_STORED ? &self->store_last
                        : &self->wire_last[worker][kind == W_TO_BROKER];
        if (wire->at <= *last)
            wire->at = *last + 1;
        *last = wire->at;
        wire->epoch = kind == W_STORED ? self->epoch
                                       : self->connection[worker];
        return wire;
    }
    self->wrong = "too many messages under way";
    return NULL;
}

static size_t
s_deps (const sim_t *self, const model_t *job, fcj_dep_t deps[2])
{
    for (int n = 0; n < job->dep_count; n++) {
        strcpy (deps[n].id, self->jobs[job->deps[n]].id);
        deps[n].state = self->jobs[job->deps[n]].state;
    }
    return (size_t) job->dep_count;
}

/* ---- The model store --------------------------------------------------- */

static bool
s_terminal (int state)
{
    return state >= FCJ_COMPLETED;
}

static void
s_terminate (sim_t *self, model_t *job, int state)
{
    if (s_terminal (job->state))
        self->wrong = "a terminal state changed";
    job->state = state;
    job->ask = 0;
    job->terminals++;
    job->token[0] = 0;
    if (state == FCJ_CANCELLED)
        job->cancelled_at = self->now;
}

static int
s_lease (model_t *job, const fcj_action_t *action)
{
    if (job->state == FCJ_RUNNING)
        return strcmp (job->token, action->token) ? FCJ_STALE : FCJ_OK;
    if (job->state != FCJ_QUEUED)
        return FCJ_STALE;
    job->state = FCJ_RUNNING;
    job->attempt = action->attempt;
    strcpy (job->token, action->token);
    strcpy (job->worker, action->worker);
    job->deadline = action->deadline;
    return FCJ_OK;
}

static int
s_finish (sim_t *self, model_t *job, const fcj_action_t *action, int final)
{
    static const char empty[] = "";
    const char *token = action->token[0] ? action->token : empty;
    if (s_terminal (job->state))
        return job->state == final ? FCJ_OK : FCJ_STALE;
    if (*token ? job->state != FCJ_RUNNING || strcmp (job->token, token)
               : job->state != FCJ_QUEUED)
        return FCJ_STALE;
    job->completions += final == FCJ_COMPLETED;
    s_terminate (self, job, final);
    return FCJ_OK;
}

static int
s_requeue (model_t *job, const fcj_action_t *action)
{
    if (job->state != FCJ_RUNNING || strcmp (job->token, action->token))
        return job->state == FCJ_QUEUED ? FCJ_OK : FCJ_STALE;
    job->state = FCJ_QUEUED;
    job->ask = 0;
    job->token[0] = 0;
    job->lost += action->lost;
    job->attempt -= !action->ran;
    return FCJ_OK;
}

/*  Takes effect; what the broker hears of it is another matter.  */
static int
s_effect (sim_t *self, model_t *job, const fcj_action_t *action)
{
    switch (action->type) {
    case FCJ_DO_SUBMIT:
        job->stored = true;
        if (action->token[0])
            s_lease (job, action);
        return FCJ_OK;
    case FCJ_DO_LEASE:
        for (int n = 0; n < job->dep_count; n++)
            if (self->jobs[job->deps[n]].state != FCJ_COMPLETED)
                self->wrong = "leased before its dependencies completed";
        return s_lease (job, action);
    case FCJ_DO_FINISH:
        /*  A result carries the token of the attempt that made it.  */
        if (action->bytes && strcmp (action->bytes->data + 1, action->token))
            self->wrong = "a result taken under another attempt's token";
        return s_finish (self, job, action, action->bytes
                         ? action->bytes->data[0] : FCJ_FAILED);
    case FCJ_DO_REQUEUE:
        return s_requeue (job, action);
    case FCJ_DO_CANCEL:
        if (!s_terminal (job->state))
            s_terminate (self, job, FCJ_CANCELLED);
        return FCJ_OK;
    default:
        return FCJ_OK;
    }
}

static void
s_store (sim_t *self, const fcj_action_t *action)
{
    model_t *job = &self->jobs[s_job_of (action->id)];
    if (action->type == FCJ_DO_RENEW) {
        if (self->store_up && strcmp (job->token, action->token) == 0)
            job->deadline = action->deadline;
        return;
    }
    if (action->type == FCJ_DO_ASK || action->type == FCJ_DO_UNASK) {
        if (!self->store_up || strcmp (job->token, action->token))
            return;
        if (action->type == FCJ_DO_ASK)
            job->ask = (int) action->ask;
        else if (job->ask == action->ask)
            job->ask = 0;
        return;
    }
    bool down = !self->store_up;
    bool unheard = s_chance (self, 10);
    int outcome = down ? FCJ_STORE_UNAVAILABLE
                       : s_effect (self, job, action);
    wire_t *wire = s_wire (self, W_STORED, 0);
    if (!wire)
        return;
    wire->job = s_job_of (action->id);
    wire->call = action->call;
    wire->outcome = unheard ? FCJ_STORE_UNAVAILABLE : outcome;
    wire->state = job->state;
    strcpy (wire->token, job->token);
    strcpy (wire->holder, job->worker);
    wire->attempt = job->attempt;
    wire->losses = job->lost;
    fcj_dep_t deps[2] = { { .state = -1 }, { .state = -1 } };
    for (size_t n = s_deps (self, job, deps); n-- > 0; )
        wire->dep_states[n] = deps[n].state;
}

static int
s_worker_of (const sim_t *self, const char *id)
{
    for (int n = 0; n < WORKERS; n++)
        if (strcmp (self->workers[n].id, id) == 0)
            return n;
    return -1;
}

/* ---- Actions ----------------------------------------------------------- */

static void
s_to_worker (sim_t *self, const fcj_action_t *action)
{
    int n = s_worker_of (self, action->worker);
    if (n < 0 || !self->workers[n].joined)
        return;
    wire_t *wire = s_wire (self, W_TO_WORKER, n);
    if (!wire)
        return;
    wire->type = (int) action->type;
    wire->job = action->id[0] ? s_job_of (action->id) : -1;
    wire->ask = (int) action->ask;
    strcpy (wire->token, action->token);
    if (action->type == FCJ_DO_ANSWER
        && (action->bytes->size != sizeof action->ask
            || memcmp (action->bytes->data, &action->ask,
                       sizeof action->ask)))
        self->wrong = "an answer to another question";
}

static void
s_answer (sim_t *self, const fcj_action_t *action)
{
    model_t *job = &self->jobs[action->ref - 1];
    if (action->type != FCJ_DO_ACCEPTED)
        return;
    if (!job->stored)
        self->wrong = "acknowledged before it was stored";
    job->acknowledged = true;
}

static void
s_step (sim_t *self, const fcj_event_t *event)
{
    size_t count = fcj_core_step (self->core, event, self->now);
    for (size_t n = 0; n < count && !self->wrong; n++) {
        const fcj_action_t *action = fcj_core_action (self->core, n);
        switch (action->type) {
        case FCJ_DO_RUN: case FCJ_DO_KILL: case FCJ_DO_FINISHED:
        case FCJ_DO_ANSWER:
            s_to_worker (self, action);
            break;
        case FCJ_DO_ACCEPTED: case FCJ_DO_REFUSED: case FCJ_DO_DONE:
            s_answer (self, action);
            break;
        case FCJ_DO_EVENT: case FCJ_DO_WARN:
        case FCJ_DO_STARTED: case FCJ_DO_PROGRESS:
            if (action->type == FCJ_DO_WARN && getenv ("SEED"))
                fprintf (stderr, "%lld warn %s %s\n", (long long) self->now,
                         action->id, action->text);
            break;
        default:
            s_store (self, action);
        }
    }
    if (!self->wrong)
        self->wrong = fcj_core_check (self->core);
}

/* ---- The broker comes and goes ----------------------------------------- */

static void
s_recover (sim_t *self)
{
    for (int n = 0; n < JOBS; n++) {
        model_t *job = &self->jobs[n];
        if (!job->stored || s_terminal (job->state))
            continue;
        fcj_dep_t deps[2] = { { .state = -1 }, { .state = -1 } };
        fcj_event_t event = {
            .type = FCJ_EV_RECOVER, .id = job->id, .owner = "me",
            .priority = FCJ_NORMAL,
            .state = (fcj_state_t) job->state, .attempt = job->attempt,
            .losses = job->lost, .token = job->token,
            .worker = job->worker, .queue_ms = INT64_MAX - 1,
            .ask = job->ask,
            .deps = deps, .dep_count = s_deps (self, job, deps),
        };
        s_step (self, &event);
    }
    fcj_event_t event = { .type = FCJ_EV_RECOVERED };
    s_step (self, &event);
    self->recovered = true;
}

static void
s_disconnect (sim_t *self, int n)
{
    self->connection[n]++;
    self->workers[n].joined = false;
}

static void
s_broker_crash (sim_t *self)
{
    fcj_core_destroy (&self->core);
    self->epoch++;
    self->recovered = false;
    for (int n = 0; n < WORKERS; n++)
        s_disconnect (self, n);
    self->core = fcj_core_new (JOBS, JOBS, s_token, self);
}

/* ---- Workers ----------------------------------------------------------- */

static void
s_worker_crash (sim_t *self, int n)
{
    model_worker_t *worker = &self->workers[n];
    s_disconnect (self, n);
    worker->count = 0;
    if (s_random (self, 2) == 0)
        return;                         /* same name: its host froze */
    /*  Another one in its place; the broker misses the old one's beats.  */
    fcj_event_t lost = { .type = FCJ_EV_LOST, .worker = worker->id };
    s_step (self, &lost);
    s_uuid (worker->id, 0x100 + ++self->names, n);
}

static void
s_hello (sim_t *self, int n)
{
    model_worker_t *worker = &self->workers[n];
    fcj_held_t held[16];
    fcj_event_t event = { .type = FCJ_EV_HELLO, .worker = worker->id,
                          .name = "w", .lanes = 1, .slots = SLOTS,
                          .held = held };
    for (int r = 0; r < worker->count; r++)
        if (!worker->runs[r].finished) {
            strcpy (held[event.held_count].id,
                    self->jobs[worker->runs[r].job].id);
            strcpy (held[event.held_count++].token, worker->runs[r].token);
        }
    worker->joined = true;
    worker->heard = self->now;
    s_step (self, &event);
    for (int r = 0; r < worker->count; r++)
        if (worker->runs[r].finished) {
            wire_t *wire = s_wire (self, W_TO_BROKER, n);
            if (!wire)
                return;
            wire->type = FCJ_EV_FINISH;
            wire->job = worker->runs[r].job;
            wire->final = worker->runs[r].state;
            strcpy (wire->token, worker->runs[r].token);
        }
}

static void
s_run_remove (model_worker_t *worker, const char *token)
{
    for (int r = worker->count; r-- > 0; )
        if (strcmp (worker->runs[r].token, token) == 0)
            worker->runs[r] = worker->runs[--worker->count];
}

static void
s_worker_hears (sim_t *self, const wire_t *wire)
{
    model_worker_t *worker = &self->workers[wire->worker];
    if (wire->type == FCJ_DO_ANSWER) {
        for (int r = 0; r < worker->count; r++)
            if (strcmp (worker->runs[r].token, wire->token) == 0
                && worker->runs[r].ask == wire->ask)
                worker->runs[r].ask = 0;
        return;
    }
    if (wire->type != FCJ_DO_RUN) {
        s_run_remove (worker, wire->token);
        return;
    }
    if (worker->count == 16)
        return;
    model_t *job = &self->jobs[wire->job];
    job->started++;
    worker->runs[worker->count].job = wire->job;
    worker->runs[worker->count].finished = false;
    worker->runs[worker->count].ask = worker->runs[worker->count].asks = 0;
    strcpy (worker->runs[worker->count++].token, wire->token);
}

/*  Asks, or asks again, or has waited long enough. True while it waits.  */
static bool
s_worker_asks (sim_t *self, int n, int r)
{
    model_worker_t *worker = &self->workers[n];
    if (!worker->runs[r].ask) {
        if (worker->runs[r].asks == 3 || s_random (self, 4))
            return false;
        worker->runs[r].ask = ++worker->runs[r].asks;
    }
    int ask = worker->runs[r].ask;
    bool enough = s_random (self, 10) == 0;
    if (enough)
        worker->runs[r].ask = 0;
    wire_t *wire = worker->joined ? s_wire (self, W_TO_BROKER, n) : NULL;
    if (wire) {
        wire->type = enough ? FCJ_EV_UNASK : FCJ_EV_ASK;
        wire->job = worker->runs[r].job;
        wire->ask = ask;
        strcpy (wire->token, worker->runs[r].token);
    }
    return true;
}

static void
s_worker_works (sim_t *self, int n)
{
    model_worker_t *worker = &self->workers[n];
    if (!worker->count || s_random (self, 3))
        return;
    int r = (int) s_random (self, (uint32_t) worker->count);
    if (worker->runs[r].finished || s_worker_asks (self, n, r))
        return;
    bool release = s_chance (self, 15);
    worker->runs[r].finished = !release;
    worker->runs[r].state = s_random (self, 5) ? FCJ_COMPLETED : FCJ_FAILED;
    if (!worker->joined) {
        if (release)
            worker->runs[r] = worker->runs[--worker->count];
        return;
    }
    wire_t *wire = s_wire (self, W_TO_BROKER, n);
    if (!wire)
        return;
    wire->type = release ? FCJ_EV_RELEASE : FCJ_EV_FINISH;
    wire->job = worker->runs[r].job;
    wire->final = worker->runs[r].state;
    wire->lost = s_random (self, 2);
    strcpy (wire->token, worker->runs[r].token);
    if (release)
        worker->runs[r] = worker->runs[--worker->count];
}

static void
s_beat (sim_t *self, int n)
{
    model_worker_t *worker = &self->workers[n];
    fcj_held_t held[16];
    fcj_event_t event = { .type = FCJ_EV_BEAT, .worker = worker->id,
                          .held = held };
    for (int r = 0; r < worker->count; r++)
        if (!worker->runs[r].finished)
            strcpy (held[event.held_count++].token, worker->runs[r].token);
    s_step (self, &event);
}

/* ---- Deliveries -------------------------------------------------------- */

static void
s_deliver_stored (sim_t *self, const wire_t *wire)
{
    model_t *job = &self->jobs[wire->job];
    fcj_dep_t deps[2] = { { .state = -1 }, { .state = -1 } };
    size_t dep_count = s_deps (self, job, deps);
    for (size_t n = 0; n < dep_count; n++)
        deps[n].state = wire->dep_states[n];
    fcj_event_t event = {
        .type = FCJ_EV_STORED, .id = job->id, .call = wire->call,
        .outcome = (fcj_reason_t) wire->outcome, .text = "model",
        .state = (fcj_state_t) wire->state, .actual = job->id,
        .token = wire->token, .worker = wire->holder,
        .attempt = wire->attempt, .losses = wire->losses,
        .deps = deps, .dep_count = dep_count,
    };
    s_step (self, &event);
}

static void
s_deliver_to_broker (sim_t *self, const wire_t *wire)
{
    model_t *job = &self->jobs[wire->job];
    fcj_event_t event = {
        .type = (fcj_event_type_t) wire->type, .id = job->id,
        .token = wire->token, .worker = self->workers[wire->worker].id,
        .lost = wire->lost, .state = (fcj_state_t) wire->final,
        .ask = wire->ask, .message = "{}",
    };
    if (wire->type == FCJ_EV_FINISH) {
        event.bytes = calloc (1, sizeof (fcj_bytes_t) + 64);
        event.bytes->size = 64;
        event.bytes->data[0] = (char) wire->final;
        strcpy (event.bytes->data + 1, wire->token);
    }
    s_step (self, &event);
}

static void
s_deliver (sim_t *self)
{
    for (;;) {
        wire_t *first = NULL;
        for (int n = 0; n < WIRE; n++)
            if (self->wire[n].kind && self->wire[n].at <= self->now
                && (!first || self->wire[n].at < first->at))
                first = &self->wire[n];
        if (!first || self->wrong)
            return;
        wire_t wire = *first;
        first->kind = W_NONE;
        int epoch = wire.kind == W_STORED ? self->epoch
                                          : self->connection[wire.worker];
        if (wire.epoch != epoch)
            continue;
        if (wire.kind != W_STORED && s_chance (self, 3)) {
            s_disconnect (self, wire.worker);
            fcj_event_t lost = { .type = FCJ_EV_LOST,
                                 .worker = self->workers[wire.worker].id };
            s_step (self, &lost);
        }
        else if (wire.kind == W_STORED)
            s_deliver_stored (self, &wire);
        else if (wire.kind == W_TO_WORKER)
            s_worker_hears (self, &wire);
        else
            s_deliver_to_broker (self, &wire);
        if (wire.kind == W_TO_BROKER && s_chance (self, 5)
            && self->workers[wire.worker].joined && !self->wrong)
            s_deliver_to_broker (self, &wire);          /* twice */
    }
}

/* ---- Front-end --------------------------------------------------------- */

static void
s_submit (sim_t *self, int n)
{
    model_t *job = &self->jobs[n];
    fcj_dep_t deps[2] = { { .state = -1 }, { .state = -1 } };
    size_t dep_count = s_deps (self, job, deps);
    if (job->acknowledged)
        return;
    for (size_t d = 0; d < dep_count; d++)
        if (!self->jobs[job->deps[d]].acknowledged)
            return;
    fcj_event_t event = {
        .type = FCJ_EV_SUBMIT, .ref = (uint64_t) n + 1, .id = job->id,
        .owner = "me", .queue_ms = 1000000000, .deps = deps,
        .priority = (fcj_priority_t) (n % 3), .dep_count = dep_count,
        .bytes = calloc (1, sizeof (fcj_bytes_t) + 1),
    };
    s_step (self, &event);
}

static void
s_cancel (sim_t *self)
{
    uint32_t n = s_random (self, JOBS);
    fcj_event_t event = { .type = FCJ_EV_CANCEL, .ref = n + 1u,
                          .id = self->jobs[n].id, .owner = "me" };
    s_step (self, &event);
}

/*  The user answers what the store shows.  */
static void
s_answer_question (sim_t *self)
{
    uint32_t n = s_random (self, JOBS);
    int64_t ask = self->jobs[n].ask;
    if (!ask)
        return;
    fcj_event_t event = { .type = FCJ_EV_ANSWER, .ref = n + 1u, .ask = ask,
                          .id = self->jobs[n].id, .owner = "me" };
    event.bytes = calloc (1, sizeof (fcj_bytes_t) + sizeof ask);
    event.bytes->size = sizeof ask;
    memcpy (event.bytes->data, &ask, sizeof ask);
    s_step (self, &event);
}

/* ---- A schedule -------------------------------------------------------- */

/*  Somebody else changes the record of a running job: hands it back, or
 *  leases it to a worker that nobody knows.  */
static void
s_meddle (sim_t *self)
{
    model_t *job = &self->jobs[s_random (self, JOBS)];
    if (job->state != FCJ_RUNNING)
        return;
    job->ask = 0;
    job->token[0] = 0;
    job->state = s_random (self, 2) ? FCJ_QUEUED : FCJ_RUNNING;
    if (job->state == FCJ_RUNNING) {
        s_token (self, job->token);
        s_uuid (job->worker, 0x900, 1);
    }
}

static void
s_faults (sim_t *self)
{
    if (s_chance (self, 4))
        s_meddle (self);
    if (s_chance (self, 3))
        s_broker_crash (self);
    if (s_chance (self, 4))
        s_worker_crash (self, (int) s_random (self, WORKERS));
    if (s_chance (self, 8))
        self->store_up = !self->store_up;
    if (s_chance (self, 8) && self->recovered)
        s_cancel (self);
}

static void
s_turn (sim_t *self)
{
    self->now += 1 + s_random (self, s_random (self, 10) ? 800 : 9000);
    s_faults (self);
    if (!self->storm)
        self->store_up = true;
    if (!self->recovered && self->store_up)
        s_recover (self);
    for (int n = 0; n < WORKERS && self->recovered && !self->wrong; n++) {
        if (!self->workers[n].joined && (!self->storm || s_random (self, 2)))
            s_hello (self, n);
        else if (self->workers[n].joined && !s_chance (self, 20))
            s_beat (self, n);
    }
    s_deliver (self);
    for (int n = 0; n < WORKERS && !self->wrong; n++)
        s_worker_works (self, n);
    if (self->recovered && !self->wrong) {
        s_submit (self, (int) s_random (self, JOBS));
        s_answer_question (self);
        fcj_event_t tick = { .type = FCJ_EV_TICK };
        s_step (self, &tick);
    }
}

static bool
s_done (const sim_t *self)
{
    for (int n = 0; n < JOBS; n++)
        if (!self->jobs[n].acknowledged || !s_terminal (self->jobs[n].state))
            return false;
    fcj_core_counts_t counts;
    fcj_core_counts (self->core, &counts);
    if (counts.live || fcj_core_pending (self->core))
        return false;
    fcj_core_worker_t worker;
    for (size_t n = 0; fcj_core_worker (self->core, n, &worker); n++)
        if (worker.busy)
            return false;
    return true;
}

static void
s_judge (sim_t *self)
{
    for (int n = 0; n < JOBS && !self->wrong; n++) {
        const model_t *job = &self->jobs[n];
        if (job->terminals != 1)
            self->wrong = "not exactly one terminal state";
        else if (job->ask)
            self->wrong = "a question outlived its job";
        else if (job->completions > 1)
            self->wrong = "more than one completion";
        else if (job->lost >= FCJ_EXECUTIONS_MAX)
            self->wrong = "lost its worker more often than allowed";
    }
}

static const char *
s_schedule (uint64_t seed)
{
    sim_t self = { .seed = seed, .storm = true, .store_up = true };
    self.random = seed * 0x9e3779b97f4a7c15u + 0x1234567;
    self.now = 1000000;
    self.core = fcj_core_new (JOBS, JOBS, s_token, &self);
    for (int n = 0; n < JOBS; n++) {
        s_uuid (self.jobs[n].id, 1, n);
        for (int d = 0; n && d < 2; d++)
            if (s_random (&self, 3) == 0) {
                int dep = (int) s_random (&self, (uint32_t) n);
                if (!self.jobs[n].dep_count || self.jobs[n].deps[0] != dep)
                    self.jobs[n].deps[self.jobs[n].dep_count++] = dep;
            }
    }
    for (int n = 0; n < WORKERS; n++)
        s_uuid (self.workers[n].id, 2, n);
    for (int n = 0; n < STORMY && !self.wrong; n++)
        s_turn (&self);
    self.storm = false;
    for (int n = 0; n < CALM && !self.wrong && !s_done (&self); n++)
        s_turn (&self);
    if (!self.wrong && !s_done (&self))
        self.wrong = "a job or a slot never came to its end";
    s_judge (&self);
    fcj_core_destroy (&self.core);
    return self.wrong;
}

static void
the_invariants_hold_in_every_schedule (void **state)
{
    (void) state;
    const char *one = getenv ("SEED"), *many = getenv ("SCHEDULES");
    uint64_t from = one ? strtoull (one, NULL, 10) : 1;
    uint64_t count = one ? 1 : many ? strtoull (many, NULL, 10) : SCHEDULES;
    for (uint64_t seed = from; seed < from + count; seed++) {
        const char *wrong = s_schedule (seed);
        if (wrong)
            fail_msg ("SEED=%llu: %s", (unsigned long long) seed, wrong);
    }
    print_message ("%llu schedules\n", (unsigned long long) count);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (the_invariants_hold_in_every_schedule),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
