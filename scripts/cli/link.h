/*  link.h - what the commands of fcj talk to: the broker, Redis, blobs and
 *  service.sock, each opened at first use.  */

#ifndef FCJ_CLI_LINK_H
#define FCJ_CLI_LINK_H
#include "../../broker/client.h"
#include "../../jobs/blob.h"
#include "../../jobs/config.h"
#include "../../jobs/store/store.h"
#include <jansson.h>
#include <sys/types.h>

/*  Exit statuses.  */
enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_AWAY = 3 };

typedef struct {
    const fcj_config_t *config;
    const char *owner;
    bool json;                          /* for machines */
    mode_t umask;                       /* the user's, for files of theirs */
    fcj_store_t *store;
    fcj_client_t *client;
    fcj_blobs_t *blobs;
} link_t;

void link_close (link_t *self);
/*  NULL after having said why on stderr.  */
fcj_store_t *link_store (link_t *self);
fcj_blobs_t *link_blobs (link_t *self);

/*  One request and its answer as JSON, the caller's; NULL with *error.
 *  type "SUBMIT": fields is the job.  */
json_t *link_ask (link_t *self, const char *type, const fcj_pack_t *fields,
                  int64_t timeout_ms, fcj_error_t *error);

/*  Says the error on stderr (or as JSON) and gives the exit status.  */
int link_fail (const link_t *self, const fcj_error_t *error);

/*  A connection to service.sock, -1 when no service is there.  */
int link_service (const link_t *self);
/*  Next line of it as JSON, the caller's; NULL at its end or after
 *  timeout_ms.  */
json_t *link_service_line (int fd, int timeout_ms);
#endif
