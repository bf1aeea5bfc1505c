/*  test_store.c - the store against a real Redis, which is killed at times. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "jobs/limits.h"
#include "jobs/log.h"
#include "jobs/store/store.h"
#include "tests/unit/redis.h"

#include <hiredis/hiredis.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

static test_redis_t s_redis;
static fcj_writer_t *s_writer;
static fcj_store_t *s_store;

/*  The outcome of the last call. */
static struct {
    bool told;
    fcj_error_t error;          /* reason FCJ_OK when it took effect */
    char id[40], state[16], ref_state[16];
    char holder[40];
    bool existing, leased, mine;
    int64_t number, last;
    size_t jobs, depends;
    int64_t attempt;
} s_got;

static char s_first_dep[40];

static void s_told (void *arg, const fcj_map_t *reply,
                    const fcj_error_t *error)
{
    memset (&s_got, 0, sizeof (s_got));
    s_got.told = true;
    if (error)
        s_got.error = *error;
    if (!reply)
        return;
    fcj_map_copy (reply, "id", s_got.id, sizeof (s_got.id));
    fcj_map_copy (reply, "state", s_got.state, sizeof (s_got.state));
    fcj_map_copy (reply, "holder", s_got.holder, sizeof (s_got.holder));
    s_got.mine = fcj_map_bool (reply, "mine", false);
    s_got.existing = fcj_map_bool (reply, "existing", false);
    s_got.leased = fcj_map_bool (reply, "leased", false);
    s_got.last = fcj_map_int (reply, "last", -1);
    s_got.attempt = fcj_map_int (reply, "attempt", -1);
    const char *names[] = {"expired", "renewed", "lost"};
    for (int n = 0; n < 3; n++)
        s_got.number += fcj_map_int (reply, names[n], 0);
    const fcj_map_t *refs = fcj_map_map (reply, "refs");
    if (refs && *s_first_dep && fcj_map_map (refs, s_first_dep))
        fcj_map_copy (fcj_map_map (refs, s_first_dep), "state",
                      s_got.ref_state, sizeof (s_got.ref_state));
    const fcj_list_t *jobs = fcj_map_list (reply, "jobs");
    s_got.jobs = jobs ? fcj_list_count (jobs) : 0;
    for (size_t n = 0; n < s_got.jobs; n++) {
        const fcj_map_t *job = fcj_list_map (jobs, n);
        const fcj_list_t *list = fcj_map_list (job, "depends_on");
        s_got.depends += list ? fcj_list_count (list) : 0;
    }
    (void) arg;
}

static void s_wait (void)
{
    int64_t until = fcj_mono_ms () + 10000;
    while (!s_got.told && fcj_mono_ms () < until) {
        struct pollfd item = {fcj_writer_fd (s_writer), POLLIN, 0};
        if (fcj_writer_wants_write (s_writer))
            item.events |= POLLOUT;
        poll (&item, 1, 20);
        fcj_writer_run (s_writer);
    }
    assert_true (s_got.told);
}

static void s_ok (void)
{
    s_wait ();
    if (s_got.error.reason)
        print_message ("%s\n", s_got.error.text);
    assert_int_equal (s_got.error.reason, FCJ_OK);
}

static void s_refused (fcj_reason_t reason)
{
    s_wait ();
    assert_string_equal (fcj_reason_name (s_got.error.reason),
                         fcj_reason_name (reason));
}

typedef struct {
    const char *owner, *key, *hash, *depends, *name;
    int retention;
} s_job_t;

static const fcj_lease_args_t *s_lease (fcj_token_t token)
{
    static fcj_lease_args_t lease;
    fcj_token_new (token);
    lease = (fcj_lease_args_t){1, token, "w1", fcj_now_ms () + 15000};
    return &lease;
}

