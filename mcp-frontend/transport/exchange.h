/*  exchange.h - one request over HTTP and its answer; the parts of http.c
 *  share it, and nobody else.
 *
 *  exchange_request.c takes a request in, exchange_answer.c gives it out.
 *
 *      READING -> (message handled) -> DONE       answered at once
 *                                   -> WAITING    suspended -> DONE
 *                                   -> WAITING -> STREAMING -> DONE  */

#ifndef FCJ_MCP_EXCHANGE_H
#define FCJ_MCP_EXCHANGE_H
#include <microhttpd.h>
#include "guard.h"
#include "http.h"

#define FCJ_HTTP_ENDPOINT "/mcp"
#define FCJ_SMALL_MAX     65536 /* bytes a client may hold uncounted */

typedef struct exchange exchange_t;
struct exchange {
    TAILQ_ENTRY (exchange) next;
    fcj_http_t *http;
    struct MHD_Connection *connection;
    fcj_identity_t identity;
    bool judged;                /* identity is known to be good */
    fcj_scope_t needed;         /* of a 403: the scope that was lacking */
    const char *why;            /* of a 401: what is wrong with the token */
    char *body;
    size_t used, size, taken;   /* taken: of the guard's budget */
    bool too_large, crowded, accepts_sse, handled;
    bool suspended, answered, streaming, queued, flooded;
    void (*gone) (void *held);  /* who has to hear that the client left */
    void *held;
    enum { POST, GET, DELETE } method;
    char session[80];           /* Mcp-Session-Id of the response, or "" */
    int status;
    char *answer;               /* the JSON answer, or stream bytes to send */
    size_t answer_size, sent, answer_room;
    int64_t spoken;             /* last byte into the stream */
};

struct fcj_http {
    fcj_front_t *front;
    fcj_guard_t *guard;
    struct MHD_Daemon *daemon;
    int fd;
    int64_t peeked, rejudged;
    char *cert, *key;           /* PEM; NULL: no TLS */
    const char *public_url;     /* "" : what the Host header says */
    TAILQ_HEAD (, exchange) exchanges;
};

/* ---- exchange_request.c ------------------------------------------------ */
/*  For MHD: MHD_AccessHandlerCallback, MHD_RequestCompletedCallback. */
enum MHD_Result fcj_exchange_access (
    void *arg, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *size,
    void **place);
void fcj_exchange_completed (void *arg, struct MHD_Connection *connection,
                             void **place,
                             enum MHD_RequestTerminationCode reason);
/*  Is the token that it came with still good, as far as can be said now? */
bool fcj_exchange_may_stay (exchange_t *self);
const char *fcj_exchange_header (exchange_t *self, const char *name);
/*  Where the client reached us: as the operator says, else as it says
 *  itself; its Host has been checked. No forwarded header is believed. */
void fcj_exchange_base (exchange_t *self, char *out, size_t size);

/* ---- exchange_answer.c ------------------------------------------------- */
/*  Queues a response with this JSON text (taken; may be NULL). */
enum MHD_Result fcj_exchange_queue (exchange_t *self, unsigned int status,
                                    char *text, size_t size);
/*  ... with a JSON-RPC error. */
enum MHD_Result fcj_exchange_refuse (exchange_t *self, unsigned int status,
                                     const char *why);
/*  Queues the response whose body is a stream of events. */
enum MHD_Result fcj_exchange_stream (exchange_t *self);
/*  The sink of the exchange's call. */
fcj_sink_t fcj_exchange_sink (exchange_t *self);
/*  The sink's answer: the last word. arg: the exchange. */
void fcj_exchange_answer (void *arg, int status, char *text, size_t size);
/*  Bytes into the stream. */
void fcj_exchange_append (exchange_t *self, const char *text, size_t size);
/*  Memory for a client that grows from held to wanted, given back when its
 *  exchange is over. A little is always to be had: who asks for little is
 *  not to suffer from those who take all. */
bool fcj_exchange_take (exchange_t *self, size_t held, size_t wanted);
void fcj_exchange_resume (exchange_t *self);
/*  The client is gone: whoever waits for it is told. */
void fcj_exchange_lose (exchange_t *self);
#endif
