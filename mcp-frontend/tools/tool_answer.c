/*  tool_answer.c - answer_job: the user's answer to what a running job asks.
 *  For clients that cannot show a question of their own; those that can
 *  (elicitation) end up at the same request of the broker.  */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../methods/handlers.h"
#include "../../jobs/schema.h"
#include "view.h"
#include "../../jobs/json.h"

#define ANSWER_MS 10000

static void s_answered (void *arg, const fcj_map_t *reply,
                        const fcj_error_t *error)
{
    fcj_call_t *call = arg;
    const char *job = json_string_value (call->kept);
    char text[256];
    if (!reply && error->reason == FCJ_STALE) {
        fcj_call_tool_fail (call, FCJ_STALE, "job %s does not ask this (any"
            " more): it was answered, withdrawn, or the job is over."
            " get_job_status shows what it asks now.", job);
        return;
    }
    if (!reply) {
        fcj_tool_no_record (call, job, error);
        return;
    }
    snprintf (text, sizeof text, "The answer is on its way to job %s, which"
              " goes on. Next: get_job_status with wait_s.", job);
    fcj_call_tool (call, text, json_pack ("{s:s,s:s}", "job_id", job,
                                          "state", "running"), NULL, false);
}

/*  The question that the record shows, against the answer; -1: told. */
static int s_fits (fcj_call_t *call, const json_t *args, const json_t *asked,
                   bool accept)
{
    fcj_error_t error;
    const json_t *content = json_object_get (args, "content");
    json_int_t number = json_integer_value (json_object_get (args, "ask"));
    if (number != json_integer_value (json_object_get (asked, "ask"))) {
        fcj_call_tool_fail (call, FCJ_STALE, "job %s does not ask question"
            " %lld (any more). get_job_status shows under 'ask' what it asks"
            " now.", json_string_value (json_object_get (args, "job_id")),
            (long long) number);
        return -1;
    }
    if (accept && fcj_schema_check (json_object_get (asked, "schema"),
                                     content, &error) != 0) {
        fcj_call_tool_fail (call, FCJ_INVALID, "content does not fit the"
            " question's schema: %.300s. Correct it and answer again.",
            error.text);
        return -1;
    }
    return 0;
}

static void s_send (fcj_call_t *call, const char *job, const json_t *args,
                    const char *action)
{
    const json_t *given = json_object_get (args, "content");
    bool accept = strcmp (action, "accept") == 0;
    char *content = accept? fcj_json_dumps (given, JSON_COMPACT): NULL;
    if (content && strlen (content) > FCJ_INLINE_MAX)
        fcj_call_tool_fail (call, FCJ_TOO_LARGE, "content has %zu bytes, at"
            " most %d are allowed", strlen (content), FCJ_INLINE_MAX);
    else {
        call->kept = json_string (job);
        fcj_client_answer (call->front->client, job, call->owner,
            json_integer_value (json_object_get (args, "ask")), action,
            content, ANSWER_MS, s_answered, call);
    }
    free (content);
}

void fcj_tool_answer (fcj_call_t *call, const json_t *args)
{
    const char *job = fcj_tool_job_id (call, args);
    if (!job)
        return;
    fcj_record_t *record = fcj_tool_record (call, job);
    if (!record)
        return;
    const char *text = fcj_record_str (record, "ask", NULL);
    json_t *asked = text? json_loads (text, 0, NULL): NULL;
    const char *action = json_string_value (json_object_get (args,
                                                             "action"));
    if (!asked)
        fcj_call_tool_fail (call, FCJ_STALE, "job %s is %s and asks nothing."
            " get_job_status shows a question under 'ask' while there is"
            " one.", job, fcj_state_name (fcj_record_state (record)));
    else {
        bool accept = strcmp (action, "accept") == 0;
        if (accept && !json_object_get (args, "content"))
            json_object_set_new ((json_t *) args, "content", json_object ());
        if (s_fits (call, args, asked, accept) == 0)
            s_send (call, job, args, action);
    }
    json_decref (asked);
    fcj_record_destroy (&record);
}
