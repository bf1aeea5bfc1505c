/*  main.c - fcj-broker: builds the world and hands it down.  */

#include "broker.h"
#include "../jobs/log.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

static volatile int s_stop;

static void
s_on_signal (int number)
{
    (void) number;
    s_stop = 1;
}

static fcj_level_t
s_level (const char *name)
{
    static const char *const names[] = { "debug", "info", "warning",
                                         "error" };
    for (int n = 0; n < 4; n++)
        if (strcmp (names[n], name) == 0)
            return (fcj_level_t) n;
    return FCJ_INFO;
}

int
main (int argc, char **argv)
{
    fcj_error_t error = { 0 };
    fcj_config_t *config = fcj_config_new (&argc, argv, &error);
    if (!config || argc > 1) {
        fprintf (stderr, "fcj-broker: %s\n", config ? "unknown argument: it "
                 "takes settings only (freecad-jobs.conf)" : error.text);
        return 2;
    }
    fcj_log_open ("broker", s_level (fcj_config_str (config, "log-level")),
                  fcj_config_bool (config, "log-json"));
    struct sigaction action = { .sa_handler = s_on_signal };
    sigaction (SIGTERM, &action, NULL);
    sigaction (SIGINT, &action, NULL);
    signal (SIGPIPE, SIG_IGN);
    fcj_broker_t *broker = fcj_broker_new (config, &error);
    if (!broker) {
        fcj_log (FCJ_ERROR, "cannot_start", "text", error.text, NULL);
        fcj_config_destroy (&config);
        return 1;
    }
    fcj_log (FCJ_INFO, "started", NULL);
    fcj_broker_run (broker, &s_stop);
    fcj_log (FCJ_INFO, "stopped", NULL);
    fcj_broker_destroy (&broker);
    fcj_config_destroy (&config);
    return 0;
}
