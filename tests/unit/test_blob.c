/*  test_blob.c - blobs are whole, their own, and reachable only by name.  */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "jobs/blob.h"
#include "jobs/job.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char s_root[64];
static fcj_blobs_t *s_blobs;
static fcj_error_t s_error;

static int s_before (void **state)
{
    (void) state;
    strcpy (s_root, "/tmp/fcj-blob-XXXXXX");
    if (!mkdtemp (s_root))
        return -1;
    s_blobs = fcj_blobs_new (s_root, &s_error);
    return s_blobs ? 0 : -1;
}

static int s_after (void **state)
{
    (void) state;
    char command[128];
    fcj_blobs_destroy (&s_blobs);
    snprintf (command, sizeof (command), "rm -rf '%s'", s_root);
    return system (command);
}

static void s_path (const char *hash, char out[256])
{
    snprintf (out, 256, "%s/%.2s/%s", s_root, hash, hash + 2);
}

static void what_is_put_is_read (void **state)
{
    (void) state;
    fcj_hash_t hash, again, empty;
    size_t size;
    assert_int_equal (fcj_blobs_put (s_blobs, "box", 3, hash, &s_error), 0);
    assert_int_equal (fcj_blobs_put (s_blobs, "box", 3, again, &s_error), 0);
    assert_string_equal (hash, again);
    char *text = fcj_blobs_read (s_blobs, hash, 3, &size, &s_error);
    assert_string_equal (text, "box");
    free (text);
    assert_null (fcj_blobs_read (s_blobs, hash, 2, &size, &s_error));
    assert_int_equal (s_error.reason, FCJ_TOO_LARGE);
    assert_int_equal (fcj_blobs_put (s_blobs, "", 0, empty, &s_error), 0);
    text = fcj_blobs_read (s_blobs, empty, 0, &size, &s_error);
    assert_non_null (text);
    free (text);
    char path[256];
    struct stat status;
    s_path (hash, path);
    assert_int_equal (stat (path, &status), 0);
    assert_int_equal (status.st_mode & 0777, 0600);
}

static void a_file_is_copied_up_to_its_bound (void **state)
{
    (void) state;
    char name[] = "/tmp/fcj-file-XXXXXX";
    int fd = mkstemp (name);
    int64_t size = 0;
    fcj_hash_t hash, same;
    static char bytes[300000];
    memset (bytes, 'x', sizeof (bytes));
    assert_int_equal (write (fd, bytes, sizeof (bytes)), sizeof (bytes));
    assert_int_equal (fcj_blobs_put_fd (s_blobs, fd, sizeof (bytes) - 1, hash,
                                        &size, &s_error), -1);
    assert_int_equal (s_error.reason, FCJ_OUTPUT_LIMIT);
    assert_int_equal (fcj_blobs_put_fd (s_blobs, fd, sizeof (bytes), hash,
                                        &size, &s_error), 0);
    assert_int_equal (size, sizeof (bytes));
    fcj_blobs_put (s_blobs, bytes, sizeof (bytes), same, &s_error);
    assert_string_equal (hash, same);
    close (fd);
    unlink (name);
    fd = open ("/tmp", O_RDONLY);
    assert_int_equal (fcj_blobs_put_fd (s_blobs, fd, 10, hash, &size,
                                        &s_error), -1);
    assert_int_equal (s_error.reason, FCJ_INVALID);
    close (fd);
}

static void a_name_that_is_no_hash_is_not_found (void **state)
{
    (void) state;
    const char *names[] = {
        "", "../../etc/passwd", "ab",
        "ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB",
        "ab/babababababababababababababababababababababababababababababab",
        "abababababababababababababababababababababababababababababababab"};
    for (size_t n = 0; n < sizeof (names) / sizeof (*names); n++) {
        assert_int_equal (fcj_blobs_open (s_blobs, names[n], NULL, &s_error),
                          -1);
        assert_int_equal (s_error.reason, FCJ_NOT_FOUND);
    }
    assert_int_equal (fcj_blobs_open (s_blobs, NULL, NULL, &s_error), -1);
}

