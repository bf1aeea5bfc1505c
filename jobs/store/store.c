/*  store.c - reading records, one blocking question at a time.
 *
 *  Reads can be repeated, so a question whose connection breaks is asked once
 *  more on a new one before the caller hears of it. Nothing takes longer than
 *  two seconds a try. Ownership is checked here, so that no caller can
 *  forget it: another's job is not there.  */

#include "store.h"
#include "command.h"
#include "reading.h"
#include "conn.h"
#include "../limits.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY_MS 2000

struct fcj_store {
    fcj_conn_t *link;
};

fcj_store_t *fcj_store_new (const char *url, fcj_error_t *error)
{
    fcj_conn_t *link = fcj_conn_new (url, error);
    if (!link)
        return NULL;
    fcj_store_t *self = calloc (1, sizeof (*self));
    if (!self)
        abort ();
    self->link = link;
    return self;
}

void fcj_store_destroy (fcj_store_t **self_p)
{
    if (!*self_p)
        return;
    fcj_conn_destroy (&(*self_p)->link);
    free (*self_p);
    *self_p = NULL;
}

/* ---- One question ------------------------------------------------------- */

void fcj_replies_free (redisReply **replies, int count)
{
    for (int n = 0; n < count; n++) {
        if (replies[n])
            freeReplyObject (replies[n]);
        replies[n] = NULL;
    }
}

/*  Waits until something can be moved, then moves it.  */
static int s_turn (fcj_store_t *self, int64_t until, fcj_error_t *error)
{
    int64_t left = until - fcj_mono_ms ();
    if (left <= 0)
        return fcj_fail (error, FCJ_STORE_UNAVAILABLE,
                         "Redis did not answer in %d ms. Try again", TRY_MS);
    struct pollfd item = {fcj_conn_fd (self->link), POLLIN, 0};
    if (fcj_conn_wants_write (self->link))
        item.events |= POLLOUT;
    if (poll (&item, 1, (int) left) < 0 && errno != EINTR)
        return fcj_fail (error, FCJ_INTERNAL, "poll: %s", strerror (errno));
    return item.revents ? fcj_conn_run (self->link, error) : 0;
}

static int s_exchange (fcj_store_t *self, const fcj_command_t *command,
                       redisReply **replies, fcj_error_t *error)
{
    int64_t until = fcj_mono_ms () + TRY_MS;
    if (fcj_conn_fd (self->link) < 0 && fcj_conn_open (self->link, error) < 0)
        return -1;
    while (!fcj_conn_up (self->link))
        if (s_turn (self, until, error) < 0)
            return -1;
    fcj_conn_send (self->link, fcj_command_data (command),
                   fcj_command_size (command));
    int got = 0, count = fcj_command_count (command);
    while (got < count) {
        replies[got] = fcj_conn_reply (self->link);
        if (replies[got])
            got++;
        else if (s_turn (self, until, error) < 0) {
            fcj_replies_free (replies, got);
            return -1;
        }
    }
    return 0;
}

/*  A connection that owes an answer to a question that was given up would
 *  give it to the next one, so it is closed.  */
static int s_try (fcj_store_t *self, const fcj_command_t *command,
                  redisReply **replies, fcj_error_t *error)
{
    if (s_exchange (self, command, replies, error) == 0)
        return 0;
    fcj_conn_close (self->link);
    return -1;
}

int fcj_store_ask (fcj_store_t *self, const fcj_command_t *command,
                   redisReply **replies, fcj_error_t *error)
{
    int count = fcj_command_count (command);
    if (s_try (self, command, replies, error) < 0 &&
        s_try (self, command, replies, error) < 0)
        return -1;
    for (int n = 0; n < count; n++)
        if (fcj_reply_check (replies[n], error) < 0) {
            fcj_replies_free (replies, count);
            return -1;
        }
    return 0;
}

/* ---- One record -------------------------------------------------------- */

