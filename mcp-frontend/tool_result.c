/*  tool_result.c - get_job_result, and what a held call answers with: the
 *  value, the files as links, or the error with all that helps to mend it.  */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "handlers.h"
#include "image.h"
#include "view.h"

#define TEXT_MAX (16 * 1024)

/*  The result's JSON, from the record or its blob; NULL: none or *error. */
static json_t *s_result (fcj_call_t *call, const fcj_record_t *record,
                         fcj_error_t *error)
{
    size_t size = 0;
    const char *text = fcj_record_str (record, "result", &size);
    const char *hash = fcj_record_str (record, "result_blob", NULL);
    char *blob = NULL;
    error->reason = FCJ_OK;
    if (!text && hash)
        text = blob = fcj_blobs_read (call->front->blobs, hash,
                                      FCJ_RESULT_MAX, &size, error);
    json_t *value = text? json_loadb (text, size, JSON_DECODE_ANY, NULL)
                        : NULL;
    if (text && !value)
        fcj_fail (error, FCJ_INTERNAL, "the result is no JSON");
    free (blob);
    return value;
}

/* ---- Failed jobs ------------------------------------------------------- */

static const char *s_advice (fcj_reason_t reason)
{
    switch (reason) {
        case FCJ_EXCEPTION:    return "Correct the code or the arguments and"
                                      " submit again.";
        case FCJ_INVALID:      return "Correct the argument or input named"
                                      " and submit again.";
        case FCJ_TIMEOUT:      return "Give a larger timeout_s, or split the"
                                      " work into several jobs.";
        case FCJ_CPU:          return "It used up its CPU time: split the"
                                      " work.";
        case FCJ_MEMORY:       return "It needed more memory than a job may"
                                      " have: use coarser meshes or split"
                                      " the work.";
        case FCJ_OUTPUT_LIMIT: return "It printed or wrote too much: print"
                                      " less, keep data in artifacts.";
        case FCJ_CRASHED:      return "FreeCAD's process ended: check the"
                                      " shapes (isValid, null shapes) and"
                                      " try simpler steps.";
        case FCJ_DEPENDENCY:   return "A job it waited for did not complete:"
                                      " look at that one first.";
        case FCJ_POISON:       return "It lost its worker three times and is"
                                      " not tried again: it may need too"
                                      " much memory.";
        default:               return "Submit it again; service_status tells"
                                      " how the service is.";
    }
}

static void s_append (char *text, const char *label, const json_t *value)
{
    size_t used = strlen (text);
    if (json_is_string (value) && json_string_length (value))
        snprintf (text + used, TEXT_MAX - used, "%s%.*s", label, 8000,
                  json_string_value (value));
    else if (json_is_integer (value))
        snprintf (text + used, TEXT_MAX - used, "%s%lld", label,
                  (long long) json_integer_value (value));
}

static void s_answer_failed (fcj_call_t *call, const fcj_record_t *record)
{
    const char *reason = fcj_record_str (record, "reason", NULL);
    const char *id = fcj_record_str (record, "id", NULL);
    const char *raw = fcj_record_str (record, "error", NULL);
    size_t size = 0;
    const char *output = fcj_record_str (record, "stderr", &size);
    json_t *error = raw? json_loads (raw, 0, NULL): NULL;
    json_t *tail = output && size? fcj_view_string (output, size): NULL;
    char *text = malloc (TEXT_MAX);
    snprintf (text, TEXT_MAX, "Job %s failed: %s.", id? id: "?",
              reason? reason: "unknown");
    s_append (text, " ", json_object_get (error, "type"));
    s_append (text, ": ", json_object_get (error, "message"));
    s_append (text, "\nSignal: ", json_object_get (error, "signal"));
    s_append (text, "\nLine ", json_object_get (error, "line"));
    s_append (text, ":\n", json_object_get (error, "code"));
    s_append (text, "\n", json_object_get (error, "traceback"));
    s_append (text, "\nstderr: ", tail);
    size_t used = strlen (text);
    snprintf (text + used, TEXT_MAX - used, "\nWhat to do: %s",
              s_advice (fcj_reason_of (reason? reason: "")));
    json_t *view = fcj_view_record (record);
    if (error)
        json_object_set_new (view, "error", error);
    json_object_set_new (view, "artifacts", fcj_view_artifacts (record));
    json_decref (tail);
    fcj_call_tool (call, text, view, fcj_view_links (record), true);
    free (text);
}

