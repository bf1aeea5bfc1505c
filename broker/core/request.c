/*  request.c - front-ends: submit, cancel, and who waits for an answer.
 *
 *  A request is answered when the store has decided. Until then it waits at
 *  the job, and several may: a SUBMIT that is repeated because its answer was
 *  lost joins the first.  */

#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void s_admit (fcj_core_t *self, const fcj_event_t *event,
                     const uint8_t id[16]);
static const char *s_full (fcj_core_t *self, const char *owner);
static void s_request_add (job_t *job, uint64_t ref, bool cancel);
static request_t *s_request_take (job_t *job, bool cancel);

void
fcj_on_submit (fcj_core_t *self, const fcj_event_t *event)
{
    uint8_t id[16];
    job_t *job = fcj_table_find (self, event->id);
    const char *full = NULL;
    if (job && strcmp (job->owner->name, event->owner) != 0)
        fcj_act_refuse (self, event->ref, FCJ_CONFLICT, "This id is taken.");
    else if (job && job->phase == STORING)
        s_request_add (job, event->ref, false);
    else if (job) {
        fcj_action_t *action = fcj_act_job (self, FCJ_DO_ACCEPTED, job);
        action->ref = event->ref;
        action->state = fcj_phase_state (job);
        action->existing = true;
    }
    else if (fcj_binary_of (event->id, id) < 0)
        fcj_act_refuse (self, event->ref, FCJ_INVALID, "id is not a UUID.");
    else if (!self->recovered || self->stopping)
        fcj_act_refuse (self, event->ref, FCJ_STORE_UNAVAILABLE,
                        "The broker is starting or stopping: try again in a "
                        "moment.");
    else if ((full = s_full (self, event->owner)))
        fcj_act_refuse (self, event->ref, FCJ_QUEUE_FULL, full);
    else {
        s_admit (self, event, id);
        return;
    }
    free (event->bytes);
}

/*  A job that nobody is ahead of, with a slot free for it, is stored together
 *  with its lease: that saves it a round trip to the store.  */
static void
s_admit (fcj_core_t *self, const fcj_event_t *event, const uint8_t id[16])
{
    job_t *job = fcj_table_add (self, event, id);
    job->bytes = event->bytes;
    job->queue_until = self->now + event->queue_ms;
    s_request_add (job, event->ref, false);
    worker_t *worker = job->deps || self->lines[job->lane].count ? NULL
                       : fcj_slot_pick (self, job->lane);
    if (worker)
        fcj_lease_prepare (self, job, worker);
    fcj_phase_call (self, job);
}

/*  Why there is no room for one more job; NULL: there is.  */
static const char *
s_full (fcj_core_t *self, const char *owner)
{
    if (self->counts.live >= self->queue_max)
        return "The queue is full. Wait until jobs are done, then submit "
               "again.";
    if (fcj_table_owned (self, owner) >= self->owner_max)
        return "You have too many unfinished jobs. Wait or cancel some, "
               "then submit again.";
    return NULL;
}

void
fcj_on_cancel (fcj_core_t *self, const fcj_event_t *event)
{
    job_t *job = fcj_table_find_of (self, event->id, event->owner);
    if (!job) {
        fcj_act_refuse (self, event->ref, FCJ_NOT_FOUND, "No such job.");
        return;
    }
    job->cancel = 1;
    s_request_add (job, event->ref, true);
    if (fcj_phase_calls (job->phase))
        return;                         /* stored.c looks at it */
    fcj_depend_cut (job);
    fcj_phase_begin (self, job, CANCELLING);
}

/* ---- Who waits --------------------------------------------------------- */

static void
s_request_add (job_t *job, uint64_t ref, bool cancel)
{
    if (!ref)
        return;
    request_t *request = fcj_must_alloc (sizeof *request);
    request->ref = ref;
    request->cancel = cancel;
    request->next = job->requests;
    job->requests = request;
}

void
fcj_request_answer (fcj_core_t *self, job_t *job, bool cancel,
                    const char *state, const char *actual)
{
    request_t *request;
    while ((request = s_request_take (job, cancel))) {
        fcj_action_t *action = fcj_act_job (self, cancel ? FCJ_DO_DONE
                                            : FCJ_DO_ACCEPTED, job);
        action->ref = request->ref;
        action->state = state;
        if (actual && strcmp (actual, action->id) != 0) {
            snprintf (action->id, sizeof action->id, "%s", actual);
            action->existing = true;
        }
        free (request);
    }
}

void
fcj_request_refuse (fcj_core_t *self, job_t *job, bool cancel,
                    fcj_reason_t reason, const char *text)
{
    request_t *request;
    while ((request = s_request_take (job, cancel))) {
        fcj_act_refuse (self, request->ref, reason, text);
        free (request);
    }
}

void
fcj_request_forget (job_t *job)
{
    while (job->requests) {
        request_t *request = job->requests;
        job->requests = request->next;
        free (request);
    }
}

/*  The first of those who asked for this, taken out; the caller frees it.  */
static request_t *
s_request_take (job_t *job, bool cancel)
{
    request_t **at = &job->requests;
    while (*at && (*at)->cancel != cancel)
        at = &(*at)->next;
    request_t *request = *at;
    if (request)
        *at = request->next;
    return request;
}
