/*  test_broker.c - the real broker and a real Redis, with a fake worker on a
 *  raw DEALER socket and the front-end's own client.  */

#include "broker/client.h"
#include "jobs/job.h"
#include "jobs/limits.h"
#include "redis.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <limits.h>
#include <zmq.h>

#define WAIT_MS 8000

typedef struct {
    test_redis_t redis;
    pid_t broker;
    char state[96], run[128], frontend[160], worker_at[160];
    char worker[37];
    fcj_client_t *client;
    void *context, *socket;
    int answers, accepted, refused, events;
    char state_seen[16], answer_state[16], reason[32];
    /*  the last message to the worker, and its job  */
    char type[16], id[37], token[33];
    int attempt;
    /*  the last answer to LIVE  */
    int lives;
    int64_t stamp, changes;             /* changes -1: no window in it */
} bench_t;

static void
s_on_event (void *arg, const char *id, const fcj_map_t *event)
{
    bench_t *self = arg;
    (void) id;
    self->events++;
    fcj_map_copy (event, "state", self->state_seen, sizeof self->state_seen);
}

static void
s_on_answer (void *arg, const fcj_map_t *reply, const fcj_error_t *error)
{
    bench_t *self = arg;
    self->answers++;
    self->answer_state[0] = 0;
    if (error) {
        self->refused++;
        strcpy (self->reason, fcj_reason_name (error->reason));
    }
    else {
        self->accepted++;
        fcj_map_copy (reply, "state", self->answer_state,
                      sizeof self->answer_state);
    }
}

static void
s_broker_start (bench_t *self)
{
    char exe[PATH_MAX] = "", program[PATH_MAX + 32];
    if (readlink ("/proc/self/exe", exe, sizeof exe - 1) < 0)
        fail ();
    *strrchr (exe, '/') = 0;
    snprintf (program, sizeof program, "%s/../bin/fcj-broker", exe);
    self->broker = fork ();
    if (self->broker == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);
        execl (program, program, "--state", self->state, "--redis",
               self->redis.url, "--frontend-endpoint", self->frontend,
               "--worker-endpoint", self->worker_at, "--log-level", "error",
               (char *) NULL);
        _exit (127);
    }
}

static int
s_broker_stop (bench_t *self, int number)
{
    int status = 0;
    kill (self->broker, number);
    waitpid (self->broker, &status, 0);
    self->broker = 0;
    return status;
}

static void
s_say (bench_t *self, const char *type, const fcj_pack_t *pack)
{
    zmq_send (self->socket, "FCJ1", 4, ZMQ_SNDMORE);
    zmq_send (self->socket, type, strlen (type), ZMQ_SNDMORE);
    zmq_send (self->socket, fcj_pack_data (pack), fcj_pack_size (pack), 0);
}

static void
s_beat (bench_t *self, bool running)
{
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 1);
    fcj_pack_key (pack, "running");
    fcj_pack_array (pack, running ? 1 : 0);
    if (running)
        fcj_pack_str (pack, self->token);
    s_say (self, "BEAT", pack);
    fcj_pack_destroy (&pack);
}

static void
s_hello (bench_t *self, int slots, bool running)
{
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 5);
    fcj_pack_kstr (pack, "worker", self->worker);
    fcj_pack_kstr (pack, "name", "fake");
    fcj_pack_key (pack, "lanes");
    fcj_pack_array (pack, 1);
    fcj_pack_str (pack, "compute");
    fcj_pack_kint (pack, "slots", slots);
    fcj_pack_key (pack, "running");
    fcj_pack_array (pack, running ? 1 : 0);
    if (running) {
        fcj_pack_map (pack, 3);
        fcj_pack_kstr (pack, "id", self->id);
        fcj_pack_kint (pack, "attempt", self->attempt);
        fcj_pack_kstr (pack, "token", self->token);
    }
    s_say (self, "HELLO", pack);
    fcj_pack_destroy (&pack);
}

static void
s_finish (bench_t *self, const char *token)
{
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 5);
    fcj_pack_kstr (pack, "id", self->id);
    fcj_pack_kint (pack, "attempt", self->attempt);
    fcj_pack_kstr (pack, "token", token);
    fcj_pack_kstr (pack, "state", "completed");
    fcj_pack_kstr (pack, "result", "42");
    s_say (self, "FINISH", pack);
    fcj_pack_destroy (&pack);
}

