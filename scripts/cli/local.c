/*  local.c - fcj up, down, status: the service itself.  */

#include "commands.h"
#include "local.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define UP_LIMIT_MS   70000
#define DOWN_LIMIT_MS 40000
#define STATUS_LIMIT_MS 3000

char *local_flags[LOCAL_FLAGS_MAX + 1];

static void s_exec (link_t *link, bool daemon)
{
    char program[4096];
    char *argv[LOCAL_FLAGS_MAX + 6];
    int count = 0;
    snprintf (program, sizeof program, "%s/fcj-service",
              fcj_config_path (link->config, "libexec"));
    argv[count++] = program;
    for (char **flag = local_flags; *flag; flag++)
        argv[count++] = *flag;
    if (daemon)
        argv[count++] = (char *) "--daemon";
    argv[count] = NULL;
    execv (program, argv);
    fprintf (stderr, "fcj: cannot start %s: %s\n", program,
             strerror (errno));
}

static const char *s_text (const json_t *object, const char *key)
{
    const char *text = json_string_value (json_object_get (object, key));
    return text ? text : "";
}

/*  Whether it listens where we are told to: one that was up before keeps the
 *  settings that it was started with.  */
static bool s_serves (const link_t *link, const json_t *line)
{
    const char *wanted = fcj_config_str (link->config, "http");
    const char *http = strstr (s_text (line, "http"), "://");
    size_t size = strlen (wanted);
    bool same = !size || (http && strncmp (http + 3, wanted, size) == 0
                          && http[3 + size] == '/');
    if (!same)
        fprintf (stderr, "fcj: it was up before and does not listen on %s; "
                 "`fcj down`, then `fcj up` with --http\n", wanted);
    return same;
}

/*  Follows service.sock to ready or failed; -1 when the service went away
 *  before.  */
static int s_follow (link_t *link, int64_t limit_ms)
{
    static const char stay[] = "{\"cmd\":\"stay\"}\n";
    int64_t end = fcj_mono_ms () + limit_ms;
    int fd = -1, status = CLI_AWAY;
    while (fd < 0 && fcj_mono_ms () < end) {
        fd = link_service (link);
        if (fd < 0)
            usleep (10000);
    }
    if (fd >= 0)                /* one that a client started is ours, too */
        (void) !send (fd, stay, sizeof stay - 1, MSG_NOSIGNAL);
    while (fd >= 0 && fcj_mono_ms () < end) {
        json_t *line = link_service_line (fd, (int) (end - fcj_mono_ms ()));
        if (!line) {
            close (fd);
            return -1;
        }
        bool ready = strcmp (s_text (line, "state"), "ready") == 0
                     || strcmp (s_text (line, "state"), "degraded") == 0;
        bool failed = strcmp (s_text (line, "state"), "failed") == 0;
        if ((ready || failed) && link->json) {
            show_json (line);
        } else if (ready) {
            const char *http = s_text (line, "http");
            printf ("freecad-jobs is up%s%s\n", *http ? " at " : "", http);
        } else if (failed) {
            fprintf (stderr, "fcj: %s\nfcj: it goes on trying; `fcj down` "
                     "ends that.\n", s_text (line, "error"));
        }
        if (ready || failed) {
            status = !ready ? CLI_AWAY : s_serves (link, line) ? CLI_OK
                   : CLI_FAILED;
            json_decref (line);
            break;
        }
        json_decref (line);
    }
    if (fd >= 0)
        close (fd);
    else
        fprintf (stderr, "fcj: the service did not start; its log is "
                 "%s/service.log\n",
                 fcj_config_path (link->config, "log_dir"));
    return status;
}

int cmd_up (link_t *link, int argc, char **argv)
{
    bool foreground = false, bad = false;
    for (int n = 1; n < argc; n++) {
        if (strcmp (argv[n], "--foreground") == 0)
            foreground = true;
        else
            bad = true;
    }
    if (bad) {
        fprintf (stderr, "usage: fcj up [--http ADDRESS:PORT] "
                 "[--foreground]\n");
        return CLI_USAGE;
    }
    if (foreground) {
        s_exec (link, false);
        return CLI_AWAY;
    }
    int fd = link_service (link);
    if (fd >= 0) {
        close (fd);                     /* it is there: just tell how it is */
        int there = s_follow (link, UP_LIMIT_MS);
        if (there >= 0)
            return there;
    }
    pid_t pid = fork ();
    if (pid == 0) {
        s_exec (link, true);
        _exit (1);
    }
    int status = 1;
    if (pid < 0 || waitpid (pid, &status, 0) < 0 || status != 0) {
        fprintf (stderr, "fcj: fcj-service did not start\n");
        return CLI_AWAY;
    }
    int status_now = s_follow (link, UP_LIMIT_MS);
    if (status_now < 0)
        fprintf (stderr, "fcj: the service ended at once; its log is "
                 "%s/service.log\n",
                 fcj_config_path (link->config, "log_dir"));
    return status_now < 0 ? CLI_AWAY : status_now;
}

