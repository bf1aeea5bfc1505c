/*  reconcile.c - the store's record, when it knows better than we do.
 *
 *  At start-up the core knows nothing and takes the jobs as the store has
 *  them. And when a call did not fit, somebody else has written (a broker that
 *  was thought dead, an operator), or a call of ours took effect whose answer
 *  was lost: the record is read, and the job goes on from what it says.  */

#include "world.h"
#include <stdio.h>
#include <string.h>

static void s_gone (fcj_core_t *self, job_t *job);
static void s_again (fcj_core_t *self, job_t *job);
static void s_adopt (fcj_core_t *self, job_t *job, const fcj_event_t *event);
static void s_queued_after_all (fcj_core_t *self, job_t *job);

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

/*  The store has no such record: it was deleted, or its disk lost it.  */
static void
s_gone (fcj_core_t *self, job_t *job)
{
    fcj_action_t *action = fcj_act_job (self, FCJ_DO_WARN, job);
    strcpy (action->text, "not_in_the_store");
    fcj_stored_end (self, job, NULL);
}

/*  The record runs under our token. Without a reason to end the attempt it
 *  just runs; else the call that did not fit does now.  */
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

/*  Nobody runs it, says the record: not even we.  */
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
