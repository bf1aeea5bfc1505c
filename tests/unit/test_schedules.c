/*
 * Schedules with every fault that the wire, the workers and the store know:
 * the core of the broker, and nothing else, is driven through many thousands
 * of them, and the invariants of the design are checked after every step.
 * (test_simulation.c does the same with a plainer model of its own; two
 * models seldom share a mistake.)
 *
 * Everything that is on its way (a message, a store's reply, a worker's own
 * timer) is a mail with a due time. A schedule lets faults happen for a while,
 * then turns them off and runs time forward until all is quiet. What is
 * random comes from the seed: SEED=n runs that schedule alone with its trace,
 * SCHEDULES=n changes how many run.
 *
 * The model keeps what ZeroMQ and Redis promise: messages of one connection
 * stay in order (a break loses those under way), replies of the store too. It
 * also loses single messages, which they would not.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "broker/core.h"

#define JOBS            8
#define WORKERS         3
#define HELD            8
#define MAILS           512
#define TOKENS          1024
#define FAULTY_STEPS    70
#define STEPS_MAX       4000
#define SCHEDULES       100000
#define RESEND_MS       3000

typedef enum {
    /* to the broker */
    M_SUBMIT, M_CANCEL, M_HELLO, M_BEAT, M_STARTED, M_PROGRESS, M_FINISH,
    M_RELEASE, M_DRAIN, M_BYE, M_UNSENT, M_STORED,
    /* to a worker, and its own timers */
    M_RUN, M_KILL, M_FINISHED, M_WORK, M_RESEND, M_DEAD, M_TIMER, M_RECONNECT,
    M_REBORN, M_RESTART, M_OLD
} kind_t;

static const char *s_kinds[] = {
    "submit", "cancel", "hello", "beat", "started", "progress", "finish",
    "release", "drain", "bye", "unsent", "stored", "run", "kill", "finished",
    "work", "resend", "dead", "timer", "reconnect", "reborn", "restart", "old"
};

typedef struct {
    int job;
    uint32_t token;
} pair_t;

typedef struct {
    int64_t due;
    uint32_t order;
    kind_t kind;
    int w, inc, epoch, job, state, held_count, actual;
    uint32_t token, call;
    bool lost;
    fcj_reason_t outcome;
    int dep_states[2];
    pair_t held[HELD];
} mail_t;

/*  The record, as the store has it.  */
typedef struct {
    bool there, has_lease, ended;
    fcj_state_t state, final;           /* final: as first seen terminal */
    uint32_t token, requeued, result, final_result;
    int attempt, losses, seq;
    char worker[FCJ_ID_LEN + 1];
    int64_t until;
} record_t;

/*  A job as its front-end sees it.  */
typedef struct {
    int owner, lane, priority, dep_count, deps[2], twin, acked;
    int64_t queue_ms;
    bool answered;
    int executions, handed_back;
} want_t;

typedef enum { H_NEW, H_RUNS, H_FINISHING, H_RELEASING, H_DYING } having_t;

typedef struct {
    pair_t what;
    having_t how;
    int state;
    bool lost;
} have_t;

typedef struct {
    bool alive, known, draining, reconnecting;
    int inc, epoch, slots, count;
    unsigned lanes;
    int64_t paused, heard, last_in, last_out;
    have_t held[HELD];
} model_worker_t;

typedef struct {
    uint64_t random;
    bool trace, faults, up, lists_finishing;
    int64_t now, last_store, outage;
    fcj_core_t *core;
    size_t queue_max, owner_max;
    uint32_t tokens, orders;
    bool ran[TOKENS];
    int steps, jobs, seqs, mail_count;
    record_t records[JOBS];
    want_t wants[JOBS];
    model_worker_t workers[WORKERS];
    char failure[256];
    mail_t mails[MAILS];
} sim_t;

static volatile uint64_t s_seed_now;
static fcj_id_t s_ids[JOBS];
static const char *s_owners[] = { "ann", "bob", "cyd" };

/* ---- Small things ------------------------------------------------------ */

static uint32_t
s_random (sim_t *self, uint32_t below)
{
    uint64_t z = (self->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t) (((z >> 32) * below) >> 32);
}

/*  True once in n, while faults are on.  */
static bool
s_fault (sim_t *self, uint32_t n)
{
    return self->faults && s_random (self, n) == 0;
}

__attribute__ ((format (printf, 2, 3))) static void
s_broken (sim_t *self, const char *format, ...)
{
    if (*self->failure)
        return;
    va_list args;
    va_start (args, format);
    vsnprintf (self->failure, sizeof self->failure, format, args);
    va_end (args);
}

#define TRACE(self, ...) do { if ((self)->trace) { \
    fprintf (stderr, "%8lld  ", (long long) (self)->now); \
    fprintf (stderr, __VA_ARGS__); fputc ('\n', stderr); } } while (0)

static void
s_hex8 (uint32_t value, char *text)
{
    for (int n = 0; n < 8; n++)
        text[n] = "0123456789abcdef"[value >> (28 - 4 * n) & 15];
}

static uint32_t
s_of_hex8 (const char *text)
{
    uint32_t value = 0;
    for (int n = 0; n < 8 && text[n]; n++)
        value = value << 4 | (uint32_t) (text[n] <= '9' ? text[n] - '0'
                                                        : text[n] - 'a' + 10);
    return value;
}

static void
s_token_text (uint32_t token, fcj_token_t text)
{
    memset (text, '0', FCJ_TOKEN_LEN);
    text[FCJ_TOKEN_LEN] = 0;
    s_hex8 (token, text);
}

