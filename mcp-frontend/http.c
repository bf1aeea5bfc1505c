/*  http.c - a request is checked in the order in which it may be refused
 *  cheapest: path and method, Host and Origin, token, type, size. Only then
 *  is its body read (a token whose key must be fetched first is judged after
 *  that), and parsed before the status of the answer is known.
 *
 *  A connection's exchange is in one of these states:
 *      READING -> (message handled) -> DONE       answered at once
 *                                   -> WAITING    suspended -> DONE
 *                                   -> WAITING -> STREAMING -> DONE  */

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include "era.h"
#include "follow.h"
#include "guard.h"
#include "http.h"
#include "stream.h"
#include "../jobs/log.h"

#define ENDPOINT      "/mcp"
#define DISCARD_MAX   (64L * 1024 * 1024)   /* of a body that is too large */
#define KEEPALIVE_MS  15000
#define PEEK_MS       1000
#define SMALL_MAX     65536     /* what a client may hold uncounted */
#define STREAM_MAX    (32L * 1024 * 1024)   /* not read by its client */

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
    int64_t peeked;
    char *cert, *key;           /* PEM; NULL: no TLS */
    const char *public_url;     /* "" : what the Host header says */
    TAILQ_HEAD (, exchange) exchanges;
};

/* ---- Responses --------------------------------------------------------- */

static const char *s_header (exchange_t *self, const char *name)
{
    return MHD_lookup_connection_value (self->connection, MHD_HEADER_KIND,
                                        name);
}

/*  Where the client reached us: as the operator says, else as it says
 *  itself; its Host has been checked. No forwarded header is believed. */
static void s_base (exchange_t *self, char *out, size_t size)
{
    const char *url = self->http->public_url;
    const char *host = s_header (self, "Host");
    if (*url)
        snprintf (out, size, "%s", url);
    else
        snprintf (out, size, "http%s://%s%s", self->http->cert? "s": "",
                  host? host: "localhost", ENDPOINT);
}

static void s_challenge (exchange_t *self, struct MHD_Response *response)
{
    char base[512], text[2048];
    s_base (self, base, sizeof base);
    fcj_auth_challenge (self->http->front->auth, base, self->needed,
                        self->why, text, sizeof text);
    MHD_add_response_header (response, "WWW-Authenticate", text);
}

/*  Memory for a client that grows from held to wanted, given back when its
 *  exchange is over. A little is always to be had: who asks for little is
 *  not to suffer from those who take all. */
static bool s_take (exchange_t *self, size_t held, size_t wanted)
{
    held = held > SMALL_MAX? held: SMALL_MAX;
    size_t bytes = wanted > held? wanted - held: 0;
    if (!fcj_guard_take (self->http->guard, bytes))
        return false;
    self->taken += bytes;
    return true;
}

