/*  ending.c - how a job ends: its limits, the end of its process, and from
 *  there over its files to the report that the broker has to confirm.  */

#include "world.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "../../jobs/log.h"

/* ---- Ended by us, or by itself ------------------------------------------ */

void
fcj_job_fail (fcj_worker_job_t *self, fcj_reason_t reason, const char *type,
              const char *text, const char *signal)
{
    json_t *error = json_pack ("{s:s, s:s, s:s}", "type", type, "message",
                               text, "traceback", "");
    if (error && signal)
        json_object_set_new (error, "signal", json_string (signal));
    free (self->error);
    self->error = error ? json_dumps (error, JSON_COMPACT) : NULL;
    json_decref (error);
    free (self->result);
    self->result = NULL;
    self->result_size = 0;
    self->end = FCJ_FAILED;
    self->reason = reason;
}

void
fcj_job_stop (fcj_world_t *world, fcj_worker_job_t *self, fcj_reason_t reason)
{
    if (self->state != FCJ_J_RUNNING || !self->process || self->stop)
        return;
    self->stop = reason;
    bool gently = reason == FCJ_TIMEOUT || reason == FCJ_REFUSED;
    if (self->process->host) {
        fcj_host_interrupt (self->process, self);
        self->kill_at = world->now + FCJ_TERM_GRACE_MS;
        return;
    }
    self->ended_by = gently ? "SIGTERM" : "SIGKILL";
    fcj_process_kill (self->process, gently ? SIGTERM : SIGKILL);
    self->kill_at = world->now + (gently ? FCJ_TERM_GRACE_MS : 0);
}

/*  What became of the live documents.  */
static const char *
s_consequence (const fcj_worker_job_t *self)
{
    return !self->host ? ""
        : !self->hopeless ? ". Its Python code was interrupted"
        : self->process && self->process->state == FCJ_P_RESTING
        ? ". It cannot be interrupted: FreeCAD is busy until it ends"
        : ". It could not be interrupted, so FreeCAD was started again, with "
          "its documents as they were before this job";
}

static void
s_fail_by_limit (fcj_worker_job_t *self)
{
    char text[512];
    switch (self->stop) {
    case FCJ_TIMEOUT:
        snprintf (text, sizeof text, "the job ran longer than its %lld s; "
                  "give it a larger timeout_s or less work%s",
                  (long long) self->timeout_s, s_consequence (self));
        break;
    case FCJ_MEMORY:
        snprintf (text, sizeof text, "the job used more than its %lld MiB of "
                  "memory", (long long) (self->memory_max >> 20));
        break;
    case FCJ_OUTPUT_LIMIT:
        snprintf (text, sizeof text, "the job wrote more than %lld bytes to "
                  "stdout and stderr, or more than %d artifacts; store big "
                  "data with job.artifact", (long long) self->output_max,
                  FCJ_ARTIFACTS_MAX);
        break;
    default:
        snprintf (text, sizeof text, "the job named an artifact that cannot "
                  "be: a name has at most %d bytes, no slash, and does not "
                  "begin with a dot", FCJ_NAME_MAX);
    }
    fcj_job_fail (self, self->stop, "Limit", text, NULL);
}

static void
s_fail_by_status (fcj_worker_job_t *self, int status)
{
    char text[256], name[32] = "";
    bool cpu = self->cpu_s && self->cpu_ms >= self->cpu_s * 1000;
    if (WIFSIGNALED (status)) {
        int number = WTERMSIG (status);
        const char *abbreviation = sigabbrev_np (number);
        snprintf (name, sizeof name, "SIG%s",
                  abbreviation ? abbreviation : "?");
        if (number == SIGXCPU || (number == SIGKILL && cpu)) {
            snprintf (text, sizeof text, "the job used more than its %lld s "
                      "of CPU time", (long long) self->cpu_s);
            fcj_job_fail (self, FCJ_CPU, "Limit", text, NULL);
            return;
        }
        snprintf (text, sizeof text, "the job process was ended by %s (%s)",
                  name, strsignal (number));
        fcj_job_fail (self, FCJ_CRASHED, "Crash", text, name);
        return;
    }
    snprintf (text, sizeof text, "exit without a result: the job process "
              "ended with exit code %d", WEXITSTATUS (status));
    fcj_job_fail (self, FCJ_CRASHED, "Crash", text, NULL);
}

