/*  exchange_answer.c - what goes back: one JSON text, or a stream of events
 *  that is suspended while there is nothing to say.  */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "exchange.h"
#include "../session/stream.h"

#define STREAM_MAX (4L * 1024 * 1024)  /* not read by its client */

/* ---- Responses --------------------------------------------------------- */

static void s_challenge (exchange_t *self, struct MHD_Response *response)
{
    char base[512], text[2048];
    fcj_exchange_base (self, base, sizeof base);
    fcj_auth_challenge (self->http->front->auth, base, self->needed,
                        self->why, text, sizeof text);
    MHD_add_response_header (response, "WWW-Authenticate", text);
}

bool fcj_exchange_take (exchange_t *self, size_t held, size_t wanted)
{
    held = held > FCJ_SMALL_MAX? held: FCJ_SMALL_MAX;
    size_t bytes = wanted > held? wanted - held: 0;
    if (!fcj_guard_take (self->http->guard, bytes))
        return false;
    self->taken += bytes;
    return true;
}

enum MHD_Result fcj_exchange_queue (exchange_t *self, unsigned int status,
                                    char *text, size_t size)
{
    if (!fcj_exchange_take (self, 0, size)) {
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

enum MHD_Result fcj_exchange_refuse (exchange_t *self, unsigned int status,
                                     const char *why)
{
    size_t size;
    char *text = fcj_call_error_text (NULL, FCJ_RPC_REQUEST, why, NULL,
                                      &size);
    return fcj_exchange_queue (self, status, text, size);
}

/* ---- The sink ---------------------------------------------------------- */

/*  A client that does not read loses its stream, not our memory. */
void fcj_exchange_append (exchange_t *self, const char *text, size_t size)
{
    if (self->sent == self->answer_size)
        self->sent = self->answer_size = 0;
    if (self->answer_size - self->sent > (size_t) STREAM_MAX)
        self->flooded = true;
    if (self->flooded)
        return;
    if (self->answer_size + size > self->answer_room) {
        size_t room = (self->answer_size + size) * 2;
        if (!fcj_exchange_take (self, self->answer_room, room)) {
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
    fcj_exchange_append (self, head, (size_t) length);
    fcj_exchange_append (self, text, size);
    fcj_exchange_append (self, "\n\n", 2);
}

void fcj_exchange_resume (exchange_t *self)
{
    if (!self->suspended)
        return;
    self->suspended = false;
    MHD_resume_connection (self->connection);
}

void fcj_exchange_answer (void *arg, int status, char *text, size_t size)
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
    fcj_exchange_resume (self);
}

static void s_notify (void *arg, const char *id, char *text, size_t size)
{
    exchange_t *self = arg;
    self->streaming = true;
    s_append_event (self, id, text, size);
    free (text);
    fcj_exchange_resume (self);
}

/*  The client sees at once that there will be an answer. */
static void s_open (void *arg)
{
    exchange_t *self = arg;
    if (self->streaming || !self->accepts_sse)
        return;
    self->streaming = true;
    fcj_exchange_append (self, ": open\n\n", 8);
    fcj_exchange_resume (self);
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

void fcj_exchange_lose (exchange_t *self)
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

enum MHD_Result fcj_exchange_stream (exchange_t *self)
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

fcj_sink_t fcj_exchange_sink (exchange_t *self)
{
    return (fcj_sink_t) {
        .answer = fcj_exchange_answer, .notify = s_notify, .open = s_open,
        .session = s_set_session, .hold = s_hold, .arg = self,
        .challenge = s_note_scope, .scope = self->identity.scope,
        .http = true, .streams = self->accepts_sse
    };
}
