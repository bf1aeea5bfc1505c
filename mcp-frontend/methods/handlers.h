/*  handlers.h - one function a method, one a builtin tool. Each takes a call
 *  over and sees to it that it is answered. The file name of a method's
 *  function is handle_<first part>.c; of a tool's, tool_<what>.c.  */

#ifndef FCJ_MCP_HANDLERS_H
#define FCJ_MCP_HANDLERS_H
#include "../front.h"

/* ---- Methods ----------------------------------------------------------- */
void fcj_handle_initialize (fcj_call_t *call);
void fcj_handle_discover (fcj_call_t *call);
void fcj_handle_tools_list (fcj_call_t *call);
void fcj_handle_tools_call (fcj_call_t *call);
void fcj_handle_resources_list (fcj_call_t *call);
void fcj_handle_resources_templates (fcj_call_t *call);
void fcj_handle_resources_read (fcj_call_t *call);
void fcj_handle_cancelled (fcj_call_t *call);
void fcj_handle_response (fcj_call_t *call);
void fcj_handle_level (fcj_call_t *call);
void fcj_handle_subscribe (fcj_call_t *call);
void fcj_handle_unsubscribe (fcj_call_t *call);
void fcj_handle_listen (fcj_call_t *call);
void fcj_handle_tasks_get (fcj_call_t *call);
void fcj_handle_tasks_result (fcj_call_t *call);
void fcj_handle_tasks_list (fcj_call_t *call);
void fcj_handle_tasks_cancel (fcj_call_t *call);
void fcj_handle_tasks_update (fcj_call_t *call);
void fcj_handle_prompts_list (fcj_call_t *call);
void fcj_handle_prompts_get (fcj_call_t *call);
void fcj_handle_complete (fcj_call_t *call);
/*  What this server can, for a client of the version. */
json_t *fcj_handle_capabilities (const fcj_front_t *front,
                                 const char *version);
/*  0, or -1: the call was refused for want of the tasks extension. */
int fcj_handle_needs_tasks (fcj_call_t *call);
/*  Whether the owner may hear of a URI, or of "task:<id>". */
bool fcj_handle_may_want (fcj_front_t *front, const char *what,
                          const char *owner);
/*  The server ends a subscriptions/listen. */
void fcj_handle_listen_end (fcj_call_t *call);
/*  Ends the call of this id in a session ("" on stdio), if it came with no
 *  more than this scope; false: none. */
bool fcj_cancel_call (fcj_front_t *front, const char *session,
                      const json_t *id, fcj_scope_t scope);
extern const char fcj_handle_instructions[];

/* ---- Builtin tools; args: checked against the schema ------------------- */
typedef void (fcj_tool_fn) (fcj_call_t *call, const json_t *args);
fcj_tool_fn fcj_tool_status, fcj_tool_result, fcj_tool_output,
            fcj_tool_answer, fcj_tool_cancel, fcj_tool_delete, fcj_tool_list,
            fcj_tool_service_status, fcj_tool_reload;

/*  Any other tool: a job. */
void fcj_submit (fcj_call_t *call, const json_t *args);
/*  Waits for a job, as long as its tool is held, and answers with its
 *  result, a task or a handle. (held.c) */
void fcj_hold (fcj_call_t *call, const char *job, const char *state,
               bool existing);
/*  The same, in the next round of a call whose job asked something. */
void fcj_hold_again (fcj_call_t *call, const char *job);
/*  What a call that waits for a job does with an event of it: progress, log
 *  messages, a sign of life. */
void fcj_hold_tell (fcj_call_t *call, const fcj_map_t *event);
/*  What a call that was told of progress gets before the answer: the last of
 *  it, from the record of the job that is over. Its event may have come too
 *  soon after another one, or with the end. */
void fcj_hold_told (fcj_call_t *call, const fcj_record_t *record);
/*  Asks what the job asks, if it does and the client can be asked. True: the
 *  handler will be run again. */
bool fcj_hold_ask (fcj_call_t *call, const fcj_record_t *record);

/*  How a result looks: as the record with it, as the tool's own schema says,
 *  or as a job handle with it. */
typedef enum {
    FCJ_SHAPE_RECORD, FCJ_SHAPE_PLAIN, FCJ_SHAPE_HANDLE
} fcj_shape_t;
fcj_shape_t fcj_tool_shape (const json_t *tool);
/*  The CallToolResult of a terminal job; NULL: it is not terminal. */
json_t *fcj_tool_outcome (fcj_front_t *front, const fcj_record_t *record,
                          const char *version, fcj_shape_t shape);
/*  Answers with the outcome of a job of call->tool, once it is terminal; of
 *  a job that is not, nothing: false. */
bool fcj_tool_answer_result (fcj_call_t *call, const char *job);
/*  Asks the broker to cancel; nobody waits for the answer. */
void fcj_tool_cancel_job (fcj_front_t *front, const char *job,
                          const char *owner);

/*  A piece of what a job printed, as it is now: at most limit bytes from
 *  piece->offset on; an offset below 0 stands for the last ones. bytes is the
 *  caller's, may be NULL.  */
typedef struct {
    char *bytes;
    size_t size;
    int64_t offset;             /* of bytes */
    int64_t total;
} fcj_piece_t;
void fcj_output_read (fcj_call_t *call, const fcj_record_t *record,
                      const char *stream, size_t limit, fcj_piece_t *piece);

/*  How much a job that runs here has printed; stream begins with stdout or
 *  stderr. -1: not known. */
int64_t fcj_output_size (const fcj_front_t *front, const char *job,
                         const char *stream);

/*  job_id of args, checked; NULL: the call has been answered. */
const char *fcj_tool_job_id (fcj_call_t *call, const json_t *args);
/*  Says why a record is not there, the same for unknown and another's. */
void fcj_tool_no_record (fcj_call_t *call, const char *job,
                         const fcj_error_t *error);
/*  The record without result and output, the caller's; NULL: the call has
 *  been answered. */
fcj_record_t *fcj_tool_record (fcj_call_t *call, const char *job);
#endif
