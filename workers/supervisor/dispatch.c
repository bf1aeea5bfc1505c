/*  dispatch.c - which leased job gets which waiting process, and when.  */

#include "world.h"

#include <stdio.h>

/*  The oldest one after that sequence. The table is small and mostly empty. */
static fcj_worker_job_t *
s_next_pending (fcj_world_t *world, int64_t after)
{
    fcj_worker_job_t *oldest = NULL;
    for (int i = 0; i < FCJ_JOBS; i++) {
        fcj_worker_job_t *job = &world->jobs[i];
        if (job->state == FCJ_J_PENDING && job->sequence > after
            && (!oldest || job->sequence < oldest->sequence))
            oldest = job;
    }
    return oldest;
}

/*  One that asks its user computes nothing: the broker lends its slot.  */
static int
s_busy_slots (const fcj_world_t *world)
{
    int busy = 0;
    for (int i = 0; i < FCJ_JOBS; i++)
        if (world->jobs[i].state == FCJ_J_RUNNING && !world->jobs[i].ask)
            busy += world->jobs[i].width;
    return busy;
}

static void
s_begin (fcj_world_t *world, fcj_worker_job_t *job, fcj_process_t *process)
{
    job->process = process;
    process->job = job;
    if (job->native)
        snprintf (job->scratch, sizeof job->scratch, "%s/job%lld",
                  process->scratch, (long long) process->served);
    else
        snprintf (job->scratch, sizeof job->scratch, "%s", process->scratch);
    job->host = process->host;
    if (job->host)
        fcj_host_scratch (world, job);
    job->uid = world->options.uid_base < 0 ? (uid_t) -1
        : (uid_t) (world->options.uid_base + process->index);
    process->state = FCJ_P_RUNNING;
    process->served++;
    job->state = FCJ_J_RUNNING;
    job->started = fcj_now_ms ();
    world->last_run = world->now;
    job->deadline = fcj_mono_ms () + job->timeout_s * 1000;
    if (fcj_run_send (world, job) == 0)
        return;
    process->job = NULL;
    job->process = NULL;
    job->state = FCJ_J_PENDING;
    if (process->host)
        fcj_process_break (process);    /* its end is host.c's */
    else
        fcj_process_end (world, process);
}

/*  In the order of the leases. One that needs more slots than are free holds
 *  back those behind it, else it might wait for ever; one that only lacks a
 *  process of its kind does not.  */
void
fcj_job_dispatch (fcj_world_t *world)
{
    fcj_worker_job_t *job;
    int64_t after = 0;
    int busy = s_busy_slots (world);
    while ((job = s_next_pending (world, after))) {
        after = job->sequence;
        if (busy && busy + job->width > world->options.slots) {
            for (; job; job = s_next_pending (world, job->sequence))
                job->received = world->now;     /* it waits its turn */
            return;
        }
        fcj_process_t *process = job->native
            ? fcj_native_waiting (world, job->isolated)
            : fcj_process_waiting (world);
        if (!process)
            continue;
        s_begin (world, job, process);
        if (job->state == FCJ_J_RUNNING)
            busy += job->width;
        else
            after = job->sequence - 1;          /* another process for it */
    }
}
