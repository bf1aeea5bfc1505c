/*  call.h - one JSON-RPC message on its way through the front-end.
 *
 *  Everything that a handler may depend on stands in this struct and is
 *  rebuilt for each message: era, version, capabilities, owner, session,
 *  progress token and the sink that takes the answer. A handler answers a
 *  call once, with fcj_call_result, fcj_call_tool or fcj_call_error, at once
 *  or later; that ends the call and frees it. A call that waits lives in
 *  front->calls; `step` is run at each event of its job and each tick.  */

#ifndef FCJ_MCP_CALL_H
#define FCJ_MCP_CALL_H

#include <jansson.h>
#include <sys/queue.h>
#include "auth/scope.h"
#include "../jobs/codec.h"
#include "../jobs/error.h"
#include "../jobs/job.h"
#include "../jobs/limits.h"

#define FCJ_MCP_MODERN  "2026-07-28"
#define FCJ_MCP_LEGACY  "2025-11-25"
#define FCJ_MCP_DEFAULT "2025-03-26"    /* HTTP without a version header */
#define FCJ_MCP_TASKS   "io.modelcontextprotocol/tasks"     /* extension */

/*  _meta of all that belongs to a task of 2025-11-25 */
#define FCJ_MCP_RELATED "io.modelcontextprotocol/related-task"

#define FCJ_RESPONSE    "(response)"

/*  JSON-RPC and MCP error codes. */
#define FCJ_RPC_PARSE       (-32700)
#define FCJ_RPC_REQUEST     (-32600)
#define FCJ_RPC_METHOD      (-32601)
#define FCJ_RPC_PARAMS      (-32602)
#define FCJ_RPC_INTERNAL    (-32603)
#define FCJ_RPC_HEADER      (-32020)
#define FCJ_RPC_CAPABILITY  (-32021)
#define FCJ_RPC_VERSION     (-32022)
#define FCJ_RPC_RESOURCE    (-32002)    /* legacy only */
#define FCJ_RPC_SESSION     (-32001)    /* legacy only, with HTTP 404 */

typedef struct fcj_front fcj_front_t;
typedef struct fcj_call fcj_call_t;
typedef struct fcj_session fcj_session_t;
typedef struct fcj_stream fcj_stream_t;
typedef struct fcj_watch fcj_watch_t;

/*  Levels of notifications/message, as in syslog but rising. */
typedef enum {
    FCJ_SAY_DEBUG, FCJ_SAY_INFO, FCJ_SAY_NOTICE, FCJ_SAY_WARNING,
    FCJ_SAY_ERROR, FCJ_SAY_CRITICAL, FCJ_SAY_ALERT, FCJ_SAY_EMERGENCY,
    FCJ_SAY_NOTHING
} fcj_say_t;
/*  The level of a name, -1 for none. */
int fcj_say_of (const char *name);
const char *fcj_say_name (fcj_say_t level);

/*  Where the answer goes. answer and notify take text (malloc'ed) over.
 *  answer is the last word: after it arg is not used again. text NULL:
 *  nothing to say (an accepted notification, the end of a stream). id: the
 *  event's, for a client that resumes; NULL: none; with an empty text it is
 *  the first event of a stream that can be resumed. */
typedef struct {
    void (*answer) (void *arg, int status, char *text, size_t size);
    void (*notify) (void *arg, const char *id, char *text, size_t size);
    void (*open) (void *arg);   /* the answer takes its time; may be NULL */
    /*  The response's Mcp-Session-Id; may be NULL. */
    void (*session) (void *arg, const char *id);
    /*  What is told when the client is gone (fn NULL: nothing); not called
     *  after answer. May be NULL. */
    void (*hold) (void *arg, void (*fn) (void *held), void *held);
    void *arg;
    /*  Before an answer of status 403: the scope that was lacking; may be
     *  NULL. */
    void (*challenge) (void *arg, fcj_scope_t needed);
    fcj_scope_t scope;          /* what the caller may do */
    bool http;
    bool streams;               /* the client takes notifications */
} fcj_sink_t;

typedef void (fcj_call_step_fn) (fcj_call_t *call, const fcj_map_t *event,
                                 int64_t now);

struct fcj_call {
    fcj_front_t *front;
    fcj_sink_t sink;
    TAILQ_ENTRY (fcj_call) next;
    TAILQ_ENTRY (fcj_call) all;
    bool modern;
    char version[16];
    char owner[FCJ_NAME_MAX + 1];
    fcj_session_t *session;     /* legacy; NULL: modern, or none */
    fcj_stream_t *stream;       /* in between, when it can be resumed */
    json_t *root;               /* the message, owned */
    json_t *id;                 /* borrowed; NULL: a notification */
    const char *method;         /* FCJ_RESPONSE: a client's response */
    const struct fcj_headers *headers;  /* NULL: none, or gone; borrowed */
    bool versioned;             /* by a header of its own */
    json_t *params;             /* borrowed; never NULL while dispatched */
    json_t *capabilities;       /* the client's, owned; may be NULL */
    json_t *token;              /* borrowed progressToken; may be NULL */
    fcj_say_t level;            /* the lowest that is told */
    double progress;            /* the last one told */
    int64_t progress_at;        /* monotonic ms */

