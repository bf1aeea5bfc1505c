/*  service.h - the local service behind this front-end.
 *
 *  A connection to <run>/service.sock keeps the service alive and brings
 *  lines {"state":"starting"|"ready"|"degraded"|"failed","error":...}. When nobody
 *  listens there, `fcj-service --auto` is started, detached; several front-
 *  ends may do so at once, the service sees to it that one stays.  */

#ifndef FCJ_MCP_SERVICE_H
#define FCJ_MCP_SERVICE_H
#include "front.h"

typedef enum {
    FCJ_SERVICE_IDLE,           /* not yet needed */
    FCJ_SERVICE_STARTING, FCJ_SERVICE_READY, FCJ_SERVICE_FAILED
} fcj_service_state_t;

fcj_service_t *fcj_service_new (const fcj_config_t *config);
void fcj_service_destroy (fcj_service_t **self_p);
/*  Begins to start it, unless it is starting or ready. A failed one is
 *  tried again. Never blocks. */
void fcj_service_need (fcj_service_t *self);
/*  Connects to one that is there; starts none. */
void fcj_service_look (fcj_service_t *self);
/*  Runs fn once the service is ready or is known not to become so; at once
 *  where it is. start: one is started where none is there; otherwise then fn
 *  finds it IDLE. The call waits meanwhile. */
void fcj_service_when_ready (fcj_call_t *call, bool start,
                             void (*fn) (fcj_call_t *call));
fcj_service_state_t fcj_service_state (const fcj_service_t *self);
const char *fcj_service_error (const fcj_service_t *self);
/*  To be polled for reading; -1: none. */
int fcj_service_fd (const fcj_service_t *self);
/*  At each wake-up and tick. */
void fcj_service_run (fcj_service_t *self);
#endif
