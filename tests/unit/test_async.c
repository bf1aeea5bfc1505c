/*  test_async.c - Redis without waiting, against a real one that is stopped,
 *  killed and started again.  */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>

#include "jobs/job.h"
#include "jobs/store/async.h"
#include "tests/unit/redis.h"

#define WAIT_MS 10000

static test_redis_t s_redis;
static fcj_async_t *s_async;

typedef struct {
    int told, count;
    fcj_reason_t reason;
    char text[32];              /* the last reply's */
} answer_t;

static void s_told (void *arg, redisReply *const *replies, int count,
                    const fcj_error_t *error)
{
    answer_t *self = arg;
    self->told++;
    self->count = count;
    self->reason = error ? error->reason : FCJ_OK;
    if (count && replies[count - 1]->str)
        snprintf (self->text, sizeof self->text, "%s",
                  replies[count - 1]->str);
}

static void s_step (void)
{
    struct pollfd item = { fcj_async_fd (s_async), POLLIN, 0 };
    if (fcj_async_wants_write (s_async))
        item.events |= POLLOUT;
    poll (&item, 1, 10);
    fcj_async_run (s_async);
}

static void s_until (const int *counter, int value)
{
    int64_t until = fcj_mono_ms () + WAIT_MS;
    while (*counter < value && fcj_mono_ms () < until)
        s_step ();
    assert_int_equal (*counter, value);
}

static void s_word (fcj_command_t *all, const char *name, const char *word)
{
    fcj_command_begin (all, name);
    if (word)
        fcj_command_str (all, word);
    fcj_command_end (all);
}

/*  Asks for that word's echo.  */
static void s_ask (const char *word, fcj_async_fn *fn, void *arg)
{
    fcj_command_t *command = fcj_command_new ();
    s_word (command, "ECHO", word);
    fcj_async_ask (s_async, command, fn, arg);
    fcj_command_destroy (&command);
}

/* ---- Answers ------------------------------------------------------------ */

static void answers_come_in_the_order_of_the_questions (void **state)
{
    (void) state;
    answer_t answers[100] = { 0 };
    char word[16];
    for (int n = 0; n < 100; n++) {
        snprintf (word, sizeof word, "%d", n);
        s_ask (word, s_told, &answers[n]);
    }
    assert_int_equal (answers[0].told, 0);      /* never from inside */
    s_until (&answers[99].told, 1);
    for (int n = 0; n < 100; n++) {
        assert_int_equal (answers[n].told, 1);
        assert_int_equal (atoi (answers[n].text), n);
    }
}

static void a_question_of_several_commands_has_one_answer (void **state)
{
    (void) state;
    answer_t answer = { 0 };
    fcj_command_t *three = fcj_command_new ();
    s_word (three, "PING", NULL);
    s_word (three, "NO-SUCH-COMMAND", NULL);
    s_word (three, "ECHO", "last");
    fcj_async_ask (s_async, three, s_told, &answer);
    fcj_command_destroy (&three);
    s_until (&answer.told, 1);
    assert_int_equal (answer.count, 3);         /* an error is a reply */
    assert_int_equal (answer.reason, FCJ_OK);
    assert_string_equal (answer.text, "last");
}

static void who_is_forgotten_is_not_told (void **state)
{
    (void) state;
    answer_t gone = { 0 }, here = { 0 };
    s_ask ("gone", s_told, &gone);
    s_ask ("nobody", NULL, NULL);
    s_ask ("here", s_told, &here);
    fcj_async_forget (s_async, &gone);
    s_until (&here.told, 1);
    assert_string_equal (here.text, "here");
    assert_int_equal (gone.told, 0);
}

/* ---- Failures ----------------------------------------------------------- */

static void what_redis_had_when_it_died_fails_and_the_next_is_served
    (void **state)
{
    (void) state;
    answer_t before = { 0 }, lost = { 0 }, after = { 0 };
    s_ask ("before", s_told, &before);
    s_until (&before.told, 1);
    kill (s_redis.pid, SIGSTOP);        /* it hears, and does not answer */
    s_ask ("lost", s_told, &lost);
    s_step ();
    test_redis_kill (&s_redis);
    s_until (&lost.told, 1);
    assert_int_equal (lost.reason, FCJ_STORE_UNAVAILABLE);
    assert_false (fcj_async_up (s_async));
    s_ask ("after", s_told, &after);    /* held until it is back */
    assert_true (test_redis_start (&s_redis));
    s_until (&after.told, 1);
    assert_int_equal (after.reason, FCJ_OK);
    assert_string_equal (after.text, "after");
}

