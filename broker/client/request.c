/*  request.c - what was asked of the broker, until it is answered.
 *
 *  Everything asked is kept in one list, oldest first, whether it was sent or
 *  not. Each request is answered exactly once: by the broker, or by us when its
 *  time is over.  */

#include "own.h"
#include <stdlib.h>
#include <string.h>

#define REQUESTS_MAX    16384       /* unanswered while the broker is there */
#define REQUESTS_AWAY   1024        /* kept while it is not */
#define SCAN_MS         50          /* how often deadlines are looked at */

static request_t *s_request_new (fcj_client_t *self, const char *type,
                                 int64_t timeout_ms, fcj_client_fn *fn,
                                 void *arg);
static void s_request_go (fcj_client_t *self, request_t *request,
                          fcj_pack_t *pack);
static void s_send_request (fcj_client_t *self, request_t *request);
static void s_unavailable (fcj_client_t *self, request_t *request);
static void s_link (fcj_client_t *self, request_t *request);
static void s_unlink (fcj_client_t *self, request_t *request);

void
fcj_client_request (fcj_client_t *self, const char *type,
                    const void *fields, size_t size, int64_t timeout_ms,
                    fcj_client_fn *fn, void *arg)
{
    request_t *request = s_request_new (self, type, timeout_ms, fn, arg);
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_map_t *map = fields ? fcj_map_new (fields, size) : NULL;
    fcj_pack_map (pack, (map ? fcj_map_count (map) : 0) + 1);
    fcj_pack_kint (pack, "req", request->req);
    if (map)
        fcj_map_repack_all (map, pack);
    fcj_map_destroy (&map);
    s_request_go (self, request, pack);
}

void
fcj_client_submit (fcj_client_t *self, const void *job, size_t size,
                   bool watch, int64_t timeout_ms,
                   fcj_client_fn *fn, void *arg)
{
    request_t *request = s_request_new (self, "SUBMIT", timeout_ms, fn, arg);
    request->submit = true;
    request->watch = watch;
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 3);
    fcj_pack_kint (pack, "req", request->req);
    fcj_pack_kbool (pack, "watch", watch);
    fcj_pack_key (pack, "job");
    fcj_pack_raw (pack, job, size);
    s_request_go (self, request, pack);
}

void
fcj_client_answer (fcj_client_t *self, const char *id, const char *owner,
                   int64_t ask, const char *action, const char *content,
                   int64_t timeout_ms, fcj_client_fn *fn, void *arg)
{
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, content ? 5 : 4);
    fcj_pack_kstr (pack, "id", id);
    fcj_pack_kstr (pack, "owner", owner);
    fcj_pack_kint (pack, "ask", ask);
    fcj_pack_kstr (pack, "action", action);
    if (content)
        fcj_pack_kstr (pack, "content", content);
    fcj_client_request (self, "ANSWER", fcj_pack_data (pack),
                        fcj_pack_size (pack), timeout_ms, fn, arg);
    fcj_pack_destroy (&pack);
}

static request_t *
s_request_new (fcj_client_t *self, const char *type, int64_t timeout_ms,
               fcj_client_fn *fn, void *arg)
{
    request_t *request = calloc (1, sizeof *request);
    if (!request)
        abort ();                   /* it could never be answered */
    if (++self->last_req == 0)
        self->last_req = 1;
    request->req = self->last_req;
    strncpy (request->type, type, sizeof request->type - 1);
    request->deadline = fcj_mono_ms () + timeout_ms;
    request->fn = fn;
    request->arg = arg;
    return request;
}

static void
s_request_go (fcj_client_t *self, request_t *request, fcj_pack_t *pack)
{
    size_t bound = self->up ? REQUESTS_MAX : REQUESTS_AWAY;
    request->size = fcj_pack_size (pack);
    request->body = malloc (request->size ? request->size : 1);
    if (self->count >= bound || !request->body)
        request->failed = true;
    else
        memcpy (request->body, fcj_pack_data (pack), request->size);
    fcj_pack_destroy (&pack);
    s_link (self, request);
    /*  Behind what still waits, never ahead of it.  */
    if (self->unsent == 1)
        s_send_request (self, request);
}

