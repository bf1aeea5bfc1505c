/*  exchange_request.c - a request is checked in the order in which it may be
 *  refused cheapest: path and method, Host and Origin, token, type, size. Only
 *  then is its body read (a token whose key must be fetched first is judged
 *  after that), and parsed before the status of the answer is known.  */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "../protocol/era.h"
#include "exchange.h"
#include "../session/follow.h"

#define DISCARD_MAX (64L * 1024 * 1024)     /* of a body that is too large */

const char *fcj_exchange_header (exchange_t *self, const char *name)
{
    return MHD_lookup_connection_value (self->connection, MHD_HEADER_KIND,
                                        name);
}

void fcj_exchange_base (exchange_t *self, char *out, size_t size)
{
    const char *url = self->http->public_url;
    const char *host = fcj_exchange_header (self, "Host");
    if (*url)
        snprintf (out, size, "%s", url);
    else
        snprintf (out, size, "http%s://%s%s", self->http->cert? "s": "",
                  host? host: "localhost", FCJ_HTTP_ENDPOINT);
}

/* ---- What it looks like ------------------------------------------------ */

#define DOUBLED (1U << 31)

/*  Notes which headers came, of those that may come once. */
static enum MHD_Result s_count (void *arg, enum MHD_ValueKind kind,
                                const char *key, const char *value)
{
    static const char *const ONCE[] = { "Host", "Origin", "Authorization",
        "Content-Type", "Content-Length", "Transfer-Encoding" };
    unsigned *seen = arg;
    (void) kind;
    (void) value;
    for (unsigned n = 0; n < sizeof ONCE / sizeof *ONCE; n++)
        if (strcasecmp (key, ONCE[n]) == 0)
            *seen |= *seen & (1U << n)? DOUBLED: 1U << n;
    return MHD_YES;
}

/*  Whose request it is and where its body ends is said once. Of two, we'd
 *  believe one and a proxy in front of us perhaps the other: what is the body
 *  of a request to one is the next request to the other. */
static bool s_is_plain (exchange_t *self)
{
    unsigned seen = 0;
    const char *coding = fcj_exchange_header (self, "Transfer-Encoding");
    MHD_get_connection_values (self->connection, MHD_HEADER_KIND, s_count,
                               &seen);
    return !(seen & DOUBLED)
        && (!coding || (strcasecmp (coding, "chunked") == 0
                        && !fcj_exchange_header (self, "Content-Length")));
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
    fcj_exchange_base (self, base, sizeof base);
    const char *host = strstr (base, "://") + 3;
    const char *path = host + strcspn (host, "/");
    if (url[length] && strcmp (url + length, FCJ_HTTP_ENDPOINT) != 0
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
        self->http->front->auth, fcj_exchange_header (self, "Authorization"),
        &self->identity, &self->why);
    self->judged = verdict == FCJ_AUTH_GOOD;
    if (verdict == FCJ_AUTH_GOOD || verdict == FCJ_AUTH_WAIT)
        return 0;
    if (verdict == FCJ_AUTH_AWAY)
        *rc = fcj_exchange_refuse (
            self, MHD_HTTP_SERVICE_UNAVAILABLE, "The token can not be judged"
            " now: the keys of its issuer can not be had; try again in a"
            " moment");
    else {
        snprintf (text, sizeof text, "A valid bearer token is needed%s%s",
                  self->why? "; the one that came is not: ": "",
                  self->why? self->why: "");
        *rc = fcj_exchange_refuse (self, MHD_HTTP_UNAUTHORIZED, text);
    }
    return -1;
}

