/*  lease.c - a queued job and a free slot make a lease.
 *
 *  One job a free slot, and no prefetch: the store is asked to lease it first,
 *  and only when it has agreed the worker hears of it. Each time the worker
 *  lists the job, the lease is as long as new.  */

#include "world.h"

void
fcj_lease_dispatch (fcj_core_t *self)
{
    if (!self->recovered || self->stopping)
        return;
    for (unsigned lane = 0; lane < FCJ_LANE_COUNT; lane++) {
        worker_t *worker;
        while (self->lines[lane].count
               && (worker = fcj_slot_pick (self, lane))) {
            fcj_item_t *item = fcj_line_next (&self->lines[lane]);
            fcj_line_turn (&self->lines[lane]);
            job_t *job = (job_t *) item;        /* its first member */
            fcj_lease_prepare (self, job, worker);
            fcj_phase_begin (self, job, LEASING);
        }
    }
}

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
fcj_lease_run (fcj_core_t *self, job_t *job)
{
    if (job->cancel) {
        fcj_phase_begin (self, job, CANCELLING);
        return;
    }
    if (!job->worker->connected) {      /* it left meanwhile */
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

void
fcj_lease_extend (fcj_core_t *self, job_t *job)
{
    fcj_phase_due (self, job, self->now + self->lease_ms);
}

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
