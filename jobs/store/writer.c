/*  writer.c - the broker's hand on Redis: many writes in flight, in order.
 *
 *  Redis answers a connection in order, so the writes sent wait in one queue
 *  and its head takes the next reply. Writes made while Redis is away are
 *  held until their time is over, so a quick restart of Redis is not noticed.
 *  Callbacks only run from fcj_writer_run(), never from inside a call.  */

#include "writing.h"
#include "../limits.h"
#include "../log.h"

#include <stdlib.h>
#include <string.h>

#define HELD_MAX    20000
#define BACKOFF_MIN 50          /* ms */
#define BACKOFF_MAX 1000
#define CONNECT_MS  3000        /* connecting and loading the library */

typedef struct {
    fcj_write_t *first, *last;
    size_t count, bytes;        /* of the commands not yet sent */
} s_queue_t;

struct fcj_writer {
    fcj_conn_t *link;
    char *library;
    int64_t timeout_ms;
    s_queue_t held, sent, failed;
    bool up, loading;           /* the library is loaded; is on its way */
    bool complained;
    int64_t retry_at, backoff, connect_until;
};

/* ---- Queues ------------------------------------------------------------- */

static size_t s_bytes (const fcj_write_t *write)
{
    return write->command ? fcj_command_size (write->command) : 0;
}

static void s_push (s_queue_t *queue, fcj_write_t *write)
{
    write->after = NULL;
    if (queue->last)
        queue->last->after = write;
    else
        queue->first = write;
    queue->last = write;
    queue->count++;
    queue->bytes += s_bytes (write);
}

static fcj_write_t *s_pop (s_queue_t *queue)
{
    fcj_write_t *write = queue->first;
    if (write) {
        queue->first = write->after;
        if (!queue->first)
            queue->last = NULL;
        queue->count--;
        queue->bytes -= s_bytes (write);
        write->after = NULL;
    }
    return write;
}

void fcj_writer_refuse (fcj_writer_t *self, fcj_write_t *write,
                        const fcj_error_t *error)
{
    write->failed = malloc (sizeof (*error));
    if (!write->failed)
        abort ();
    *write->failed = *error;
    s_push (&self->failed, write);
}

static void s_put_on_wire (fcj_writer_t *self, fcj_write_t *write)
{
    fcj_conn_send (self->link, fcj_command_data (write->command),
                   fcj_command_size (write->command));
    write->expected = fcj_command_count (write->command);
    write->replies = calloc ((size_t) write->expected, sizeof (redisReply *));
    if (!write->replies)
        abort ();
    fcj_command_destroy (&write->command);
    write->until = fcj_mono_ms () + self->timeout_ms;
    s_push (&self->sent, write);
}

/*  Redis takes our commands more slowly than they come, or not at all.  */
static bool s_full (const fcj_writer_t *self, const fcj_write_t *write)
{
    size_t waiting = self->up ? fcj_conn_unsent (self->link)
                              : self->held.bytes;
    return waiting + s_bytes (write) > FCJ_STORE_WAITING_MAX ||
           (!self->up && self->held.count >= HELD_MAX);
}

void fcj_writer_send (fcj_writer_t *self, fcj_write_t *write)
{
    if (s_full (self, write)) {
        fcj_error_t error;
        fcj_fail (&error, FCJ_STORE_UNAVAILABLE,
                  "Too many calls wait for Redis. Try again");
        fcj_writer_refuse (self, write, &error);
    } else if (self->up)
        s_put_on_wire (self, write);
    else {
        write->until = fcj_mono_ms () + self->timeout_ms;
        s_push (&self->held, write);
    }
}

void fcj_writer_again (fcj_writer_t *self, fcj_write_t *write,
                       fcj_round_fn *next)
{
    fcj_write_drop_replies (write);
    write->next = next;
    fcj_writer_send (self, write);
}

/* ---- The connection ----------------------------------------------------- */

static void s_complain (fcj_writer_t *self, const fcj_error_t *error)
{
    if (!self->complained)
        fcj_log (FCJ_WARNING, "store_down", "error", error->text, NULL);
    self->complained = true;
}

/*  Whatever was on its way may or may not have happened.  */
static void s_down (fcj_writer_t *self, const fcj_error_t *error)
{
    s_complain (self, error);
    fcj_conn_close (self->link);
    self->up = self->loading = false;
    self->backoff = self->backoff ? 2 * self->backoff : BACKOFF_MIN;
    if (self->backoff > BACKOFF_MAX)
        self->backoff = BACKOFF_MAX;
    self->retry_at = fcj_mono_ms () + self->backoff;
    fcj_error_t lost;
    fcj_fail (&lost, FCJ_STORE_UNAVAILABLE, "%s", error->text);
    fcj_write_t *write;
    while ((write = s_pop (&self->sent)) != NULL) {
        if (!write->fn)         /* loading the library */
            fcj_write_destroy (&write);
        else
            fcj_writer_refuse (self, write, &lost);
    }
}

static void s_loaded (fcj_writer_t *self, fcj_write_t *write)
{
    fcj_write_destroy (&write);
    self->loading = false;
    self->up = true;
    self->backoff = 0;
    if (self->complained)
        fcj_log (FCJ_INFO, "store_up", NULL);
    self->complained = false;
    fcj_write_t *held;
    while ((held = s_pop (&self->held)) != NULL)
        s_put_on_wire (self, held);
}

