/*  live.h - what a call says about live documents and other jobs, besides
 *  `depends_on` (workers/PROTOCOL.md "Live shapes").  */

#ifndef FCJ_MCP_LIVE_H
#define FCJ_MCP_LIVE_H

#include <jansson.h>
#include "../../jobs/error.h"
#include "../../jobs/job.h"

/*  The arguments with each live shape replaced by an artifact of `job`, the
 *  caller's to free; the shapes are appended to `shapes`. NULL when there is
 *  none, or with error->reason set when there are too many.  */
json_t *fcj_live_take (const json_t *tool, const json_t *args,
                       const char *job, json_t *shapes, fcj_error_t *error);

/*  Tells each job id that a parameter names by x-fcj-job, or that its code
 *  names in jobs.result ("<id>"); found may refuse with -1, then so do we. */
typedef int (fcj_live_job_fn) (void *arg, const char *id);
int fcj_live_jobs (const json_t *rule, const json_t *value,
                   fcj_live_job_fn *found, void *arg);
#endif
