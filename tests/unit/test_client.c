/*  test_client.c - the front-end's side of the wire against a broker that is
 *  played here: a ROUTER socket in the same thread.  */

#include "broker/client.h"
#include "jobs/job.h"
#include "jobs/limits.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#define WAIT_MS 8000
#define LONG_MS 60000

typedef struct {
    char dir[64], endpoint[96];
    void *context, *router;
    fcj_client_t *client;
    char identity[64];                  /* of the client, once heard */
    size_t identity_size;
    char type[16];                      /* the last message heard */
    int64_t req;
    char id[40], text[64];
    int64_t beat_ms;                    /* what WELCOME says */
    int answered, refused, events;
    fcj_error_t error;
    char state[16], event[16];
} bench_t;

static void
s_on_answer (void *arg, const fcj_map_t *reply, const fcj_error_t *error)
{
    bench_t *self = arg;
    self->answered++;
    if (error) {
        self->refused++;
        self->error = *error;
    }
    if (reply)
        fcj_map_copy (reply, "state", self->state, sizeof self->state);
}

static void
s_on_event (void *arg, const char *id, const fcj_map_t *event)
{
    bench_t *self = arg;
    (void) id;
    self->events++;
    fcj_map_copy (event, "state", self->event, sizeof self->event);
}

/* ---- The broker -------------------------------------------------------- */

static void
s_bind (bench_t *self)
{
    int zero = 0;
    self->router = zmq_socket (self->context, ZMQ_ROUTER);
    zmq_setsockopt (self->router, ZMQ_LINGER, &zero, sizeof zero);
    assert_int_equal (zmq_bind (self->router, self->endpoint), 0);
}

static void
s_die (bench_t *self)
{
    zmq_close (self->router);
    self->router = NULL;
}

static void
s_raw (bench_t *self, const char *version, const char *type,
       const void *body, size_t size)
{
    zmq_send (self->router, self->identity, self->identity_size,
              ZMQ_SNDMORE);
    zmq_send (self->router, version, strlen (version), ZMQ_SNDMORE);
    zmq_send (self->router, type, strlen (type), body ? ZMQ_SNDMORE : 0);
    if (body)
        zmq_send (self->router, body, size, 0);
}

/*  A message with req, id and state; those it has no use for are ignored. */
static void
s_say (bench_t *self, const char *type, int64_t req, const char *id,
       const char *state)
{
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 6);
    fcj_pack_kint (pack, "req", req);
    fcj_pack_kstr (pack, "id", id);
    fcj_pack_kstr (pack, "state", state);
    fcj_pack_kstr (pack, "reason", state);
    fcj_pack_kstr (pack, "text", "Because.");
    fcj_pack_kint (pack, "beat_ms", self->beat_ms);
    s_raw (self, "FCJ1", type, fcj_pack_data (pack), fcj_pack_size (pack));
    fcj_pack_destroy (&pack);
}

static bool
s_hear_once (bench_t *self)
{
    zmq_msg_t frames[4];
    int count = 0;
    for (int more = 1; more && count < 4; count++) {
        zmq_msg_init (&frames[count]);
        if (!self->router
            || zmq_msg_recv (&frames[count], self->router, ZMQ_DONTWAIT) < 0)
            break;
        more = zmq_msg_more (&frames[count]);
    }
    if (count == 4) {
        self->identity_size = zmq_msg_size (&frames[0]);
        memcpy (self->identity, zmq_msg_data (&frames[0]),
                self->identity_size);
        memset (self->type, 0, sizeof self->type);
        memcpy (self->type, zmq_msg_data (&frames[2]),
                zmq_msg_size (&frames[2]));
        fcj_map_t *map = fcj_map_new (zmq_msg_data (&frames[3]),
                                      zmq_msg_size (&frames[3]));
        assert_non_null (map);
        self->req = fcj_map_int (map, "req", -1);
        const fcj_map_t *job = fcj_map_map (map, "job");
        fcj_map_copy (job ? job : map, "id", self->id, sizeof self->id);
        fcj_map_copy (map, "action", self->text, sizeof self->text);
        fcj_map_destroy (&map);
    }
    for (int n = 0; n < count; n++)
        zmq_msg_close (&frames[n]);
    return count == 4;
}

/*  The next message of that type; others are skipped.  */
static bool
s_hear (bench_t *self, const char *type)
{
    int64_t until = fcj_mono_ms () + WAIT_MS;
    while (fcj_mono_ms () < until) {
        fcj_client_run (self->client);
        while (s_hear_once (self))
            if (strcmp (self->type, type) == 0)
                return true;
        usleep (1000);
    }
    return false;
}

