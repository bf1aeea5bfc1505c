/*  phase.c - a job's phase, and the store call of the phase.
 *
 *  Whoever decides something about a job puts it into another phase here, so
 *  that lines, counters and deadlines always agree with it. A phase with a
 *  store call has no deadline while the call is under way; when the call has
 *  to be made again, the deadline is when.  */

#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_FIRST_MS  50
#define RETRY_MAX_MS    2000

static void s_leave (fcj_core_t *self, job_t *job);
static void s_count (fcj_core_t *self, unsigned phase, bool in);
static fcj_line_t *s_line (fcj_core_t *self, const job_t *job);
static fcj_queue_t *s_queue (const job_t *job);
static void s_finish_text (const job_t *job, fcj_action_t *action);

const char *
fcj_phase_state (const job_t *job)
{
    return job->phase == RUNNING || job->sent ? "running" : "queued";
}

void
fcj_phase_first (fcj_core_t *self, job_t *job, phase_t phase)
{
    job->phase = phase;
    s_count (self, phase, true);
}

void
fcj_phase_set (fcj_core_t *self, job_t *job, phase_t phase)
{
    s_leave (self, job);
    job->phase = phase;
    s_count (self, phase, true);
}

void
fcj_phase_last (fcj_core_t *self, job_t *job)
{
    s_leave (self, job);
    fcj_heap_remove (&self->heap, &job->due);
}

static void
s_leave (fcj_core_t *self, job_t *job)
{
    fcj_question_forget (job);
    if (job->phase == READY)
        fcj_line_remove (s_line (self, job), s_queue (job),
                         (fcj_priority_t) job->priority, &job->item);
    s_count (self, job->phase, false);
}

static void
s_count (fcj_core_t *self, unsigned phase, bool in)
{
    size_t one = in ? 1 : (size_t) -1;
    if (phase == WAITING)
        self->counts.waiting += one;
    if (phase == RUNNING)
        self->counts.running += one;
    if (fcj_phase_calls (phase))
        self->busy_calls += one;
}

void
fcj_phase_due (fcj_core_t *self, job_t *job, int64_t due)
{
    if (fcj_heap_set (&self->heap, &job->due, due) < 0)
        abort ();
}

/* ---- The line ---------------------------------------------------------- */

void
fcj_phase_ready (fcj_core_t *self, job_t *job, bool front)
{
    fcj_phase_set (self, job, READY);
    job->item.key = front ? --self->first_key : ++self->last_key;
    memcpy (&job->item.weight, job->id, 4);
    fcj_line_add (s_line (self, job), s_queue (job),
                  (fcj_priority_t) job->priority, &job->item);
    fcj_phase_due (self, job, job->queue_until);
}

void
fcj_phase_ready_again (fcj_core_t *self, job_t *job)
{
    fcj_phase_wait_anew (self, job);
    fcj_phase_ready (self, job, true);
    fcj_act_event (self, job, "queued");
}

/*  Its wait was over when it ran first: running long must not expire it.  */
void
fcj_phase_wait_anew (const fcj_core_t *self, job_t *job)
{
    int64_t until = self->now + FCJ_QUEUE_TIMEOUT_S * INT64_C (1000);
    if (job->queue_until < until)
        job->queue_until = until;
}

size_t
fcj_phase_ahead (const fcj_core_t *self, const job_t *job)
{
    return fcj_line_ahead (&self->lines[job->lane], s_queue (job),
                           (fcj_priority_t) job->priority, &job->item);
}

static fcj_line_t *
s_line (fcj_core_t *self, const job_t *job)
{
    return &self->lines[job->lane];
}

static fcj_queue_t *
s_queue (const job_t *job)
{
    return &job->owner->queues[job->lane];
}

/* ---- The store call ---------------------------------------------------- */

void
fcj_phase_begin (fcj_core_t *self, job_t *job, phase_t phase)
{
    fcj_phase_set (self, job, phase);
    job->tries = 0;
    fcj_phase_call (self, job);
}