static enum MHD_Result s_queue (exchange_t *self, unsigned int status,
                                char *text, size_t size)
{
    if (!s_take (self, 0, size)) {
        free (text);
        text = NULL;
        size = 0;
        status = MHD_HTTP_SERVICE_UNAVAILABLE;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer (
        size, text, text? MHD_RESPMEM_MUST_FREE: MHD_RESPMEM_PERSISTENT);
    if (!response) {
        free (text);
        return MHD_NO;
    }
    if (size)
        MHD_add_response_header (response, "Content-Type",
                                 "application/json");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header (response, "Allow", "GET, POST, DELETE");
    if (status == MHD_HTTP_UNAUTHORIZED
        || (status == MHD_HTTP_FORBIDDEN && self->needed))
        s_challenge (self, response);
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header (response, "Retry-After", "5");
    if (*self->session)
        MHD_add_response_header (response, "Mcp-Session-Id", self->session);
    enum MHD_Result rc = MHD_queue_response (self->connection, status,
                                             response);
    MHD_destroy_response (response);
    self->queued = true;
    return rc;
}

static enum MHD_Result s_refuse (exchange_t *self, unsigned int status,
                                 const char *why)
{
    size_t size;
    char *text = fcj_call_error_text (NULL, FCJ_RPC_REQUEST, why, NULL,
                                      &size);
    return s_queue (self, status, text, size);
}

/* ---- The sink ---------------------------------------------------------- */

/*  A client that does not read loses its stream, not our memory. */
static void s_append (exchange_t *self, const char *text, size_t size)
{
    if (self->sent == self->answer_size)
        self->sent = self->answer_size = 0;
    if (self->answer_size - self->sent > (size_t) STREAM_MAX)
        self->flooded = true;
    if (self->flooded)
        return;
    if (self->answer_size + size > self->answer_room) {
        size_t room = (self->answer_size + size) * 2;
        if (!s_take (self, self->answer_room, room)) {
            self->flooded = true;
            return;
        }
        char *moved = realloc (self->answer, room);
        if (!moved)
            abort ();
        self->answer = moved;
        self->answer_room = room;
    }
    memcpy (self->answer + self->answer_size, text, size);
    self->answer_size += size;
    self->spoken = fcj_mono_ms ();
}

/*  id with an empty text: the first event of a stream to be resumed. */
static void s_append_event (exchange_t *self, const char *id,
                            const char *text, size_t size)
{
    char head[160];
    int length = 0;
    if (id && !size)
        length = snprintf (head, sizeof head, "id: %s\nretry: %d\ndata:", id,
                           FCJ_LOG_RETRY);
    else
        length = snprintf (head, sizeof head, "%s%s%sevent: message\ndata: ",
                           id? "id: ": "", id? id: "", id? "\n": "");
    s_append (self, head, (size_t) length);
    s_append (self, text, size);
    s_append (self, "\n\n", 2);
}

static void s_resume (exchange_t *self)
{
    if (!self->suspended)
        return;
    self->suspended = false;
    MHD_resume_connection (self->connection);
}

static void s_answer (void *arg, int status, char *text, size_t size)
{
    exchange_t *self = arg;
    self->gone = NULL;
    self->answered = true;
    if (self->streaming) {
        if (text)
            s_append_event (self, NULL, text, size);
        free (text);
    }
    else {
        self->status = text || status != 200? status: 202;
        self->answer = text;
        self->answer_size = size;
    }
    s_resume (self);
}

static void s_notify (void *arg, const char *id, char *text, size_t size)
{
    exchange_t *self = arg;
    self->streaming = true;
    s_append_event (self, id, text, size);
    free (text);
    s_resume (self);
}

/*  The client sees at once that there will be an answer. */
static void s_open (void *arg)
{
    exchange_t *self = arg;
    if (self->streaming || !self->accepts_sse)
        return;
    self->streaming = true;
    s_append (self, ": open\n\n", 8);
    s_resume (self);
}

static void s_set_session (void *arg, const char *id)
{
    exchange_t *self = arg;
    snprintf (self->session, sizeof self->session, "%s", id);
}

static void s_hold (void *arg, void (*fn) (void *held), void *held)
{
    exchange_t *self = arg;
    if (self->answered)
        return;
    self->gone = fn;
    self->held = held;
}

static void s_lose (exchange_t *self)
{
    void (*gone) (void *held) = self->gone;
    self->gone = NULL;
    if (gone)
        gone (self->held);
}

/*  What a stream still has to send; suspends when there is nothing. */
static ssize_t s_stream (void *arg, uint64_t position, char *buffer,
                         size_t most)
{
    exchange_t *self = arg;
    (void) position;
    size_t left = self->answer_size - self->sent;
    if (left) {
        size_t count = left < most? left: most;
        memcpy (buffer, self->answer + self->sent, count);
        self->sent += count;
        return (ssize_t) count;
    }
    if (self->answered || self->flooded)
        return MHD_CONTENT_READER_END_OF_STREAM;
    self->suspended = true;
    MHD_suspend_connection (self->connection);
    return 0;
}

static enum MHD_Result s_open_stream (exchange_t *self)
{
    struct MHD_Response *response = MHD_create_response_from_callback (
        MHD_SIZE_UNKNOWN, 4096, s_stream, self, NULL);
    if (!response)
        return MHD_NO;
    MHD_add_response_header (response, "Content-Type", "text/event-stream");
    MHD_add_response_header (response, "Cache-Control",
                             "no-cache, no-transform");
    MHD_add_response_header (response, "X-Accel-Buffering", "no");
    enum MHD_Result rc = MHD_queue_response (self->connection, MHD_HTTP_OK,
                                             response);
    MHD_destroy_response (response);
    self->queued = true;
    return rc;
}

static void s_note_scope (void *arg, fcj_scope_t needed)
{
    ((exchange_t *) arg)->needed = needed;
}

/* ---- Who it is --------------------------------------------------------- */

/*  The metadata of RFC 9728, for everybody; a browser's client may read it
 *  from any page. 0: it is asked for something else. */
static int s_metadata (exchange_t *self, const char *url, const char *method,
                       enum MHD_Result *rc)
{
    static const char WELL_KNOWN[] = "/.well-known/oauth-protected-resource";
    char base[512];
    size_t length = sizeof WELL_KNOWN - 1;
    if (strncmp (url, WELL_KNOWN, length) != 0)
        return 0;
    s_base (self, base, sizeof base);
    const char *host = strstr (base, "://") + 3;
    const char *path = host + strcspn (host, "/");
    if (url[length] && strcmp (url + length, ENDPOINT) != 0
        && strcmp (url + length, path) != 0)
        return 0;
    char *text = fcj_auth_metadata (self->http->front->auth, base);
    if (!text)
        return 0;               /* without an issuer there is none */
    bool asks = strcmp (method, "OPTIONS") == 0;
    struct MHD_Response *response = MHD_create_response_from_buffer (
        asks? 0: strlen (text), text, MHD_RESPMEM_MUST_FREE);
    MHD_add_response_header (response, "Access-Control-Allow-Origin", "*");
    if (asks) {
        MHD_add_response_header (response, "Access-Control-Allow-Methods",
                                 "GET, OPTIONS");
        MHD_add_response_header (response, "Access-Control-Allow-Headers",
                                 "*");
    }
    else
        MHD_add_response_header (response, "Content-Type",
                                 "application/json");
    *rc = MHD_queue_response (self->connection, asks? 204: 200, response);
    MHD_destroy_response (response);
    self->queued = true;
    return -1;
}

/*  0: go on, perhaps to wait for keys; else the refusal is queued. */
static int s_authorize (exchange_t *self, enum MHD_Result *rc)
{
    char text[300];
    fcj_verdict_t verdict = fcj_auth_check (
        self->http->front->auth, s_header (self, "Authorization"),
        &self->identity, &self->why);
    self->judged = verdict == FCJ_AUTH_GOOD;
    if (verdict == FCJ_AUTH_GOOD || verdict == FCJ_AUTH_WAIT)
        return 0;
    if (verdict == FCJ_AUTH_AWAY)
        *rc = s_refuse (self, MHD_HTTP_SERVICE_UNAVAILABLE, "The token can"
            " not be judged now: the keys of its issuer can not be had; try"
            " again in a moment");
    else {
        snprintf (text, sizeof text, "A valid bearer token is needed%s%s",
                  self->why? "; the one that came is not: ": "",
                  self->why? self->why: "");
        *rc = s_refuse (self, MHD_HTTP_UNAUTHORIZED, text);
    }
    return -1;
}

/* ---- Requests ---------------------------------------------------------- */

static bool s_is_json (const char *type)
{
    static const char JSON[] = "application/json";
    size_t length = sizeof JSON - 1;
    return type && strncasecmp (type, JSON, length) == 0
        && (!type[length] || strchr ("; \t", type[length]));
}

/*  GET and DELETE are of sessions, which only a legacy client has. */
static int s_method (exchange_t *self, const char *method)
{
    bool session = s_header (self, "Mcp-Session-Id") != NULL;
    if (strcmp (method, "POST") == 0)
        self->method = POST;
    else if (strcmp (method, "GET") == 0 && session)
        self->method = GET;
    else if (strcmp (method, "DELETE") == 0 && session)
        self->method = DELETE;
    else
        return -1;
    return 0;
}

/*  0: go on; else the response is queued and *rc is its outcome. */
static int s_check (exchange_t *self, const char *url, const char *method,
                    enum MHD_Result *rc)
{
    const fcj_policy_t *policy = self->http->front->policy;
    const char *accept = s_header (self, "Accept");
    self->accepts_sse = !accept || strstr (accept, "text/event-stream")
                     || strstr (accept, "*/*");
    if (fcj_policy_host (policy, s_header (self, "Host"))
        && s_metadata (self, url, method, rc) != 0)
        return -1;
    if (!fcj_policy_host (policy, s_header (self, "Host"))
        || !fcj_policy_origin (policy, s_header (self, "Origin")))
        *rc = s_refuse (self, MHD_HTTP_FORBIDDEN, "This Host or Origin is"
            " not allowed; the operator can name it in allow-host");
    else if (strcmp (url, ENDPOINT) != 0)
        *rc = s_refuse (self, MHD_HTTP_NOT_FOUND, "The endpoint is "
                        ENDPOINT);
    else if (s_method (self, method) != 0)
        *rc = s_refuse (self, MHD_HTTP_METHOD_NOT_ALLOWED, "Only POST;"
                        " GET and DELETE need an Mcp-Session-Id");
    else if (s_authorize (self, rc) != 0)
        return -1;
    else if (self->method != POST)
        return 0;
    else if (!s_is_json (s_header (self, "Content-Type")))
        *rc = s_refuse (self, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
                        "Content-Type must be application/json");
    else
        return 0;
    return -1;
}

static enum MHD_Result s_upload (exchange_t *self, const char *data,
                                 size_t *size)
{
    size_t count = *size;
    *size = 0;
    if (self->used + count > FCJ_REQUEST_MAX)
        self->too_large = true;
    if (self->too_large || self->crowded) { /* read on, so that the answer is seen */
        self->used += count;
        return self->used > DISCARD_MAX? MHD_NO: MHD_YES;
    }
    if (self->used + count > self->size) {
        size_t larger = self->size? self->size * 2: 2048;
        while (larger < self->used + count)
            larger *= 2;
        if (!s_take (self, self->size, larger)) {
            self->crowded = true;
            self->used += count;
            return MHD_YES;
        }
        char *moved = realloc (self->body, larger);
        if (!moved)
            return MHD_NO;
        self->body = moved;
        self->size = larger;
    }
    memcpy (self->body + self->used, data, count);
    self->used += count;
    return MHD_YES;
}

/*  Keeps the MCP headers of a request; notes when one came twice. */
static enum MHD_Result s_note (void *arg, enum MHD_ValueKind kind,
                               const char *key, const char *value)
{
    fcj_headers_t *headers = arg;
    const char **place = NULL;
    (void) kind;
    if (strcasecmp (key, "MCP-Protocol-Version") == 0)
        place = &headers->version;
    else if (strcasecmp (key, "Mcp-Method") == 0)
        place = &headers->method;
    else if (strcasecmp (key, "Mcp-Name") == 0)
        place = &headers->name;
    else if (strcasecmp (key, "Mcp-Session-Id") == 0)
        place = &headers->session;
    else if (strcasecmp (key, "Last-Event-ID") == 0)
        place = &headers->last_event;
    else if (strncasecmp (key, "Mcp-Param-", 10) == 0
             && headers->params_count < FCJ_HEADER_PARAMS) {
        headers->params[headers->params_count].name = key + 10;
        place = &headers->params[headers->params_count++].value;
    }
    if (place && *place)
        headers->doubled = true;
    else if (place)
        *place = value? value: "";
    return MHD_YES;
}

static void s_handle (exchange_t *self)
{
    fcj_headers_t headers;
    memset (&headers, 0, sizeof headers);
    fcj_sink_t sink = {
        .answer = s_answer, .notify = s_notify, .open = s_open,
        .session = s_set_session, .hold = s_hold, .arg = self,
        .challenge = s_note_scope, .scope = self->identity.scope,
        .http = true, .streams = self->accepts_sse
    };
    self->handled = true;
    if (self->crowded || (self->method != POST
                          && self->identity.scope < FCJ_SCOPE_READ)) {
        size_t size;
        self->needed = self->crowded? FCJ_SCOPE_NONE: FCJ_SCOPE_READ;
        char *answer = fcj_call_error_text (NULL, FCJ_RPC_REQUEST,
            self->crowded? "Too much is being sent at once; try again in a"
            " moment": "Your token lacks the scope fcj:read", NULL, &size);
        s_answer (self, self->crowded? MHD_HTTP_SERVICE_UNAVAILABLE
                                     : MHD_HTTP_FORBIDDEN, answer, size);
        return;
    }
    if (self->too_large) {
        size_t size;
        char text[200];
        snprintf (text, sizeof text, "The message has over %d bytes. Send"
                  " less code, or pass data by reference (a job's artifact,"
                  " a file below a workspace root).", FCJ_REQUEST_MAX);
        char *answer = fcj_call_error_text (NULL, FCJ_RPC_REQUEST, text,
                                            NULL, &size);
        s_answer (self, MHD_HTTP_CONTENT_TOO_LARGE, answer, size);
        return;
    }
    MHD_get_connection_values (self->connection, MHD_HEADER_KIND, s_note,
                               &headers);
    fcj_front_t *front = self->http->front;
    if (self->method == GET)
        fcj_follow (front, &sink, self->identity.owner, &headers);
    else if (self->method == DELETE)
        fcj_front_delete (front, &sink, self->identity.owner, &headers);
    else
        fcj_front_message (front, &sink, self->identity.owner, &headers,
                           self->body? self->body: "", self->used);
    free (self->body);
    self->body = NULL;
    if (self->size > SMALL_MAX) {
        fcj_guard_give (self->http->guard, self->size - SMALL_MAX);
        self->taken -= self->size - SMALL_MAX;
    }
    self->size = 0;
}

static enum MHD_Result s_respond (exchange_t *self)
{
    if (self->streaming)
        return s_open_stream (self);
    if (self->answered) {
        char *text = self->answer;
        self->answer = NULL;
        return s_queue (self, (unsigned int) self->status, text,
                        self->answer_size);
    }
    self->suspended = true;
    MHD_suspend_connection (self->connection);
    return MHD_YES;
}

static enum MHD_Result s_access (void *arg, struct MHD_Connection *connection,
                                 const char *url, const char *method,
                                 const char *version, const char *data,
                                 size_t *size, void **place)
{
    exchange_t *self = *place;
    (void) version;
    if (!self) {
        self = calloc (1, sizeof *self);
        if (!self)
            return MHD_NO;
        enum MHD_Result rc = MHD_YES;
        self->http = arg;
        self->connection = connection;
        TAILQ_INSERT_TAIL (&self->http->exchanges, self, next);
        *place = self;
        fcj_guard_phase (connection, FCJ_GUARD_BODY);
        if (s_check (self, url, method, &rc) != 0)
            return rc;
        return MHD_YES;
    }
    if (self->queued)
        return MHD_YES;
    if (*size)
        return s_upload (self, data, size);
    fcj_guard_phase (connection, FCJ_GUARD_WORK);
    enum MHD_Result rc = MHD_YES;
    if (!self->judged && s_authorize (self, &rc) != 0)
        return rc;
    if (!self->judged) {        /* until fcj_http_recheck */
        self->suspended = true;
        MHD_suspend_connection (connection);
        return MHD_YES;
    }
    if (!self->handled)
        s_handle (self);
    return s_respond (self);
}

static void s_completed (void *arg, struct MHD_Connection *connection,
                         void **place,
                         enum MHD_RequestTerminationCode reason)
{
    exchange_t *self = *place;
    (void) arg;
    (void) reason;
    if (!self)
        return;
    s_lose (self);
    fcj_guard_phase (connection, FCJ_GUARD_HEAD);
    fcj_guard_give (self->http->guard, self->taken);
    TAILQ_REMOVE (&self->http->exchanges, self, next);
    free (self->body);
    free (self->answer);
    free (self);
    *place = NULL;
}

/* ---- Listening --------------------------------------------------------- */

/*  "host:port" into two strings; brackets of IPv6 are taken off. */
static int s_split (const char *address, char *host, char *port, size_t size)
{
    const char *colon = strrchr (address, ':');
    if (!colon || strlen (address) >= size)
        return -1;
    size_t length = (size_t) (colon - address);
    if (length >= 2 && address[0] == '[' && colon[-1] == ']') {
        address++;
        length -= 2;
    }
    memcpy (host, address, length);
    host[length] = 0;
    strcpy (port, colon + 1);
    return *port && !port[strspn (port, "0123456789")]? 0: -1;
}

static bool s_is_loopback (const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *) address;
        return (ntohl (v4->sin_addr.s_addr) >> 24) == 127;
    }
    const struct sockaddr_in6 *v6 = (const void *) address;
    return address->sa_family == AF_INET6
        && memcmp (&v6->sin6_addr, &in6addr_loopback, 16) == 0;
}