static void s_submit (const char *id, s_job_t job,
                      const fcj_lease_args_t *lease)
{
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 8 + (size_t) (job.key ? 2 : 0) +
                            (size_t) (job.depends ? 1 : 0) +
                            (size_t) (job.name ? 1 : 0));
    fcj_pack_kstr (pack, "id", id);
    fcj_pack_kstr (pack, "owner", job.owner ? job.owner : "ann");
    fcj_pack_kstr (pack, "tool", "echo");
    fcj_pack_kstr (pack, "lane", "compute");
    fcj_pack_kstr (pack, "priority", "normal");
    fcj_pack_kstr (pack, "arguments", "{}");
    fcj_pack_kint (pack, "retention_s", job.retention ? job.retention : 3600);
    fcj_pack_kint (pack, "submitted", fcj_now_ms ());
    if (job.key) {
        fcj_pack_kstr (pack, "idem", job.key);
        fcj_pack_kstr (pack, "request_hash", job.hash);
    }
    if (job.name)
        fcj_pack_kstr (pack, "name", job.name);
    if (job.depends) {
        fcj_pack_key (pack, "depends_on");
        fcj_pack_array (pack, 1);
        fcj_pack_str (pack, job.depends);
    }
    s_got.told = false;
    fcj_writer_submit (s_writer, fcj_pack_data (pack), fcj_pack_size (pack),
                       lease, s_told, NULL);
    fcj_pack_destroy (&pack);
}

static void s_finish (const char *id, const char *token, const char *state)
{
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 4);
    fcj_pack_kstr (pack, "state", state);
    fcj_pack_kstr (pack, "result", "{\"n\":1}");
    fcj_pack_kint (pack, "memory", 1000);
    fcj_pack_kint (pack, "finished", fcj_now_ms ());
    s_got.told = false;
    fcj_writer_finish (s_writer, id, token, fcj_pack_data (pack),
                       fcj_pack_size (pack), s_told, NULL);
    fcj_pack_destroy (&pack);
}

/*  Forgets the last outcome, then makes the call.  */
#define CALL(function, ...)                                                   \
    do {                                                                      \
        s_got.told = false;                                                   \
        fcj_writer_##function (s_writer, __VA_ARGS__, s_told, NULL);          \
    } while (0)

static void s_state_is (const char *id, const char *owner, const char *state)
{
    fcj_error_t error;
    fcj_record_t *record = fcj_store_status (s_store, id, owner, &error);
    assert_non_null (record);
    assert_string_equal (fcj_record_str (record, "state", NULL), state);
    fcj_record_destroy (&record);
}

static void s_not_there (const char *id, const char *owner, fcj_reason_t why)
{
    fcj_error_t error;
    assert_null (fcj_store_get (s_store, id, owner, &error));
    assert_string_equal (fcj_reason_name (error.reason),
                         fcj_reason_name (why));
}

static long long s_redis_int (const char *command)
{
    redisContext *context = redisConnectUnix (s_redis.socket);
    redisReply *reply = redisCommand (context, command);
    long long value = reply->integer;
    freeReplyObject (reply);
    redisFree (context);
    return value;
}

/* ---- Tests -------------------------------------------------------------- */

static void a_job_goes_from_queued_to_completed (void **state)
{
    (void) state;
    fcj_id_t id;
    fcj_token_t token;
    fcj_id_new (id);
    s_submit (id, (s_job_t){0}, NULL);
    s_ok ();
    assert_string_equal (s_got.state, "queued");
    assert_false (s_got.existing || s_got.leased);
    CALL (lease, id, NULL, 0, s_lease (token));
    s_ok ();
    CALL (started, id, token, 1234);
    s_ok ();
    CALL (progress, id, token, 0.5, "half");
    s_ok ();
    const char *ids[] = {id}, *tokens[] = {token};
    CALL (renew, ids, tokens, 1, fcj_now_ms () + 30000);
    s_ok ();
    assert_int_equal (s_got.number, 1);
    s_finish (id, token, "completed");
    s_ok ();
    fcj_error_t error;
    fcj_record_t *record = fcj_store_get (s_store, id, "ann", &error);
    assert_non_null (record);
    assert_int_equal (fcj_record_state (record), FCJ_COMPLETED);
    assert_string_equal (fcj_record_str (record, "result", NULL),
                         "{\"n\":1}");
    assert_int_equal (fcj_record_int (record, "started", 0), 1234);
    assert_non_null (fcj_record_str (record, "spec", NULL));
    fcj_record_destroy (&record);
    assert_int_equal (s_redis_int ("ZCARD {fcj:0}:live"), 0);
    assert_int_equal (s_redis_int ("ZCARD {fcj:0}:lease"), 0);
}

