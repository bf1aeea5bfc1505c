/*  test_utf8.c - what we show is text, whatever it was made of.  */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "jobs/error.h"
#include "jobs/utf8.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/*  jansson knows by itself what is UTF-8.  */
static bool s_is_text (const char *text)
{
    json_t *string = json_string (text);
    json_decref (string);
    return string != NULL;
}

static void a_character_is_what_jansson_takes (void **state)
{
    (void) state;
    unsigned odd = 0;
    for (unsigned n = 1; n < 1u << 24; n += n < 1u << 16 ? 1 : 251) {
        char text[5] = {(char) (n & 255), (char) (n >> 8 & 255),
                        (char) (n >> 16 & 255), 0, 0};
        text[3] = n & 1 ? '\x80' : 0;
        size_t size = fcj_utf8_size (text, strlen (text));
        char one[5] = "";
        memcpy (one, text, size);
        odd += size && !s_is_text (one);
        for (size_t less = 1; !size && less <= strlen (text); less++) {
            memcpy (one, text, less);
            one[less] = 0;
            odd += s_is_text (one);
        }
    }
    assert_int_equal (odd, 0);
}

static void a_cut_leaves_no_part_of_a_character (void **state)
{
    (void) state;
    const char *text = "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80z";
    size_t size = strlen (text);
    static const size_t ends[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
    for (size_t most = 0; most < 13; most++)
        assert_int_equal (fcj_utf8_cut (text, size, most), ends[most]);
    assert_int_equal (fcj_utf8_cut ("\x80\x80\x80\x80\x80", 5, 4), 4);
}

static void an_error_is_text_wherever_it_was_cut (void **state)
{
    (void) state;
    fcj_error_t error;
    const char *name = "\xd0\x91\xd0\x9e\xd0\x9b\xd0\xa2"; /* four letters */
    fcj_fail (&error, FCJ_INVALID, "There is no \"%.5s\" here", name);
    assert_true (s_is_text (error.text));
    assert_non_null (strstr (error.text, "here"));
    char longest[1000];
    for (size_t n = 0; n < 4; n++) {
        memset (longest, 'x', n);
        longest[n] = 0;
        while (strlen (longest) + strlen (name) < sizeof (longest))
            strcat (longest, name);
        fcj_fail (&error, FCJ_INVALID, "%s", longest);
        assert_true (s_is_text (error.text));
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_character_is_what_jansson_takes),
        cmocka_unit_test (a_cut_leaves_no_part_of_a_character),
        cmocka_unit_test (an_error_is_text_wherever_it_was_cut),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
