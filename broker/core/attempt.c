/*  attempt.c - what a worker says about one attempt.
 *
 *  The token tells whether it speaks of the attempt that runs. What comes of
 *  another is not looked at, but for its end: FINISHED lets the worker forget
 *  it.  */

#include "world.h"
#include <stdio.h>
#include <stdlib.h>

static job_t *s_hand_over (fcj_core_t *self, const fcj_event_t *event);
static void s_say_finished (fcj_core_t *self, const fcj_event_t *event);

void
fcj_on_started (fcj_core_t *self, const fcj_event_t *event)
{
    job_t *job = fcj_attempt_running (self, event);
    if (!job)
        return;
    fcj_slot_confirm (job);
    fcj_act_job (self, FCJ_DO_STARTED, job)->at = event->at;
}

/*  For the store, and for those who watch.  */
void
fcj_on_progress (fcj_core_t *self, const fcj_event_t *event)
{
    job_t *job = fcj_attempt_running (self, event);
    if (!job)
        return;
    fcj_slot_confirm (job);
    fcj_action_t *action = fcj_act_job (self, FCJ_DO_PROGRESS, job);
    action->fraction = event->fraction;
    action->message = event->message;
    action = fcj_act_job (self, FCJ_DO_EVENT, job);
    action->state = "running";
    action->fraction = event->fraction;
    action->message = event->message;
}

void
fcj_on_finish (fcj_core_t *self, const fcj_event_t *event)
{
    job_t *job = s_hand_over (self, event);
    if (!job) {
        free (event->bytes);
        return;
    }
    job->bytes = event->bytes;
    job->final = (unsigned) event->state & 7;
    fcj_phase_begin (self, job, FINISHING);
}

void
fcj_on_release (fcj_core_t *self, const fcj_event_t *event)
{
    job_t *job = s_hand_over (self, event);
    if (job)
        fcj_phase_requeue (self, job, event->lost && !event->unbegun,
                           !event->unbegun);
}

/*  FINISH and RELEASE: the worker hands the attempt over. Returns the job
 *  when that decides anything; else its end is decided already.  */
static job_t *
s_hand_over (fcj_core_t *self, const fcj_event_t *event)
{
    job_t *job = fcj_table_find (self, event->id);
    worker_t *worker = fcj_worker_find (self, event->worker);
    uint8_t token[16];
    if (worker && fcj_binary_of (event->token, token) == 0)
        fcj_ghost_left (worker, token);
    if (!fcj_token_is (job, event->token) || job->phase == STORING
        || job->phase == LEASING || !job->worker) {
        s_say_finished (self, event);
        return NULL;
    }
    if (worker)
        fcj_slot_move (job, worker);
    fcj_slot_confirm (job);
    job->sent = job->delivered = 1;
    fcj_slot_free (job);
    return job->phase == RUNNING ? job : NULL;
}

static void
s_say_finished (fcj_core_t *self, const fcj_event_t *event)
{
    fcj_action_t *action = fcj_act (self, FCJ_DO_FINISHED);
    snprintf (action->id, sizeof action->id, "%s", event->id);
    snprintf (action->token, sizeof action->token, "%s", event->token);
    snprintf (action->worker, sizeof action->worker, "%s", event->worker);
}

void
fcj_on_unsent (fcj_core_t *self, const fcj_event_t *event)
{
    job_t *job = fcj_attempt_running (self, event);
    if (!job)
        return;
    job->sent = 0;
    fcj_phase_requeue (self, job, false, false);
}

job_t *
fcj_attempt_running (const fcj_core_t *self, const fcj_event_t *event)
{
    job_t *job = fcj_table_find (self, event->id);
    return fcj_token_is (job, event->token) && job->phase == RUNNING ? job
           : NULL;
}
