/*  audience.h - who listens on service.sock, and what they are told.
 *
 *  Every client gets one JSON line when it connects and one at each change:
 *      {"state":"starting|ready|degraded|failed","error":"...","pid":1,
 *       "http":"..."}
 *  and may send {"cmd":"stop"}, or {"cmd":"stay"}: do not leave when idle. A
 *  client that does not read is dropped, one
 *  that sends more than 4 KiB without a line end too. A front-end stays
 *  connected as long as it wants the service to live.  */

#ifndef FCJ_AUDIENCE_H
#define FCJ_AUDIENCE_H
#include "../../jobs/error.h"
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#define FCJ_AUDIENCE_MAX 256

typedef struct fcj_audience fcj_audience_t;

/*  Replaces a socket file left behind: call with the service's lock held.  */
fcj_audience_t *fcj_audience_new (const char *path, fcj_error_t *error);
void fcj_audience_destroy (fcj_audience_t **self_p);

/*  Tells all when the line (without its end) differs from the last one. */
void fcj_audience_tell (fcj_audience_t *self, const char *line);
/*  Fills at most FCJ_AUDIENCE_MAX + 1 entries; returns how many.  */
size_t fcj_audience_polls (const fcj_audience_t *self, struct pollfd *polls);
/*  After poll(): the strongest of what was asked for.  */
typedef enum { FCJ_WISH_NONE, FCJ_WISH_STAY, FCJ_WISH_STOP } fcj_wish_t;
fcj_wish_t fcj_audience_run (fcj_audience_t *self);
int fcj_audience_count (const fcj_audience_t *self);
#endif
