/*  test_watch.c - who hears of which job, and what the broker is told of it;
 *  the broker is played here.  */

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

#include "mcp-frontend/front.h"
#include "mcp-frontend/news/watch.h"

#define WAIT_MS 8000
#define JOB   "abc00000-0000-4000-8000-000000000000"
#define NEAR  "abc00000-0000-4000-8000-000000000001"    /* in one bucket */
#define FAR   "00000000-0000-4000-8000-000000000000"

static fcj_front_t s_front;

typedef struct ear ear_t;
struct ear {
    fcj_watch_t *watch;
    int heard;
    ear_t *kills[2];            /* at the first event */
    const char *makes;          /* a new watch on that job, into other */
    ear_t *other;
};

static void s_on_event (void *arg, const char *job, const fcj_map_t *event)
{
    ear_t *self = arg;
    (void) job;
    (void) event;
    self->heard++;
    for (int n = 0; n < 2; n++)
        if (self->kills[n])
            fcj_watch_destroy (&self->kills[n]->watch);
    if (self->makes)
        self->other->watch = fcj_watch_new (&s_front, self->makes,
                                            s_on_event, self->other);
    self->makes = NULL;
}

static void s_listen (ear_t *self, const char *job)
{
    self->watch = fcj_watch_new (&s_front, job, s_on_event, self);
}

static void s_event (const char *job)
{
    fcj_watches_event (s_front.watches, job, NULL);
}

/* ---- Who hears ----------------------------------------------------------- */

static void each_watch_of_the_job_hears_and_no_other (void **state)
{
    (void) state;
    ear_t one = { 0 }, two = { 0 }, near = { 0 }, far = { 0 };
    s_listen (&one, JOB);
    s_listen (&near, NEAR);
    s_listen (&two, JOB);
    s_listen (&far, FAR);
    s_event (JOB);
    s_event (JOB);
    s_event ("not-an-id");
    s_event ("");
    assert_int_equal (one.heard, 2);
    assert_int_equal (two.heard, 2);
    assert_int_equal (near.heard + far.heard, 0);
    fcj_watch_destroy (&one.watch);
    assert_null (one.watch);
    fcj_watch_destroy (&one.watch);             /* of none: nothing */
    s_event (JOB);
    assert_int_equal (one.heard, 2);
    assert_int_equal (two.heard, 3);
    fcj_watch_destroy (&two.watch);
    fcj_watch_destroy (&near.watch);
    fcj_watch_destroy (&far.watch);
}

static void a_watch_may_end_itself_and_the_next_in_an_event (void **state)
{
    (void) state;
    ear_t ears[5] = { 0 };
    for (int n = 0; n < 5; n++)
        s_listen (&ears[n], JOB);       /* told from the last to the first */
    ears[3].kills[0] = &ears[3];
    ears[3].kills[1] = &ears[2];
    ears[1].kills[0] = &ears[4];        /* which was told already */
    s_event (JOB);
    int heard[] = { 1, 1, 0, 1, 1 };
    for (int n = 0; n < 5; n++)
        assert_int_equal (ears[n].heard, heard[n]);
    s_event (JOB);
    assert_int_equal (ears[0].heard, 2);
    assert_int_equal (ears[1].heard, 2);
    assert_int_equal (ears[4].heard, 1);
    for (int n = 0; n < 5; n++)
        fcj_watch_destroy (&ears[n].watch);
}

static void one_that_ends_all_of_them_is_the_last_to_hear (void **state)
{
    (void) state;
    ear_t ears[3] = { 0 };
    for (int n = 0; n < 3; n++)
        s_listen (&ears[n], JOB);
    ears[2].kills[0] = &ears[1];
    ears[2].kills[1] = &ears[0];
    s_event (JOB);
    assert_int_equal (ears[0].heard + ears[1].heard, 0);
    assert_int_equal (ears[2].heard, 1);
    fcj_watch_destroy (&ears[2].watch);
}

static void a_watch_made_in_an_event_hears_the_next_one (void **state)
{
    (void) state;
    ear_t one = { 0 }, made = { 0 };
    s_listen (&one, JOB);
    one.makes = JOB;
    one.other = &made;
    s_event (JOB);
    assert_int_equal (made.heard, 0);
    s_event (JOB);
    assert_int_equal (made.heard, 1);
    fcj_watch_destroy (&one.watch);
    fcj_watch_destroy (&made.watch);
}

/* ---- What the broker is told ---------------------------------------------- */

typedef struct {
    char dir[64], endpoint[96];
    void *context, *router;
    char said[200];             /* "WATCH 0000 UNWATCH 0001 " (last digits) */
} broker_t;

