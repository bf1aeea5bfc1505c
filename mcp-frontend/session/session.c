/*  session.c - sessions in Redis, and a few of them in memory. A session is
 *  somebody's: its id is no credential, so the owner is compared each time,
 *  and another's session is one that does not exist.  */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bus.h"
#include "follow.h"
#include "../front.h"
#include "../news/interest.h"
#include "session.h"
#include "../../jobs/store/conn.h"
#include "../../jobs/json.h"

#define TOUCH_MS 60000          /* its time is prolonged at most this often */

TAILQ_HEAD (list, fcj_session);
typedef struct request request_t;
struct fcj_sessions {
    struct list list;           /* last used first */
    size_t count;
    TAILQ_HEAD (, request) requests;    /* Redis is being asked */
};

struct request {
    TAILQ_ENTRY (request) next;
    fcj_front_t *front;
    fcj_token_t id;
    char owner[FCJ_NAME_MAX + 1];
    fcj_session_fn *fn;
    void *arg;
};

/* ---- In memory --------------------------------------------------------- */

fcj_sessions_t *fcj_sessions_new (void)
{
    fcj_sessions_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    TAILQ_INIT (&self->list);
    TAILQ_INIT (&self->requests);
    return self;
}

fcj_session_t *fcj_session_hold (fcj_session_t *self)
{
    self->refs++;
    return self;
}

void fcj_session_release (fcj_session_t **self_p)
{
    fcj_session_t *self = *self_p;
    *self_p = NULL;
    if (!self || --self->refs)
        return;
    json_decref (self->capabilities);
    json_decref (self->wants);
    free (self);
}

static fcj_session_t *s_make (fcj_front_t *front, const char *id,
                              const char *owner, const char *version)
{
    fcj_session_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->front = front;
    self->refs = 1;
    self->level = FCJ_SAY_INFO;
    self->wants = json_object ();
    snprintf (self->id, sizeof self->id, "%s", id);
    snprintf (self->owner, sizeof self->owner, "%s", owner);
    snprintf (self->version, sizeof self->version, "%s", version);
    self->fetched = self->touched = fcj_mono_ms ();
    return self;
}

static void s_unlist (fcj_session_t *self)
{
    if (!self->listed)
        return;
    TAILQ_REMOVE (&self->front->sessions->list, self, next);
    self->front->sessions->count--;
    self->listed = false;
    fcj_session_release (&self);
}

static void s_list (fcj_session_t *self)
{
    fcj_sessions_t *all = self->front->sessions;
    if (all->count >= FCJ_SESSIONS_MAX)
        s_unlist (TAILQ_LAST (&all->list, list));
    TAILQ_INSERT_HEAD (&all->list, self, next);
    all->count++;
    self->listed = true;        /* takes over the first reference */
}

void fcj_sessions_destroy (fcj_sessions_t **self_p)
{
    fcj_sessions_t *self = *self_p;
    if (!self)
        return;
    request_t *request;
    while (!TAILQ_EMPTY (&self->list))
        s_unlist (TAILQ_FIRST (&self->list));
    while ((request = TAILQ_FIRST (&self->requests))) {
        TAILQ_REMOVE (&self->requests, request, next);
        free (request);
    }
    free (self);
    *self_p = NULL;
}

static fcj_session_t *s_known (fcj_front_t *front, const char *id)
{
    fcj_session_t *one;
    fcj_sessions_t *all = front->sessions;
    TAILQ_FOREACH (one, &all->list, next)
        if (strcmp (one->id, id) == 0) {
            TAILQ_REMOVE (&all->list, one, next);
            TAILQ_INSERT_HEAD (&all->list, one, next);
            return one;
        }
    return NULL;
}

fcj_session_t *fcj_session_local (fcj_front_t *front, const char *version,
                                  json_t *capabilities)
{
    fcj_session_t *self = s_make (front, "", front->user, version);
    self->capabilities = json_incref (capabilities);
    return self;
}

/* ---- Commands ---------------------------------------------------------- */

static void s_expire (fcj_command_t *command, const char *id)
{
    static const char *const KINDS[] = { "mcp:session:", "mcp:wants:" };
    for (size_t n = 0; n < 2; n++) {
        fcj_command_begin (command, "EXPIRE");
        fcj_command_key (command, KINDS[n], id);
        fcj_command_int (command, FCJ_SESSION_S);
        fcj_command_end (command);
    }
}

static void s_note_use (fcj_command_t *command, const char *id,
                        const char *owner)
{
    fcj_command_begin (command, "ZADD");
    fcj_command_key (command, "mcp:sessions:", owner);
    fcj_command_int (command, fcj_now_ms ());
    fcj_command_str (command, id);
    fcj_command_end (command);
    fcj_command_begin (command, "EXPIRE");
    fcj_command_key (command, "mcp:sessions:", owner);
    fcj_command_int (command, FCJ_SESSION_S);
    fcj_command_end (command);
}

static void s_send (fcj_front_t *front, fcj_command_t *command)
{
    fcj_async_ask (front->redis, command, NULL, NULL);
    fcj_command_destroy (&command);
}

