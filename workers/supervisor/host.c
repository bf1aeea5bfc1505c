/*  host.c - FreeCAD with its window, in place of a zygote and its forks.
 *
 *      OFF -> DISPLAY (an Xvfb starts) -> SAVING (a fork of the last host
 *      writes its snapshot) -> STARTING -> UP -> OFF, when it ended
 *
 *  An attached one (a person's FreeCAD, which started us) is UP at once, is
 *  never killed, and ends us when it ends. Of what the host says this file
 *  keeps the documents and the snapshots, for service_status and for the
 *  next start; jobs are job.c's, as for any process.  */

#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../jobs/log.h"
#include "hostdir.h"

#define START_MS     120000     /* with the documents it opens */
#define DISPLAY_MS   10000
#define SAVING_MS    30000
#define BACKOFF_MS   250
#define BACKOFF_MAX  30000
#define SETTLED_MS   10000
#define RESTORES_MAX 6          /* starts that end, with one snapshot; one
                                 * document ends two (snapshot.py) */
#define ENVIRONMENT_MAX 24
#define LAST_WORD_MS 5000       /* a snapshot, at our end */

static void s_off (fcj_world_t *world);

/* ---- Starting ----------------------------------------------------------- */

static void
s_fail (fcj_world_t *world, const char *text)
{
    fcj_host_t *self = world->host;
    int64_t wait = BACKOFF_MS;
    for (int i = 0; i < self->failures && wait < BACKOFF_MAX; i++)
        wait *= 2;
    self->failures++;
    self->start_again = world->now + wait;
    snprintf (self->error, sizeof self->error, "%s", text);
    fcj_log (FCJ_ERROR, "gui_host", "why", text, NULL);
    if (self->failures > 1)
        fcj_link_info (world->link);
}

typedef struct {
    char *text[ENVIRONMENT_MAX + 1];
    int count;
} environment_t;

__attribute__ ((format (printf, 2, 3)))
static void
s_set (environment_t *self, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    if (self->count < ENVIRONMENT_MAX
        && vasprintf (&self->text[self->count], format, args) >= 0)
        self->count++;
    va_end (args);
}

static void
s_environment (const fcj_world_t *world, environment_t *all)
{
    const fcj_worker_options_t *options = &world->options;
    const fcj_host_t *self = world->host;
    const char *home = options->gui_dir, *authority = getenv ("XAUTHORITY");
    memset (all, 0, sizeof *all);
    s_set (all, "HOME=%s", home);
    s_set (all, "FREECAD_USER_HOME=%s", home);
    s_set (all, "FREECAD_USER_DATA=%s", home);
    s_set (all, "FREECAD_USER_TEMP=%s/tmp", home);
    s_set (all, "XDG_RUNTIME_DIR=%s/tmp", home);
    s_set (all, "TMPDIR=%s/tmp", home); /* thumbnails, FreeCAD's socket */
    s_set (all, "PATH=/usr/local/bin:/usr/bin:/bin");
    s_set (all, "LANG=C.UTF-8");
    s_set (all, "DISPLAY=%s", self->display.name);
    if (self->display.pid)
        s_set (all, "XAUTHORITY=%s", self->display.authority);
    else
        s_set (all, "XAUTHORITY=%s%s", authority ? authority
               : getenv ("HOME") ? getenv ("HOME") : "",
               authority ? "" : "/.Xauthority");
    s_set (all, "QT_QPA_PLATFORM=xcb");
    s_set (all, "QT_LOGGING_TO_CONSOLE=1");     /* not to the journal */
    if (geteuid () == 0)
        s_set (all, "QTWEBENGINE_DISABLE_SANDBOX=1");
    if (self->display.pid)
        s_set (all, "LIBGL_ALWAYS_SOFTWARE=1");
    s_set (all, "FCJ_PATHS=%s:%s", options->python, options->module_dir);
    s_set (all, "FCJ_HANDLERS=%s", options->handlers);
    s_set (all, "FCJ_HOST=%s\t%s", self->snapshots, self->restored);
}

