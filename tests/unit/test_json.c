/*  test_json.c - reals in the fewest digits that read back the same.  */

#include "jobs/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void
s_is (const char *before, const char *after)
{
    char text[256];
    snprintf (text, sizeof text, "%s", before);
    assert_int_equal (fcj_json_shorten (text), strlen (after));
    assert_string_equal (text, after);
}

static void
a_real_has_no_digit_that_it_does_not_need (void **state)
{
    (void) state;
    static const double values[] = { 0.261, 0.1, 37042.831973649198,
        1e22, 1e-7, 5e-324, 1.7976931348623157e308, 100.0, -0.0, 3.0 };
    static const char *const texts[] = { "0.261", "0.1",
        "37042.8319736492", "1e22", "1e-7", "5e-324",
        "1.7976931348623157e308", "100.0", "-0.0", "3.0" };
    for (size_t n = 0; n < sizeof values / sizeof *values; n++) {
        json_t *real = json_real (values[n]);
        char *text = fcj_json_dumps (real, JSON_ENCODE_ANY);
        double back = strtod (text, NULL);
        assert_memory_equal (&back, &values[n], sizeof back);
        if (n != 2 && n != 5)           /* as long as they must be */
            assert_string_equal (text, texts[n]);
        free (text);
        json_decref (real);
    }
}

static void
every_real_reads_back_the_same (void **state)
{
    (void) state;
    srand48 (7);
    for (int n = 0; n < 20000; n++) {
        double value = ldexp (drand48 () - 0.5, (int) (drand48 () * 200) - 100);
        json_t *list = json_pack ("[f,f]", value, -value);
        char *text = fcj_json_dumps (list, JSON_COMPACT);
        json_t *back = json_loads (text, 0, NULL);
        assert_true (json_equal (list, back));
        json_decref (list);
        json_decref (back);
        free (text);
    }
}

static void
strings_integers_and_keys_are_left_alone (void **state)
{
    (void) state;
    s_is ("{\"0.26100000000000001\":\"0.26100000000000001\"}",
          "{\"0.26100000000000001\":\"0.26100000000000001\"}");
    s_is ("[\"a\\\"0.26100000000000001\",0.26100000000000001]",
          "[\"a\\\"0.26100000000000001\",0.261]");
    s_is ("[\"\\\\\",0.10000000000000001]", "[\"\\\\\",0.1]");
    s_is ("[12345678901234567,-9223372036854775808]",
          "[12345678901234567,-9223372036854775808]");
    s_is ("{\"a\": 1.0000000000000001e-05, \"b\": true}",
          "{\"a\": 1e-5, \"b\": true}");
    s_is ("", "");
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_real_has_no_digit_that_it_does_not_need),
        cmocka_unit_test (every_real_reads_back_the_same),
        cmocka_unit_test (strings_integers_and_keys_are_left_alone),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
