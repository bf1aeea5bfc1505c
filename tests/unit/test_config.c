/*  test_config.c - flags over environment over file, each value checked.  */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "jobs/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char s_dir[64], s_state[80], s_file[80];
static fcj_error_t s_error;

static void s_clear (void)
{
    static const char *const names[] = {
        "FCJ_CONFIG", "FCJ_SLOTS", "FCJ_REDIS", "FCJ_HOLD_S", "FCJ_SHARE",
        "FCJ_LIBEXEC", "FCJ_OWNER", "FCJ_FRONTEND_ENDPOINT"};
    for (size_t n = 0; n < sizeof (names) / sizeof (*names); n++)
        unsetenv (names[n]);
    setenv ("FCJ_STATE", s_state, 1);
}

static void s_write (const char *text)
{
    FILE *file = fopen (s_file, "w");
    fputs (text, file);
    fclose (file);
    setenv ("FCJ_CONFIG", s_file, 1);
}

static int s_before (void **state)
{
    (void) state;
    strcpy (s_dir, "/tmp/fcj-config-XXXXXX");
    if (!mkdtemp (s_dir))
        return -1;
    snprintf (s_state, sizeof (s_state), "%s/state", s_dir);
    snprintf (s_file, sizeof (s_file), "%s/conf", s_dir);
    setenv ("XDG_CONFIG_HOME", s_dir, 1);
    return 0;
}

static int s_after (void **state)
{
    (void) state;
    char command[96];
    snprintf (command, sizeof (command), "rm -rf '%s'", s_dir);
    return system (command);
}

static void flags_beat_environment_beats_file (void **state)
{
    (void) state;
    s_clear ();
    s_write ("# a comment\n\n slots = 1 \nhold-s=3\nmemory-max = 2G\n"
             "owner = file\n");
    setenv ("FCJ_SLOTS", "2", 1);
    setenv ("FCJ_HOLD_S", "4", 1);
    char *argv[] = {"x", "word", "--slots", "5", "--gui", "--unknown",
                    "--log-json=no", "--sandbox", "off", "--", "--slots",
                    NULL};
    int argc = 11;
    fcj_config_t *config = fcj_config_new (&argc, argv, &s_error);
    assert_non_null (config);
    assert_int_equal (fcj_config_int (config, "slots"), 5);
    assert_int_equal (fcj_config_int (config, "hold-s"), 4);
    assert_int_equal (fcj_config_int (config, "memory-max"), 2LL << 30);
    assert_string_equal (fcj_config_str (config, "owner"), "file");
    assert_true (fcj_config_bool (config, "gui"));
    assert_false (fcj_config_bool (config, "sandbox"));
    const char *left[] = {"x", "word", "--unknown", "--", "--slots"};
    assert_int_equal (argc, 5);
    for (int n = 0; n < argc; n++)
        assert_string_equal (argv[n], left[n]);
    fcj_config_destroy (&config);
}

static void s_bad (const char *text, const char *says)
{
    s_clear ();
    s_write (text);
    char *argv[] = {"x", NULL};
    int argc = 1;
    assert_null (fcj_config_new (&argc, argv, &s_error));
    assert_int_equal (s_error.reason, FCJ_INVALID);
    assert_non_null (strstr (s_error.text, says));
}

static void a_wrong_value_names_its_source_and_line (void **state)
{
    (void) state;
    s_bad ("\nslots = many\n", "conf:2");
    s_bad ("slots = 65\n", "0 to 64");
    s_bad ("slots = 99999999999999999999\n", "whole number");
    s_bad ("slots = -1\n", "whole number");
    s_bad ("slot = 1\n", "no key");
    s_bad ("slots\n", "key = value");
    s_bad ("gui = maybe\n", "yes or no");
    s_bad ("log-level = loud\n", "debug");
    s_bad ("memory-max = 9999999999T\n", "memory-max");
    s_bad ("config = x\n", "no key");
    s_bad ("timeout-s = 100\ntimeout-max-s = 50\n", "timeout-max-s");
    s_clear ();
    setenv ("FCJ_CONFIG", "/proc/self/mem", 1);        /* read(2) fails */
    char *none[] = {"x", NULL};
    int one = 1;
    assert_null (fcj_config_new (&one, none, &s_error));
    assert_non_null (strstr (s_error.text, "/proc/self/mem"));
    setenv ("FCJ_CONFIG", "/nonexistent/conf", 1);
    char *argv[] = {"x", "--slots", NULL};
    int argc = 1;
    assert_null (fcj_config_new (&argc, argv, &s_error));
    s_clear ();
    argc = 2;
    assert_null (fcj_config_new (&argc, argv, &s_error));
    assert_non_null (strstr (s_error.text, "--slots"));
}

