/*  handle_initialize.c - the legacy handshake. Over HTTP it makes a session,
 *  in Redis (session.h); on stdio there is the one of the process.  */

#include <stdio.h>
#include <string.h>
#include "../protocol/era.h"
#include "handlers.h"
#include "../service.h"
#include "../session/session.h"
#include "../../jobs/log.h"

const char fcj_handle_instructions[] =
    "FreeCAD as a job service. A tool whose name ends in _async starts a job"
    " and answers at once with a job_id. Then call get_job_status with"
    " wait_s (up to 25) until state is completed, failed or cancelled, and"
    " get_job_result for the numbers, shapes and files; files are resources"
    " job://<job_id>/<name>. cancel_job stops a job. Any tool that is a job"
    " takes wait_s, the seconds (0 to 25) to wait for its result before it"
    " answers with the job_id. Jobs can take each"
    " other's results as inputs: {\"job\": \"<job_id>\"}. Lengths are"
    " millimetres, angles degrees. The prompt start_here says more.";

json_t *fcj_handle_capabilities (const fcj_front_t *front,
                                 const char *version)
{
    json_t *can = json_pack ("{s:{s:b},s:{s:b},s:{},s:{},s:{}}", "tools",
                             "listChanged", 1, "resources", "subscribe", 1,
                             "logging", "prompts", "completions");
    if (front->extra)           /* its lists change, ours don't */
        json_object_set_new (can, "prompts", json_pack (
            "{s:b}", "listChanged", 1));
    if (!strcmp (version, FCJ_MCP_MODERN))
        json_object_set_new (can, "extensions", json_pack (
            "{s:{}}", FCJ_MCP_TASKS));
    else if (!strcmp (version, FCJ_MCP_LEGACY))
        json_object_set_new (can, "tasks", json_pack (
            "{s:{},s:{},s:{s:{s:{}}}}", "list", "cancel", "requests",
            "tools", "call"));
    return can;
}

static void s_answer (fcj_call_t *call)
{
    fcj_call_result (call, json_pack (
        "{s:s,s:o,s:{s:s,s:s,s:s},s:s}", "protocolVersion", call->version,
        "capabilities", fcj_handle_capabilities (call->front,
                                                 call->version),
        "serverInfo", "name", "freecad-jobs",
        "title", "FreeCAD jobs", "version", FCJ_VERSION,
        "instructions", fcj_handle_instructions));
}

/*  Without a store there is no session: each message stands by itself then,
 *  and what spans several of them is not to be had. */
static void s_created (void *arg, fcj_session_t *session,
                       const fcj_error_t *error)
{
    fcj_call_t *call = arg;
    if (session)
        call->sink.session (call->sink.arg, session->id);
    else
        fcj_log (FCJ_WARNING, "no_session", "why", error->text, NULL);
    s_answer (call);
}

void fcj_handle_initialize (fcj_call_t *call)
{
    fcj_error_t error;
    json_t *can = json_object_get (call->params, "capabilities");
    snprintf (call->version, sizeof call->version, "%s", fcj_era_legacy (
        json_string_value (json_object_get (call->params,
                                            "protocolVersion"))));
    if (json_dumpb (can, NULL, 0, JSON_COMPACT) > FCJ_CAPABILITIES_MAX) {
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "'capabilities' has"
                        " over %d bytes", FCJ_CAPABILITIES_MAX);
        return;
    }
    if (!json_is_object (can)) {
        can = json_object ();
        json_object_set_new (call->params, "capabilities", can);
    }
    if (!call->sink.http) {
        fcj_front_greeted (call->front, call->version, can);
        s_answer (call);
        return;
    }
    fcj_service_need (call->front->service);
    if (call->sink.session && fcj_front_open (call->front, &error) == 0)
        fcj_session_create (call->front, call->owner, call->version, can,
                            s_created, call);
    else
        s_answer (call);
}