static int s_bind (const struct addrinfo *info, fcj_error_t *error,
                   const char *address)
{
    int one = 1;
    int fd = socket (info->ai_family, SOCK_STREAM | SOCK_CLOEXEC
                     | SOCK_NONBLOCK, 0);
    if (fd >= 0)
        setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind (fd, info->ai_addr, info->ai_addrlen) != 0
        || listen (fd, SOMAXCONN) != 0) {
        fcj_fail (error, FCJ_INVALID, "cannot listen on %s: %s", address,
                  strerror (errno));
        if (fd >= 0)
            close (fd);
        return -1;
    }
    return fd;
}

static int s_listen (const fcj_front_t *front, const char *address,
                     fcj_error_t *error)
{
    char host[256], port[256];
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_PASSIVE }, *found = NULL;
    if (s_split (address, host, port, sizeof host) != 0
        || getaddrinfo (*host? host: "127.0.0.1", port, &hints, &found) != 0)
        return fcj_fail (error, FCJ_INVALID, "'%.200s' is no address to"
                         " listen on; give host:port, as 127.0.0.1:8765",
                         address);
    int fd = -1;
    bool local = s_is_loopback (found->ai_addr);
    bool tls = *fcj_config_str (front->config, "tls-cert");
    if (!local && !fcj_auth_on (front->auth))
        fcj_fail (error, FCJ_INVALID, "%.200s can be reached by others:"
                  " that needs tokens (`fcj token add NAME` makes one) or"
                  " an auth-issuer; or listen on 127.0.0.1", address);
    else {
        if (!local && !tls)
            fcj_log (FCJ_WARNING, "http_without_tls", "address", address,
                     "advice", "tokens can be read on the way: set tls-cert"
                     " and tls-key, or put a TLS proxy in front", NULL);
        fd = s_bind (found, error, address);
    }
    freeaddrinfo (found);
    return fd;
}

