/*  clock.c - deadlines that are over, and leases to renew in the store.
 *
 *  A job has one deadline, and its phase says what for: to make a store call
 *  again, to be heard of by its worker, or to leave the line.  */

#include "world.h"
#include <stddef.h>

#define RENEWALS    3           /* in one lease */

static void s_renew (fcj_core_t *self);

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

/*  Thrice in a lease, all at once: two may be lost, and a heartbeat does not
 *  cost the store a call.  */
static void
s_renew (fcj_core_t *self)
{
    if (self->now < self->renew_at)
        return;
    self->renew_at = self->now + self->lease_ms / RENEWALS;
    for (size_t n = 0; n < self->worker_count; n++)
        for (job_t *job = self->workers[n]->jobs; job; job = job->next)
            if (job->renewed && job->phase == RUNNING) {
                job->renewed = 0;
                fcj_act_job (self, FCJ_DO_RENEW, job)->deadline
                    = job->due.due;
            }
}