static void s_load (fcj_writer_t *self)
{
    fcj_write_t *write = fcj_write_new (NULL, s_loaded, NULL, NULL);
    fcj_command_t *to = write->command;
    fcj_command_begin (to, "FUNCTION");
    fcj_command_str (to, "LOAD");
    fcj_command_str (to, "REPLACE");
    fcj_command_str (to, self->library);
    fcj_command_end (to);
    self->loading = true;
    s_put_on_wire (self, write);
    write->until = fcj_mono_ms () + CONNECT_MS;
}

/*  All replies of the head have come.  */
static void s_complete (fcj_writer_t *self)
{
    fcj_error_t error;
    fcj_write_t *write = s_pop (&self->sent);
    for (int n = 0; n < write->got; n++) {
        if (fcj_reply_check (write->replies[n], &error) == 0)
            continue;
        /* a full Redis takes no library, but has the one of before */
        if (write->next == s_loaded && error.reason == FCJ_QUEUE_FULL) {
            s_complain (self, &error);
            break;
        }
        if (write->next == s_loaded) {
            fcj_write_destroy (&write);
            s_down (self, &error);
            return;
        }
        if (strstr (write->replies[n]->str, "Function not found") &&
            !self->loading) {
            self->up = false;   /* what follows is held until it is back */
            s_load (self);
        }
        fcj_write_over (write, NULL, &error);
        return;
    }
    write->next (self, write);
}

static void s_replies (fcj_writer_t *self)
{
    redisReply *reply;
    while (self->sent.first && (reply = fcj_conn_reply (self->link)) != NULL) {
        fcj_write_t *head = self->sent.first;
        head->replies[head->got++] = reply;
        if (head->got == head->expected)
            s_complete (self);
    }
}

static void s_tell_failed (fcj_writer_t *self)
{
    size_t count = self->failed.count;  /* not what fails meanwhile */
    fcj_write_t *write;
    while (count-- && (write = s_pop (&self->failed)) != NULL) {
        fcj_error_t error = *write->failed;
        fcj_write_over (write, NULL, &error);
    }
}

/*  Writes wait in the order of their deadlines: one that is sent after it was
 *  held, and each further round, has its whole time again.  */
static void s_timeouts (fcj_writer_t *self)
{
    int64_t now = fcj_mono_ms ();
    fcj_error_t error;
    fcj_fail (&error, FCJ_STORE_UNAVAILABLE,
              "Redis did not answer in %lld ms. Try again",
              (long long) self->timeout_ms);
    while (self->held.first && self->held.first->until <= now)
        fcj_writer_refuse (self, s_pop (&self->held), &error);
    /* a connection that has been silent for so long is as good as lost */
    if (self->sent.first && self->sent.first->until <= now)
        s_down (self, &error);
}

static void s_connection (fcj_writer_t *self)
{
    fcj_error_t error;
    int64_t now = fcj_mono_ms ();
    if (fcj_conn_fd (self->link) < 0) {
        if (now < self->retry_at)
            return;
        self->connect_until = now + CONNECT_MS;
        if (fcj_conn_open (self->link, &error) < 0) {
            s_down (self, &error);
            return;
        }
    }
    if (fcj_conn_run (self->link, &error) < 0) {
        s_down (self, &error);
        return;
    }
    if (!fcj_conn_up (self->link)) {
        if (now > self->connect_until) {
            fcj_fail (&error, FCJ_STORE_UNAVAILABLE,
                      "Connecting to Redis took too long");
            s_down (self, &error);
        }
        return;
    }
    if (!self->up && !self->loading)
        s_load (self);
    s_replies (self);
}

/* ---- The class ---------------------------------------------------------- */

fcj_writer_t *fcj_writer_new (const char *url, const char *library,
                              int64_t timeout_ms, fcj_error_t *error)
{
    fcj_conn_t *link = fcj_conn_new (url, error);
    if (!link)
        return NULL;
    fcj_writer_t *self = calloc (1, sizeof (*self));
    char *text = strdup (library);
    if (!self || !text)
        abort ();
    self->link = link;
    self->library = text;
    self->timeout_ms = timeout_ms;
    return self;
}

void fcj_writer_destroy (fcj_writer_t **self_p)
{
    fcj_writer_t *self = *self_p;
    if (!self)
        return;
    fcj_write_t *write;
    while ((write = s_pop (&self->held)) != NULL ||
           (write = s_pop (&self->sent)) != NULL ||
           (write = s_pop (&self->failed)) != NULL)
        fcj_write_destroy (&write);
    fcj_conn_destroy (&self->link);
    free (self->library);
    free (self);
    *self_p = NULL;
}

int fcj_writer_fd (const fcj_writer_t *self)
{
    return fcj_conn_fd (self->link);
}

bool fcj_writer_wants_write (const fcj_writer_t *self)
{
    return fcj_conn_wants_write (self->link);
}

bool fcj_writer_up (const fcj_writer_t *self)
{
    return self->up;
}

void fcj_writer_run (fcj_writer_t *self)
{
    s_tell_failed (self);
    s_connection (self);
    s_timeouts (self);
    s_tell_failed (self);
    /* what the callbacks added goes out now rather than at the next turn */
    fcj_error_t error;
    if (fcj_conn_flush (self->link, &error) < 0)
        s_down (self, &error);
}
