/*  writer.c - the broker's hand on Redis: many calls in flight, in order.
 *
 *  A call is some commands and a function that looks at their replies when
 *  all have come; it ends the call, or sends a next round (read what is due,
 *  then bury it). Redis answers a connection in order, so the calls sent wait
 *  in one queue and the head takes the next reply.
 *
 *      held --up--> sent --replies--> over
 *        \            \--lost---\
 *         `--timeout, too many--`--> failed, told at the next run
 *
 *  Calls made while Redis is away are held until their time is over, so a
 *  quick restart of Redis is not noticed. Callbacks only run from
 *  fcj_writer_run(), never from inside a call.  */

#include "store.h"
#include "command.h"
#include "conn.h"
#include "../limits.h"
#include "../log.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELD_MAX    20000
#define BACKOFF_MIN 50          /* ms */
#define BACKOFF_MAX 1000
#define CONNECT_MS  3000        /* connecting and loading the library */
#define LIVE_MAX    1000        /* jobs in a page of live */

typedef struct s_call s_call_t;
typedef void (s_next_t) (fcj_writer_t *self, s_call_t *call);

struct s_call {
    s_call_t *after;
    fcj_writer_fn *fn;
    void *arg;
    int64_t until;
    bool told;                  /* timed out; its replies are dropped */
    fcj_error_t *failed;        /* why, for those told at the next run */

    fcj_command_t *command;     /* of this round */
    redisReply **replies;
    int expected, got;
    s_next_t *next;

    fcj_id_t id;                /* what later rounds need */
    char *owner;
    int64_t number;
    fcj_map_t *job;             /* submit, for repeating it */
    char *job_bytes;
    redisReply *kept;           /* a reply of an earlier round */
    redisReply *kept_too;
};

