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

#define TRY_MS   2000
#define PAGE     100            /* records a round trip when listing */
#define SCAN_MAX 1000           /* records looked at in one call */

struct fcj_store {
    fcj_conn_t *link;
};

struct fcj_record {
    redisReply *reply;          /* values, or pairs without names */
    const char *const *names;
    bool lent;                  /* the reply is somebody else's */
};

/*  All but spec, result, error, stdout and stderr.  */
static const char *const s_small[] = {
    "id", "owner", "tool", "lane", "priority", "seq", "name", "submitted",
    "timeout_s", "queue_timeout_s", "retention_s", "depends_on", "state",
    "attempt", "worker", "lost", "leased", "started", "finished", "progress",
    "message", "reason", "result_blob", "artifacts", "stdout_size",
    "stderr_size", "memory", "cpu_ms", "ended", "ended_by", "ask"};
#define SMALL (sizeof (s_small) / sizeof (*s_small))

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

static void s_free (redisReply **replies, int count)
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
            s_free (replies, got);
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
            s_free (replies, count);
            return -1;
        }
    return 0;
}

/* ---- Records ------------------------------------------------------------ */

static const redisReply *s_field (const fcj_record_t *self, const char *field)
{
    const redisReply *reply = self->reply;
    for (size_t n = 0; self->names && n < reply->elements; n++)
        if (strcmp (self->names[n], field) == 0)
            return reply->element[n];
    for (size_t n = 0; !self->names && n + 1 < reply->elements; n += 2)
        if (strcmp (reply->element[n]->str, field) == 0)
            return reply->element[n + 1];
    return NULL;
}

const char *fcj_record_str (const fcj_record_t *self, const char *field,
                            size_t *size)
{
    const redisReply *value = s_field (self, field);
    bool there = value && value->type == REDIS_REPLY_STRING;
    if (size)
        *size = there ? (size_t) value->len : 0;
    return there ? value->str : NULL;
}

int64_t fcj_record_int (const fcj_record_t *self, const char *field,
                        int64_t otherwise)
{
    const char *text = fcj_record_str (self, field, NULL);
    char *end = NULL;
    errno = 0;
    long long value = text ? strtoll (text, &end, 10) : 0;
    return text && end != text && !*end && !errno ? value : otherwise;
}

double fcj_record_real (const fcj_record_t *self, const char *field,
                        double otherwise)
{
    const char *text = fcj_record_str (self, field, NULL);
    char *end = NULL;
    double value = text ? strtod (text, &end) : 0;
    return text && end != text && !*end ? value : otherwise;
}

fcj_state_t fcj_record_state (const fcj_record_t *self)
{
    int state = fcj_state_of (fcj_record_str (self, "state", NULL));
    return state < 0 ? FCJ_FAILED : (fcj_state_t) state;
}

void fcj_record_destroy (fcj_record_t **self_p)
{
    if (!*self_p)
        return;
    if (!(*self_p)->lent)
        freeReplyObject ((*self_p)->reply);
    free (*self_p);
    *self_p = NULL;
}

fcj_record_t *fcj_record_take (redisReply *reply, const char *const *names)
{
    fcj_record_t *self = calloc (1, sizeof (*self));
    if (!self)
        abort ();
    self->reply = reply;
    self->names = names;
    return self;
}

fcj_record_t *fcj_record_lend (redisReply *reply, const char *const *names)
{
    fcj_record_t *self = fcj_record_take (reply, names);
    self->lent = true;
    return self;
}

bool fcj_record_visible (const fcj_record_t *record, const char *owner)
{
    const char *whose = fcj_record_str (record, "owner", NULL);
    return whose && fcj_record_str (record, "state", NULL) &&
           (!owner || strcmp (whose, owner) == 0);
}

static void s_small_fields (fcj_command_t *command, const char *id)
{
    fcj_command_begin (command, "HMGET");
    fcj_command_key (command, "job:", id);
    for (size_t n = 0; n < SMALL; n++)
        fcj_command_str (command, s_small[n]);
    fcj_command_end (command);
}

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
        s_small_fields (command, id);
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
    fcj_record_t *record = fcj_record_take (replies[0], small ? s_small : NULL);
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

/* ---- Lists -------------------------------------------------------------- */

/*  A list runs backwards through a sorted set. A cursor is the score and id
 *  of the last job looked at, so it survives jobs that come and go.  */
typedef struct {
    const char *owner, *state, *tool;   /* owner NULL: live jobs, anybody's */
    int limit, count;
    fcj_record_t **records;
    char score[24];
    fcj_id_t id;                        /* "": from the start */
} s_list_t;

static void s_set_key (fcj_command_t *command, const s_list_t *list)
{
    if (list->owner)
        fcj_command_key (command, "owner:", list->owner);
    else
        fcj_command_key (command, "live", "");
}

static int s_read_cursor (s_list_t *list, const char *cursor)
{
    const char *colon = strchr (cursor, ':');
    if (!*cursor)
        return 0;
    size_t size = colon ? (size_t) (colon - cursor) : 0;
    if (!size || size >= sizeof (list->score) ||
        strspn (cursor, "0123456789") != size || !fcj_id_valid (colon + 1))
        return -1;
    memcpy (list->score, cursor, size);
    memcpy (list->id, colon + 1, FCJ_ID_LEN);
    return 0;
}

