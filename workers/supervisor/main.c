/*  main.c - fcj-worker: settings in, supervisor out.  */

#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../jobs/log.h"
#include "../sandbox/walls.h"
#include "../../jobs/usage.h"

static void
s_options (const fcj_config_t *config, fcj_worker_options_t *options,
           char binaries[2][PATH_MAX], char catalogue[PATH_MAX])
{
    memset (options, 0, sizeof *options);
    snprintf (catalogue, PATH_MAX, "%s/catalogue.json",
              fcj_config_path (config, "state"));
    options->catalogue = catalogue;
    options->built = fcj_config_path (config, "catalogue");
    const char *libexec = fcj_config_path (config, "libexec");
    snprintf (binaries[0], PATH_MAX, "%s/fcj-zygote", libexec);
    snprintf (binaries[1], PATH_MAX, "%s/fcj-native", libexec);
    options->zygote_binary = binaries[0];
    options->native_binary = binaries[1];
    options->name = "worker";
    options->broker = fcj_config_path (config, "worker_endpoint");
    options->python = fcj_config_path (config, "python");
    options->scratch = fcj_config_path (config, "scratch");
    options->live = fcj_config_path (config, "live");
    options->blobs = fcj_config_path (config, "blobs");
    options->memo = fcj_config_path (config, "memo");
    options->memo_max = fcj_config_int (config, "memo-max");
    options->native_jobs = fcj_config_int (config, "native-jobs");
    options->native_growth = fcj_config_int (config, "native-growth");
    options->handlers = fcj_config_str (config, "handlers");
    options->roots = fcj_config_str (config, "roots");
    options->parts = fcj_config_str (config, "parts-library");
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

static void
s_gui_options (const fcj_config_t *config, fcj_worker_options_t *options)
{
    const char *display = fcj_config_str (config, "display");
    options->gui = fcj_config_bool (config, "gui");
    options->attach = (int) fcj_config_int (config, "attach");
    if (!options->gui)
        return;
    options->module_dir = fcj_config_path (config, "module");
    options->name = options->attach >= 0 ? "freecad" : "gui";
    options->freecad = fcj_config_str (config, "freecad");
    options->gui_dir = fcj_config_path (config, "gui_dir");
    options->dialogs = fcj_config_str (config, "gui-dialogs");
    options->display = *display ? display
        : getenv ("DISPLAY") ? getenv ("DISPLAY") : "";
    options->slots = 1;
    options->sandbox = false;
    options->uid_base = -1;
}

static int
s_count (const char *list)
{
    int count = 0;
    for (; *list; list++)
        count += *list != ':' && (list[1] == ':' || !list[1]);
    return count;
}

/*  What the walls have no room for would be missing there without a word.  */
static int
s_check (const fcj_worker_options_t *options, fcj_error_t *error)
{
    int roots = s_count (options->roots), most = FCJ_READABLE_MAX - 2;
    if (roots > FCJ_ROOTS_MAX)
        return fcj_fail (error, FCJ_INVALID, "roots names %d directories, "
                         "%d are possible; name one above them", roots,
                         FCJ_ROOTS_MAX);
    if (s_count (options->handlers) > most)
        return fcj_fail (error, FCJ_INVALID, "handlers names more than %d "
                         "directories", most);
    return 0;
}

int
main (int argc, char **argv)
{
    fcj_error_t error = { 0 };
    fcj_worker_options_t options;
    char binaries[2][PATH_MAX], catalogue[PATH_MAX];
    int status;
    fcj_config_t *config = fcj_usage_config ("fcj-worker", "worker", argc,
                                             argv, &status);

    if (!config)
        return status;
    s_options (config, &options, binaries, catalogue);
    s_gui_options (config, &options);
    int done = s_check (&options, &error)
        || fcj_config_make_scratch (config, &error)
        || fcj_supervisor_run (&options, &error);
    if (done)
        fcj_log (FCJ_ERROR, "worker_ended", "why", error.text, NULL);
    fcj_config_destroy (&config);
    return done ? 1 : 0;
}
