/*  main.c - fcj-zygote: FreeCAD imported once, forked for each job.
 *
 *  It imports and nothing else. One parallel boolean here would start TBB's
 *  threads, and every child forked later would wait for ever in its own; so
 *  it refuses to fork unless it is single-threaded, and ends. Between two
 *  packets it sleeps in poll. When the supervisor goes (end of file, or
 *  SIGTERM by its death), every job process group goes with it.
 *
 *      fcj-zygote --python DIR [--handlers DIR]... [--sandbox off]
 *                 [--network on] [--root [w:]PATH]... [--read PATH]...
 *                 [--catalogue FILE]                                     */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../jobs/codec.h"
#include "../../jobs/limits.h"
#include "../common/frame.h"
#include "../sandbox/walls.h"
#include "../zygote/child.h"
#include "../zygote/mappings.h"
#include "../zygote/python.h"
#include "../zygote/threads.h"

#define CONTROL         3
#define ARGS_MAX        64
#define CATALOGUE_MAX   (48 * 1024)
#define ERROR_MAX       4096
#define CHILDREN_MAX    512

typedef struct {
    const char *python, *catalogue_file;
    const char *handlers[ARGS_MAX + 1];
    size_t handler_count;
    fcj_walls_t walls;
    int signals;
    sigset_t mask;
    pid_t children[CHILDREN_MAX];
} zygote_t;

static void s_send (const fcj_pack_t *packet);

static int
s_read_args (zygote_t *self, int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *flag = argv[i], *value = argv[i + 1];
        if (strcmp (flag, "--python") == 0)
            self->python = value;
        else if (strcmp (flag, "--handlers") == 0
                 && self->handler_count < ARGS_MAX)
            self->handlers[self->handler_count++] = value;
        else if (strcmp (flag, "--catalogue") == 0)
            self->catalogue_file = value;
        else
            fcj_walls_take (&self->walls, flag, value);
    }
    return self->python ? 0 : -1;
}

/*  A job may import the native kernel, which lies beside the programs of a
 *  build or where it was installed.  */
static void
s_read_modules (zygote_t *self)
{
    static const char *const places[] = { "../lib", "../lib/freecad-jobs",
                                          "../../lib/freecad-jobs" };
    static char found[PATH_MAX];
    char exe[PATH_MAX], path[PATH_MAX + 64];
    ssize_t size = readlink ("/proc/self/exe", exe, sizeof exe - 1);
    if (size <= 0)
        return;
    exe[size] = 0;
    *strrchr (exe, '/') = 0;
    for (size_t i = 0; i < 3; i++) {
        snprintf (path, sizeof path, "%s/%s/_fcj_kernel.so", exe, places[i]);
        if (access (path, R_OK) == 0 && realpath (path, found)) {
            *strrchr (found, '/') = 0;
            fcj_walls_read (&self->walls, found);
            return;
        }
    }
}

/*  FreeCAD turns a crash into exit code 1 by handlers of its own; Qt and
 *  others may have left theirs. All back to what the kernel does.  */
static void
s_default_signals (void)
{
    for (int number = 1; number < NSIG; number++)
        if (number != SIGKILL && number != SIGSTOP)
            signal (number, SIG_DFL);
}

static void
s_say_broken (const char *why)
{
    fcj_pack_t *packet = fcj_pack_new ();
    size_t size = strlen (why);
    /*  The end of a traceback says most.  */
    if (size > ERROR_MAX) {
        why += size - ERROR_MAX;
        while ((*why & 0xC0) == 0x80)
            why++;
    }
    fcj_pack_map (packet, 2);
    fcj_pack_kstr (packet, "type", "broken");
    fcj_pack_kstr (packet, "error", why);
    s_send (packet);
    fcj_pack_destroy (&packet);
}

static int
s_write_file (const char *path, const char *text)
{
    int fd = path ? open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
                          | O_NOFOLLOW, 0600) : -1;
    if (fd < 0)
        return -1;
    size_t size = strlen (text);
    ssize_t put = write (fd, text, size);
    close (fd);
    return put == (ssize_t) size ? 0 : -1;
}

