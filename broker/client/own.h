/*  own.h - what a client consists of; shared by the files of this folder.
 *
 *    client.c    the connection: who the broker is, and whether it is there
 *    request.c   what was asked, until it is answered
 *    watch.c     the jobs whose EVENTs are wanted  */

#ifndef FCJ_CLIENT_OWN_H
#define FCJ_CLIENT_OWN_H
#include "../client.h"
#include "../../jobs/job.h"
#include "../../jobs/limits.h"

#define BUCKETS         4096

typedef struct request {
    struct request *next, *prev;    /* all, oldest first */
    struct request *chain;          /* bucket of its number */
    uint32_t req;
    bool sent, failed, submit, watch;
    int64_t deadline;               /* monotonic ms */
    char type[16];
    fcj_client_fn *fn;
    void *arg;
    size_t size;
    char *body;
} request_t;

typedef struct watch {
    struct watch *chain;
    fcj_id_t id;
} watch_t;

struct fcj_client {
    void *context, *socket;
    int fd;
    char name[FCJ_NAME_MAX + 1];
    fcj_client_event_fn *on_event;
    void *arg;
    bool up;
    int64_t heard, beat_at, hello_at, scan_at;
    int64_t beat_ms;                /* the broker's */
    uint32_t last_req;
    size_t count, unsent;
    request_t *first, *last;
    request_t *buckets[BUCKETS];
    size_t watch_count;
    watch_t *watches[BUCKETS];
};

/* ---- client.c ---------------------------------------------------------- */

/*  body NULL: an empty map. -1: the socket takes no message now.  */
int fcj_client_send (fcj_client_t *self, const char *type, const void *body,
                     size_t size);

/* ---- request.c --------------------------------------------------------- */

/*  NULL: not asked, or answered before.  */
request_t *fcj_client_request_find (fcj_client_t *self, int64_t req);
/*  Calls back and forgets the request. One of reply and error is NULL.  */
void fcj_client_request_answer (fcj_client_t *self, request_t *request,
                                const fcj_map_t *reply,
                                const fcj_error_t *error);
/*  Sends what was not sent yet.  */
void fcj_client_request_send (fcj_client_t *self);
/*  The connection is lost: all is to be sent again.  */
void fcj_client_request_unsent (fcj_client_t *self);
/*  Answers those whose time is over.  */
void fcj_client_request_expire (fcj_client_t *self, int64_t now);
void fcj_client_request_free (fcj_client_t *self);

/* ---- watch.c ----------------------------------------------------------- */

/*  False: too many, or not an id.  */
bool fcj_client_watch_add (fcj_client_t *self, const char *id);
/*  False: it was not watched.  */
bool fcj_client_watch_remove (fcj_client_t *self, const char *id);
/*  A broker that has just come knows of none.  */
void fcj_client_watch_again (fcj_client_t *self);
void fcj_client_watch_free (fcj_client_t *self);
#endif
