/*  paths.c - where things lie, and directories that can be trusted.
 *
 *  Everything the service writes is below the state directory, but for two:
 *  sockets move to /tmp when sun_path (108 bytes) cannot hold their names,
 *  and a root's job directories lie below /var/tmp, because jobs run there
 *  under other users. Both have names that others can guess, so they are
 *  used only when they are real directories of ours, closed to the rest.  */

#include "paths.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_NAME_MAX 24      /* bytes of "/frontend.sock" and the like */

enum {
    STATE, RUN, REDIS_URL, FRONTEND, WORKER, BLOBS, LIVE, MEMO, SCRATCH,
    SERVICE, LOGS, REDIS, SHARE, PYTHON, CATALOGUE, BUILTIN, LIBRARY, LIBEXEC,
    GUI, MODULE, PATHS
};
static const char *const s_names[PATHS] = {
    "state", "run", "redis_url", "frontend_endpoint", "worker_endpoint",
    "blobs", "live", "memo", "scratch", "service_sock", "log_dir",
    "redis_dir", "share", "python", "catalogue", "builtin", "store_library",
    "libexec", "gui_dir", "module"};

struct fcj_paths {
    char *path[PATHS];
};

static char *s_format (const char *format, ...)
    __attribute__ ((format (printf, 1, 2)));

static char *s_format (const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start (args, format);
    if (vasprintf (&text, format, args) < 0)
        abort ();
    va_end (args);
    return text;
}

/*  The caller's; it may not exist.  */
static char *s_absolute (const char *path)
{
    char here[PATH_MAX];
    if (*path == '/' || !getcwd (here, sizeof (here)))
        return s_format ("%s", path);
    return s_format ("%s/%s", here, path);
}

const char *fcj_paths_home (void)
{
    const char *home = getenv ("HOME");
    if (home && home[0] == '/')
        return home;
    struct passwd *entry = getpwuid (geteuid ());
    return entry && entry->pw_dir && *entry->pw_dir ? entry->pw_dir : "/";
}

/* ---- Directories of ours ------------------------------------------------ */

