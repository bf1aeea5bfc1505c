/*  submit.c - a job enters the store.
 *
 *  The front-end's bytes are checked here once more, as Redis keeps what
 *  they say. An idempotency key may name a job whose record is gone by now;
 *  Redis cannot look into a record that is not among the keys of the call,
 *  so a second round reads it, and a third submits anew without the key's
 *  old job.  */

#include "writing.h"
#include "../limits.h"
#include "../utf8.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPAN_MAX_S (366L * 86400)       /* of any time that a job names */

typedef struct {
    const fcj_map_t *job;
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

static int s_read_depends (const fcj_map_t *job, s_submit_t *out,
                           fcj_error_t *error)
{
    char id[FCJ_ID_LEN + 1];
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
    return 0;
}

static int s_read_key (const fcj_map_t *job, s_submit_t *out,
                       fcj_error_t *error)
{
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
    return 0;
}

static int s_read_times (const fcj_map_t *job, s_submit_t *out,
                         fcj_error_t *error)
{
    out->timeout = fcj_map_int (job, "timeout_s", FCJ_TIMEOUT_S);
    out->wait = fcj_map_int (job, "queue_timeout_s", FCJ_QUEUE_TIMEOUT_S);
    out->retention = fcj_map_int (job, "retention_s", FCJ_RETENTION_S);
    if (out->timeout < 1 || out->timeout > SPAN_MAX_S || out->wait < 1 ||
        out->wait > SPAN_MAX_S || out->retention < 1 ||
        out->retention > SPAN_MAX_S)
        return fcj_fail (error, FCJ_INVALID, "timeout_s, queue_timeout_s and "
                         "retention_s must be from 1 to %lld",
                         (long long) SPAN_MAX_S);
    return 0;
}

static int s_read_submit (const fcj_map_t *job, s_submit_t *out,
                          fcj_error_t *error)
{
    char lane[16];
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
    out->job = job;
    if (s_read_depends (job, out, error) < 0 ||
        s_read_key (job, out, error) < 0)
        return -1;
    return s_read_times (job, out, error);
}

static void s_depends (fcj_command_t *to, const s_submit_t *submit, bool keys)
{
    char id[FCJ_ID_LEN + 1];
    for (size_t n = 0; n < submit->count; n++) {
        fcj_list_copy (submit->depends, n, id, sizeof (id));
        if (keys)
            fcj_command_key (to, "job:", id);
        else
            fcj_command_str (to, id);
    }
}

/*  A JSON array of ids needs no escaping.  */
static void s_depends_json (fcj_command_t *to, const s_submit_t *submit)
{
    char text[FCJ_DEPENDS_MAX * (FCJ_ID_LEN + 3) + 3];
    char id[FCJ_ID_LEN + 1];
    size_t at = 0;
    for (size_t n = 0; n < submit->count; n++) {
        fcj_list_copy (submit->depends, n, id, sizeof (id));
        at += (size_t) snprintf (text + at, sizeof (text) - at, "%c\"%s\"",
                                 n ? ',' : '[', id);
    }
    fcj_command_str (to, "depends_on");
    snprintf (text + at, sizeof (text) - at, "]");
    fcj_command_str (to, text);
}

/*  What spec refers to, for who sweeps the blobs.  */
static void s_blobs (fcj_command_t *to, const fcj_map_t *job)
{
    char text[2 * FCJ_HASH_LEN + 2] = "";
    fcj_hash_t hash;
    static const char *const keys[] = {"arguments_blob", "inputs_blob"};
    for (int n = 0; n < 2; n++)
        if (fcj_map_copy (job, keys[n], hash, sizeof (hash)) == FCJ_HASH_LEN) {
            if (*text)
                strcat (text, " ");
            strcat (text, hash);
        }
    if (*text) {
        fcj_command_str (to, "blobs");
        fcj_command_str (to, text);
    }
}

static void s_record (fcj_command_t *to, const s_submit_t *submit,
                      const void *spec, size_t size, int64_t submitted)
{
    fcj_command_str (to, "spec");
    fcj_command_add (to, spec, size);
    fcj_command_str (to, "id");
    fcj_command_str (to, submit->id);
    fcj_command_str (to, "owner");
    fcj_command_str (to, submit->owner);
    static const char *const texts[] = {"tool", "lane", "priority", "name"};
    for (size_t n = 0; n < sizeof (texts) / sizeof (*texts); n++) {
        size_t length;
        const char *text = fcj_map_bytes (submit->job, texts[n], &length);
        if (!text)
            continue;
        fcj_command_str (to, texts[n]);
        fcj_command_add (to, text,
                         fcj_utf8_cut (text, length, FCJ_NAME_MAX));
    }
    s_blobs (to, submit->job);
    fcj_command_str (to, "submitted");
    fcj_command_int (to, submitted);
    fcj_command_str (to, "timeout_s");
    fcj_command_int (to, submit->timeout);
    fcj_command_str (to, "queue_timeout_s");
    fcj_command_int (to, submit->wait);
    fcj_command_str (to, "retention_s");
    fcj_command_int (to, submit->retention);
    if (submit->count)
        s_depends_json (to, submit);
    if (*submit->idem) {
        fcj_command_str (to, "idem");
        fcj_command_str (to, submit->idem);
    }
}

/*  ignored: the id of a job that the idempotency key still names, but whose
 *  record is gone.  */
static void s_submit_command (fcj_command_t *to, const s_submit_t *submit,
                              const void *spec, size_t size,
                              const fcj_lease_args_t *lease,
                              const char *ignored)
{
    int idem = *submit->idem != 0;
    int64_t now = fcj_now_ms ();
    int64_t submitted = fcj_map_int (submit->job, "submitted", now);
    fcj_command_function (to, "fcj_submit", 7 + idem + (int) submit->count);
    fcj_command_key (to, "job:", submit->id);
    fcj_command_key (to, "live", "");
    fcj_command_key (to, "lease", "");
    fcj_command_key (to, "owner:", submit->owner);
    fcj_command_key (to, "events", "");
    fcj_command_key (to, "seq", "");
    fcj_command_key (to, "gone:", submit->id);
    if (idem)
        fcj_command_idem (to, submit->owner, submit->idem);
    s_depends (to, submit, true);
    fcj_command_str (to, submit->id);
    fcj_command_str (to, submit->owner);
    fcj_command_int (to, submitted);
    fcj_command_int (to, now);
    fcj_command_int (to, (int64_t) submit->count);
    fcj_command_int (to, idem);
    /* longer than any life of the record, which takes its key along */
    fcj_command_int (to, submit->wait + 4 * submit->timeout +
                             submit->retention + FCJ_TOMBSTONE_S);
    fcj_command_str (to, submit->hash);
    fcj_command_str (to, ignored);
    fcj_command_int (to, lease ? lease->attempt : 0);
    fcj_command_str (to, lease ? lease->token : "");
    fcj_command_str (to, lease ? lease->worker : "");
    fcj_command_int (to, lease ? lease->deadline_ms : 0);
    s_depends (to, submit, false);
    s_record (to, submit, spec, size, submitted);
    fcj_command_end (to);
}

/*  The job that an idempotency key named: its state completes the answer. */
static void s_existing (fcj_writer_t *self, fcj_write_t *write)
{
    const redisReply *reply = write->replies[0];
    fcj_error_t error;
    bool there = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                 reply->element[0]->str && reply->element[1]->str;
    s_submit_t submit = {0};
    if (!there && s_read_submit (write->job, &submit, &error) == 0) {
        /* its record is gone; the key is free for a new job, which is not
         * leased here: that would be an older decision of the broker */
        fcj_command_t *to = write->command = fcj_command_new ();
        s_submit_command (to, &submit, write->job_bytes,
                          (size_t) write->number, NULL, write->id);
        fcj_writer_again (self, write, fcj_write_answered);
        return;
    }
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 4);
    fcj_pack_kbool (pack, "existing", true);
    fcj_pack_kstr (pack, "id", write->id);
    fcj_pack_kstr (pack, "state", there ? reply->element[0]->str : "");
    fcj_pack_kint (pack, "seq", there ? atoll (reply->element[1]->str) : 0);
    fcj_write_over_packed (write, &pack);
}