/*  The rank after the cursor; where its job is gone, the first of its score
 *  (s_passed() then skips what was seen).  */
static int64_t s_start (fcj_store_t *self, const s_list_t *list,
                        fcj_error_t *error)
{
    if (!*list->id)
        return 0;
    char above[32];
    snprintf (above, sizeof (above), "(%s", list->score);
    redisReply *replies[2] = {NULL, NULL};
    fcj_command_t *command = fcj_command_new ();
    fcj_command_begin (command, "ZREVRANK");
    s_set_key (command, list);
    fcj_command_str (command, list->id);
    fcj_command_end (command);
    fcj_command_begin (command, "ZCOUNT");
    s_set_key (command, list);
    fcj_command_str (command, above);
    fcj_command_str (command, "+inf");
    fcj_command_end (command);
    int64_t rank = -1;
    if (fcj_store_ask (self, command, replies, error) == 0) {
        rank = replies[0]->type == REDIS_REPLY_INTEGER
                   ? replies[0]->integer + 1
                   : replies[1]->integer;
        s_free (replies, 2);
    }
    fcj_command_destroy (&command);
    return rank;
}

/*  Jobs of one score stand in falling order of their ids.  */
static bool s_passed (const char *id, const char *score, const char *last_id,
                      const char *last_score)
{
    return *last_id && strcmp (score, last_score) == 0 &&
           strcmp (id, last_id) >= 0;
}

static redisReply *s_page (fcj_store_t *self, const s_list_t *list,
                           int64_t rank, fcj_error_t *error)
{
    redisReply *reply = NULL;
    fcj_command_t *command = fcj_command_new ();
    fcj_command_begin (command, "ZREVRANGE");
    s_set_key (command, list);
    fcj_command_int (command, rank);
    fcj_command_int (command, rank + PAGE - 1);
    fcj_command_str (command, "WITHSCORES");
    fcj_command_end (command);
    fcj_store_ask (self, command, &reply, error);
    fcj_command_destroy (&command);
    return reply;
}

static bool s_wanted (const s_list_t *list, const fcj_record_t *record)
{
    const char *state = fcj_record_str (record, "state", NULL);
    const char *tool = fcj_record_str (record, "tool", NULL);
    return fcj_record_visible (record, list->owner) &&
           (!list->state || strcmp (state, list->state) == 0) &&
           (!list->tool || (tool && strcmp (tool, list->tool) == 0));
}

/*  Looks at one page's records; moves the cursor behind the last it took or
 *  passed. Returns -1, or the number looked at.  */
static int s_take (fcj_store_t *self, s_list_t *list, const redisReply *page,
                   fcj_error_t *error)
{
    redisReply *replies[PAGE] = {NULL};
    int count = (int) page->elements / 2, seen = 0;
    fcj_command_t *command = fcj_command_new ();
    for (int n = 0; n < count; n++)
        s_small_fields (command, page->element[2 * n]->str);
    int result = count ? fcj_store_ask (self, command, replies, error) : 0;
    fcj_command_destroy (&command);
    if (result < 0)
        return -1;
    for (; seen < count && list->count < list->limit; seen++) {
        const char *id = page->element[2 * seen]->str;
        const char *score = page->element[2 * seen + 1]->str;
        if (s_passed (id, score, list->id, list->score))
            continue;
        fcj_record_t *record = fcj_record_take (replies[seen], s_small);
        replies[seen] = NULL;
        if (s_wanted (list, record))
            list->records[list->count++] = record;
        else
            fcj_record_destroy (&record);
        snprintf (list->id, sizeof (list->id), "%s", id);
        snprintf (list->score, sizeof (list->score), "%s", score);
    }
    s_free (replies, count);
    return seen;
}

/*  1 there may be more, 0 the end, -1 failed.  */
static int s_scan (fcj_store_t *self, s_list_t *list, fcj_error_t *error)
{
    int64_t rank = s_start (self, list, error);
    int64_t stop = rank + SCAN_MAX;
    while (rank >= 0 && rank < stop) {
        redisReply *page = s_page (self, list, rank, error);
        if (!page)
            return -1;
        int count = (int) page->elements / 2;
        int seen = s_take (self, list, page, error);
        freeReplyObject (page);
        if (seen < 0)
            return -1;
        rank += seen;
        if (seen < count || list->count == list->limit)
            return seen < count || count == PAGE;
        if (count < PAGE)
            return 0;
    }
    return rank < 0 ? -1 : 1;
}

int fcj_store_list (fcj_store_t *self, const char *owner, const char *state,
                    const char *tool, int limit, char cursor[64],
                    fcj_record_t **records, fcj_error_t *error)
{
    s_list_t list = {owner, state, tool, limit, 0, records, "", ""};
    if (limit < 1 || s_read_cursor (&list, cursor) < 0)
        return fcj_fail (error, FCJ_INVALID, "The cursor is not one that a "
                         "list returned; begin without one");
    int more = s_scan (self, &list, error);
    if (more < 0) {
        while (list.count)
            fcj_record_destroy (&records[--list.count]);
        return -1;
    }
    if (more)
        snprintf (cursor, 64, "%s:%s", list.score, list.id);
    else
        cursor[0] = 0;
    return list.count;
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
    s_free (replies, 2);
    return result;
}