static void every_step_may_be_repeated (void **state)
{
    (void) state;
    fcj_id_t id;
    fcj_token_t token;
    fcj_id_new (id);
    const fcj_lease_args_t *lease = s_lease (token);
    for (int n = 0; n < 2; n++) {
        s_submit (id, (s_job_t){0}, lease);
        s_ok ();
        assert_true (s_got.leased && !s_got.existing);
    }
    for (int n = 0; n < 2; n++) {
        CALL (requeue, id, token, true, true, "host lost");
        s_ok ();
        assert_int_equal (s_got.number, 1);
    }
    fcj_token_t next;
    lease = s_lease (next);
    for (int n = 0; n < 2; n++) {
        CALL (lease, id, NULL, 0, lease);
        s_ok ();
    }
    for (int n = 0; n < 2; n++) {
        s_finish (id, next, "completed");
        s_ok ();
    }
    for (int n = 0; n < 2; n++) {
        CALL (delete, id, "ann");
        s_ok ();
    }
    s_not_there (id, "ann", FCJ_EXPIRED);
    s_not_there (id, "bob", FCJ_NOT_FOUND);
}

static void a_stale_token_changes_nothing (void **state)
{
    (void) state;
    fcj_id_t id;
    fcj_token_t old, token;
    fcj_id_new (id);
    s_submit (id, (s_job_t){0}, s_lease (old));
    s_ok ();
    CALL (requeue, id, old, false, true, "drain");
    s_ok ();
    assert_int_equal (s_got.number, 0);
    CALL (read, id);
    s_ok ();
    assert_string_equal (s_got.state, "queued");
    CALL (lease, id, NULL, 0, s_lease (token));
    s_ok ();
    CALL (requeue, id, token, false, false, "not delivered");
    s_ok ();
    assert_int_equal (s_got.attempt, 0);
    CALL (lease, id, NULL, 0, s_lease (token));
    s_ok ();
    s_finish (id, old, "completed");
    s_refused (FCJ_STALE);
    CALL (progress, id, old, 1, "x");
    s_refused (FCJ_STALE);
    CALL (started, id, old, 1);
    s_refused (FCJ_STALE);
    CALL (requeue, id, old, true, true, "x");
    s_refused (FCJ_STALE);
    fcj_token_t other;
    CALL (lease, id, NULL, 0, s_lease (other));
    s_refused (FCJ_STALE);
    s_state_is (id, "ann", "running");
    s_finish (id, token, "failed");
    s_ok ();
    s_finish (id, token, "completed");
    s_refused (FCJ_STALE);
    s_state_is (id, "ann", "failed");
}

static void a_cancelled_job_takes_no_late_result (void **state)
{
    (void) state;
    fcj_id_t id;
    fcj_token_t token;
    fcj_id_new (id);
    s_submit (id, (s_job_t){0}, s_lease (token));
    s_ok ();
    CALL (cancel, id, "bob");
    s_refused (FCJ_NOT_FOUND);
    CALL (delete, id, "ann");
    s_refused (FCJ_NOT_FINISHED);
    CALL (cancel, id, "ann");
    s_ok ();
    assert_string_equal (s_got.state, "cancelled");
    s_finish (id, token, "completed");
    s_refused (FCJ_STALE);
    CALL (cancel, id, "ann");
    s_ok ();
    s_state_is (id, "ann", "cancelled");
    s_not_there (id, "bob", FCJ_NOT_FOUND);
}