void
fcj_job_on_end (fcj_world_t *world, fcj_worker_job_t *self, int status,
                int64_t cpu_ms, int64_t memory)
{
    fcj_process_t *process = self->process;
    self->cpu_ms = cpu_ms;
    self->memory = memory > self->memory ? memory : self->memory;
    if (self->stop && self->stop != FCJ_REFUSED)
        s_fail_by_limit (self);
    else if (self->host && fcj_host_why (world))
        fcj_job_fail (self, FCJ_CRASHED, "Crash", fcj_host_why (world), NULL);
    else
        s_fail_by_status (self, status);
    if (process)
        fcj_process_let_go (world, process);
    fcj_job_finish (world, self);
}

/* ---- Reported ----------------------------------------------------------- */

/*  Its record is final since the cancel; how it ended is said behind it.  */
static void
s_say_ended (fcj_world_t *world, const fcj_worker_job_t *self)
{
    if (!self->ended_by)
        return;
    fcj_pack_t *body = fcj_pack_new ();
    fcj_pack_map (body, 3);
    fcj_pack_kstr (body, "id", self->id);
    fcj_pack_kstr (body, "token", self->token);
    fcj_pack_kstr (body, "by", self->ended_by);
    fcj_link_send (world->link, "ENDED", body);
    fcj_pack_destroy (&body);
}

/*  The process has let go of it. Without files to store, FINISH at once.
 *  Who waited for its slots is looked for in the next tick.  */
void
fcj_job_finish (fcj_world_t *world, fcj_worker_job_t *self)
{
    self->process = NULL;
    self->ask = 0;
    self->finished = fcj_now_ms ();
    if (self->silent) {
        if (self->native && self->files)
            fcj_ingest_remove (world->ingest, self->scratch);
        s_say_ended (world, self);
        fcj_job_forget (world, self);
        return;
    }
    self->state = FCJ_J_STORING;
    if (self->artifact_count || self->result_size > FCJ_INLINE_MAX
        || self->output[0].size > FCJ_TAIL_MAX
        || self->output[1].size > FCJ_TAIL_MAX)
        fcj_ingest_store (world->ingest, self);
    else
        fcj_job_on_stored (world, self);
}

static void
s_report (fcj_world_t *world, fcj_worker_job_t *self)
{
    self->state = FCJ_J_DONE;
    self->reported = world->now;
    if (self->report)
        fcj_link_send (world->link, self->release ? "RELEASE" : "FINISH",
                       self->report);
}

void
fcj_job_on_stored (fcj_world_t *world, fcj_worker_job_t *self)
{
    if (self->native && self->files)
        fcj_ingest_remove (world->ingest, self->scratch);
    if (self->silent) {
        fcj_job_forget (world, self);
        return;
    }
    self->report = fcj_report_finish (self);
    s_report (world, self);
    fcj_log (FCJ_INFO, "job_finished", "id", self->id, "state",
             fcj_state_name (self->end), "reason",
             self->end == FCJ_FAILED ? fcj_reason_name (self->reason) : "",
             NULL);
}

void
fcj_job_release (fcj_world_t *world, fcj_worker_job_t *self, bool lost,
                 const char *why)
{
    fcj_process_t *process = self->process;
    if (self->state != FCJ_J_PENDING && self->state != FCJ_J_RUNNING)
        return;
    /*  No process can be made: that must end some day, so it counts.  */
    bool unbegun = self->state == FCJ_J_PENDING && !lost;
    self->process = NULL;
    if (process)
        fcj_process_end (world, process);
    if (self->silent) {
        fcj_job_forget (world, self);
        return;
    }
    self->release = true;
    self->report = fcj_report_release (self, lost, unbegun, why);
    s_report (world, self);
    fcj_log (FCJ_WARNING, "job_released", "id", self->id, "why", why, NULL);
}

void
fcj_job_repeat (fcj_world_t *world, int64_t older_than)
{
    for (int i = 0; i < FCJ_JOBS; i++) {
        fcj_worker_job_t *job = &world->jobs[i];
        if (job->state == FCJ_J_DONE
            && world->now - job->reported >= older_than)
            s_report (world, job);
    }
}
