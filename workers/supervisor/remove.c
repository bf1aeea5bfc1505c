/*  remove.c - a directory that a job could write to, removed with all that
 *  is in it.
 *
 *  Whoever made it may still run and exchange a directory for a link while
 *  we look: so no path is walked twice, every step is taken from an open
 *  directory, and nothing is followed. A tree can be deeper than a path is
 *  long and than we have descriptors: what lies deep is moved to the top,
 *  where a later round finds it.  */

#include "world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX   16          /* directories that are open at a time */
#define ROUNDS_MAX  10000       /* a tree of that times DEPTH_MAX goes */

typedef struct {
    int top;
    dev_t device;               /* what is mounted below is not ours */
    unsigned moved;
} remover_t;

static void s_empty (remover_t *self, int folder, int depth);

/*  -1: it is no directory (any more), or on another device. */
static int
s_open (const remover_t *self, int folder, const char *name)
{
    struct stat info;
    int fd = openat (folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW
                                   | O_CLOEXEC);
    if (fd < 0 && errno == EACCES) {
        /*  Its own user took the right away; this is who we are, then.  */
        char link[64];
        int it = openat (folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW
                                       | O_CLOEXEC);
        snprintf (link, sizeof link, "/proc/self/fd/%d", it);
        if (it >= 0 && chmod (link, 0700) == 0)
            fd = openat (it, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (it >= 0)
            close (it);
    }
    if (fd >= 0 && (fstat (fd, &info) || info.st_dev != self->device)) {
        close (fd);
        return -1;
    }
    if (fd >= 0 && (info.st_mode & 0700) != 0700)
        fchmod (fd, 0700);
    return fd;
}

static void
s_remove (remover_t *self, int folder, const char *name, int depth)
{
    char to[32];
    if (unlinkat (folder, name, 0) == 0
        || unlinkat (folder, name, AT_REMOVEDIR) == 0)
        return;
    int fd = s_open (self, folder, name);
    if (fd < 0)
        return;
    if (depth < DEPTH_MAX) {
        s_empty (self, fd, depth + 1);
        unlinkat (folder, name, AT_REMOVEDIR);
    } else {
        snprintf (to, sizeof to, ".deep-%u", self->moved);
        self->moved += renameat (folder, name, self->top, to) == 0;
    }
    close (fd);
}

static void
s_empty (remover_t *self, int folder, int depth)
{
    int fd = openat (folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *all = fd >= 0 ? fdopendir (fd) : NULL;
    struct dirent *entry;
    while (all && (entry = readdir (all)))
        if (strcmp (entry->d_name, ".") != 0
            && strcmp (entry->d_name, "..") != 0)
            s_remove (self, folder, entry->d_name, depth);
    if (all)
        closedir (all);
    else if (fd >= 0)
        close (fd);
}

void
fcj_remove_tree (const char *path)
{
    struct stat info;
    remover_t self = { .top = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW
                                          | O_CLOEXEC) };
    if (self.top < 0) {
        unlink (path);          /* a link in its place, if anything */
        return;
    }
    unlinkat (self.top, "artifacts", AT_REMOVEDIR);
    /*  Most jobs leave nothing but that.  */
    for (int i = 0; i < ROUNDS_MAX && rmdir (path); i++) {
        unsigned before = self.moved;
        if (fstat (self.top, &info))
            break;
        self.device = info.st_dev;
        s_empty (&self, self.top, 0);
        if (self.moved == before && (rmdir (path) == 0 || i))
            break;
    }
    close (self.top);
}
