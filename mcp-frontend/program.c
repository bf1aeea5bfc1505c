/*  program.c - the life of the process: settings, signals, the loop. */

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include "extra.h"
#include "../jobs/log.h"

#define FILES 8192

static volatile int s_stop;

static void s_on_signal (int signal)
{
    (void) signal;
    s_stop = 1;
}

static void s_catch_signals (void)
{
    struct sigaction action = { .sa_handler = s_on_signal };
    sigaction (SIGTERM, &action, NULL);
    sigaction (SIGINT, &action, NULL);
    signal (SIGPIPE, SIG_IGN);
}

/*  A stream a client takes a descriptor each; select is used nowhere. */
static void s_raise_files (void)
{
    struct rlimit files;
    if (getrlimit (RLIMIT_NOFILE, &files) != 0)
        return;
    rlim_t wanted = files.rlim_max < FILES? files.rlim_max: FILES;
    if (files.rlim_cur < wanted) {
        files.rlim_cur = wanted;
        setrlimit (RLIMIT_NOFILE, &files);
    }
}

static fcj_level_t s_level (const char *name)
{
    return !strcmp (name, "debug")? FCJ_DEBUG: !strcmp (name, "warning")
        ? FCJ_WARNING: !strcmp (name, "error")? FCJ_ERROR: FCJ_INFO;
}

int fcj_mcp_main (int argc, char **argv, const fcj_extra_t *extra)
{
    fcj_error_t error;
    fcj_config_t *config = fcj_config_new (&argc, argv, &error);
    if (!config || argc > 1) {
        fprintf (stderr, "fcj-mcp: %s\n", config? "it takes only settings,"
                 " as --http 127.0.0.1:8765; see freecad-jobs.conf"
                 : error.text);
        return 2;
    }
    fcj_log_open ("mcp", s_level (fcj_config_str (config, "log-level")),
                  fcj_config_bool (config, "log-json"));
    s_catch_signals ();
    s_raise_files ();
    const char *address = fcj_config_str (config, "http");
    int rc = 1;
    fcj_front_t *front = NULL;
    if (sodium_init () >= 0)
        front = fcj_front_new (config, *address? address: NULL, extra,
                               &s_stop, &error);
    if (front) {
        fcj_front_run (front);
        rc = 0;
    }
    else
        fprintf (stderr, "fcj-mcp: %s\n", error.text);
    fcj_front_destroy (&front);
    fcj_config_destroy (&config);
    return rc;
}
