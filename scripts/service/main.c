/*  fcj-service - the local service as one program; see service.h.
 *
 *      fcj-service [--daemon] [--auto] [--http ADDRESS:PORT] [settings]
 *
 *  --daemon returns at once; whoever started it follows on service.sock.
 *  --auto leaves when no client is connected and no job is live for a while
 *  (idle-s). A second service in the same run directory ends with
 *  status 0: the first one serves.  */

#include "logfile.h"
#include "service.h"
#include "../../jobs/log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLAGS_MAX 100
#define LOCK_TRIES 20

typedef struct {
    bool daemon, automatic;
    const char *http;
    char *flags[FLAGS_MAX + 1];         /* for the parts */
    int count;
} options_t;

/*  The value of `--name VALUE` or `--name=VALUE` at argv[*n], else NULL.  */
static const char *s_value (char **argv, int *n, const char *name)
{
    size_t size = strlen (name);
    if (strncmp (argv[*n], name, size) != 0)
        return NULL;
    if (argv[*n][size] == '=')
        return argv[*n] + size + 1;
    if (argv[*n][size] == 0 && argv[*n + 1])
        return argv[++*n];
    return NULL;
}

/*  Takes our own flags out; all others are settings, ours and the parts'.  */
static void s_options (options_t *self, int *argc, char **argv)
{
    int kept = 1;
    for (int n = 1; n < *argc; n++) {
        const char *value;
        if (strcmp (argv[n], "--daemon") == 0)
            self->daemon = true;
        else if (strcmp (argv[n], "--auto") == 0)
            self->automatic = true;
        else if ((value = s_value (argv, &n, "--http")))
            self->http = value;
        else
            argv[kept++] = argv[n];
    }
    argv[kept] = NULL;
    *argc = kept;
    for (int n = 1; n < kept && self->count < FLAGS_MAX; n++)
        self->flags[self->count++] = argv[n];
}

/*  On in the grandchild, with no terminal; the first process leaves. The
 *  working directory stays: settings may name files relative to it.  */
static void s_daemonize (const char *log_dir)
{
    char log[4096];
    snprintf (log, sizeof log, "%s/service.log", log_dir);
    if (fork () != 0)
        _exit (0);
    setsid ();
    if (fork () != 0)
        _exit (0);
    int null = open ("/dev/null", O_RDWR);
    int out = fcj_logfile_open (log);
    dup2 (null, 0);
    dup2 (null, 1);
    dup2 (out >= 0 ? out : null, 2);
    if (null > 2)
        close (null);
    if (out > 2)
        close (out);
}

/*  The lock's descriptor, or -1: another service serves here.  */
static int s_lock (const char *run)
{
    char path[4096];
    snprintf (path, sizeof path, "%s/service.lock", run);
    int fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        fprintf (stderr, "fcj-service: cannot open %s: %s\n", path,
                 strerror (errno));
        exit (1);
    }
    for (int n = 0; flock (fd, LOCK_EX | LOCK_NB) < 0; n++) {
        if (n == LOCK_TRIES) {
            close (fd);
            return -1;
        }
        usleep (10000);         /* one that is just leaving holds it still */
    }
    if (ftruncate (fd, 0) == 0)
        dprintf (fd, "%d\n", (int) getpid ());
    return fd;
}

static int s_serve (const fcj_config_t *config, const options_t *options)
{
    if (options->daemon)
        s_daemonize (fcj_config_path (config, "log_dir"));
    fcj_log_open ("service", (fcj_level_t) fcj_config_int (config, "log-level"),
                  fcj_config_bool (config, "log-json"));
    int lock = s_lock (fcj_config_path (config, "run"));
    if (lock < 0) {
        fprintf (stderr, "fcj-service: already running in %s\n",
                 fcj_config_path (config, "run"));
        return 0;
    }
    const char *http = options->http ? options->http
                                     : fcj_config_str (config, "http");
    fcj_service_args_t args = {
        .automatic = options->automatic,
        .idle_s = fcj_config_int (config, "idle-s"),
        .http = *http ? http : NULL,
        .flags = options->flags,
    };
    int status = fcj_service_run (config, &args);
    close (lock);
    return status;
}

int main (int argc, char **argv)
{
    options_t options = { 0 };
    fcj_error_t error = { 0 };
    umask (077);
    s_options (&options, &argc, argv);
    fcj_config_t *config = fcj_config_new (&argc, argv, &error);
    if (!config) {
        fprintf (stderr, "fcj-service: %s\n", error.text);
        return 2;
    }
    if (argc > 1) {
        fprintf (stderr, "fcj-service: I do not know %s\nusage: fcj-service "
                 "[--daemon] [--auto] [--http ADDRESS:PORT] [--SETTING "
                 "VALUE]...\n", argv[1]);
        fcj_config_destroy (&config);
        return 2;
    }
    int status = s_serve (config, &options);
    fcj_config_destroy (&config);
    return status;
}
