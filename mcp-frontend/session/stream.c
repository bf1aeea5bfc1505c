/*  stream.c - each event goes to Redis first and to the client when Redis
 *  has given it its number, so that a client never knows a number that is
 *  not in the log. When Redis is away events go out without one.  */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bus.h"
#include "follow.h"
#include "../front.h"
#include "stream.h"
#include "../../jobs/store/conn.h"

#define ID_BYTES 16             /* of a stream: the head of a token */

struct fcj_stream {
    fcj_front_t *front;
    fcj_sink_t out;
    char id[ID_BYTES + 1];
    char name[80];              /* <session>:<stream> */
    json_t *request;            /* the id that the last event answers */
    bool attached, open, prime;
    int refs;                   /* the call, and each event under way */
};

typedef struct {
    fcj_stream_t *stream;       /* NULL: the session's own */
    fcj_front_t *front;
    char name[80];
    char *text;
    size_t size;
    bool last;
} event_t;

static void s_release (fcj_stream_t *self)
{
    if (--self->refs)
        return;
    if (self->attached && self->out.hold)
        self->out.hold (self->out.arg, NULL, NULL);
    json_decref (self->request);
    free (self);
}

static void s_gone (void *arg)
{
    fcj_stream_t *self = arg;
    self->attached = false;     /* the call goes on: it may be resumed */
}

/* ---- The log ----------------------------------------------------------- */

static void s_append (fcj_command_t *command, const char *name,
                      const event_t *event)
{
    fcj_command_begin (command, "XADD");
    fcj_command_key (command, "mcp:log:", name);
    fcj_command_str (command, "MAXLEN");
    fcj_command_str (command, "~");
    fcj_command_int (command, FCJ_LOG_EVENTS);
    fcj_command_str (command, "*");
    fcj_command_str (command, "d");
    fcj_command_add (command, event->text? event->text: "", event->size);
    if (event->last) {
        fcj_command_str (command, "e");
        fcj_command_str (command, "1");
    }
    fcj_command_end (command);
    fcj_command_begin (command, "EXPIRE");
    fcj_command_key (command, "mcp:log:", name);
    fcj_command_int (command, FCJ_LOG_S);
    fcj_command_end (command);
}

static void s_log (fcj_front_t *front, fcj_stream_t *self, const char *name,
                   char *text, size_t size, bool last);

/*  The answer was too large to keep, and its client is gone: who comes back
 *  for it is told so. */
static void s_log_loss (event_t *event)
{
    size_t size;
    char *text = fcj_call_error_text (event->stream->request,
        FCJ_RPC_INTERNAL, "The answer was too large to be kept while the"
        " connection was lost; list_jobs and get_job_result have it",
        NULL, &size);
    s_log (event->front, event->stream, event->name, text, size, true);
}

static void s_deliver (event_t *event, const char *entry)
{
    fcj_stream_t *self = event->stream;
    char id[80];
    bool lost = self && !self->attached && !entry && event->last
             && event->size > FCJ_LOG_BYTES;
    if (lost && event->front->redis)
        s_log_loss (event);
    if (!self || !self->attached) {
        fcj_follow_poke (event->front, event->name);
        fcj_bus_send (event->front, "log", event->name, NULL);
        free (event->text);
    }
    else {
        if (entry)
            snprintf (id, sizeof id, "%s.%.40s", self->id, entry);
        if (event->text || entry)
            self->out.notify (self->out.arg, entry? id: NULL,
                              event->text? event->text: strdup (""),
                              event->size);
        if (event->last) {
            self->attached = false;
            self->out.answer (self->out.arg, 200, NULL, 0);
        }
    }
    if (self)
        s_release (self);
    free (event);
}

static void s_logged (void *arg, redisReply *const *replies, int count,
                      const fcj_error_t *error)
{
    bool numbered = !error && count == 2
                 && replies[0]->type == REDIS_REPLY_STRING;
    s_deliver (arg, numbered? replies[0]->str: NULL);
}