static fcj_record_t *s_get (fcj_store_t *self, const char *id,
                            const char *owner, bool small, fcj_error_t *error)
{
    redisReply *replies[2] = {NULL, NULL};
    if (!fcj_id_valid (id)) {
        fcj_fail (error, FCJ_NOT_FOUND, "This is no job id; a job id is a "
                  "UUID as the submit returned it, list_jobs shows yours");
        return NULL;
    }
    fcj_command_t *command = fcj_command_new ();
    if (small)
        fcj_record_ask_small (command, id);
    else {
        fcj_command_begin (command, "HGETALL");
        fcj_command_key (command, "job:", id);
        fcj_command_end (command);
    }
    fcj_command_begin (command, "GET");
    fcj_command_key (command, "gone:", id);
    fcj_command_end (command);
    int result = fcj_store_ask (self, command, replies, error);
    fcj_command_destroy (&command);
    if (result < 0)
        return NULL;
    fcj_record_t *record = small ? fcj_record_take_small (replies[0])
                                 : fcj_record_take (replies[0], NULL);
    const char *grave = replies[1]->str;
    bool gone = grave && (!owner || strcmp (grave, owner) == 0);
    if (!fcj_record_visible (record, owner)) {
        fcj_record_destroy (&record);
        if (gone)
            fcj_fail (error, FCJ_EXPIRED, "The job %s has ended and its "
                      "record is gone (expired or deleted); submit it again "
                      "to have its result", id);
        else
            fcj_fail (error, FCJ_NOT_FOUND, "There is no job %s; list_jobs "
                      "shows yours", id);
    }
    freeReplyObject (replies[1]);
    return record;
}

fcj_record_t *fcj_store_get (fcj_store_t *self, const char *id,
                             const char *owner, fcj_error_t *error)
{
    return s_get (self, id, owner, false, error);
}

fcj_record_t *fcj_store_status (fcj_store_t *self, const char *id,
                                const char *owner, fcj_error_t *error)
{
    return s_get (self, id, owner, true, error);
}

/* ---- Notes -------------------------------------------------------------- */

fcj_record_t *fcj_store_notes (fcj_store_t *self, const char *kind,
                               const char *name, const char *field,
                               const char *value, int ttl_s,
                               fcj_error_t *error)
{
    redisReply *replies[3] = {NULL, NULL, NULL};
    fcj_command_t *command = fcj_command_new ();
    if (field) {
        fcj_command_begin (command, "HSET");
        fcj_command_key (command, kind, name);
        fcj_command_str (command, field);
        fcj_command_str (command, value);
        fcj_command_end (command);
        fcj_command_begin (command, "EXPIRE");
        fcj_command_key (command, kind, name);
        fcj_command_int (command, ttl_s);
        fcj_command_end (command);
    }
    fcj_command_begin (command, "HGETALL");
    fcj_command_key (command, kind, name);
    fcj_command_end (command);
    int count = fcj_command_count (command);
    int result = fcj_store_ask (self, command, replies, error);
    fcj_command_destroy (&command);
    if (result < 0)
        return NULL;
    for (int n = 0; n + 1 < count; n++)
        freeReplyObject (replies[n]);
    return fcj_record_take (replies[count - 1], NULL);
}

/* ---- Secrets ------------------------------------------------------------ */

int fcj_store_secret (fcj_store_t *self, const char *name,
                      unsigned char *secret, size_t size,
                      fcj_error_t *error)
{
    unsigned char fresh[64];
    redisReply *replies[2] = {NULL, NULL};
    fcj_command_t *command = fcj_command_new ();
    randombytes_buf (fresh, size);
    fcj_command_begin (command, "SET");
    fcj_command_key (command, name, "");
    fcj_command_add (command, fresh, size);
    fcj_command_str (command, "NX");
    fcj_command_end (command);
    fcj_command_begin (command, "GET");
    fcj_command_key (command, name, "");
    fcj_command_end (command);
    int result = fcj_store_ask (self, command, replies, error);
    fcj_command_destroy (&command);
    if (result < 0)
        return -1;
    if (replies[1]->type == REDIS_REPLY_STRING && replies[1]->len == size)
        memcpy (secret, replies[1]->str, size);
    else
        result = fcj_fail (error, FCJ_INTERNAL, "Redis holds something else "
                           "than a key in %s", name);
    fcj_replies_free (replies, 2);
    return result;
}
