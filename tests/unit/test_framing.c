/*  test_framing.c - the wire between a supervisor and a job process.  */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "workers/common/frame.h"

#define MAX 1000

static void
a_message_that_comes_byte_by_byte_is_whole_at_its_last (void **state)
{
    (void) state;
    static const char wire[] = "\0\0\0\3abc\0\0\0\0";
    fcj_frames_t *frames = fcj_frames_new (MAX);
    const void *bytes;
    size_t size;
    for (size_t i = 0; i < 6; i++) {
        fcj_frames_feed (frames, wire + i, 1);
        assert_int_equal (fcj_frames_next (frames, &bytes, &size), 0);
    }
    fcj_frames_feed (frames, wire + 6, 5);
    assert_int_equal (fcj_frames_next (frames, &bytes, &size), 1);
    assert_int_equal (size, 3);
    assert_memory_equal (bytes, "abc", 3);
    assert_int_equal (fcj_frames_next (frames, &bytes, &size), 1);
    assert_int_equal (size, 0);
    assert_int_equal (fcj_frames_next (frames, &bytes, &size), 0);
    fcj_frames_destroy (&frames);
    assert_null (frames);
}

static void
a_length_over_the_bound_is_refused_before_its_bytes_come (void **state)
{
    (void) state;
    fcj_frames_t *frames = fcj_frames_new (MAX);
    const void *bytes;
    size_t size;
    fcj_frames_feed (frames, "\0\0\3\351", 4);
    assert_int_equal (fcj_frames_next (frames, &bytes, &size), -1);
    fcj_frames_destroy (&frames);
}

static void
any_bytes_give_messages_or_an_error (void **state)
{
    (void) state;
    srand (7);
    for (int round = 0; round < 2000; round++) {
        fcj_frames_t *frames = fcj_frames_new (MAX);
        const void *bytes;
        size_t size;
        for (int i = 0; i < 20; i++) {
            unsigned char noise[64];
            size_t n = (size_t) rand () % sizeof noise;
            for (size_t k = 0; k < n; k++)
                noise[k] = (unsigned char) (rand () % 4 ? 0 : rand ());
            fcj_frames_feed (frames, noise, n);
            int got;
            while ((got = fcj_frames_next (frames, &bytes, &size)) == 1)
                assert_true (size <= MAX);
            if (got < 0)
                break;
        }
        fcj_frames_destroy (&frames);
    }
}

static void
descriptors_ride_along_with_their_message (void **state)
{
    (void) state;
    int pair[2], ends[2], got[4];
    void *bytes;
    size_t size, n = 4;
    char letter = 0;
    assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal (pipe (ends), 0);
    assert_int_equal (fcj_frame_send (pair[0], "hello", 5, ends, 2, 100), 0);
    assert_int_equal (fcj_frame_recv (pair[1], MAX, &bytes, &size, got, &n),
                      0);
    assert_int_equal (size, 5);
    assert_int_equal (n, 2);
    assert_int_equal (write (got[1], "x", 1), 1);
    assert_int_equal (read (ends[0], &letter, 1), 1);
    assert_int_equal (letter, 'x');
    free (bytes);
    int all[] = { pair[0], pair[1], ends[0], ends[1], got[0], got[1] };
    for (size_t i = 0; i < 6; i++)
        close (all[i]);
}

static void
descriptors_without_room_are_closed_and_not_leaked (void **state)
{
    (void) state;
    int pair[2], one;
    char buffer[16];
    size_t n = 0;
    assert_int_equal (socketpair (AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    assert_int_equal (fcj_packet_send (pair[0], "abc", 3, pair, 2), 0);
    assert_int_equal (fcj_packet_recv (pair[1], buffer, sizeof buffer, NULL,
                                       &n), 3);
    assert_int_equal (n, 0);
    one = dup (pair[0]);
    assert_true (one <= pair[1] + 1);
    close (one);
    close (pair[0]);
    close (pair[1]);
}

static void
a_peer_that_does_not_read_is_given_up_in_time (void **state)
{
    (void) state;
    int pair[2];
    char *much = calloc (1, 4 << 20);
    for (int flags = 0; flags <= SOCK_NONBLOCK; flags += SOCK_NONBLOCK) {
        assert_int_equal (socketpair (AF_UNIX, SOCK_STREAM | flags, 0, pair),
                          0);
        assert_int_equal (fcj_frame_send (pair[0], much, 4 << 20, NULL, 0,
                                          20), -1);
        assert_int_equal (errno, ETIMEDOUT);
        close (pair[0]);
        close (pair[1]);
    }
    free (much);
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_message_that_comes_byte_by_byte_is_whole_at_its_last),
        cmocka_unit_test (a_length_over_the_bound_is_refused_before_its_bytes_come),
        cmocka_unit_test (any_bytes_give_messages_or_an_error),
        cmocka_unit_test (descriptors_ride_along_with_their_message),
        cmocka_unit_test (descriptors_without_room_are_closed_and_not_leaked),
        cmocka_unit_test (a_peer_that_does_not_read_is_given_up_in_time) };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
