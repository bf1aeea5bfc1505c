/*  worker.c - workers: who is there, and what they list as theirs.
 *
 *  A HELLO lists all that the worker has, a beat what it executes; both are
 *  the truth about it, and the core follows. A worker that is away keeps its
 *  jobs until their leases are over: it may be back before.  */

#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REDELIVER_MS    2000    /* for a FINISH behind a HELLO */

static void s_listed_at_hello (fcj_core_t *self, worker_t *worker,
                               const fcj_held_t *held);
static bool s_recognise (fcj_core_t *self, worker_t *worker,
                         const fcj_held_t *held);
static void s_missing_at_hello (fcj_core_t *self, worker_t *worker);
static void s_listed_in_beat (fcj_core_t *self, worker_t *worker,
                              const char *token, bool ghosts[FCJ_SLOTS_MAX]);

void
fcj_on_hello (fcj_core_t *self, const fcj_event_t *event)
{
    worker_t *worker = fcj_worker_get (self, event->worker);
    if (!worker)
        return;
    snprintf (worker->name, sizeof worker->name, "%s",
              event->name ? event->name : "");
    worker->lanes = event->lanes;
    worker->slots = event->slots;
    worker->connected = true;
    worker->draining = false;
    fcj_ghost_clear (worker);
    for (job_t *job = worker->jobs; job; job = job->next)
        job->seen = 0;
    for (size_t n = 0; n < event->held_count; n++)
        s_listed_at_hello (self, worker, &event->held[n]);
    s_missing_at_hello (self, worker);
}

/*  What it lists and we do not know is of an attempt that is over.  */
static void
s_listed_at_hello (fcj_core_t *self, worker_t *worker, const fcj_held_t *held)
{
    uint8_t id[16], token[16];
    if (s_recognise (self, worker, held)
        || fcj_binary_of (held->id, id) < 0
        || fcj_binary_of (held->token, token) < 0)
        return;
    fcj_act_kill (self, worker, id, token, "stale");
    fcj_ghost_add (self, worker, id, token, true);
}

/*  The job is where the worker says it is. False: not one of ours (any more);
 *  while it is STORING or LEASING, no worker can have this attempt.  */
static bool
s_recognise (fcj_core_t *self, worker_t *worker, const fcj_held_t *held)
{
    job_t *job = fcj_table_find (self, held->id);
    if (!fcj_token_is (job, held->token) || job->phase == STORING
        || job->phase == LEASING)
        return false;
    fcj_slot_move (job, worker);
    job->seen = job->sent = 1;
    fcj_lease_heard (self, job);
    return true;
}

/*  What it does not list was lost, unless its FINISH follows.  */
static void
s_missing_at_hello (fcj_core_t *self, worker_t *worker)
{
    for (job_t *job = worker->jobs; job; job = job->next)
        if (!job->seen && job->sent && job->phase == RUNNING) {
            fcj_slot_free (job);
            /*  It never forgets what it has not handed over.  */
            job->absent = job->unsure;
            if (job->due.due > self->now + REDELIVER_MS)
                fcj_phase_due (self, job, self->now + REDELIVER_MS);
        }
}

void
fcj_on_beat (fcj_core_t *self, const fcj_event_t *event)
{
    worker_t *worker = fcj_worker_find (self, event->worker);
    if (!worker)
        return;
    bool ghosts[FCJ_SLOTS_MAX] = { false };
    for (size_t n = 0; n < event->held_count; n++)
        s_listed_in_beat (self, worker, event->held[n].token, ghosts);
    fcj_ghost_listed (self, worker, ghosts);
}

/*  A job's lease is good again; a ghost or a stranger is killed (again).  */
static void
s_listed_in_beat (fcj_core_t *self, worker_t *worker, const char *token,
                  bool ghosts[FCJ_SLOTS_MAX])
{
    uint8_t binary[16];
    if (fcj_binary_of (token, binary) < 0)
        return;
    job_t *job = worker->jobs;
    while (job && !(job->tokened && memcmp (job->token, binary, 16) == 0))
        job = job->next;
    if (job) {
        fcj_lease_heard (self, job);
        return;
    }
    int n = fcj_ghost_find (worker, binary);
    if (n >= 0)
        ghosts[n] = true;
    fcj_act_kill (self, worker, n < 0 ? NULL : worker->ghosts[n].id, binary,
                  n < 0 ? "stale" : "cancelled");
}

void
fcj_on_drain (fcj_core_t *self, const fcj_event_t *event)
{
    worker_t *worker = fcj_worker_find (self, event->worker);
    if (worker)
        worker->draining = true;
}

void
fcj_on_bye (fcj_core_t *self, const fcj_event_t *event)
{
    worker_t *worker = fcj_worker_find (self, event->worker);
    if (!worker)
        return;
    for (job_t *job = worker->jobs, *next; job; job = next) {
        next = job->next;
        if (job->phase == RUNNING)
            fcj_phase_requeue (self, job, false, true);
    }
    fcj_on_lost (self, event);
}

void
fcj_on_lost (fcj_core_t *self, const fcj_event_t *event)
{
    worker_t *worker = fcj_worker_find (self, event->worker);
    if (!worker)
        return;
    worker->connected = false;
    fcj_ghost_clear (worker);
    fcj_worker_forget_idle (self);
}

void
fcj_on_lane (fcj_core_t *self, const fcj_event_t *event)
{
    snprintf (self->window, sizeof self->window, "%s", event->worker);
}

/* ---- The workers we know ----------------------------------------------- */

worker_t *
fcj_worker_find (const fcj_core_t *self, const char *id)
{
    for (size_t n = 0; id && n < self->worker_count; n++)
        if (strcmp (self->workers[n]->id, id) == 0)
            return self->workers[n];
    return NULL;
}

worker_t *
fcj_worker_get (fcj_core_t *self, const char *id)
{
    worker_t *worker = fcj_worker_find (self, id);
    if (worker || !id || self->worker_count == FCJ_WORKERS_MAX
        || strlen (id) > FCJ_ID_LEN)
        return worker;
    worker = fcj_must_alloc (sizeof *worker);
    strcpy (worker->id, id);
    self->workers[self->worker_count++] = worker;
    return worker;
}

void
fcj_worker_forget (fcj_core_t *self, worker_t *worker)
{
    for (size_t n = 0; n < self->worker_count; n++)
        if (self->workers[n] == worker) {
            memmove (&self->workers[n], &self->workers[n + 1],
                     (self->worker_count - n - 1) * sizeof (worker_t *));
            self->worker_count--;
            break;
        }
    free (worker);
}

void
fcj_worker_forget_idle (fcj_core_t *self)
{
    for (size_t n = self->worker_count; n-- > 0; )
        if (!self->workers[n]->connected && !self->workers[n]->jobs)
            fcj_worker_forget (self, self->workers[n]);
}
