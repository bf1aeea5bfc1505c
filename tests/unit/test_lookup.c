/*  test_lookup.c - statuses asked without waiting, against a real Redis that
 *  is killed meanwhile; and the answer that is written from them.  */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "jobs/limits.h"
#include "jobs/store/lookup.h"
#include "mcp-frontend/call.h"
#include "mcp-frontend/transport/render.h"
#include "tests/unit/redis.h"

#include <hiredis/hiredis.h>
#include <poll.h>

#define MANY 500

static test_redis_t s_redis;
static fcj_store_t *s_store;
static fcj_async_t *s_async;

typedef struct {
    bool told;
    char state[16];
    fcj_reason_t reason;
} answer_t;

static void s_told (void *arg, fcj_record_t *record,
                    const fcj_error_t *error)
{
    answer_t *self = arg;
    assert_false (self->told);
    self->told = true;
    self->reason = record ? FCJ_OK : error->reason;
    if (record)
        snprintf (self->state, sizeof (self->state), "%s",
                  fcj_record_str (record, "state", NULL));
    fcj_record_destroy (&record);
}

static void s_run_until (const answer_t *answer)
{
    int64_t until = fcj_mono_ms () + 10000;
    while (!answer->told && fcj_mono_ms () < until) {
        struct pollfd item = {fcj_async_fd (s_async), POLLIN, 0};
        if (fcj_async_wants_write (s_async))
            item.events |= POLLOUT;
        poll (&item, 1, 20);
        fcj_async_run (s_async);
    }
    assert_true (answer->told);
}

static void s_id (fcj_id_t id, int number)
{
    snprintf (id, sizeof (fcj_id_t), "%08d-0000-4000-8000-000000000000",
              number);
}

static void s_write (const char *format, const char *id)
{
    redisContext *link = redisConnectUnix (s_redis.socket);
    freeReplyObject (redisCommand (link, format, id));
    redisFree (link);
}

static void s_job (int number)
{
    fcj_id_t id;
    s_id (id, number);
    s_write ("HSET {fcj:0}:job:%s id x owner ann state running tool t", id);
}

static fcj_lookup_t *s_ask (int number, const char *owner, answer_t *answer)
{
    fcj_id_t id;
    s_id (id, number);
    return fcj_lookup_new (s_async, s_store, id, owner, s_told, answer);
}

static void many_questions_of_one_turn_are_all_answered (void **state)
{
    static answer_t answers[MANY];
    (void) state;
    s_job (1);
    for (int n = 0; n < MANY; n++)
        s_ask (1, "ann", &answers[n]);
    assert_false (answers[0].told);
    s_run_until (&answers[MANY - 1]);
    for (int n = 0; n < MANY; n++)
        assert_string_equal (answers[n].state, "running");
}

static void what_is_not_there_is_told_apart (void **state)
{
    answer_t unknown = { 0 }, others = { 0 }, expired = { 0 };
    fcj_id_t id;
    (void) state;
    s_job (2);
    s_id (id, 4);
    s_write ("SET {fcj:0}:gone:%s ann", id);
    s_ask (3, "ann", &unknown);
    s_ask (2, "bob", &others);
    s_ask (4, "ann", &expired);
    s_run_until (&expired);
    assert_int_equal (unknown.reason, FCJ_NOT_FOUND);
    assert_int_equal (others.reason, FCJ_NOT_FOUND);
    assert_int_equal (expired.reason, FCJ_EXPIRED);
}

static void a_question_that_is_forgotten_is_not_answered (void **state)
{
    answer_t forgotten = { 0 }, kept = { 0 };
    (void) state;
    s_job (5);
    fcj_lookup_t *lookup = s_ask (5, "ann", &forgotten);
    s_ask (5, "ann", &kept);
    fcj_lookup_destroy (&lookup);
    s_run_until (&kept);
    assert_false (forgotten.told);
}

