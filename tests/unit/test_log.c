/*  test_log.c - what comes from outside cannot forge a line.  */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "jobs/log.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*  Logs one event with the value and gives back what was written.  */
static char *s_logged (bool json, const char *value)
{
    static char text[65536];
    int pipes[2], kept = dup (STDERR_FILENO);
    assert_int_equal (pipe (pipes), 0);
    dup2 (pipes[1], STDERR_FILENO);
    fcj_log_open ("test", FCJ_INFO, json);
    fcj_log (FCJ_DEBUG, "too_quiet", NULL);
    fcj_log (FCJ_INFO, "event", "value", value, "more", "1", NULL);
    dup2 (kept, STDERR_FILENO);
    close (kept);
    close (pipes[1]);
    text[read (pipes[0], text, sizeof (text) - 1)] = 0;
    close (pipes[0]);
    return text;
}

static const char *const s_nasty[] = {
    "plain", "", "two words", "a\nb info broker forged", "q\"u\\o=te",
    "\x1b[2J", "\xff\xfe", "caf\xc3\xa9", "\xc2\x9b", "\xe2\x80\xa8", "\r\t"};

static void one_event_is_one_line (void **state)
{
    (void) state;
    for (size_t n = 0; n < sizeof (s_nasty) / sizeof (*s_nasty); n++) {
        char *line = s_logged (false, s_nasty[n]);
        assert_ptr_equal (strchr (line, '\n'), line + strlen (line) - 1);
        assert_null (strchr (line, 27));
        assert_non_null (strstr (line, " info test event value="));
        assert_non_null (strstr (line, " more=1\n"));
    }
}

static void json_lines_are_json (void **state)
{
    (void) state;
    for (size_t n = 0; n < sizeof (s_nasty) / sizeof (*s_nasty); n++) {
        json_t *line = json_loads (s_logged (true, s_nasty[n]), 0, NULL);
        assert_non_null (line);
        assert_string_equal (json_string_value (json_object_get (line,
                             "event")), "event");
        json_decref (line);
    }
}

static void a_long_value_is_cut_and_says_so (void **state)
{
    (void) state;
    char *value = calloc (1, 100001);
    memset (value, '\n', 100000);
    assert_non_null (strstr (s_logged (false, value), "98976 more bytes"));
    json_t *line = json_loads (s_logged (true, value), 0, NULL);
    assert_non_null (line);
    json_decref (line);
    free (value);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (one_event_is_one_line),
        cmocka_unit_test (json_lines_are_json),
        cmocka_unit_test (a_long_value_is_cut_and_says_so),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
