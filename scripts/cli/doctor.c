/*  doctor.c - fcj doctor: is this machine fit, and if not, what to do. Each
 *  check gives one line: ok, weak (it works, with less) or missing (it does
 *  not).  */

#include "commands.h"
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PYTHON "/usr/bin/python3.11"
#define GB (1024.0 * 1024 * 1024)

typedef enum { FIT, WEAK, MISSING } verdict_t;

typedef struct {
    link_t *link;
    int missing;
} doctor_t;

__attribute__ ((format (printf, 5, 6)))
static void s_say (doctor_t *self, verdict_t verdict, const char *what,
                   const char *mend, const char *format, ...)
{
    static const char *const names[] = { "ok", "weak", "missing" };
    static const char *const colours[] = { "32", "33", "31" };
    char text[512];
    va_list args;
    va_start (args, format);
    vsnprintf (text, sizeof text, format, args);
    va_end (args);
    self->missing += verdict == MISSING;
    if (verdict == FIT)
        mend = "";
    if (self->link->json) {
        json_t *line = json_pack ("{s:s,s:s,s:s,s:s}", "check", what,
                                  "verdict", names[verdict], "text", text,
                                  "mend", mend);
        show_json (line);
        json_decref (line);
    } else if (isatty (1))
        printf ("\033[%sm%-7s\033[0m  %-10s %s\n", colours[verdict],
                names[verdict], what, text);
    else
        printf ("%-7s  %-10s %s\n", names[verdict], what, text);
    if (!self->link->json && *mend)
        printf ("         %-10s -> %s\n", "", mend);
}

/*  First line of a command's output; its exit status, 127 when it is not
 *  there. The command is ours, never a user's.  */
static int s_output (const char *command, char *line, size_t size)
{
    FILE *pipe = popen (command, "re");
    *line = 0;
    if (!pipe)
        return 127;
    if (!fgets (line, (int) size, pipe))
        *line = 0;
    line[strcspn (line, "\n")] = 0;
    char rest[512];
    while (fgets (rest, sizeof rest, pipe))
        ;
    int status = pclose (pipe);
    return WIFEXITED (status) ? WEXITSTATUS (status) : 128;
}

static void s_freecad (doctor_t *self)
{
    static const char command[] = PYTHON " -I -c '"
        "import sys; sys.path[:0]=[\"/usr/lib/freecad/lib\","
        "\"/usr/lib/freecad-python3/lib\"]\n"
        "import FreeCAD, Part\n"
        "print(\".\".join(FreeCAD.Version()[:3]).split(\" \")[0],"
        "\"with OpenCASCADE\", Part.OCC_VERSION)' 2>/dev/null | tail -n 1";
    char line[256];
    if (access (PYTHON, X_OK) < 0) {
        s_say (self, MISSING, "Python", "apt-get install python3.11",
               PYTHON " is not there");
        return;
    }
    s_output (command, line, sizeof line);
    if (strstr (line, "OpenCASCADE"))
        s_say (self, FIT, "FreeCAD", "", "%s", line);
    else
        s_say (self, MISSING, "FreeCAD", "apt-get install "
               "--no-install-recommends freecad freecad-python3",
               PYTHON " cannot import FreeCAD and Part");
}

/*  Jobs of tools that have a pipeline run there, and modules of FreeCAD's
 *  are not needed for it.  */
static void s_native (doctor_t *self)
{
    char line[256], command[PATH_MAX + 64];
    const char *libexec = fcj_config_path (self->link->config, "libexec");
    snprintf (command, sizeof command,
              "timeout 10 '%s/fcj-native' --version 2>&1", libexec);
    int status = strchr (libexec, '\'') ? 127
        : s_output (command, line, sizeof line);
    const char *occt = strstr (line, "+occt");
    if (status == 0 && occt)
        s_say (self, FIT, "kernel", "", "%.*s with OpenCASCADE %s",
               (int) (occt - line), line, show_plain (occt + 5, 40));
    else
        s_say (self, MISSING, "kernel", "build again (`make`), or install "
               "again where OpenCASCADE's libraries are those it was built "
               "with", "%s/fcj-native: %s", libexec,
               *line ? show_plain (line, 160) : "does not run");
}

/*  One that was configured: whether it can be used, and keeps what it is
 *  told.  */
