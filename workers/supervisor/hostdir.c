/*  hostdir.c - see hostdir.h.  */

#include "hostdir.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*  No start page (a web browser), no splash, no thumbnail, no recovery: they
 *  cost time, or ask what nobody is there to answer.  */
static const char s_settings[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\" ?>\n"
    "<FCParameters><FCParamGroup Name=\"Root\">"
    "<FCParamGroup Name=\"BaseApp\"><FCParamGroup Name=\"Preferences\">"
    "<FCParamGroup Name=\"General\">"
    "<FCText Name=\"AutoloadModule\">PartWorkbench</FCText>"
    "<FCBool Name=\"ShowSplasher\" Value=\"0\"/></FCParamGroup>"
    "<FCParamGroup Name=\"Document\">"
    "<FCBool Name=\"SaveThumbnail\" Value=\"0\"/>"
    "<FCBool Name=\"AutoSaveEnabled\" Value=\"0\"/>"
    "<FCBool Name=\"RecoveryEnabled\" Value=\"0\"/></FCParamGroup>"
    "</FCParamGroup></FCParamGroup></FCParamGroup></FCParameters>\n";

static int
s_make (const char *path, const char *rest)
{
    char all[PATH_MAX];
    snprintf (all, sizeof all, "%s%s", path, rest);
    return mkdir (all, 0700) && errno != EEXIST ? -1 : 0;
}

/*  FreeCAD's own, once it has written it.  */
static int
s_write_settings (const char *path)
{
    char all[PATH_MAX];
    snprintf (all, sizeof all, "%s/user.cfg", path);
    int fd = open (all, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EEXIST ? 0 : -1;
    ssize_t size = (ssize_t) sizeof s_settings - 1;
    int done = write (fd, s_settings, (size_t) size) == size ? 0 : -1;
    close (fd);
    return done;
}

int
fcj_hostdir_make (const char *path, fcj_error_t *error)
{
    if (s_make (path, "") || s_make (path, "/tmp")
        || s_make (path, "/snapshots") || s_write_settings (path))
        return fcj_fail (error, FCJ_INVALID, "Cannot make FreeCAD's user "
                         "directory %.200s: %s. Name another with "
                         "--gui-user-dir", path, strerror (errno));
    return 0;
}

/* ---- Snapshots ---------------------------------------------------------- */

/*  The number of "12" or "12.new"; -1 for other names. *rest: what follows.  */
static int64_t
s_number (const char *name, const char **rest)
{
    char *end;
    if (!isdigit ((unsigned char) *name))
        return -1;
    int64_t number = strtoll (name, &end, 10);
    *rest = end;
    return number;
}

void
fcj_hostdir_newest (const char *snapshots, char *path, size_t size)
{
    DIR *all = opendir (snapshots);
    const struct dirent *entry;
    const char *rest = "";
    int64_t best = -1;
    path[0] = 0;
    while (all && (entry = readdir (all))) {
        int64_t number = s_number (entry->d_name, &rest);
        if (number > best && !*rest)
            best = number;
    }
    if (all)
        closedir (all);
    if (best >= 0)
        snprintf (path, size, "%s/%lld", snapshots, (long long) best);
}

bool
fcj_hostdir_has (const char *snapshots, int64_t number)
{
    char path[PATH_MAX];
    snprintf (path, sizeof path, "%s/%lld/documents.json", snapshots,
              (long long) number);
    return access (path, F_OK) == 0;
}

static bool
s_is_written (const char *snapshots, const char *name)
{
    char path[PATH_MAX], text[32] = "";
    snprintf (path, sizeof path, "%s/%s/pid", snapshots, name);
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = fd >= 0 ? read (fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        close (fd);
    pid_t pid = got > 0 ? atoi (text) : 0;
    return pid > 1 && kill (pid, 0) == 0;
}

bool
fcj_hostdir_writing (const char *snapshots)
{
    DIR *all = opendir (snapshots);
    const struct dirent *entry;
    const char *rest = "";
    bool found = false;
    while (all && !found && (entry = readdir (all)))
        found = s_number (entry->d_name, &rest) >= 0
            && strcmp (rest, ".new") == 0
            && s_is_written (snapshots, entry->d_name);
    if (all)
        closedir (all);
    return found;
}

void
fcj_hostdir_set_aside (const char *path)
{
    char aside[PATH_MAX];
    snprintf (aside, sizeof aside, "%s.bad", path);
    rename (path, aside);
}
