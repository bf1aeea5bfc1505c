/*  tool_status.c - get_job_status. Read from Redis, together with all that
 *  others poll in the same moment, for nobody waits; with
 *  wait_s the call waits for the job's end or a question of it, woken by the
 *  broker's events, and by a look into Redis each second should the broker
 *  be away.  */

#include <string.h>
#include "../methods/handlers.h"
#include "task.h"
#include "view.h"

#define PLACE_MS 500            /* for the place in the queue: a nicety */

const char *fcj_tool_job_id (fcj_call_t *call, const json_t *args)
{
    const char *job = json_string_value (json_object_get (args, "job_id"));
    if (job && fcj_id_valid (job))
        return job;
    fcj_call_tool_fail (call, FCJ_INVALID, "job_id must be the UUID that an"
        " _async tool answered (36 characters, lower case); list_jobs shows"
        " yours");
    return NULL;
}

void fcj_tool_no_record (fcj_call_t *call, const char *job,
                         const fcj_error_t *error)
{
    if (error->reason == FCJ_NOT_FOUND)
        fcj_call_tool_fail (call, FCJ_NOT_FOUND, "there is no job %s of"
            " yours. list_jobs shows the jobs that you have.", job);
    else if (error->reason == FCJ_EXPIRED)
        fcj_call_tool_fail (call, FCJ_EXPIRED, "job %s has ended and its"
            " record was deleted or is past its retention. Submit it again"
            " if you still need the result.", job);
    else
        fcj_call_tool_error (call, error);
}

fcj_record_t *fcj_tool_record (fcj_call_t *call, const char *job)
{
    fcj_error_t error;
    fcj_record_t *record = fcj_store_status (call->front->store, job,
                                             call->owner, &error);
    if (!record)
        fcj_tool_no_record (call, job, &error);
    return record;
}

static void s_answer (fcj_call_t *call, const fcj_record_t *record,
                      int64_t position, int64_t ahead, const char *why)
{
    char text[2048];
    json_t *view = fcj_view_record (record);
    fcj_view_text (record, text, sizeof text);
    if (*why) {
        size_t used = strlen (text);
        snprintf (text + used, sizeof text - used, " %s", why);
        json_object_set_new (view, "message", json_string (why));
    }
    if (position > 0) {
        json_object_set_new (view, "position", json_integer (position));
        json_object_set_new (view, "ahead", json_integer (ahead));
    }
    fcj_call_tool (call, text, view, NULL, false);
}

/*  A job that is in no queue yet: says which of the jobs that it depends on
 *  have not ended, the first few by id. */
static void s_waits_for (fcj_call_t *call, const fcj_record_t *record,
                         char *why, size_t size)
{
    const char *text = fcj_record_str (record, "depends_on", NULL), *id;
    json_t *jobs = text? json_loads (text, 0, NULL): NULL, *one;
    size_t n, used = 0, more = 0;
    json_array_foreach (jobs, n, one) {
        fcj_error_t error;
        id = json_string_value (one);
        fcj_record_t *other = id? fcj_store_status (call->front->store, id,
                                                    call->owner, &error)
                                : NULL;
        bool open = other && !fcj_state_terminal (fcj_record_state (other));
        fcj_record_destroy (&other);
        if (open && used < size / 2)
            used += (size_t) snprintf (why + used, size - used, "%s %s",
                                       used? ",": "It waits for", id);
        else
            more += open;
    }
    if (more)
        used += (size_t) snprintf (why + used, size - used, " and %zu more",
                                   more);
    if (used)
        snprintf (why + used, size - used, ".");
    json_decref (jobs);
}

/*  Again from the record, which may have moved on meanwhile. */
static void s_placed (void *arg, const fcj_map_t *reply,
                      const fcj_error_t *unused)
{
    fcj_call_t *call = arg;
    const char *job = json_string_value (call->kept);
    (void) unused;
    fcj_record_t *record = fcj_tool_record (call, job);
    if (!record)
        return;
    bool queued = reply && fcj_record_state (record) == FCJ_QUEUED;
    char why[1200] = "";
    if (queued && fcj_map_has (reply, "why"))
        fcj_map_copy (reply, "why", why, sizeof why);
    else if (queued && !fcj_map_int (reply, "position", 0))
        s_waits_for (call, record, why, sizeof why);
    s_answer (call, record, queued? fcj_map_int (reply, "position", 0): 0,
              queued? fcj_map_int (reply, "ahead", 0): 0, why);
    fcj_record_destroy (&record);
}

