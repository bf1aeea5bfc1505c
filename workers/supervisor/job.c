/*  job.c - a lease of the broker, from RUN until FINISHED (job.h): how it
 *  comes, what time and the broker do to it, and how it is forgotten.  */

#include "world.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../jobs/log.h"

/* ---- Coming and going --------------------------------------------------- */

static fcj_worker_job_t *
s_find (fcj_world_t *world, const char *token)
{
    for (int i = 0; i < FCJ_JOBS; i++)
        if (world->jobs[i].state != FCJ_J_FREE
            && strcmp (world->jobs[i].token, token) == 0)
            return &world->jobs[i];
    return NULL;
}

void
fcj_job_forget (fcj_world_t *world, fcj_worker_job_t *self)
{
    if (self->live) {
        char path[PATH_MAX];
        snprintf (path, sizeof path, "%s/%s", world->options.live, self->id);
        fcj_ingest_remove (world->ingest, path);
        snprintf (path, sizeof path, "%s/live-%s", world->root, self->id);
        unlink (path);
    }
    for (int i = 0; i < 2; i++) {
        if (self->output[i].fd >= 0)
            close (self->output[i].fd);
        free (self->output[i].tail);
    }
    if (self->host)
        fcj_ingest_remove (world->ingest, self->scratch);
    fcj_pack_destroy (&self->report);
    fcj_pack_destroy (&self->question);
    fcj_map_destroy (&self->run);
    free (self->body);
    free (self->artifacts);
    free (self->result);
    free (self->error);
    int index = self->index;
    memset (self, 0, sizeof *self);
    self->index = index;
}

static int64_t
s_bounded (const fcj_map_t *spec, const char *key, int64_t otherwise)
{
    int64_t value = fcj_map_int (spec, key, 0);
    return value > 0 ? value : otherwise;
}

/*  No job is wider than the worker: it gets the threads that there are.  */
static void
s_read_engine (const fcj_world_t *world, fcj_worker_job_t *self)
{
    char engine[16] = "";
    fcj_map_copy (self->spec, "engine", engine, sizeof engine);
    self->native = !world->host && strcmp (engine, "native") == 0;
    self->isolated = fcj_map_bool (self->spec, "isolated", false);
    int64_t threads = self->native
        ? s_bounded (self->spec, "threads", 1) : 1;
    self->width = threads > world->options.slots ? world->options.slots
        : (int) threads;
}

static int
s_read (fcj_world_t *world, fcj_worker_job_t *self, const void *body,
        size_t size)
{
    self->body = malloc (size + 1);
    if (!self->body)
        return -1;
    memcpy (self->body, body, size);
    self->run = fcj_map_new (self->body, size);
    self->spec = self->run ? fcj_map_map (self->run, "spec") : NULL;
    if (!self->spec
        || fcj_map_copy (self->run, "id", self->id, sizeof self->id) < 0
        || !fcj_id_valid (self->id)
        || fcj_map_copy (self->run, "token", self->token,
                         sizeof self->token) <= 0)
        return -1;
    self->attempt = fcj_map_int (self->run, "attempt", 1);
    const fcj_worker_options_t *options = &world->options;
    self->memory_max = s_bounded (self->spec, "memory_max",
                                  options->memory_max);
    self->output_max = s_bounded (self->spec, "output_max",
                                  options->output_max);
    self->timeout_s = s_bounded (self->spec, "timeout_s", options->timeout_s);
    self->cpu_s = s_bounded (self->spec, "cpu_s", 0);
    s_read_engine (world, self);
    return 0;
}

void
fcj_job_take (fcj_world_t *world, const void *body, size_t size)
{
    fcj_worker_job_t *self = NULL;
    for (int i = 0; i < FCJ_JOBS && !self; i++)
        if (world->jobs[i].state == FCJ_J_FREE)
            self = &world->jobs[i];
    if (!self) {
        fcj_log (FCJ_ERROR, "job_refused", "why", "no room for it", NULL);
        return;                         /* its lease runs out */
    }
    self->index = (int) (self - world->jobs);
    self->output[0].fd = self->output[1].fd = -1;
    self->fraction = self->latest = -1;
    if (s_read (world, self, body, size) || s_find (world, self->token)) {
        fcj_log (FCJ_WARNING, "run_ignored", "why", "malformed or known",
                 NULL);
        fcj_job_forget (world, self);
        return;
    }
    self->state = FCJ_J_PENDING;
    self->received = world->now;
    self->sequence = ++world->sequence;
    if (world->draining)
        fcj_job_release (world, self, false, "the worker is stopping");
    else
        fcj_job_dispatch (world);
}