/*  Takes one message, if there is one; a HELLO is welcomed.  */
static bool s_hear (broker_t *self)
{
    char frames[4][512] = { "" };
    int sizes[4], count = 0, more = 1;
    size_t room = sizeof more;
    for (; more && count < 4; count++) {
        sizes[count] = zmq_recv (self->router, frames[count],
                                 sizeof frames[count], ZMQ_DONTWAIT);
        if (sizes[count] < 0)
            return false;
        zmq_getsockopt (self->router, ZMQ_RCVMORE, &more, &room);
    }
    if (strncmp (frames[2], "HELLO", 5) == 0) {
        fcj_pack_t *pack = fcj_pack_new ();
        fcj_pack_map (pack, 1);
        fcj_pack_kint (pack, "beat_ms", 60000);
        zmq_send (self->router, frames[0], (size_t) sizes[0], ZMQ_SNDMORE);
        zmq_send (self->router, "FCJ1", 4, ZMQ_SNDMORE);
        zmq_send (self->router, "WELCOME", 7, ZMQ_SNDMORE);
        zmq_send (self->router, fcj_pack_data (pack), fcj_pack_size (pack), 0);
        fcj_pack_destroy (&pack);
    }
    if (strstr (frames[2], "WATCH")) {
        char id[64] = "";
        fcj_map_t *map = fcj_map_new (frames[3], (size_t) sizes[3]);
        fcj_map_copy (map, "id", id, sizeof id);
        fcj_map_destroy (&map);
        size_t used = strlen (self->said);
        snprintf (self->said + used, sizeof self->said - used, "%.*s %.4s ",
                  sizes[2], frames[2], strlen (id) == 36 ? id + 32 : "none");
    }
    return true;
}

static void s_hears (broker_t *self, const char *said)
{
    int64_t until = fcj_mono_ms () + WAIT_MS;
    while (strcmp (self->said, said) != 0 && fcj_mono_ms () < until) {
        fcj_client_run (s_front.client);
        if (!s_hear (self))
            usleep (1000);
    }
    assert_string_equal (self->said, said);
}

static int s_setup_broker (void **state)
{
    fcj_error_t error;
    broker_t *self = calloc (1, sizeof *self);
    strcpy (self->dir, "/tmp/fcj-test-XXXXXX");
    if (!mkdtemp (self->dir))
        return -1;
    snprintf (self->endpoint, sizeof self->endpoint, "ipc://%s/f.sock",
              self->dir);
    self->context = zmq_ctx_new ();
    self->router = zmq_socket (self->context, ZMQ_ROUTER);
    int zero = 0;
    zmq_setsockopt (self->router, ZMQ_LINGER, &zero, sizeof zero);
    zmq_bind (self->router, self->endpoint);
    s_front.client = fcj_client_new (self->endpoint, "test", NULL, NULL,
                                     &error);
    *state = self;
    return s_front.client ? 0 : -1;
}

static int s_teardown_broker (void **state)
{
    broker_t *self = *state;
    fcj_client_destroy (&s_front.client);
    zmq_close (self->router);
    zmq_ctx_term (self->context);
    unlink (self->endpoint + strlen ("ipc://"));
    rmdir (self->dir);
    free (self);
    return 0;
}

static void the_broker_is_asked_at_the_first_and_told_at_the_last (
    void **state)
{
    broker_t *broker = *state;
    ear_t one = { 0 }, two = { 0 }, near = { 0 };
    int64_t until = fcj_mono_ms () + WAIT_MS;
    while (!fcj_client_up (s_front.client) && fcj_mono_ms () < until) {
        fcj_client_run (s_front.client);
        s_hear (broker);
    }
    s_listen (&one, JOB);
    s_listen (&two, JOB);
    s_listen (&near, NEAR);
    s_hears (broker, "WATCH 0000 WATCH 0001 ");
    fcj_watch_destroy (&one.watch);
    fcj_watch_destroy (&near.watch);
    s_hears (broker, "WATCH 0000 WATCH 0001 UNWATCH 0001 ");
    fcj_watch_destroy (&two.watch);
    s_hears (broker, "WATCH 0000 WATCH 0001 UNWATCH 0001 UNWATCH 0000 ");
}

static int s_start (void **state)
{
    (void) state;
    s_front.watches = fcj_watches_new ();
    return 0;
}

static int s_stop (void **state)
{
    (void) state;
    fcj_watches_destroy (&s_front.watches);
    return 0;
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (each_watch_of_the_job_hears_and_no_other),
        cmocka_unit_test (a_watch_may_end_itself_and_the_next_in_an_event),
        cmocka_unit_test (one_that_ends_all_of_them_is_the_last_to_hear),
        cmocka_unit_test (a_watch_made_in_an_event_hears_the_next_one),
        cmocka_unit_test_setup_teardown (
            the_broker_is_asked_at_the_first_and_told_at_the_last,
            s_setup_broker, s_teardown_broker),
    };
    return cmocka_run_group_tests (tests, s_start, s_stop);
}
