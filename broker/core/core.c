/*  core.c - the step: an event comes in, actions go out.
 *
 *  Each step handles its event, then leases whatever the event has made
 *  possible: a job that came, a slot that became free. So nobody else has to
 *  think of the line.  */

#include "world.h"
#include <stdlib.h>

#define BUCKETS_MIN 64

static void s_handle (fcj_core_t *self, const fcj_event_t *event);

fcj_core_t *
fcj_core_new (size_t queue_max, size_t owner_max, fcj_token_fn *token,
              void *arg)
{
    fcj_core_t *self = fcj_must_alloc (sizeof *self);
    self->queue_max = queue_max;
    self->owner_max = owner_max;
    self->token = token;
    self->token_arg = arg;
    self->lease_ms = FCJ_LEASE_MS;
    self->buckets = BUCKETS_MIN;
    while (self->buckets < queue_max)
        self->buckets *= 2;
    self->jobs = fcj_must_alloc (self->buckets * sizeof (job_t *));
    return self;
}

void
fcj_core_set_lease (fcj_core_t *self, int64_t ms)
{
    self->lease_ms = ms;
}

void
fcj_core_destroy (fcj_core_t **self_p)
{
    fcj_core_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    for (size_t n = 0; n < self->buckets; n++)
        while (self->jobs[n]) {
            fcj_table_clean (self);
            fcj_table_remove (self, self->jobs[n]);
        }
    fcj_table_clean (self);
    while (self->worker_count)
        fcj_worker_forget (self, self->workers[0]);
    free (self->actions);
    free (self->jobs);
    fcj_heap_free (&self->heap);
    free (self);
}

size_t
fcj_core_step (fcj_core_t *self, const fcj_event_t *event, int64_t now)
{
    self->action_count = 0;
    fcj_table_clean (self);
    if (now > self->now)
        self->now = now;
    s_handle (self, event);
    fcj_lease_dispatch (self);
    return self->action_count;
}

const fcj_action_t *
fcj_core_action (const fcj_core_t *self, size_t n)
{
    return &self->actions[n];
}

int64_t
fcj_core_due (const fcj_core_t *self)
{
    fcj_due_t *due = fcj_heap_first (&self->heap);
    return due ? due->due : INT64_MAX;
}

static void
s_handle (fcj_core_t *self, const fcj_event_t *event)
{
    switch (event->type) {
    case FCJ_EV_SUBMIT:    fcj_on_submit (self, event);   break;
    case FCJ_EV_CANCEL:    fcj_on_cancel (self, event);   break;
    case FCJ_EV_HELLO:     fcj_on_hello (self, event);    break;
    case FCJ_EV_BEAT:      fcj_on_beat (self, event);     break;
    case FCJ_EV_LOST:      fcj_on_lost (self, event);     break;
    case FCJ_EV_DRAIN:     fcj_on_drain (self, event);    break;
    case FCJ_EV_BYE:       fcj_on_bye (self, event);      break;
    case FCJ_EV_STARTED:   fcj_on_started (self, event);  break;
    case FCJ_EV_PROGRESS:  fcj_on_progress (self, event); break;
    case FCJ_EV_FINISH:    fcj_on_finish (self, event);   break;
    case FCJ_EV_RELEASE:   fcj_on_release (self, event);  break;
    case FCJ_EV_ASK:       fcj_on_ask (self, event);      break;
    case FCJ_EV_UNASK:     fcj_on_unask (self, event);    break;
    case FCJ_EV_ANSWER:    fcj_on_answer (self, event);   break;
    case FCJ_EV_LANE:      fcj_on_lane (self, event);     break;
    case FCJ_EV_UNSENT:    fcj_on_unsent (self, event);   break;
    case FCJ_EV_STORED:    fcj_on_stored (self, event);   break;
    case FCJ_EV_RECOVER:   fcj_on_recover (self, event);  break;
    case FCJ_EV_RECOVERED: self->recovered = true;        break;
    case FCJ_EV_STOP:      self->stopping = true;         break;
    case FCJ_EV_TICK:      fcj_on_tick (self);            break;
    }
}