__attribute__ ((noreturn))
static void
s_exec (const fcj_worker_options_t *options, char *const *environment,
        const char *boot, const int give[3], pid_t parent)
{
    sigset_t none;
    sigemptyset (&none);
    sigprocmask (SIG_SETMASK, &none, NULL);
    signal (SIGPIPE, SIG_DFL);
    prctl (PR_SET_PDEATHSIG, SIGKILL);
    setsid ();
    if (getppid () != parent || chdir (options->gui_dir))
        _exit (1);
    int null = open ("/dev/null", O_RDWR);
    dup2 (null, 0);
    dup2 (give[1], 1);
    dup2 (give[2], 2);
    if (give[0] == 3)
        fcntl (3, F_SETFD, 0);
    else
        dup2 (give[0], 3);
    close_range (4, ~0U, 0);
    execvpe (options->freecad, (char *const[]) {
        (char *) (uintptr_t) options->freecad,
        (char *) (uintptr_t) boot, NULL }, environment);
    dprintf (2, "%s cannot be started: %s\n", options->freecad,
             strerror (errno));
    _exit (127);
}

/*  Which snapshot to begin with: the newest, but not one that so many hosts
 *  did not survive. What is set aside is told for as long as we live.  */
static void
s_choose (fcj_host_t *self)
{
    char newest[PATH_MAX];
    fcj_hostdir_newest (self->snapshots, newest, sizeof newest);
    if (strcmp (newest, self->restored) != 0) {
        self->restores = 0;
        snprintf (self->restored, sizeof self->restored, "%s", newest);
    }
    if (self->restored[0] && ++self->restores > RESTORES_MAX) {
        snprintf (self->aside, sizeof self->aside, "FreeCAD ends when it "
                  "opens the documents of %.300s; it was started without "
                  "them, their copies are in %.300s.bad", self->restored,
                  self->restored);
        fcj_log (FCJ_ERROR, "snapshot_set_aside", "path", self->restored, NULL);
        fcj_hostdir_set_aside (self->restored);
        self->restored[0] = 0;
    }
}

static void
s_start (fcj_world_t *world)
{
    fcj_host_t *self = world->host;
    const fcj_worker_options_t *options = &world->options;
    char boot[PATH_MAX];
    int give[3];
    fcj_error_t error;
    s_choose (self);
    fcj_process_t *process = fcj_process_new (world, NULL, give, &error);
    if (!process) {
        s_fail (world, error.text);
        s_off (world);
        return;
    }
    environment_t environment;
    s_environment (world, &environment);
    snprintf (boot, sizeof boot, "%s/fcj_gui/boot.py", options->python);
    pid_t parent = getpid ();
    self->pid = fork ();
    if (self->pid == 0)
        s_exec (options, environment.text, boot, give, parent);
    for (int i = 0; i < environment.count; i++)
        free (environment.text[i]);
    for (int i = 0; i < 3; i++)
        close (give[i]);
    process->host = true;
    process->pid = self->pid;
    process->state = FCJ_P_STARTING;
    process->deadline = self->deadline = world->now + START_MS;
    self->process = process;
    self->state = FCJ_HOST_STARTING;
    self->started = world->now;
    self->why[0] = 0;
    self->given_up = false;
    world->broken[0] = 0;
    fcj_log (FCJ_INFO, "gui_host_started", "display", self->display.name,
             "restore", self->restored, NULL);
}

static void
s_begin (fcj_world_t *world)
{
    fcj_host_t *self = world->host;
    const char *display = world->options.display;
    fcj_error_t error;
    bool ours = strcmp (display, "xvfb") == 0;
    if (self->display.pid
        || (*display && !ours && fcj_display_answers (display))) {
        if (!self->display.pid)
            snprintf (self->display.name, sizeof self->display.name, "%s",
                      display);
    } else {
        if (*display && !ours)
            fcj_log (FCJ_WARNING, "no_display", "display", display, "instead",
                     "xvfb", NULL);
        if (fcj_display_start (&self->display, world->options.gui_dir,
                               &error)) {
            s_fail (world, error.text);
            return;
        }
    }
    self->state = FCJ_HOST_DISPLAY;
    self->deadline = world->now + DISPLAY_MS;
}

