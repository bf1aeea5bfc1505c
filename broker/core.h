/*  core.h - the broker decides: step (state, event, now) -> actions.
 *
 *  A pure state machine: no sockets, no clock, no randomness, no Redis. The
 *  shell (broker.c) turns messages and store replies into events, and carries
 *  out the actions in order before the next step. Memory: every job that is
 *  not terminal, without its arguments. Each job has at most one store call
 *  under way; whatever comes meanwhile waits for its outcome.
 *
 *  Times are milliseconds of one clock that never goes backward.  */

#ifndef FCJ_CORE_H
#define FCJ_CORE_H
#include "../jobs/error.h"
#include "../jobs/job.h"
#include "../jobs/limits.h"

typedef struct fcj_core fcj_core_t;

typedef enum {
    FCJ_EV_SUBMIT,      /* ref id owner lane priority depends queue_ms bytes */
    FCJ_EV_CANCEL,      /* ref id owner */
    FCJ_EV_HELLO,       /* worker name lanes slots held */
    FCJ_EV_BEAT,        /* worker held (tokens; ids are not looked at) */
    FCJ_EV_LOST,        /* worker: unheard too long */
    FCJ_EV_DRAIN,       /* worker */
    FCJ_EV_BYE,         /* worker */
    FCJ_EV_STARTED,     /* worker id token at */
    FCJ_EV_PROGRESS,    /* worker id token fraction message */
    FCJ_EV_FINISH,      /* worker id token state bytes */
    FCJ_EV_RELEASE,     /* worker id token lost unbegun why */
    FCJ_EV_ASK,         /* worker id token ask message (the JSON text) */
    FCJ_EV_UNASK,       /* worker id token ask */
    FCJ_EV_ANSWER,      /* ref id owner ask bytes */
    FCJ_EV_LANE,        /* worker: it alone serves the lane gui; "": none */
    FCJ_EV_UNSENT,      /* id token: RUN could not be sent */
    FCJ_EV_STORED,      /* id call + outcome of a store call */
    FCJ_EV_RECOVER,     /* a live job found at start-up */
    FCJ_EV_RECOVERED,   /* that was the last one: begin */
    FCJ_EV_STOP,        /* lease no more */
    FCJ_EV_TICK         /* deadlines */
} fcj_event_type_t;

/*  Bytes that the core carries and never looks into. Made with malloc; an
 *  event hands them over, also when it is refused.  */
typedef struct {
    size_t size;
    char data[];
} fcj_bytes_t;

typedef struct {
    fcj_id_t id;
    fcj_token_t token;
} fcj_held_t;

typedef struct {
    fcj_id_t id;
    int state;                      /* fcj_state_t, or -1: unknown */
} fcj_dep_t;

typedef struct {
    fcj_event_type_t type;
    uint64_t ref;                   /* who asks; 0: nobody */
    const char *id, *owner, *token, *worker, *name, *message;
    fcj_lane_t lane;
    fcj_priority_t priority;
    int64_t queue_ms;               /* may wait so long; recover: until */
    const fcj_dep_t *deps;          /* submit: ids; stored, recover: states */
    size_t dep_count;
    const fcj_held_t *held;
    size_t held_count;
    unsigned lanes;                 /* bit n: lane n */
    int slots;
    double fraction;
    int64_t at;
    bool lost, unbegun;             /* unbegun: it was never executed */
    fcj_bytes_t *bytes;
    fcj_state_t state;              /* finish, stored, recover */
    /*  stored; of a READ also token, worker, attempt, losses, ask  */
    uint32_t call;
    fcj_reason_t outcome;           /* FCJ_OK: it took effect */
    const char *text;               /* of the error */
    const char *actual;             /* submit: the id that the store holds */
    int64_t ask;                    /* number of a question; recover too */
    /*  recover  */
    int attempt, losses;
    int64_t deadline;
} fcj_event_t;