static void a_symlink_leads_nowhere (void **state)
{
    (void) state;
    fcj_hash_t hash;
    char path[256];
    fcj_blobs_put (s_blobs, "link", 4, hash, &s_error);
    s_path (hash, path);
    unlink (path);
    assert_int_equal (symlink ("/etc/passwd", path), 0);
    assert_int_equal (fcj_blobs_open (s_blobs, hash, NULL, &s_error), -1);
    assert_int_equal (s_error.reason, FCJ_NOT_FOUND);
    /* putting it again puts the blob in the link's place */
    assert_int_equal (fcj_blobs_put (s_blobs, "link", 4, hash, &s_error), 0);
    int fd = fcj_blobs_open (s_blobs, hash, NULL, &s_error);
    assert_true (fd >= 0);
    close (fd);
    /* and a directory that is a link */
    char dir[256], moved[300];
    snprintf (dir, sizeof (dir), "%s/%.2s", s_root, hash);
    snprintf (moved, sizeof (moved), "%s.moved", dir);
    assert_int_equal (rename (dir, moved), 0);
    assert_int_equal (symlink (moved, dir), 0);
    assert_int_equal (fcj_blobs_open (s_blobs, hash, NULL, &s_error), -1);
    unlink (dir);
}

/*  "run the job again" must help: the same bytes are put again.  */
static void damage_on_disk_is_noticed_and_mended_by_putting_again
    (void **state)
{
    (void) state;
    fcj_hash_t hash;
    char path[256];
    fcj_blobs_put (s_blobs, "good", 4, hash, &s_error);
    s_path (hash, path);
    int fd = open (path, O_WRONLY);
    assert_int_equal (write (fd, "evil", 4), 4);
    close (fd);
    assert_null (fcj_blobs_read (s_blobs, hash, 10, NULL, &s_error));
    assert_int_equal (s_error.reason, FCJ_INTERNAL);
    fcj_blobs_put (s_blobs, "good", 4, hash, &s_error);
    char *text = fcj_blobs_read (s_blobs, hash, 10, NULL, &s_error);
    assert_non_null (text);
    assert_string_equal (text, "good");
    free (text);
}

static void many_processes_put_and_sweep_at_once (void **state)
{
    (void) state;
    static char bytes[200000];
    fcj_hash_t hash;
    enum { CHILDREN = 6 };
    pid_t children[CHILDREN];
    for (int n = 0; n < CHILDREN; n++) {
        children[n] = fork ();
        for (int i = 0; children[n] == 0 && i < 40; i++)
            if (fcj_blobs_put (s_blobs, bytes, sizeof (bytes), hash, NULL))
                _exit (1);
        if (children[n] == 0)
            _exit (0);
    }
    for (int i = 0; i < 20; i++)
        fcj_blobs_sweep (s_blobs, fcj_now_ms () - 60000, NULL, NULL);
    for (int n = 0; n < CHILDREN; n++) {
        int status;
        waitpid (children[n], &status, 0);
        assert_int_equal (status, 0);
    }
    fcj_blobs_put (s_blobs, bytes, sizeof (bytes), hash, &s_error);
    char *back = fcj_blobs_read (s_blobs, hash, sizeof (bytes), NULL,
                                 &s_error);
    assert_non_null (back);
    free (back);
}

static int s_keep (const char *hash, void *arg)
{
    return strcmp (hash, arg) == 0;
}

static void a_sweep_takes_what_is_old_and_not_kept (void **state)
{
    (void) state;
    fcj_hash_t kept, gone;
    fcj_blobs_put (s_blobs, "kept", 4, kept, &s_error);
    fcj_blobs_put (s_blobs, "gone", 4, gone, &s_error);
    assert_int_equal (fcj_blobs_sweep (s_blobs, fcj_now_ms () - 3600000,
                                       s_keep, kept), 0);
    assert_true (fcj_blobs_sweep (s_blobs, fcj_now_ms () + 3600000, s_keep,
                                  kept) >= 1);
    int fd = fcj_blobs_open (s_blobs, kept, NULL, &s_error);
    assert_true (fd >= 0);
    close (fd);
    assert_int_equal (fcj_blobs_open (s_blobs, gone, NULL, &s_error), -1);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (what_is_put_is_read),
        cmocka_unit_test (a_file_is_copied_up_to_its_bound),
        cmocka_unit_test (a_name_that_is_no_hash_is_not_found),
        cmocka_unit_test (a_symlink_leads_nowhere),
        cmocka_unit_test (
            damage_on_disk_is_noticed_and_mended_by_putting_again),
        cmocka_unit_test (many_processes_put_and_sweep_at_once),
        cmocka_unit_test (a_sweep_takes_what_is_old_and_not_kept),
    };
    return cmocka_run_group_tests (tests, s_before, s_after);
}
