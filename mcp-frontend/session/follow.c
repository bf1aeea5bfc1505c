/*  follow.c - reads logs, a page at a time. A follower that is being read
 *  for and is poked meanwhile is read for once more.  */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bus.h"
#include "follow.h"
#include "../front.h"
#include "../news/interest.h"
#include "stream.h"

#define PAGE     32             /* events a read */
#define LOOK_MS  5000           /* without a poke */
#define ID_MAX   64

typedef struct fcj_follower follower_t;
struct fcj_follower {
    TAILQ_ENTRY (fcj_follower) next;
    fcj_front_t *front;
    fcj_session_t *session;     /* NULL: being looked up */
    fcj_sink_t sink;
    fcj_interest_t *interest;
    char owner[FCJ_NAME_MAX + 1];
    char stream[ID_MAX], at[ID_MAX];    /* at "": from now on */
    char name[112];
    bool resumed, reading, again, open;
    int64_t looked;
};

static void s_destroy (follower_t *self)
{
    TAILQ_REMOVE (&self->front->followers, self, next);
    if (self->front->redis)
        fcj_async_forget (self->front->redis, self);
    fcj_session_forget (self->front, self);
    fcj_interest_destroy (&self->interest);
    fcj_session_release (&self->session);
    free (self);
}

static void s_finish (follower_t *self, int status, const char *why)
{
    fcj_sink_t sink = self->sink;
    size_t size = 0;
    char *text = why && !self->open
        ? fcj_call_error_text (NULL, status == 404? FCJ_RPC_SESSION
                               : FCJ_RPC_REQUEST, why, NULL, &size): NULL;
    s_destroy (self);
    sink.answer (sink.arg, status, text, size);
}

static void s_gone (void *arg)
{
    s_destroy (arg);
}

/* ---- Reading ----------------------------------------------------------- */

static void s_read (follower_t *self);

static const redisReply *s_value (const redisReply *fields, const char *name)
{
    for (size_t n = 0; n + 1 < fields->elements; n += 2)
        if (!strcmp (fields->element[n]->str, name))
            return fields->element[n + 1];
    return NULL;
}

/*  Sends one entry on; true when it was the stream's last. */
static bool s_pass (follower_t *self, const redisReply *entry)
{
    char id[2 * ID_MAX + 2];
    const redisReply *data = s_value (entry->element[1], "d");
    snprintf (self->at, sizeof self->at, "%s", entry->element[0]->str);
    snprintf (id, sizeof id, "%s.%s", self->stream, self->at);
    if (data && data->len) {
        char *text = strndup (data->str, data->len);
        if (text)
            self->sink.notify (self->sink.arg, id, text, data->len);
    }
    return s_value (entry->element[1], "e") != NULL;
}

static void s_page (void *arg, redisReply *const *replies, int count,
                    const fcj_error_t *error)
{
    follower_t *self = arg;
    self->reading = false;
    if (error || count != 2 || replies[1]->type != REDIS_REPLY_ARRAY)
        return;                 /* the next look tries again */
    bool whole = strcmp (self->stream, "0") != 0;
    if (whole && replies[0]->type == REDIS_REPLY_INTEGER
        && !replies[0]->integer) {
        s_finish (self, 404, "There is no such stream (any more): its"
                  " events are kept for some minutes");
        return;
    }
    if (!self->open)
        self->sink.open (self->sink.arg);
    self->open = true;
    const redisReply *list = replies[1];
    for (size_t n = 0; n < list->elements; n++)
        if (s_pass (self, list->element[n]) && whole) {
            s_finish (self, 200, NULL);
            return;
        }
    if (self->again || list->elements == PAGE)
        s_read (self);
}

static void s_read (follower_t *self)
{
    char after[ID_MAX + 1];
    self->looked = fcj_mono_ms ();
    self->again = self->reading;
    if (self->reading || !*self->at)
        return;
    self->reading = true;
    snprintf (after, sizeof after, "(%s", self->at);
    fcj_command_t *command = fcj_command_new ();
    fcj_command_begin (command, "EXISTS");
    fcj_command_key (command, "mcp:log:", self->name);
    fcj_command_end (command);
    fcj_command_begin (command, "XRANGE");
    fcj_command_key (command, "mcp:log:", self->name);
    fcj_command_str (command, after);
    fcj_command_str (command, "+");
    fcj_command_str (command, "COUNT");
    fcj_command_int (command, PAGE);
    fcj_command_end (command);
    fcj_async_ask (self->front->redis, command, s_page, self);
    fcj_command_destroy (&command);
}

/*  Where the log ends now: a new stream begins there. */
static void s_found_end (void *arg, redisReply *const *replies, int count,
                         const fcj_error_t *error)
{
    follower_t *self = arg;
    const redisReply *list = !error && count == 1? replies[0]: NULL;
    const char *last = list && list->type == REDIS_REPLY_ARRAY
        && list->elements? list->element[0]->element[0]->str: "0-0";
    snprintf (self->at, sizeof self->at, "%s", last);
    self->sink.open (self->sink.arg);
    self->open = true;
    if (strcmp (self->session->version, "2025-11-25") >= 0) {
        char id[ID_MAX + 4];
        snprintf (id, sizeof id, "0.%s", self->at);
        self->sink.notify (self->sink.arg, id, strdup (""), 0);
    }
    s_read (self);
}

