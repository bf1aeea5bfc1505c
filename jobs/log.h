/*  log.h - one logger: one line an event, on stderr.
 *
 *      2026-11-21T10:00:00.123Z info broker job_leased id=... worker=...
 *
 *  or, with json, {"at":...,"level":"info","part":"broker","event":...}.
 *  Values are quoted and escaped; what comes from outside cannot forge a
 *  line. Thread-safe once it is open: one write(2) a line.  */

#ifndef FCJ_LOG_H
#define FCJ_LOG_H
#include <stdbool.h>

typedef enum { FCJ_DEBUG, FCJ_INFO, FCJ_WARNING, FCJ_ERROR } fcj_level_t;

/*  part: "broker", "worker"...; kept, not copied. */
void fcj_log_open (const char *part, fcj_level_t least, bool json);

/*  fcj_log (FCJ_INFO, "job_leased", "id", id, "worker", name, NULL);
 *  event and keys are literals, values strings; the list ends with NULL. */
void fcj_log (fcj_level_t level, const char *event, ...)
    __attribute__ ((sentinel));
#endif