typedef struct {
    s_call_t *first, *last;
    size_t count;
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

/* ---- Calls and queues --------------------------------------------------- */

static void s_push (s_queue_t *queue, s_call_t *call)
{
    call->after = NULL;
    if (queue->last)
        queue->last->after = call;
    else
        queue->first = call;
    queue->last = call;
    queue->count++;
}

static s_call_t *s_pop (s_queue_t *queue)
{
    s_call_t *call = queue->first;
    if (call) {
        queue->first = call->after;
        if (!queue->first)
            queue->last = NULL;
        queue->count--;
        call->after = NULL;
    }
    return call;
}

static void s_drop_replies (s_call_t *call)
{
    for (int n = 0; n < call->got; n++)
        if (call->replies[n])
            freeReplyObject (call->replies[n]);
    free (call->replies);
    call->replies = NULL;
    call->got = call->expected = 0;
}

static void s_call_destroy (s_call_t *call)
{
    s_drop_replies (call);
    fcj_command_destroy (&call->command);
    fcj_map_destroy (&call->job);
    if (call->kept)
        freeReplyObject (call->kept);
    if (call->kept_too)
        freeReplyObject (call->kept_too);
    free (call->job_bytes);
    free (call->owner);
    free (call->failed);
    free (call);
}

static s_call_t *s_call (fcj_writer_t *self, const char *id, s_next_t *next,
                         fcj_writer_fn *fn, void *arg)
{
    s_call_t *call = calloc (1, sizeof (*call));
    if (!call)
        abort ();
    call->fn = fn;
    call->arg = arg;
    call->next = next;
    call->until = fcj_mono_ms () + self->timeout_ms;
    call->command = fcj_command_new ();
    if (id)
        snprintf (call->id, sizeof (call->id), "%s", id);
    return call;
}

/*  Ends the call: tells, and frees.  */
static void s_over (s_call_t *call, const fcj_map_t *reply,
                    const fcj_error_t *error)
{
    if (!call->told && call->fn)
        call->fn (call->arg, reply, error);
    s_call_destroy (call);
}

/*  Ends it at the next run.  */
static void s_fail_later (fcj_writer_t *self, s_call_t *call,
                          const fcj_error_t *error)
{
    call->failed = malloc (sizeof (*error));
    if (!call->failed)
        abort ();
    *call->failed = *error;
    s_push (&self->failed, call);
}

static void s_put_on_wire (fcj_writer_t *self, s_call_t *call)
{
    fcj_conn_send (self->link, fcj_command_data (call->command),
                   fcj_command_size (call->command));
    call->expected = fcj_command_count (call->command);
    call->replies = calloc ((size_t) call->expected, sizeof (redisReply *));
    if (!call->replies)
        abort ();
    fcj_command_destroy (&call->command);
    s_push (&self->sent, call);
}

static void s_send (fcj_writer_t *self, s_call_t *call)
{
    if (self->up) {
        s_put_on_wire (self, call);
        return;
    }
    if (self->held.count < HELD_MAX) {
        s_push (&self->held, call);
        return;
    }
    fcj_error_t error;
    fcj_fail (&error, FCJ_STORE_UNAVAILABLE,
              "Redis is away and %d calls wait for it. Try again", HELD_MAX);
    s_fail_later (self, call, &error);
}

/*  A next round of the same call, which next() looks at.  */
static void s_again (fcj_writer_t *self, s_call_t *call, s_next_t *next)
{
    s_drop_replies (call);
    call->next = next;
    s_send (self, call);
}

/* ---- The usual end: a function's answer --------------------------------- */

static int s_refusal (const fcj_map_t *map, fcj_error_t *error)
{
    char reason[32], text[FCJ_TEXT_MAX];
    if (!fcj_map_has (map, "error"))
        return 0;
    if (fcj_map_copy (map, "error", reason, sizeof (reason)) < 0)
        return fcj_fail (error, FCJ_INTERNAL, "The store's answer is broken");
    if (fcj_map_copy (map, "text", text, sizeof (text)) < 0)
        text[0] = 0;
    return fcj_fail (error, fcj_reason_of (reason), "%s", text);
}

static void s_answered (fcj_writer_t *self, s_call_t *call)
{
    (void) self;
    fcj_error_t error;
    const redisReply *reply = call->replies[0];
    fcj_map_t *map = reply->type == REDIS_REPLY_STRING
                         ? fcj_map_new (reply->str, (size_t) reply->len)
                         : NULL;
    if (!map) {
        fcj_fail (&error, FCJ_INTERNAL, "The store's answer is no map, or "
                  "more than %d bytes", FCJ_FRAME_MAX);
        s_over (call, NULL, &error);
    } else if (s_refusal (map, &error) < 0)
        s_over (call, NULL, &error);
    else
        s_over (call, map, NULL);
    fcj_map_destroy (&map);
}

static void s_fcall (s_call_t *call, const char *name, int keys)
{
    fcj_command_begin (call->command, "FCALL");
    fcj_command_str (call->command, name);
    fcj_command_int (call->command, keys);
}

static void s_key (s_call_t *call, const char *kind, const char *name)
{
    fcj_command_key (call->command, kind, name);
}

static void s_set (s_call_t *call, const char *name)
{
    fcj_command_key (call->command, name, "");
}

static void s_str (s_call_t *call, const char *text)
{
    fcj_command_str (call->command, text);
}

static void s_int (s_call_t *call, int64_t number)
{
    fcj_command_int (call->command, number);
}

static void s_end (s_call_t *call)
{
    fcj_command_end (call->command);
}

/* ---- Submit ------------------------------------------------------------- */

typedef struct {
    fcj_id_t id;
    char owner[FCJ_NAME_MAX + 1], hash[129], idem[33];
    const fcj_list_t *depends;
    size_t count;
    int64_t timeout, wait, retention;
} s_submit_t;

/*  Hash of a client's key: a Redis key of bounded length.  */
static void s_idem_hash (const char *key, size_t size, char out[33])
{
    unsigned char digest[16];
    crypto_generichash (digest, sizeof (digest), (const unsigned char *) key,
                        size, NULL, 0);
    sodium_bin2hex (out, 33, digest, sizeof (digest));
}

static int s_read_submit (const fcj_map_t *job, s_submit_t *out,
                          fcj_error_t *error)
{
    char lane[16], id[FCJ_ID_LEN + 1];
    if (!job)
        return fcj_fail (error, FCJ_PROTOCOL, "The job is no msgpack map");
    if (fcj_map_copy (job, "id", out->id, sizeof (out->id)) < 0 ||
        !fcj_id_valid (out->id))
        return fcj_fail (error, FCJ_INVALID, "The job's id must be a UUID");
    if (fcj_map_copy (job, "owner", out->owner, sizeof (out->owner)) < 1)
        return fcj_fail (error, FCJ_INVALID, "The job must have an owner of "
                         "at most %d bytes", FCJ_NAME_MAX);
    if (fcj_map_copy (job, "lane", lane, sizeof (lane)) < 0 ||
        fcj_lane_of (lane) < 0)
        return fcj_fail (error, FCJ_INVALID, "lane must be compute or gui");
    out->depends = fcj_map_list (job, "depends_on");
    out->count = out->depends ? fcj_list_count (out->depends) : 0;
    if (out->count > FCJ_DEPENDS_MAX)
        return fcj_fail (error, FCJ_INVALID, "A job can wait for at most %d "
                         "others", FCJ_DEPENDS_MAX);
    for (size_t n = 0; n < out->count; n++)
        if (fcj_list_copy (out->depends, n, id, sizeof (id)) < 0 ||
            !fcj_id_valid (id))
            return fcj_fail (error, FCJ_INVALID, "depends_on must hold job "
                             "ids; element %zu is none", n);
    size_t size = 0;
    const char *key = fcj_map_bytes (job, "idem", &size);
    if (size > FCJ_KEY_MAX)
        return fcj_fail (error, FCJ_INVALID, "The idempotency key is longer "
                         "than %d bytes", FCJ_KEY_MAX);
    if (key && size)
        s_idem_hash (key, size, out->idem);
    if (fcj_map_copy (job, "request_hash", out->hash, sizeof (out->hash)) < 0)
        out->hash[0] = 0;
    if (strspn (out->hash, "0123456789abcdefABCDEF") != strlen (out->hash))
        return fcj_fail (error, FCJ_INVALID, "request_hash must be hex");
    out->timeout = fcj_map_int (job, "timeout_s", FCJ_TIMEOUT_S);
    out->wait = fcj_map_int (job, "queue_timeout_s", FCJ_QUEUE_TIMEOUT_S);
    out->retention = fcj_map_int (job, "retention_s", FCJ_RETENTION_S);
    int64_t most = 366L * 86400;
    if (out->timeout < 1 || out->timeout > most || out->wait < 1 ||
        out->wait > most || out->retention < 1 || out->retention > most)
        return fcj_fail (error, FCJ_INVALID, "timeout_s, queue_timeout_s and "
                         "retention_s must be from 1 to %lld",
                         (long long) most);
    return 0;
}

static void s_depends (s_call_t *call, const s_submit_t *submit, bool keys)
{
    char id[FCJ_ID_LEN + 1];
    for (size_t n = 0; n < submit->count; n++) {
        fcj_list_copy (submit->depends, n, id, sizeof (id));
        if (keys)
            s_key (call, "job:", id);
        else
            s_str (call, id);
    }
}

/*  A JSON array of ids needs no escaping.  */
static void s_depends_json (s_call_t *call, const s_submit_t *submit)
{
    char text[FCJ_DEPENDS_MAX * (FCJ_ID_LEN + 3) + 3];
    char id[FCJ_ID_LEN + 1];
    size_t at = 0;
    for (size_t n = 0; n < submit->count; n++) {
        fcj_list_copy (submit->depends, n, id, sizeof (id));
        at += (size_t) snprintf (text + at, sizeof (text) - at, "%c\"%s\"",
                                 n ? ',' : '[', id);
    }
    s_str (call, "depends_on");
    snprintf (text + at, sizeof (text) - at, "]");
    s_str (call, text);
}

/*  What spec refers to, for who sweeps the blobs.  */
static void s_blobs (s_call_t *call)
{
    char text[2 * FCJ_HASH_LEN + 2] = "";
    fcj_hash_t hash;
    static const char *const keys[] = {"arguments_blob", "inputs_blob"};
    for (int n = 0; n < 2; n++)
        if (fcj_map_copy (call->job, keys[n], hash, sizeof (hash)) ==
            FCJ_HASH_LEN) {
            if (*text)
                strcat (text, " ");
            strcat (text, hash);
        }
    if (*text) {
        s_str (call, "blobs");
        s_str (call, text);
    }
}

static void s_record (s_call_t *call, const s_submit_t *submit,
                      const void *spec, size_t size, int64_t submitted)
{
    s_str (call, "spec");
    fcj_command_add (call->command, spec, size);
    s_str (call, "id");
    s_str (call, submit->id);
    s_str (call, "owner");
    s_str (call, submit->owner);
    static const char *const texts[] = {"tool", "lane", "priority", "name"};
    for (size_t n = 0; n < sizeof (texts) / sizeof (*texts); n++) {
        size_t length;
        const char *text = fcj_map_bytes (call->job, texts[n], &length);
        if (!text)
            continue;
        s_str (call, texts[n]);
        fcj_command_add (call->command, text,
                         length > FCJ_NAME_MAX ? FCJ_NAME_MAX : length);
    }
    s_blobs (call);
    s_str (call, "submitted");
    s_int (call, submitted);
    s_str (call, "timeout_s");
    s_int (call, submit->timeout);
    s_str (call, "queue_timeout_s");
    s_int (call, submit->wait);
    s_str (call, "retention_s");
    s_int (call, submit->retention);
    if (submit->count)
        s_depends_json (call, submit);
    if (*submit->idem) {
        s_str (call, "idem");
        s_str (call, submit->idem);
    }
}

/*  ignored: the id of a job that the idempotency key still names, but whose
 *  record is gone.  */
static void s_submit_command (s_call_t *call, const s_submit_t *submit,
                              const void *spec, size_t size,
                              const fcj_lease_args_t *lease,
                              const char *ignored)
{
    int idem = *submit->idem != 0;
    int64_t now = fcj_now_ms ();
    int64_t submitted = fcj_map_int (call->job, "submitted", now);
    s_fcall (call, "fcj_submit", 7 + idem + (int) submit->count);
    s_key (call, "job:", submit->id);
    s_set (call, "live");
    s_set (call, "lease");
    s_key (call, "owner:", submit->owner);
    s_set (call, "events");
    s_set (call, "seq");
    s_key (call, "gone:", submit->id);
    if (idem)
        fcj_command_idem (call->command, submit->owner, submit->idem);
    s_depends (call, submit, true);
    s_str (call, submit->id);
    s_str (call, submit->owner);
    s_int (call, submitted);
    s_int (call, now);
    s_int (call, (int64_t) submit->count);
    s_int (call, idem);
    /* longer than any life of the record, which takes its key along */
    s_int (call, submit->wait + 4 * submit->timeout + submit->retention +
                     FCJ_TOMBSTONE_S);
    s_str (call, submit->hash);
    s_str (call, ignored);
    s_int (call, lease ? lease->attempt : 0);
    s_str (call, lease ? lease->token : "");
    s_str (call, lease ? lease->worker : "");
    s_int (call, lease ? lease->deadline_ms : 0);
    s_depends (call, submit, false);
    s_record (call, submit, spec, size, submitted);
    s_end (call);
}

/*  The job that an idempotency key named: its state completes the answer. */
static void s_existing (fcj_writer_t *self, s_call_t *call)
{
    const redisReply *reply = call->replies[0];
    fcj_error_t error;
    bool there = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                 reply->element[0]->str && reply->element[1]->str;
    s_submit_t submit = {0};
    if (!there && s_read_submit (call->job, &submit, &error) == 0) {
        /* its record is gone; the key is free for a new job, which is not
         * leased here: that would be an older decision of the broker */
        call->command = fcj_command_new ();
        s_submit_command (call, &submit, call->job_bytes,
                          (size_t) call->number, NULL, call->id);
        s_again (self, call, s_answered);
        return;
    }
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 4);
    fcj_pack_kbool (pack, "existing", true);
    fcj_pack_kstr (pack, "id", call->id);
    fcj_pack_kstr (pack, "state", there ? reply->element[0]->str : "");
    fcj_pack_kint (pack, "seq", there ? atoll (reply->element[1]->str) : 0);
    fcj_map_t *map = fcj_map_new (fcj_pack_data (pack), fcj_pack_size (pack));
    s_over (call, map, NULL);
    fcj_map_destroy (&map);
    fcj_pack_destroy (&pack);
}

