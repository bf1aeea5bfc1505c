/*  handle_initialize.c - the legacy handshake. Nothing is remembered but, on
 *  stdio, the version; over HTTP every message stands by itself.  */

#include <stdio.h>
#include "era.h"
#include "handlers.h"

const char fcj_handle_instructions[] =
    "FreeCAD as a job service. A tool whose name ends in _async starts a job"
    " and answers at once with a job_id. Then call get_job_status with"
    " wait_s (up to 25) until state is completed, failed or cancelled, and"
    " get_job_result for the numbers, shapes and files; files are resources"
    " job://<job_id>/<name>. cancel_job stops a job. Jobs can take each"
    " other's results as inputs: {\"job\": \"<job_id>\"}. Lengths are"
    " millimetres, angles degrees.";

json_t *fcj_handle_capabilities (void)
{
    return json_pack ("{s:{s:b},s:{}}", "tools", "listChanged", 1,
                      "resources");
}

void fcj_handle_initialize (fcj_call_t *call)
{
    const char *version = fcj_era_legacy (json_string_value (
        json_object_get (call->params, "protocolVersion")));
    if (!call->sink.http) {
        snprintf (call->front->legacy, sizeof call->front->legacy, "%s",
                  version);
        call->front->initialized = true;
    }
    json_t *capabilities = fcj_handle_capabilities ();
    if (call->sink.http)        /* no stream on which to tell a change */
        json_object_set_new (capabilities, "tools", json_object ());
    fcj_call_result (call, json_pack (
        "{s:s,s:o,s:{s:s,s:s,s:s},s:s}", "protocolVersion", version,
        "capabilities", capabilities, "serverInfo", "name", "freecad-jobs",
        "title", "FreeCAD jobs", "version", FCJ_VERSION,
        "instructions", fcj_handle_instructions));
}
