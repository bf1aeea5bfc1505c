/*  depend.c - jobs that wait for other jobs.
 *
 *  A job knows the ids it depends on for its whole life: the store checks
 *  them with each lease. While it is WAITING, an edge leads to each of those
 *  that the core holds, and back; the last one to complete makes it READY,
 *  the first one to end otherwise fails it.  */

#include "world.h"
#include <stdlib.h>
#include <string.h>

static int s_dep_state (const uint8_t id[16], const fcj_event_t *event);
static void s_edge_tie (deps_t *deps, size_t n, job_t *waiter, job_t *dep);
static void s_dependency_failed (fcj_core_t *self, job_t *job,
                                 const uint8_t id[16]);
static void s_edge_cut (edge_t *edge);

void
fcj_depend_new (job_t *job, const fcj_dep_t *deps, size_t count)
{
    if (!count)
        return;
    if (count > FCJ_DEPENDS_MAX)
        count = FCJ_DEPENDS_MAX;
    job->deps = fcj_must_alloc (sizeof (deps_t) + count * 16);
    job->deps->count = count;
    for (size_t n = 0; n < count; n++)
        fcj_binary_of (deps[n].id, job->deps->ids[n]);
}

void
fcj_depend_enter (fcj_core_t *self, job_t *job, const fcj_event_t *event,
                  bool front)
{
    deps_t *deps = job->deps;
    if (!deps) {
        fcj_phase_ready (self, job, front);
        return;
    }
    fcj_depend_cut (job);
    deps->edges = fcj_must_alloc (deps->count * sizeof (edge_t));
    for (size_t n = 0; n < deps->count; n++) {
        job_t *dep = fcj_table_find_binary (self, deps->ids[n]);
        if (dep && dep != job)
            s_edge_tie (deps, n, job, dep);
        else if (s_dep_state (deps->ids[n], event) != FCJ_COMPLETED) {
            s_dependency_failed (self, job, deps->ids[n]);
            return;
        }
    }
    if (deps->pending == 0)
        fcj_phase_ready (self, job, front);
    else {
        fcj_phase_set (self, job, WAITING);
        fcj_phase_due (self, job, job->queue_until);
    }
}

/*  The state of a dependency that the core does not hold; -1: unknown.  */
static int
s_dep_state (const uint8_t id[16], const fcj_event_t *event)
{
    uint8_t binary[16];
    for (size_t n = 0; n < event->dep_count; n++)
        if (fcj_binary_of (event->deps[n].id, binary) == 0
            && memcmp (binary, id, 16) == 0)
            return event->deps[n].state;
    return -1;
}

static void
s_edge_tie (deps_t *deps, size_t n, job_t *waiter, job_t *dep)
{
    edge_t *edge = &deps->edges[n];
    edge->dep = dep;
    edge->waiter = waiter;
    edge->next = dep->waiters;
    if (edge->next)
        edge->next->prev = edge;
    dep->waiters = edge;
    deps->pending++;
}

void
fcj_depend_wake (fcj_core_t *self, job_t *job, bool completed)
{
    while (job->waiters) {
        edge_t *edge = job->waiters;
        job_t *waiter = edge->waiter;
        s_edge_cut (edge);
        if (waiter->deps->pending)
            waiter->deps->pending--;
        if (waiter->phase != WAITING)
            continue;
        if (!completed)
            s_dependency_failed (self, waiter, job->id);
        else if (waiter->deps->pending == 0)
            fcj_phase_ready (self, waiter, false);
    }
}

static void
s_dependency_failed (fcj_core_t *self, job_t *job, const uint8_t id[16])
{
    memcpy (job->deps->failed, id, 16);
    fcj_phase_fail_queued (self, job, FCJ_DEPENDENCY);
}

void
fcj_depend_cut (job_t *job)
{
    deps_t *deps = job->deps;
    if (!deps)
        return;
    for (size_t n = 0; deps->edges && n < deps->count; n++)
        s_edge_cut (&deps->edges[n]);
    free (deps->edges);
    deps->edges = NULL;
    deps->pending = 0;
}

void
fcj_depend_forget (job_t *job)
{
    fcj_depend_cut (job);
    while (job->waiters)
        s_edge_cut (job->waiters);
}

static void
s_edge_cut (edge_t *edge)
{
    if (!edge->dep)
        return;
    if (edge->prev)
        edge->prev->next = edge->next;
    else
        edge->dep->waiters = edge->next;
    if (edge->next)
        edge->next->prev = edge->prev;
    edge->dep = NULL;
}