static void s_submitted (fcj_writer_t *self, s_call_t *call)
{
    const redisReply *reply = call->replies[0];
    fcj_map_t *map = reply->type == REDIS_REPLY_STRING
                         ? fcj_map_new (reply->str, (size_t) reply->len)
                         : NULL;
    char id[FCJ_ID_LEN + 1];
    bool existing = map && fcj_map_bool (map, "existing", false) &&
                    fcj_map_copy (map, "id", id, sizeof (id)) > 0;
    fcj_map_destroy (&map);
    if (!existing) {
        s_answered (self, call);
        return;
    }
    memcpy (call->id, id, sizeof (id));
    call->command = fcj_command_new ();
    fcj_command_begin (call->command, "HMGET");
    s_key (call, "job:", id);
    s_str (call, "state");
    s_str (call, "seq");
    s_end (call);
    s_again (self, call, s_existing);
}

void fcj_writer_submit (fcj_writer_t *self, const void *job, size_t size,
                        const fcj_lease_args_t *lease, fcj_writer_fn *fn,
                        void *arg)
{
    s_submit_t submit = {0};
    fcj_error_t error;
    s_call_t *call = s_call (self, NULL, s_submitted, fn, arg);
    call->job_bytes = malloc (size + 1);
    if (!call->job_bytes)
        abort ();
    memcpy (call->job_bytes, job, size);
    call->number = (int64_t) size;
    call->job = fcj_map_new (call->job_bytes, size);
    if (s_read_submit (call->job, &submit, &error) < 0) {
        s_fail_later (self, call, &error);
        return;
    }
    s_submit_command (call, &submit, job, size, lease, "");
    if (!*submit.idem) {        /* never repeated, need not be kept */
        fcj_map_destroy (&call->job);
        free (call->job_bytes);
        call->job_bytes = NULL;
    }
    s_send (self, call);
}