static void
s_new_token (void *arg, fcj_token_t token)
{
    sim_t *self = arg;
    if (self->tokens + 1 < TOKENS)
        self->tokens++;
    else
        s_broken (self, "tokens without end");
    s_token_text (self->tokens, token);
}

static void
s_worker_text (int w, int inc, char text[FCJ_ID_LEN + 1])
{
    memset (text, 0, FCJ_ID_LEN + 1);
    s_hex8 ((uint32_t) w, text);
    s_hex8 ((uint32_t) inc, text + 8);
}

static fcj_bytes_t *
s_bytes (uint32_t value)
{
    fcj_bytes_t *bytes = malloc (sizeof *bytes + sizeof value);
    bytes->size = sizeof value;
    memcpy (bytes->data, &value, sizeof value);
    return bytes;
}

static uint32_t
s_of_bytes (const fcj_bytes_t *bytes)
{
    uint32_t value;
    memcpy (&value, bytes->data, sizeof value);
    return value;
}

/* ---- Mail -------------------------------------------------------------- */

static mail_t *
s_mail (sim_t *self, kind_t kind, int64_t wait)
{
    if (self->mail_count == MAILS) {
        s_broken (self, "mail without end");
        self->mail_count--;
    }
    mail_t *mail = &self->mails[self->mail_count++];
    memset (mail, 0, offsetof (mail_t, held));
    mail->kind = kind;
    mail->due = self->now + wait;
    mail->order = self->orders++;
    return mail;
}

/*  Of worker w and its present life and connection.  */
static mail_t *
s_mail_of (sim_t *self, kind_t kind, int w, int64_t wait)
{
    mail_t *mail = s_mail (self, kind, wait);
    mail->w = w;
    mail->inc = self->workers[w].inc;
    mail->epoch = self->workers[w].epoch;
    return mail;
}

static int64_t
s_delay (sim_t *self)
{
    return s_fault (self, 12) ? 200 + s_random (self, 4000)
                              : 1 + s_random (self, 30);
}

/*  On the wire between worker and broker, in order.  */
static mail_t *
s_wire (sim_t *self, kind_t kind, int w, bool to_worker)
{
    model_worker_t *worker = &self->workers[w];
    int64_t *last = to_worker ? &worker->last_in : &worker->last_out;
    mail_t *mail = s_mail_of (self, kind, w, s_delay (self));
    if (mail->due < *last)
        mail->due = *last;
    *last = mail->due;
    return mail;
}

static void
s_reconnect (sim_t *self, int w)
{
    model_worker_t *worker = &self->workers[w];
    if (!worker->alive || worker->reconnecting)
        return;
    worker->reconnecting = true;
    s_mail_of (self, M_RECONNECT, w, s_random (self, 1500));
}

/*  Loses what is under way both ways.  */
static void
s_break (sim_t *self, int w)
{
    model_worker_t *worker = &self->workers[w];
    TRACE (self, "worker %d: connection breaks", w);
    worker->epoch++;
    worker->known = false;
    worker->last_in = worker->last_out = 0;
    s_reconnect (self, w);
}

/* ---- The store --------------------------------------------------------- */

static void
s_ended (sim_t *self, int job, fcj_state_t state, uint32_t result)
{
    record_t *record = &self->records[job];
    if (record->ended)
        s_broken (self, "job %d ends twice in the store", job);
    record->ended = true;
    record->has_lease = false;
    record->state = record->final = state;
    record->result = record->final_result = result;
}

static void
s_store_lease (record_t *record, const fcj_action_t *action)
{
    record->state = FCJ_RUNNING;
    record->token = s_of_hex8 (action->token);
    record->attempt = action->attempt;
    record->has_lease = true;
    strcpy (record->worker, action->worker);
}

static void
s_store_submit (sim_t *self, int job, const fcj_action_t *action,
                mail_t *mail)
{
    record_t *record = &self->records[job];
    const want_t *want = &self->wants[job];
    bool ready = true, missing = false;
    for (int n = 0; n < want->dep_count; n++) {
        const record_t *dep = &self->records[want->deps[n]];
        mail->dep_states[n] = dep->there ? (int) dep->state : -1;
        missing = missing || !dep->there;
        ready = ready && dep->there && dep->state == FCJ_COMPLETED;
    }
    if (!record->there && want->twin >= 0
        && self->records[want->twin].there) {
        mail->actual = want->twin;      /* the idempotency key is taken */
        return;
    }
    if (!record->there && missing) {
        mail->outcome = FCJ_NOT_FOUND;
        return;
    }
    if (!record->there) {
        record->there = true;
        record->seq = ++self->seqs;
        record->until = self->now + want->queue_ms;
        if (*action->token && ready)
            s_store_lease (record, action);
    }
    mail->state = (int) record->state;
    if (record->state == FCJ_RUNNING
        && record->token != s_of_hex8 (action->token))
        s_broken (self, "job %d is submitted anew while it runs", job);
}

static void
s_store_finish (sim_t *self, int job, const fcj_action_t *action,
                mail_t *mail)
{
    record_t *record = &self->records[job];
    uint32_t token = s_of_hex8 (action->token);
    uint32_t body = action->bytes ? s_of_bytes (action->bytes) : 0;
    fcj_state_t state = body ? (fcj_state_t) (body & 7) : FCJ_FAILED;
    if (fcj_state_terminal (record->state)) {
        if (record->state != state || record->token != token)
            mail->outcome = FCJ_STALE;
        return;
    }
    bool fits = token ? record->state == FCJ_RUNNING && record->token == token
                      : record->state == FCJ_QUEUED;
    if (!fits) {
        mail->outcome = FCJ_STALE;
        return;
    }
    if (body && body >> 3 != record->token)
        s_broken (self, "job %d takes the result of another attempt", job);
    s_ended (self, job, state, body);
}