static void
s_welcome (bench_t *self)
{
    assert_true (s_hear (self, "HELLO"));
    s_say (self, "WELCOME", 0, "", "");
    int64_t until = fcj_mono_ms () + WAIT_MS;
    while (!fcj_client_up (self->client) && fcj_mono_ms () < until)
        fcj_client_run (self->client);
    assert_true (fcj_client_up (self->client));
}

static void
s_until (bench_t *self, const int *counter, int value)
{
    int64_t until = fcj_mono_ms () + WAIT_MS;
    while (*counter < value && fcj_mono_ms () < until) {
        fcj_client_run (self->client);
        usleep (1000);
    }
    assert_int_equal (*counter, value);
}

/*  Time for what must not come.  */
static void
s_while (bench_t *self, int64_t ms)
{
    for (int64_t until = fcj_mono_ms () + ms; fcj_mono_ms () < until;
         usleep (1000))
        fcj_client_run (self->client);
}

static void
s_submit (bench_t *self, const char *id, bool watch)
{
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 1);
    fcj_pack_kstr (pack, "id", id);
    fcj_client_submit (self->client, fcj_pack_data (pack),
                       fcj_pack_size (pack), watch, LONG_MS, s_on_answer,
                       self);
    fcj_pack_destroy (&pack);
}

static int
s_setup (void **state)
{
    bench_t *self = calloc (1, sizeof *self);
    fcj_error_t error;
    *state = self;
    self->beat_ms = FCJ_BEAT_MS;
    strcpy (self->dir, "/tmp/fcj-test-XXXXXX");
    if (!mkdtemp (self->dir))
        return -1;
    snprintf (self->endpoint, sizeof self->endpoint, "ipc://%s/f.sock",
              self->dir);
    self->context = zmq_ctx_new ();
    self->client = fcj_client_new (self->endpoint, "test", s_on_event, self,
                                   &error);
    return self->client ? 0 : -1;
}

static int
s_teardown (void **state)
{
    bench_t *self = *state;
    char path[96];
    fcj_client_destroy (&self->client);
    if (self->router)
        s_die (self);
    zmq_ctx_term (self->context);
    snprintf (path, sizeof path, "%s/f.sock", self->dir);
    unlink (path);
    rmdir (self->dir);
    free (self);
    return 0;
}

/* ---- What it promises -------------------------------------------------- */

static void
a_request_waits_for_the_broker_to_come (void **state)
{
    bench_t *self = *state;
    fcj_client_request (self->client, "STATUS", NULL, 0, LONG_MS,
                        s_on_answer, self);
    s_while (self, 50);
    assert_int_equal (self->answered, 0);
    s_bind (self);
    s_welcome (self);
    assert_true (s_hear (self, "STATUS"));
    s_say (self, "DONE", self->req, "", "fine");
    s_until (self, &self->answered, 1);
    assert_string_equal (self->state, "fine");
    s_say (self, "DONE", self->req, "", "again");       /* no such request */
    s_while (self, 50);
    assert_int_equal (self->answered, 1);
}

static void
a_submit_whose_broker_died_is_repeated_under_its_id (void **state)
{
    bench_t *self = *state;
    fcj_id_t id;
    fcj_id_new (id);
    s_bind (self);
    s_welcome (self);
    s_submit (self, id, true);
    assert_true (s_hear (self, "SUBMIT"));
    assert_string_equal (self->id, id);
    int64_t req = self->req;
    s_die (self);
    s_bind (self);
    /*  The new one knows nobody: whatever comes is answered HELLO?.  */
    assert_true (s_hear (self, "BEAT"));
    s_say (self, "HELLO?", 0, "", "");
    s_welcome (self);
    self->id[0] = 0;
    assert_true (s_hear (self, "SUBMIT"));
    assert_string_equal (self->id, id);
    assert_int_equal (self->req, req);
    s_say (self, "ACCEPTED", req, id, "queued");
    s_until (self, &self->answered, 1);
    assert_int_equal (self->refused, 0);
    s_say (self, "EVENT", 0, id, "running");
    s_until (self, &self->events, 1);
}

static void
watches_are_renewed_until_the_job_ends (void **state)
{
    bench_t *self = *state;
    fcj_id_t id;
    fcj_id_new (id);
    s_bind (self);
    s_welcome (self);
    fcj_client_watch (self->client, id);
    assert_true (s_hear (self, "WATCH"));
    s_say (self, "HELLO?", 0, "", "");
    s_welcome (self);
    assert_true (s_hear (self, "WATCH"));
    assert_string_equal (self->id, id);
    s_say (self, "EVENT", 0, id, "completed");
    s_until (self, &self->events, 1);
    s_say (self, "HELLO?", 0, "", "");
    s_welcome (self);
    fcj_client_unwatch (self->client, id);              /* knows no such */
    fcj_client_request (self->client, "STATUS", NULL, 0, LONG_MS, NULL,
                        NULL);
    self->type[0] = 0;
    while (strcmp (self->type, "STATUS") != 0) {
        assert_string_not_equal (self->type, "WATCH");
        assert_string_not_equal (self->type, "UNWATCH");
        fcj_client_run (self->client);
        s_hear_once (self);
    }
}

