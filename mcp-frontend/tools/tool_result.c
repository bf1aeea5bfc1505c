/*  tool_result.c - get_job_result, and what a held call answers with: the
 *  value, the files as links, or the error with all that helps to mend it.  */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../methods/handlers.h"
#include "image.h"
#include "view.h"

#define TEXT_MAX (16 * 1024)
#define SAID_MAX 2000

/*  The result's JSON, from the record or its blob; NULL: none or *error. */
static json_t *s_result (fcj_front_t *front, const fcj_record_t *record,
                         fcj_error_t *error)
{
    size_t size = 0;
    const char *text = fcj_record_str (record, "result", &size);
    const char *hash = fcj_record_str (record, "result_blob", NULL);
    char *blob = NULL;
    error->reason = FCJ_OK;
    if (!text && hash)
        text = blob = fcj_blobs_read (front->blobs, hash,
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

/*  What there is of a job without a result. A handle, too: what a tool
 *  announces in outputSchema holds for its failures, or clients that check it
 *  would show their user that instead of the error. */
static json_t *s_without (const fcj_record_t *record, const char *said)
{
    json_t *view = fcj_view_record (record);
    json_t *message = json_string (said);
    json_object_set_new (view, "poll_after_ms", json_integer (0));
    if (!message)
        message = json_string (fcj_state_name (fcj_record_state (record)));
    json_object_set_new (view, "message", message);
    return view;
}

static json_t *s_failed (const fcj_record_t *record, const char *version)
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
    char said[600];
    const char *why = json_string_value (json_object_get (error, "message"));
    snprintf (said, sizeof said, "failed: %s%s%.500s",
              reason? reason: "unknown", why? ": ": "", why? why: "");
    json_t *view = s_without (record, said);
    if (error)
        json_object_set_new (view, "error", error);
    json_object_set_new (view, "artifacts", fcj_view_artifacts (record));
    json_decref (tail);
    json_t *result = fcj_call_tool_result (version, text, view,
                                           fcj_view_links (record), true);
    free (text);
    return result;
}

/* ---- Completed jobs ---------------------------------------------------- */

/*  What an _async tool's schema promises, and the result with it. */
static json_t *s_handle (const fcj_record_t *record, const char *text)
{
    const char *id = fcj_record_str (record, "id", NULL);
    const char *tool = fcj_record_str (record, "tool", NULL);
    return json_pack ("{s:s,s:s,s:s,s:i,s:s}", "job_id", id? id: "?",
                      "state", fcj_state_name (fcj_record_state (record)),
                      "tool", tool? tool: "?", "poll_after_ms", 0,
                      "message", text);
}

static json_t *s_completed (fcj_front_t *front, const fcj_record_t *record,
                            const char *version, fcj_shape_t shape)
{
    fcj_error_t error;
    json_t *value = s_result (front, record, &error), *view;
    if (!value && error.reason != FCJ_OK)
        return fcj_call_tool_result (version, error.text, NULL, NULL, true);
    json_t *artifacts = fcj_view_artifacts (record);
    json_t *links = fcj_view_links (record);
    json_t *image = fcj_image_block (value, artifacts, front->blobs);
    if (image)
        json_array_insert_new (links, 0, image);
    const char *id = fcj_record_str (record, "id", NULL);
    char text[256 + SAID_MAX];
    bool said = json_is_string (value)  /* short words need no structure */
             && json_string_length (value) <= SAID_MAX;
    snprintf (text, sizeof text, "%s%sJob %s completed%s. %zu artifact%s%s",
              said? json_string_value (value): "", said? "\n": "",
              id? id: "?", value? "": " without a result value",
              json_array_size (artifacts),
              json_array_size (artifacts) == 1? "": "s",
              json_array_size (artifacts)? ": read them as resources"
                                           " job://<job_id>/<name>.": ".");
    if (shape == FCJ_SHAPE_PLAIN && json_is_object (value)) {
        json_decref (artifacts);        /* the tool's own schema */
        view = value;
    }
    else {
        size_t size = 0;
        const char *output = fcj_record_str (record, "stdout", &size);
        view = shape == FCJ_SHAPE_HANDLE? s_handle (record, text)
                                        : fcj_view_record (record);
        json_object_set_new (view, "result", value? value: json_null ());
        json_object_set_new (view, "artifacts", artifacts);
        if (output && size)
            json_object_set_new (view, "stdout_tail",
                                 fcj_view_string (output, size));
    }
    return fcj_call_tool_result (version, text, view, links, false);
}

/* ------------------------------------------------------------------------ */

json_t *fcj_tool_outcome (fcj_front_t *front, const fcj_record_t *record,
                          const char *version, fcj_shape_t shape)
{
    fcj_state_t state = fcj_record_state (record);
    if (state == FCJ_COMPLETED)
        return s_completed (front, record, version, shape);
    if (state == FCJ_FAILED)
        return s_failed (record, version);
    if (state == FCJ_CANCELLED) {
        static const char SAID[] = "The job was cancelled: it has no result."
                                   " Submit it again if you need one.";
        return fcj_call_tool_result (version, SAID, s_without (record, SAID),
                                     NULL, true);
    }
    return NULL;
}

fcj_shape_t fcj_tool_shape (const json_t *tool)
{
    if (!tool)
        return FCJ_SHAPE_RECORD;
    return json_integer_value (json_object_get (tool, "hold_s")) > 0
        ? FCJ_SHAPE_PLAIN: FCJ_SHAPE_HANDLE;
}

bool fcj_tool_answer_result (fcj_call_t *call, const char *job)
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
        fcj_hold_told (call, record);
        fcj_call_unwait (call);
        fcj_call_result (call, fcj_tool_outcome (
            call->front, record, call->version,
            fcj_tool_shape (call->tool)));
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
    else if (fcj_state_terminal (fcj_record_state (record)))
        fcj_call_result (call, fcj_tool_outcome (
            call->front, record, call->version, FCJ_SHAPE_RECORD));
    else
        fcj_call_tool_fail (call, FCJ_NOT_FINISHED, "job %s is still %s."
            " Call get_job_status with this job_id and wait_s=25 until its"
            " state is completed, failed or cancelled, then ask again.",
            job, fcj_state_name (fcj_record_state (record)));
    fcj_record_destroy (&record);
}
