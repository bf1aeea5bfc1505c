/*  question.c - a running job asks its user.
 *
 *  One question at a time, numbered upwards by the attempt. Both sides may
 *  repeat themselves: the same question is answered from what was answered
 *  before, and the same answer is taken again, but not a different one.  */

#include "world.h"
#include <stdlib.h>
#include <string.h>

static void s_pass_on (fcj_core_t *self, const job_t *job);
static void s_unask (fcj_core_t *self, const job_t *job, uint64_t ref);

void
fcj_on_ask (fcj_core_t *self, const fcj_event_t *event)
{
    job_t *job = fcj_attempt_running (self, event);
    if (!job || event->ask < 1)
        return;
    fcj_slot_confirm (job);
    question_t *question = job->question;
    if (question && event->ask < question->number)
        return;                         /* late: it has asked more since */
    if (question && event->ask == question->number && question->answer) {
        s_pass_on (self, job);
        return;
    }
    fcj_question_new (job, event->ask);
    fcj_slot_rest (job);
    fcj_action_t *action = fcj_act_job (self, FCJ_DO_ASK, job);
    action->ask = event->ask;
    action->message = event->message;
}

void
fcj_on_unask (fcj_core_t *self, const fcj_event_t *event)
{
    job_t *job = fcj_attempt_running (self, event);
    if (!job || !job->question || job->question->number != event->ask)
        return;
    s_unask (self, job, 0);
    fcj_question_forget (job);
}

void
fcj_on_answer (fcj_core_t *self, const fcj_event_t *event)
{
    job_t *job = fcj_table_find_of (self, event->id, event->owner);
    question_t *question = job && job->phase == RUNNING ? job->question : NULL;
    fcj_bytes_t *answer = event->bytes;
    if (!job)
        fcj_act_refuse (self, event->ref, FCJ_NOT_FOUND, "No such job.");
    else if (!question || question->number != event->ask
             || (question->answer
                 && (question->answer->size != answer->size
                     || memcmp (question->answer->data, answer->data,
                                answer->size))))
        fcj_act_refuse (self, event->ref, FCJ_STALE, "The job does not ask "
                        "this (any more); its status shows what it asks now.");
    else {
        if (!question->answer) {
            question->answer = answer;
            answer = NULL;
        }
        fcj_slot_resume (job);
        s_unask (self, job, event->ref);
        s_pass_on (self, job);
    }
    free (answer);
}

static void
s_pass_on (fcj_core_t *self, const job_t *job)
{
    fcj_action_t *action = fcj_act_job (self, FCJ_DO_ANSWER, job);
    action->ask = job->question->number;
    action->bytes = job->question->answer;
}

/*  The store shows the question no longer, and whoever answered hears it.  */
static void
s_unask (fcj_core_t *self, const job_t *job, uint64_t ref)
{
    fcj_action_t *action = fcj_act_job (self, FCJ_DO_UNASK, job);
    action->ask = job->question->number;
    action->ref = ref;
    action->state = "running";
}

void
fcj_question_new (job_t *job, int64_t number)
{
    fcj_question_forget (job);
    job->question = fcj_must_alloc (sizeof (question_t));
    job->question->number = number;
}

void
fcj_question_forget (job_t *job)
{
    fcj_slot_resume (job);
    if (job->question)
        free (job->question->answer);
    free (job->question);
    job->question = NULL;
}
