/*  main.c - fcj-broker: builds the world and hands it down.  */

#include "broker.h"
#include "../jobs/log.h"
#include "../jobs/usage.h"
#include <signal.h>

static volatile int s_stop;

static void
s_on_signal (int number)
{
    (void) number;
    s_stop = 1;
}

int
main (int argc, char **argv)
{
    fcj_error_t error = { 0 };
    int status;
    fcj_config_t *config = fcj_usage_config ("fcj-broker", "broker", argc,
                                             argv, &status);
    if (!config)
        return status;
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
