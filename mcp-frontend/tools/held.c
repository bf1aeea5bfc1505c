/*  held.c - a call that waits for its job.
 *
 *  How long: hold_s of the tool, at most hold-s of the configuration, or the
 *  client's own wait_s; a client that takes tasks waits FCJ_TASK_GRACE_MS at
 *  most, and not at all for an _async tool. Then it gets the result, a task,
 *  or a handle that says how to go on. While it waits it is told what the
 *  job tells: progress, and log messages at its level; and it is asked what
 *  the job asks.  */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../protocol/ask.h"
#include "../methods/handlers.h"
#include "task.h"
#include "view.h"
#include "../../jobs/json.h"

#define GRACE_MS   500          /* before a task is made of a short job */

/* ---- What is told ------------------------------------------------------ */

static void s_say_state (fcj_call_t *call, const char *state,
                         const fcj_map_t *event)
{
    char message[FCJ_TEXT_MAX + 1] = "", reason[32] = "";
    if (call->level >= FCJ_SAY_NOTHING)
        return;
    fcj_map_copy (event, "message", message, sizeof message);
    fcj_map_copy (event, "reason", reason, sizeof reason);
    bool again = fcj_map_int (event, "attempt", 1) > 1;
    fcj_say_t level = !strcmp (state, "failed")? FCJ_SAY_ERROR
        : !strcmp (state, "queued") && again? FCJ_SAY_WARNING
        : FCJ_SAY_DEBUG;
    fcj_call_say (call, level, json_pack (
        "{s:s,s:s,s:s*,s:s*}", "job_id", call->job, "state", state,
        "message", *message? message: NULL, "reason",
        *reason? reason: NULL));
}

void fcj_hold_tell (fcj_call_t *call, const fcj_map_t *event)
{
    char state[16] = "", message[FCJ_TEXT_MAX + 1] = "";
    if (!event) {
        fcj_call_alive (call, NULL);
        return;
    }
    fcj_map_copy (event, "state", state, sizeof state);
    fcj_map_copy (event, "message", message, sizeof message);
    double progress = fcj_map_real (event, "progress", -1);
    if (progress >= 0)
        fcj_call_progress (call, progress, 1, message);
    if (strcmp (state, "gone") != 0)
        s_say_state (call, state, event);
}

void fcj_hold_told (fcj_call_t *call, const fcj_record_t *record)
{
    if (call->progress >= 0)
        fcj_call_progress (call, fcj_record_progress (record), 1,
                           fcj_record_str (record, "message", NULL));
}

/* ---- Questions of the job ---------------------------------------------- */

bool fcj_hold_ask (fcj_call_t *call, const fcj_record_t *record)
{
    fcj_id_t job;
    const char *id = fcj_record_str (record, "id", NULL);
    if (!id || !fcj_ask_can (call, "elicitation/create"))
        return false;
    if (call->given && call->given == fcj_task_asking (record))
        return false;           /* its answer is on the way */
    json_t *requests = fcj_task_requests (call->front, record);
    if (!requests || !fcj_ask_fits (call, requests)) {
        json_decref (requests);
        return false;
    }
    snprintf (job, sizeof job, "%s", id);
    fcj_call_unwait (call);
    fcj_ask (call, requests, json_pack ("{s:s,s:b}", "job", job, "owned",
                                        call->owns_job), job);
    return true;
}

/* ---- Answers ----------------------------------------------------------- */

/*  A handle; the outputSchema of a tool that is held allows it, too. asks:
 *  the question that the job waits with, and nobody can be shown, or NULL. */
static void s_answer_handle (fcj_call_t *call, const char *job,
                             const char *state, bool existing,
                             const char *asks)
{
    char text[1024];
    const char *tool = json_string_value (
        json_object_get (call->tool, "name"));
    bool over = fcj_state_of (state) >= FCJ_COMPLETED;
    int used = snprintf (text, sizeof text, "%s %s (%.64s), state %s.",
        existing? "This idempotency key has job": "Started job", job, tool,
        state);
    if (asks)
        snprintf (text + used, sizeof text - (size_t) used, " It asks its"
                  " user: %.500s Next: get_job_status shows the question"
                  " under 'ask'; show it, then call answer_job.", asks);
    else
        snprintf (text + used, sizeof text - (size_t) used, " Next: %s",
                  over? "get_job_result with this job_id."
                  : "get_job_status with this job_id and wait_s=25, then"
                    " get_job_result.");
    json_t *said = json_string (text);
    fcj_call_tool (call, text, json_pack (
        "{s:s,s:s,s:s,s:i,s:o}", "job_id", job, "state", state, "tool", tool,
        "poll_after_ms", over? 0: 500, "message",
        said? said: json_string ("Next: get_job_status")), NULL, false);
}

