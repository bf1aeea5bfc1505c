/*  call.h - one JSON-RPC message on its way through the front-end.
 *
 *  Everything that a handler may depend on stands in this struct and is
 *  rebuilt for each message: era, version, capabilities, owner, progress
 *  token and the sink that takes the answer. A handler answers a call once,
 *  with fcj_call_result, fcj_call_tool or fcj_call_error, at once or later;
 *  that ends the call and frees it. A call that waits lives in front->calls;
 *  `step` is run at each event of its job and each tick.  */

#ifndef FCJ_MCP_CALL_H
#define FCJ_MCP_CALL_H

#include <jansson.h>
#include <sys/queue.h>
#include "scope.h"
#include "../jobs/codec.h"
#include "../jobs/error.h"
#include "../jobs/job.h"
#include "../jobs/limits.h"

#define FCJ_MCP_MODERN  "2026-07-28"
#define FCJ_MCP_LEGACY  "2025-11-25"
#define FCJ_MCP_DEFAULT "2025-03-26"    /* HTTP without a version header */

/*  JSON-RPC and MCP error codes. */
#define FCJ_RPC_PARSE       (-32700)
#define FCJ_RPC_REQUEST     (-32600)
#define FCJ_RPC_METHOD      (-32601)
#define FCJ_RPC_PARAMS      (-32602)
#define FCJ_RPC_INTERNAL    (-32603)
#define FCJ_RPC_HEADER      (-32020)
#define FCJ_RPC_VERSION     (-32022)
#define FCJ_RPC_RESOURCE    (-32002)    /* legacy only */

typedef struct fcj_front fcj_front_t;
typedef struct fcj_call fcj_call_t;

/*  Where the answer goes. Both take text (malloc'ed) over. answer is the
 *  last word: after it arg is not used again. text NULL: nothing to say (an
 *  accepted notification). */
typedef struct {
    void (*answer) (void *arg, int status, char *text, size_t size);
    void (*notify) (void *arg, char *text, size_t size);
    void *arg;
    /*  Before an answer of status 403: the scope that was lacking; may be
     *  NULL. */
    void (*challenge) (void *arg, fcj_scope_t needed);
    fcj_scope_t scope;          /* what the caller may do */
    bool http;                  /* disconnecting abandons the call */
    bool streams;               /* the client takes notifications */
} fcj_sink_t;

typedef void (fcj_call_step_fn) (fcj_call_t *call, const fcj_map_t *event,
                                 int64_t now);

struct fcj_call {
    fcj_front_t *front;
    fcj_sink_t sink;
    TAILQ_ENTRY (fcj_call) next;
    bool modern;
    char version[16];
    char owner[FCJ_NAME_MAX + 1];
    json_t *root;               /* the message, owned */
    json_t *id;                 /* borrowed; NULL: a notification */
    const char *method;
    json_t *params;             /* borrowed; never NULL while dispatched */
    json_t *capabilities;       /* borrowed, modern; may be NULL */
    json_t *token;              /* borrowed progressToken; may be NULL */
    double progress;            /* the last one told */

    /*  While waiting. */
    fcj_call_step_fn *step;
    json_t *tool;               /* catalogue entry, a reference of our own */
    json_t *kept;               /* what the handler keeps; owned */
    fcj_id_t job;               /* "" or the job watched */
    int64_t deadline, reread;   /* monotonic ms; reread 0: never */
};

fcj_call_t *fcj_call_new (fcj_front_t *front, const fcj_sink_t *sink,
                          const char *owner, json_t *root);

/*  Ends the call with a result (taken). In the modern era resultType and
 *  serverInfo are added; cacheable results give ttl_ms >= 0. */
void fcj_call_result (fcj_call_t *call, json_t *result);
void fcj_call_cacheable (fcj_call_t *call, json_t *result, int64_t ttl_ms,
                         bool shared);

/*  Ends the call with a protocol error. status: of HTTP; data (taken) may
 *  be NULL. */
void fcj_call_error (fcj_call_t *call, int code, int status, json_t *data,
                     const char *format, ...)
    __attribute__ ((format (printf, 5, 6)));

/*  Ends a tools/call. text: for the model. structured (taken) may be NULL;
 *  links (taken) are further content blocks, may be NULL. */
void fcj_call_tool (fcj_call_t *call, const char *text, json_t *structured,
                    json_t *links, bool is_error);
/*  ... with an error a model can act on: "reason: text". */
void fcj_call_tool_error (fcj_call_t *call, const fcj_error_t *error);
void fcj_call_tool_fail (fcj_call_t *call, fcj_reason_t reason,
                         const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

/*  notifications/progress, when the client asked for it and it rose. */
void fcj_call_progress (fcj_call_t *call, double fraction,
                        const char *message);

/*  Puts the call among the waiting ones, watching job (NULL: none). step
 *  gets each event (NULL for a tick past deadline or reread). */
void fcj_call_wait (fcj_call_t *call, const char *job, int64_t wait_ms,
                    int64_t reread_ms, fcj_call_step_fn *step);
void fcj_call_unwait (fcj_call_t *call);

/*  The client is gone or cancelled: no answer, frees the call. */
void fcj_call_abandon (fcj_call_t *call);

/*  An error message that belongs to no call (unreadable). malloc'ed. */
char *fcj_call_error_text (json_t *id, int code, const char *message,
                           json_t *data, size_t *size);
#endif
