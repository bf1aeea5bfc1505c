/*  test_conn.c - what can go wrong between us and Redis: a peer that is slow,
 *  one that is deaf, a question that was given up, an odd URL. The peer is a
 *  socket of the test's own where Redis could not be made to behave so.  */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "jobs/limits.h"
#include "jobs/log.h"
#include "jobs/store/async.h"
#include "jobs/store/conn.h"
#include "jobs/store/store.h"
#include "jobs/store/url.h"
#include "tests/unit/redis.h"

#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>

#define WAIT_MS    10000
#define TIMEOUT_MS 3000

typedef struct {
    char dir[64], path[96], url[128];
    int listener, fd;
    char seen[4096];            /* what came, as far as it fits */
    size_t size;
} peer_t;

static peer_t s_peer;
static fcj_writer_t *s_writer;
static struct {
    int told, unavailable;
    int too_many;               /* of those, for want of room */
    char state[16];
} s_got;

static void s_told (void *arg, const fcj_map_t *reply,
                    const fcj_error_t *error)
{
    (void) arg;
    s_got.told++;
    s_got.unavailable += error && error->reason == FCJ_STORE_UNAVAILABLE;
    s_got.too_many += error && strstr (error->text, "Too many");
    if (reply)
        fcj_map_copy (reply, "state", s_got.state, sizeof (s_got.state));
}

/* ---- The peer ----------------------------------------------------------- */

static void s_hear (void)
{
    char chunk[4096];
    if (s_peer.fd < 0)
        s_peer.fd = accept4 (s_peer.listener, NULL, NULL, SOCK_NONBLOCK);
    ssize_t size = s_peer.fd < 0 ? 0 : read (s_peer.fd, chunk, sizeof (chunk));
    if (size > 0 && s_peer.size + (size_t) size < sizeof (s_peer.seen)) {
        memcpy (s_peer.seen + s_peer.size, chunk, (size_t) size);
        s_peer.size += (size_t) size;
    }
}

static void s_say (const char *text)
{
    assert_int_equal (write (s_peer.fd, text, strlen (text)), strlen (text));
}

/*  Lets writer and peer go on for so long, or until that word was heard.  */
static void s_go_on (int64_t until, const char *word)
{
    while (fcj_mono_ms () < until && !(word && strstr (s_peer.seen, word))) {
        fcj_writer_run (s_writer);
        s_hear ();
        poll (NULL, 0, 5);
    }
}

static int s_start (void **state)
{
    (void) state;
    fcj_error_t error;
    fcj_log_open ("test", FCJ_ERROR, false);
    memset (&s_peer, 0, sizeof (s_peer));
    memset (&s_got, 0, sizeof (s_got));
    s_peer.fd = -1;
    strcpy (s_peer.dir, "/tmp/fcj-test-XXXXXX");
    if (!mkdtemp (s_peer.dir))
        return -1;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf (s_peer.path, sizeof (s_peer.path), "%s/peer.sock", s_peer.dir);
    snprintf (s_peer.url, sizeof (s_peer.url), "unix://%s", s_peer.path);
    snprintf (address.sun_path, sizeof (address.sun_path), "%s", s_peer.path);
    s_peer.listener = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind (s_peer.listener, (struct sockaddr *) &address,
              sizeof (address)) < 0 || listen (s_peer.listener, 4) < 0)
        return -1;
    s_writer = fcj_writer_new (s_peer.url, "library", TIMEOUT_MS, &error);
    return s_writer ? 0 : -1;
}

static int s_stop (void **state)
{
    (void) state;
    fcj_writer_destroy (&s_writer);
    if (s_peer.fd >= 0)
        close (s_peer.fd);
    close (s_peer.listener);
    unlink (s_peer.path);
    return rmdir (s_peer.dir);
}

/* ---- Tests -------------------------------------------------------------- */

/*  It was held for a third of its time; the connection is not to blame.  */
static void a_write_that_was_held_gets_its_whole_time_for_the_answer
    (void **state)
{
    (void) state;
    fcj_id_t id;
    fcj_id_new (id);
    int64_t start = fcj_mono_ms ();
    fcj_writer_read (s_writer, id, s_told, NULL);
    s_go_on (start + WAIT_MS, "library");
    s_go_on (start + TIMEOUT_MS / 3, NULL);
    s_say ("+OK\r\n");
    s_go_on (start + WAIT_MS, "HMGET");
    s_go_on (start + TIMEOUT_MS + 100, NULL);
    assert_int_equal (s_got.told, 0);
    s_say ("*5\r\n$6\r\nqueued\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n");
    for (int n = 0; n < 2000 && !s_got.told; n++)
        s_go_on (fcj_mono_ms () + 5, NULL);
    assert_int_equal (s_got.unavailable, 0);
    assert_string_equal (s_got.state, "queued");
}