/* ---- What the broker says ----------------------------------------------- */

void
fcj_job_on_finished (fcj_world_t *world, const char *token)
{
    fcj_worker_job_t *self = s_find (world, token);
    if (self && self->state == FCJ_J_DONE)
        fcj_job_forget (world, self);
}

void
fcj_job_on_kill (fcj_world_t *world, const char *token)
{
    fcj_worker_job_t *self = s_find (world, token);
    if (!self)
        return;
    fcj_log (FCJ_INFO, "job_killed", "id", self->id, NULL);
    self->silent = true;
    if (self->state == FCJ_J_RUNNING)
        fcj_job_stop (world, self, FCJ_REFUSED);
    else if (self->state != FCJ_J_STORING)
        fcj_job_forget (world, self);
}

void
fcj_job_on_answer (fcj_world_t *world, const char *token,
                   const fcj_map_t *answer)
{
    fcj_worker_job_t *self = s_find (world, token);
    if (self)
        fcj_ask_on_answer (world, self, answer);
}

/* ---- Time --------------------------------------------------------------- */

static void
s_tick_running (fcj_world_t *world, fcj_worker_job_t *self)
{
    if (world->now - self->begun >= FCJ_STARTED_MS)
        fcj_job_tell_started (world, self);
    fcj_ask_tick (world, self);
    if (!self->stop && !self->ask && world->now >= self->deadline)
        fcj_job_stop (world, self, FCJ_TIMEOUT);
    if (self->stop && self->process && self->host
        && world->now >= self->kill_at) {
        self->hopeless = true;
        self->kill_at = world->now + FCJ_TERM_GRACE_MS;
        if (!fcj_host_give_up (world, self->process))
            fcj_job_on_end (world, self, 0, 0, 0);
        return;
    }
    if (self->stop && self->process && world->now >= self->kill_at) {
        self->ended_by = "SIGKILL";
        fcj_process_kill (self->process, SIGKILL);
        self->kill_at = world->now + FCJ_TERM_GRACE_MS;
    }
    if (self->fraction >= 0 && !self->stop
        && world->now - self->progress_at >= FCJ_PROGRESS_MS)
        fcj_job_tell_progress (world, self);
}

/*  Without native processes FreeCAD still can: that is for who asked to say,
 *  not for another try here.  */
static void
s_give_up (fcj_world_t *world, fcj_worker_job_t *self)
{
    char text[FCJ_TEXT_MAX];
    if (!self->native) {
        fcj_job_release (world, self, true, "no job process could be made");
        return;
    }
    snprintf (text, sizeof text, "no native process could be started (%.300s)"
              "; engine \"freecad\" does without", world->native_broken[0]
              ? world->native_broken : "they end before they are ready");
    fcj_job_fail (self, FCJ_REFUSED, "Refused", text, NULL);
    fcj_job_finish (world, self);
}

void
fcj_job_tick (fcj_world_t *world)
{
    fcj_job_dispatch (world);
    for (int i = 0; i < FCJ_JOBS; i++) {
        fcj_worker_job_t *job = &world->jobs[i];
        if (job->state == FCJ_J_RUNNING)
            s_tick_running (world, job);
        else if (job->state == FCJ_J_PENDING
                 && world->now - job->received > FCJ_START_MS)
            s_give_up (world, job);
    }
    fcj_job_repeat (world, FCJ_REPEAT_MS);
}

int
fcj_job_count (const fcj_world_t *world)
{
    int count = 0;
    for (int i = 0; i < FCJ_JOBS; i++)
        count += world->jobs[i].state != FCJ_J_FREE;
    return count;
}
