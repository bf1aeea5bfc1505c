/*  client.c - a front-end's side of the wire.
 *
 *  Everything asked is kept in one list until it is answered, so that losing
 *  the broker costs nothing but time: at each WELCOME whatever has no answer
 *  is sent again, which is harmless because a job carries its own id.
 *  ZMQ_IMMEDIATE keeps messages here, not in a pipe to nobody.  */

#include "client.h"
#include "../jobs/job.h"
#include "../jobs/limits.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#define REQUESTS_MAX    16384       /* unanswered while the broker is there */
#define REQUESTS_AWAY   1024        /* kept while it is not */
#define WATCHES_MAX     100000
#define BUCKETS         4096
#define SCAN_MS         50          /* how often deadlines are looked at */
#define HELLO_MS        250         /* between two HELLOs without WELCOME */
#define TURN_MESSAGES   2000        /* received in one run() */

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

/* ---- Lists ------------------------------------------------------------- */

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

static request_t *
s_find (fcj_client_t *self, int64_t req)
{
    if (req <= 0 || req > UINT32_MAX)
        return NULL;
    request_t *request = self->buckets[(size_t) req % BUCKETS];
    while (request && request->req != req)
        request = request->chain;
    return request;
}

static size_t
s_hash (const char *id)
{
    uint32_t hash = 2166136261u;
    for (; *id; id++)
        hash = (hash ^ (unsigned char) *id) * 16777619u;
    return hash % BUCKETS;
}

static bool
s_watch_add (fcj_client_t *self, const char *id)
{
    watch_t **bucket = &self->watches[s_hash (id)];
    for (watch_t *watch = *bucket; watch; watch = watch->chain)
        if (strcmp (watch->id, id) == 0)
            return true;
    if (self->watch_count >= WATCHES_MAX || strlen (id) != FCJ_ID_LEN)
        return false;
    watch_t *watch = calloc (1, sizeof *watch);
    if (!watch)
        return false;
    memcpy (watch->id, id, FCJ_ID_LEN);
    watch->chain = *bucket;
    *bucket = watch;
    self->watch_count++;
    return true;
}

static bool
s_watch_remove (fcj_client_t *self, const char *id)
{
    for (watch_t **at = &self->watches[s_hash (id)]; *at;
         at = &(*at)->chain)
        if (strcmp ((*at)->id, id) == 0) {
            watch_t *watch = *at;
            *at = watch->chain;
            free (watch);
            self->watch_count--;
            return true;
        }
    return false;
}

/* ---- Sending ----------------------------------------------------------- */

