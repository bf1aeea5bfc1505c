/*  front.h - the world of one fcj-mcp process.
 *
 *  main builds it and hands it down; every part finds the others here. One
 *  thread: a poll loop over the broker client, the transports, the service
 *  connection and a 100 ms tick.  */

#ifndef FCJ_MCP_FRONT_H
#define FCJ_MCP_FRONT_H

#include "auth/auth.h"
#include "call.h"
#include "tools/catalogue.h"
#include "policy.h"
#include "methods/prompts.h"
#include "../broker/client.h"
#include "../jobs/blob.h"
#include "../jobs/config.h"
#include "../jobs/store/async.h"
#include "../jobs/store/lookup.h"
#include "../jobs/store/store.h"

#define FCJ_MCP_CALLS_MAX  4096         /* waiting calls */
#define FCJ_MCP_TICK_MS    100
#define FCJ_MCP_REREAD_MS  1000         /* Redis, when no event comes */
#define FCJ_MCP_START_S    20           /* a call waits for the service */
#define FCJ_MCP_ALIVE_MS   8000         /* a sign of life, when one waits */
#define FCJ_MCP_OPEN_MS    1000         /* then the client sees a stream */
#define FCJ_MCP_LINGER_MS  1000         /* for answers, after end of input */

typedef struct fcj_service fcj_service_t;
typedef struct fcj_http fcj_http_t;
typedef struct fcj_stdio fcj_stdio_t;
TAILQ_HEAD (fcj_calls, fcj_call);
struct fcj_extra;
struct fcj_pending;
struct fcj_follower;
struct fcj_interest;

struct fcj_front {
    const fcj_config_t *config;
    const struct fcj_extra *extra;      /* NULL in fcj-mcp itself */
    fcj_token_t self;                   /* our name among front-ends */
    char user[FCJ_NAME_MAX + 1];        /* owner over stdio */
    char legacy[16];                    /* version negotiated on stdio */
    fcj_session_t *local;               /* the legacy client on stdio */
    struct fcj_interest *local_interest;
    fcj_client_t *client;               /* NULL until the first call */
    fcj_store_t *store;
    fcj_async_t *redis, *bus;           /* NULL until the first call */
    struct fcj_sessions *sessions;
    struct fcj_watches *watches;
    fcj_blobs_t *blobs;
    fcj_catalogue_t *catalogue;
    fcj_prompts_t *prompts;
    fcj_policy_t *policy;
    fcj_auth_t *auth;                   /* NULL: stdio */
    fcj_service_t *service;
    fcj_http_t *http;                   /* NULL: stdio */
    fcj_stdio_t *stdio;                 /* NULL: http */
    struct fcj_calls calls, everyone;   /* waiting; all not answered */
    fcj_call_t *at;                     /* the tick's next one */
    size_t waiting, live;               /* in calls; in everyone */
    LIST_HEAD (, fcj_pending) pendings; /* questions to clients */
    TAILQ_HEAD (, fcj_follower) followers;
    TAILQ_HEAD (, fcj_interest) interests;
    struct fcj_interest *listening;     /* the next one to be told */
    int64_t next_due;                   /* of something to be told */
    size_t live_wants;                  /* of freecad:// resources */
    struct fcj_changes *changes;
    unsigned char key[32];              /* of requestState, once sealed */
    bool sealed;
    int64_t catalogue_checked;
    volatile int *stop;
};

/*  NULL and *error when configuration or an address is wrong. address NULL:
 *  stdio. */
fcj_front_t *fcj_front_new (const fcj_config_t *config, const char *address,
                            const struct fcj_extra *extra,
                            volatile int *stop, fcj_error_t *error);
void fcj_front_destroy (fcj_front_t **self_p);

/*  Runs until *stop, or until the input of stdio has ended. */
void fcj_front_run (fcj_front_t *self);

/*  Store, blobs and broker client, made when first needed. -1 and *error
 *  when one can not be made. */
int fcj_front_open (fcj_front_t *self, fcj_error_t *error);

/*  One message, or a batch of them: parses, classifies, dispatches. owner:
 *  who sent it. The sink gets exactly one answer, perhaps before this
 *  returns. headers NULL on stdio. */
struct fcj_headers;
void fcj_front_message (fcj_front_t *self, const fcj_sink_t *sink,
                        const char *owner,
                        const struct fcj_headers *headers,
                        const char *bytes, size_t size);
/*  The same for one that is parsed (taken). */
void fcj_front_take (fcj_front_t *self, const fcj_sink_t *sink,
                     const char *owner, const struct fcj_headers *headers,
                     json_t *root);
/*  Answers one that is too long to be kept; id may be NULL.  */
void fcj_front_too_long (const fcj_sink_t *sink, json_t *id);
/*  DELETE: the session of the headers ends. */
void fcj_front_delete (fcj_front_t *self, const fcj_sink_t *sink,
                       const char *owner,
                       const struct fcj_headers *headers);
/*  The tools are others now: whoever listens is told. */
void fcj_front_tools_changed (fcj_front_t *self);
/*  The legacy client on stdio has introduced itself. */
void fcj_front_greeted (fcj_front_t *self, const char *version,
                        json_t *capabilities);
#endif
