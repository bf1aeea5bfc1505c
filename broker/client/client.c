/*  client.c - a front-end's connection to the broker.
 *
 *  Losing the broker costs nothing but time: at each WELCOME whatever has no
 *  answer is sent again, which is harmless because a job carries its own id.
 *  ZMQ_IMMEDIATE keeps messages here, not in a pipe to nobody.  */

#include "own.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#define HELLO_MS        250         /* between two HELLOs without WELCOME */
#define TURN_MESSAGES   2000        /* received in one run() */

static void s_set_options (fcj_client_t *self);
static void s_send_hello (fcj_client_t *self, int64_t now);
static bool s_receive (fcj_client_t *self, int64_t now);
static void s_handle (fcj_client_t *self, const char *type,
                      const fcj_map_t *body, int64_t now);
static void s_welcome (fcj_client_t *self, const fcj_map_t *body);
static void s_down (fcj_client_t *self);
static void s_event (fcj_client_t *self, const fcj_map_t *body);
static void s_refused (fcj_client_t *self, request_t *request,
                       const fcj_map_t *body);

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

void
fcj_client_destroy (fcj_client_t **self_p)
{
    fcj_client_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    fcj_client_request_free (self);
    fcj_client_watch_free (self);
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
        fcj_client_send (self, "BEAT", NULL, 0);
    }
    fcj_client_request_send (self);
    fcj_client_request_expire (self, now);
    /*  Sending may have swallowed the edge of ZMQ_FD: read once more.  */
    for (int n = 0; n < TURN_MESSAGES && s_receive (self, now); n++)
        ;
}

/* ---- Sending ----------------------------------------------------------- */

int
fcj_client_send (fcj_client_t *self, const char *type, const void *body,
                 size_t size)
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
    if (fcj_client_send (self, "HELLO", fcj_pack_data (pack),
                         fcj_pack_size (pack)) < 0)
        self->hello_at = now;
    fcj_pack_destroy (&pack);
}

/* ---- Receiving --------------------------------------------------------- */

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
        request_t *request = fcj_client_request_find (
            self, fcj_map_int (body, "req", -1));
        if (!request)
            return;                     /* answered before: a repetition */
        if (strcmp (type, "ACCEPTED") == 0 || strcmp (type, "DONE") == 0)
            fcj_client_request_answer (self, request, body, NULL);
        else if (strcmp (type, "REFUSED") == 0)
            s_refused (self, request, body);
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
    fcj_client_watch_again (self);
    fcj_client_request_send (self);
}

static void
s_down (fcj_client_t *self)
{
    self->up = false;
    fcj_client_request_unsent (self);
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
        fcj_client_watch_remove (self, id);
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
    fcj_client_request_answer (self, request, NULL, &error);
}