static void
s_store_requeue (sim_t *self, int job, const fcj_action_t *action,
                 mail_t *mail)
{
    record_t *record = &self->records[job];
    uint32_t token = s_of_hex8 (action->token);
    if (record->state == FCJ_RUNNING && record->token == token) {
        record->state = FCJ_QUEUED;
        record->losses += action->lost;
        self->wants[job].handed_back += !action->lost;
        record->requeued = token;
        record->token = 0;
        record->has_lease = false;
        *record->worker = 0;
        if (record->losses >= FCJ_EXECUTIONS_MAX)
            s_broken (self, "job %d is requeued too often", job);
    }
    else if (record->state != FCJ_QUEUED || record->requeued != token)
        mail->outcome = FCJ_STALE;
}

static void
s_store_apply (sim_t *self, int job, const fcj_action_t *action,
               mail_t *mail)
{
    record_t *record = &self->records[job];
    switch (action->type) {
    case FCJ_DO_SUBMIT:
        s_store_submit (self, job, action, mail);
        break;
    case FCJ_DO_LEASE:
        if (record->state == FCJ_QUEUED)
            s_store_lease (record, action);
        else if (record->state != FCJ_RUNNING
                 || record->token != s_of_hex8 (action->token))
            mail->outcome = FCJ_STALE;
        break;
    case FCJ_DO_FINISH:
        s_store_finish (self, job, action, mail);
        break;
    case FCJ_DO_REQUEUE:
        s_store_requeue (self, job, action, mail);
        break;
    default:
        if (!record->there)
            mail->outcome = FCJ_NOT_FOUND;
        else if (!fcj_state_terminal (record->state))
            s_ended (self, job, FCJ_CANCELLED, 0);
        mail->state = (int) record->state;
    }
}

/*  An unavailable store may have done it all the same.  */
static void
s_store_call (sim_t *self, const fcj_action_t *action)
{
    int job = (int) s_of_hex8 (action->id);
    mail_t reply = { .outcome = FCJ_OK, .actual = job };
    bool away = self->faults && (self->now < self->outage
                                 || s_fault (self, 15));
    bool done = !away || s_random (self, 2);
    if (done)
        s_store_apply (self, job, action, &reply);
    if (away)
        reply.outcome = FCJ_STORE_UNAVAILABLE;
    TRACE (self, "store: call %u type %d job %d token %.8s -> %s%s",
           action->call, (int) action->type, job, action->token,
           fcj_reason_name (reply.outcome), done ? "" : ", not done");
    mail_t *mail = s_mail (self, M_STORED, s_delay (self));
    if (mail->due < self->last_store)
        mail->due = self->last_store;
    self->last_store = mail->due;
    mail->job = job;
    mail->call = action->call;
    mail->outcome = reply.outcome;
    mail->state = reply.state;
    mail->actual = reply.actual;
    memcpy (mail->dep_states, reply.dep_states, sizeof mail->dep_states);
}

/* ---- The broker -------------------------------------------------------- */

static void
s_check_run (sim_t *self, const fcj_action_t *action, uint32_t token)
{
    const record_t *record = &self->records[s_of_hex8 (action->id)];
    if (self->ran[token])
        s_broken (self, "token %u is run twice", token);
    if (!record->ended
        && (record->state != FCJ_RUNNING || record->token != token))
        s_broken (self, "RUN without a lease in the store");
    self->ran[token] = true;
}

static void
s_to_worker (sim_t *self, const fcj_action_t *action, kind_t kind)
{
    uint32_t w = s_of_hex8 (action->worker);
    uint32_t token = s_of_hex8 (action->token);
    if (w >= WORKERS || token >= TOKENS) {
        s_broken (self, "a message for nobody");
        return;
    }
    model_worker_t *worker = &self->workers[w];
    bool there = worker->alive && worker->known
                 && (int) s_of_hex8 (action->worker + 8) == worker->inc;
    TRACE (self, "broker: %s job %.8s token %u for worker %u%s",
           s_kinds[kind], action->id, token, w, there ? "" : " (away)");
    if (kind == M_RUN)
        s_check_run (self, action, token);
    if (!there || s_fault (self, 40)) {
        if (kind == M_RUN && s_random (self, 2)) {
            mail_t *mail = s_mail (self, M_UNSENT, 0);
            mail->job = (int) s_of_hex8 (action->id);
            mail->token = token;
        }
        return;
    }
    mail_t *mail = s_wire (self, kind, (int) w, true);
    mail->token = token;
    mail->job = (int) s_of_hex8 (action->id);
}

/*  FINISHED lets the worker forget: only what the store has decided.  */
static void
s_check_finished (sim_t *self, const fcj_action_t *action)
{
    const record_t *record = &self->records[s_of_hex8 (action->id)];
    if (record->there && record->state == FCJ_RUNNING
        && record->token == s_of_hex8 (action->token))
        s_broken (self, "FINISHED of job %.8s before the store has it",
                  action->id);
}

static void
s_retry_submit (sim_t *self, int job)
{
    s_mail (self, M_SUBMIT, 300 + s_random (self, 1500))->job = job;
}

static void
s_check_told (sim_t *self, const fcj_action_t *action)
{
    const record_t *record = &self->records[s_of_hex8 (action->id)];
    int told = action->state ? fcj_state_of (action->state) : -1;
    if (told >= FCJ_COMPLETED
        && (!record->there || (int) record->state != told))
        s_broken (self, "job %.8s is told to be %s, in the store it is %s",
                  action->id, action->state, fcj_state_name (record->state));
}