static void an_idempotency_key_gives_the_same_job (void **state)
{
    (void) state;
    fcj_id_t first, second, other;
    fcj_id_new (first);
    fcj_id_new (second);
    fcj_id_new (other);
    s_submit (first, (s_job_t){.key = "k", .hash = "aa"}, NULL);
    s_ok ();
    s_submit (second, (s_job_t){.key = "k", .hash = "aa"}, NULL);
    s_ok ();
    assert_true (s_got.existing);
    assert_string_equal (s_got.id, first);
    assert_string_equal (s_got.state, "queued");
    s_submit (second, (s_job_t){.key = "k", .hash = "bb"}, NULL);
    s_refused (FCJ_CONFLICT);
    s_submit (other, (s_job_t){.owner = "bob", .key = "k", .hash = "bb"},
              NULL);
    s_ok ();
    assert_false (s_got.existing);
    s_finish (first, NULL, "failed");
    s_ok ();
    CALL (delete, first, "ann");
    s_ok ();
    s_submit (second, (s_job_t){.key = "k", .hash = "bb"}, NULL);
    s_ok ();
    assert_false (s_got.existing);
    CALL (cancel, second, "ann");
    s_ok ();
    CALL (cancel, other, "bob");
    s_ok ();
}

static void a_job_sees_what_it_depends_on (void **state)
{
    (void) state;
    fcj_id_t id, after, none;
    fcj_token_t token, next;
    fcj_id_new (id);
    fcj_id_new (after);
    fcj_id_new (none);
    s_submit (after, (s_job_t){.depends = none}, NULL);
    s_refused (FCJ_NOT_FOUND);
    s_submit (id, (s_job_t){0}, s_lease (token));
    s_ok ();
    s_submit (after, (s_job_t){.owner = "bob", .depends = id}, NULL);
    s_refused (FCJ_NOT_FOUND);
    /* a lease is not taken before its time */
    s_submit (after, (s_job_t){.depends = id}, s_lease (next));
    s_ok ();
    assert_string_equal (s_got.state, "queued");
    CALL (live, 0, 100);
    s_ok ();
    assert_int_equal (s_got.jobs, 2);
    assert_int_equal (s_got.depends, 1);
    s_finish (id, token, "completed");
    s_ok ();
    const char *depends[] = {id};
    memcpy (s_first_dep, id, sizeof (id));
    CALL (lease, after, depends, 1, s_lease (next));
    s_ok ();
    assert_string_equal (s_got.ref_state, "completed");
    s_first_dep[0] = 0;
    s_finish (after, next, "completed");
    s_ok ();
}

static void an_expired_job_says_so (void **state)
{
    (void) state;
    fcj_id_t id;
    fcj_token_t token;
    fcj_id_new (id);
    s_submit (id, (s_job_t){.key = "e", .hash = "aa", .retention = 1},
              s_lease (token));
    s_ok ();
    s_finish (id, token, "completed");
    s_ok ();
    CALL (expire, 100);
    s_ok ();
    assert_int_equal (s_got.number, 0);
    usleep (1100000);
    CALL (expire, 100);
    s_ok ();
    assert_int_equal (s_got.number, 1);
    s_not_there (id, "ann", FCJ_EXPIRED);
    s_not_there (id, "bob", FCJ_NOT_FOUND);
    s_not_there ("not an id", "ann", FCJ_NOT_FOUND);
    CALL (cancel, id, "ann");
    s_refused (FCJ_EXPIRED);
    s_submit (id, (s_job_t){0}, NULL);
    s_refused (FCJ_EXPIRED);
}