/* ---- Transitions of one job --------------------------------------------- */

void fcj_writer_lease (fcj_writer_t *self, const char *id,
                       const char *const *depends_on, size_t count,
                       const fcj_lease_args_t *lease, fcj_writer_fn *fn,
                       void *arg)
{
    s_call_t *call = s_call (self, id, s_answered, fn, arg);
    s_fcall (call, "fcj_lease", 3 + (int) count);
    s_key (call, "job:", id);
    s_set (call, "lease");
    s_set (call, "events");
    for (size_t n = 0; n < count; n++)
        s_key (call, "job:", depends_on[n]);
    s_str (call, id);
    s_int (call, lease->attempt);
    s_str (call, lease->token);
    s_str (call, lease->worker);
    s_int (call, lease->deadline_ms);
    s_int (call, fcj_now_ms ());
    for (size_t n = 0; n < count; n++)
        s_str (call, depends_on[n]);
    s_end (call);
    s_send (self, call);
}

void fcj_writer_renew (fcj_writer_t *self, const char *const *ids,
                       const char *const *tokens, size_t count,
                       int64_t deadline_ms, fcj_writer_fn *fn, void *arg)
{
    s_call_t *call = s_call (self, NULL, s_answered, fn, arg);
    s_fcall (call, "fcj_renew", 1 + (int) count);
    s_set (call, "lease");
    for (size_t n = 0; n < count; n++)
        s_key (call, "job:", ids[n]);
    s_int (call, deadline_ms);
    for (size_t n = 0; n < count; n++) {
        s_str (call, ids[n]);
        s_str (call, tokens[n]);
    }
    s_end (call);
    s_send (self, call);
}

void fcj_writer_lane (fcj_writer_t *self, const char *worker,
                      const char *token, int64_t ttl_ms, fcj_writer_fn *fn,
                      void *arg)
{
    s_call_t *call = s_call (self, NULL, s_answered, fn, arg);
    s_fcall (call, "fcj_lane", 1);
    s_key (call, "lane:", "gui");
    s_str (call, worker);
    s_str (call, token);
    s_int (call, ttl_ms);
    s_end (call);
    s_send (self, call);
}

void fcj_writer_started (fcj_writer_t *self, const char *id, const char *token,
                         int64_t at_ms, fcj_writer_fn *fn, void *arg)
{
    s_call_t *call = s_call (self, id, s_answered, fn, arg);
    s_fcall (call, "fcj_started", 1);
    s_key (call, "job:", id);
    s_str (call, token);
    s_int (call, at_ms);
    s_end (call);
    s_send (self, call);
}

void fcj_writer_ended (fcj_writer_t *self, const char *id, const char *token,
                       const char *by, fcj_writer_fn *fn, void *arg)
{
    s_call_t *call = s_call (self, id, s_answered, fn, arg);
    s_fcall (call, "fcj_ended", 1);
    s_key (call, "job:", id);
    s_str (call, token);
    s_str (call, by);
    s_end (call);
    s_send (self, call);
}

static void s_fraction (double fraction, char text[32])
{
    /* written so that NaN becomes 0 */
    double bounded = fraction > 1 ? 1 : fraction > 0 ? fraction : 0;
    snprintf (text, 32, "%.4g", bounded);
}