static int
s_say_ready (const zygote_t *self, const char *info, const char *catalogue)
{
    bool inside = strlen (catalogue) <= CATALOGUE_MAX;
    if (!inside && s_write_file (self->catalogue_file, catalogue))
        return -1;
    fcj_pack_t *packet = fcj_pack_new ();
    fcj_pack_map (packet, 4);
    fcj_pack_kstr (packet, "type", "ready");
    fcj_pack_kstr (packet, "info", info);
    fcj_pack_kint (packet, "threads", fcj_threads ());
    if (inside)
        fcj_pack_kstr (packet, "catalogue", catalogue);
    else
        fcj_pack_kstr (packet, "catalogue_file", self->catalogue_file);
    s_send (packet);
    fcj_pack_destroy (&packet);
    return 0;
}

static int
s_start (zygote_t *self)
{
    char *info = NULL, *catalogue = NULL, *why = NULL;
    if (fcj_python_start (self->python, self->handlers, &info, &catalogue,
                          &why)) {
        s_say_broken (why ? why : "Python does not start");
        return -1;
    }
    s_default_signals ();
    sigemptyset (&self->mask);
    sigaddset (&self->mask, SIGCHLD);
    sigaddset (&self->mask, SIGTERM);
    sigprocmask (SIG_BLOCK, &self->mask, NULL);
    self->signals = signalfd (-1, &self->mask, SFD_CLOEXEC | SFD_NONBLOCK);
    fcj_error_t error = { 0 };
    if (fcj_sandbox_prepare (self->walls.network, &error)) {
        s_say_broken (error.text);
        return -1;
    }
    malloc_trim (0);
    fcj_mappings_join ();
    if (self->signals < 0 || s_say_ready (self, info, catalogue)) {
        s_say_broken ("the catalogue cannot be written to the scratch");
        return -1;
    }
    free (info);
    free (catalogue);
    return 0;
}

static void
s_send (const fcj_pack_t *packet)
{
    fcj_packet_send (CONTROL, fcj_pack_data (packet), fcj_pack_size (packet),
                     NULL, 0);
}

static void
s_answer (const char *type, int64_t slot, int64_t pid, const char *error)
{
    fcj_pack_t *packet = fcj_pack_new ();
    fcj_pack_map (packet, 3);
    fcj_pack_kstr (packet, "type", type);
    fcj_pack_kint (packet, "slot", slot);
    if (error)
        fcj_pack_kstr (packet, "error", error);
    else
        fcj_pack_kint (packet, "pid", pid);
    s_send (packet);
    fcj_pack_destroy (&packet);
}

static void
s_remember (zygote_t *self, pid_t old, pid_t new)
{
    for (size_t i = 0; i < CHILDREN_MAX; i++)
        if (self->children[i] == old) {
            self->children[i] = new;
            return;
        }
}

static void
s_exited (zygote_t *self, pid_t pid, int status, const struct rusage *use)
{
    int64_t cpu = (use->ru_utime.tv_sec + use->ru_stime.tv_sec) * 1000
        + (use->ru_utime.tv_usec + use->ru_stime.tv_usec) / 1000;
    fcj_pack_t *packet = fcj_pack_new ();
    fcj_pack_map (packet, 5);
    fcj_pack_kstr (packet, "type", "exited");
    fcj_pack_kint (packet, "pid", pid);
    fcj_pack_kint (packet, "status", status);
    fcj_pack_kint (packet, "cpu_ms", cpu);
    fcj_pack_kint (packet, "memory", use->ru_maxrss * 1024L);
    s_send (packet);
    fcj_pack_destroy (&packet);
    s_remember (self, pid, 0);
}

/*  What the leader left in its group dies with it. The pid is still ours
 *  while its zombie is not reaped, so WNOWAIT first.  */