static void s_submit (const char *arguments, size_t size)
{
    fcj_id_t id;
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_id_new (id);
    fcj_pack_map (pack, 4);
    fcj_pack_kstr (pack, "id", id);
    fcj_pack_kstr (pack, "owner", "ann");
    fcj_pack_kstr (pack, "lane", "compute");
    fcj_pack_kstrn (pack, "arguments", arguments, size);
    fcj_writer_submit (s_writer, fcj_pack_data (pack), fcj_pack_size (pack),
                       NULL, s_told, NULL);
    fcj_pack_destroy (&pack);
}

/*  One megabyte each, twice what may wait.  */
static int s_flood (void)
{
    size_t size = 1024 * 1024;
    int count = (int) (2 * FCJ_STORE_WAITING_MAX / size);
    char *arguments = calloc (1, size);
    for (int n = 0; n < count; n++)
        s_submit (arguments, size);
    free (arguments);
    return count;
}

static void what_waits_for_redis_is_bounded_while_it_is_away (void **state)
{
    (void) state;
    int count = s_flood ();
    fcj_writer_run (s_writer);
    assert_in_range (s_got.too_many, count / 2, count / 2 + 2);
}

static void what_waits_for_redis_is_bounded_while_it_is_deaf (void **state)
{
    (void) state;
    fcj_id_t id;
    fcj_id_new (id);
    fcj_writer_read (s_writer, id, s_told, NULL);
    s_go_on (fcj_mono_ms () + WAIT_MS, "library");
    s_say ("+OK\r\n");
    s_go_on (fcj_mono_ms () + WAIT_MS, "HMGET");
    int count = s_flood ();
    fcj_writer_run (s_writer);
    assert_in_range (s_got.too_many, count / 2, count);
}

static void s_asked (void *arg, redisReply *const *replies, int count,
                     const fcj_error_t *error)
{
    (void) replies;
    (void) count;
    *(int *) arg += error && error->reason == FCJ_STORE_UNAVAILABLE;
}

static void what_a_front_end_asks_is_bounded_while_redis_is_away (void **state)
{
    (void) state;
    fcj_error_t error;
    fcj_async_t *async = fcj_async_new ("unix:///tmp/fcj-none.sock", &error);
    size_t size = 1024 * 1024;
    int failed = 0, count = (int) (2 * FCJ_STORE_WAITING_MAX / size);
    char *word = calloc (1, size);
    fcj_command_t *command = fcj_command_new ();
    fcj_command_begin (command, "ECHO");
    fcj_command_add (command, word, size);
    fcj_command_end (command);
    for (int n = 0; n < count; n++)
        fcj_async_ask (async, command, s_asked, &failed);
    fcj_async_run (async);
    assert_in_range (failed, count / 2, count);
    fcj_async_destroy (&async);
    assert_int_equal (failed, count);
    fcj_command_destroy (&command);
    free (word);
}

/*  poll(2) fails when a process may have no descriptor.  */
static void a_question_given_up_leaves_no_answer_to_the_next (void **state)
{
    (void) state;
    test_redis_t redis;
    fcj_error_t error;
    assert_true (test_redis_new (&redis));
    fcj_store_t *store = fcj_store_new (redis.url, &error);
    fcj_record_t *one = fcj_store_notes (store, "note:", "one", "name", "one",
                                         60, &error);
    assert_non_null (one);
    fcj_record_destroy (&one);
    struct rlimit limit, none;
    getrlimit (RLIMIT_NOFILE, &limit);
    none = limit;
    none.rlim_cur = 0;
    setrlimit (RLIMIT_NOFILE, &none);
    one = fcj_store_notes (store, "note:", "one", NULL, NULL, 60, &error);
    setrlimit (RLIMIT_NOFILE, &limit);
    assert_null (one);
    fcj_record_t *two = fcj_store_notes (store, "note:", "two", NULL, NULL,
                                         60, &error);
    assert_non_null (two);
    assert_null (fcj_record_str (two, "name", NULL));
    fcj_record_destroy (&two);
    fcj_store_destroy (&store);
    test_redis_destroy (&redis);
}