void
fcj_phase_call (fcj_core_t *self, job_t *job)
{
    static const fcj_action_type_t types[] = {
        [STORING] = FCJ_DO_SUBMIT, [LEASING] = FCJ_DO_LEASE,
        [FINISHING] = FCJ_DO_FINISH, [REQUEUEING] = FCJ_DO_REQUEUE,
        [CANCELLING] = FCJ_DO_CANCEL, [READING] = FCJ_DO_READ,
    };
    if (++self->calls == 0)
        self->calls = 1;
    job->call = self->calls;
    fcj_heap_remove (&self->heap, &job->due);
    fcj_action_t *action = fcj_act_job (self, types[job->phase], job);
    action->call = job->call;
    action->bytes = job->bytes;
    action->deadline = self->now + self->lease_ms;
    action->lost = job->lost;
    action->ran = job->ran;
    action->reason = (fcj_reason_t) job->reason;
    if (job->deps) {
        action->deps = (const uint8_t (*)[16]) job->deps->ids;
        action->dep_count = job->deps->count;
    }
    if (job->phase == FINISHING && !job->bytes)
        s_finish_text (job, action);
    if (job->phase == REQUEUEING)
        strcpy (action->text, !job->ran ? "not_delivered"
                : job->lost ? "worker_lost" : "released");
}

void
fcj_phase_retry (fcj_core_t *self, job_t *job)
{
    int64_t wait = RETRY_FIRST_MS;
    for (int n = 0; n < job->tries && wait < RETRY_MAX_MS; n++)
        wait *= 2;
    if (job->tries < UINT8_MAX)
        job->tries++;
    fcj_phase_due (self, job, self->now + (wait < RETRY_MAX_MS ? wait
                                                               : RETRY_MAX_MS));
}

void
fcj_phase_fail (fcj_core_t *self, job_t *job, fcj_reason_t reason)
{
    fcj_table_drop_bytes (self, job);
    job->reason = reason & 31;
    job->final = FCJ_FAILED;
    fcj_phase_begin (self, job, FINISHING);
}

/*  The token is spent with its attempt: a finish from the queue has none.  */
void
fcj_phase_fail_queued (fcj_core_t *self, job_t *job, fcj_reason_t reason)
{
    fcj_depend_cut (job);
    job->tokened = 0;
    fcj_phase_fail (self, job, reason);
}

void
fcj_phase_requeue (fcj_core_t *self, job_t *job, bool lost, bool ran)
{
    fcj_slot_free (job);
    job->ran = ran;
    if (lost && job->losses + 1 >= FCJ_EXECUTIONS_MAX) {
        fcj_phase_fail (self, job, FCJ_POISON);
        return;
    }
    job->lost = lost;
    fcj_phase_begin (self, job, REQUEUEING);
}

/*  What the agent reads of a job that we fail ourselves.  */
static void
s_finish_text (const job_t *job, fcj_action_t *action)
{
    char *text = action->text;
    size_t size = sizeof action->text;
    fcj_id_t id = "";
    if (job->deps)
        fcj_core_id_text (job->deps->failed, id);
    switch (job->reason) {
    case FCJ_DEPENDENCY:
        snprintf (text, size, "Job %s, which this one depends on, did not "
                  "complete. get_job_result with that id says why; mend "
                  "that, then submit this one again.", id);
        break;
    case FCJ_EXPIRED:
        snprintf (text, size, "No slot became free within the job's "
                  "queue_timeout_s. Submit it again, or allow it more.");
        break;
    case FCJ_POISON:
        snprintf (text, size, "The job lost its worker %d times and is not "
                  "tried again: it probably brings the worker down.",
                  job->losses + 1);
        break;
    default:
        snprintf (text, size, "The store could not take the job's result. "
                  "Make the result smaller, then submit it again.");
    }
}