static void a_redis_that_was_restarted_is_asked_again (void **state)
{
    answer_t before = { 0 }, after = { 0 }, away = { 0 };
    (void) state;
    s_job (6);
    s_ask (6, "ann", &before);
    s_run_until (&before);
    test_redis_kill (&s_redis);
    unlink (s_redis.socket);
    s_ask (6, "ann", &away);
    s_run_until (&away);
    assert_int_equal (away.reason, FCJ_STORE_UNAVAILABLE);
    assert_true (test_redis_start (&s_redis));
    s_ask (6, "ann", &after);
    s_run_until (&after);
    assert_string_equal (after.state, "running");
}

static void a_connection_that_broke_unnoticed_costs_no_answer (void **state)
{
    answer_t before = { 0 }, after = { 0 };
    (void) state;
    s_job (7);
    s_ask (7, "ann", &before);
    s_run_until (&before);
    test_redis_kill (&s_redis);
    unlink (s_redis.socket);
    assert_true (test_redis_start (&s_redis));
    s_ask (7, "ann", &after);
    s_run_until (&after);
    assert_string_equal (after.state, "running");
}

static void a_redis_that_hangs_fails_the_question (void **state)
{
    answer_t before = { 0 }, hung = { 0 }, after = { 0 };
    (void) state;
    s_job (8);
    s_ask (8, "ann", &before);
    s_run_until (&before);
    kill (s_redis.pid, SIGSTOP);
    s_ask (8, "ann", &hung);
    s_run_until (&hung);
    kill (s_redis.pid, SIGCONT);
    assert_int_equal (hung.reason, FCJ_STORE_UNAVAILABLE);
    s_ask (8, "ann", &after);
    s_run_until (&after);
    assert_string_equal (after.state, "running");
}

/* ---- The answer --------------------------------------------------------- */

static void an_answer_written_at_once_is_what_the_tree_would_be (void **state)
{
    (void) state;
    json_t *value = json_pack ("{s:s,s:f,s:[i,b,n]}", "message",
                               "\"a\\b\"\n\x01 \xc3\xa4", "progress", 0.5,
                               "list", 1, 1);
    fcj_call_t call = { .modern = true, .id = json_string ("i\"d") };
    size_t size;
    char *text = fcj_render_tool (&call, "is \"so\"", value, &size);
    assert_non_null (text);
    assert_int_equal (strlen (text), size);
    char *dump = json_dumps (value, JSON_COMPACT);
    json_t *expected = json_pack (
        "{s:s,s:O,s:{s:[{s:s,s:s},{s:s,s:s}],s:O,s:s,s:{s:{s:s,s:s}}}}",
        "jsonrpc", "2.0", "id", call.id, "result", "content", "type", "text",
        "text", "is \"so\"", "type", "text", "text", dump,
        "structuredContent", value, "resultType", "complete", "_meta",
        "io.modelcontextprotocol/serverInfo", "name", "freecad-jobs",
        "version", FCJ_VERSION);
    char *whole = json_dumps (expected, JSON_COMPACT);
    assert_string_equal (text, whole);
    assert_null (fcj_render_tool (&call, "\xff", value, &size));
    free (whole);
    free (dump);
    free (text);
    json_decref (expected);
    json_decref (call.id);
    json_decref (value);
}

static int s_begin (void **state)
{
    fcj_error_t error;
    (void) state;
    if (!test_redis_new (&s_redis)
        || !(s_store = fcj_store_new (s_redis.url, &error)))
        return -1;
    s_async = fcj_async_new (s_redis.url, &error);
    return s_async ? 0 : -1;
}

static int s_end (void **state)
{
    (void) state;
    fcj_async_destroy (&s_async);
    fcj_store_destroy (&s_store);
    test_redis_destroy (&s_redis);
    return 0;
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (many_questions_of_one_turn_are_all_answered),
        cmocka_unit_test (what_is_not_there_is_told_apart),
        cmocka_unit_test (a_question_that_is_forgotten_is_not_answered),
        cmocka_unit_test (a_redis_that_was_restarted_is_asked_again),
        cmocka_unit_test (a_connection_that_broke_unnoticed_costs_no_answer),
        cmocka_unit_test (a_redis_that_hangs_fails_the_question),
        cmocka_unit_test (
            an_answer_written_at_once_is_what_the_tree_would_be),
    };
    signal (SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests (tests, s_begin, s_end);
}