static void s_submitted (fcj_writer_t *self, fcj_write_t *write)
{
    const redisReply *reply = write->replies[0];
    fcj_map_t *map = reply->type == REDIS_REPLY_STRING
                         ? fcj_map_new (reply->str, (size_t) reply->len)
                         : NULL;
    char id[FCJ_ID_LEN + 1];
    bool existing = map && fcj_map_bool (map, "existing", false) &&
                    fcj_map_copy (map, "id", id, sizeof (id)) > 0;
    fcj_map_destroy (&map);
    if (!existing) {
        fcj_write_answered (self, write);
        return;
    }
    memcpy (write->id, id, sizeof (id));
    fcj_command_t *to = write->command = fcj_command_new ();
    fcj_command_begin (to, "HMGET");
    fcj_command_key (to, "job:", id);
    fcj_command_str (to, "state");
    fcj_command_str (to, "seq");
    fcj_command_end (to);
    fcj_writer_again (self, write, s_existing);
}

void fcj_writer_submit (fcj_writer_t *self, const void *job, size_t size,
                        const fcj_lease_args_t *lease, fcj_writer_fn *fn,
                        void *arg)
{
    s_submit_t submit = {0};
    fcj_error_t error;
    fcj_write_t *write = fcj_write_new (NULL, s_submitted, fn, arg);
    fcj_command_t *to = write->command;
    write->job_bytes = malloc (size + 1);
    if (!write->job_bytes)
        abort ();
    memcpy (write->job_bytes, job, size);
    write->number = (int64_t) size;
    write->job = fcj_map_new (write->job_bytes, size);
    if (s_read_submit (write->job, &submit, &error) < 0) {
        fcj_writer_refuse (self, write, &error);
        return;
    }
    s_submit_command (to, &submit, job, size, lease, "");
    if (!*submit.idem) {        /* never repeated, need not be kept */
        fcj_map_destroy (&write->job);
        free (write->job_bytes);
        write->job_bytes = NULL;
    }
    fcj_writer_send (self, write);
}