static void
s_tick_display (fcj_world_t *world)
{
    fcj_host_t *self = world->host;
    if (self->display.name[0] || fcj_display_ready (&self->display)) {
        self->state = FCJ_HOST_SAVING;
        self->deadline = world->now + SAVING_MS;
    } else if (!self->display.pid || world->now >= self->deadline) {
        fcj_display_stop (&self->display);
        self->state = FCJ_HOST_OFF;
        s_fail (world, "Xvfb does not start, so there is no window: install "
                "it (apt-get install xvfb), or set DISPLAY");
    }
}

/* ---- Ends --------------------------------------------------------------- */

static void
s_off (fcj_world_t *world)
{
    fcj_host_t *self = world->host;
    bool was_up = self->state == FCJ_HOST_UP;
    self->state = FCJ_HOST_OFF;
    self->process = NULL;
    self->pid = 0;
    fcj_map_destroy (&self->documents);
    if (was_up)
        fcj_link_hello (world->link);           /* no slot for a while */
}

static void
s_on_exit (fcj_world_t *world, int status)
{
    fcj_host_t *self = world->host;
    fcj_process_t *process = self->process;
    bool was_up = self->state == FCJ_HOST_UP;
    char text[600];
    if (!was_up)
        fcj_process_drain (world, process);
    const char *last = world->broken[0] ? world->broken : "";
    snprintf (text, sizeof text, "FreeCAD ended (%s %d) %s%s",
              WIFSIGNALED (status) ? "signal" : "exit code",
              WIFSIGNALED (status) ? WTERMSIG (status)
              : WEXITSTATUS (status), last[0] ? ": " : "", last);
    bool settled = world->now - self->started > SETTLED_MS;
    if (settled || was_up)
        self->failures = 0;
    if (settled || (was_up && (process->job || self->why[0])))
        self->restores = 0;     /* what ended it was not the documents */
    fcj_process_on_exit (world, process, status, 0, 0);
    s_off (world);
    self->restarts++;
    if (was_up) {
        self->start_again = world->now;
        fcj_log (FCJ_WARNING, "gui_host_ended", "how", text, NULL);
    } else
        s_fail (world, text);
}

void
fcj_host_kill_group (const fcj_world_t *world, pid_t pid)
{
    if (world->host && pid == world->host->pid)
        kill (-pid, SIGKILL);
}

bool
fcj_host_on_child (fcj_world_t *world, pid_t pid, int status)
{
    fcj_host_t *self = world->host;
    if (pid == self->pid && pid)
        s_on_exit (world, status);
    else if (pid == self->display.pid && pid) {
        fcj_display_ended (&self->display);
        fcj_log (FCJ_WARNING, "display_ended", NULL);
        snprintf (self->why, sizeof self->why, "the X server of FreeCAD's "
                  "window ended; both are started again, with the documents "
                  "as they were before this job");
        if (self->process)
            fcj_process_kill (self->process, SIGKILL);
    } else
        return false;
    return true;
}

void
fcj_host_on_close (fcj_world_t *world, fcj_process_t *process)
{
    fcj_host_t *self = world->host;
    if (world->options.attach < 0) {
        fcj_process_kill (process, SIGKILL);    /* its exit follows */
        return;
    }
    if (!self->why[0])
        snprintf (self->why, sizeof self->why, "the user's FreeCAD ended");
    self->state = FCJ_HOST_OFF;
    fcj_process_on_exit (world, process, 0, 0, 0);
    self->process = NULL;
    raise (SIGTERM);                            /* drain, as if told to */
}

