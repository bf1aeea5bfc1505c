/*  tasks.c - the two fixtures of the tasks extension that need a hand before
 *  they become the job of the same name (handlers/conformance.py). The other
 *  ones are jobs and nothing else.  */

#include <string.h>
#include "fixtures.h"
#include "mcp-frontend/ask.h"

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

/*  A job that no worker takes before it expires: the failure of a service,
 *  which no argument of the model's could have changed. */
static void s_never_starts (fcj_call_t *call, const json_t *args)
{
    json_t *with = json_pack ("{s:i}", "queue_timeout_s", 1);
    (void) args;
    fcj_submit (call, with);
    json_decref (with);
}

fcj_tool_fn *fixture_tasks (const char *name)
{
    if (!strcmp (name, "test_tool_with_task"))
        return s_asks_first;
    return !strcmp (name, "protocol_error_job")? s_never_starts: NULL;
}