/*  What the identity says stays as it was when the request came. */
bool fcj_exchange_may_stay (exchange_t *self)
{
    fcj_identity_t identity;
    const char *why;
    fcj_verdict_t verdict = fcj_auth_check (
        self->http->front->auth, fcj_exchange_header (self, "Authorization"),
        &identity, &why);
    return verdict == FCJ_AUTH_WAIT || verdict == FCJ_AUTH_AWAY
        || (verdict == FCJ_AUTH_GOOD
            && strcmp (identity.owner, self->identity.owner) == 0
            && identity.scope >= self->identity.scope);
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
    bool session = fcj_exchange_header (self, "Mcp-Session-Id") != NULL;
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
    const char *accept = fcj_exchange_header (self, "Accept");
    self->accepts_sse = !accept || strstr (accept, "text/event-stream")
                     || strstr (accept, "*/*");
    if (!s_is_plain (self)) {
        *rc = fcj_exchange_refuse (
            self, MHD_HTTP_BAD_REQUEST, "A header came twice that may come"
            " once, or the body has two lengths");
        return -1;
    }
    if (fcj_policy_host (policy, fcj_exchange_header (self, "Host"))
        && s_metadata (self, url, method, rc) != 0)
        return -1;
    if (!fcj_policy_host (policy, fcj_exchange_header (self, "Host"))
        || !fcj_policy_origin (policy, fcj_exchange_header (self, "Origin")))
        *rc = fcj_exchange_refuse (
            self, MHD_HTTP_FORBIDDEN, "This Host or Origin is not allowed;"
            " the operator can name it in allow-host");
    else if (strcmp (url, FCJ_HTTP_ENDPOINT) != 0)
        *rc = fcj_exchange_refuse (
            self, MHD_HTTP_NOT_FOUND, "The endpoint is " FCJ_HTTP_ENDPOINT);
    else if (s_method (self, method) != 0)
        *rc = fcj_exchange_refuse (
            self, MHD_HTTP_METHOD_NOT_ALLOWED, "Only POST; GET and DELETE"
            " need an Mcp-Session-Id");
    else if (s_authorize (self, rc) != 0)
        return -1;
    else if (self->method != POST)
        return 0;
    else if (!s_is_json (fcj_exchange_header (self, "Content-Type")))
        *rc = fcj_exchange_refuse (
            self, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "Content-Type must be"
            " application/json");
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
    if (self->too_large || self->crowded) { /* read on: the answer is seen */
        self->used += count;
        return self->used > DISCARD_MAX? MHD_NO: MHD_YES;
    }
    if (self->used + count > self->size) {
        size_t larger = self->size? self->size * 2: 2048;
        while (larger < self->used + count)
            larger *= 2;
        if (!fcj_exchange_take (self, self->size, larger)) {
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
    fcj_sink_t sink = fcj_exchange_sink (self);
    self->handled = true;
    if (self->crowded || (self->method != POST
                          && self->identity.scope < FCJ_SCOPE_READ)) {
        size_t size;
        self->needed = self->crowded? FCJ_SCOPE_NONE: FCJ_SCOPE_READ;
        char *answer = fcj_call_error_text (NULL, FCJ_RPC_REQUEST,
            self->crowded? "Too much is being sent at once; try again in a"
            " moment": "Your token lacks the scope fcj:read", NULL, &size);
        fcj_exchange_answer (self, self->crowded? MHD_HTTP_SERVICE_UNAVAILABLE
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
        fcj_exchange_answer (self, MHD_HTTP_CONTENT_TOO_LARGE, answer, size);
        return;
    }
    MHD_get_connection_values (self->connection, MHD_HEADER_KIND, s_note,
                               &headers);
    fcj_front_t *front = self->http->front;
    if (self->method != POST && !fcj_era_served (&headers)) {
        size_t size;
        char *answer = fcj_call_error_text (NULL, FCJ_RPC_REQUEST,
            "Unsupported MCP-Protocol-Version", NULL, &size);
        fcj_exchange_answer (self, MHD_HTTP_BAD_REQUEST, answer, size);
        return;
    }
    if (self->method == GET)
        fcj_follow (front, &sink, self->identity.owner, &headers);
    else if (self->method == DELETE)
        fcj_front_delete (front, &sink, self->identity.owner, &headers);
    else
        fcj_front_message (front, &sink, self->identity.owner, &headers,
                           self->body? self->body: "", self->used);
    free (self->body);
    self->body = NULL;
    if (self->size > FCJ_SMALL_MAX) {
        fcj_guard_give (self->http->guard, self->size - FCJ_SMALL_MAX);
        self->taken -= self->size - FCJ_SMALL_MAX;
    }
    self->size = 0;
}

static enum MHD_Result s_respond (exchange_t *self)
{
    if (self->streaming)
        return fcj_exchange_stream (self);
    if (self->answered) {
        char *text = self->answer;
        self->answer = NULL;
        return fcj_exchange_queue (self, (unsigned int) self->status, text,
                        self->answer_size);
    }
    self->suspended = true;
    MHD_suspend_connection (self->connection);
    return MHD_YES;
}

enum MHD_Result fcj_exchange_access (
    void *arg, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *size,
    void **place)
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
    if (self->answered && !self->handled)
        return MHD_NO;          /* left before its token could be judged */
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

void fcj_exchange_completed (void *arg, struct MHD_Connection *connection,
                             void **place,
                             enum MHD_RequestTerminationCode reason)
{
    exchange_t *self = *place;
    (void) arg;
    (void) reason;
    if (!self)
        return;
    fcj_exchange_lose (self);
    fcj_guard_phase (connection, FCJ_GUARD_HEAD);
    fcj_guard_give (self->http->guard, self->taken);
    TAILQ_REMOVE (&self->http->exchanges, self, next);
    free (self->body);
    free (self->answer);
    free (self);
    *place = NULL;
}