static void s_log_address (int fd)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    char host[128] = "?", port[16] = "?";
    if (getsockname (fd, (struct sockaddr *) &bound, &size) == 0)
        getnameinfo ((struct sockaddr *) &bound, size, host, sizeof host,
                     port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    fcj_log (FCJ_INFO, "http_listening", "host", host, "port", port,
             "path", ENDPOINT, NULL);
}

/*  A PEM file as text, NULL when it can't be read. */
static char *s_read_pem (const char *path)
{
    static const size_t MOST = 256 * 1024;
    FILE *file = fopen (path, "re");
    char *text = calloc (1, MOST + 1);
    size_t size = file && text? fread (text, 1, MOST, file): 0;
    if (file)
        fclose (file);
    if (size && strstr (text, "-----BEGIN"))
        return text;
    free (text);
    return NULL;
}

static int s_read_tls (fcj_http_t *self, fcj_error_t *error)
{
    const char *cert = fcj_config_str (self->front->config, "tls-cert");
    const char *key = fcj_config_str (self->front->config, "tls-key");
    if (!*cert && !*key)
        return 0;
    if (!*cert || !*key)
        return fcj_fail (error, FCJ_INVALID, "tls-cert and tls-key go"
                         " together: a certificate chain and its key");
    if (!(self->cert = s_read_pem (cert)) || !(self->key = s_read_pem (key)))
        return fcj_fail (error, FCJ_INVALID, "%.200s can not be read as PEM",
                         self->cert? key: cert);
    return 0;
}

