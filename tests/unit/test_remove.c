/*  test_remove.c - directories of strangers, removed.  */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "workers/supervisor/world.h"

#define DEEP 300                /* times the name: longer than PATH_MAX */
#define NAME "a-name-of-some-length-that-makes-paths-long"

static int
s_setup (void **state)
{
    char *folder = strdup ("/tmp/fcj-remove-XXXXXX");
    assert_non_null (mkdtemp (folder));
    *state = folder;
    return 0;
}

static int
s_teardown (void **state)
{
    fcj_remove_tree (*state);
    free (*state);
    return 0;
}

static void
s_file (int folder, const char *name)
{
    close (openat (folder, name, O_WRONLY | O_CREAT, 0600));
}

/*  One below the other, a file in each; as many beside each other.  */
static void
s_grow (const char *path, int deep)
{
    int at = open (path, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < deep; i++) {
        assert_int_equal (mkdirat (at, NAME, 0700), 0);
        s_file (at, "file");
        int next = openat (at, NAME, O_RDONLY | O_DIRECTORY);
        close (at);
        at = next;
    }
    close (at);
}

static void
a_tree_deeper_than_a_path_is_long_goes (void **state)
{
    s_grow (*state, DEEP);
    fcj_remove_tree (*state);
    assert_int_equal (access (*state, F_OK), -1);
}

static void
what_has_no_rights_for_its_user_goes (void **state)
{
    char path[64];
    snprintf (path, sizeof path, "%s/closed", (char *) *state);
    assert_int_equal (mkdir (path, 0700), 0);
    s_grow (path, 1);
    assert_int_equal (chmod (path, 0), 0);
    fcj_remove_tree (*state);
    assert_int_equal (access (*state, F_OK), -1);
}

static void
no_link_is_followed_not_even_in_the_place_of_the_tree (void **state)
{
    char other[] = "/tmp/fcj-remove-XXXXXX", path[96];
    assert_non_null (mkdtemp (other));
    int at = open (other, O_RDONLY | O_DIRECTORY);
    assert_int_equal (mkdirat (at, "artifacts", 0700), 0);
    s_file (at, "precious");
    snprintf (path, sizeof path, "%s/link", (char *) *state);
    assert_int_equal (symlink (other, path), 0);
    fcj_remove_tree (path);
    assert_int_equal (access (path, F_OK), -1);
    assert_int_equal (symlink (other, path), 0);
    fcj_remove_tree (*state);
    assert_int_equal (access (*state, F_OK), -1);
    assert_int_equal (faccessat (at, "precious", F_OK, 0), 0);
    assert_int_equal (faccessat (at, "artifacts", F_OK, 0), 0);
    close (at);
    fcj_remove_tree (other);
}

static void
what_is_not_there_is_no_problem (void **state)
{
    (void) state;
    fcj_remove_tree ("/tmp/fcj-remove-no-such-directory");
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int
main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (a_tree_deeper_than_a_path_is_long_goes),
        TEST (what_has_no_rights_for_its_user_goes),
        TEST (no_link_is_followed_not_even_in_the_place_of_the_tree),
        TEST (what_is_not_there_is_no_problem),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