static void
a_refusal_is_told_as_it_came (void **state)
{
    bench_t *self = *state;
    s_bind (self);
    s_welcome (self);
    fcj_client_answer (self->client, "x", "me", 3, "decline", NULL, LONG_MS,
                       s_on_answer, self);
    assert_true (s_hear (self, "ANSWER"));
    assert_string_equal (self->text, "decline");
    s_say (self, "REFUSED", self->req, "", "stale");
    s_until (self, &self->answered, 1);
    assert_int_equal (self->error.reason, FCJ_STALE);
    assert_string_equal (self->error.text, "Because.");
    assert_false (self->error.retryable);
}

static void
a_request_nobody_answers_fails_and_may_be_repeated (void **state)
{
    bench_t *self = *state;
    s_bind (self);
    s_welcome (self);
    fcj_client_request (self->client, "STATUS", NULL, 0, 100, s_on_answer,
                        self);
    s_until (self, &self->answered, 1);
    assert_int_equal (self->error.reason, FCJ_BROKER_UNAVAILABLE);
    assert_true (self->error.retryable);
}

static void
what_is_kept_for_an_absent_broker_is_bounded (void **state)
{
    bench_t *self = *state;
    for (int n = 0; n < 1030; n++)
        fcj_client_request (self->client, "STATUS", NULL, 0, LONG_MS,
                            s_on_answer, self);
    assert_int_equal (self->answered, 0);               /* never inside */
    s_until (self, &self->answered, 6);
    assert_int_equal (self->refused, 6);
    assert_true (self->error.retryable);
    s_bind (self);
    s_welcome (self);
    for (int n = 0; n < 1024; n++)
        assert_true (s_hear (self, "STATUS"));
}

static void
who_is_forgotten_is_not_called (void **state)
{
    bench_t *self = *state;
    s_bind (self);
    s_welcome (self);
    fcj_client_request (self->client, "STATUS", NULL, 0, LONG_MS,
                        s_on_answer, self);
    assert_true (s_hear (self, "STATUS"));
    fcj_client_forget (self->client, self);
    s_say (self, "DONE", self->req, "", "");
    s_while (self, 50);
    assert_int_equal (self->answered, 0);
}

static void
a_foreign_message_is_skipped (void **state)
{
    bench_t *self = *state;
    s_bind (self);
    s_welcome (self);
    fcj_client_request (self->client, "STATUS", NULL, 0, LONG_MS,
                        s_on_answer, self);
    assert_true (s_hear (self, "STATUS"));
    s_raw (self, "FCJ9", "DONE", "\x80", 1);
    s_raw (self, "FCJ1", "DONE", NULL, 0);
    s_raw (self, "FCJ1", "DONE", "\xc1", 1);
    s_raw (self, "FCJ1", "A_TYPE_THAT_IS_FAR_TOO_LONG", "\x80", 1);
    s_raw (self, "FCJ1", "UNKNOWN", "\x80", 1);
    s_say (self, "EVENT", 0, "no id", "running");
    s_say (self, "DONE", -5, "", "");
    s_say (self, "DONE", self->req, "", "fine");
    s_until (self, &self->answered, 1);
    assert_int_equal (self->events, 0);
    assert_string_equal (self->state, "fine");
}

static void
it_beats_as_the_broker_says_and_misses_it_alike (void **state)
{
    bench_t *self = *state;
    self->beat_ms = 50;
    s_bind (self);
    s_welcome (self);
    assert_true (s_hear (self, "BEAT"));
    assert_true (s_hear (self, "BEAT"));
    assert_true (s_hear (self, "HELLO"));               /* we were silent */
    assert_false (fcj_client_up (self->client));
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int
main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (a_request_waits_for_the_broker_to_come),
        TEST (a_submit_whose_broker_died_is_repeated_under_its_id),
        TEST (watches_are_renewed_until_the_job_ends),
        TEST (a_refusal_is_told_as_it_came),
        TEST (a_request_nobody_answers_fails_and_may_be_repeated),
        TEST (what_is_kept_for_an_absent_broker_is_bounded),
        TEST (who_is_forgotten_is_not_called),
        TEST (a_foreign_message_is_skipped),
        TEST (it_beats_as_the_broker_says_and_misses_it_alike),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