static void a_url_is_read_whole_or_refused (void **state)
{
    (void) state;
    fcj_error_t error;
    static const char *const good[] = {
        "redis://host", "redis://host/", "redis://:secret@host:7000/3",
        "rediss://user:p%40ss@[::1]:6380/0", "unix:///run/redis.sock",
        "unix:///run/redis.sock?db=2"};
    static const char *const bad[] = {
        "redis://", "redis://:6379", "redis://host:", "redis://host/jobs",
        "redis://host/1x", "redis://host/99999999999999", "redis://host/-1",
        "redis://host?db=3", "redis://[::1", "redis://[::1]x",
        "redis://host:63791234", "redis://host:port", "unix://run/redis.sock",
        "unix:///run/redis.sock?database=1", "unix:///run/redis.sock?db=x",
        "http://host", ""};
    for (size_t n = 0; n < sizeof (good) / sizeof (*good); n++) {
        fcj_conn_t *conn = fcj_conn_new (good[n], &error);
        if (!conn)
            print_message ("%s\n", good[n]);
        assert_non_null (conn);
        fcj_conn_destroy (&conn);
    }
    for (size_t n = 0; n < sizeof (bad) / sizeof (*bad); n++) {
        fcj_conn_t *conn = fcj_conn_new (bad[n], &error);
        if (conn)
            print_message ("%s\n", bad[n]);
        assert_null (conn);
        assert_int_equal (error.reason, FCJ_INVALID);
    }
}

static void a_url_says_who_asks_where (void **state)
{
    (void) state;
    fcj_url_t url;
    assert_int_equal (fcj_url_read (&url,
                      "rediss://user:p%40s%2Fs@[::1]:6380/12"), 0);
    assert_true (url.tls);
    assert_string_equal (url.user, "user");
    assert_string_equal (url.password, "p@s/s");
    assert_string_equal (url.host, "::1");
    assert_string_equal (url.port, "6380");
    assert_int_equal (url.db, 12);
    fcj_url_free (&url);
    assert_int_equal (fcj_url_read (&url, "unix://:secret@/r.sock?db=3"), 0);
    assert_null (url.user);
    assert_null (url.host);
    assert_string_equal (url.password, "secret");
    assert_string_equal (url.path, "/r.sock");
    assert_int_equal (url.db, 3);
    fcj_url_free (&url);
}

static void a_share_is_from_0_to_1_whatever_was_given (void **state)
{
    (void) state;
    const double given[] = {0.25, 7, -1, NAN, INFINITY, -INFINITY};
    fcj_command_t *command = fcj_command_new ();
    fcj_command_begin (command, "ECHO");
    for (int n = 0; n < 6; n++)
        fcj_command_fraction (command, given[n]);
    fcj_command_end (command);
    static const char text[] = "*7\r\n$4\r\nECHO\r\n$4\r\n0.25\r\n$1\r\n1\r\n"
                               "$1\r\n0\r\n$1\r\n0\r\n$1\r\n1\r\n$1\r\n0\r\n";
    assert_int_equal (fcj_command_size (command), strlen (text));
    assert_memory_equal (fcj_command_data (command), text, strlen (text));
    fcj_command_destroy (&command);
}

/*  A subscriber only listens: without it, it would wait for ever.  */
static void a_host_that_vanishes_is_noticed (void **state)
{
    (void) state;
    fcj_error_t error;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof (address);
    address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
    int listener = socket (AF_INET, SOCK_STREAM, 0), on = 0, idle = 0;
    assert_int_equal (bind (listener, (struct sockaddr *) &address, size), 0);
    assert_int_equal (listen (listener, 1), 0);
    getsockname (listener, (struct sockaddr *) &address, &size);
    char url[64];
    snprintf (url, sizeof (url), "redis://127.0.0.1:%d",
              ntohs (address.sin_port));
    fcj_conn_t *conn = fcj_conn_new (url, &error);
    assert_int_equal (fcj_conn_open (conn, &error), 0);
    int fd = fcj_conn_fd (conn);
    size = sizeof (on);
    getsockopt (fd, SOL_SOCKET, SO_KEEPALIVE, &on, &size);
    assert_true (on);
    getsockopt (fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &size);
    assert_in_range (idle, 1, 60);
    fcj_conn_destroy (&conn);
    close (listener);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, s_start, s_stop)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (a_write_that_was_held_gets_its_whole_time_for_the_answer),
        TEST (what_waits_for_redis_is_bounded_while_it_is_away),
        TEST (what_waits_for_redis_is_bounded_while_it_is_deaf),
        cmocka_unit_test (
            what_a_front_end_asks_is_bounded_while_redis_is_away),
        cmocka_unit_test (
            a_question_given_up_leaves_no_answer_to_the_next),
        cmocka_unit_test (a_url_is_read_whole_or_refused),
        cmocka_unit_test (a_url_says_who_asks_where),
        cmocka_unit_test (a_share_is_from_0_to_1_whatever_was_given),
        cmocka_unit_test (a_host_that_vanishes_is_noticed),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
