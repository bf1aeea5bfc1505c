/*  main.c - fcj-worker: settings in, supervisor out.  */

#include "world.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../jobs/config.h"
#include "../../jobs/log.h"

static void
s_options (const fcj_config_t *config, fcj_worker_options_t *options,
           char *binary, size_t size)
{
    memset (options, 0, sizeof *options);
    snprintf (binary, size, "%s/fcj-zygote",
              fcj_config_path (config, "libexec"));
    options->zygote_binary = binary;
    options->name = "worker";
    options->broker = fcj_config_path (config, "worker_endpoint");
    options->python = fcj_config_path (config, "python");
    options->scratch = fcj_config_path (config, "scratch");
    options->live = fcj_config_path (config, "live");
    options->blobs = fcj_config_path (config, "blobs");
    options->handlers = fcj_config_str (config, "handlers");
    options->roots = fcj_config_str (config, "roots");
    options->roots_write = fcj_config_bool (config, "roots-write");
    options->network = fcj_config_bool (config, "network");
    options->sandbox = fcj_config_bool (config, "sandbox");
    options->memory_max = fcj_config_int (config, "memory-max");
    options->output_max = fcj_config_int (config, "output-max");
    options->artifact_max = fcj_config_int (config, "artifact-max");
    options->processes_max = fcj_config_int (config, "processes-max");
    options->timeout_s = fcj_config_int (config, "timeout-s");
    options->ask_s = fcj_config_int (config, "ask-s");
    options->beat_ms = fcj_config_int (config, "beat-ms");
    options->uid_base = geteuid () == 0 && options->sandbox
        ? fcj_config_int (config, "job-uid-base") : -1;
    options->slots = (int) fcj_config_int (config, "slots");
    if (options->slots == 0)
        options->slots = (int) sysconf (_SC_NPROCESSORS_ONLN);
    if (options->slots > FCJ_SLOTS_MAX)
        options->slots = FCJ_SLOTS_MAX;
}

static fcj_level_t
s_level (const char *name)
{
    static const char *const names[] = { "debug", "info", "warning" };
    for (int i = 0; i < 3; i++)
        if (strcmp (name, names[i]) == 0)
            return (fcj_level_t) i;
    return FCJ_ERROR;
}

int
main (int argc, char **argv)
{
    fcj_error_t error = { 0 };
    fcj_worker_options_t options;
    char binary[PATH_MAX];
    fcj_config_t *config = fcj_config_new (&argc, argv, &error);

    if (!config) {
        fprintf (stderr, "fcj-worker: %s\n", error.text);
        return 2;
    }
    fcj_log_open ("worker", s_level (fcj_config_str (config, "log-level")),
                  fcj_config_bool (config, "log-json"));
    if (fcj_config_bool (config, "gui")) {
        fprintf (stderr, "fcj-worker: the gui lane is not served yet; start "
                 "without --gui\n");
        fcj_config_destroy (&config);
        return 2;
    }
    s_options (config, &options, binary, sizeof binary);
    int done = fcj_supervisor_run (&options, &error);
    if (done)
        fcj_log (FCJ_ERROR, "worker_ended", "why", error.text, NULL);
    fcj_config_destroy (&config);
    return done ? 1 : 0;
}