void fcj_session_touch (fcj_session_t *self)
{
    int64_t now = fcj_mono_ms ();
    if (now - self->touched < TOUCH_MS)
        return;
    self->touched = now;
    fcj_command_t *command = fcj_command_new ();
    s_expire (command, self->id);
    s_note_use (command, self->id, self->owner);
    s_send (self->front, command);
}

static void s_delete_keys (fcj_command_t *command, const char *id)
{
    fcj_command_begin (command, "DEL");
    fcj_command_key (command, "mcp:session:", id);
    fcj_command_key (command, "mcp:wants:", id);
    fcj_command_end (command);
}

/* ---- Finding ----------------------------------------------------------- */

static const char *s_field (const redisReply *hash, const char *name)
{
    for (size_t n = 0; n + 1 < hash->elements; n += 2)
        if (hash->element[n]->str
            && strcmp (hash->element[n]->str, name) == 0)
            return hash->element[n + 1]->str;
    return NULL;
}

static void s_fill (fcj_session_t *self, const redisReply *hash,
                    const redisReply *wants)
{
    const char *capabilities = s_field (hash, "capabilities");
    int level = fcj_say_of (s_field (hash, "level"));
    json_decref (self->capabilities);
    self->capabilities = capabilities? json_loads (capabilities, 0, NULL)
                                     : NULL;
    self->level = level < 0? FCJ_SAY_INFO: (fcj_say_t) level;
    json_object_clear (self->wants);
    for (size_t n = 0; n < wants->elements; n++)
        if (wants->element[n]->str)
            json_object_set_new (self->wants, wants->element[n]->str,
                                 json_true ());
    self->fetched = fcj_mono_ms ();
}

static request_t *s_request (fcj_front_t *front, const char *id,
                             const char *owner, fcj_session_fn *fn,
                             void *arg)
{
    request_t *request = calloc (1, sizeof *request);
    if (!request)
        abort ();
    request->front = front;
    request->fn = fn;
    request->arg = arg;
    snprintf (request->id, sizeof request->id, "%s", id);
    snprintf (request->owner, sizeof request->owner, "%s", owner);
    TAILQ_INSERT_TAIL (&front->sessions->requests, request, next);
    return request;
}

static void s_over (request_t *request)
{
    TAILQ_REMOVE (&request->front->sessions->requests, request, next);
    free (request);
}

void fcj_session_forget (fcj_front_t *front, const void *arg)
{
    request_t *one;
    TAILQ_FOREACH (one, &front->sessions->requests, next)
        if (one->arg == arg)
            one->fn = NULL;
}

static void s_tell (const request_t *request, fcj_session_t *session,
                    const fcj_error_t *error)
{
    fcj_error_t why;
    if (session && strcmp (session->owner, request->owner) != 0)
        session = NULL;
    if (session && request->fn)
        fcj_session_touch (session);    /* its owner uses it */
    if (!session && !error) {
        fcj_fail (&why, FCJ_NOT_FOUND, "Session not found: it has ended or"
                  " expired; initialize again");
        error = &why;
    }
    if (request->fn)
        request->fn (request->arg, session, error);
}

static void s_fetched (void *arg, redisReply *const *replies, int count,
                       const fcj_error_t *error)
{
    request_t *request = arg;
    fcj_session_t *session = s_known (request->front, request->id);
    const char *owner = count? s_field (replies[0], "owner"): NULL;
    const char *version = count? s_field (replies[0], "version"): NULL;
    if (!error && (!owner || !version)) {
        if (session)
            s_unlist (session); /* ended elsewhere, or expired */
        session = NULL;
        fcj_follow_end (request->front, request->id);
    }
    else if (!error) {
        if (!session) {
            session = s_make (request->front, request->id, owner, version);
            session->touched -= TOUCH_MS;   /* who knows when it was used */
            s_list (session);
        }
        s_fill (session, replies[0], replies[1]);
    }
    if (session)
        fcj_interest_refresh (request->front, session);
    s_tell (request, session, error);
    s_over (request);
}

static void s_fetch (request_t *request)
{
    fcj_command_t *command = fcj_command_new ();
    fcj_command_begin (command, "HGETALL");
    fcj_command_key (command, "mcp:session:", request->id);
    fcj_command_end (command);
    fcj_command_begin (command, "SMEMBERS");
    fcj_command_key (command, "mcp:wants:", request->id);
    fcj_command_end (command);
    fcj_async_ask (request->front->redis, command, s_fetched, request);
    fcj_command_destroy (&command);
}

static bool s_looks_right (const char *id)
{
    return strlen (id) == FCJ_TOKEN_LEN
        && strspn (id, "0123456789abcdef") == FCJ_TOKEN_LEN;
}

