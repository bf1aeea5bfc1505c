/*  addon.c - fcj addon: puts the add-on into the user's FreeCAD, or takes it
 *  away. It is a folder of FreeCAD's Mod directory; paths.json in it says
 *  where this installation is.  */

#include "commands.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME     "FreeCADJobs"
#define FILE_MAX (256 * 1024)
#define PATH_SIZE (2 * PATH_MAX)    /* a path and a name below it */

static const char USAGE[] =
    "usage: fcj addon install [MOD_DIRECTORY]\n"
    "       fcj addon remove [MOD_DIRECTORY]\n"
    "       fcj addon where\n";

/*  Where FreeCAD looks for the user's add-ons.  */
static void s_mod (char *path, size_t size)
{
    const char *home = getenv ("HOME"), *data = getenv ("XDG_DATA_HOME");
    char old[PATH_MAX];
    snprintf (old, sizeof old, "%.4000s/.FreeCAD", home ? home : "");
    if (access (old, F_OK) == 0)
        snprintf (path, size, "%.4050s/Mod", old);
    else if (data && *data == '/')
        snprintf (path, size, "%s/FreeCAD/Mod", data);
    else
        snprintf (path, size, "%s/.local/share/FreeCAD/Mod",
                  home ? home : "");
}

/*  Beside the Python packages when installed, else in the source tree.  */
static int s_source (const link_t *link, char *path, size_t size)
{
    static const char *const places[] = { "../addon", "../../workers/addon" };
    for (size_t n = 0; n < 2; n++) {
        snprintf (path, size, "%s/%s/" NAME,
                  fcj_config_path (link->config, "python"), places[n]);
        if (access (path, R_OK) == 0)
            return 0;
    }
    return -1;
}

static int s_make (const char *path)
{
    char part[PATH_SIZE];
    snprintf (part, sizeof part, "%s", path);
    for (char *slash = strchr (part + 1, '/'); slash;
         slash = strchr (slash + 1, '/')) {
        *slash = 0;
        mkdir (part, 0755);
        *slash = '/';
    }
    return mkdir (part, 0755) && errno != EEXIST ? -1 : 0;
}

static int s_write (const char *path, const char *bytes, size_t size)
{
    unlink (path);
    int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return -1;
    int done = write (fd, bytes, size) == (ssize_t) size ? 0 : -1;
    fchmod (fd, 0644);                  /* the program's umask is 077 */
    close (fd);
    return done;
}

static int s_copy (const char *from, const char *to)
{
    static char bytes[FILE_MAX];
    int fd = open (from, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read (fd, bytes, sizeof bytes) : -1;
    if (fd >= 0)
        close (fd);
    return got < 0 ? -1 : s_write (to, bytes, (size_t) got);
}

static int s_copy_all (const char *from, const char *to)
{
    DIR *all = opendir (from);
    const struct dirent *entry;
    char source[PATH_SIZE], target[PATH_SIZE];
    int done = all ? 0 : -1;
    while (done == 0 && (entry = readdir (all))) {
        snprintf (source, sizeof source, "%s/%s", from, entry->d_name);
        snprintf (target, sizeof target, "%s/%s", to, entry->d_name);
        struct stat about;
        if (entry->d_name[0] != '.' && stat (source, &about) == 0
            && S_ISREG (about.st_mode))
            done = s_copy (source, target);
    }
    if (all)
        closedir (all);
    return done;
}

static int s_write_paths (const link_t *link, const char *to)
{
    char path[PATH_SIZE], worker[PATH_SIZE];
    snprintf (path, sizeof path, "%s/paths.json", to);
    snprintf (worker, sizeof worker, "%s/fcj-worker",
              fcj_config_path (link->config, "libexec"));
    json_t *all = json_pack ("{s:[s,s],s:s}", "paths",
                             fcj_config_path (link->config, "python"),
                             fcj_config_path (link->config, "module"),
                             "worker", worker);
    char *text = all ? json_dumps (all, JSON_INDENT (1)) : NULL;
    int done = text ? s_write (path, text, strlen (text)) : -1;
    free (text);
    json_decref (all);
    return done;
}

static int s_install (const link_t *link, const char *to)
{
    char from[PATH_MAX];
    if (s_source (link, from, sizeof from)) {
        fprintf (stderr, "fcj: the add-on's files are not there; install "
                 "freecad-jobs again\n");
        return CLI_FAILED;
    }
    if (s_make (to) || s_copy_all (from, to) || s_write_paths (link, to)) {
        fprintf (stderr, "fcj: %s: %s\n", to, strerror (errno));
        return CLI_FAILED;
    }
    printf ("%s\nStart FreeCAD again: its status bar says \"Jobs\". While "
            "it is open, tools for the window\nand the documents work in "
            "it.\n", to);
    return CLI_OK;
}

/*  Only what install has put there.  */
static int s_remove (const char *to)
{
    static const char *const names[] = { "Init.py", "InitGui.py",
        "fcj_addon.py", "package.xml", "paths.json" };
    char path[PATH_SIZE];
    for (size_t n = 0; n < 5; n++) {
        snprintf (path, sizeof path, "%s/%s", to, names[n]);
        unlink (path);
    }
    snprintf (path, sizeof path, "%s/__pycache__", to);
    DIR *all = opendir (path);
    const struct dirent *entry;
    while (all && (entry = readdir (all)))
        unlinkat (dirfd (all), entry->d_name, 0);
    if (all)
        closedir (all);
    rmdir (path);
    if (rmdir (to) && errno != ENOENT) {
        fprintf (stderr, "fcj: %s: %s\n", to, strerror (errno));
        return CLI_FAILED;
    }
    puts ("The add-on is gone; an open FreeCAD keeps it until it ends.");
    return CLI_OK;
}

int cmd_addon (link_t *link, int argc, char **argv)
{
    char mod[PATH_MAX], to[PATH_MAX + 64];
    bool install = argc > 1 && strcmp (argv[1], "install") == 0;
    bool gone = argc > 1 && strcmp (argv[1], "remove") == 0;
    bool where = argc == 2 && strcmp (argv[1], "where") == 0;
    if ((!install && !gone && !where) || argc > 3) {
        fputs (USAGE, stderr);
        return CLI_USAGE;
    }
    s_mod (mod, sizeof mod);
    snprintf (to, sizeof to, "%s/" NAME, argc == 3 ? argv[2] : mod);
    if (where)
        puts (to);
    return where ? CLI_OK : install ? s_install (link, to) : s_remove (to);
}