static void s_command (const char *command)
{
    redisContext *redis = redisConnectUnix (s_redis.socket);
    assert_non_null (redis);
    redisReply *reply = redisCommand (redis, command);
    assert_non_null (reply);
    assert_int_not_equal (reply->type, REDIS_REPLY_ERROR);
    freeReplyObject (reply);
    redisFree (redis);
}

static void a_list_pages_through_all_jobs_once (void **state)
{
    (void) state;
    enum { JOBS = 257 };
    for (int n = 0; n < JOBS; n++) {
        fcj_id_t id;
        fcj_id_new (id);
        s_submit (id, (s_job_t){.owner = n % 2 ? "carl" : "dora"}, NULL);
        s_ok ();
        if (n % 10 == 1) {
            CALL (cancel, id, "carl");
            s_ok ();
        }
    }
    char cursor[64] = "";
    fcj_record_t *records[10];
    fcj_error_t error;
    int all = 0, queued = 0;
    int64_t newest = INT64_MAX;
    do {
        int count = fcj_store_list (s_store, "carl", NULL, NULL, 10, cursor,
                                    records, &error);
        assert_true (count >= 0);
        for (int n = 0; n < count; n++, all++) {
            int64_t at = fcj_record_int (records[n], "submitted", 0);
            assert_true (at <= newest);
            newest = at;
            fcj_record_destroy (&records[n]);
        }
    } while (*cursor);
    assert_int_equal (all, JOBS / 2);
    do {
        int count = fcj_store_list (s_store, "carl", "queued", "echo", 7,
                                    cursor, records, &error);
        assert_true (count >= 0);
        for (int n = 0; n < count; n++, queued++)
            fcj_record_destroy (&records[n]);
    } while (*cursor);
    assert_int_equal (queued, JOBS / 2 - 26);
    strcpy (cursor, "nonsense");
    assert_int_equal (fcj_store_list (s_store, "carl", NULL, NULL, 7, cursor,
                                      records, &error), -1);
    assert_int_equal (error.reason, FCJ_INVALID);
}

static void s_script (const char *script)
{
    redisContext *redis = redisConnectUnix (s_redis.socket);
    assert_non_null (redis);
    redisReply *reply = redisCommand (redis, "EVAL %s 0", script);
    assert_true (reply && reply->type != REDIS_REPLY_ERROR);
    freeReplyObject (reply);
    redisFree (redis);
}

/*  Others submit and delete, until *arg is true.  */
static void *s_bustle (void *arg)
{
    while (!atomic_load ((atomic_bool *) arg))
        s_script ("local set = '{fcj:0}:owner:eve' "
                  "local top = redis.call ('ZCARD', set) "
                  "if top > 650 then "
                  "  redis.call ('ZREMRANGEBYRANK', set, 610, -1) "
                  "else for n = top + 1, top + 7 do "
                  "  redis.call ('ZADD', set, n, string.format "
                  "    ('%08x-0000-4000-8000-000000000000', n)) end end");
    return NULL;
}

static void a_list_shows_each_job_once_while_others_come_and_go (void **state)
{
    (void) state;
    s_script ("for n = 1, 600 do local id = string.format "
              "  ('%08x-0000-4000-8000-000000000000', n) "
              "redis.call ('ZADD', '{fcj:0}:owner:eve', n, id) "
              "redis.call ('HSET', '{fcj:0}:job:' .. id, 'id', id, 'owner', "
              "            'eve', 'state', 'queued', 'seq', n) end");
    atomic_bool over = false;
    pthread_t bustle;
    assert_int_equal (pthread_create (&bustle, NULL, s_bustle, &over), 0);
    int odd = 0;
    for (int lists = 0; lists < 20; lists++) {
        char cursor[64] = "";
        fcj_record_t *records[150];
        fcj_error_t error;
        int64_t last = 601;
        do {
            int count = fcj_store_list (s_store, "eve", NULL, NULL, 150,
                                        cursor, records, &error);
            odd += count < 0;
            for (int n = 0; n < count; n++) {
                int64_t seq = fcj_record_int (records[n], "seq", 0);
                odd += seq != last - 1;
                last = seq;
                fcj_record_destroy (&records[n]);
            }
        } while (*cursor);
        odd += last != 1;
    }
    atomic_store (&over, true);
    pthread_join (bustle, NULL);
    assert_int_equal (odd, 0);
}