static void
s_reap (zygote_t *self)
{
    siginfo_t info;
    struct rusage use;
    int status;
    for (;;) {
        info.si_pid = 0;
        if (waitid (P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT)
            || info.si_pid == 0)
            return;
        kill (-info.si_pid, SIGKILL);
        if (wait4 (info.si_pid, &status, 0, &use) == info.si_pid)
            s_exited (self, info.si_pid, status, &use);
    }
}

static void
s_end (zygote_t *self)
{
    for (size_t i = 0; i < CHILDREN_MAX; i++)
        if (self->children[i] > 0 && kill (-self->children[i], SIGKILL))
            kill (self->children[i], SIGKILL);
    _exit (0);
}

static void
s_fork (zygote_t *self, const fcj_map_t *order, const int fds[3])
{
    int64_t slot = fcj_map_int (order, "slot", -1);
    char scratch[4096];
    if (fcj_map_copy (order, "scratch", scratch, sizeof scratch) < 0) {
        s_answer ("failed", slot, 0, "no scratch directory");
        return;
    }
    if (fcj_threads () != 1) {
        s_answer ("failed", slot, 0, "the zygote has more than one thread: "
                  "something in it computed");
        s_end (self);
    }
    fcj_sandbox_t box = {
        .on = self->walls.sandbox, .network = self->walls.network,
        .uid = (uid_t) fcj_map_int (order, "uid", -1), .parent = getpid (),
        .scratch = scratch, .readable = self->walls.readable,
        .roots = self->walls.roots, .root_count = self->walls.root_count,
        .file_size = fcj_map_int (order, "file_size", FCJ_ARTIFACT_MAX),
        .processes = fcj_processes_allowed (
            fcj_map_int (order, "processes", FCJ_PROCESSES_MAX)) };

    fcj_python_before_fork ();
    pid_t pid = fork ();
    if (pid == 0) {
        fcj_python_after_fork_child ();
        fcj_child_run (&box, &self->mask, fds,
                       fcj_map_bool (order, "rehearse", false));
    }
    fcj_python_after_fork_parent ();
    if (pid < 0)
        s_answer ("failed", slot, 0, strerror (errno));
    else {
        s_remember (self, 0, pid);
        s_answer ("forked", slot, pid, NULL);
    }
}

static void
s_take_order (zygote_t *self)
{
    static char buffer[FCJ_PACKET_MAX];
    int fds[FCJ_FDS_MAX];
    size_t n = FCJ_FDS_MAX;
    ssize_t size = fcj_packet_recv (CONTROL, buffer, sizeof buffer, fds, &n);

    if (size == 0 || (size < 0 && errno != EMSGSIZE))
        s_end (self);
    fcj_map_t *order = size > 0 ? fcj_map_new (buffer, (size_t) size) : NULL;
    char type[16];
    if (order && fcj_map_copy (order, "type", type, sizeof type) > 0
        && strcmp (type, "fork") == 0 && n == 3)
        s_fork (self, order, fds);
    fcj_map_destroy (&order);
    for (size_t i = 0; i < n; i++)
        close (fds[i]);
}

int
main (int argc, char **argv)
{
    zygote_t *self = calloc (1, sizeof *self);
    if (!self)
        return 1;
    fcj_walls_init (&self->walls);
    if (s_read_args (self, argc, argv)) {
        fprintf (stderr, "fcj-zygote is started by fcj-worker\n");
        return 2;
    }
    s_read_modules (self);
    prctl (PR_SET_PDEATHSIG, SIGTERM);
    if (s_start (self))
        return 1;
    for (;;) {
        struct pollfd wait[2] = { { .fd = CONTROL, .events = POLLIN },
                                  { .fd = self->signals, .events = POLLIN } };
        if (poll (wait, 2, -1) < 0)
            continue;
        struct signalfd_siginfo signal;
        while (wait[1].revents
               && read (self->signals, &signal, sizeof signal) > 0)
            if (signal.ssi_signo == SIGTERM)
                s_end (self);
        s_reap (self);
        if (wait[0].revents)
            s_take_order (self);
    }
}
