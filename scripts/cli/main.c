/*  fcj - freecad-jobs from a terminal.
 *
 *  fcj [settings] [--json] COMMAND ...; settings are those of the service
 *  (scripts/freecad-jobs.conf). Exit status: 0 ok, 1 the job failed, 2 wrong
 *  usage, 3 the service is not there.  */

#include "commands.h"
#include "local.h"
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *name;
    int (*run) (link_t *link, int argc, char **argv);
    const char *help;
} s_commands[] = {
    { "up",     cmd_up,     "start the service   [--http ADDRESS:PORT] "
                            "[--foreground]" },
    { "down",   cmd_down,   "stop it; queued jobs are kept" },
    { "status", cmd_status, "the service, its queue and workers" },
    { "submit", cmd_submit, "FILE.py | -c CODE | --tool NAME --arguments "
                            "JSON   [--wait] ..." },
    { "wait",   cmd_wait,   "JOB   [--timeout SECONDS]" },
    { "result", cmd_result, "JOB   [ARTIFACT [-o FILE]]" },
    { "log",    cmd_log,    "JOB   [-f]" },
    { "answer", cmd_answer, "JOB accept [JSON] | decline | cancel: what "
                            "it asks" },
    { "cancel", cmd_cancel, "JOB" },
    { "list",   cmd_list,   "your jobs, newest first   [STATE] [--tool NAME] "
                            "[--limit N]" },
    { "top",    cmd_top,    "a live view" },
    { "token",  cmd_token,  "add NAME [--scope read|run|admin] [--owner "
                            "OWNER] | list | remove NAME" },
    { "addon",  cmd_addon,  "install | remove: your own FreeCAD as the window "
                            "of the service" },
    { "doctor", cmd_doctor, "what is missing or weak on this machine" },
};
#define COMMANDS (sizeof s_commands / sizeof *s_commands)

static int s_help (FILE *out, int status)
{
    fprintf (out, "fcj %s - jobs for FreeCAD\n\nusage: fcj [--json] COMMAND "
             "...\n\n", FCJ_VERSION);
    for (size_t n = 0; n < COMMANDS; n++)
        fprintf (out, "  %-7s %s\n", s_commands[n].name,
                 s_commands[n].help);
    fprintf (out, "\nSettings: --SETTING VALUE, FCJ_SETTING, or the file "
             "freecad-jobs.conf.\nExit status: 0 ok, 1 job failed, 2 usage, "
             "3 service not there.\n");
    return status;
}

static int s_flags (int argc, char **argv, char **all)
{
    int count = 0;
    for (int n = 1; n < argc && count < LOCAL_FLAGS_MAX; n++)
        all[count++] = argv[n];
    return count;
}

/*  What the reader of settings took away are settings.  */
static void s_keep_settings (char **all, int count, int argc, char **argv)
{
    int kept = 0;
    for (int n = 0; n < count; n++) {
        bool left = false;
        for (int m = 1; m < argc; m++)
            left = left || argv[m] == all[n];
        if (!left)
            local_flags[kept++] = all[n];
    }
}

static bool s_take_json (int *argc, char **argv)
{
    int kept = 0;
    for (int n = 0; n < *argc; n++)
        if (strcmp (argv[n], "--json") != 0)
            argv[kept++] = argv[n];
    bool found = kept != *argc;
    argv[*argc = kept] = NULL;
    return found;
}

static int s_run (link_t *link, int argc, char **argv)
{
    for (size_t n = 0; argc > 1 && n < COMMANDS; n++) {
        if (strcmp (argv[1], s_commands[n].name) != 0)
            continue;
        if (argc == 3 && strcmp (argv[2], "--help") == 0
            && s_commands[n].run != cmd_submit) {       /* it has a page */
            printf ("fcj %s: %s\n`fcj help` names all commands.\n", argv[1],
                    s_commands[n].help);
            return CLI_OK;
        }
        return s_commands[n].run (link, argc - 1, argv + 1);
    }
    if (argc > 1 && (strcmp (argv[1], "help") == 0
                     || strcmp (argv[1], "--help") == 0))
        return s_help (stdout, CLI_OK);
    if (argc > 1 && strcmp (argv[1], "--version") == 0) {
        puts (FCJ_VERSION);
        return CLI_OK;
    }
    if (argc > 1)
        fprintf (stderr, "fcj: there is no command %s\n\n", argv[1]);
    return s_help (stderr, CLI_USAGE);
}

/*  The setting, else the login name of who runs this.  */
static const char *s_owner (const fcj_config_t *config)
{
    static char name[128];
    const char *owner = fcj_config_str (config, "owner");
    struct passwd *entry = *owner ? NULL : getpwuid (getuid ());
    if (entry)
        snprintf (name, sizeof name, "%s", entry->pw_name);
    else if (!*owner)
        snprintf (name, sizeof name, "uid-%u", getuid ());
    return *owner ? owner : name;
}

int main (int argc, char **argv)
{
    fcj_error_t error = { 0 };
    char *all[LOCAL_FLAGS_MAX];
    link_t link = { .umask = umask (077),
                    .json = s_take_json (&argc, argv) };
    int count = s_flags (argc, argv, all);
    fcj_config_t *config = fcj_config_new (&argc, argv, &error);
    if (!config) {
        fprintf (stderr, "fcj: %s\n", error.text);
        return CLI_USAGE;
    }
    s_keep_settings (all, count, argc, argv);
    link.config = config;
    link.owner = s_owner (config);
    int status = s_run (&link, argc, argv);
    link_close (&link);
    fcj_config_destroy (&config);
    return status;
}