static void a_full_redis_refuses_submits_and_loses_nothing (void **state)
{
    (void) state;
    fcj_id_t id, queued, next;
    fcj_token_t token;
    fcj_id_new (id);
    fcj_id_new (queued);
    fcj_id_new (next);
    s_submit (id, (s_job_t) {0}, s_lease (token));
    s_ok ();
    s_submit (queued, (s_job_t) {0}, NULL);
    s_ok ();
    s_command ("CONFIG SET maxmemory 1");
    s_submit (next, (s_job_t) {0}, NULL);
    s_refused (FCJ_QUEUE_FULL);
    assert_true (s_got.error.retryable);
    s_not_there (next, NULL, FCJ_NOT_FOUND);
    /* the broker starts anew meanwhile: the library cannot be loaded */
    s_command ("CLIENT KILL TYPE normal SKIPME yes");
    for (int n = 0; n < 100; n++) {
        CALL (started, id, token, 1);
        s_wait ();
        if (!s_got.error.reason)
            break;
    }
    s_ok ();
    s_finish (id, token, "completed");
    s_ok ();
    CALL (lease, queued, NULL, 0, s_lease (token));
    s_ok ();
    s_finish (queued, token, "completed");
    s_ok ();
    s_state_is (queued, NULL, "completed");
    s_command ("CONFIG SET maxmemory 0");
    s_submit (next, (s_job_t) {0}, s_lease (token));
    s_ok ();
    s_finish (next, token, "completed");
    s_ok ();
}

static bool s_shows (const char *id, const char *question)
{
    fcj_error_t error;
    fcj_record_t *record = fcj_store_status (s_store, id, NULL, &error);
    assert_non_null (record);
    const char *ask = fcj_record_str (record, "ask", NULL);
    bool same = question ? ask && strcmp (ask, question) == 0 : !ask;
    fcj_record_destroy (&record);
    return same;
}

static void s_ask (const char *id, const char *token, int64_t number,
                   const char *json)
{
    s_got.told = false;
    if (json)
        fcj_writer_ask (s_writer, id, token, number, json, s_told, NULL);
    else
        fcj_writer_answered (s_writer, id, token, number, s_told, NULL);
}

static void a_question_is_shown_until_it_is_answered_or_the_job_ends
    (void **state)
{
    (void) state;
    fcj_id_t id;
    fcj_token_t token;
    fcj_id_new (id);
    s_submit (id, (s_job_t) {0}, s_lease (token));
    s_ok ();
    s_ask (id, "0123", 1, "{\"ask\":1}");
    s_refused (FCJ_STALE);
    s_ask (id, token, 1, "{\"ask\":1}");
    s_ok ();
    assert_true (s_shows (id, "{\"ask\":1}"));
    s_ask (id, token, 2, NULL);             /* of another question */
    s_ok ();
    assert_true (s_shows (id, "{\"ask\":1}"));
    s_ask (id, token, 1, NULL);
    s_ok ();
    assert_true (s_shows (id, NULL));
    s_ask (id, token, 2, "{\"ask\":2}");
    s_ok ();
    s_finish (id, token, "completed");
    s_ok ();
    assert_true (s_shows (id, NULL));
}

/*  True when it is the holder's afterwards.  */
static bool s_lane (const char *worker, const char *token, int64_t ttl_ms)
{
    s_got.told = false;
    fcj_writer_lane (s_writer, worker, token, ttl_ms, s_told, NULL);
    s_ok ();
    return s_got.mine;
}

