/*  test_live_news.c - which subscribers hear of it when the window is another
 *  than before.  */

#include "mcp-frontend/methods/freecad.h"
#include "mcp-frontend/news/interest.h"
#include "mcp-frontend/news/live_news.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    fcj_front_t *front;
    fcj_interest_t *interest;
    fcj_live_news_t *news;
    char heard[512];            /* letters of the URIs below, sorted */
} bench_t;

static const struct { char letter; const char *uri; } WANTS[] = {
    { 'a', "freecad://documents/A" },
    { 'b', "freecad://documents/B/objects" },
    { 'c', "freecad://documents/Label%20of%20C/objects/Box" },
    { 'f', "freecad://documents/Far" },
    { 'l', "freecad://documents" },
    { 't', "freecad://active-document" },
    { 'w', "freecad://workbenches" },
    { 'x', "freecad://documents/%zz" },
};
#define COUNT (sizeof WANTS / sizeof *WANTS)

static void s_heard (void *arg, const char *method, json_t *params)
{
    bench_t *self = arg;
    const char *uri = json_string_value (json_object_get (params, "uri"));
    assert_string_equal (method, "notifications/resources/updated");
    for (size_t n = 0; n < COUNT; n++)
        if (!strcmp (WANTS[n].uri, uri))
            self->heard[strlen (self->heard)] = WANTS[n].letter;
    json_decref (params);
}

static int s_by_letter (const void *one, const void *other)
{
    return *(const char *) one - *(const char *) other;
}

static int s_setup (void **state)
{
    bench_t *self = calloc (1, sizeof *self);
    *state = self;
    self->front = calloc (1, sizeof *self->front);
    TAILQ_INIT (&self->front->interests);
    self->news = fcj_live_news_new (self->front);
    self->interest = fcj_interest_new (self->front, s_heard, self);
    for (size_t n = 0; n < COUNT; n++)
        fcj_interest_add (self->interest, WANTS[n].uri, "me");
    return 0;
}

static int s_teardown (void **state)
{
    bench_t *self = *state;
    fcj_interest_destroy (&self->interest);
    fcj_live_news_destroy (&self->news);
    free (self->front);
    free (self);
    return 0;
}

static json_t *s_document (const char *name, int version, bool active)
{
    char label[64];
    snprintf (label, sizeof label, "Label of %s", name);
    return json_pack ("{s:s,s:s,s:s,s:b,s:i,s:b,s:i}", "name", name, "label",
                      label, "file", "", "modified", 0, "objects", 1,
                      "active", active, "version", version);
}

/*  A, B and C, of these versions; A is the active one. */
static json_t *s_window (int a, int b, int c, int changes)
{
    return json_pack ("{s:s,s:{s:s,s:i,s:i,s:i,s:[o,o,o]}}", "worker", "W",
                      "gui", "state", "ready", "restarts", 0,
                      "more_documents", 0, "changes", changes, "documents",
                      s_document ("A", a, true), s_document ("B", b, false),
                      s_document ("C", c, false));
}

static json_t *s_gui (json_t *window)
{
    return json_object_get (window, "gui");
}

static json_t *s_documents (json_t *window)
{
    return json_object_get (s_gui (window), "documents");
}

/*  Who hears of it when that is the window now (taken). */
static const char *s_now (bench_t *self, json_t *window)
{
    memset (self->heard, 0, sizeof self->heard);
    fcj_live_news_take (self->news, window);
    json_decref (window);
    fcj_interest_tick (self->front, fcj_mono_ms () + 1);
    qsort (self->heard, strlen (self->heard), 1, s_by_letter);
    return self->heard;
}

static void only_who_subscribed_to_a_document_hears_of_it (void **state)
{
    bench_t *self = *state;
    assert_string_equal (s_now (self, s_window (1, 1, 1, 1)), "");
    assert_string_equal (s_now (self, s_window (1, 1, 1, 1)), "");
    assert_string_equal (s_now (self, s_window (1, 2, 1, 2)), "b");
    assert_string_equal (s_now (self, s_window (1, 2, 3, 3)), "c");
    assert_string_equal (s_now (self, s_window (4, 2, 3, 4)), "at");
    fcj_live_news_forget (self->news);
    assert_string_equal (s_now (self, s_window (5, 6, 7, 7)), "");
}

static void the_list_changes_with_what_stands_in_it (void **state)
{
    bench_t *self = *state;
    json_t *window = s_window (1, 1, 1, 1);
    s_now (self, json_incref (window));
    json_object_set_new (json_array_get (s_documents (window), 1), "objects",
                         json_integer (2));
    assert_string_equal (s_now (self, json_deep_copy (window)), "bl");
    json_array_remove (s_documents (window), 2);
    assert_string_equal (s_now (self, json_deep_copy (window)), "cl");
    json_array_append_new (s_documents (window),
                           s_document ("C", 9, false));
    assert_string_equal (s_now (self, json_deep_copy (window)), "cl");
    json_object_set_new (json_array_get (s_documents (window), 0), "active",
                         json_false ());
    json_object_set_new (json_array_get (s_documents (window), 1), "active",
                         json_true ());
    assert_string_equal (s_now (self, json_deep_copy (window)), "ablt");
    json_decref (window);
}

static void another_freecad_has_other_documents (void **state)
{
    bench_t *self = *state;
    json_t *window = s_window (1, 1, 1, 1);
    s_now (self, json_deep_copy (window));
    json_object_set_new (s_gui (window), "state",
                         json_string ("restoring"));
    json_array_clear (s_documents (window));
    assert_string_equal (s_now (self, window), "");
    assert_string_equal (s_now (self, s_window (1, 1, 1, 1)), "");
    window = s_window (1, 1, 1, 1);
    json_object_set_new (s_gui (window), "restarts", json_integer (1));
    assert_string_equal (s_now (self, json_deep_copy (window)), "abclt");
    json_object_set_new (window, "worker", json_string ("V"));
    assert_string_equal (s_now (self, window), "abclt");
}

static void of_documents_beyond_those_shown_any_change_is_told (void **state)
{
    bench_t *self = *state;
    json_t *window = s_window (1, 1, 1, 1);
    json_object_set_new (s_gui (window), "more_documents",
                         json_integer (2));
    s_now (self, json_deep_copy (window));
    assert_string_equal (s_now (self, json_deep_copy (window)), "");
    json_object_set_new (s_gui (window), "changes", json_integer (2));
    assert_string_equal (s_now (self, window), "fl");
}

static void a_window_that_does_not_count_is_known_as_such (void **state)
{
    bench_t *self = *state;
    json_t *window = s_window (1, 1, 1, 1);
    assert_false (fcj_live_news_counted (self->news));
    s_now (self, json_deep_copy (window));
    assert_true (fcj_live_news_counted (self->news));
    json_object_set_new (s_gui (window), "changes", json_null ());
    json_array_clear (s_documents (window));
    assert_string_equal (s_now (self, window), "");
    assert_false (fcj_live_news_counted (self->news));
    assert_string_equal (s_now (self, json_pack (
        "{s:i,s:{s:s,s:s,s:i}}", "worker", 7, "gui", "state", "ready",
        "documents", "none", "changes", 5)), "l");
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (only_who_subscribed_to_a_document_hears_of_it),
        TEST (the_list_changes_with_what_stands_in_it),
        TEST (another_freecad_has_other_documents),
        TEST (of_documents_beyond_those_shown_any_change_is_told),
        TEST (a_window_that_does_not_count_is_known_as_such),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
