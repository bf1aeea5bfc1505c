/*  hostsay.c - the conversation with the GUI host (workers/PROTOCOL.md "GUI
 *  host"); what any job process says is job.c's.  */

#include "host.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../jobs/log.h"

#define SEND_MS      1000

/* ---- What it says ------------------------------------------------------- */

static char *
s_copy (const fcj_map_t *message, const char *key)
{
    size_t size;
    const char *bytes = fcj_map_bytes (message, key, &size);
    return bytes ? strndup (bytes, size) : NULL;
}

static void
s_on_ready (fcj_world_t *world, const fcj_map_t *message)
{
    fcj_host_t *self = world->host;
    free (self->info);
    free (self->catalogue);
    free (self->problems);
    self->problems = s_copy (message, "problems");
    self->info = s_copy (message, "info");
    self->catalogue = s_copy (message, "catalogue");
}

static bool
s_on_waiting (fcj_world_t *world, fcj_process_t *process)
{
    fcj_host_t *self = world->host;
    bool first = self->state != FCJ_HOST_UP || self->given_up;
    self->given_up = false;
    if (process->state == FCJ_P_STARTING)
        process->state = FCJ_P_RESTING;
    if (process->state != FCJ_P_RESTING)
        return true;
    process->state = FCJ_P_WAITING;
    if (self->state != FCJ_HOST_UP) {
        self->state = FCJ_HOST_UP;
        snprintf (self->error, sizeof self->error, "%s",
                  self->problems && self->problems[0] ? self->problems
                  : self->aside);
        world->broken[0] = 0;
        fcj_log (FCJ_INFO, "gui_host_ready", "info",
                 self->info ? self->info : "", NULL);
    }
    world->announced = true;
    if (first)
        fcj_link_hello (world->link);
    fcj_job_dispatch (world);
    return true;
}

static void
s_on_output (fcj_world_t *world, fcj_process_t *process,
             const fcj_map_t *message)
{
    char stream[8] = "";
    size_t size;
    fcj_map_copy (message, "stream", stream, sizeof stream);
    const char *bytes = fcj_map_bytes (message, "data", &size);
    if (bytes && size && process->job
        && process->job->state == FCJ_J_RUNNING)
        fcj_job_on_bytes (world, process->job, strcmp (stream, "stderr") == 0,
                          bytes, size);
}

static void
s_on_dialog (const fcj_process_t *process, const fcj_map_t *message)
{
    char title[256] = "", text[512] = "";
    fcj_map_copy (message, "title", title, sizeof title);
    fcj_map_copy (message, "text", text, sizeof text);
    fcj_log (FCJ_WARNING, "dialog_closed", "title", title, "text", text,
             "id", process->job ? process->job->id : "", NULL);
}

static void
s_on_pause (fcj_world_t *world, bool on)
{
    world->host->paused = on;
    fcj_link_hello (world->link);
}

static void
s_on_reloaded (fcj_world_t *world, const fcj_map_t *message)
{
    fcj_host_t *self = world->host;
    bool ok = fcj_map_bool (message, "ok", false);
    char *error = s_copy (message, "error");
    if (!self->reload_req)
        return;
    if (ok) {
        free (self->catalogue);
        self->catalogue = s_copy (message, "catalogue");
    }
    fcj_pack_t *body = fcj_pack_new ();
    fcj_pack_map (body, 3);
    fcj_pack_kint (body, "req", self->reload_req);
    fcj_pack_kbool (body, "ok", ok);
    if (ok)
        fcj_pack_kstr (body, "catalogue",
                       self->catalogue ? self->catalogue : "{}");
    else
        fcj_pack_kstr (body, "error", error ? error : "");
    fcj_link_send (world->link, "RELOADED", body);
    fcj_pack_destroy (&body);
    free (error);
    self->reload_req = 0;
}