/* ---- Completed jobs ---------------------------------------------------- */

static void s_answer_completed (fcj_call_t *call, const fcj_record_t *record,
                                bool plain)
{
    fcj_error_t error;
    json_t *value = s_result (call, record, &error);
    if (!value && error.reason != FCJ_OK) {
        fcj_call_tool_error (call, &error);
        return;
    }
    json_t *artifacts = fcj_view_artifacts (record);
    json_t *links = fcj_view_links (record);
    json_t *image = fcj_image_block (value, artifacts, call->front->blobs);
    if (image)
        json_array_insert_new (links, 0, image);
    const char *id = fcj_record_str (record, "id", NULL);
    char text[256];
    snprintf (text, sizeof text, "Job %s completed%s. %zu artifact%s%s",
              id? id: "?", value? "": " without a result value",
              json_array_size (artifacts),
              json_array_size (artifacts) == 1? "": "s",
              json_array_size (artifacts)? ": read them as resources"
                                           " job://<job_id>/<name>.": ".");
    json_t *view;
    if (plain && json_is_object (value)) {      /* the tool's own schema */
        json_decref (artifacts);
        view = value;
    }
    else {
        size_t size = 0;
        const char *output = fcj_record_str (record, "stdout", &size);
        view = fcj_view_record (record);
        json_object_set_new (view, "result", value? value: json_null ());
        json_object_set_new (view, "artifacts", artifacts);
        if (output && size)
            json_object_set_new (view, "stdout_tail",
                                 fcj_view_string (output, size));
    }
    fcj_call_tool (call, text, view, links, false);
}

static bool s_answer (fcj_call_t *call, const fcj_record_t *record,
                      bool plain)
{
    fcj_state_t state = fcj_record_state (record);
    if (state == FCJ_COMPLETED)
        s_answer_completed (call, record, plain);
    else if (state == FCJ_FAILED)
        s_answer_failed (call, record);
    else if (state == FCJ_CANCELLED)
        fcj_call_tool (call, "The job was cancelled: it has no result."
            " Submit it again if you need one.",
            fcj_view_record (record), NULL, true);
    else
        return false;
    return true;
}

/* ------------------------------------------------------------------------ */

bool fcj_tool_answer_result (fcj_call_t *call, const char *job, bool plain)
{
    fcj_error_t error;
    fcj_record_t *record = fcj_store_get (call->front->store, job,
                                          call->owner, &error);
    bool over = record && fcj_state_terminal (fcj_record_state (record));
    if (!record && error.reason != FCJ_STORE_UNAVAILABLE) {
        fcj_call_unwait (call);
        fcj_tool_no_record (call, job, &error);
        return true;
    }
    if (over) {
        fcj_call_unwait (call);
        s_answer (call, record, plain);
    }
    fcj_record_destroy (&record);
    return over;
}

void fcj_tool_result (fcj_call_t *call, const json_t *args)
{
    fcj_error_t error;
    const char *job = fcj_tool_job_id (call, args);
    if (!job)
        return;
    fcj_record_t *record = fcj_store_get (call->front->store, job,
                                          call->owner, &error);
    if (!record)
        fcj_tool_no_record (call, job, &error);
    else if (!s_answer (call, record, false))
        fcj_call_tool_fail (call, FCJ_NOT_FINISHED, "job %s is still %s."
            " Call get_job_status with this job_id and wait_s=25 until its"
            " state is completed, failed or cancelled, then ask again.",
            job, fcj_state_name (fcj_record_state (record)));
    fcj_record_destroy (&record);
}
