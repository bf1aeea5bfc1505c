/*  tool_jobs.c - cancel_job, delete_job and list_jobs. */

#include <stdio.h>
#include <string.h>
#include "../methods/handlers.h"
#include "view.h"

#define ASK_MS       10000
#define LIST_DEFAULT 20
#define LIST_MAX     100

/* ---- Cancel and delete ------------------------------------------------- */

static void s_done (void *arg, const fcj_map_t *reply,
                    const fcj_error_t *error)
{
    fcj_call_t *call = arg;
    const char *job = json_string_value (call->kept);
    char state[16] = "", text[256];
    if (!reply && error->reason == FCJ_NOT_FINISHED) {
        fcj_call_tool_fail (call, FCJ_NOT_FINISHED, "job %s has not ended:"
            " cancel it first with cancel_job, then delete it", job);
        return;
    }
    if (!reply) {
        fcj_tool_no_record (call, job, error);
        return;
    }
    fcj_map_copy (reply, "state", state, sizeof state);
    if (strcmp (state, "cancelled") == 0)
        snprintf (text, sizeof text, "Job %s is cancelled.", job);
    else if (strcmp (state, "deleted") == 0)
        snprintf (text, sizeof text, "The record of job %s is deleted.",
                  job);
    else
        snprintf (text, sizeof text, "Job %s had already ended: %s. Its"
                  " state does not change.", job, state);
    fcj_call_tool (call, text, json_pack ("{s:s,s:s}", "job_id", job,
                                          "state", state), NULL, false);
}

static void s_request (fcj_front_t *front, const char *type,
                       const char *job, const char *owner,
                       fcj_client_fn *fn, void *arg)
{
    fcj_pack_t *fields = fcj_pack_new ();
    fcj_pack_map (fields, 2);
    fcj_pack_kstr (fields, "id", job);
    fcj_pack_kstr (fields, "owner", owner);
    fcj_client_request (front->client, type, fcj_pack_data (fields),
                        fcj_pack_size (fields), ASK_MS, fn, arg);
    fcj_pack_destroy (&fields);
}

static void s_ask (fcj_call_t *call, const json_t *args, const char *type)
{
    const char *job = fcj_tool_job_id (call, args);
    if (!job)
        return;
    call->kept = json_string (job);
    s_request (call->front, type, job, call->owner, s_done, call);
}

static void s_ignore (void *arg, const fcj_map_t *reply,
                      const fcj_error_t *error)
{
    (void) arg;
    (void) reply;
    (void) error;
}

void fcj_tool_cancel_job (fcj_front_t *front, const char *job,
                          const char *owner)
{
    if (front->client)
        s_request (front, "CANCEL", job, owner, s_ignore, NULL);
}

void fcj_tool_cancel (fcj_call_t *call, const json_t *args)
{
    s_ask (call, args, "CANCEL");
}

void fcj_tool_delete (fcj_call_t *call, const json_t *args)
{
    s_ask (call, args, "DELETE");
}

/* ---- List -------------------------------------------------------------- */

void fcj_tool_list (fcj_call_t *call, const json_t *args)
{
    fcj_error_t error;
    char cursor[64] = "", text[128];
    fcj_record_t *records[LIST_MAX];
    const json_t *given = json_object_get (args, "limit");
    const char *start = json_string_value (json_object_get (args, "cursor"));
    int limit = given? (int) json_number_value (given): LIST_DEFAULT;
    if (limit < 1 || limit > LIST_MAX)
        limit = LIST_DEFAULT;
    if (start)
        snprintf (cursor, sizeof cursor, "%s", start);
    int count = fcj_store_list (
        call->front->store, call->owner,
        json_string_value (json_object_get (args, "state")),
        json_string_value (json_object_get (args, "tool")), limit, cursor,
        records, &error);
    if (count < 0) {
        fcj_call_tool_error (call, &error);
        return;
    }
    json_t *jobs = json_array ();
    for (int n = 0; n < count; n++) {
        json_array_append_new (jobs, fcj_view_record (records[n]));
        fcj_record_destroy (&records[n]);
    }
    json_t *view = json_pack ("{s:o}", "jobs", jobs);
    if (*cursor)
        json_object_set_new (view, "next_cursor", json_string (cursor));
    snprintf (text, sizeof text, "%d job%s, newest first%s.", count,
              count == 1? "": "s", *cursor? "; more with cursor ="
              " next_cursor": "");
    fcj_call_tool (call, text, view, NULL, false);
}