void fcj_writer_progress (fcj_writer_t *self, const char *id,
                          const char *token, double fraction,
                          const char *message, fcj_writer_fn *fn, void *arg)
{
    char text[32];
    s_fraction (fraction, text);
    size_t size = message ? strnlen (message, FCJ_TEXT_MAX) : 0;
    s_call_t *call = s_call (self, id, s_answered, fn, arg);
    s_fcall (call, "fcj_progress", 1);
    s_key (call, "job:", id);
    s_str (call, token);
    s_str (call, text);
    fcj_command_add (call->command, message ? message : "", size);
    s_end (call);
    s_send (self, call);
}

void fcj_writer_ask (fcj_writer_t *self, const char *id, const char *token,
                     int64_t number, const char *json, fcj_writer_fn *fn,
                     void *arg)
{
    s_call_t *call = s_call (self, id, s_answered, fn, arg);
    s_fcall (call, "fcj_ask", 1);
    s_key (call, "job:", id);
    s_str (call, token);
    s_int (call, number);
    s_str (call, json);
    s_end (call);
    s_send (self, call);
}

void fcj_writer_answered (fcj_writer_t *self, const char *id,
                          const char *token, int64_t number,
                          fcj_writer_fn *fn, void *arg)
{
    s_call_t *call = s_call (self, id, s_answered, fn, arg);
    s_fcall (call, "fcj_answered", 1);
    s_key (call, "job:", id);
    s_str (call, token);
    s_int (call, number);
    s_end (call);
    s_send (self, call);
}

/*  The fields of a FINISH that the record takes, with their bounds; what is
 *  longer is refused, not cut: the worker has to keep to the bounds.  */
static const struct {
    const char *name;
    size_t most;                /* 0: a whole number */
} s_finish_fields[] = {
    {"state", 16},
    {"reason", 32},
    {"error", FCJ_INLINE_MAX},
    {"result", FCJ_INLINE_MAX},
    {"result_blob", FCJ_HASH_LEN},
    {"artifacts", FCJ_INLINE_MAX},
    {"stdout", FCJ_TAIL_MAX},
    {"stderr", FCJ_TAIL_MAX},
    {"message", FCJ_TEXT_MAX},
    {"stdout_size", 0},
    {"stderr_size", 0},
    {"memory", 0},
    {"cpu_ms", 0},
    {"ended_by", 16},
    {"started", 0},
    {"finished", 0},
};
#define FINISH_FIELDS (sizeof (s_finish_fields) / sizeof (*s_finish_fields))

static int s_finish_record (s_call_t *call, const fcj_map_t *body,
                            fcj_error_t *error)
{
    for (size_t n = 0; n < FINISH_FIELDS; n++) {
        const char *name = s_finish_fields[n].name;
        size_t most = s_finish_fields[n].most, size = 0;
        const char *text = most ? fcj_map_bytes (body, name, &size) : NULL;
        if (text && size > most)
            return fcj_fail (error, FCJ_TOO_LARGE, "%s has %zu bytes, more "
                             "than %zu; put it into a blob", name, size, most);
        if (text) {
            s_str (call, name);
            fcj_command_add (call->command, text, size);
        } else if (!most && fcj_map_has (body, name) &&
                   strcmp (name, "finished") != 0) {
            s_str (call, name);
            s_int (call, fcj_map_int (body, name, 0));
        }
    }
    if (fcj_map_has (body, "progress")) {
        char text[32];
        s_fraction (fcj_map_real (body, "progress", 0), text);
        s_str (call, "progress");
        s_str (call, text);
    }
    s_str (call, "finished");
    s_int (call, fcj_map_int (body, "finished", fcj_now_ms ()));
    return 0;
}

void fcj_writer_finish (fcj_writer_t *self, const char *id, const char *token,
                        const void *body, size_t size, fcj_writer_fn *fn,
                        void *arg)
{
    char state[16], reason[32] = "";
    fcj_error_t error;
    s_call_t *call = s_call (self, id, s_answered, fn, arg);
    fcj_map_t *map = fcj_map_new (body, size);
    int result = 0;
    if (!map || fcj_map_copy (map, "state", state, sizeof (state)) < 0 ||
        fcj_state_of (state) < FCJ_COMPLETED)
        result = fcj_fail (&error, FCJ_PROTOCOL, "A finish must carry the "
                           "state completed, failed or cancelled");
    if (result == 0) {
        if (fcj_map_copy (map, "reason", reason, sizeof (reason)) < 0)
            reason[0] = 0;
        s_fcall (call, "fcj_finish", 5);
        s_key (call, "job:", id);
        s_set (call, "live");
        s_set (call, "lease");
        s_set (call, "done");
        s_set (call, "events");
        s_str (call, id);
        s_str (call, token);
        s_str (call, state);
        s_str (call, reason);
        s_int (call, fcj_now_ms ());
        result = s_finish_record (call, map, &error);
        s_end (call);
    }
    fcj_map_destroy (&map);
    if (result < 0)
        s_fail_later (self, call, &error);
    else
        s_send (self, call);
}

void fcj_writer_requeue (fcj_writer_t *self, const char *id, const char *token,
                         bool lost, bool ran, const char *why,
                         fcj_writer_fn *fn, void *arg)
{
    s_call_t *call = s_call (self, id, s_answered, fn, arg);
    s_fcall (call, "fcj_requeue", 3);
    s_key (call, "job:", id);
    s_set (call, "lease");
    s_set (call, "events");
    s_str (call, id);
    s_str (call, token);
    s_int (call, lost);
    fcj_command_add (call->command, why ? why : "",
                     why ? strnlen (why, FCJ_TEXT_MAX) : 0);
    s_int (call, ran);
    s_end (call);
    s_send (self, call);
}

