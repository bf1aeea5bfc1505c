/*  error.c - the names of the reasons, and filling an error.
 *
 *  One table gives a reason its name; both directions read it, so a reason
 *  cannot be written under one name and read under another.  */

#include "error.h"
#include "utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const s_names[FCJ_REASON_COUNT] = {
    [FCJ_OK] = "ok",
    [FCJ_EXCEPTION] = "exception",
    [FCJ_INVALID] = "invalid",
    [FCJ_TIMEOUT] = "timeout",
    [FCJ_MEMORY] = "memory",
    [FCJ_CPU] = "cpu",
    [FCJ_OUTPUT_LIMIT] = "output_limit",
    [FCJ_CRASHED] = "crashed",
    [FCJ_POISON] = "poison",
    [FCJ_WORKER_LOST] = "worker_lost",
    [FCJ_DEPENDENCY] = "dependency",
    [FCJ_EXPIRED] = "expired",
    [FCJ_REFUSED] = "refused",
    [FCJ_NOT_FOUND] = "not_found",
    [FCJ_QUEUE_FULL] = "queue_full",
    [FCJ_CONFLICT] = "conflict",
    [FCJ_NOT_FINISHED] = "not_finished",
    [FCJ_STORE_UNAVAILABLE] = "store_unavailable",
    [FCJ_BROKER_UNAVAILABLE] = "broker_unavailable",
    [FCJ_NO_WORKER] = "no_worker",
    [FCJ_TOO_LARGE] = "too_large",
    [FCJ_PROTOCOL] = "protocol",
    [FCJ_STALE] = "stale",
    [FCJ_INTERNAL] = "internal",
};

const char *fcj_reason_name (fcj_reason_t reason)
{
    unsigned n = (unsigned) reason;
    return n < FCJ_REASON_COUNT && s_names[n] ? s_names[n] : "internal";
}

fcj_reason_t fcj_reason_of (const char *name)
{
    for (unsigned n = 0; name && n < FCJ_REASON_COUNT; n++)
        if (s_names[n] && strcmp (s_names[n], name) == 0)
            return (fcj_reason_t) n;
    return FCJ_INTERNAL;
}

int fcj_fail (fcj_error_t *error, fcj_reason_t reason, const char *format, ...)
{
    if (!error)
        return -1;
    va_list args;
    va_start (args, format);
    error->reason = reason;
    error->retryable =
        reason == FCJ_QUEUE_FULL || reason == FCJ_STORE_UNAVAILABLE ||
        reason == FCJ_BROKER_UNAVAILABLE || reason == FCJ_NO_WORKER;
    vsnprintf (error->text, sizeof (error->text), format, args);
    va_end (args);
    fcj_utf8_mend (error->text);        /* a precision, or the end, cuts */
    return -1;
}