/*  Takes the worker's next message of that type, beats skipped.  */
static bool
s_hear_once (bench_t *self, const char *type)
{
    zmq_msg_t frames[3];
    char got[16] = "";
    int count = 0;
    for (int more = 1; more && count < 3; count++) {
        zmq_msg_init (&frames[count]);
        if (zmq_msg_recv (&frames[count], self->socket, ZMQ_DONTWAIT) < 0)
            break;
        more = zmq_msg_more (&frames[count]);
    }
    bool hit = false;
    if (count == 3) {
        memcpy (got, zmq_msg_data (&frames[1]), zmq_msg_size (&frames[1]));
        fcj_map_t *map = fcj_map_new (zmq_msg_data (&frames[2]),
                                      zmq_msg_size (&frames[2]));
        hit = strcmp (got, type) == 0;
        if (hit) {
            strcpy (self->type, got);
            /*  WELCOME and HELLO? name no job: keep the one we have.  */
            if (fcj_map_has (map, "token")) {
                fcj_map_copy (map, "id", self->id, sizeof self->id);
                fcj_map_copy (map, "token", self->token, sizeof self->token);
                self->attempt = (int) fcj_map_int (map, "attempt", 0);
            }
            if (strcmp (type, "RUN") == 0)
                assert_non_null (fcj_map_map (map, "spec"));
        }
        fcj_map_destroy (&map);
    }
    for (int n = 0; n < count; n++)
        zmq_msg_close (&frames[n]);
    return hit;
}

static bool
s_hear (bench_t *self, const char *type)
{
    int64_t until = fcj_mono_ms () + WAIT_MS;
    while (fcj_mono_ms () < until) {
        fcj_client_run (self->client);
        if (s_hear_once (self, type))
            return true;
        usleep (1000);
    }
    return false;
}

static bool
s_until (bench_t *self, const int *counter, int value)
{
    int64_t until = fcj_mono_ms () + WAIT_MS;
    while (*counter < value && fcj_mono_ms () < until) {
        fcj_client_run (self->client);
        usleep (1000);
    }
    return *counter >= value;
}

static bool
s_state_comes (bench_t *self, const char *state)
{
    int64_t until = fcj_mono_ms () + WAIT_MS;
    while (strcmp (self->state_seen, state) && fcj_mono_ms () < until) {
        fcj_client_run (self->client);
        usleep (1000);
    }
    return strcmp (self->state_seen, state) == 0;
}

static void
s_submit (bench_t *self, const char *id, const char *dependency)
{
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, dependency ? 10 : 9);
    fcj_pack_kstr (pack, "id", id);
    fcj_pack_kstr (pack, "owner", "me");
    fcj_pack_kstr (pack, "tool", "noop");
    fcj_pack_kstr (pack, "lane", "compute");
    fcj_pack_kstr (pack, "arguments", "{}");
    fcj_pack_kstr (pack, "priority", "normal");
    fcj_pack_kint (pack, "timeout_s", 60);
    fcj_pack_kint (pack, "queue_timeout_s", 60);
    fcj_pack_kint (pack, "retention_s", 60);
    if (dependency) {
        fcj_pack_key (pack, "depends_on");
        fcj_pack_array (pack, 1);
        fcj_pack_str (pack, dependency);
    }
    fcj_client_submit (self->client, fcj_pack_data (pack),
                       fcj_pack_size (pack), true, 8000, s_on_answer, self);
    fcj_pack_destroy (&pack);
}

static void
s_cancel (bench_t *self, const char *id, const char *owner)
{
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 2);
    fcj_pack_kstr (pack, "id", id);
    fcj_pack_kstr (pack, "owner", owner);
    fcj_client_request (self->client, "CANCEL", fcj_pack_data (pack),
                        fcj_pack_size (pack), 8000, s_on_answer, self);
    fcj_pack_destroy (&pack);
}

