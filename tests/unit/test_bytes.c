/*  test_bytes.c - what is added comes out, and memory is given back.  */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "jobs/bytes.h"

#include <stdlib.h>
#include <string.h>

static void what_is_added_in_pieces_is_one (void **state)
{
    (void) state;
    fcj_bytes_t bytes = {0};
    assert_null (fcj_bytes_data (&bytes));
    for (int n = 0; n < 10000; n++)
        fcj_bytes_add (&bytes, "abc", (size_t) (n % 4));
    assert_int_equal (fcj_bytes_size (&bytes), 15000);
    assert_memory_equal (fcj_bytes_data (&bytes), "aababcaababc", 12);
    fcj_bytes_add (&bytes, NULL, 0);
    assert_int_equal (fcj_bytes_size (&bytes), 15000);
    fcj_bytes_free (&bytes);
    assert_null (fcj_bytes_data (&bytes));
    fcj_bytes_free (&bytes);
}

static void what_is_dropped_in_pieces_was_added_in_that_order (void **state)
{
    (void) state;
    fcj_bytes_t bytes = {0};
    unsigned char in = 0, out = 0;
    srand (1);
    for (int n = 0; n < 20000; n++) {
        for (int more = rand () % 40; more > 0; more--, in++)
            fcj_bytes_add (&bytes, &in, 1);
        size_t size = fcj_bytes_size (&bytes);
        size_t less = size ? (size_t) rand () % (size + 1) : 0;
        for (size_t at = 0; at < less; at++, out++)
            assert_int_equal ((unsigned char) fcj_bytes_data (&bytes)[at],
                              out);
        fcj_bytes_drop (&bytes, less);
    }
    fcj_bytes_free (&bytes);
}

/*  A peer that always reads, but never all, is served for ever.  */
static void one_that_never_runs_empty_does_not_grow (void **state)
{
    (void) state;
    fcj_bytes_t bytes = {0};
    char chunk[1000];
    memset (chunk, 'x', sizeof (chunk));
    fcj_bytes_add (&bytes, chunk, 100);
    for (int n = 0; n < 100000; n++) {
        fcj_bytes_add (&bytes, chunk, sizeof (chunk));
        fcj_bytes_drop (&bytes, sizeof (chunk));
    }
    assert_int_equal (fcj_bytes_size (&bytes), 100);
    assert_true (bytes.room <= 8 * sizeof (chunk));
    fcj_bytes_free (&bytes);
}

static void what_was_large_once_gives_its_memory_back (void **state)
{
    (void) state;
    fcj_bytes_t bytes = {0};
    char *large = calloc (1, 4 * FCJ_BYTES_KEEP);
    fcj_bytes_add (&bytes, large, 4 * FCJ_BYTES_KEEP);
    fcj_bytes_drop (&bytes, 4 * FCJ_BYTES_KEEP);
    assert_int_equal (bytes.room, 0);
    fcj_bytes_add (&bytes, large, 100);
    fcj_bytes_clear (&bytes);
    assert_int_equal (fcj_bytes_size (&bytes), 0);
    assert_true (bytes.room > 0);       /* the small is kept for the next */
    fcj_bytes_free (&bytes);
    free (large);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (what_is_added_in_pieces_is_one),
        cmocka_unit_test (what_is_dropped_in_pieces_was_added_in_that_order),
        cmocka_unit_test (one_that_never_runs_empty_does_not_grow),
        cmocka_unit_test (what_was_large_once_gives_its_memory_back),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
