/*  slot.c - which slot of which worker is taken, and by what.
 *
 *  A job belongs to a worker from the moment it is meant for it (attached)
 *  until its attempt is over (detached), and holds one of its slots for most
 *  of that time. A slot whose attempt ended here while its process lives on
 *  there is a ghost: it stays taken until the worker stops listing it.  */

#include "world.h"
#include <string.h>

#define GHOST_MS        1500    /* RUN may still be on its way so long */

static bool s_is_free (const worker_t *worker, unsigned lane);
static void s_ghost_remove (worker_t *worker, int n);

/*  The window exists once: whoever holds its lane, or nobody.  */
worker_t *
fcj_slot_pick (fcj_core_t *self, unsigned lane)
{
    if (lane == FCJ_LANE_GUI) {
        worker_t *worker = fcj_worker_find (self, self->window);
        return worker && s_is_free (worker, lane) ? worker : NULL;
    }
    for (size_t n = 0; n < self->worker_count; n++) {
        size_t at = (self->turn + n) % self->worker_count;
        if (s_is_free (self->workers[at], lane)) {
            self->turn = at + 1;
            return self->workers[at];
        }
    }
    return NULL;
}

static bool
s_is_free (const worker_t *worker, unsigned lane)
{
    return worker->lanes & 1u << lane && worker->connected
           && !worker->draining && worker->busy < worker->slots;
}

void
fcj_slot_attach (job_t *job, worker_t *worker)
{
    job->worker = worker;
    job->prev = NULL;
    job->next = worker->jobs;
    if (worker->jobs)
        worker->jobs->prev = job;
    worker->jobs = job;
}

void
fcj_slot_detach (job_t *job)
{
    if (!job->worker)
        return;
    fcj_slot_free (job);
    if (job->prev)
        job->prev->next = job->next;
    else
        job->worker->jobs = job->next;
    if (job->next)
        job->next->prev = job->prev;
    job->worker = NULL;
    job->sent = job->confirmed = job->delivered = 0;
}

void
fcj_slot_move (job_t *job, worker_t *worker)
{
    if (job->worker == worker)
        return;
    fcj_slot_detach (job);
    fcj_slot_attach (job, worker);
}

void
fcj_slot_hold (job_t *job)
{
    if (job->worker && !job->held) {
        job->held = 1;
        job->worker->busy++;
    }
}

void
fcj_slot_free (job_t *job)
{
    fcj_slot_resume (job);
    if (job->held) {
        job->held = 0;
        job->worker->busy--;
    }
}

void
fcj_slot_rest (job_t *job)
{
    worker_t *worker = job->worker;
    if (job->held && !job->rests && job->lane == FCJ_LANE_COMPUTE
        && worker->resting < worker->slots) {
        job->rests = 1;
        worker->resting++;
        worker->busy--;
    }
}

void
fcj_slot_resume (job_t *job)
{
    if (job->rests) {
        job->rests = 0;
        job->worker->resting--;
        job->worker->busy++;
    }
}

void
fcj_slot_confirm (job_t *job)
{
    job->confirmed = 1;
    job->unsure = job->absent = 0;
}

void
fcj_slot_part (fcj_core_t *self, job_t *job, const char *why)
{
    worker_t *worker = job->worker;
    if (!worker)
        return;
    if (job->delivered)
        fcj_act_job (self, FCJ_DO_FINISHED, job);
    else if (job->sent && worker->connected && job->held) {
        fcj_act_kill (self, worker, job->id, job->token, why);
        fcj_ghost_add (self, worker, job->id, job->token, job->confirmed);
    }
    fcj_slot_detach (job);
}

/* ---- Ghosts ------------------------------------------------------------ */

void
fcj_ghost_add (fcj_core_t *self, worker_t *worker, const uint8_t *id,
               const uint8_t *token, bool confirmed)
{
    if (worker->ghost_count == FCJ_SLOTS_MAX)
        return;
    ghost_t *ghost = &worker->ghosts[worker->ghost_count++];
    memcpy (ghost->id, id, 16);
    memcpy (ghost->token, token, 16);
    ghost->since = self->now;
    ghost->confirmed = confirmed;
    worker->busy++;
}

int
fcj_ghost_find (const worker_t *worker, const uint8_t token[16])
{
    for (int n = 0; n < worker->ghost_count; n++)
        if (memcmp (worker->ghosts[n].token, token, 16) == 0)
            return n;
    return -1;
}

void
fcj_ghost_left (worker_t *worker, const uint8_t token[16])
{
    int n;
    while ((n = fcj_ghost_find (worker, token)) >= 0)
        s_ghost_remove (worker, n);
}

void
fcj_ghost_listed (const fcj_core_t *self, worker_t *worker,
                  const bool listed[FCJ_SLOTS_MAX])
{
    for (int n = worker->ghost_count; n-- > 0; ) {
        ghost_t *ghost = &worker->ghosts[n];
        if (listed[n])
            ghost->confirmed = true;
        else if (ghost->confirmed || self->now - ghost->since > GHOST_MS)
            s_ghost_remove (worker, n);
    }
}

void
fcj_ghost_clear (worker_t *worker)
{
    while (worker->ghost_count)
        s_ghost_remove (worker, 0);
}

static void
s_ghost_remove (worker_t *worker, int n)
{
    worker->ghosts[n] = worker->ghosts[--worker->ghost_count];
    worker->busy--;
}
