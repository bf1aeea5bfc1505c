/*  ask.c - questions to the client in both eras. A legacy question is a
 *  JSON-RPC request of ours; its id is random, so that an answer can not be
 *  guessed by another session, and the session is compared as well.  */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ask.h"
#include "../front.h"
#include "seal.h"
#include "../session/session.h"

struct fcj_pending {
    LIST_ENTRY (fcj_pending) next;
    fcj_call_t *call;
    char id[FCJ_TOKEN_LEN + 16];
    char *key;
};

/* ---- What the client can ----------------------------------------------- */

static bool s_declared (const json_t *capabilities, const char *method)
{
    if (!strcmp (method, "elicitation/create")) {
        const json_t *can = json_object_get (capabilities, "elicitation");
        return json_is_object (can)
            && (!json_object_size (can) || json_object_get (can, "form"));
    }
    if (!strcmp (method, "sampling/createMessage"))
        return json_is_object (json_object_get (capabilities, "sampling"));
    return !strcmp (method, "roots/list")
        && json_is_object (json_object_get (capabilities, "roots"));
}

bool fcj_ask_can (const fcj_call_t *call, const char *method)
{
    if (!s_declared (call->capabilities, method))
        return false;
    return call->modern || (call->sink.streams
                            && (call->session || !call->sink.http));
}

/*  Several choices in one field came with 2025-11-25. */
bool fcj_ask_fits (const fcj_call_t *call, const json_t *requests)
{
    const char *key, *name;
    json_t *request, *field;
    if (strcmp (call->version, "2025-11-25") >= 0)
        return true;
    json_object_foreach ((json_t *) requests, key, request)
        json_object_foreach (json_object_get (json_object_get (
                json_object_get (request, "params"), "requestedSchema"),
                "properties"), name, field) {
            const char *type = json_string_value (json_object_get (field,
                                                                   "type"));
            if (type && !strcmp (type, "array"))
                return false;
        }
    return true;
}

json_t *fcj_ask_answer (const fcj_call_t *call, const char *key)
{
    json_t *answer = json_object_get (call->answers, key);
    return json_is_object (answer)? answer: NULL;
}

json_t *fcj_ask_form (const char *message, json_t *schema)
{
    json_t *text = json_string (message);
    return json_pack ("{s:s,s:{s:s,s:o,s:o}}", "method",
                      "elicitation/create", "params", "mode", "form",
                      "message", text? text: json_string ("?"),
                      "requestedSchema", schema);
}

/* ---- Modern ------------------------------------------------------------ */

int fcj_ask_open (fcj_call_t *call)
{
    const json_t *answers = json_object_get (call->params, "inputResponses");
    const json_t *state = json_object_get (call->params, "requestState");
    fcj_error_t error;
    if ((answers && !json_is_object (answers))
        || (state && !json_is_string (state))) {
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "'inputResponses'"
                        " must be an object and 'requestState' a string");
        return -1;
    }
    if (state) {
        call->state = fcj_seal_open (call, json_string_value (state),
                                     &error);
        if (!call->state) {
            fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "%s",
                            error.text);
            return -1;
        }
    }
    json_decref (call->answers);
    call->answers = answers? json_incref ((json_t *) answers): NULL;
    return 0;
}

static void s_ask_modern (fcj_call_t *call, json_t *requests, json_t *state)
{
    fcj_error_t error;
    json_t *result = json_pack ("{s:s,s:o}", "resultType", "input_required",
                                "inputRequests", requests);
    char *sealed = state? fcj_seal (call, state, &error): NULL;
    if (state && !sealed) {
        json_decref (result);
        json_decref (state);
        fcj_call_error (call, FCJ_RPC_INTERNAL, 200, NULL, "%s",
                        error.text);
        return;
    }
    if (sealed)
        json_object_set_new (result, "requestState", json_string (sealed));
    free (sealed);
    json_decref (state);
    fcj_call_result (call, result);
}

/* ---- Legacy ------------------------------------------------------------ */

static void s_drop (struct fcj_pending *one)
{
    LIST_REMOVE (one, next);
    free (one->key);
    free (one);
}

void fcj_ask_forget (fcj_call_t *call)
{
    struct fcj_pending *one, *after;
    for (one = LIST_FIRST (&call->front->pendings); one; one = after) {
        after = LIST_NEXT (one, next);
        if (one->call == call)
            s_drop (one);
    }
    json_decref (call->asked);
    call->asked = NULL;
}

static void s_rerun (fcj_call_t *call)
{
    fcj_ask_forget (call);
    fcj_call_unwait (call);
    call->handle (call);
}

/*  Nobody answered in time, or the job of the question has ended. */
static void s_step (fcj_call_t *call, const fcj_map_t *event, int64_t now)
{
    char state[16] = "";
    if (event)
        fcj_map_copy (event, "state", state, sizeof state);
    bool over = fcj_state_of (state) >= FCJ_COMPLETED;
    const char *key;
    json_t *unused;
    if (!over && now < call->deadline)
        return;
    if (!over)
        json_object_foreach (call->asked, key, unused)
            if (!json_object_get (call->answers, key))
                json_object_set_new (call->answers, key, json_pack (
                    "{s:s}", "action", "cancel"));
    s_rerun (call);
}

static void s_ask_legacy (fcj_call_t *call, json_t *requests, json_t *state,
                          const char *job)
{
    const char *key;
    json_t *request;
    fcj_token_t token;
    int n = 0;
    fcj_token_new (token);
    json_decref (call->state);
    call->state = state;
    json_decref (call->answers);
    call->answers = json_object ();
    fcj_ask_forget (call);
    call->asked = requests;
    fcj_call_wait (call, *job? job: NULL, FCJ_ASK_S * 1000, 0, s_step);
    json_object_foreach (requests, key, request) {
        struct fcj_pending *one = calloc (1, sizeof *one);
        if (!one || !(one->key = strdup (key)))
            abort ();
        one->call = call;
        snprintf (one->id, sizeof one->id, "%s-%d", token, n++);
        LIST_INSERT_HEAD (&call->front->pendings, one, next);
        json_t *params = json_deep_copy (json_object_get (request,
                                                          "params"));
        if (strcmp (call->version, "2025-11-25") < 0)
            json_object_del (params, "mode");
        fcj_call_tell (call, one->id, json_string_value (
            json_object_get (request, "method")), params);
    }
}

bool fcj_ask_answered (fcj_front_t *front, const char *session,
                       json_t *response)
{
    struct fcj_pending *one;
    const char *id = json_string_value (json_object_get (response, "id"));
    json_t *result = json_object_get (response, "result");
    LIST_FOREACH (one, &front->pendings, next)
        if (id && !strcmp (one->id, id) && !strcmp (session,
                one->call->session? one->call->session->id: ""))
            break;
    if (!one)
        return false;
    fcj_call_t *call = one->call;
    json_object_set_new (call->answers, one->key, json_is_object (result)
        ? json_incref (result): json_pack ("{s:s}", "action", "cancel"));
    s_drop (one);
    if (json_object_size (call->answers) >= json_object_size (call->asked))
        s_rerun (call);
    return true;
}

/* ------------------------------------------------------------------------ */

void fcj_ask (fcj_call_t *call, json_t *requests, json_t *state,
              const char *job)
{
    if (call->modern)
        s_ask_modern (call, requests, state);
    else
        s_ask_legacy (call, requests, state, job);
}