bool
fcj_host_on_message (fcj_world_t *world, fcj_process_t *process,
                     const char *type, const fcj_map_t *message)
{
    static const char *const documents[] = { "documents", "changes" };
    static const char *const snapshot[] = { "number", "pid", "at",
                                            "documents" };
    fcj_host_t *self = world->host;
    if (strcmp (type, "waiting") == 0)
        return s_on_waiting (world, process);
    if (strcmp (type, "output") == 0)
        s_on_output (world, process, message);
    else if (strcmp (type, "ready") == 0)
        s_on_ready (world, message);
    else if (strcmp (type, "documents") == 0) {
        fcj_host_keep (&self->documents, &self->documents_bytes, message,
                       documents, 2);
        fcj_link_info (world->link);
    } else if (strcmp (type, "snapshot") == 0)
        fcj_host_keep (&self->snapshot, &self->snapshot_bytes, message,
                       snapshot, 4);
    else if (strcmp (type, "dialog") == 0)
        s_on_dialog (process, message);
    else if (strcmp (type, "pause") == 0)
        s_on_pause (world, fcj_map_bool (message, "on", false));
    else if (strcmp (type, "reloaded") == 0)
        s_on_reloaded (world, message);
    else if (strcmp (type, "bye") == 0)
        snprintf (self->why, sizeof self->why, "the user disconnected "
                  "FreeCAD from the service while the job ran");
    else
        return false;
    return true;
}

/* ---- What we say -------------------------------------------------------- */

static void
s_say (const fcj_process_t *process, const char *type, const char *key1,
       const char *value1, const char *key2, const char *value2)
{
    fcj_pack_t *message = fcj_pack_new ();
    fcj_pack_map (message, 1U + (key1 != NULL) + (key2 != NULL));
    fcj_pack_kstr (message, "type", type);
    if (key1)
        fcj_pack_kstr (message, key1, value1);
    if (key2)
        fcj_pack_kstr (message, key2, value2);
    fcj_frame_send (process->control, fcj_pack_data (message),
                    fcj_pack_size (message), NULL, 0, SEND_MS);
    fcj_pack_destroy (&message);
}

void
fcj_host_interrupt (fcj_process_t *process, const fcj_worker_job_t *job)
{
    s_say (process, "interrupt", "id", job->id, "why",
           job->stop == FCJ_REFUSED ? "cancelled"
           : fcj_reason_name (job->stop));
}

bool
fcj_host_give_up (fcj_world_t *world, fcj_process_t *process)
{
    if (world->options.attach < 0) {
        fcj_process_kill (process, SIGKILL);
        return true;
    }
    world->host->given_up = true;
    process->job = NULL;
    process->state = FCJ_P_RESTING;
    process->deadline = INT64_MAX;
    fcj_link_hello (world->link);
    return false;
}

const char *
fcj_host_why (const fcj_world_t *world)
{
    return world->host->why[0] ? world->host->why : NULL;
}

void
fcj_host_on_lane (fcj_world_t *world, bool holder)
{
    fcj_host_t *self = world->host;
    if (self->holder == holder && self->told)
        return;
    self->holder = holder;
    self->told = true;
    fcj_link_info (world->link);
    if (self->process && self->process->control >= 0)
        s_say (self->process, "state", "text",
               holder ? "connected" : "standby", NULL, NULL);
}

void
fcj_host_on_silence (fcj_world_t *world)
{
    fcj_host_t *self = world->host;
    self->told = false;
    if (self->process && self->process->control >= 0)
        s_say (self->process, "state", "text", "no service", NULL, NULL);
}

void
fcj_host_reload (fcj_world_t *world, int64_t req)
{
    fcj_host_t *self = world->host;
    self->reload_req = req;
    if (self->state == FCJ_HOST_UP && self->process)
        s_say (self->process, "reload", NULL, NULL, NULL, NULL);
    else {
        /*  It loads them when it starts.  */
        fcj_pack_t *body = fcj_pack_new ();
        fcj_pack_map (body, 3);
        fcj_pack_kint (body, "req", req);
        fcj_pack_kbool (body, "ok", true);
        fcj_pack_kstr (body, "catalogue", "");
        fcj_link_send (world->link, "RELOADED", body);
        fcj_pack_destroy (&body);
        self->reload_req = 0;
    }
}

void
fcj_host_scratch (fcj_world_t *world, fcj_worker_job_t *job)
{
    char artifacts[PATH_MAX];
    snprintf (job->scratch, sizeof job->scratch, "%s/gui-%lld", world->root,
              (long long) ++world->host->jobs);
    snprintf (artifacts, sizeof artifacts, "%s/artifacts", job->scratch);
    mkdir (job->scratch, 0700);
    mkdir (artifacts, 0700);
}

void
fcj_host_pack_run (const fcj_world_t *world, const fcj_worker_job_t *job,
                   fcj_pack_t *message)
{
    fcj_pack_kstr (message, "scratch", job->scratch);
    fcj_pack_kstr (message, "dialogs", world->options.dialogs);
}
