/*  inner.h - a tool run on behalf of another method, which wants its result
 *  rather than a tool's answer: resources and completions that only a job in
 *  FreeCAD can know.  */

#ifndef FCJ_MCP_INNER_H
#define FCJ_MCP_INNER_H
#include "../front.h"

/*  structured: the tool's result, borrowed; NULL: there is none, and trouble
 *  says why. Answers the call. */
typedef void (fcj_inner_fn) (fcj_call_t *call, const json_t *structured,
                             const char *trouble);

/*  The trouble of a tool that was held in vain: it may work in a moment. */
extern const char fcj_inner_busy[];

/*  The service should be ready (service.h), or there is only trouble. Runs
 *  the tool, offered or not, with args (taken) as the call's owner;
 *  the call waits meanwhile, and uses `kept` for it. fn may be called before
 *  this returns. */
void fcj_inner_tool (fcj_call_t *call, const char *tool, json_t *args,
                     fcj_inner_fn *fn);
/*  The broker's STATUS in place of a tool's result. */
void fcj_inner_status (fcj_call_t *call, fcj_inner_fn *fn);
#endif
