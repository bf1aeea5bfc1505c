/*  stored.c - what became of a store call.
 *
 *  What came meanwhile is looked at here, first of all a cancel. A call that
 *  did not fit the record goes to reconcile.c; a store that does not answer is
 *  asked again, for ever: the job is not lost, it only waits.  */

#include "world.h"
#include <string.h>

#define SUBMIT_TRIES    4       /* then the front-end hears of it */
#define REFUSED_TRIES   3       /* a finish that the store cannot take */

static void s_stored_submit (fcj_core_t *self, job_t *job,
                             const fcj_event_t *event);
static void s_stored_finish (fcj_core_t *self, job_t *job,
                             const fcj_event_t *event);
static void s_stored_requeue (fcj_core_t *self, job_t *job);

void
fcj_on_stored (fcj_core_t *self, const fcj_event_t *event)
{
    job_t *job = fcj_table_find (self, event->id);
    if (!job || job->call != event->call || !fcj_phase_calls (job->phase)
        || job->due.place)
        return;         /* of a call that is over, or will be made again */
    fcj_reason_t outcome = event->outcome;
    bool stale = outcome == FCJ_STALE || outcome == FCJ_NOT_FOUND
                 || outcome == FCJ_EXPIRED;
    if (outcome == FCJ_STORE_UNAVAILABLE) {
        fcj_phase_retry (self, job);
        if (job->phase == STORING && job->tries == SUBMIT_TRIES)
            fcj_request_refuse (self, job, false, outcome, "The store did "
                                "not confirm the job in time. It may have it "
                                "all the same.");
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

/*  A result that the store refuses time after time (too large for it) must not
 *  keep the job for ever: it fails instead.  */
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

/*  An attempt that never began is none.  */
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
                            "The store lost sight of the job. Look for it, or "
                            "submit it again.");
    }
    fcj_action_t *action = fcj_act_job (self, FCJ_DO_EVENT, job);
    action->state = state ? state : "gone";
    action->reason = (fcj_reason_t) job->reason;
    fcj_slot_part (self, job, "cancelled");
    fcj_depend_wake (self, job, completed);
    fcj_table_remove (self, job);
}
