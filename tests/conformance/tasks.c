/*  tasks.c - the two fixtures of the tasks extension that need a hand before
 *  they become the job of the same name (handlers/conformance.py). The other
 *  ones are jobs and nothing else.  */

#include <string.h>
#include "fixtures.h"
#include "mcp-frontend/protocol/ask.h"

/*  A question in the client's round, then a task that knows the answer. */
static void s_asks_first (fcj_call_t *call, const json_t *args)
{
    json_t *name = json_object_get (json_object_get (fcj_ask_answer (
        call, "user_name"), "content"), "name");
    (void) args;
    if (!json_is_string (name)) {
        fcj_ask (call, json_pack ("{s:o}", "user_name", fcj_ask_form (
            "What is your name?", json_pack ("{s:s,s:{s:{s:s}},s:[s]}",
                "type", "object", "properties", "name", "type", "string",
                "required", "name"))), json_pack ("{s:b}", "asked", 1), "");
        return;
    }
    json_t *with = json_pack ("{s:O}", "user_name", name);
    fcj_submit (call, with);
    json_decref (with);
}

static void s_unheard (void *arg, const fcj_map_t *reply,
                       const fcj_error_t *error)
{
    (void) arg;
    (void) reply;
    (void) error;
}

static void s_submit_slow (fcj_call_t *call, const char *id)
{
    fcj_pack_t *job = fcj_pack_new ();
    fcj_pack_map (job, 9);
    fcj_pack_kstr (job, "id", id);
    fcj_pack_kstr (job, "owner", call->owner);
    fcj_pack_kstr (job, "tool", "slow_compute");
    fcj_pack_kstr (job, "lane", "compute");
    fcj_pack_kstr (job, "priority", "normal");
    fcj_pack_kstr (job, "arguments", "{\"seconds\":3}");
    fcj_pack_kint (job, "timeout_s", 60);
    fcj_pack_kint (job, "queue_timeout_s", 60);
    fcj_pack_kint (job, "retention_s", 60);
    fcj_client_submit (call->front->client, fcj_pack_data (job),
                       fcj_pack_size (job), false, 5000, s_unheard, NULL);
    fcj_pack_destroy (&job);
}

/*  A job that waits for another one until it expires: the failure of a
 *  service, which no argument of the model's could have changed. */
static void s_never_starts (fcj_call_t *call, const json_t *args)
{
    fcj_id_t id;
    (void) args;
    fcj_id_new (id);
    s_submit_slow (call, id);
    json_t *with = json_pack ("{s:i,s:[s]}", "queue_timeout_s", 1,
                              "depends_on", id);
    fcj_submit (call, with);
    json_decref (with);
}

fcj_tool_fn *fixture_tasks (const char *name)
{
    if (!strcmp (name, "test_tool_with_task"))
        return s_asks_first;
    return !strcmp (name, "protocol_error_job")? s_never_starts: NULL;
}
