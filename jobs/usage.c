/*  usage.c - see usage.h. Help is the table of settings: it is all that there
 *  is to say on a command line.  */

#include "usage.h"
#include "job.h"
#include "log.h"
#include <stdio.h>
#include <string.h>

#define USAGE_ERROR 2

static void s_help (const char *program)
{
    const char *key, *standard, *help;
    printf ("usage: %s [--SETTING VALUE]...\n\nEach is also a variable "
            "(FCJ_LOG_LEVEL) and a line of freecad-jobs.conf.\n\n", program);
    for (size_t n = 0; (key = fcj_config_key (n, &standard, &help)); n++)
        printf ("  --%-18s %s%s%s%s\n", key, help, *standard ? " [" : "",
                standard, *standard ? "]" : "");
}

static int s_other (const char *program, const char *word)
{
    if (strcmp (word, "--help") == 0) {
        s_help (program);
        return 0;
    }
    if (strcmp (word, "--version") == 0) {
        printf ("%s %s\n", program, FCJ_VERSION);
        return 0;
    }
    fprintf (stderr, "%s: I do not know %s: it takes only settings, as "
             "--log-level debug; %s --help lists them\n", program, word,
             program);
    return USAGE_ERROR;
}

fcj_config_t *fcj_usage_config (const char *program, const char *part,
                                int argc, char **argv, int *status)
{
    fcj_error_t error = { 0 };
    fcj_config_t *config = fcj_config_new (&argc, argv, &error);
    *status = USAGE_ERROR;
    if (!config) {
        fprintf (stderr, "%s: %s\n", program, error.text);
        return NULL;
    }
    if (argc > 1) {
        *status = s_other (program, argv[1]);
        fcj_config_destroy (&config);
        return NULL;
    }
    fcj_log_open (part, (fcj_level_t) fcj_config_int (config, "log-level"),
                  fcj_config_bool (config, "log-json"));
    return config;
}
