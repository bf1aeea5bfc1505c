/*  waiting.c - the forks that wait for jobs: how many, and when more.  */

#include "world.h"

#include <stdio.h>
#include <unistd.h>

#include "../../jobs/log.h"

#define BACKOFF_MS   250
#define BACKOFF_MAX  30000
#define REFILL_MS    3
#define FORKS_BAD    5          /* in a row: no slots are offered */

bool
fcj_zygote_fork (fcj_world_t *world, fcj_zygote_t *self, bool proof,
                 bool rehearse)
{
    int give[3];
    fcj_error_t error;
    fcj_process_t *process = fcj_process_new (world, self, give, &error);
    if (!process) {
        fcj_log (FCJ_ERROR, "fork_failed", "why", error.text, NULL);
        return false;
    }
    process->proof = proof;
    fcj_pack_t *order = fcj_pack_new ();
    fcj_pack_map (order, 7);
    fcj_pack_kbool (order, "rehearse", rehearse);
    fcj_pack_kstr (order, "type", "fork");
    fcj_pack_kint (order, "slot", process->index);
    fcj_pack_kstr (order, "scratch", process->scratch);
    fcj_pack_kint (order, "uid", world->options.uid_base < 0 ? -1
                   : world->options.uid_base + process->index);
    fcj_pack_kint (order, "processes", world->options.processes_max);
    fcj_pack_kint (order, "file_size", world->options.artifact_max);
    int done = fcj_packet_send (self->fd, fcj_pack_data (order),
                                fcj_pack_size (order), give, 3);
    fcj_pack_destroy (&order);
    for (int i = 0; i < 3; i++)
        close (give[i]);
    if (done)
        fcj_process_free (world, process);
    return done == 0;
}

void
fcj_zygote_keep_waiting (fcj_world_t *world)
{
    int slots = world->options.slots, have = 0;
    int wanted = slots + (slots < 2 ? slots : 2);
    if (!world->active || world->active->state != FCJ_Z_READY
        || world->draining || world->now < world->fork_again)
        return;
    for (int i = 0; i < FCJ_PROCESSES; i++) {
        const fcj_process_t *process = &world->processes[i];
        have += process->zygote == world->active && !process->proof
            && (process->state == FCJ_P_FORKING
                || process->state == FCJ_P_STARTING
                || process->state == FCJ_P_WAITING);
    }
    /*  A fork takes a processor for a millisecond: while there are enough,
     *  the job that was just given has it first.  */
    world->refill = have < wanted;
    if (have >= slots && world->now - world->last_run < REFILL_MS)
        return;
    world->refill = false;
    /*  When there are too few, more jobs are coming than processes: then what
     *  a rehearsal costs in all is worse than that the job does it itself.  */
    for (; have < wanted; have++)
        if (!fcj_zygote_fork (world, world->active, false, have >= slots))
            return;
}

/*  Forks that end before they wait (no memory, a broken sandbox) would
 *  otherwise follow each other as fast as they can.  */
void
fcj_zygote_not_forked (fcj_world_t *world)
{
    int64_t wait = BACKOFF_MS;
    for (int i = 0; i < world->fork_failures && wait < BACKOFF_MAX; i++)
        wait *= 2;
    world->fork_again = world->now + wait;
    if (++world->fork_failures < FORKS_BAD)
        return;
    if (!world->broken[0])
        snprintf (world->broken, sizeof world->broken,
                  "job processes end before they are ready");
    world->announced = false;
    fcj_link_hello (world->link);
}