void
fcj_host_tick (fcj_world_t *world)
{
    fcj_host_t *self = world->host;
    fcj_host_look_at_snapshot (world);
    if (world->options.attach >= 0)
        return;
    if (self->state == FCJ_HOST_OFF && !world->draining
        && world->now >= self->start_again)
        s_begin (world);
    if (self->state == FCJ_HOST_DISPLAY)
        s_tick_display (world);
    if (self->state == FCJ_HOST_SAVING
        && ((!self->snapshot && !fcj_hostdir_writing (self->snapshots))
            || world->now >= self->deadline))
        s_start (world);
    if (self->state == FCJ_HOST_STARTING && world->now >= self->deadline) {
        snprintf (world->broken, sizeof world->broken, "it was not ready "
                  "after %d s", START_MS / 1000);
        fcj_process_kill (self->process, SIGKILL);
        self->deadline = INT64_MAX;
    }
}

/* ---- The class ---------------------------------------------------------- */

static int
s_attach (fcj_world_t *world, fcj_error_t *error)
{
    fcj_host_t *self = world->host;
    int give[3];
    fcj_process_t *process = fcj_process_new (world, NULL, give, error);
    if (!process)
        return -1;
    /*  Its descriptors are replaced by those of the person's FreeCAD.  */
    for (int i = 0; i < 3; i++)
        close (give[i]);
    dup2 (world->options.attach, process->control);
    close (world->options.attach);
    fcntl (process->control, F_SETFD, FD_CLOEXEC);
    fcj_world_watch (world, process->control, FCJ_ON_CONTROL, process->index,
                     process->generation);
    process->host = true;
    process->state = FCJ_P_STARTING;
    process->deadline = INT64_MAX;
    self->process = process;
    self->state = FCJ_HOST_STARTING;
    return 0;
}

fcj_host_t *
fcj_host_new (fcj_world_t *world, fcj_error_t *error)
{
    fcj_host_t *self = calloc (1, sizeof *self);
    world->host = self;
    if (!self)
        return NULL;
    self->display.fd = -1;
    snprintf (self->snapshots, sizeof self->snapshots, "%s/snapshots",
              world->options.gui_dir);
    int done = world->options.attach >= 0 ? s_attach (world, error)
        : fcj_hostdir_make (world->options.gui_dir, error);
    if (done)
        fcj_host_destroy (world);
    return world->host;
}

/*  The last snapshot's fork is in a process group of its own and would finish
 *  without us; but who comes next should find it.  */
static void
s_await_snapshot (const fcj_host_t *self)
{
    const struct timespec pause = { .tv_nsec = 10000000 };
    int64_t number = self->snapshot
        ? fcj_map_int (self->snapshot, "number", 0) : 0;
    pid_t pid = self->snapshot
        ? (pid_t) fcj_map_int (self->snapshot, "pid", 0) : 0;
    int64_t until = fcj_mono_ms () + LAST_WORD_MS;
    while (pid > 0 && !fcj_hostdir_has (self->snapshots, number)
           && waitpid (pid, NULL, WNOHANG) <= 0 && kill (pid, 0) == 0
           && fcj_mono_ms () < until)
        nanosleep (&pause, NULL);
}

void
fcj_host_destroy (fcj_world_t *world)
{
    fcj_host_t *self = world->host;
    if (!self)
        return;
    if (self->pid > 0) {
        kill (-self->pid, SIGKILL);
        kill (self->pid, SIGKILL);
        waitpid (self->pid, NULL, 0);
        if (self->process)
            self->process->pid = 0;
    }
    s_await_snapshot (self);
    fcj_display_stop (&self->display);
    fcj_map_destroy (&self->documents);
    fcj_map_destroy (&self->snapshot);
    fcj_map_destroy (&self->saved);
    free (self->documents_bytes);
    free (self->snapshot_bytes);
    free (self->saved_bytes);
    free (self->info);
    free (self->catalogue);
    free (self->problems);
    free (self);
    world->host = NULL;
}