static int
s_send (fcj_client_t *self, const char *type, const void *body, size_t size)
{
    static const char empty_map = (char) 0x80;
    if (!body) {
        body = &empty_map;
        size = 1;
    }
    if (zmq_send (self->socket, "FCJ1", 4, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return -1;
    /*  Past its first frame a message cannot be refused.  */
    zmq_send (self->socket, type, strlen (type), ZMQ_SNDMORE);
    zmq_send (self->socket, body, size, 0);
    return 0;
}

static void
s_send_hello (fcj_client_t *self, int64_t now)
{
    self->hello_at = now + HELLO_MS;
    fcj_pack_t *pack = fcj_pack_new ();
    if (!pack)
        return;
    fcj_pack_map (pack, 2);
    fcj_pack_kstr (pack, "name", self->name);
    fcj_pack_kint (pack, "pid", getpid ());
    /*  Before the connection stands a message is refused; then the socket's
     *  descriptor wakes the caller, and the next try must not have to wait.  */
    if (s_send (self, "HELLO", fcj_pack_data (pack), fcj_pack_size (pack)) < 0)
        self->hello_at = now;
    fcj_pack_destroy (&pack);
}

static void
s_send_watch (fcj_client_t *self, const char *type, const char *id)
{
    fcj_pack_t *pack = fcj_pack_new ();
    if (!pack)
        return;
    fcj_pack_map (pack, 2);
    fcj_pack_kint (pack, "req", 0);
    fcj_pack_kstr (pack, "id", id);
    s_send (self, type, fcj_pack_data (pack), fcj_pack_size (pack));
    fcj_pack_destroy (&pack);
}

static void
s_send_request (fcj_client_t *self, request_t *request)
{
    if (!self->up || request->sent || request->failed)
        return;
    if (s_send (self, request->type, request->body, request->size) == 0) {
        request->sent = true;
        self->unsent--;
    }
}

static void
s_send_unsent (fcj_client_t *self)
{
    if (!self->up || self->unsent == 0)
        return;
    for (request_t *request = self->first; request; request = request->next)
        s_send_request (self, request);
}

/* ---- Answers ----------------------------------------------------------- */

static void
s_answer (fcj_client_t *self, request_t *request, const fcj_map_t *reply,
          const fcj_error_t *error)
{
    s_unlink (self, request);
    fcj_id_t id;
    if (reply && request->submit && request->watch
        && fcj_map_copy (reply, "id", id, sizeof id) == FCJ_ID_LEN)
        s_watch_add (self, id);
    if (request->fn)
        request->fn (request->arg, reply, error);
    free (request->body);
    free (request);
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
                  "in time: ask again with the same id.");
    else
        fcj_fail (&error, FCJ_BROKER_UNAVAILABLE, "The broker is not "
                  "reachable: look at `fcj status`, then try again.");
    error.retryable = true;
    s_answer (self, request, NULL, &error);
}

/*  One at a time from the front, because a callback may change the list.  */
static void
s_expire (fcj_client_t *self, int64_t now)
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
s_welcome (fcj_client_t *self, const fcj_map_t *body)
{
    bool was_up = self->up;
    int64_t beat_ms = fcj_map_int (body, "beat_ms", 0);
    if (beat_ms > 0)
        self->beat_ms = beat_ms;
    self->up = true;
    if (was_up)
        return;
    for (size_t n = 0; n < BUCKETS; n++)
        for (watch_t *watch = self->watches[n]; watch; watch = watch->chain)
            s_send_watch (self, "WATCH", watch->id);
    s_send_unsent (self);
}

static void
s_down (fcj_client_t *self)
{
    self->up = false;
    self->unsent = 0;
    for (request_t *request = self->first; request; request = request->next) {
        request->sent = false;
        self->unsent++;
    }
}

static void
s_event (fcj_client_t *self, const fcj_map_t *body)
{
    fcj_id_t id;
    char state[16] = "";
    if (fcj_map_copy (body, "id", id, sizeof id) != FCJ_ID_LEN)
        return;
    fcj_map_copy (body, "state", state, sizeof state);
    int value = fcj_state_of (state);
    if (strcmp (state, "gone") == 0
        || (value >= 0 && fcj_state_terminal ((fcj_state_t) value)))
        s_watch_remove (self, id);
    if (self->on_event)
        self->on_event (self->arg, id, body);
}

static void
s_refused (fcj_client_t *self, request_t *request, const fcj_map_t *body)
{
    fcj_error_t error = { .reason = FCJ_INTERNAL };
    char reason[32] = "";
    fcj_map_copy (body, "reason", reason, sizeof reason);
    error.reason = fcj_reason_of (reason);
    error.retryable = fcj_map_bool (body, "retryable", false);
    if (fcj_map_copy (body, "text", error.text, sizeof error.text) < 0)
        strcpy (error.text, "The broker refused the request.");
    s_answer (self, request, NULL, &error);
}

static void
s_handle (fcj_client_t *self, const char *type, const fcj_map_t *body,
          int64_t now)
{
    if (strcmp (type, "WELCOME") == 0)
        s_welcome (self, body);
    else if (strcmp (type, "HELLO?") == 0) {
        s_down (self);
        s_send_hello (self, now);
    }
    else if (strcmp (type, "EVENT") == 0)
        s_event (self, body);
    else {
        request_t *request = s_find (self, fcj_map_int (body, "req", -1));
        if (!request)
            return;                     /* answered before: a repetition */
        if (strcmp (type, "ACCEPTED") == 0 || strcmp (type, "DONE") == 0)
            s_answer (self, request, body, NULL);
        else if (strcmp (type, "REFUSED") == 0)
            s_refused (self, request, body);
    }
}

/*  Receives one message; false when there is none. Foreign ones are skipped. */
static bool
s_receive (fcj_client_t *self, int64_t now)
{
    zmq_msg_t frames[3];
    int count = 0, more = 1;
    while (more) {
        zmq_msg_t frame;
        zmq_msg_init (&frame);
        if (zmq_msg_recv (&frame, self->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close (&frame);
            break;
        }
        more = zmq_msg_more (&frame);
        if (count < 3)
            frames[count] = frame;
        else
            zmq_msg_close (&frame);
        count++;
    }
    if (count == 0)
        return false;
    self->heard = now;
    char type[16] = "";
    if (count == 3 && zmq_msg_size (&frames[0]) == 4
        && memcmp (zmq_msg_data (&frames[0]), "FCJ1", 4) == 0
        && zmq_msg_size (&frames[1]) < sizeof type) {
        memcpy (type, zmq_msg_data (&frames[1]), zmq_msg_size (&frames[1]));
        fcj_map_t *body = fcj_map_new (zmq_msg_data (&frames[2]),
                                       zmq_msg_size (&frames[2]));
        if (body)
            s_handle (self, type, body, now);
        fcj_map_destroy (&body);
    }
    for (int n = 0; n < count && n < 3; n++)
        zmq_msg_close (&frames[n]);
    return true;
}

/* ---- The object -------------------------------------------------------- */

static void
s_set_options (fcj_client_t *self)
{
    int zero = 0, one = 1, high = 20000, interval = 20, longest = 500;
    int64_t max = FCJ_FRAME_MAX;
    zmq_setsockopt (self->socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt (self->socket, ZMQ_IMMEDIATE, &one, sizeof one);
    zmq_setsockopt (self->socket, ZMQ_SNDHWM, &high, sizeof high);
    zmq_setsockopt (self->socket, ZMQ_RCVHWM, &high, sizeof high);
    zmq_setsockopt (self->socket, ZMQ_RECONNECT_IVL, &interval,
                    sizeof interval);
    zmq_setsockopt (self->socket, ZMQ_RECONNECT_IVL_MAX, &longest,
                    sizeof longest);
    zmq_setsockopt (self->socket, ZMQ_MAXMSGSIZE, &max, sizeof max);
}

fcj_client_t *
fcj_client_new (const char *endpoint, const char *name,
                fcj_client_event_fn *on_event, void *arg, fcj_error_t *error)
{
    fcj_client_t *self = calloc (1, sizeof *self);
    if (!self) {
        fcj_fail (error, FCJ_INTERNAL, "Out of memory.");
        return NULL;
    }
    strncpy (self->name, name, sizeof self->name - 1);
    self->on_event = on_event;
    self->arg = arg;
    self->context = zmq_ctx_new ();
    if (self->context)
        self->socket = zmq_socket (self->context, ZMQ_DEALER);
    size_t size = sizeof self->fd;
    if (self->socket)
        s_set_options (self);
    if (!self->socket || zmq_connect (self->socket, endpoint) < 0
        || zmq_getsockopt (self->socket, ZMQ_FD, &self->fd, &size) < 0) {
        fcj_fail (error, FCJ_INVALID, "Cannot connect to the broker's "
                  "endpoint %.200s: %s. Check frontend-endpoint.", endpoint,
                  zmq_strerror (zmq_errno ()));
        fcj_client_destroy (&self);
        return NULL;
    }
    self->heard = fcj_mono_ms ();
    self->beat_ms = FCJ_BEAT_MS;
    return self;
}

void
fcj_client_destroy (fcj_client_t **self_p)
{
    fcj_client_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    while (self->first) {
        request_t *request = self->first;
        s_unlink (self, request);
        free (request->body);
        free (request);
    }
    for (size_t n = 0; n < BUCKETS; n++)
        while (self->watches[n]) {
            watch_t *watch = self->watches[n];
            self->watches[n] = watch->chain;
            free (watch);
        }
    if (self->socket)
        zmq_close (self->socket);
    if (self->context)
        zmq_ctx_term (self->context);
    free (self);
}

int
fcj_client_fd (const fcj_client_t *self)
{
    return self->fd;
}

bool
fcj_client_up (const fcj_client_t *self)
{
    return self->up;
}

void
fcj_client_run (fcj_client_t *self)
{
    int64_t now = fcj_mono_ms ();
    for (int n = 0; n < TURN_MESSAGES && s_receive (self, now); n++)
        ;
    if (self->up && now - self->heard > FCJ_BEATS_MISSED * self->beat_ms)
        s_down (self);
    if (!self->up && now >= self->hello_at)
        s_send_hello (self, now);
    if (self->up && now >= self->beat_at) {
        self->beat_at = now + self->beat_ms;
        s_send (self, "BEAT", NULL, 0);
    }
    s_send_unsent (self);
    s_expire (self, now);
    /*  Sending may have swallowed the edge of ZMQ_FD: read once more.  */
    for (int n = 0; n < TURN_MESSAGES && s_receive (self, now); n++)
        ;
}

static request_t *
s_request_new (fcj_client_t *self, const char *type, int64_t timeout_ms,
               fcj_client_fn *fn, void *arg)
{
    request_t *request = calloc (1, sizeof *request);
    if (!request)
        return NULL;
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
fcj_client_request (fcj_client_t *self, const char *type,
                    const void *fields, size_t size, int64_t timeout_ms,
                    fcj_client_fn *fn, void *arg)
{
    request_t *request = s_request_new (self, type, timeout_ms, fn, arg);
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_map_t *map = fields ? fcj_map_new (fields, size) : NULL;
    size_t count = map ? fcj_map_count (map) : 0;
    fcj_pack_map (pack, count + 1);
    fcj_pack_kint (pack, "req", request->req);
    for (size_t n = 0; n < count; n++) {
        size_t length = 0;
        const char *bytes = fcj_map_key_at (map, n, &length);
        char key[64] = "";
        if (bytes && length < sizeof key)
            memcpy (key, bytes, length);
        fcj_pack_key (pack, key);
        if (fcj_map_repack (map, key, pack) < 0)
            fcj_pack_nil (pack);
    }
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

void
fcj_client_watch (fcj_client_t *self, const char *id)
{
    if (s_watch_add (self, id) && self->up)
        s_send_watch (self, "WATCH", id);
}

void
fcj_client_unwatch (fcj_client_t *self, const char *id)
{
    if (s_watch_remove (self, id) && self->up)
        s_send_watch (self, "UNWATCH", id);
}

void
fcj_client_forget (fcj_client_t *self, void *arg)
{
    for (request_t *request = self->first; request; request = request->next)
        if (request->arg == arg)
            request->fn = NULL;
}