static void the_window_has_one_holder_until_its_lease_runs_out (void **state)
{
    (void) state;
    assert_true (s_lane ("first", "a", 60000));
    assert_false (s_lane ("second", "b", 60000));
    assert_string_equal (s_got.holder, "first");
    assert_true (s_lane ("first", "a", 60000));
    assert_false (s_lane ("second", "b", 0));           /* not its own */
    assert_false (s_lane ("first", "b", 0));            /* stale token */
    assert_false (s_lane ("second", "b", 60000));
    assert_true (s_lane ("first", "c", 60000));         /* another broker */
    assert_false (s_lane ("first", "c", 0));
    assert_string_equal (s_got.holder, "");
    assert_true (s_lane ("second", "b", 50));
    usleep (100000);
    assert_true (s_lane ("first", "d", 60000));
    s_lane ("first", "d", 0);
}

static void bad_input_is_refused_with_a_reason (void **state)
{
    (void) state;
    s_submit ("no-uuid", (s_job_t){0}, NULL);
    s_refused (FCJ_INVALID);
    fcj_id_t id;
    fcj_id_new (id);
    s_submit (id, (s_job_t){.depends = "x"}, NULL);
    s_refused (FCJ_INVALID);
    s_got.told = false;
    fcj_writer_submit (s_writer, "\xff", 1, NULL, s_told, NULL);
    s_refused (FCJ_PROTOCOL);
    s_finish (id, "t", "running");
    s_refused (FCJ_PROTOCOL);
    fcj_error_t error;
    assert_null (fcj_store_new ("http://x", &error));
    assert_int_equal (error.reason, FCJ_INVALID);
}

static void s_is_text (const fcj_record_t *record, const char *field,
                       size_t least)
{
    const char *text = fcj_record_str (record, field, NULL);
    json_t *string = json_string (text);        /* it knows UTF-8 */
    assert_non_null (string);
    assert_true (strlen (text) >= least);
    json_decref (string);
}

static void what_is_too_long_is_cut_between_characters (void **state)
{
    (void) state;
    char name[FCJ_NAME_MAX * 2 + 2] = "x", message[FCJ_TEXT_MAX * 2 + 2] = "x";
    while (strlen (name) + 2 < sizeof (name))
        strcat (name, "\xc3\xbc");
    while (strlen (message) + 2 < sizeof (message))
        strcat (message, "\xc3\xbc");
    fcj_id_t id;
    fcj_token_t token;
    fcj_id_new (id);
    s_submit (id, (s_job_t){.name = name}, s_lease (token));
    s_ok ();
    CALL (progress, id, token, 0.5, message);
    s_ok ();
    fcj_error_t error;
    fcj_record_t *record = fcj_store_status (s_store, id, "ann", &error);
    assert_non_null (record);
    s_is_text (record, "name", FCJ_NAME_MAX - 1);
    s_is_text (record, "message", FCJ_TEXT_MAX - 1);
    fcj_record_destroy (&record);
}

static void what_was_acknowledged_outlives_redis (void **state)
{
    (void) state;
    fcj_id_t id;
    fcj_token_t token;
    fcj_id_new (id);
    s_submit (id, (s_job_t){0}, s_lease (token));
    s_ok ();
    test_redis_kill (&s_redis);
    fcj_error_t error;
    assert_null (fcj_store_get (s_store, id, "ann", &error));
    assert_int_equal (error.reason, FCJ_STORE_UNAVAILABLE);
    assert_true (error.retryable);
    CALL (started, id, token, 5);
    assert_true (test_redis_start (&s_redis));
    s_wait ();                  /* lost on the way, or held: both are right */
    CALL (started, id, token, 5);
    s_ok ();
    s_finish (id, token, "completed");
    s_ok ();
    s_state_is (id, "ann", "completed");
}