    /*  Input in several rounds (ask.h); owned, may be NULL. */
    void (*handle) (fcj_call_t *call);
    json_t *answers, *state, *asked;
    int64_t given;              /* the job's question that was answered */

    /*  While waiting. */
    fcj_call_step_fn *step;
    void (*ready) (fcj_call_t *call);   /* after the service (service.h) */
    json_t *tool;               /* catalogue entry, a reference of our own */
    json_t *kept;               /* what the handler keeps; owned */
    json_t *live;               /* its arguments, while shapes of a live
                                   document are fetched; owned */
    struct fcj_lookup *lookup;  /* of its job's status, while it is asked */
    fcj_watch_t *watch;
    fcj_id_t job;               /* "" or the job watched */
    fcj_id_t pending;           /* "" or the job submitted, not yet taken */
    int64_t wait_ms;            /* as the client says (wait_s); -1: it doesn't */
    bool owns_job;              /* made by it, and nobody knows its id yet */
    int64_t deadline, reread;   /* monotonic ms; reread 0: never */
    struct fcj_interest *interest;      /* of subscriptions/listen */
};

fcj_call_t *fcj_call_new (fcj_front_t *front, const fcj_sink_t *sink,
                          const char *owner, json_t *root);

/*  Ends the call with a result (taken). In the modern era resultType (unless
 *  it has one) and serverInfo are added; cacheable results give
 *  ttl_ms >= 0. */
void fcj_call_result (fcj_call_t *call, json_t *result);
void fcj_call_cacheable (fcj_call_t *call, json_t *result, int64_t ttl_ms,
                         bool shared);

/*  The same, with one more member that is a JSON text already: what is asked
 *  for often and changes seldom is not written out each time. */
void fcj_call_cacheable_text (fcj_call_t *call, json_t *result,
                              int64_t ttl_ms, bool shared, const char *name,
                              const char *text);

/*  Ends the call with a protocol error. status: of HTTP; data (taken) may
 *  be NULL. */
void fcj_call_error (fcj_call_t *call, int code, int status, json_t *data,
                     const char *format, ...)
    __attribute__ ((format (printf, 5, 6)));
/*  The client must declare a capability: {requiredCapabilities} (taken). */
void fcj_call_lacks (fcj_call_t *call, json_t *required, const char *text);

/*  Ends a tools/call. text: for the model. structured (taken) may be NULL;
 *  links (taken) are further content blocks, may be NULL. */
void fcj_call_tool (fcj_call_t *call, const char *text, json_t *structured,
                    json_t *links, bool is_error);
/*  The same as a CallToolResult, for a client of this protocol version. */
json_t *fcj_call_tool_result (const char *version, const char *text,
                              json_t *structured, json_t *links,
                              bool is_error);
/*  ... with an error a model can act on: "reason: text". */
void fcj_call_tool_error (fcj_call_t *call, const fcj_error_t *error);
void fcj_call_tool_fail (fcj_call_t *call, fcj_reason_t reason,
                         const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));

/*  A message of ours to this call's client, on its stream (params taken).
 *  id: a request's, NULL for a notification. */
void fcj_call_tell (fcj_call_t *call, const char *id, const char *method,
                    json_t *params);
/*  notifications/progress, when the client asked for it and it rose, at most
 *  one each FCJ_PROGRESS_MS but for the last; total 0: unknown. */
void fcj_call_progress (fcj_call_t *call, double progress, double total,
                        const char *message);
/*  A sign of life for a client that counts the silence: the same progress,
 *  a hair further. */
void fcj_call_alive (fcj_call_t *call, const char *message);
/*  notifications/message, when the client wants this level. */
void fcj_call_say (fcj_call_t *call, fcj_say_t level, json_t *data);

/*  Puts the call among the waiting ones, watching job (NULL: none). step
 *  gets each event (NULL for a tick past deadline or reread). */
void fcj_call_wait (fcj_call_t *call, const char *job, int64_t wait_ms,
                    int64_t reread_ms, fcj_call_step_fn *step);
void fcj_call_unwait (fcj_call_t *call);

/*  No answer any more, frees the call. */
void fcj_call_abandon (fcj_call_t *call);
/*  The client cancelled: a job that only this call knows is cancelled too. */
void fcj_call_cancel (fcj_call_t *call);

/*  An error message that belongs to no call (unreadable). malloc'ed. */
char *fcj_call_error_text (json_t *id, int code, const char *message,
                           json_t *data, size_t *size);
/*  A message as text, malloc'ed; it is taken. */
char *fcj_call_text (json_t *message, size_t *size);
#endif