static void s_answer (fcj_call_t *call, const char *job, const char *state,
                      bool existing)
{
    if (fcj_task_mode (call) != FCJ_TASK_NONE)
        fcj_task_answer (call, job);
    else
        s_answer_handle (call, job, state, existing, NULL);
}

/* ---- Waiting ----------------------------------------------------------- */

static bool s_over (const fcj_map_t *event)
{
    char state[16] = "";
    fcj_map_copy (event, "state", state, sizeof state);
    return fcj_state_of (state) >= FCJ_COMPLETED
        || strcmp (state, "gone") == 0;
}

/*  The job asks: a task does so by itself, a client that can be asked is,
 *  and for another one waiting any longer is of no use. */
static bool s_asks (fcj_call_t *call, const fcj_record_t *record,
                    const char *job)
{
    if (fcj_task_mode (call) != FCJ_TASK_NONE) {
        fcj_call_unwait (call);
        fcj_task_answer (call, job);
    }
    else if (!fcj_hold_ask (call, record)) {
        const char *text = fcj_record_str (record, "ask", NULL);
        json_t *ask = text? json_loads (text, 0, NULL): NULL;
        const char *question = json_string_value (json_object_get (
            ask, "message"));
        fcj_call_unwait (call);
        s_answer_handle (call, job, "running", false,
                         question? question: "(a form)");
        json_decref (ask);
    }
    return true;
}

/*  A look into the record. True: the call is answered, or asks. */
static bool s_look (fcj_call_t *call, const char *job, char state[16])
{
    fcj_error_t error;
    if (fcj_tool_answer_result (call, job))
        return true;
    fcj_record_t *record = fcj_store_status (call->front->store, job,
                                             call->owner, &error);
    bool asks = false;
    if (record) {
        snprintf (state, 16, "%s", fcj_state_name (
            fcj_record_state (record)));
        fcj_call_progress (call, fcj_record_real (record, "progress", -1), 1,
                           fcj_record_str (record, "message", NULL));
        asks = fcj_task_asking (record) > 0
            && fcj_task_asking (record) != call->given
            && s_asks (call, record, job);
    }
    fcj_record_destroy (&record);
    return asks;
}

static void s_held (fcj_call_t *call, const fcj_map_t *event, int64_t now)
{
    char state[16] = "running";
    fcj_id_t job;
    memcpy (job, call->job, sizeof job);
    fcj_hold_tell (call, event);
    bool look = !event || s_over (event) || fcj_map_has (event, "ask");
    if (look && s_look (call, job, state))
        return;
    if (!event && call->sink.open)
        call->sink.open (call->sink.arg);
    if (!event)
        call->reread = now + FCJ_MCP_REREAD_MS;
    if (now >= call->deadline) {
        fcj_call_unwait (call);
        s_answer (call, job, state, false);
    }
}

static int64_t s_hold_ms (const fcj_call_t *call)
{
    int64_t hold_s = json_integer_value (
        json_object_get (call->tool, "hold_s"));
    int64_t most = fcj_config_int (call->front->config, "hold-s");
    int64_t ms = 1000 * (hold_s > most? most: hold_s);
    if (call->wait_ms >= 0)
        ms = call->wait_ms;
    fcj_task_mode_t mode = fcj_task_mode (call);
    if (mode == FCJ_TASK_LEGACY)
        return 0;               /* it asked for a task: it gets one */
    return mode == FCJ_TASK_MODERN && ms > GRACE_MS? GRACE_MS: ms;
}

void fcj_hold (fcj_call_t *call, const char *job, const char *state,
               bool existing)
{
    int64_t ms = s_hold_ms (call);
    if (ms <= 0) {
        s_answer (call, job, state, existing);
        return;
    }
    call->owns_job = !existing;
    fcj_call_wait (call, job, ms, FCJ_MCP_OPEN_MS < ms? FCJ_MCP_OPEN_MS
                   : ms, s_held);
}

/* ---- Another round ----------------------------------------------------- */

/*  The client's answers go to the job; then the call waits on. A job that is
 *  still asking (nothing useful came) is asked for again. */
void fcj_hold_again (fcj_call_t *call, const char *job)
{
    fcj_record_t *record = fcj_tool_record (call, job);
    if (!record)
        return;
    if (call->answers)
        call->given = fcj_task_give (call->front, record, call->answers);
    json_decref (call->answers);
    call->answers = NULL;
    fcj_record_destroy (&record);
    int64_t ms = s_hold_ms (call);
    call->owns_job = json_is_true (json_object_get (call->state, "owned"));
    fcj_call_wait (call, job, ms > 0? ms: GRACE_MS, 50, s_held);
}