static void an_answer_that_comes_too_late_is_nobody_elses (void **state)
{
    (void) state;
    answer_t slow = { 0 }, next = { 0 };
    s_ask ("up", s_told, &next);
    s_until (&next.told, 1);
    kill (s_redis.pid, SIGSTOP);
    s_ask ("slow", s_told, &slow);
    s_until (&slow.told, 1);
    assert_int_equal (slow.reason, FCJ_STORE_UNAVAILABLE);
    kill (s_redis.pid, SIGCONT);
    s_ask ("next", s_told, &next);
    s_until (&next.told, 2);
    assert_int_equal (next.reason, FCJ_OK);
    assert_string_equal (next.text, "next");
    assert_int_equal (slow.told, 1);
}

static void one_question_too_many_fails_and_the_others_do_not (void **state)
{
    (void) state;
    static answer_t kept, over;
    kept = over = (answer_t) { 0 };
    for (int n = 0; n < FCJ_ASYNC_MAX; n++)
        s_ask ("x", s_told, &kept);
    s_ask ("x", s_told, &over);
    assert_int_equal (over.told, 0);
    assert_true (fcj_async_pending (s_async));
    s_until (&over.told, 1);
    assert_int_equal (over.reason, FCJ_STORE_UNAVAILABLE);
    s_until (&kept.told, FCJ_ASYNC_MAX);
    assert_int_equal (kept.reason, FCJ_OK);
}

/*  It asks again, as a caller that does not know yet would.  */
static void s_ask_again (void *arg, redisReply *const *replies, int count,
                         const fcj_error_t *error)
{
    s_told (arg, replies, count, error);
    assert_null (s_async);
}

static void at_the_end_everybody_is_told_once (void **state)
{
    (void) state;
    answer_t answer = { 0 };
    s_ask ("held", s_ask_again, &answer);
    fcj_async_destroy (&s_async);
    assert_int_equal (answer.told, 1);
    assert_int_equal (answer.reason, FCJ_STORE_UNAVAILABLE);
}

/* ---- What comes unasked -------------------------------------------------- */

typedef struct {
    int subscribed, messages;
    char last[32];
} heard_t;

static void s_on_push (void *arg, const redisReply *push)
{
    heard_t *self = arg;
    const char *kind = push->elements ? push->element[0]->str : "";
    self->subscribed += strcmp (kind, "subscribe") == 0;
    if (strcmp (kind, "message") == 0) {
        self->messages++;
        snprintf (self->last, sizeof self->last, "%s", push->element[2]->str);
    }
}

static void s_publish (const char *text)
{
    redisContext *link = redisConnectUnix (s_redis.socket);
    freeReplyObject (redisCommand (link, "PUBLISH bus %s", text));
    redisFree (link);
}

static void who_listens_hears_again_after_redis_was_away (void **state)
{
    (void) state;
    heard_t heard = { 0 };
    fcj_command_t *subscribe = fcj_command_new ();
    s_word (subscribe, "SUBSCRIBE", "bus");
    fcj_async_listen (s_async, subscribe, s_on_push, &heard);
    fcj_command_destroy (&subscribe);
    s_until (&heard.subscribed, 1);
    s_publish ("one");
    s_until (&heard.messages, 1);
    test_redis_kill (&s_redis);
    assert_true (test_redis_start (&s_redis));
    s_until (&heard.subscribed, 2);
    s_publish ("two");
    s_until (&heard.messages, 2);
    assert_string_equal (heard.last, "two");
}

static void an_address_that_is_none_is_refused (void **state)
{
    (void) state;
    fcj_error_t error = { FCJ_OK, false, "" };
    assert_null (fcj_async_new ("http://localhost", &error));
    assert_int_equal (error.reason, FCJ_INVALID);
}

/* ---- The bench ----------------------------------------------------------- */

static int s_start (void **state)
{
    (void) state;
    return test_redis_new (&s_redis) ? 0 : -1;
}

static int s_stop (void **state)
{
    (void) state;
    test_redis_destroy (&s_redis);
    return 0;
}

static int s_setup (void **state)
{
    fcj_error_t error;
    (void) state;
    s_async = fcj_async_new (s_redis.url, &error);
    return s_async ? 0 : -1;
}

static int s_teardown (void **state)
{
    (void) state;
    fcj_async_destroy (&s_async);
    return 0;
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (answers_come_in_the_order_of_the_questions),
        TEST (a_question_of_several_commands_has_one_answer),
        TEST (who_is_forgotten_is_not_told),
        TEST (what_redis_had_when_it_died_fails_and_the_next_is_served),
        TEST (an_answer_that_comes_too_late_is_nobody_elses),
        TEST (one_question_too_many_fails_and_the_others_do_not),
        TEST (at_the_end_everybody_is_told_once),
        TEST (who_listens_hears_again_after_redis_was_away),
        TEST (an_address_that_is_none_is_refused),
    };
    return cmocka_run_group_tests (tests, s_start, s_stop);
}
