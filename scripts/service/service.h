/*  service.h - the local service: a private Redis, the broker, one worker
 *  and, when asked, the HTTP front-end, kept running until told to stop.
 *
 *      starting -> ready          the broker knows a worker with slots, and
 *                                 the front-end listens, if there is one
 *      starting -> failed         with what to do; ready when that is mended
 *      ready <-> failed           a part keeps dying
 *      ready <-> degraded         no worker offers a slot: jobs are taken,
 *                                 and wait
 *
 *  One service a run directory: <run>/service.lock is held by the process
 *  that is it. Redis is started first and answers before the broker starts;
 *  the worker imports FreeCAD meanwhile.  */

#ifndef FCJ_SERVICE_H
#define FCJ_SERVICE_H
#include "../../jobs/config.h"

typedef struct {
    bool automatic;         /* leave when nobody needs us for idle_s (0: never) */
    int64_t idle_s;
    const char *http;       /* address for fcj-mcp, or NULL */
    char *const *flags;     /* configuration flags handed on to the parts */
} fcj_service_args_t;

/*  Runs until it is over; the process's exit status. The lock is held.  */
int fcj_service_run (const fcj_config_t *config,
                     const fcj_service_args_t *args);
#endif