static void s_other_redis (doctor_t *self, const char *url)
{
    fcj_error_t error = { 0 };
    fcj_store_facts_t facts;
    fcj_store_t *store = fcj_store_new (url, &error);
    if (!store || fcj_store_facts (store, &facts, &error))
        s_say (self, MISSING, "Redis", "start it, or correct the setting "
               "`redis` (FCJ_REDIS)", "%s", show_plain (error.text, 250));
    else if (atoi (facts.version) < 7)
        s_say (self, MISSING, "Redis", "use Redis 7 (it needs functions)",
               "version %s of the one that is configured is too old",
               show_plain (facts.version, 20));
    else if (facts.known && !facts.durable)
        s_say (self, WEAK, "Redis", "set `appendonly yes` and `appendfsync "
               "always` in it; without, jobs that were accepted are lost "
               "when its host fails", "version %s, the one that is configured",
               show_plain (facts.version, 20));
    else
        s_say (self, FIT, "Redis", "", "version %s, the one that is "
               "configured", show_plain (facts.version, 20));
    fcj_store_destroy (&store);
}

static void s_redis (doctor_t *self)
{
    char line[256];
    const char *url = fcj_config_str (self->link->config, "redis");
    if (*url) {
        s_other_redis (self, url);
        return;
    }
    int status = s_output ("redis-server --version 2>/dev/null", line,
                           sizeof line);
    const char *version = strstr (line, "v=");
    if (status != 0 || !version)
        s_say (self, MISSING, "Redis", "apt-get install redis-server, or set "
               "FCJ_REDIS", "redis-server is not on PATH");
    else if (atoi (version + 2) < 7)
        s_say (self, MISSING, "Redis", "install Redis 7 (it needs functions)",
               "version %.20s is too old", version + 2);
    else
        s_say (self, FIT, "Redis", "", "version %.*s",
               (int) strcspn (version + 2, " "), version + 2);
}

static void s_landlock (doctor_t *self)
{
    long abi = syscall (SYS_landlock_create_ruleset, NULL, 0, 1U);
    if (abi >= 1)
        s_say (self, FIT, "Landlock", "", "ABI %ld", abi);
    else
        s_say (self, WEAK, "Landlock", "use a kernel 5.13 or newer with "
               "lsm=landlock,... ; without it jobs are fenced by seccomp, "
               "limits and, as root, a user of their own only",
               "not offered by this kernel (%s)", strerror (errno));
}

static void s_machine (doctor_t *self)
{
    struct sysinfo info;
    long cores = sysconf (_SC_NPROCESSORS_ONLN);
    s_say (self, cores >= 2 ? FIT : WEAK, "cores",
           "one job at a time runs here; that is slow, not wrong", "%ld",
           cores);
    if (sysinfo (&info) < 0)
        return;
    double memory = (double) info.totalram * info.mem_unit;
    s_say (self, memory >= 2 * GB ? FIT : WEAK, "memory", "2 GB or more let "
           "real models be computed; lower memory-max and slots here",
           "%s", show_bytes (memory));
}

/*  Somebody is behind a local display's number; of others Qt will say.  */
static bool s_listens (const char *display)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (*display != ':')
        return true;
    snprintf (address.sun_path, sizeof address.sun_path,
              "/tmp/.X11-unix/X%d", atoi (display + 1));
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool there = connect (fd, (struct sockaddr *) &address, sizeof address)
        == 0;
    close (fd);
    return there;
}

static void s_display (doctor_t *self)
{
    char line[256], command[600];
    const char *display = getenv ("DISPLAY");
    const char *freecad = fcj_config_str (self->link->config, "freecad");
    snprintf (command, sizeof command, "command -v '%.500s'", freecad);
    if (strchr (freecad, '\'') || s_output (command, line, sizeof line))
        s_say (self, WEAK, "window", "apt-get install freecad, or name it "
               "with `freecad`; or run the service with --no-gui",
               "%s is not there", show_plain (freecad, 60));
    else
        s_say (self, FIT, "window", "", "%s", show_plain (line, 80));
    if (display && *display && s_listens (display))
        s_say (self, FIT, "display", "", "%s", show_plain (display, 60));
    else if (s_output ("command -v Xvfb", line, sizeof line) == 0)
        s_say (self, FIT, "display", "", "%s, an own Xvfb is used (%s)",
               display && *display ? "nobody listens at $DISPLAY" : "none",
               line);
    else
        s_say (self, WEAK, "display", "apt-get install xvfb (compute jobs "
               "need no display), or run the service with --no-gui",
               "no display and no Xvfb");
}

