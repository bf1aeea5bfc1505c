/*  async.c - questions in a row, answered in the same order, as Redis does.
 *  What failed is told at the next run, so that a caller is never called
 *  from inside its own question.  */

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include "async.h"
#include "conn.h"
#include "../job.h"
#include "../limits.h"

#define RETRY_MS 250

typedef struct question question_t;
struct question {
    TAILQ_ENTRY (question) next;
    fcj_async_fn *fn;
    void *arg;
    char *bytes;                /* until it is sent */
    size_t size;
    int expected, got;
    int64_t deadline;
    redisReply **replies;
};
TAILQ_HEAD (questions, question);

struct fcj_async {
    fcj_conn_t *link;
    struct questions held, sent, failed;
    size_t count;
    size_t held_size;           /* bytes of held */
    int64_t retry_at, connect_until;
    bool up;
    char *hello;                /* sent at each connection, or NULL */
    size_t hello_size;
    void (*on_push) (void *arg, const redisReply *push);
    void *push_arg;
};

static void s_free (fcj_async_t *self, question_t *one)
{
    for (int n = 0; n < one->got; n++)
        freeReplyObject (one->replies[n]);
    free (one->replies);
    free (one->bytes);
    free (one);
    self->count--;
}

fcj_async_t *fcj_async_new (const char *url, fcj_error_t *error)
{
    fcj_conn_t *link = fcj_conn_new (url, error);
    if (!link)
        return NULL;
    fcj_async_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->link = link;
    TAILQ_INIT (&self->held);
    TAILQ_INIT (&self->sent);
    TAILQ_INIT (&self->failed);
    return self;
}

/* ---- Asking ------------------------------------------------------------ */

static char *s_copy (const fcj_command_t *commands, size_t *size)
{
    *size = fcj_command_size (commands);
    char *bytes = malloc (*size + 1);
    if (!bytes)
        abort ();
    memcpy (bytes, fcj_command_data (commands), *size);
    return bytes;
}

void fcj_async_ask (fcj_async_t *self, const fcj_command_t *commands,
                    fcj_async_fn *fn, void *arg)
{
    question_t *one = calloc (1, sizeof *one);
    if (!one)
        abort ();
    one->fn = fn;
    one->arg = arg;
    one->expected = fcj_command_count (commands);
    one->deadline = fcj_mono_ms () + FCJ_ASYNC_MS;
    one->replies = calloc ((size_t) one->expected + 1, sizeof *one->replies);
    if (!one->replies)
        abort ();
    self->count++;
    size_t size = fcj_command_size (commands);
    size_t waiting = self->up ? fcj_conn_unsent (self->link)
                              : self->held_size;
    if (self->count > FCJ_ASYNC_MAX || waiting + size > FCJ_STORE_WAITING_MAX)
        TAILQ_INSERT_TAIL (&self->failed, one, next);
    else if (self->up) {
        fcj_conn_send (self->link, fcj_command_data (commands),
                       fcj_command_size (commands));
        TAILQ_INSERT_TAIL (&self->sent, one, next);
    }
    else {
        one->bytes = s_copy (commands, &one->size);
        self->held_size += size;
        TAILQ_INSERT_TAIL (&self->held, one, next);
    }
}

static void s_forget (struct questions *list, const void *arg)
{
    question_t *one;
    TAILQ_FOREACH (one, list, next)
        if (one->arg == arg)
            one->fn = NULL;
}

void fcj_async_forget (fcj_async_t *self, const void *arg)
{
    s_forget (&self->held, arg);
    s_forget (&self->sent, arg);
    s_forget (&self->failed, arg);
}

void fcj_async_listen (fcj_async_t *self, const fcj_command_t *commands,
                       void (*fn) (void *arg, const redisReply *push),
                       void *arg)
{
    free (self->hello);
    self->hello = s_copy (commands, &self->hello_size);
    self->on_push = fn;
    self->push_arg = arg;
}

/* ---- The connection ---------------------------------------------------- */

static void s_down (fcj_async_t *self)
{
    fcj_conn_close (self->link);
    self->up = false;
    self->retry_at = fcj_mono_ms () + RETRY_MS;
    TAILQ_CONCAT (&self->failed, &self->sent, next);
}