static void s_free (fcj_http_t *self)
{
    fcj_guard_destroy (&self->guard);
    free (self->cert);
    if (self->key)
        explicit_bzero (self->key, strlen (self->key));
    free (self->key);
    free (self);
}

/*  No path of ours has an escape: what has one is another path. */
static size_t s_unescape (void *arg, struct MHD_Connection *connection,
                          char *text)
{
    (void) arg;
    (void) connection;
    return strlen (text);
}

fcj_http_t *fcj_http_new (fcj_front_t *front, const char *address,
                          fcj_error_t *error)
{
    fcj_http_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->front = front;
    self->guard = fcj_guard_new (
        fcj_config_int (front->config, "http-request-s") * 1000,
        fcj_config_int (front->config, "http-memory-max"));
    self->public_url = fcj_config_str (front->config, "public-url");
    TAILQ_INIT (&self->exchanges);
    int fd = -1;
    if (s_read_tls (self, error) == 0)
        fd = s_listen (front, address, error);
    if (fd < 0) {
        s_free (self);
        return NULL;
    }
    struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, self->cert },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, self->key },
        { MHD_OPTION_END, 0, NULL }
    };
    if (!self->cert)
        tls[0].option = MHD_OPTION_END;
    self->daemon = MHD_start_daemon (
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO
            | (self->cert? MHD_USE_TLS: 0U), 0,
        NULL, NULL, s_access, self,
        MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, fcj_guard_connections (),
        MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned int) FCJ_GUARD_IDLE_MS / 1000,
        MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_UNESCAPE_CALLBACK, s_unescape, NULL,
        MHD_OPTION_NOTIFY_CONNECTION, fcj_guard_notify, self->guard,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) 32 * 1024,
        MHD_OPTION_NOTIFY_COMPLETED, s_completed, self,
        MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (!self->daemon) {
        fcj_fail (error, FCJ_INVALID, self->cert? "the HTTP server does not"
                  " start; is tls-key the key of tls-cert, both in PEM form?"
                  : "the HTTP server does not start");
        close (fd);
        s_free (self);
        return NULL;
    }
    self->fd = MHD_get_daemon_info (self->daemon,
                                    MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    s_log_address (fd);
    return self;
}