void fcj_writer_cancel (fcj_writer_t *self, const char *id, const char *owner,
                        fcj_writer_fn *fn, void *arg)
{
    s_call_t *call = s_call (self, id, s_answered, fn, arg);
    s_fcall (call, "fcj_cancel", 6);
    s_key (call, "job:", id);
    s_set (call, "live");
    s_set (call, "lease");
    s_set (call, "done");
    s_set (call, "events");
    s_key (call, "gone:", id);
    s_str (call, id);
    s_str (call, owner);
    s_int (call, fcj_now_ms ());
    s_end (call);
    s_send (self, call);
}

/* ---- Delete and expire: first read which keys, then bury ---------------- */

static void s_ask_keys (s_call_t *call, const char *id)
{
    fcj_command_begin (call->command, "HMGET");
    s_key (call, "job:", id);
    s_str (call, "owner");
    s_str (call, "idem");
    s_end (call);
}

/*  The text of element n of an array reply, "" for none.  */
static const char *s_element (const redisReply *reply, size_t n)
{
    if (reply->type != REDIS_REPLY_ARRAY || n >= reply->elements ||
        !reply->element[n]->str)
        return "";
    return reply->element[n]->str;
}

static void s_delete_known (fcj_writer_t *self, s_call_t *call)
{
    const char *whose = s_element (call->replies[0], 0);
    const char *idem = s_element (call->replies[0], 1);
    call->command = fcj_command_new ();
    s_fcall (call, "fcj_delete", *idem ? 5 : 4);
    s_key (call, "job:", call->id);
    s_set (call, "done");
    s_key (call, "owner:", whose);
    s_key (call, "gone:", call->id);
    if (*idem)
        fcj_command_idem (call->command, whose, idem);
    s_str (call, call->id);
    s_str (call, call->owner);
    s_int (call, FCJ_TOMBSTONE_S);
    s_end (call);
    s_again (self, call, s_answered);
}

void fcj_writer_delete (fcj_writer_t *self, const char *id, const char *owner,
                        fcj_writer_fn *fn, void *arg)
{
    s_call_t *call = s_call (self, id, s_delete_known, fn, arg);
    call->owner = strdup (owner ? owner : "");
    if (!call->owner)
        abort ();
    s_ask_keys (call, id);
    s_send (self, call);
}

static void s_expire_known (fcj_writer_t *self, s_call_t *call)
{
    size_t count = call->kept->elements;
    call->command = fcj_command_new ();
    s_fcall (call, "fcj_expire", 1 + 4 * (int) count);
    s_set (call, "done");
    for (size_t n = 0; n < count; n++) {
        const char *id = s_element (call->kept, n);
        const char *whose = s_element (call->replies[n], 0);
        const char *idem = s_element (call->replies[n], 1);
        s_key (call, "job:", id);
        s_key (call, "owner:", whose);
        s_key (call, "gone:", id);
        if (*idem)
            fcj_command_idem (call->command, whose, idem);
        else
            s_key (call, "gone:", id);
    }
    s_int (call, call->number);
    s_int (call, FCJ_TOMBSTONE_S);
    for (size_t n = 0; n < count; n++)
        s_str (call, s_element (call->kept, n));
    s_end (call);
    s_again (self, call, s_answered);
}

/*  Ends a call with a packed map of our own.  */
static void s_over_packed (s_call_t *call, fcj_pack_t **pack)
{
    fcj_error_t error;
    fcj_map_t *map =
        fcj_map_new (fcj_pack_data (*pack), fcj_pack_size (*pack));
    if (!map)
        fcj_fail (&error, FCJ_INTERNAL, "The store's answer is too large");
    s_over (call, map, map ? NULL : &error);
    fcj_map_destroy (&map);
    fcj_pack_destroy (pack);
}

static void s_expire_due (fcj_writer_t *self, s_call_t *call)
{
    redisReply *due = call->replies[0];
    if (due->type != REDIS_REPLY_ARRAY || !due->elements) {
        fcj_pack_t *pack = fcj_pack_new ();
        fcj_pack_map (pack, 1);
        fcj_pack_kint (pack, "expired", 0);
        s_over_packed (call, &pack);
        return;
    }
    call->kept = due;
    call->replies[0] = NULL;
    call->command = fcj_command_new ();
    for (size_t n = 0; n < due->elements; n++)
        s_ask_keys (call, s_element (due, n));
    s_again (self, call, s_expire_known);
}

void fcj_writer_expire (fcj_writer_t *self, int limit, fcj_writer_fn *fn,
                        void *arg)
{
    s_call_t *call = s_call (self, NULL, s_expire_due, fn, arg);
    call->number = fcj_now_ms ();
    fcj_command_begin (call->command, "ZRANGEBYSCORE");
    s_set (call, "done");
    s_str (call, "-inf");
    s_int (call, call->number);
    s_str (call, "LIMIT");
    s_int (call, 0);
    s_int (call, limit < 1 ? 1 : limit > LIVE_MAX ? LIVE_MAX : limit);
    s_end (call);
    s_send (self, call);
}

static void s_read_known (fcj_writer_t *self, s_call_t *call)
{
    (void) self;
    const redisReply *row = call->replies[0];
    fcj_error_t error;
    if (!*s_element (row, 0)) {
        fcj_fail (&error, FCJ_NOT_FOUND, "There is no such record");
        s_over (call, NULL, &error);
        return;
    }
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 5);
    fcj_pack_kstr (pack, "state", s_element (row, 0));
    fcj_pack_kint (pack, "attempt", atoll (s_element (row, 1)));
    fcj_pack_kint (pack, "lost", atoll (s_element (row, 2)));
    fcj_pack_kstr (pack, "token", s_element (row, 3));
    fcj_pack_kstr (pack, "worker", s_element (row, 4));
    s_over_packed (call, &pack);
}