void fcj_session_find (fcj_front_t *front, const char *id,
                       const char *owner, fcj_session_fn *fn, void *arg)
{
    fcj_error_t error;
    fcj_session_t *known = s_known (front, id);
    request_t local = { .front = front, .fn = fn, .arg = arg };
    snprintf (local.owner, sizeof local.owner, "%s", owner);
    if (known && fcj_mono_ms () - known->fetched < FCJ_SESSION_FRESH_MS)
        s_tell (&local, known, NULL);
    else if (!s_looks_right (id))
        s_tell (&local, NULL, NULL);
    else if (fcj_front_open (front, &error) != 0)
        s_tell (&local, NULL, &error);
    else
        s_fetch (s_request (front, id, owner, fn, arg));
}

void fcj_session_changed (fcj_front_t *front, const char *id)
{
    fcj_session_t *known = s_known (front, id);
    if (known)
        s_fetch (s_request (front, id, known->owner, NULL, NULL));
}

/* ---- Making and ending ------------------------------------------------- */

static void s_created (void *arg, redisReply *const *replies, int count,
                       const fcj_error_t *error)
{
    request_t *request = arg;
    fcj_error_t why;
    fcj_session_t *session = s_known (request->front, request->id);
    if (!error && fcj_reply_check (replies[0], &why) != 0)
        error = &why;
    if (error && session) {
        s_unlist (session);
        session = NULL;
    }
    const redisReply *old = error? NULL: replies[count - 1];
    fcj_command_t *command = fcj_command_new ();
    for (size_t n = 0; old && n < old->elements; n++) {
        s_delete_keys (command, old->element[n]->str);
        fcj_command_begin (command, "ZREM");
        fcj_command_key (command, "mcp:sessions:", request->owner);
        fcj_command_str (command, old->element[n]->str);
        fcj_command_end (command);
    }
    if (fcj_command_count (command))
        fcj_async_ask (request->front->redis, command, NULL, NULL);
    fcj_command_destroy (&command);
    s_tell (request, session, error);
    s_over (request);
}

void fcj_session_create (fcj_front_t *front, const char *owner,
                         const char *version, json_t *capabilities,
                         fcj_session_fn *fn, void *arg)
{
    fcj_token_t id;
    fcj_token_new (id);
    char *text = fcj_json_dumps (capabilities, JSON_COMPACT);
    fcj_session_t *session = s_make (front, id, owner, version);
    session->capabilities = json_incref (capabilities);
    s_list (session);
    fcj_command_t *command = fcj_command_new ();
    fcj_command_begin (command, "HSET");
    fcj_command_key (command, "mcp:session:", id);
    const char *const FIELDS[] = { "owner", owner, "version", version,
                                   "capabilities", text? text: "{}" };
    for (size_t n = 0; n < 6; n++)
        fcj_command_str (command, FIELDS[n]);
    fcj_command_end (command);
    free (text);
    s_expire (command, id);
    s_note_use (command, id, owner);
    fcj_command_begin (command, "ZRANGE");      /* those over the bound */
    fcj_command_key (command, "mcp:sessions:", owner);
    fcj_command_int (command, 0);
    fcj_command_int (command, -FCJ_SESSIONS_OWNER - 1);
    fcj_command_end (command);
    fcj_async_ask (front->redis, command, s_created,
                   s_request (front, id, owner, fn, arg));
    fcj_command_destroy (&command);
}

void fcj_session_delete (fcj_session_t *self)
{
    fcj_front_t *front = self->front;
    fcj_command_t *command = fcj_command_new ();
    s_delete_keys (command, self->id);
    fcj_command_begin (command, "ZREM");
    fcj_command_key (command, "mcp:sessions:", self->owner);
    fcj_command_str (command, self->id);
    fcj_command_end (command);
    s_send (front, command);
    fcj_bus_send (front, "session", self->id, NULL);
    fcj_follow_end (front, self->id);
    s_unlist (self);
}

/* ---- Changing ---------------------------------------------------------- */

void fcj_session_set_level (fcj_session_t *self, fcj_say_t level)
{
    static const char *const NAMES[] = { "debug", "info", "notice",
        "warning", "error", "critical", "alert", "emergency" };
    self->level = level;
    if (!*self->id)
        return;
    fcj_command_t *command = fcj_command_new ();
    fcj_command_begin (command, "HSET");
    fcj_command_key (command, "mcp:session:", self->id);
    fcj_command_str (command, "level");
    fcj_command_str (command, NAMES[level]);
    fcj_command_end (command);
    s_send (self->front, command);
    fcj_bus_send (self->front, "session", self->id, NULL);
}

bool fcj_session_want (fcj_session_t *self, const char *what, bool wanted)
{
    if (wanted && json_object_size (self->wants) >= FCJ_WANTS_MAX)
        return false;
    if (wanted)
        json_object_set_new (self->wants, what, json_true ());
    else
        json_object_del (self->wants, what);
    fcj_interest_refresh (self->front, self);
    if (!*self->id)
        return true;
    fcj_command_t *command = fcj_command_new ();
    fcj_command_begin (command, wanted? "SADD": "SREM");
    fcj_command_key (command, "mcp:wants:", self->id);
    fcj_command_str (command, what);
    fcj_command_end (command);
    s_expire (command, self->id);
    s_send (self->front, command);
    fcj_bus_send (self->front, "session", self->id, NULL);
    return true;
}