static void s_find_end (follower_t *self)
{
    fcj_command_t *command = fcj_command_new ();
    fcj_command_begin (command, "XREVRANGE");
    fcj_command_key (command, "mcp:log:", self->name);
    fcj_command_str (command, "+");
    fcj_command_str (command, "-");
    fcj_command_str (command, "COUNT");
    fcj_command_int (command, 1);
    fcj_command_end (command);
    fcj_async_ask (self->front->redis, command, s_found_end, self);
    fcj_command_destroy (&command);
}

/* ---- Beginning --------------------------------------------------------- */

static void s_told (void *arg, const char *method, json_t *params)
{
    follower_t *self = arg;
    fcj_stream_tell (self->session, method, params);
    json_decref (params);
}

static void s_end_others (fcj_front_t *front, const char *name,
                          const follower_t *self)
{
    follower_t *one, *after;
    for (one = TAILQ_FIRST (&front->followers); one; one = after) {
        after = TAILQ_NEXT (one, next);
        if (one != self && one->session && !strcmp (one->name, name))
            s_finish (one, 200, NULL);
    }
}

/*  A client that connects anew has given the older one up, here or at another
 *  front-end: a message is told on one stream only. */
static void s_replace (follower_t *self)
{
    s_end_others (self->front, self->name, self);
    fcj_bus_send (self->front, "follow", self->name, NULL);
}

void fcj_follow_replaced (fcj_front_t *front, const char *name)
{
    s_end_others (front, name, NULL);
}

static void s_begin (void *arg, fcj_session_t *session,
                     const fcj_error_t *error)
{
    follower_t *self = arg;
    if (!session) {
        bool away = error->reason != FCJ_NOT_FOUND;
        s_finish (self, away? 503: 404, error->text);
        return;
    }
    self->session = fcj_session_hold (session);
    snprintf (self->name, sizeof self->name, "%s:%s", session->id,
              self->stream);
    s_replace (self);
    if (strcmp (self->stream, "0") == 0) {
        self->interest = fcj_interest_new (self->front, s_told, self);
        fcj_interest_follow (self->interest, session, self->resumed
                             ? strtoll (self->at, NULL, 10): 0);
    }
    if (self->resumed)
        s_read (self);
    else
        s_find_end (self);
}

/*  <stream>.<ms>-<n>, as our events' ids are. */
static bool s_parse (follower_t *self, const char *last)
{
    const char *dot = strchr (last, '.');
    size_t size = dot? (size_t) (dot - last): 0;
    if (!size || size >= ID_MAX || strlen (dot + 1) >= ID_MAX
        || strspn (last, "0123456789abcdef") != size)
        return false;
    const char *entry = dot + 1;
    size_t digits = strspn (entry, "0123456789");
    if (!digits || entry[digits] != '-' || !entry[digits + 1]
        || entry[digits + 1 + strspn (entry + digits + 1, "0123456789")])
        return false;
    memcpy (self->stream, last, size);
    snprintf (self->at, sizeof self->at, "%s", entry);
    return true;
}

void fcj_follow (fcj_front_t *front, const fcj_sink_t *sink,
                 const char *owner, const fcj_headers_t *headers)
{
    follower_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->front = front;
    self->sink = *sink;
    strcpy (self->stream, "0");
    snprintf (self->owner, sizeof self->owner, "%s", owner);
    TAILQ_INSERT_TAIL (&front->followers, self, next);
    sink->hold (sink->arg, s_gone, self);
    if (!sink->streams) {
        s_finish (self, 406, "The answer is a stream: Accept"
                             " text/event-stream");
        return;
    }
    if (headers->last_event && *headers->last_event) {
        self->resumed = true;
        if (!s_parse (self, headers->last_event)) {
            s_finish (self, 400, "Last-Event-ID is not one of ours");
            return;
        }
    }
    fcj_session_find (front, headers->session, owner, s_begin, self);
}

/* ---- Going on ---------------------------------------------------------- */

void fcj_follow_poke (fcj_front_t *front, const char *name)
{
    follower_t *one;
    TAILQ_FOREACH (one, &front->followers, next)
        if (one->session && !strcmp (one->name, name)) {
            s_read (one);
            return;
        }
}

void fcj_follow_end (fcj_front_t *front, const char *session)
{
    follower_t *one, *after;
    for (one = TAILQ_FIRST (&front->followers); one; one = after) {
        after = TAILQ_NEXT (one, next);
        if (one->session && !strcmp (one->session->id, session))
            s_finish (one, 200, NULL);
    }
}

void fcj_follow_tick (fcj_front_t *front, int64_t now)
{
    follower_t *one;
    TAILQ_FOREACH (one, &front->followers, next)
        if (one->session && now - one->looked > LOOK_MS) {
            fcj_session_touch (one->session);
            s_read (one);
        }
}

void fcj_follow_destroy_all (fcj_front_t *front)
{
    while (!TAILQ_EMPTY (&front->followers))
        s_destroy (TAILQ_FIRST (&front->followers));
}