void fcj_writer_read (fcj_writer_t *self, const char *id, fcj_writer_fn *fn,
                      void *arg)
{
    s_call_t *call = s_call (self, id, s_read_known, fn, arg);
    static const char *const names[] = {"state", "attempt", "lost", "token",
                                        "worker"};
    fcj_command_begin (call->command, "HMGET");
    s_key (call, "job:", id);
    for (size_t n = 0; n < sizeof (names) / sizeof (*names); n++)
        s_str (call, names[n]);
    s_end (call);
    s_send (self, call);
}

/* ---- Live: a page of jobs, then what they wait for ---------------------- */

static const char *const s_live_fields[] = {
    "owner", "lane", "priority", "seq", "state", "attempt", "token", "worker",
    "lost", "submitted", "timeout_s", "queue_timeout_s", "tool", "leased",
    "asking", "depends_on"};
enum { OWNER, LANE, PRIORITY, SEQ, STATE, ATTEMPT, TOKEN, WORKER, LOST,
       SUBMITTED, TIMEOUT, WAIT, TOOL, LEASED, ASKING, DEPENDS,
       LIVE_FIELDS };

/*  The next id of a JSON array of ids; NULL at its end.  */
static const char *s_next_id (const char *json, char id[FCJ_ID_LEN + 1])
{
    const char *quote = strchr (json, '"');
    if (!quote || strnlen (quote, FCJ_ID_LEN + 2) < FCJ_ID_LEN + 2)
        return NULL;
    memcpy (id, quote + 1, FCJ_ID_LEN);
    id[FCJ_ID_LEN] = 0;
    return fcj_id_valid (id) ? quote + FCJ_ID_LEN + 2 : NULL;
}

static size_t s_id_count (const char *json)
{
    char id[FCJ_ID_LEN + 1];
    size_t count = 0;
    while ((json = s_next_id (json, id)) != NULL)
        count++;
    return count;
}

/*  states: replies that follow, one for each dependency in order.  */
static void s_pack_depends (fcj_pack_t *pack, const char *json,
                            redisReply *const *states, size_t *at)
{
    char id[FCJ_ID_LEN + 1];
    fcj_pack_key (pack, "depends_on");
    fcj_pack_array (pack, s_id_count (json));
    while ((json = s_next_id (json, id)) != NULL) {
        const redisReply *state = states[(*at)++];
        fcj_pack_map (pack, 2);
        fcj_pack_kstr (pack, "id", id);
        fcj_pack_kstr (pack, "state", state->str ? state->str : "expired");
    }
}

static void s_pack_live (fcj_pack_t *pack, const char *id,
                         const redisReply *job, const redisReply *lease,
                         redisReply *const *states, size_t *at)
{
    fcj_pack_map (pack, LIVE_FIELDS + 2);
    fcj_pack_kstr (pack, "id", id);
    fcj_pack_kint (pack, "deadline", lease->str ? atoll (lease->str) : 0);
    for (size_t n = 0; n < DEPENDS; n++) {
        const char *text = s_element (job, n);
        bool number = n == SEQ || n == ATTEMPT || n == LOST ||
                      n == SUBMITTED || n == TIMEOUT || n == WAIT ||
                      n == LEASED || n == ASKING;
        if (number)
            fcj_pack_kint (pack, s_live_fields[n], atoll (text));
        else
            fcj_pack_kstr (pack, s_live_fields[n], text);
    }
    s_pack_depends (pack, s_element (job, DEPENDS), states, at);
}

/*  Jobs in kept (ids and sequence numbers); records and leases, by turns, in
 *  the array kept_too; dependencies' states in states.  */
static void s_live_over (s_call_t *call, redisReply *const *states)
{
    size_t count = call->kept->elements / 2, there = 0, at = 0;
    redisReply *const *rows = call->kept_too ? call->kept_too->element : NULL;
    fcj_pack_t *pack = fcj_pack_new ();
    for (size_t n = 0; n < count; n++)
        there += *s_element (rows[2 * n], STATE) != 0;
    fcj_pack_map (pack, 2);
    fcj_pack_kint (pack, "last",
                   count ? atoll (s_element (call->kept, 2 * count - 1))
                         : call->number);
    fcj_pack_key (pack, "jobs");
    fcj_pack_array (pack, there);
    for (size_t n = 0; n < count; n++)
        if (*s_element (rows[2 * n], STATE))
            s_pack_live (pack, s_element (call->kept, 2 * n), rows[2 * n],
                         rows[2 * n + 1], states, &at);
    s_over_packed (call, &pack);
}

static void s_live_states (fcj_writer_t *self, s_call_t *call)
{
    (void) self;
    s_live_over (call, call->replies);
}

