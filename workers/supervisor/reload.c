/*  reload.c - new handlers: a second zygote that reads them has to prove
 *  itself with a self-check job before it takes over; the old one finishes
 *  what it runs. Broken code never replaces working code.  */

#include "world.h"

#include "../../jobs/log.h"

static void
s_answer_reload (fcj_world_t *world, bool ok, const char *why,
                 const char *catalogue)
{
    fcj_pack_t *body = fcj_pack_new ();
    fcj_pack_map (body, 3);
    fcj_pack_kint (body, "req", world->reload_req);
    fcj_pack_kbool (body, "ok", ok);
    if (ok)
        fcj_pack_kstr (body, "catalogue", catalogue ? catalogue : "{}");
    else
        fcj_pack_kstr (body, "error", why);
    fcj_link_send (world->link, "RELOADED", body);
    fcj_pack_destroy (&body);
    fcj_log (ok ? FCJ_INFO : FCJ_WARNING, "reloaded", "ok",
             ok ? "yes" : "no", "why", ok ? "" : why, NULL);
}

void
fcj_zygote_reload (fcj_world_t *world, int64_t req)
{
    if (world->next) {
        int64_t first = world->reload_req;
        world->reload_req = req;
        s_answer_reload (world, false, "a reload is under way; try again "
                         "when it is done", NULL);
        world->reload_req = first;
        return;
    }
    world->reload_req = req;
    fcj_zygote_start (world, true);
    if (!world->next)
        s_answer_reload (world, false, "no room for a second zygote", NULL);
}

static void
s_retire (fcj_world_t *world, fcj_zygote_t *old)
{
    old->state = FCJ_Z_RETIRING;
    for (int i = 0; i < FCJ_PROCESSES; i++) {
        fcj_process_t *process = &world->processes[i];
        if (process->zygote == old && !process->job
            && process->state != FCJ_P_FREE)
            fcj_process_end (world, process);
    }
}

void
fcj_zygote_proved (fcj_world_t *world, bool ok, const char *why)
{
    fcj_zygote_t *next = world->next, *old = world->active;
    if (!next)
        return;
    world->next = NULL;
    s_answer_reload (world, ok, why, next->catalogue);
    if (!ok) {
        if (next->state != FCJ_Z_FREE) {
            next->state = FCJ_Z_RETIRING;
            fcj_zygote_lose_processes (world, next, "");
            fcj_zygote_free (next);
        }
        return;
    }
    world->active = next;
    fcj_publish (world, next->catalogue);
    fcj_native_renew (world);
    world->failures = world->fork_failures = 0;
    world->start_again = world->fork_again = 0;
    if (old && old->state == FCJ_Z_READY)
        s_retire (world, old);
    else if (old)
        fcj_zygote_free (old);
}
