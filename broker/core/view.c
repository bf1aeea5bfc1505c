/*  view.c - looking at the core, without changing anything.  */

#include "world.h"

static const char *s_check_jobs (const fcj_core_t *self);
static const char *s_check_job (const job_t *job);
static const char *s_check_worker (const worker_t *worker);

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

/* ---- Do they agree ----------------------------------------------------- */

const char *
fcj_core_check (const fcj_core_t *self)
{
    const char *wrong = s_check_jobs (self);
    for (size_t n = 0; !wrong && n < self->worker_count; n++)
        wrong = s_check_worker (self->workers[n]);
    return wrong;
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
    if (job->rests && !(job->held && job->question))
        return "a job rests without a slot or a question";
    if (job->question && job->phase != RUNNING)
        return "a question of a job that does not run";
    if (job->phase == READY && job->worker)
        return "a queued job keeps a worker";
    if (job->phase == WAITING && !(job->deps && job->deps->pending))
        return "a job waits for nothing";
    return NULL;
}

static const char *
s_check_worker (const worker_t *worker)
{
    int busy = worker->ghost_count, resting = 0;
    for (job_t *job = worker->jobs; job; job = job->next) {
        busy += job->held && !job->rests;
        resting += job->rests;
    }
    return busy == worker->busy && resting == worker->resting ? NULL
           : "a worker's busy slots differ from its jobs";
}