static void
s_answer (sim_t *self, const fcj_action_t *action)
{
    bool submit = action->ref > JOBS;
    int job = (int) ((action->ref - 1) % JOBS);
    want_t *want = &self->wants[job];
    TRACE (self, "front-end: %s of job %d: %s",
           submit ? "submit" : "cancel", job,
           action->type == FCJ_DO_REFUSED ? action->text : action->state);
    if (!submit)
        return;
    if (action->type == FCJ_DO_REFUSED) {
        if (action->reason == FCJ_QUEUE_FULL
            || action->reason == FCJ_STORE_UNAVAILABLE) {
            if (!want->answered)
                s_retry_submit (self, job);
        }
        else
            want->answered = true;
        return;
    }
    int actual = (int) s_of_hex8 (action->id);
    if (actual != job && actual != want->twin)
        s_broken (self, "job %d is acknowledged as %d", job, actual);
    else if (!self->records[actual].there)
        s_broken (self, "job %d is acknowledged, not stored", job);
    want->answered = true;
    want->acked = actual;
}

static void
s_carry_out (sim_t *self, const fcj_action_t *action)
{
    switch (action->type) {
    case FCJ_DO_SUBMIT: case FCJ_DO_LEASE: case FCJ_DO_FINISH:
    case FCJ_DO_REQUEUE: case FCJ_DO_CANCEL:
        s_store_call (self, action);
        break;
    case FCJ_DO_RUN:
        s_to_worker (self, action, M_RUN);
        break;
    case FCJ_DO_KILL:
        s_to_worker (self, action, M_KILL);
        break;
    case FCJ_DO_FINISHED:
        s_check_finished (self, action);
        s_to_worker (self, action, M_FINISHED);
        break;
    case FCJ_DO_ACCEPTED: case FCJ_DO_DONE:
        s_check_told (self, action);
        s_answer (self, action);
        break;
    case FCJ_DO_REFUSED:
        s_answer (self, action);
        break;
    case FCJ_DO_EVENT:
        s_check_told (self, action);
        break;
    default:
        break;
    }
}

static void
s_crash (sim_t *self)
{
    TRACE (self, "broker: crashes");
    fcj_core_destroy (&self->core);
    self->up = false;
    for (int n = 0; n < self->mail_count; )
        if (self->mails[n].kind == M_STORED
            || self->mails[n].kind == M_UNSENT)
            self->mails[n] = self->mails[--self->mail_count];
        else
            n++;
    for (int w = 0; w < WORKERS; w++)
        if (self->workers[w].alive)
            s_break (self, w);
    s_mail (self, M_RESTART, 50 + s_random (self, 2500));
    for (int job = 0; job < self->jobs; job++)
        if (!self->wants[job].answered)
            s_retry_submit (self, job);
}

static void
s_check_records (sim_t *self)
{
    for (int job = 0; job < self->jobs; job++) {
        const record_t *record = &self->records[job];
        const want_t *want = &self->wants[job];
        if (record->ended && (record->state != record->final
                              || record->result != record->final_result))
            s_broken (self, "job %d changes after its end", job);
        if (want->executions - want->handed_back > FCJ_EXECUTIONS_MAX)
            s_broken (self, "job %d is executed too often", job);
        if (want->acked >= 0 && !self->records[want->acked].there)
            s_broken (self, "job %d is acknowledged and lost", job);
        if (record->there && !record->ended
            && record->has_lease != (record->state == FCJ_RUNNING))
            s_broken (self, "job %d runs without a lease", job);
    }
}

static void
s_step (sim_t *self, const fcj_event_t *event)
{
    self->steps++;
    size_t count = fcj_core_step (self->core, event, self->now);
    const char *wrong = fcj_core_check (self->core);
    if (wrong)
        s_broken (self, "%s", wrong);
    if (event->type == FCJ_EV_TICK && fcj_core_due (self->core) <= self->now)
        s_broken (self, "a TICK leaves something due");
    /*  A crash comes between any two actions of a step.  */
    size_t until = s_fault (self, 150) ? s_random (self, (uint32_t) count + 1)
                                       : SIZE_MAX;
    for (size_t n = 0; n < count && n < until; n++)
        s_carry_out (self, fcj_core_action (self->core, n));
    s_check_records (self);
    if (until != SIZE_MAX)
        s_crash (self);
}

static void
s_fill (sim_t *self, fcj_event_t *event, int job, fcj_dep_t deps[2])
{
    const want_t *want = &self->wants[job];
    event->id = s_ids[job];
    event->owner = s_owners[want->owner];
    event->lane = (fcj_lane_t) want->lane;
    event->priority = (fcj_priority_t) want->priority;
    event->queue_ms = want->queue_ms;
    event->deps = deps;
    event->dep_count = (size_t) want->dep_count;
    for (int n = 0; n < want->dep_count; n++) {
        const record_t *dep = &self->records[want->deps[n]];
        memcpy (deps[n].id, s_ids[want->deps[n]], sizeof (fcj_id_t));
        deps[n].state = dep->there ? (int) dep->state : -1;
    }
}

static void
s_recover_job (sim_t *self, int job)
{
    const record_t *record = &self->records[job];
    fcj_dep_t deps[2];
    fcj_token_t token;
    fcj_event_t event = { .type = FCJ_EV_RECOVER };
    s_fill (self, &event, job, deps);
    event.state = record->state;
    event.attempt = record->attempt;
    event.losses = record->losses;
    event.queue_ms = record->until;
    if (record->state == FCJ_RUNNING) {
        s_token_text (record->token, token);
        event.token = token;
        event.worker = record->worker;
        event.deadline = self->now;
    }
    s_step (self, &event);
}

