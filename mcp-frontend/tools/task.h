/*  task.h - a job as a task of MCP, in both of its forms.
 *
 *  The task's id is the job's. Queued and running are `working`, running
 *  with a question `input_required`. What a model can mend (its code, its
 *  arguments, a limit) ends `completed` with isError; what it can not (no
 *  worker, expired in the queue, a lost one) `failed`. In the 2025-11-25
 *  form both are `failed`.  */

#ifndef FCJ_MCP_TASK_H
#define FCJ_MCP_TASK_H
#include "../call.h"
#include "../../jobs/store/store.h"

/*  What a tool of the catalogue says of tasks. */
typedef enum {
    FCJ_TASK_FORBIDDEN, FCJ_TASK_OPTIONAL, FCJ_TASK_REQUIRED
} fcj_task_support_t;
fcj_task_support_t fcj_task_support (const json_t *tool);

/*  How this tools/call is to be answered. */
typedef enum {
    FCJ_TASK_NONE, FCJ_TASK_LEGACY, FCJ_TASK_MODERN
} fcj_task_mode_t;
fcj_task_mode_t fcj_task_mode (const fcj_call_t *call);

/*  version: of the protocol. whole: with result, error and inputRequests as
 *  tasks/get has them (modern only). */
json_t *fcj_task_view (fcj_front_t *front, const fcj_record_t *record,
                       const char *version, bool whole);
/*  The same, read from the store (whole); NULL: none of this owner's. */
json_t *fcj_task_of (fcj_front_t *front, const char *job, const char *owner,
                     const char *version);
/*  Ends a tools/call with a task, read from the store. */
void fcj_task_answer (fcj_call_t *call, const char *job);
/*  The job's CallToolResult (terminal ones); NULL: a protocol error, then
 *  *error is {code, message}. */
json_t *fcj_task_result (fcj_front_t *front, const fcj_record_t *record,
                         const char *version, json_t **error);

/*  The questions of a job that asks: {key: {method, params}}; NULL: none.
 *  Keys are unique in the task's life. */
json_t *fcj_task_requests (fcj_front_t *front, const fcj_record_t *record);
/*  The number of the question that it asks now, 0: none. */
int64_t fcj_task_asking (const fcj_record_t *record);
/*  Takes answers {key: bare result}; sends them on when all are there: then
 *  the question's number is returned, else 0. Unknown and answered keys are
 *  ignored, as is what does not fit the schema. */
int64_t fcj_task_give (fcj_front_t *front, const fcj_record_t *record,
                       const json_t *answers);
#endif