static void s_finish (fcj_call_t *call, const char *job,
                      const fcj_record_t *record)
{
    if (fcj_record_state (record) != FCJ_QUEUED
        || !fcj_client_up (call->front->client)) {
        s_answer (call, record, 0, 0, "");
        return;
    }
    fcj_pack_t *fields = fcj_pack_new ();
    fcj_pack_map (fields, 1);
    fcj_pack_kstr (fields, "id", job);
    json_decref (call->kept);
    call->kept = json_string (job);
    fcj_client_request (call->front->client, "PLACE", fcj_pack_data (fields),
                        fcj_pack_size (fields), PLACE_MS, s_placed, call);
    fcj_pack_destroy (&fields);
}

static bool s_asks_anew (const fcj_call_t *call, const fcj_record_t *record)
{
    int64_t number = fcj_task_asking (record);
    return number && number != call->given;
}

/*  A look into the record: answers, asks the client, or waits on. */
static void s_look (fcj_call_t *call, int64_t now)
{
    fcj_error_t error;
    fcj_id_t job;
    memcpy (job, call->job, sizeof job);
    fcj_record_t *record = fcj_store_status (call->front->store, job,
                                             call->owner, &error);
    bool over = record && fcj_state_terminal (fcj_record_state (record));
    if (!record && error.reason != FCJ_STORE_UNAVAILABLE) {
        fcj_call_unwait (call);
        fcj_tool_no_record (call, job, &error);
    }
    else if (record && !over && fcj_hold_ask (call, record))
        ;                       /* it is run again with the answer */
    else if (over || now >= call->deadline
             || (record && s_asks_anew (call, record))) {
        if (over)
            fcj_hold_told (call, record);
        fcj_call_unwait (call);
        if (record)
            s_finish (call, job, record);
        else
            fcj_call_tool_error (call, &error);
    }
    else {
        if (record)
            fcj_call_progress (
                call, fcj_record_real (record, "progress", -1), 1,
                fcj_record_str (record, "message", NULL));
        call->reread = now + FCJ_MCP_REREAD_MS;
    }
    fcj_record_destroy (&record);
}

static void s_step (fcj_call_t *call, const fcj_map_t *event, int64_t now)
{
    char state[16] = "";
    fcj_hold_tell (call, event);
    if (event) {
        fcj_map_copy (event, "state", state, sizeof state);
        if (fcj_state_of (state) < FCJ_COMPLETED
            && strcmp (state, "gone") != 0 && !fcj_map_has (event, "ask"))
            return;
    }
    else if (call->sink.open)
        call->sink.open (call->sink.arg);
    s_look (call, now);
}

static void s_looked_up (void *arg, fcj_record_t *record,
                         const fcj_error_t *error)
{
    fcj_call_t *call = arg;
    const json_t *args = json_object_get (call->params, "arguments");
    const char *job = json_string_value (json_object_get (args, "job_id"));
    double wait_s = json_number_value (json_object_get (args, "wait_s"));
    call->lookup = NULL;
    if (record && call->answers)        /* to what the job asked */
        call->given = fcj_task_give (call->front, record, call->answers);
    json_decref (call->answers);
    call->answers = NULL;
    bool over = record && fcj_state_terminal (fcj_record_state (record));
    if (!record)
        fcj_tool_no_record (call, job, error);
    else if (wait_s > 0 && !over && fcj_hold_ask (call, record))
        ;                       /* it is run again with the answer */
    else if (wait_s > 0 && !over && !s_asks_anew (call, record))
        fcj_call_wait (call, job, (int64_t) (wait_s * 1000),
                       FCJ_MCP_REREAD_MS, s_step);
    else
        s_finish (call, job, record);
    fcj_record_destroy (&record);
}

void fcj_tool_status (fcj_call_t *call, const json_t *args)
{
    const char *job = fcj_tool_job_id (call, args);
    if (job)
        call->lookup = fcj_lookup_new (call->front->redis,
                                       call->front->store, job, call->owner,
                                       s_looked_up, call);
}
