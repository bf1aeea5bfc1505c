/*  handle_complete.c - completion/complete: the values that an argument of a
 *  prompt, or a part of a resource's URI, may have.
 *
 *  Choices and job ids are known here; names of documents and objects only to
 *  the FreeCAD that has them, and without one nothing is proposed.  */

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "../extra.h"
#include "../protocol/inner.h"
#include "../service.h"
#include "../tools/view.h"

#define VALUES_MAX 100          /* the protocol's own bound */
#define ONE_OF     "one of "

static void s_answer (fcj_call_t *call, json_t *values, bool more)
{
    fcj_call_result (call, json_pack (
        "{s:{s:o,s:b}}", "completion", "values", values, "hasMore", more));
}

static const char *s_typed (const fcj_call_t *call)
{
    const char *typed = json_string_value (json_object_get (
        json_object_get (call->params, "argument"), "value"));
    return typed? typed: "";
}

static const char *s_context (const fcj_call_t *call, const char *name)
{
    return json_string_value (json_object_get (json_object_get (
        json_object_get (call->params, "context"), "arguments"), name));
}

/*  Adds value if it begins as what was typed; false: there is no room. */
static bool s_add (const fcj_call_t *call, json_t *values, const char *value)
{
    const char *typed = s_typed (call);
    if (!value || strncasecmp (value, typed, strlen (typed)) != 0)
        return true;
    if (json_array_size (values) == VALUES_MAX)
        return false;
    json_array_append_new (values, json_string (value));
    return true;
}

/* ---- Kinds of values --------------------------------------------------- */

static void s_choices (fcj_call_t *call, const char *list)
{
    char one[64];
    json_t *values = json_array ();
    while (*(list += strspn (list, ", "))) {
        size_t length = strcspn (list, ",");
        snprintf (one, sizeof one, "%.*s", (int) length, list);
        s_add (call, values, one);
        list += length;
    }
    s_answer (call, values, false);
}

static void s_jobs (fcj_call_t *call)
{
    fcj_front_t *front = call->front;
    fcj_record_t *records[VALUES_MAX];
    fcj_error_t error;
    char cursor[64] = "";
    int count = 0;
    json_t *values = json_array ();
    if (fcj_service_state (front->service) == FCJ_SERVICE_READY
        && fcj_front_open (front, &error) == 0)
        count = fcj_store_list (front->store, call->owner, NULL, NULL,
                                VALUES_MAX, cursor, records, &error);
    for (int n = 0; n < count; n++) {
        s_add (call, values, fcj_record_str (records[n], "id", NULL));
        fcj_record_destroy (&records[n]);
    }
    s_answer (call, values, *cursor);
}

static void s_artifacts (fcj_call_t *call)
{
    const char *job = s_context (call, "job_id");
    json_t *values = json_array (), *list = NULL, *one;
    fcj_error_t error;
    fcj_record_t *record = NULL;
    size_t n;
    if (job && fcj_id_valid (job) && fcj_front_open (call->front, &error)
                                     == 0)
        record = fcj_store_get (call->front->store, job, call->owner,
                                &error);
    if (record)
        list = fcj_view_artifacts (record);
    json_array_foreach (list, n, one)
        s_add (call, values, json_string_value (json_object_get (one,
                                                                 "name")));
    json_decref (list);
    fcj_record_destroy (&record);
    s_answer (call, values, false);
}

/*  The "name" of each element of a list in a tool's result. */
static void s_names_came (fcj_call_t *call, const json_t *structured,
                          const char *trouble)
{
    static const char *const LISTS[] = { "documents", "objects" };
    json_t *values = json_array (), *one;
    bool room = true;
    size_t n;
    (void) trouble;             /* nothing to propose is no error */
    for (size_t list = 0; list < 2; list++)
        json_array_foreach (json_object_get (structured, LISTS[list]), n,
                            one)
            room = s_add (call, values, json_string_value (
                json_object_get (one, "name"))) && room;
    s_answer (call, values, !room || json_is_integer (json_object_get (
        structured, "next_offset")));
}

