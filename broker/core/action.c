/*  action.c - what the shell is to do.
 *
 *  A step appends to one list, which the next step empties. An action is a
 *  copy of what it says, but for the few long things (see core.h) that it
 *  points at: table.c keeps those until the next step.  */

#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

fcj_action_t *
fcj_act (fcj_core_t *self, fcj_action_type_t type)
{
    if (self->action_count == self->action_room) {
        size_t room = self->action_room ? self->action_room * 2 : 64;
        fcj_action_t *actions = realloc (self->actions,
                                         room * sizeof *actions);
        if (!actions)
            abort ();
        self->actions = actions;
        self->action_room = room;
    }
    fcj_action_t *action = &self->actions[self->action_count++];
    memset (action, 0, sizeof *action);
    action->type = type;
    return action;
}

fcj_action_t *
fcj_act_job (fcj_core_t *self, fcj_action_type_t type, const job_t *job)
{
    fcj_action_t *action = fcj_act (self, type);
    fcj_core_id_text (job->id, action->id);
    if (job->tokened)
        fcj_token_text (job->token, action->token);
    if (job->worker)
        strcpy (action->worker, job->worker->id);
    action->attempt = job->attempt;
    action->owner = job->owner->name;
    return action;
}

void
fcj_act_refuse (fcj_core_t *self, uint64_t ref, fcj_reason_t reason,
                const char *text)
{
    if (!ref)
        return;
    fcj_action_t *action = fcj_act (self, FCJ_DO_REFUSED);
    action->ref = ref;
    action->reason = reason;
    action->retryable = reason == FCJ_QUEUE_FULL
                        || reason == FCJ_STORE_UNAVAILABLE;
    snprintf (action->text, sizeof action->text, "%s", text ? text : "");
}

void
fcj_act_event (fcj_core_t *self, const job_t *job, const char *state)
{
    fcj_act_job (self, FCJ_DO_EVENT, job)->state = state;
}

void
fcj_act_kill (fcj_core_t *self, const worker_t *worker, const uint8_t *id,
              const uint8_t *token, const char *why)
{
    fcj_action_t *action = fcj_act (self, FCJ_DO_KILL);
    strcpy (action->worker, worker->id);
    if (id)
        fcj_core_id_text (id, action->id);
    fcj_token_text (token, action->token);
    strcpy (action->text, why);
}
