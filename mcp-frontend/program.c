/*  program.c - the life of the process: settings, signals, the loop. */

#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>
#include "extra.h"
#include "../jobs/usage.h"

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

int fcj_mcp_main (int argc, char **argv, const fcj_extra_t *extra)
{
    fcj_error_t error;
    int rc;
    fcj_config_t *config = fcj_usage_config ("fcj-mcp", "mcp", argc, argv,
                                             &rc);
    if (!config)
        return rc;
    s_catch_signals ();
    s_raise_files ();
    const char *address = fcj_config_str (config, "http");
    if (!*address && isatty (0))
        fprintf (stderr, "fcj-mcp: an MCP client starts this and speaks to "
                 "its stdin; for a terminal there is `fcj help`\n");
    rc = 1;
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