static void s_connected (fcj_async_t *self)
{
    question_t *one;
    self->up = true;
    if (self->hello)
        fcj_conn_send (self->link, self->hello, self->hello_size);
    TAILQ_FOREACH (one, &self->held, next) {
        fcj_conn_send (self->link, one->bytes, one->size);
        free (one->bytes);
        one->bytes = NULL;
        one->deadline = fcj_mono_ms () + FCJ_ASYNC_MS;
    }
    self->held_size = 0;
    TAILQ_CONCAT (&self->sent, &self->held, next);
}

static void s_connect (fcj_async_t *self, int64_t now)
{
    fcj_error_t error;
    bool wanted = self->hello || !TAILQ_EMPTY (&self->held);
    if (fcj_conn_fd (self->link) < 0) {
        if (!wanted || now < self->retry_at)
            return;
        self->connect_until = now + FCJ_ASYNC_MS;
        if (fcj_conn_open (self->link, &error) < 0) {
            s_down (self);
            return;
        }
    }
    if (fcj_conn_run (self->link, &error) < 0
        || (!fcj_conn_up (self->link) && now > self->connect_until))
        s_down (self);
    else if (!self->up && fcj_conn_up (self->link))
        s_connected (self);
}

static void s_replies (fcj_async_t *self)
{
    redisReply *reply;
    while (self->up && (reply = fcj_conn_reply (self->link))) {
        question_t *one = TAILQ_FIRST (&self->sent);
        if (self->on_push || !one) {
            if (self->on_push)
                self->on_push (self->push_arg, reply);
            freeReplyObject (reply);
            continue;
        }
        one->replies[one->got++] = reply;
        if (one->got < one->expected)
            continue;
        TAILQ_REMOVE (&self->sent, one, next);
        if (one->fn)
            one->fn (one->arg, one->replies, one->got, NULL);
        s_free (self, one);
    }
}

static void s_tell_failed (fcj_async_t *self)
{
    fcj_error_t error;
    question_t *one;
    size_t count = 0;           /* not what fails meanwhile */
    fcj_fail (&error, FCJ_STORE_UNAVAILABLE, "Redis does not answer."
              " Try again");
    TAILQ_FOREACH (one, &self->failed, next)
        count++;
    while (count-- && (one = TAILQ_FIRST (&self->failed))) {
        TAILQ_REMOVE (&self->failed, one, next);
        fcj_async_fn *fn = one->fn;
        void *arg = one->arg;
        s_free (self, one);
        if (fn)
            fn (arg, NULL, 0, &error);
    }
}

static void s_timeouts (fcj_async_t *self, int64_t now)
{
    question_t *one;
    while ((one = TAILQ_FIRST (&self->held)) && now > one->deadline) {
        TAILQ_REMOVE (&self->held, one, next);
        self->held_size -= one->size;
        TAILQ_INSERT_TAIL (&self->failed, one, next);
    }
    one = TAILQ_FIRST (&self->sent);
    if (one && now > one->deadline)
        s_down (self);          /* its answer may still come, out of step */
}

void fcj_async_destroy (fcj_async_t **self_p)
{
    fcj_async_t *self = *self_p;
    *self_p = NULL;             /* nobody asks any more */
    if (!self)
        return;
    TAILQ_CONCAT (&self->failed, &self->sent, next);
    TAILQ_CONCAT (&self->failed, &self->held, next);
    s_tell_failed (self);
    fcj_conn_destroy (&self->link);
    free (self->hello);
    free (self);
}

void fcj_async_run (fcj_async_t *self)
{
    fcj_error_t error;
    int64_t now = fcj_mono_ms ();
    s_connect (self, now);
    s_replies (self);
    s_timeouts (self, now);
    s_tell_failed (self);
    if (self->up && fcj_conn_flush (self->link, &error) < 0)
        s_down (self);
}

void fcj_async_flush (fcj_async_t *self)
{
    fcj_error_t error;
    if (self->up && fcj_conn_wants_write (self->link)
        && fcj_conn_flush (self->link, &error) < 0)
        s_down (self);
}

int fcj_async_fd (const fcj_async_t *self)
{
    return fcj_conn_fd (self->link);
}

bool fcj_async_wants_write (const fcj_async_t *self)
{
    return fcj_conn_wants_write (self->link);
}

bool fcj_async_pending (const fcj_async_t *self)
{
    return !TAILQ_EMPTY (&self->failed)
        || (!TAILQ_EMPTY (&self->held) && fcj_conn_fd (self->link) < 0);
}

bool fcj_async_up (const fcj_async_t *self)
{
    return self->up;
}