static void s_live_records (fcj_writer_t *self, s_call_t *call)
{
    /* the replies of this round live on as one array reply */
    redisReply *all = calloc (1, sizeof (*all));
    if (!all)
        abort ();
    all->type = REDIS_REPLY_ARRAY;
    all->elements = (size_t) call->got;
    all->element = call->replies;
    call->kept_too = all;
    call->replies = NULL;
    call->got = 0;
    call->command = fcj_command_new ();
    for (size_t n = 0; n < all->elements; n += 2) {
        char id[FCJ_ID_LEN + 1];
        const char *json = s_element (all->element[n], DEPENDS);
        while (*s_element (all->element[n], STATE) &&
               (json = s_next_id (json, id)) != NULL) {
            fcj_command_begin (call->command, "HGET");
            s_key (call, "job:", id);
            s_str (call, "state");
            s_end (call);
        }
    }
    if (fcj_command_count (call->command))
        s_again (self, call, s_live_states);
    else
        s_live_over (call, NULL);
}

static void s_live_page (fcj_writer_t *self, s_call_t *call)
{
    call->kept = call->replies[0];
    call->replies[0] = NULL;
    if (call->kept->elements == 0) {
        s_live_over (call, NULL);
        return;
    }
    call->command = fcj_command_new ();
    for (size_t n = 0; n + 1 < call->kept->elements; n += 2) {
        const char *id = s_element (call->kept, n);
        fcj_command_begin (call->command, "HMGET");
        s_key (call, "job:", id);
        for (size_t f = 0; f < LIVE_FIELDS; f++)
            s_str (call, s_live_fields[f]);
        s_end (call);
        fcj_command_begin (call->command, "ZSCORE");
        s_set (call, "lease");
        s_str (call, id);
        s_end (call);
    }
    s_again (self, call, s_live_records);
}

void fcj_writer_live (fcj_writer_t *self, int64_t after, int limit,
                      fcj_writer_fn *fn, void *arg)
{
    char above[32];
    snprintf (above, sizeof (above), "(%lld", (long long) after);
    s_call_t *call = s_call (self, NULL, s_live_page, fn, arg);
    call->number = after;
    fcj_command_begin (call->command, "ZRANGEBYSCORE");
    s_set (call, "live");
    s_str (call, above);
    s_str (call, "+inf");
    s_str (call, "WITHSCORES");
    s_str (call, "LIMIT");
    s_int (call, 0);
    s_int (call, limit < 1 ? 1 : limit > LIVE_MAX ? LIVE_MAX : limit);
    s_end (call);
    s_send (self, call);
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
    s_call_t *call;
    while ((call = s_pop (&self->sent)) != NULL) {
        if (call->told || !call->fn)
            s_call_destroy (call);
        else
            s_fail_later (self, call, &lost);
    }
}

static void s_loaded (fcj_writer_t *self, s_call_t *call)
{
    s_call_destroy (call);
    self->loading = false;
    self->up = true;
    self->backoff = 0;
    if (self->complained)
        fcj_log (FCJ_INFO, "store_up", NULL);
    self->complained = false;
    s_call_t *held;
    while ((held = s_pop (&self->held)) != NULL)
        s_put_on_wire (self, held);
}

static void s_load (fcj_writer_t *self)
{
    s_call_t *call = s_call (self, NULL, s_loaded, NULL, NULL);
    call->until = fcj_mono_ms () + CONNECT_MS;
    fcj_command_begin (call->command, "FUNCTION");
    s_str (call, "LOAD");
    s_str (call, "REPLACE");
    s_str (call, self->library);
    s_end (call);
    self->loading = true;
    s_put_on_wire (self, call);
}

/*  All replies of the head have come.  */
static void s_complete (fcj_writer_t *self)
{
    fcj_error_t error;
    s_call_t *call = s_pop (&self->sent);
    for (int n = 0; n < call->got; n++) {
        if (fcj_reply_check (call->replies[n], &error) == 0)
            continue;
        /* a full Redis takes no library, but has the one of before */
        if (call->next == s_loaded && error.reason == FCJ_QUEUE_FULL) {
            s_complain (self, &error);
            break;
        }
        if (call->next == s_loaded) {
            s_call_destroy (call);
            s_down (self, &error);
            return;
        }
        if (strstr (call->replies[n]->str, "Function not found") &&
            !self->loading) {
            self->up = false;   /* what follows is held until it is back */
            s_load (self);
        }
        s_over (call, NULL, &error);
        return;
    }
    if (call->told)
        s_call_destroy (call);
    else
        call->next (self, call);
}

static void s_replies (fcj_writer_t *self)
{
    redisReply *reply;
    while (self->sent.first && (reply = fcj_conn_reply (self->link)) != NULL) {
        s_call_t *head = self->sent.first;
        head->replies[head->got++] = reply;
        if (head->got == head->expected)
            s_complete (self);
    }
}

static void s_tell_failed (fcj_writer_t *self)
{
    size_t count = self->failed.count;  /* not what fails meanwhile */
    s_call_t *call;
    while (count-- && (call = s_pop (&self->failed)) != NULL) {
        fcj_error_t error = *call->failed;
        s_over (call, NULL, &error);
    }
}

/*  Calls wait in the order of their deadlines, but for later rounds, which
 *  are older: those are found a little late.  */
static void s_timeouts (fcj_writer_t *self)
{
    int64_t now = fcj_mono_ms ();
    fcj_error_t error;
    fcj_fail (&error, FCJ_STORE_UNAVAILABLE,
              "Redis did not answer in %lld ms. Try again",
              (long long) self->timeout_ms);
    while (self->held.first && self->held.first->until <= now)
        s_fail_later (self, s_pop (&self->held), &error);
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
        s_replies (self);
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
    s_call_t *call;
    while ((call = s_pop (&self->held)) != NULL ||
           (call = s_pop (&self->sent)) != NULL ||
           (call = s_pop (&self->failed)) != NULL)
        s_call_destroy (call);
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