static void
s_restart (sim_t *self)
{
    TRACE (self, "broker: starts");
    self->core = fcj_core_new (self->queue_max, self->owner_max,
                               s_new_token, self);
    self->up = true;
    for (int seq = 1; seq <= self->seqs && self->up; seq++)
        for (int job = 0; job < self->jobs && self->up; job++)
            if (self->records[job].seq == seq && !self->records[job].ended)
                s_recover_job (self, job);
    if (self->up)
        s_step (self, &(fcj_event_t) { .type = FCJ_EV_RECOVERED });
}

/* ---- Workers ----------------------------------------------------------- */

static have_t *
s_have (model_worker_t *worker, uint32_t token)
{
    for (int n = 0; n < worker->count; n++)
        if (worker->held[n].what.token == token)
            return &worker->held[n];
    return NULL;
}

static void
s_forget (model_worker_t *worker, have_t *have)
{
    *have = worker->held[--worker->count];
}

/*  A worker's list: what it runs; what it has finished, some say too.  */
static void
s_list (sim_t *self, model_worker_t *worker, mail_t *mail)
{
    for (int n = 0; n < worker->count; n++)
        if (self->lists_finishing || worker->held[n].how < H_FINISHING
            || worker->held[n].how == H_DYING)
            mail->held[mail->held_count++] = worker->held[n].what;
}

static void
s_say_over (sim_t *self, int w, const have_t *have)
{
    if (s_fault (self, 10))
        return;                         /* lost: RESEND comes */
    for (int n = s_fault (self, 10) ? 2 : 1; n > 0; n--) {
        mail_t *mail = s_wire (self, have->how == H_FINISHING ? M_FINISH
                                                              : M_RELEASE,
                               w, false);
        mail->job = have->what.job;
        mail->token = have->what.token;
        mail->state = have->state;
        mail->lost = have->lost;
    }
}

static void
s_over (sim_t *self, int w, have_t *have, having_t how, int state, bool lost)
{
    have->how = how;
    have->state = state;
    have->lost = lost;
    s_say_over (self, w, have);
    s_mail_of (self, M_RESEND, w, RESEND_MS)->token = have->what.token;
}

static void
s_hello (sim_t *self, int w)
{
    model_worker_t *worker = &self->workers[w];
    worker->reconnecting = false;
    worker->known = false;
    s_list (self, worker, s_wire (self, M_HELLO, w, false));
    for (int n = 0; n < worker->count; n++)
        if (worker->held[n].how == H_FINISHING
            || worker->held[n].how == H_RELEASING)
            s_say_over (self, w, &worker->held[n]);
    if (worker->draining)
        s_wire (self, M_DRAIN, w, false);
}

static void
s_run (sim_t *self, int w, const mail_t *mail)
{
    model_worker_t *worker = &self->workers[w];
    int busy = 0;
    for (int n = 0; n < worker->count; n++)
        busy += worker->held[n].how < H_FINISHING
                || worker->held[n].how == H_DYING;
    if (worker->count == HELD) {
        s_broken (self, "worker %d drowns in jobs", w);
        return;
    }
    have_t *have = &worker->held[worker->count++];
    *have = (have_t) { .what = { mail->job, mail->token } };
    if (busy >= worker->slots || worker->draining) {
        s_over (self, w, have, H_RELEASING, 0, false);
        return;
    }
    self->wants[mail->job].executions++;
    s_mail_of (self, M_WORK, w, s_random (self, 40))->token = mail->token;
}

static void
s_work (sim_t *self, int w, have_t *have)
{
    uint32_t token = have->what.token;
    int job = have->what.job;
    if (have->how == H_NEW
        || (have->how == H_RUNS && s_random (self, 4) == 0)) {
        mail_t *mail = s_wire (self, have->how == H_NEW ? M_STARTED
                                                        : M_PROGRESS,
                               w, false);
        mail->job = job;
        mail->token = token;
        have->how = H_RUNS;
        s_mail_of (self, M_WORK, w, s_random (self, s_fault (self, 4)
                                              ? 20000 : 900))->token = token;
    }
    else if (have->how == H_RUNS && s_fault (self, 5))
        s_over (self, w, have, H_RELEASING, 0, true);
    else if (have->how == H_RUNS)
        s_over (self, w, have, H_FINISHING, s_random (self, 5)
                ? FCJ_COMPLETED : FCJ_FAILED, false);
}

/*  A killed job goes at once or lingers, listed, for its grace.  */
static void
s_killed (sim_t *self, int w, have_t *have)
{
    if (have->how == H_DYING)
        return;
    if (have->how >= H_FINISHING || s_random (self, 2)) {
        s_forget (&self->workers[w], have);
        return;
    }
    have->how = H_DYING;
    s_mail_of (self, M_DEAD, w, s_random (self, FCJ_TERM_GRACE_MS))->token
        = have->what.token;
}

static void
s_reborn (sim_t *self, int w)
{
    model_worker_t *worker = &self->workers[w];
    worker->alive = true;
    worker->draining = worker->reconnecting = false;
    worker->inc++;
    worker->epoch++;
    worker->count = 0;
    worker->paused = worker->last_in = worker->last_out = 0;
    TRACE (self, "worker %d: starts", w);
    s_hello (self, w);
    s_mail_of (self, M_TIMER, w, FCJ_BEAT_MS);
}