static int
s_setup (void **state)
{
    bench_t *self = calloc (1, sizeof *self);
    *state = self;
    if (!self || !test_redis_new (&self->redis))
        return -1;
    snprintf (self->state, sizeof self->state, "%s/state", self->redis.dir);
    snprintf (self->frontend, sizeof self->frontend, "ipc://%s/f.sock",
              self->redis.dir);
    snprintf (self->worker_at, sizeof self->worker_at, "ipc://%s/w.sock",
              self->redis.dir);
    fcj_id_new (self->worker);
    s_broker_start (self);
    fcj_error_t error;
    self->client = fcj_client_new (self->frontend, "test", s_on_event, self,
                                   &error);
    int zero = 0, retry = 20;
    self->context = zmq_ctx_new ();
    self->socket = zmq_socket (self->context, ZMQ_DEALER);
    zmq_setsockopt (self->socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt (self->socket, ZMQ_RECONNECT_IVL, &retry, sizeof retry);
    return zmq_connect (self->socket, self->worker_at);
}

static int
s_teardown (void **state)
{
    bench_t *self = *state;
    fcj_client_destroy (&self->client);
    zmq_close (self->socket);
    zmq_ctx_term (self->context);
    if (self->broker)
        s_broker_stop (self, SIGKILL);
    test_redis_destroy (&self->redis);
    free (self);
    return 0;
}

/*  The store may not be reached at the first try: as a front-end would.  */
static void
s_submit_accepted (bench_t *self, const char *id, const char *dependency)
{
    int64_t until = fcj_mono_ms () + WAIT_MS;
    int before = self->accepted;
    while (self->accepted == before && fcj_mono_ms () < until) {
        int answers = self->answers;
        s_submit (self, id, dependency);
        assert_true (s_until (self, &self->answers, answers + 1));
        if (self->accepted == before)
            usleep (50000);
    }
    assert_int_equal (self->accepted, before + 1);
}

static void
a_job_is_accepted_run_and_completed (void **state)
{
    bench_t *self = *state;
    fcj_id_t id;
    fcj_id_new (id);
    s_hello (self, 1, false);
    assert_true (s_hear (self, "WELCOME"));
    s_submit_accepted (self, id, NULL);
    assert_true (s_hear (self, "RUN"));
    assert_string_equal (self->id, id);
    assert_int_equal (self->attempt, 1);
    s_finish (self, self->token);
    assert_true (s_hear (self, "FINISHED"));
    assert_true (s_state_comes (self, "completed"));
}

static void
a_job_that_waits_for_another_runs_after_it (void **state)
{
    bench_t *self = *state;
    fcj_id_t first, second;
    fcj_id_new (first);
    fcj_id_new (second);
    s_submit_accepted (self, first, NULL);
    s_submit_accepted (self, second, first);
    s_hello (self, 2, false);
    assert_true (s_hear (self, "RUN"));
    assert_string_equal (self->id, first);
    s_finish (self, self->token);
    assert_true (s_hear (self, "RUN"));
    assert_string_equal (self->id, second);
}

static void
a_running_job_that_is_cancelled_is_killed (void **state)
{
    bench_t *self = *state;
    fcj_id_t id;
    fcj_id_new (id);
    s_hello (self, 1, false);
    s_submit_accepted (self, id, NULL);
    assert_true (s_hear (self, "RUN"));
    s_cancel (self, id, "me");
    assert_true (s_hear (self, "KILL"));
    assert_string_equal (self->id, id);
    assert_true (s_state_comes (self, "cancelled"));
    s_beat (self, true);
    assert_true (s_hear (self, "KILL"));
}

static void
another_owner_cannot_cancel (void **state)
{
    bench_t *self = *state;
    fcj_id_t id;
    fcj_id_new (id);
    s_submit_accepted (self, id, NULL);
    int answers = self->answers;
    s_cancel (self, id, "you");
    assert_true (s_until (self, &self->answers, answers + 1));
    assert_string_equal (self->reason, "not_found");
}

static void
a_broker_that_was_killed_knows_its_running_job (void **state)
{
    bench_t *self = *state;
    fcj_id_t id;
    fcj_id_new (id);
    s_hello (self, 1, false);
    s_submit_accepted (self, id, NULL);
    assert_true (s_hear (self, "RUN"));
    s_broker_stop (self, SIGKILL);
    s_broker_start (self);
    s_beat (self, true);
    assert_true (s_hear (self, "HELLO?"));
    /*  HELLO? carries no job: say hello with what the worker holds.  */
    s_hello (self, 1, true);
    assert_true (s_hear (self, "WELCOME"));
    s_finish (self, self->token);
    assert_true (s_hear (self, "FINISHED"));
    /*  Watched again after the end, it is "gone": read Redis.  */
    if (!s_state_comes (self, "completed"))
        assert_string_equal (self->state_seen, "gone");
}

/*  Runs a script in the broker's Redis.  */
static void
s_redis (bench_t *self, const char *script)
{
    redisContext *context = redisConnectUnix (self->redis.socket);
    redisReply *reply = redisCommand (context, "EVAL %s 0", script);
    assert_true (reply && reply->type != REDIS_REPLY_ERROR);
    freeReplyObject (reply);
    redisFree (context);
}

/*  Records can be lost (an eviction, an operator); the page in which all are
 *  is not the last one.  */
static void
a_broker_that_starts_knows_jobs_behind_a_page_of_lost_ones (void **state)
{
    bench_t *self = *state;
    fcj_id_t id;
    fcj_id_new (id);
    s_redis (self, "redis.call ('SET', '{fcj:0}:seq', 5000)");
    s_submit_accepted (self, id, NULL);
    s_broker_stop (self, SIGKILL);
    s_redis (self, "for n = 1, 2000 do redis.call ('ZADD', '{fcj:0}:live', n, "
             "string.format ('%08x-0000-4000-8000-000000000000', n)) end");
    s_broker_start (self);
    s_hello (self, 1, false);
    assert_true (s_hear (self, "RUN"));
    assert_string_equal (self->id, id);
}

static void
a_submit_with_the_same_id_is_the_same_job (void **state)
{
    bench_t *self = *state;
    fcj_id_t id;
    fcj_id_new (id);
    s_submit_accepted (self, id, NULL);
    s_submit_accepted (self, id, NULL);
    s_hello (self, 2, false);
    assert_true (s_hear (self, "RUN"));
    int64_t until = fcj_mono_ms () + 300;
    while (fcj_mono_ms () < until)
        assert_false (s_hear_once (self, "RUN"));
}

static void
a_malformed_message_does_not_stop_the_broker (void **state)
{
    bench_t *self = *state;
    fcj_id_t id;
    fcj_id_new (id);
    s_hello (self, 1, false);
    assert_true (s_hear (self, "WELCOME"));
    zmq_send (self->socket, "junk", 4, 0);
    s_submit_accepted (self, id, NULL);
    s_hello (self, 1, false);
    assert_true (s_hear (self, "RUN"));
}

static void
a_broker_stops_cleanly_when_told (void **state)
{
    bench_t *self = *state;
    s_hello (self, 1, false);
    assert_true (s_hear (self, "WELCOME"));
    int status = s_broker_stop (self, SIGTERM);
    assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

static void
a_ninth_watcher_takes_nobodys_place (void **state)
{
    bench_t *self = *state, watchers[9];
    fcj_id_t id;
    fcj_error_t error;
    fcj_id_new (id);
    s_hello (self, 1, false);
    assert_true (s_hear (self, "WELCOME"));
    s_submit_accepted (self, id, NULL);         /* and watches it */
    assert_true (s_hear (self, "RUN"));
    memset (watchers, 0, sizeof watchers);
    for (int n = 0; n < 9; n++) {
        watchers[n].client = fcj_client_new (self->frontend, "watcher",
                                             s_on_event, &watchers[n],
                                             &error);
        assert_non_null (watchers[n].client);
        fcj_client_watch (watchers[n].client, id);
        assert_true (s_until (&watchers[n], &watchers[n].events, 1));
    }
    s_finish (self, self->token);
    assert_true (s_hear (self, "FINISHED"));
    assert_true (s_state_comes (self, "completed"));
    for (int n = 0; n < 7; n++)
        assert_true (s_state_comes (&watchers[n], "completed"));
    for (int n = 0; n < 9; n++) {
        fcj_client_run (watchers[n].client);
        assert_int_equal (watchers[n].events, n < 7 ? 2 : 1);
        fcj_client_destroy (&watchers[n].client);
    }
}

/* ---- The window -------------------------------------------------------- */

static void
s_say_window (bench_t *self, const char *type, int64_t changes)
{
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 6);
    fcj_pack_kstr (pack, "worker", self->worker);
    fcj_pack_kstr (pack, "name", "window");
    fcj_pack_key (pack, "lanes");
    fcj_pack_array (pack, 1);
    fcj_pack_str (pack, "gui");
    fcj_pack_kint (pack, "slots", 1);
    fcj_pack_key (pack, "running");
    fcj_pack_array (pack, 0);
    fcj_pack_key (pack, "info");
    fcj_pack_map (pack, 2);
    fcj_pack_kint (pack, "pid", fcj_mono_ms ());
    fcj_pack_key (pack, "gui");
    fcj_pack_map (pack, 2);
    fcj_pack_kstr (pack, "state", "ready");
    fcj_pack_kint (pack, "changes", changes);
    s_say (self, type, pack);
    fcj_pack_destroy (&pack);
}

static void
s_on_live (void *arg, const fcj_map_t *reply, const fcj_error_t *error)
{
    bench_t *self = arg;
    char worker[64] = "";
    assert_null (error);
    const fcj_map_t *gui = fcj_map_map (reply, "gui");
    self->lives++;
    self->stamp = fcj_map_int (reply, "stamp", -1);
    self->changes = gui ? fcj_map_int (gui, "changes", -2) : -1;
    assert_int_equal (fcj_map_copy (reply, "worker", worker, sizeof worker)
                      > 0, gui != NULL);
    assert_string_equal (worker, gui ? self->worker : "");
}

static void
s_live (bench_t *self, int64_t seen)
{
    int before = self->lives;
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 1);
    fcj_pack_kint (pack, "seen", seen);
    fcj_client_request (self->client, "LIVE", fcj_pack_data (pack),
                        fcj_pack_size (pack), WAIT_MS, s_on_live, self);
    fcj_pack_destroy (&pack);
    assert_true (s_until (self, &self->lives, before + 1));
}