/*  A program that we start may stand in another directory.  */
static void all_paths_are_absolute_whatever_was_given (void **state)
{
    (void) state;
    s_clear ();
    char *argv[] = {"x", "--libexec=build/bin", "--share=none",
                    "--state=here", "--gui-user-dir=window", NULL};
    static const char *const which[] = {
        "state", "run", "blobs", "scratch", "share", "python", "catalogue",
        "builtin", "store_library", "libexec", "gui_dir", "module"};
    char here[256];
    assert_non_null (getcwd (here, sizeof (here)));
    assert_int_equal (chdir (s_dir), 0);
    int argc = 5;
    fcj_config_t *config = fcj_config_new (&argc, argv, &s_error);
    assert_int_equal (chdir (here), 0);
    assert_non_null (config);
    for (size_t n = 0; n < sizeof (which) / sizeof (*which); n++) {
        const char *path = fcj_config_path (config, which[n]);
        if (*path != '/')
            print_message ("%s is %s\n", which[n], path);
        assert_int_equal (*path, '/');
    }
    fcj_config_destroy (&config);
}

static void directories_are_ours_and_closed (void **state)
{
    (void) state;
    s_clear ();
    char *argv[] = {"x", NULL};
    int argc = 1;
    fcj_config_t *config = fcj_config_new (&argc, argv, &s_error);
    assert_non_null (config);
    struct stat status;
    assert_int_equal (stat (fcj_config_path (config, "run"), &status), 0);
    assert_int_equal (status.st_mode & 07777, 0700);
    assert_int_equal (stat (fcj_config_path (config, "state"), &status), 0);
    assert_int_equal (status.st_mode & 07777, 0711);
    assert_int_equal (access (fcj_config_path (config, "store_library"), R_OK),
                      0);
    const char *scratch = fcj_config_path (config, "scratch");
    assert_int_not_equal (access (scratch, F_OK), 0);   /* a worker's */
    assert_int_equal (fcj_config_make_scratch (config, &s_error), 0);
    assert_int_equal (stat (scratch, &status), 0);
    assert_int_equal (status.st_mode & 07777, 0711);
    assert_int_equal (rmdir (scratch), 0);
    fcj_config_destroy (&config);
    /* a planted link is refused */
    char blobs[128];
    snprintf (blobs, sizeof (blobs), "%s/blobs", s_state);
    rmdir (blobs);
    assert_int_equal (symlink ("/tmp", blobs), 0);
    assert_null (fcj_config_new (&argc, argv, &s_error));
    unlink (blobs);
}

static void sockets_fit_whatever_the_state_directory_is_called (void **state)
{
    (void) state;
    s_clear ();
    char longer[200];
    snprintf (longer, sizeof (longer), "%s/%0100d", s_dir, 7);
    setenv ("FCJ_STATE", longer, 1);
    char *argv[] = {"x", NULL};
    int argc = 1;
    fcj_config_t *config = fcj_config_new (&argc, argv, &s_error);
    assert_non_null (config);
    const char *run = fcj_config_path (config, "run");
    assert_int_equal (strncmp (run, "/tmp/fcj-", 9), 0);
    assert_true (strlen (fcj_config_path (config, "service_sock")) < 108);
    assert_int_equal (rmdir (run), 0);
    assert_int_equal (symlink (s_dir, run), 0);
    fcj_config_t *again = fcj_config_new (&argc, argv, &s_error);
    assert_null (again);
    unlink (run);
    fcj_config_destroy (&config);
}

static void the_manual_has_every_key_and_default (void **state)
{
    (void) state;
    static char manual[65536];
    FILE *file = fopen ("scripts/freecad-jobs.conf", "r");
    if (!file)
        skip ();
    manual[fread (manual, 1, sizeof (manual) - 1, file)] = 0;
    fclose (file);
    const char *key, *standard, *help;
    for (size_t n = 1; (key = fcj_config_key (n, &standard, &help)); n++) {
        char line[128];
        snprintf (line, sizeof (line), "\n# %s =%s%s\n", key,
                  *standard ? " " : "", standard);
        bool there = strstr (manual, line) != NULL;
        if (!there)
            print_message ("the manual lacks %s (%s): %s\n", key, standard,
                           help);
        assert_true (there);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (flags_beat_environment_beats_file),
        cmocka_unit_test (a_wrong_value_names_its_source_and_line),
        cmocka_unit_test (all_paths_are_absolute_whatever_was_given),
        cmocka_unit_test (directories_are_ours_and_closed),
        cmocka_unit_test (sockets_fit_whatever_the_state_directory_is_called),
        cmocka_unit_test (the_manual_has_every_key_and_default),
    };
    return cmocka_run_group_tests (tests, s_before, s_after);
}