static void s_documents (fcj_call_t *call)
{
    fcj_inner_tool (call, "list_documents", json_object (), s_names_came);
}

static void s_objects (fcj_call_t *call)
{
    json_t *args = json_pack ("{s:i}", "limit", VALUES_MAX);
    const char *document = s_context (call, "document");
    const char *typed = s_typed (call);
    if (document && *document)
        json_object_set_new (args, "document", json_string (document));
    if (*typed && strlen (typed) < 128 && !strpbrk (typed, "*?[]"))
        json_object_set_new (args, "name", json_sprintf ("%s*", typed));
    fcj_inner_tool (call, "get_objects", args, s_names_came);
}

static void s_kind (fcj_call_t *call, const char *kind)
{
    if (strncmp (kind, ONE_OF, strlen (ONE_OF)) == 0)
        s_choices (call, kind + strlen (ONE_OF));
    else if (strcmp (kind, "a document") == 0)
        fcj_service_when_ready (call, false, s_documents);
    else if (strcmp (kind, "an object") == 0)
        fcj_service_when_ready (call, false, s_objects);
    else if (strcmp (kind, "a job") == 0)
        fcj_service_when_ready (call, false, s_jobs);
    else
        s_answer (call, json_array (), false);
}

/* ---- What is completed ------------------------------------------------- */

/*  What stands in the braces of our templates. */
static const char *s_kind_of_variable (const char *name)
{
    static const char *const KINDS[][2] = {
        { "job_id", "a job" }, { "document", "a document" },
        { "object", "an object" }, { "artifact", "an artifact" },
    };
    for (size_t n = 0; n < 4; n++)
        if (strcmp (KINDS[n][0], name) == 0)
            return KINDS[n][1];
    return NULL;
}

static void s_template (fcj_call_t *call, const char *uri, const char *name)
{
    char variable[80];
    snprintf (variable, sizeof variable, "{%.64s}", name);
    const char *kind = strstr (uri, variable)? s_kind_of_variable (name)
                                             : NULL;
    static const char JOBS[] = "job://{job_id}";
    static const char DOCUMENTS[] = "freecad://documents/{document}";
    bool ours = strncmp (uri, JOBS, sizeof JOBS - 1) == 0
             || strncmp (uri, DOCUMENTS, sizeof DOCUMENTS - 1) == 0;
    if (!ours || !kind)
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, ours
            ? "The template has no such variable"
            : "There is no such template; resources/templates/list names"
              " them");
    else if (strcmp (kind, "an artifact") == 0)
        fcj_service_when_ready (call, false, s_artifacts);
    else
        s_kind (call, kind);
}

static void s_prompt (fcj_call_t *call, const char *prompt, const char *name)
{
    const json_t *found = fcj_prompts_find (call->front->prompts, prompt);
    const char *kind = json_string_value (json_object_get (
        json_object_get (found, "kinds"), name));
    if (!kind)
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, found
            ? "The prompt has no such argument"
            : "There is no such prompt; prompts/list names them");
    else
        s_kind (call, kind);
}

void fcj_handle_complete (fcj_call_t *call)
{
    const json_t *ref = json_object_get (call->params, "ref");
    const json_t *argument = json_object_get (call->params, "argument");
    const char *type = json_string_value (json_object_get (ref, "type"));
    const char *prompt = json_string_value (json_object_get (ref, "name"));
    const char *uri = json_string_value (json_object_get (ref, "uri"));
    const char *name = json_string_value (json_object_get (argument,
                                                           "name"));
    if (call->front->extra && call->front->extra->complete (call, ref))
        return;
    if (!type || !name
        || !json_is_string (json_object_get (argument, "value")))
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "completion/complete"
            " needs 'ref', an object with 'type', and 'argument', an object"
            " with 'name' and 'value'");
    else if (strcmp (type, "ref/prompt") == 0 && prompt)
        s_prompt (call, prompt, name);
    else if (strcmp (type, "ref/resource") == 0 && uri)
        s_template (call, uri, name);
    else
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "'ref' is"
            " {\"type\": \"ref/prompt\", \"name\": ...} or"
            " {\"type\": \"ref/resource\", \"uri\": ...}");
}