static void
s_die (sim_t *self, int w, int64_t wait)
{
    TRACE (self, "worker %d: ends", w);
    self->workers[w].alive = false;
    self->workers[w].heard = -1;
    s_mail_of (self, M_OLD, w, FCJ_PEER_DEAD_MS);
    s_mail (self, M_REBORN, wait)->w = w;
}

static void
s_beat_timer (sim_t *self, int w)
{
    model_worker_t *worker = &self->workers[w];
    if (!s_fault (self, 12))
        s_list (self, worker, s_wire (self, M_BEAT, w, false));
    s_mail_of (self, M_TIMER, w, self->faults ? FCJ_BEAT_MS : 2400);
    if (worker->draining && worker->count == 0) {
        s_wire (self, M_BYE, w, false);
        s_die (self, w, 500 + s_random (self, 1000));
    }
}

static void
s_worker_mail (sim_t *self, const mail_t *mail)
{
    int w = mail->w;
    model_worker_t *worker = &self->workers[w];
    have_t *have = s_have (worker, mail->token);
    if (mail->kind == M_RUN)
        s_run (self, w, mail);
    else if (mail->kind == M_TIMER)
        s_beat_timer (self, w);
    else if (mail->kind == M_RECONNECT)
        s_hello (self, w);
    else if (!have)
        return;
    else if (mail->kind == M_KILL)
        s_killed (self, w, have);
    else if (mail->kind == M_WORK)
        s_work (self, w, have);
    else if (mail->kind == M_DEAD)
        s_forget (worker, have);
    else if (mail->kind == M_FINISHED
             && (have->how == H_FINISHING || have->how == H_RELEASING))
        s_forget (worker, have);
    else if (mail->kind == M_RESEND && have->how != H_DYING) {
        s_say_over (self, w, have);
        s_mail_of (self, M_RESEND, w, RESEND_MS)->token = mail->token;
    }
}

/* ---- What reaches the broker ------------------------------------------- */

static void
s_submit_mail (sim_t *self, int job)
{
    fcj_dep_t deps[2];
    fcj_event_t event = { .type = FCJ_EV_SUBMIT,
                          .ref = (uint64_t) (JOBS + 1 + job) };
    s_fill (self, &event, job, deps);
    event.bytes = s_bytes ((uint32_t) job);
    s_step (self, &event);
}

static void
s_stored_mail (sim_t *self, const mail_t *mail)
{
    fcj_dep_t deps[2];
    fcj_event_t event = { .type = FCJ_EV_STORED };
    s_fill (self, &event, mail->job, deps);
    for (int n = 0; n < 2; n++)
        deps[n].state = mail->dep_states[n];
    event.call = mail->call;
    event.outcome = mail->outcome;
    event.text = "as the store says";
    event.state = (fcj_state_t) mail->state;
    event.actual = s_ids[mail->actual];
    s_step (self, &event);
}

static void
s_from_worker (sim_t *self, const mail_t *mail)
{
    static const fcj_event_type_t types[] = {
        [M_HELLO] = FCJ_EV_HELLO, [M_BEAT] = FCJ_EV_BEAT,
        [M_STARTED] = FCJ_EV_STARTED, [M_PROGRESS] = FCJ_EV_PROGRESS,
        [M_FINISH] = FCJ_EV_FINISH, [M_RELEASE] = FCJ_EV_RELEASE,
        [M_DRAIN] = FCJ_EV_DRAIN, [M_BYE] = FCJ_EV_BYE,
    };
    model_worker_t *worker = &self->workers[mail->w];
    char name[FCJ_ID_LEN + 1];
    fcj_token_t token;
    fcj_held_t held[HELD];
    s_worker_text (mail->w, mail->inc, name);
    s_token_text (mail->token, token);
    for (int n = 0; n < mail->held_count; n++) {
        memcpy (held[n].id, s_ids[mail->held[n].job], sizeof (fcj_id_t));
        s_token_text (mail->held[n].token, held[n].token);
    }
    fcj_event_t event = { .type = types[mail->kind], .worker = name,
        .name = "model", .id = s_ids[mail->job], .token = token,
        .held = held, .held_count = (size_t) mail->held_count,
        .lanes = worker->lanes, .slots = worker->slots,
        .message = "on my way", .fraction = 0.5, .at = self->now,
        .lost = mail->lost, .state = (fcj_state_t) mail->state };
    if (mail->kind == M_FINISH)
        event.bytes = s_bytes (mail->token << 3 | (uint32_t) mail->state);
    worker->known = mail->kind != M_BYE;
    worker->heard = worker->alive ? self->now : -1;
    s_step (self, &event);
    if (self->core && mail->kind == M_HELLO
        && worker->lanes >> FCJ_LANE_GUI & 1)
        s_step (self, &(fcj_event_t) { .type = FCJ_EV_LANE, .worker = name });
}

static void
s_broker_mail (sim_t *self, const mail_t *mail)
{
    fcj_token_t token;
    if (mail->kind == M_SUBMIT)
        s_submit_mail (self, mail->job);
    else if (mail->kind == M_CANCEL)
        s_step (self, &(fcj_event_t) { .type = FCJ_EV_CANCEL,
                .ref = (uint64_t) (1 + mail->job), .id = s_ids[mail->job],
                .owner = s_owners[self->wants[mail->job].owner] });
    else if (mail->kind == M_STORED)
        s_stored_mail (self, mail);
    else if (mail->kind == M_UNSENT) {
        s_token_text (mail->token, token);
        s_step (self, &(fcj_event_t) { .type = FCJ_EV_UNSENT,
                .id = s_ids[mail->job], .token = token });
    }
    else if (mail->kind == M_HELLO || self->workers[mail->w].known)
        s_from_worker (self, mail);
    else
        s_reconnect (self, mail->w);    /* HELLO? */
}