static int s_parents (const char *path)
{
    char copy[PATH_MAX];
    if (snprintf (copy, sizeof (copy), "%s", path) >= (int) sizeof (copy)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (char *slash = strchr (copy + 1, '/'); slash;
         slash = strchr (slash + 1, '/')) {
        *slash = 0;
        if (mkdir (copy, 0700) < 0 && errno != EEXIST && errno != EROFS &&
            errno != EACCES)
            return -1;
        *slash = '/';
    }
    return 0;
}

/*  Makes it, or takes it when it is a directory (no link) of ours; then its
 *  mode is what we want, whatever the umask.  */
static int s_own (const char *path, mode_t mode, fcj_error_t *error)
{
    struct stat status;
    if (mkdir (path, mode) < 0 && errno != EEXIST)
        return fcj_fail (error, FCJ_INVALID,
                         "Cannot make the directory %.200s: %s. Name another "
                         "state directory with --state", path,
                         strerror (errno));
    if (lstat (path, &status) < 0 || !S_ISDIR (status.st_mode) ||
        status.st_uid != geteuid ())
        return fcj_fail (error, FCJ_INVALID,
                         "%.200s is not a directory of this user; remove it, "
                         "or name another state directory with --state", path);
    if ((status.st_mode & 07777) != mode && chmod (path, mode) < 0)
        return fcj_fail (error, FCJ_INVALID, "Cannot set the mode of "
                         "%.200s: %s", path, strerror (errno));
    return 0;
}

/* ---- State -------------------------------------------------------------- */

static int s_state (fcj_paths_t *self, const fcj_config_t *config,
                    fcj_error_t *error)
{
    const char *key = fcj_config_str (config, "state");
    const char *xdg = getenv ("XDG_STATE_HOME");
    char real[PATH_MAX], *path;
    if (*key)
        path = s_absolute (key);
    else if (xdg && *xdg == '/')
        path = s_format ("%s/freecad-jobs", xdg);
    else
        path = s_format ("%s/.local/state/freecad-jobs", fcj_paths_home ());
    int result = 0;
    if (s_parents (path) < 0 || (mkdir (path, 0711) < 0 && errno != EEXIST) ||
        !realpath (path, real))
        result = fcj_fail (error, FCJ_INVALID,
                           "Cannot make the state directory %.200s: %s. Name "
                           "another with --state or FCJ_STATE", path,
                           strerror (errno));
    else
        result = s_own (real, 0711, error);
    free (path);
    if (result == 0)
        self->path[STATE] = s_format ("%s", real);
    return result;
}

/*  16 hex digits that stand for a state directory.  */
static void s_short (const char *state, char out[17])
{
    unsigned char hash[crypto_generichash_BYTES_MIN];
    crypto_generichash (hash, sizeof (hash), (const unsigned char *) state,
                        strlen (state), NULL, 0);
    sodium_bin2hex (out, 17, hash, 8);
}

static int s_run (fcj_paths_t *self, const fcj_config_t *config,
                  fcj_error_t *error)
{
    char hash[17];
    const char *state = self->path[STATE];
    s_short (state, hash);
    struct sockaddr_un address;
    if (strlen (state) + strlen ("/run") + SOCKET_NAME_MAX <
        sizeof (address.sun_path))
        self->path[RUN] = s_format ("%s/run", state);
    else
        self->path[RUN] = s_format ("/tmp/fcj-%u-%s", geteuid (), hash);
    const char *run = self->path[RUN];
    if (s_own (run, 0700, error) < 0)
        return -1;
    const char *redis = fcj_config_str (config, "redis");
    const char *front = fcj_config_str (config, "frontend-endpoint");
    const char *worker = fcj_config_str (config, "worker-endpoint");
    self->path[REDIS_URL] = *redis ? s_format ("%s", redis)
                                   : s_format ("unix://%s/redis.sock", run);
    self->path[FRONTEND] = *front ? s_format ("%s", front)
                                  : s_format ("ipc://%s/frontend.sock", run);
    self->path[WORKER] = *worker ? s_format ("%s", worker)
                                 : s_format ("ipc://%s/worker.sock", run);
    self->path[SERVICE] = s_format ("%s/service.sock", run);
    return 0;
}

static int s_below_state (fcj_paths_t *self, const fcj_config_t *config,
                          fcj_error_t *error)
{
    const char *state = self->path[STATE];
    char hash[17];
    s_short (state, hash);
    self->path[BLOBS] = s_format ("%s/blobs", state);
    self->path[LIVE] = s_format ("%s/live", state);
    self->path[MEMO] = s_format ("%s/memo", state);
    self->path[LOGS] = s_format ("%s/log", state);
    self->path[REDIS] = s_format ("%s/redis", state);
    const char *gui = fcj_config_str (config, "gui-user-dir");
    self->path[GUI] = *gui ? s_absolute (gui) : s_format ("%s/gui", state);
    bool root = geteuid () == 0;
    self->path[SCRATCH] = root ? s_format ("/var/tmp/fcj-0-%s", hash)
                               : s_format ("%s/scratch", state);
    return s_own (self->path[BLOBS], 0700, error) < 0 ||
                   s_own (self->path[LIVE], 0700, error) < 0 ||
                   s_own (self->path[MEMO], 0700, error) < 0 ||
                   s_own (self->path[LOGS], 0700, error) < 0 ||
                   s_own (self->path[REDIS], 0700, error) < 0
               ? -1
               : 0;
}

int fcj_paths_make_scratch (const fcj_paths_t *self, fcj_error_t *error)
{
    return s_own (self->path[SCRATCH], 0711, error);
}

/* ---- What we brought along ---------------------------------------------- */

/*  The directory of the running program; the caller's to free.  */
static char *s_exe_dir (void)
{
    char path[PATH_MAX] = "/usr/bin/";
    ssize_t size = readlink ("/proc/self/exe", path, sizeof (path) - 1);
    if (size > 0)
        path[size] = 0;
    char *slash = strrchr (path, '/');
    return s_format ("%.*s", slash > path ? (int) (slash - path) : 1, path);
}

/*  dir/rest made canonical where that exists; else NULL.  */
static char *s_there (const char *dir, const char *rest)
{
    char *path = s_format ("%s/%s", dir, rest), *real = realpath (path, NULL);
    free (path);
    return real;
}

static void s_installed (fcj_paths_t *self, const char *share)
{
    self->path[SHARE] = s_format ("%s", share);
    self->path[PYTHON] = s_format ("%s/python", share);
    self->path[CATALOGUE] = s_format ("%s/catalogue.json", share);
    self->path[BUILTIN] = s_format ("%s/builtin.json", share);
    self->path[LIBRARY] = s_format ("%s/fcj.lua", share);
}

/*  A build directory is some levels below the source tree.  */
static bool s_built (fcj_paths_t *self, const char *exe_dir)
{
    char *library = NULL;
    static const char *const up[] = {"../..", "../../..", "../../../.."};
    for (size_t n = 0; n < 3 && !library; n++) {
        char *source = s_there (exe_dir, up[n]);
        library = source ? s_there (source, "jobs/store/fcj.lua") : NULL;
        if (library) {
            self->path[PYTHON] = s_format ("%s/jobs/tools", source);
            self->path[BUILTIN] =
                s_format ("%s/mcp-frontend/builtin.json", source);
        }
        free (source);
    }
    if (!library)
        return false;
    char *build = s_there (exe_dir, "..");
    self->path[LIBRARY] = library;
    self->path[SHARE] = s_format ("%s/share", build ? build : exe_dir);
    self->path[CATALOGUE] = s_format ("%s/catalogue.json", self->path[SHARE]);
    free (build);
    return true;
}

static void s_share (fcj_paths_t *self, const fcj_config_t *config)
{
    char *exe = s_exe_dir ();
    const char *key = fcj_config_str (config, "share");
    char *beside = s_there (exe, "../share/freecad-jobs");
    char *named = *key ? s_absolute (key) : NULL;
    if (named)
        s_installed (self, named);
    else if (beside)
        s_installed (self, beside);
    else if (!s_built (self, exe))
        s_installed (self, "/usr/local/share/freecad-jobs");
    free (beside);
    free (named);
    free (exe);
}

static void s_libexec (fcj_paths_t *self, const fcj_config_t *config)
{
    char *exe = s_exe_dir ();
    const char *key = fcj_config_str (config, "libexec");
    static const char *const places[] = {".", "../libexec/freecad-jobs",
                                         "../bin"};
    if (*key)
        self->path[LIBEXEC] = s_absolute (key);
    for (size_t n = 0; n < 3 && !self->path[LIBEXEC]; n++) {
        char *place = s_there (exe, places[n]);
        char *broker = place ? s_there (place, "fcj-broker") : NULL;
        if (broker)
            self->path[LIBEXEC] = s_format ("%s", place);
        free (broker);
        free (place);
    }
    if (!self->path[LIBEXEC])
        self->path[LIBEXEC] = s_format ("%s", exe);
    free (exe);
}

/*  _fcj.so, for FreeCAD's own Python: in a build, or installed.  */
static void s_module (fcj_paths_t *self)
{
    static const char *const places[] = {"../lib/freecad-jobs", "../lib",
                                         "../../lib/freecad-jobs"};
    for (size_t n = 0; n < 3 && !self->path[MODULE]; n++) {
        char *place = s_there (self->path[LIBEXEC], places[n]);
        char *module = place ? s_there (place, "_fcj.so") : NULL;
        if (module)
            self->path[MODULE] = s_format ("%s", place);
        free (module);
        free (place);
    }
    if (!self->path[MODULE])
        self->path[MODULE] = s_format ("%s/../lib/freecad-jobs",
                                       self->path[LIBEXEC]);
}

/* ---- The class ---------------------------------------------------------- */

fcj_paths_t *fcj_paths_new (const fcj_config_t *config, fcj_error_t *error)
{
    fcj_paths_t *self = calloc (1, sizeof (*self));
    if (!self)
        abort ();
    if (s_state (self, config, error) < 0 || s_run (self, config, error) < 0 ||
        s_below_state (self, config, error) < 0) {
        fcj_paths_destroy (&self);
        return NULL;
    }
    s_share (self, config);
    s_libexec (self, config);
    s_module (self);
    return self;
}

void fcj_paths_destroy (fcj_paths_t **self_p)
{
    if (!*self_p)
        return;
    for (int n = 0; n < PATHS; n++)
        free ((*self_p)->path[n]);
    free (*self_p);
    *self_p = NULL;
}

const char *fcj_paths_get (const fcj_paths_t *self, const char *which)
{
    for (int n = 0; n < PATHS; n++)
        if (strcmp (s_names[n], which) == 0)
            return self->path[n];
    fprintf (stderr, "fcj_config: no path %s\n", which);
    abort ();
}