void fcj_http_destroy (fcj_http_t **self_p)
{
    fcj_http_t *self = *self_p;
    exchange_t *one;
    if (!self)
        return;
    TAILQ_FOREACH (one, &self->exchanges, next)
        s_resume (one);         /* MHD can't stop with suspended ones */
    MHD_stop_daemon (self->daemon);
    s_free (self);
    *self_p = NULL;
}

int fcj_http_fd (const fcj_http_t *self)
{
    return self->fd;
}

void fcj_http_run (fcj_http_t *self)
{
    MHD_run (self->daemon);
}

int fcj_http_timeout (const fcj_http_t *self, int most)
{
    MHD_UNSIGNED_LONG_LONG due;
    if (MHD_get_timeout (self->daemon, &due) == MHD_YES
        && due < (unsigned) most)
        return (int) due;
    return most;
}

void fcj_http_recheck (fcj_http_t *self)
{
    exchange_t *one;
    TAILQ_FOREACH (one, &self->exchanges, next)
        if (!one->judged && !one->queued)
            s_resume (one);
}

bool fcj_http_drained (const fcj_http_t *self)
{
    const exchange_t *one;
    TAILQ_FOREACH (one, &self->exchanges, next)
        if (one->answered)
            return false;
    return true;
}

/*  A suspended connection is not watched by MHD: look ourselves. RDHUP, and
 *  no peek, because TLS says goodbye before it closes. */
static bool s_gone (const exchange_t *self)
{
    struct pollfd one = { .events = POLLRDHUP, .fd = MHD_get_connection_info (
        self->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd };
    return poll (&one, 1, 0) > 0
        && (one.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

void fcj_http_tick (fcj_http_t *self, int64_t now)
{
    exchange_t *one;
    if (now - self->peeked < PEEK_MS)
        return;
    self->peeked = now;
    fcj_guard_tick (self->guard, now);
    TAILQ_FOREACH (one, &self->exchanges, next) {
        if (!one->suspended)
            continue;
        if (s_gone (one)) {
            s_lose (one);
            s_answer (one, MHD_HTTP_OK, NULL, 0);
        }
        else if (one->streaming && now - one->spoken > KEEPALIVE_MS) {
            s_append (one, ": keep-alive\n\n", 14);
            s_resume (one);
        }
    }
}