typedef enum {
    FCJ_DO_SUBMIT,      /* store: bytes, with lease when token is not empty */
    FCJ_DO_LEASE,       /* store: token worker attempt deadline deps */
    FCJ_DO_STARTED,     /* store: token at; no answer wanted */
    FCJ_DO_PROGRESS,    /* store: token fraction message; no answer wanted */
    FCJ_DO_ASK,         /* store: token ask message; no answer wanted */
    FCJ_DO_UNASK,       /* store: token ask; ref, if any, is answered by it */
    FCJ_DO_RENEW,       /* store: token deadline; no answer wanted */
    FCJ_DO_FINISH,      /* store: bytes, or without: failed, reason, text */
    FCJ_DO_REQUEUE,     /* store: token lost ran text */
    FCJ_DO_READ,        /* store: how the record stands */
    FCJ_DO_CANCEL,      /* store: owner */
    FCJ_DO_RUN,         /* worker: bytes, or NULL: spec of the lease's reply */
    FCJ_DO_KILL,        /* worker: id token text */
    FCJ_DO_FINISHED,    /* worker: id token */
    FCJ_DO_ANSWER,      /* worker: id token ask bytes */
    FCJ_DO_ACCEPTED,    /* ref: id state existing */
    FCJ_DO_REFUSED,     /* ref: reason text retryable */
    FCJ_DO_DONE,        /* ref: state */
    FCJ_DO_EVENT,       /* watchers of id: state ("gone": terminal unknown) */
    FCJ_DO_WARN         /* log: id text */
} fcj_action_type_t;

typedef struct {
    fcj_action_type_t type;
    uint64_t ref;
    uint32_t call;
    int attempt;
    fcj_id_t id;
    fcj_token_t token;
    char worker[FCJ_ID_LEN + 1];
    const char *owner;              /* these point into core or event, */
    const char *message;            /* valid until the next step */
    const fcj_bytes_t *bytes;
    const uint8_t (*deps)[16];      /* fcj_core_id_text() makes text of it */
    size_t dep_count;
    int64_t deadline, at, ask;
    double fraction;
    const char *state;
    fcj_reason_t reason;
    bool lost, ran, existing, retryable;
    char text[160];
} fcj_action_t;

typedef void (fcj_token_fn) (void *arg, fcj_token_t token);

fcj_core_t *fcj_core_new (size_t queue_max, size_t owner_max,
                          fcj_token_fn *token, void *arg);
void fcj_core_destroy (fcj_core_t **self_p);
/*  How long a lease is; FCJ_LEASE_MS when this is not called. Once, before
 *  the first step.  */
void fcj_core_set_lease (fcj_core_t *self, int64_t ms);

/*  Returns how many actions it made; read them before the next step.  */
size_t fcj_core_step (fcj_core_t *self, const fcj_event_t *event,
                      int64_t now);
const fcj_action_t *fcj_core_action (const fcj_core_t *self, size_t n);
/*  When the next TICK is due, INT64_MAX: not at all.  */
int64_t fcj_core_due (const fcj_core_t *self);

/* ---- Looking ----------------------------------------------------------- */

typedef struct {
    size_t live, queued[FCJ_LANE_COUNT], waiting, running;
    uint64_t submitted, completed, failed, cancelled, requeued;
} fcj_core_counts_t;
void fcj_core_counts (const fcj_core_t *self, fcj_core_counts_t *counts);

/*  "queued" or "running", NULL when the core does not hold it. Fills owner,
 *  attempt (either may be NULL).  */
const char *fcj_core_state (const fcj_core_t *self, const char *id,
                            const char **owner, int *attempt);
/*  1-based position in line, 0 when it is not queued, -1 unknown.  */
int64_t fcj_core_place (const fcj_core_t *self, const char *id,
                        const char **owner);
/*  -1: unknown.  */
int fcj_core_lane (const fcj_core_t *self, const char *id);
/*  Worker n, NULL behind the last.  */
typedef struct {
    const char *worker, *name;
    unsigned lanes;
    int slots, busy;
    bool connected, draining;
} fcj_core_worker_t;
bool fcj_core_worker (const fcj_core_t *self, size_t n,
                      fcj_core_worker_t *view);
/*  Calls fn for each job that runs on worker n.  */
void fcj_core_running (const fcj_core_t *self, size_t n,
                       void (*fn) (void *arg, const char *id,
                                   const char *owner), void *arg);
/*  True while a store call has no outcome.  */
bool fcj_core_pending (const fcj_core_t *self);
/*  NULL when all its counters, lines and lists agree with each other, else
 *  what does not. O(jobs): for tests.  */
const char *fcj_core_check (const fcj_core_t *self);

void fcj_core_id_text (const uint8_t id[16], fcj_id_t text);
#endif
