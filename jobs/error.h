/*  error.h - one enum of reasons and the error that boundaries hand over.
 *
 *  The first group are the reasons of a failed job (design: section 4); the
 *  second are refusals of a request, which create no job.  Their names, as
 *  fcj_reason_name() gives them, are what agents see, on the wire, in Redis
 *  and in tool results.  */

#ifndef FCJ_ERROR_H
#define FCJ_ERROR_H

#include <stdbool.h>

typedef enum {
    FCJ_OK = 0,
    /* why a job failed */
    FCJ_EXCEPTION, FCJ_INVALID, FCJ_TIMEOUT, FCJ_MEMORY, FCJ_CPU,
    FCJ_OUTPUT_LIMIT, FCJ_CRASHED, FCJ_POISON, FCJ_WORKER_LOST,
    FCJ_DEPENDENCY, FCJ_EXPIRED, FCJ_REFUSED,
    /* why a request was refused */
    FCJ_NOT_FOUND, FCJ_QUEUE_FULL, FCJ_CONFLICT, FCJ_NOT_FINISHED,
    FCJ_STORE_UNAVAILABLE, FCJ_BROKER_UNAVAILABLE, FCJ_NO_WORKER,
    FCJ_TOO_LARGE, FCJ_PROTOCOL, FCJ_STALE, FCJ_INTERNAL,
    FCJ_REASON_COUNT
} fcj_reason_t;

typedef struct {
    fcj_reason_t reason;
    bool retryable;
    char text[512];             /* UTF-8; a sentence that says what to do */
} fcj_error_t;

/*  "exception", "queue_full"...; "ok" for FCJ_OK. Never NULL.  */
const char *fcj_reason_name (fcj_reason_t reason);

/*  The reason of that name, FCJ_INTERNAL for a name nobody knows.  */
fcj_reason_t fcj_reason_of (const char *name);

/*  Fills *error (which may be NULL) and returns -1, so that a caller can
 *  `return fcj_fail (error, FCJ_INVALID, "...", ...)`. retryable is set for
 *  queue_full, store_unavailable, broker_unavailable and no_worker.  */
int fcj_fail (fcj_error_t *error, fcj_reason_t reason,
              const char *format, ...) __attribute__ ((format (printf, 3, 4)));

#endif