static void s_sockets (doctor_t *self)
{
    const char *path = fcj_config_path (self->link->config, "service_sock");
    size_t most = sizeof ((struct sockaddr_un *) 0)->sun_path - 16;
    if (strlen (path) <= most)
        s_say (self, FIT, "sockets", "", "%s", path);
    else
        s_say (self, MISSING, "sockets", "use a shorter state directory",
               "%s is longer than %zu characters", path, most);
}

/*  Of each directory that jobs are to read: whether they can. As root they
 *  run under a user id of their own.  */
static void s_root (doctor_t *self, const char *root)
{
    struct stat about;
    bool apart = geteuid () == 0
                 && fcj_config_bool (self->link->config, "sandbox");
    if (*root != '/')
        s_say (self, WEAK, "roots", "give the whole path", "%s is relative",
               show_plain (root, 200));
    else if (stat (root, &about) < 0 || !S_ISDIR (about.st_mode))
        s_say (self, WEAK, "roots", "make it, or correct `roots`",
               "%s is no directory", show_plain (root, 200));
    else if (apart && (about.st_mode & 05) != 05)
        s_say (self, WEAK, "roots", "chmod o+rx: the service runs as root, "
               "its jobs do not", "%s is closed to others",
               show_plain (root, 200));
    else
        s_say (self, FIT, "roots", "", "%s", show_plain (root, 200));
}

static void s_roots (doctor_t *self)
{
    char *roots = strdup (fcj_config_str (self->link->config, "roots"));
    char *rest = NULL;
    for (char *root = roots ? strtok_r (roots, ":", &rest) : NULL; root;
         root = strtok_r (NULL, ":", &rest))
        s_root (self, root);
    free (roots);
}

static void s_state (doctor_t *self)
{
    const char *run = fcj_config_path (self->link->config, "run");
    const char *state = fcj_config_path (self->link->config, "state");
    struct stat about;
    if (stat (run, &about) < 0)
        s_say (self, MISSING, "state", "make it, or name another",
               "%s: %s", run, strerror (errno));
    else if (about.st_uid != geteuid () || (about.st_mode & 077))
        s_say (self, MISSING, "state", "it must be yours alone: chown and "
               "chmod 700", "%s has mode %o and owner %u", run,
               about.st_mode & 0777, about.st_uid);
    else
        s_say (self, FIT, "state", "", "%s", state);
    struct statvfs room;
    if (statvfs (state, &room) < 0)
        return;
    double free_bytes = (double) room.f_bavail * (double) room.f_frsize;
    s_say (self, free_bytes > GB ? FIT : free_bytes > GB / 10 ? WEAK
           : MISSING, "disk", "free some space: results and the job store "
           "are kept there", "%s free", show_bytes (free_bytes));
}

static void s_service (doctor_t *self)
{
    int fd = link_service (self->link);
    json_t *line = fd >= 0 ? link_service_line (fd, 1000) : NULL;
    const char *state = json_string_value (json_object_get (line, "state"));
    const char *error = json_string_value (json_object_get (line, "error"));
    if (!state)
        s_say (self, FIT, "service", "", "not running (`fcj up` starts it)");
    else
        s_say (self, strcmp (state, "failed") == 0 ? MISSING
               : strcmp (state, "degraded") == 0 ? WEAK : FIT, "service",
               error ? error : "", "%s", state);
    json_decref (line);
    if (fd >= 0)
        close (fd);
}

int cmd_doctor (link_t *link, int argc, char **argv)
{
    (void) argv;
    if (argc > 1) {
        fprintf (stderr, "usage: fcj doctor\n");
        return CLI_USAGE;
    }
    doctor_t self = { .link = link };
    s_freecad (&self);
    s_native (&self);
    s_redis (&self);
    s_landlock (&self);
    s_machine (&self);
    s_display (&self);
    s_sockets (&self);
    s_state (&self);
    s_roots (&self);
    s_service (&self);
    return self.missing ? CLI_FAILED : CLI_OK;
}