int cmd_down (link_t *link, int argc, char **argv)
{
    static const char stop[] = "{\"cmd\":\"stop\"}\n";
    (void) argv;
    if (argc > 1) {
        fprintf (stderr, "usage: fcj down\n");
        return CLI_USAGE;
    }
    int fd = link_service (link);
    if (fd < 0) {
        puts (link->json ? "{\"state\":\"down\"}"
                         : "freecad-jobs is not running");
        return CLI_OK;
    }
    int64_t end = fcj_mono_ms () + DOWN_LIMIT_MS;
    bool gone = send (fd, stop, sizeof stop - 1, MSG_NOSIGNAL) < 0;
    while (!gone && fcj_mono_ms () < end) {
        char rest[4096];
        struct timeval limit = { .tv_usec = 200000 };
        setsockopt (fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ssize_t got = recv (fd, rest, sizeof rest, 0);
        gone = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
    }
    close (fd);
    if (link->json)
        printf ("{\"state\":\"%s\"}\n", gone ? "down" : "stopping");
    else
        printf ("freecad-jobs is %s\n", gone ? "down" : "still stopping");
    return gone ? CLI_OK : CLI_FAILED;
}

static void s_show_window (const json_t *worker, const json_t *gui)
{
    const json_t *one;
    size_t n;
    printf ("window     %s: %s%s on %s\n",
            show_plain (s_text (worker, "name"), 40), s_text (gui, "state"),
            json_is_true (json_object_get (gui, "holder")) ? ""
            : ", standby", show_plain (s_text (gui, "display"), 40));
    if (*s_text (gui, "error"))
        printf ("           %s\n", show_plain (s_text (gui, "error"), 250));
    json_array_foreach (json_object_get (gui, "documents"), n, one) {
        int64_t at = json_integer_value (json_object_get (one,
                                                          "snapshot_at"));
        char age[64] = "no snapshot";
        if (at)
            snprintf (age, sizeof age, "snapshot %s old",
                      show_ms (fcj_now_ms () - at));
        printf ("           %s%s: %lld objects, %s\n",
                show_plain (s_text (one, "label"), 60),
                json_is_true (json_object_get (one, "modified"))
                ? " (modified)" : "",
                (long long) json_integer_value (json_object_get (one,
                                                                 "objects")),
                age);
    }
}

static void s_show_status (const json_t *service, const json_t *broker)
{
    printf ("service    %s (process %lld)%s%s\n", s_text (service, "state"),
            (long long) json_integer_value (json_object_get (service,
                                                             "pid")),
            *s_text (service, "http") ? ", " : "", s_text (service, "http"));
    if (*s_text (service, "error"))
        printf ("           %s\n", s_text (service, "error"));
    if (!broker)
        return;
    const json_t *queued = json_object_get (broker, "queued"), *one;
    printf ("broker     %s, up %s, store %s\n", s_text (broker, "version"),
            show_ms (json_integer_value (json_object_get (broker,
                                                          "uptime_ms"))),
            s_text (broker, "store"));
    printf ("jobs       %lld queued, %lld waiting for others, %lld running\n",
            (long long) (json_integer_value (json_object_get (queued,
                                                              "compute"))
            + json_integer_value (json_object_get (queued, "gui"))),
            (long long) json_integer_value (json_object_get (broker,
                                                             "waiting")),
            (long long) json_integer_value (json_object_get (broker,
                                                             "running")));
    size_t n;
    json_array_foreach (json_object_get (broker, "workers"), n, one) {
        const json_t *info = json_object_get (one, "info");
        if (json_object_get (info, "gui")) {
            s_show_window (one, json_object_get (info, "gui"));
            continue;
        }
        printf ("worker     %s: %lld of %lld slots busy, FreeCAD %s, "
                "Landlock %lld\n", show_plain (s_text (one, "name"), 40),
                (long long) json_integer_value (json_object_get (one,
                                                                 "busy")),
                (long long) json_integer_value (json_object_get (one,
                                                                 "slots")),
                show_plain (s_text (info, "freecad"), 40),
                (long long) json_integer_value (json_object_get (
                    info, "landlock")));
        if (*s_text (info, "error"))
            printf ("           %s\n", show_last (s_text (info, "error"),
                                                  250));
    }
}

int cmd_status (link_t *link, int argc, char **argv)
{
    (void) argv;
    if (argc > 1) {
        fprintf (stderr, "usage: fcj status (of a job: fcj result JOB)\n");
        return CLI_USAGE;
    }
    fcj_error_t error = { 0 };
    int fd = link_service (link);
    json_t *service = fd >= 0 ? link_service_line (fd, STATUS_LIMIT_MS)
                              : NULL;
    json_t *broker = link_ask (link, "STATUS", NULL, STATUS_LIMIT_MS, &error);
    if (fd >= 0)
        close (fd);
    if (link->json) {
        json_t *all = json_pack ("{s:O?,s:O?}", "service", service,
                                 "broker", broker);
        show_json (all);
        json_decref (all);
    } else if (!service && !broker) {
        puts ("freecad-jobs is not running; start it with `fcj up`");
    } else {
        s_show_status (service, broker);
    }
    bool ready = broker && (!service || strcmp (s_text (service, "state"),
                                                "failed") != 0);
    json_decref (service);
    json_decref (broker);
    return ready ? CLI_OK : CLI_AWAY;
}