static void
s_lose (sim_t *self, int w, int inc)
{
    char name[FCJ_ID_LEN + 1];
    s_worker_text (w, inc, name);
    TRACE (self, "worker %d is lost to the broker", w);
    s_step (self, &(fcj_event_t) { .type = FCJ_EV_LOST, .worker = name });
}

/* ---- Time -------------------------------------------------------------- */

static void
s_deliver (sim_t *self, const mail_t *mail)
{
    model_worker_t *worker = &self->workers[mail->w];
    bool wire = (mail->kind >= M_HELLO && mail->kind <= M_BYE)
                || (mail->kind >= M_RUN && mail->kind <= M_FINISHED);
    TRACE (self, "%s w%d job %d token %u%s", s_kinds[mail->kind], mail->w,
           mail->job, mail->token, mail->lost ? " lost" : "");
    if (wire && (mail->epoch != worker->epoch || mail->inc != worker->inc))
        return;
    if (mail->kind == M_RESTART)
        s_restart (self);
    else if (mail->kind == M_OLD) {
        if (self->up)
            s_lose (self, mail->w, mail->inc);
    }
    else if (mail->kind == M_REBORN) {
        if (!worker->alive)
            s_reborn (self, mail->w);
    }
    else if (mail->kind >= M_RUN) {
        if (worker->alive && mail->inc == worker->inc)
            s_worker_mail (self, mail);
    }
    else if (self->up)
        s_broker_mail (self, mail);
    else if (mail->kind == M_SUBMIT)
        s_retry_submit (self, mail->job);
}

/*  The next mail; that of a paused worker waits, in its order.  */
static int
s_next (sim_t *self)
{
    int first = -1;
    for (int n = 0; n < self->mail_count; n++) {
        mail_t *mail = &self->mails[n];
        if (mail->kind >= M_RUN && mail->kind <= M_RECONNECT
            && mail->due < self->workers[mail->w].paused)
            mail->due = self->workers[mail->w].paused;
        if (first < 0 || mail->due < self->mails[first].due
            || (mail->due == self->mails[first].due
                && mail->order < self->mails[first].order))
            first = n;
    }
    return first;
}

/*  A worker that the broker has not heard for too long.  */
static int
s_unheard (const sim_t *self, int64_t *due)
{
    int found = -1;
    for (int w = 0; w < WORKERS; w++) {
        int64_t at = self->workers[w].heard + FCJ_PEER_DEAD_MS + 1;
        if (self->up && self->workers[w].heard >= 0 && at < *due) {
            *due = at;
            found = w;
        }
    }
    return found;
}

static void
s_advance (sim_t *self)
{
    int next = s_next (self);
    int64_t due = next >= 0 ? self->mails[next].due : INT64_MAX;
    int64_t tick = self->up ? fcj_core_due (self->core) : INT64_MAX;
    int64_t limit = due < tick ? due : tick;
    int lost = s_unheard (self, &limit);
    if (limit == INT64_MAX) {
        s_broken (self, "nothing will happen any more");
        return;
    }
    if (limit > self->now)
        self->now = limit;
    if (lost >= 0) {
        self->workers[lost].known = false;
        self->workers[lost].heard = -1;
        s_lose (self, lost, self->workers[lost].inc);
    }
    else if (tick <= due)
        s_step (self, &(fcj_event_t) { .type = FCJ_EV_TICK });
    else {
        mail_t mail = self->mails[next];
        self->mails[next] = self->mails[--self->mail_count];
        s_deliver (self, &mail);
    }
}

/* ---- A schedule -------------------------------------------------------- */

static void
s_mischief (sim_t *self)
{
    int w = (int) s_random (self, WORKERS);
    model_worker_t *worker = &self->workers[w];
    uint32_t what = s_random (self, 80);
    if (what == 4) {
        self->outage = self->now + s_random (self, 3000);
        TRACE (self, "store: away until %lld", (long long) self->outage);
    }
    if (what >= 4 || !worker->alive)
        return;
    if (what == 0)
        s_die (self, w, 100 + s_random (self, 8000));
    else if (what == 1) {
        worker->paused = self->now + 500 + s_random (self, 20000);
        TRACE (self, "worker %d: pauses until %lld", w,
               (long long) worker->paused);
    }
    else if (what == 2)
        s_break (self, w);
    else if (!worker->draining) {
        worker->draining = true;
        s_wire (self, M_DRAIN, w, false);
    }
}

static void
s_plan_job (sim_t *self, int job)
{
    want_t *want = &self->wants[job];
    want->owner = (int) s_random (self, 3);
    want->lane = s_random (self, 4) ? FCJ_LANE_COMPUTE : FCJ_LANE_GUI;
    want->priority = (int) s_random (self, FCJ_PRIORITY_COUNT);
    want->queue_ms = s_random (self, 6) ? 3600000
                                        : 100 + s_random (self, 5000);
    want->twin = want->acked = -1;
    for (int other = 0; other < job && want->dep_count < 2; other++)
        if (self->wants[other].owner == want->owner
            && s_random (self, 2) == 0)
            want->deps[want->dep_count++] = other;
    if (job > 0 && self->wants[job - 1].twin < 0
        && self->wants[job - 1].owner == want->owner
        && s_random (self, 3) == 0) {
        want->twin = job - 1;
        self->wants[job - 1].twin = job;
    }
    int64_t at = s_random (self, 4000);
    s_mail (self, M_SUBMIT, at)->job = job;
    if (s_random (self, 4) == 0)
        s_mail (self, M_SUBMIT, at + s_random (self, 6000))->job = job;
    for (int n = s_random (self, 4) ? 0 : 2; n > 0; n--)
        s_mail (self, M_CANCEL, at + s_random (self, 6000))->job = job;
}