static void a_lost_library_is_loaded_again (void **state)
{
    (void) state;
    fcj_id_t id;
    fcj_id_new (id);
    s_redis_int ("FUNCTION FLUSH");
    s_submit (id, (s_job_t){0}, NULL);
    s_refused (FCJ_STORE_UNAVAILABLE);
    s_submit (id, (s_job_t){0}, NULL);
    s_ok ();
}

static void a_call_without_redis_fails_in_time (void **state)
{
    (void) state;
    fcj_error_t error;
    fcj_writer_t *kept = s_writer;
    s_writer = fcj_writer_new ("unix:///tmp/fcj-none.sock", "", 200, &error);
    fcj_id_t id;
    fcj_id_new (id);
    int64_t before = fcj_mono_ms ();
    s_submit (id, (s_job_t){0}, NULL);
    s_refused (FCJ_STORE_UNAVAILABLE);
    assert_true (fcj_mono_ms () - before < 2000);
    fcj_writer_destroy (&s_writer);
    s_writer = kept;
}

static void a_finished_record_is_small (void **state)
{
    (void) state;
    fcj_id_t id;
    fcj_token_t token;
    fcj_id_new (id);
    s_submit (id, (s_job_t){0}, s_lease (token));
    s_ok ();
    CALL (progress, id, token, 0.5, "half");
    s_ok ();
    s_finish (id, token, "completed");
    s_ok ();
    char command[128];
    snprintf (command, sizeof (command), "MEMORY USAGE {fcj:0}:job:%s", id);
    long long bytes = s_redis_int (command);
    snprintf (command, sizeof (command), "HSTRLEN {fcj:0}:job:%s spec", id);
    long long spec = s_redis_int (command);
    print_message ("a finished record takes %lld bytes, %lld of them the "
                   "user's\n", bytes, spec);
    assert_true (bytes - spec < 2048);
}

static int s_before (void **state)
{
    (void) state;
    fcj_log_open ("test", FCJ_ERROR, false);
    fcj_error_t error;
    static char library[65536];
    FILE *file = fopen ("jobs/store/fcj.lua", "r");
    if (!file || !test_redis_new (&s_redis))
        return -1;
    library[fread (library, 1, sizeof (library) - 1, file)] = 0;
    fclose (file);
    s_writer = fcj_writer_new (s_redis.url, library, 5000, &error);
    s_store = fcj_store_new (s_redis.url, &error);
    return s_writer && s_store ? 0 : -1;
}

static int s_after (void **state)
{
    (void) state;
    fcj_writer_destroy (&s_writer);
    fcj_store_destroy (&s_store);
    test_redis_destroy (&s_redis);
    return 0;
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_job_goes_from_queued_to_completed),
        cmocka_unit_test (every_step_may_be_repeated),
        cmocka_unit_test (a_stale_token_changes_nothing),
        cmocka_unit_test (a_cancelled_job_takes_no_late_result),
        cmocka_unit_test (an_idempotency_key_gives_the_same_job),
        cmocka_unit_test (a_job_sees_what_it_depends_on),
        cmocka_unit_test (an_expired_job_says_so),
        cmocka_unit_test (a_list_pages_through_all_jobs_once),
        cmocka_unit_test (
            a_list_shows_each_job_once_while_others_come_and_go),
        cmocka_unit_test (a_full_redis_refuses_submits_and_loses_nothing),
        cmocka_unit_test (
            a_question_is_shown_until_it_is_answered_or_the_job_ends),
        cmocka_unit_test (the_window_has_one_holder_until_its_lease_runs_out),
        cmocka_unit_test (bad_input_is_refused_with_a_reason),
        cmocka_unit_test (what_is_too_long_is_cut_between_characters),
        cmocka_unit_test (what_was_acknowledged_outlives_redis),
        cmocka_unit_test (a_lost_library_is_loaded_again),
        cmocka_unit_test (a_call_without_redis_fails_in_time),
        cmocka_unit_test (a_finished_record_is_small),
    };
    return cmocka_run_group_tests (tests, s_before, s_after);
}