static void s_log (fcj_front_t *front, fcj_stream_t *self, const char *name,
                   char *text, size_t size, bool last)
{
    event_t *event = calloc (1, sizeof *event);
    if (!event)
        abort ();
    *event = (event_t) { .stream = self, .front = front, .text = text,
                         .size = size, .last = last };
    snprintf (event->name, sizeof event->name, "%s", name);
    fcj_command_t *command = fcj_command_new ();
    if (self)
        self->refs++;
    if (size <= FCJ_LOG_BYTES)
        s_append (command, name, event);
    else {                      /* kept in order behind the others */
        fcj_command_begin (command, "PING");
        fcj_command_end (command);
    }
    fcj_async_ask (front->redis, command, s_logged, event);
    fcj_command_destroy (&command);
}

/* ---- A call's sink ----------------------------------------------------- */

static void s_open (void *arg)
{
    fcj_stream_t *self = arg;
    if (self->open)
        return;
    self->open = true;
    if (self->attached && self->out.open)
        self->out.open (self->out.arg);
    if (self->prime)
        s_log (self->front, self, self->name, NULL, 0, false);
}

static void s_notify (void *arg, const char *id, char *text, size_t size)
{
    fcj_stream_t *self = arg;
    (void) id;
    s_open (self);
    s_log (self->front, self, self->name, text, size, false);
}

static void s_answer (void *arg, int status, char *text, size_t size)
{
    fcj_stream_t *self = arg;
    if (self->open)
        s_log (self->front, self, self->name, text, size, true);
    else if (self->attached) {
        self->attached = false;
        self->out.answer (self->out.arg, status, text, size);
    }
    else
        free (text);            /* it left before it had an event's id */
    s_release (self);
}

static void s_challenge (void *arg, fcj_scope_t needed)
{
    fcj_stream_t *self = arg;
    if (self->attached && self->out.challenge)
        self->out.challenge (self->out.arg, needed);
}

void fcj_stream_wrap (fcj_call_t *call)
{
    fcj_token_t token;
    fcj_stream_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    fcj_token_new (token);
    self->front = call->front;
    self->request = json_incref (call->id);
    self->out = call->sink;
    self->attached = true;
    self->refs = 1;
    /*  Older clients do not expect an event without data. */
    self->prime = strcmp (call->version, "2025-11-25") >= 0;
    memcpy (self->id, token, ID_BYTES);
    snprintf (self->name, sizeof self->name, "%s:%s", call->session->id,
              self->id);
    if (self->out.hold)
        self->out.hold (self->out.arg, s_gone, self);
    call->stream = self;
    call->sink = (fcj_sink_t) {
        .answer = s_answer, .notify = s_notify, .open = s_open, .arg = self,
        .challenge = s_challenge, .scope = self->out.scope, .http = true,
        .streams = self->out.streams
    };
}

void fcj_stream_let_go (fcj_call_t *call)
{
    fcj_stream_t *self = call->stream;
    if (!self || !self->prime)
        return;                 /* the client could not come back */
    s_open (self);
    event_t *event = calloc (1, sizeof *event);
    if (!event)
        abort ();
    /*  Behind the priming event, so that the client has its id. */
    *event = (event_t) { .stream = self, .front = self->front,
                         .last = true };
    self->refs++;
    fcj_command_t *command = fcj_command_new ();
    fcj_command_begin (command, "PING");
    fcj_command_end (command);
    fcj_async_ask (self->front->redis, command, s_logged, event);
    fcj_command_destroy (&command);
}

/* ---- A session's own stream -------------------------------------------- */

void fcj_stream_tell (fcj_session_t *session, const char *method,
                      const json_t *params)
{
    char name[80];
    size_t size;
    char *text = fcj_call_text (json_pack (
        "{s:s,s:s,s:O*}", "jsonrpc", "2.0", "method", method, "params",
        (json_t *) params), &size);
    snprintf (name, sizeof name, "%s:0", session->id);
    if (text)
        s_log (session->front, NULL, name, text, size, false);
}