static void
s_live_until (bench_t *self, int64_t seen, int64_t changes)
{
    int64_t until = fcj_mono_ms () + WAIT_MS;
    do {
        s_beat (self, false);
        s_live (self, seen);
        usleep (10000);
    } while (self->changes != changes && fcj_mono_ms () < until);
    assert_int_equal (self->changes, changes);
}

static void
the_window_is_told_once_until_it_changes (void **state)
{
    bench_t *self = *state;
    s_live (self, -1);
    assert_int_equal (self->changes, -1);       /* there is none */
    s_say_window (self, "HELLO", 1);
    s_live_until (self, self->stamp, 1);
    int64_t first = self->stamp;
    s_say_window (self, "INFO", 1);             /* but for another pid */
    for (int n = 0; n < 5; n++) {
        s_live (self, first);
        assert_int_equal (self->changes, -1);
        assert_int_equal (self->stamp, first);
    }
    s_say_window (self, "INFO", 2);
    s_live_until (self, first, 2);
    assert_int_not_equal (self->stamp, first);
    s_live (self, first);                       /* who missed it hears it */
    assert_int_equal (self->changes, 2);
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 0);
    s_say (self, "BYE", pack);
    fcj_pack_destroy (&pack);
    int64_t until = fcj_mono_ms () + WAIT_MS;
    while (self->changes != -1 && fcj_mono_ms () < until)
        s_live (self, -1);
    assert_int_equal (self->changes, -1);
    assert_int_equal (self->stamp, 0);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (a_job_is_accepted_run_and_completed),
        TEST (a_job_that_waits_for_another_runs_after_it),
        TEST (a_running_job_that_is_cancelled_is_killed),
        TEST (another_owner_cannot_cancel),
        TEST (a_broker_that_was_killed_knows_its_running_job),
        TEST (a_broker_that_starts_knows_jobs_behind_a_page_of_lost_ones),
        TEST (a_submit_with_the_same_id_is_the_same_job),
        TEST (a_malformed_message_does_not_stop_the_broker),
        TEST (a_ninth_watcher_takes_nobodys_place),
        TEST (the_window_is_told_once_until_it_changes),
        TEST (a_broker_stops_cleanly_when_told),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
