/*  test_memo.c - the memo of native steps: whose entries, how many.  */

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "workers/supervisor/world.h"

#define ANYBODY ((uid_t) -1)

typedef struct {
    char folder[64], file[80];
} place_t;

static int
s_setup (void **state)
{
    place_t *place = calloc (1, sizeof *place);
    strcpy (place->folder, "/tmp/fcj-memo-XXXXXX");
    assert_non_null (mkdtemp (place->folder));
    snprintf (place->file, sizeof place->file, "%s.file", place->folder);
    *state = place;
    return 0;
}

static int
s_teardown (void **state)
{
    place_t *place = *state;
    fcj_remove_tree (place->folder);
    unlink (place->file);
    free (place);
    return 0;
}

static void
s_write (const place_t *place, const char *text, size_t size)
{
    int fd = open (place->file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal (write (fd, text, size), (ssize_t) size);
    close (fd);
}

static void
s_key (char key[FCJ_HASH_LEN + 1], char letter)
{
    memset (key, letter, FCJ_HASH_LEN);
    key[FCJ_HASH_LEN] = 0;
}

static void
s_keep (fcj_memo_t *memo, const char *key, const char *path, uid_t uid)
{
    fcj_memo_keep (memo, "me", key, "/tmp", path + strlen ("/tmp/"), uid);
}

static bool
s_has (fcj_memo_t *memo, const char *owner, const char *key)
{
    int fd = fcj_memo_recall (memo, owner, key);
    if (fd >= 0)
        close (fd);
    return fd >= 0;
}

static void
what_is_kept_is_recalled_by_its_owner_only (void **state)
{
    const place_t *place = *state;
    char key[FCJ_HASH_LEN + 1], text[8] = "";
    fcj_memo_counts_t counts;
    fcj_memo_t *memo = fcj_memo_new (place->folder, 1 << 20, NULL);
    s_key (key, 'a');
    s_write (place, "hello", 5);
    assert_false (s_has (memo, "me", key));
    s_keep (memo, key, place->file, ANYBODY);
    int fd = fcj_memo_recall (memo, "me", key);
    assert_int_equal (read (fd, text, sizeof text), 5);
    assert_string_equal (text, "hello");
    close (fd);
    assert_false (s_has (memo, "you", key));
    fcj_memo_counts (memo, &counts);
    assert_int_equal (counts.hits, 1);
    assert_int_equal (counts.misses, 2);
    assert_int_equal (counts.stored, 1);
    assert_int_equal (counts.bytes, 5);
    fcj_memo_destroy (&memo);
    assert_null (memo);
}

static void
a_file_of_another_user_or_a_link_is_not_kept (void **state)
{
    const place_t *place = *state;
    char key[FCJ_HASH_LEN + 1], link[96];
    fcj_memo_t *memo = fcj_memo_new (place->folder, 1 << 20, NULL);
    s_key (key, 'b');
    s_write (place, "hello", 5);
    s_keep (memo, key, place->file, geteuid () + 1);
    assert_false (s_has (memo, "me", key));
    snprintf (link, sizeof link, "%s.link", place->folder);
    assert_int_equal (symlink (place->file, link), 0);
    s_keep (memo, key, link, ANYBODY);
    unlink (link);
    assert_false (s_has (memo, "me", key));
    /*  A directory on the way may be one, too.  */
    assert_int_equal (symlink ("/tmp", link), 0);
    char below[192];
    snprintf (below, sizeof below, "%s/%s", link,
              place->file + strlen ("/tmp/"));
    s_keep (memo, key, below, ANYBODY);
    unlink (link);
    assert_false (s_has (memo, "me", key));
    fcj_memo_destroy (&memo);
}

static void
what_a_dead_worker_was_writing_goes_after_an_hour (void **state)
{
    const place_t *place = *state;
    char old[96], young[96];
    const struct timespec long_ago[2] = { { .tv_sec = time (NULL) - 4000 },
                                          { .tv_sec = time (NULL) - 4000 } };
    snprintf (old, sizeof old, "%s/new.7.1", place->folder);
    snprintf (young, sizeof young, "%s/new.7.2", place->folder);
    close (open (old, O_WRONLY | O_CREAT, 0600));
    close (open (young, O_WRONLY | O_CREAT, 0600));
    assert_int_equal (utimensat (AT_FDCWD, old, long_ago, 0), 0);
    fcj_memo_t *memo = fcj_memo_new (place->folder, 1 << 20, NULL);
    assert_int_equal (access (old, F_OK), -1);
    assert_int_equal (access (young, F_OK), 0);
    fcj_memo_destroy (&memo);
}

static void
the_least_recently_used_goes_first (void **state)
{
    const place_t *place = *state;
    char key[FCJ_HASH_LEN + 1], text[200];
    fcj_memo_counts_t counts;
    fcj_memo_t *memo = fcj_memo_new (place->folder, 1000, NULL);
    memset (text, 'x', sizeof text);
    s_write (place, text, sizeof text);
    for (char letter = 'a'; letter <= 'e'; letter++) {
        s_key (key, letter);
        s_keep (memo, key, place->file, ANYBODY);
        usleep (12000);         /* a file system counts in ticks */
    }
    s_key (key, 'a');
    assert_true (s_has (memo, "me", key));      /* used: b is the oldest */
    s_key (key, 'f');
    s_keep (memo, key, place->file, ANYBODY);
    fcj_memo_counts (memo, &counts);
    assert_true (counts.bytes <= 1000);
    assert_true (counts.evicted >= 1);
    assert_true (s_has (memo, "me", key));
    s_key (key, 'a');
    assert_true (s_has (memo, "me", key));
    s_key (key, 'b');
    assert_false (s_has (memo, "me", key));
    fcj_memo_destroy (&memo);
}

static void
one_entry_never_takes_more_than_a_quarter (void **state)
{
    const place_t *place = *state;
    char key[FCJ_HASH_LEN + 1], text[300] = "";
    fcj_memo_t *memo = fcj_memo_new (place->folder, 1000, NULL);
    s_key (key, 'a');
    s_write (place, text, sizeof text);
    s_keep (memo, key, place->file, ANYBODY);
    assert_false (s_has (memo, "me", key));
    fcj_memo_destroy (&memo);
}

static void
a_broken_entry_is_forgotten_and_counted (void **state)
{
    const place_t *place = *state;
    char key[FCJ_HASH_LEN + 1];
    fcj_memo_counts_t counts;
    fcj_memo_t *memo = fcj_memo_new (place->folder, 1 << 20, NULL);
    s_key (key, 'a');
    s_write (place, "hello", 5);
    s_keep (memo, key, place->file, ANYBODY);
    fcj_memo_forget (memo, "you", key);
    assert_true (s_has (memo, "me", key));
    fcj_memo_forget (memo, "me", key);
    assert_false (s_has (memo, "me", key));
    fcj_memo_counts (memo, &counts);
    assert_int_equal (counts.broken, 1);
    assert_int_equal (counts.entries, 0);
    fcj_memo_destroy (&memo);
}

static void
a_worker_that_starts_finds_what_is_there (void **state)
{
    const place_t *place = *state;
    char key[FCJ_HASH_LEN + 1];
    fcj_memo_counts_t counts;
    s_key (key, 'a');
    s_write (place, "hello", 5);
    fcj_memo_t *memo = fcj_memo_new (place->folder, 1 << 20, NULL);
    s_keep (memo, key, place->file, ANYBODY);
    fcj_memo_destroy (&memo);
    memo = fcj_memo_new (place->folder, 1 << 20, NULL);
    fcj_memo_counts (memo, &counts);
    assert_int_equal (counts.entries, 1);
    assert_int_equal (counts.bytes, 5);
    assert_true (s_has (memo, "me", key));
    fcj_memo_destroy (&memo);
}

static void
without_room_nothing_is_kept (void **state)
{
    const place_t *place = *state;
    char key[FCJ_HASH_LEN + 1];
    s_key (key, 'a');
    s_write (place, "hello", 5);
    fcj_memo_t *memo = fcj_memo_new (place->folder, 0, NULL);
    s_keep (memo, key, place->file, ANYBODY);
    assert_false (s_has (memo, "me", key));
    fcj_memo_destroy (&memo);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int
main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (what_is_kept_is_recalled_by_its_owner_only),
        TEST (a_file_of_another_user_or_a_link_is_not_kept),
        TEST (what_a_dead_worker_was_writing_goes_after_an_hour),
        TEST (the_least_recently_used_goes_first),
        TEST (one_entry_never_takes_more_than_a_quarter),
        TEST (a_broken_entry_is_forgotten_and_counted),
        TEST (a_worker_that_starts_finds_what_is_there),
        TEST (without_room_nothing_is_kept),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
