/*  job.h - what a job is: its words, states and identity.
 *
 *      queued -> running -> completed | failed | cancelled
 *      running -> queued     the worker or its host was lost, at most twice
 *
 *  A job waiting for others (depends_on) is `queued`. Terminal states never
 *  change. Every execution is an attempt, 1-based, with a random token; only
 *  who holds the current token may renew, report progress or finish.
 *
 *  The record in Redis is described in store/store.h, the job on the wire
 *  in ../broker/PROTOCOL.md.  */

#ifndef FCJ_JOB_H
#define FCJ_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FCJ_ID_LEN    36        /* UUIDv4, lower case, with hyphens */
#define FCJ_TOKEN_LEN 32        /* 128 random bits, lower-case hex  */

typedef char fcj_id_t[FCJ_ID_LEN + 1];
typedef char fcj_token_t[FCJ_TOKEN_LEN + 1];

typedef enum {
    FCJ_QUEUED, FCJ_RUNNING, FCJ_COMPLETED, FCJ_FAILED, FCJ_CANCELLED,
    FCJ_STATE_COUNT
} fcj_state_t;

typedef enum { FCJ_LANE_COMPUTE, FCJ_LANE_GUI, FCJ_LANE_COUNT } fcj_lane_t;

typedef enum {
    FCJ_HIGH, FCJ_NORMAL, FCJ_LOW, FCJ_PRIORITY_COUNT
} fcj_priority_t;

const char *fcj_state_name (fcj_state_t state);
const char *fcj_lane_name (fcj_lane_t lane);
const char *fcj_priority_name (fcj_priority_t priority);

/*  The value of a name, or -1.  */
int fcj_state_of (const char *name);
int fcj_lane_of (const char *name);
int fcj_priority_of (const char *name);

static inline bool fcj_state_terminal (fcj_state_t state)
{
    return state >= FCJ_COMPLETED;
}

/*  New random id and token, from the kernel's generator (libsodium).  */
void fcj_id_new (fcj_id_t id);
void fcj_token_new (fcj_token_t token);

/*  True for exactly 36 characters of a lower-case UUID of version 4.  */
bool fcj_id_valid (const char *text);

/*  Milliseconds: wall clock since 1970 and monotonic.  */
int64_t fcj_now_ms (void);
int64_t fcj_mono_ms (void);

#endif