void
fcj_client_forget (fcj_client_t *self, void *arg)
{
    for (request_t *request = self->first; request; request = request->next)
        if (request->arg == arg)
            request->fn = NULL;
}

/* ---- Sending ----------------------------------------------------------- */

void
fcj_client_request_send (fcj_client_t *self)
{
    if (!self->up || self->unsent == 0)
        return;
    for (request_t *request = self->first; request; request = request->next)
        s_send_request (self, request);
}

static void
s_send_request (fcj_client_t *self, request_t *request)
{
    if (!self->up || request->sent || request->failed)
        return;
    if (fcj_client_send (self, request->type, request->body,
                         request->size) == 0) {
        request->sent = true;
        self->unsent--;
    }
}

void
fcj_client_request_unsent (fcj_client_t *self)
{
    self->unsent = 0;
    for (request_t *request = self->first; request; request = request->next) {
        request->sent = false;
        self->unsent++;
    }
}

/* ---- Answers ----------------------------------------------------------- */

void
fcj_client_request_answer (fcj_client_t *self, request_t *request,
                           const fcj_map_t *reply, const fcj_error_t *error)
{
    s_unlink (self, request);
    fcj_id_t id;
    if (reply && request->submit && request->watch
        && fcj_map_copy (reply, "id", id, sizeof id) == FCJ_ID_LEN)
        fcj_client_watch_add (self, id);
    if (request->fn)
        request->fn (request->arg, reply, error);
    free (request->body);
    free (request);
}

/*  One at a time from the front, because a callback may change the list.  */
void
fcj_client_request_expire (fcj_client_t *self, int64_t now)
{
    if (now < self->scan_at)
        return;
    self->scan_at = now + SCAN_MS;
    uint32_t last = self->last_req;
    bool found = true;
    while (found) {
        found = false;
        for (request_t *request = self->first; request;
             request = request->next)
            if ((request->failed || request->deadline <= now)
                && (int32_t) (last - request->req) >= 0) {
                s_unavailable (self, request);
                found = true;
                break;
            }
    }
}

static void
s_unavailable (fcj_client_t *self, request_t *request)
{
    fcj_error_t error;
    if (request->failed)
        fcj_fail (&error, FCJ_BROKER_UNAVAILABLE, "Too many requests are "
                  "waiting for the broker: try again in a moment.");
    else if (self->up)
        fcj_fail (&error, FCJ_BROKER_UNAVAILABLE, "The broker did not answer "
                  "in time. What was asked may be done all the same.");
    else
        fcj_fail (&error, FCJ_BROKER_UNAVAILABLE, "The broker is not "
                  "reachable: look at `fcj status`, then try again.");
    error.retryable = true;
    fcj_client_request_answer (self, request, NULL, &error);
}

/* ---- The list ---------------------------------------------------------- */

request_t *
fcj_client_request_find (fcj_client_t *self, int64_t req)
{
    if (req <= 0 || req > UINT32_MAX)
        return NULL;
    request_t *request = self->buckets[(size_t) req % BUCKETS];
    while (request && request->req != req)
        request = request->chain;
    return request;
}

static void
s_link (fcj_client_t *self, request_t *request)
{
    request_t **bucket = &self->buckets[request->req % BUCKETS];
    request->chain = *bucket;
    *bucket = request;
    request->prev = self->last;
    if (self->last)
        self->last->next = request;
    else
        self->first = request;
    self->last = request;
    self->count++;
    self->unsent++;
}

static void
s_unlink (fcj_client_t *self, request_t *request)
{
    request_t **at = &self->buckets[request->req % BUCKETS];
    while (*at != request)
        at = &(*at)->chain;
    *at = request->chain;
    if (request->prev)
        request->prev->next = request->next;
    else
        self->first = request->next;
    if (request->next)
        request->next->prev = request->prev;
    else
        self->last = request->prev;
    self->count--;
    if (!request->sent)
        self->unsent--;
}

void
fcj_client_request_free (fcj_client_t *self)
{
    while (self->first) {
        request_t *request = self->first;
        s_unlink (self, request);
        free (request->body);
        free (request);
    }
}