static void
s_plan (sim_t *self)
{
    self->queue_max = s_random (self, 5) ? 100 : 3;
    self->owner_max = s_random (self, 5) ? 100 : 2;
    self->lists_finishing = s_random (self, 2);
    self->jobs = 2 + (int) s_random (self, JOBS - 1);
    for (int job = 0; job < self->jobs; job++)
        s_plan_job (self, job);
    for (int w = 0; w < WORKERS; w++) {
        model_worker_t *worker = &self->workers[w];
        worker->slots = 1 + (int) s_random (self, 2);
        worker->lanes = w == 0 ? 1u << FCJ_LANE_GUI
                                 | (s_random (self, 2) << FCJ_LANE_COMPUTE)
                               : 1u << FCJ_LANE_COMPUTE;
        worker->heard = -1;
        s_mail (self, M_REBORN, s_random (self, 2000))->w = w;
    }
}

/*  All is said and done: NULL, or what is not.  */
static const char *
s_unquiet (sim_t *self)
{
    if (!self->up)
        return "the broker is down";
    for (int job = 0; job < self->jobs; job++) {
        if (!self->wants[job].answered)
            return "a submit has no answer";
        if (self->records[job].there && !self->records[job].ended)
            return "a stored job is not terminal";
    }
    fcj_core_counts_t counts;
    fcj_core_counts (self->core, &counts);
    if (counts.live || counts.waiting || counts.running
        || fcj_core_pending (self->core))
        return "the core still counts jobs";
    for (int w = 0; w < WORKERS; w++)
        if (self->workers[w].count)
            return "a worker still has a job";
    fcj_core_worker_t view;
    for (size_t n = 0; fcj_core_worker (self->core, n, &view); n++)
        if (view.busy)
            return "a slot is still taken";
    return NULL;
}

static void
s_calm (sim_t *self)
{
    TRACE (self, "---- faults off ----");
    self->faults = false;
    for (int w = 0; w < WORKERS; w++) {
        self->workers[w].paused = 0;
        if (!self->workers[w].alive)
            s_mail (self, M_REBORN, 200)->w = w;
    }
    for (int job = 0; job < self->jobs; job++)
        if (!self->wants[job].answered)
            s_retry_submit (self, job);
}

/*  Returns how many steps of the core it took; failure says what broke.  */
static int
s_schedule (uint64_t seed, bool trace, char failure[256])
{
    static sim_t sim;
    sim_t *self = &sim;
    memset (self, 0, offsetof (sim_t, mails));
    self->random = s_seed_now = seed;
    self->trace = trace;
    self->faults = true;
    s_plan (self);
    s_restart (self);
    int turns = 0, faulty = FAULTY_STEPS + (int) s_random (self, 60);
    for (; turns < faulty && !*self->failure; turns++) {
        s_mischief (self);
        s_advance (self);
    }
    s_calm (self);
    const char *unquiet = NULL;
    while (!*self->failure && (unquiet = s_unquiet (self))
           && turns++ < STEPS_MAX)
        s_advance (self);
    if (unquiet)
        s_broken (self, "never quiet: %s", unquiet);
    fcj_core_destroy (&self->core);
    memcpy (failure, self->failure, sizeof self->failure);
    return self->steps;
}

/* ---- The test ---------------------------------------------------------- */

static void
s_say_seed (int number)
{
    char text[64];
    int size = snprintf (text, sizeof text, "signal %d: SEED=%llu\n", number,
                         (unsigned long long) s_seed_now);
    if (write (STDERR_FILENO, text, (size_t) size) < 0)
        _exit (2);
    signal (number, SIG_DFL);
    raise (number);
}

static uint64_t
s_setting (const char *name, uint64_t otherwise)
{
    const char *text = getenv (name);
    return text && *text ? strtoull (text, NULL, 10) : otherwise;
}

static void
the_invariants_hold_under_every_fault (void **state)
{
    (void) state;
    char failure[256];
    struct timespec from, to;
    for (int job = 0; job < JOBS; job++) {
        strcpy (s_ids[job], "00000000-0000-4000-8000-000000000000");
        s_hex8 ((uint32_t) job, s_ids[job]);
        s_ids[job][8] = '-';
    }
    uint64_t seed = s_setting ("SEED", 0), steps = 0;
    uint64_t count = seed ? 1 : s_setting ("SCHEDULES", SCHEDULES);
    clock_gettime (CLOCK_MONOTONIC, &from);
    for (uint64_t n = 0; n < count; n++) {
        uint64_t this = seed ? seed : n + 1;
        steps += (uint64_t) s_schedule (this, seed != 0, failure);
        if (*failure) {
            if (!seed)
                s_schedule (this, true, failure);
            fail_msg ("SEED=%llu: %s", (unsigned long long) this, failure);
        }
    }
    clock_gettime (CLOCK_MONOTONIC, &to);
    printf ("%llu schedules, %llu steps of the core, %.1f s\n",
            (unsigned long long) count, (unsigned long long) steps,
            (double) (to.tv_sec - from.tv_sec)
            + (double) (to.tv_nsec - from.tv_nsec) / 1e9);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (the_invariants_hold_under_every_fault),
    };

    signal (SIGSEGV, s_say_seed);
    signal (SIGABRT, s_say_seed);
    return cmocka_run_group_tests (tests, NULL, NULL);
}
