/*  handlers.h - one function a method, one a builtin tool. Each takes a call
 *  over and sees to it that it is answered. The file name of a method's
 *  function is handle_<first part>.c; of a tool's, tool_<what>.c.  */

#ifndef FCJ_MCP_HANDLERS_H
#define FCJ_MCP_HANDLERS_H
#include "front.h"

/* ---- Methods ----------------------------------------------------------- */
void fcj_handle_initialize (fcj_call_t *call);
void fcj_handle_discover (fcj_call_t *call);
void fcj_handle_tools_list (fcj_call_t *call);
void fcj_handle_tools_call (fcj_call_t *call);
void fcj_handle_resources_list (fcj_call_t *call);
void fcj_handle_resources_templates (fcj_call_t *call);
void fcj_handle_resources_read (fcj_call_t *call);
void fcj_handle_cancelled (fcj_call_t *call);
json_t *fcj_handle_capabilities (void);
extern const char fcj_handle_instructions[];

/* ---- Builtin tools; args: checked against the schema ------------------- */
typedef void (fcj_tool_fn) (fcj_call_t *call, const json_t *args);
fcj_tool_fn fcj_tool_status, fcj_tool_result, fcj_tool_output,
            fcj_tool_answer, fcj_tool_cancel, fcj_tool_delete, fcj_tool_list,
            fcj_tool_service_status, fcj_tool_reload;

/*  Any other tool: a job. */
void fcj_submit (fcj_call_t *call, const json_t *args);

/*  Answers with the outcome of the job in call->kept's tool entry, once it is
 *  terminal; of a job that is not, nothing: false. */
bool fcj_tool_answer_result (fcj_call_t *call, const char *job, bool plain);

/*  job_id of args, checked; NULL: the call has been answered. */
const char *fcj_tool_job_id (fcj_call_t *call, const json_t *args);
/*  Says why a record is not there, the same for unknown and another's. */
void fcj_tool_no_record (fcj_call_t *call, const char *job,
                         const fcj_error_t *error);
#endif
