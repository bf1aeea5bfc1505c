/*  publish.c - the tools that we run, told to the front-ends of this machine.
 *
 *  They serve the newer of two files: the catalogue that was built with us and
 *  <state>/catalogue.json. A user's own handlers are in neither until the
 *  latter is written; and one that was written for handlers that are gone
 *  names tools that nobody has. So each zygote that takes over has its
 *  catalogue compared, by hash, with what is served. */

#include "world.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../jobs/log.h"

#define HEAD 256                /* bytes in which the hash stands */
#define HASH 64

/*  The catalogue's hash, behind `"hash": "`; "" when there is none.  */
static void
s_hash (const char *text, char hash[HASH + 1])
{
    static const char key[] = "\"hash\"";
    const char *at = strstr (text, key);
    *hash = 0;
    if (!at)
        return;
    at += sizeof key - 1;
    at += strspn (at, " :\"");
    if (strspn (at, "0123456789abcdef") >= HASH)
        snprintf (hash, HASH + 1, "%.*s", HASH, at);
}

static void
s_hash_of (const char *path, char hash[HASH + 1])
{
    char head[HEAD + 1] = "";
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read (fd, head, HEAD) < 0)
        *head = 0;
    if (fd >= 0)
        close (fd);
    s_hash (head, hash);
}

/*  The file that front-ends take.  */
static const char *
s_served (const fcj_worker_options_t *options)
{
    struct stat built, written;
    if (stat (options->catalogue, &written))
        return options->built;
    if (stat (options->built, &built))
        return options->catalogue;
    const struct timespec *a = &written.st_mtim, *b = &built.st_mtim;
    bool newer = a->tv_sec > b->tv_sec
        || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
    return newer ? options->catalogue : options->built;
}

static int
s_write (const char *path, const char *text)
{
    char fresh[PATH_MAX];
    size_t size = strlen (text);
    snprintf (fresh, sizeof fresh, "%s.%d", path, (int) getpid ());
    int fd = open (fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
                   | O_NOFOLLOW, 0644);
    bool good = fd >= 0 && write (fd, text, size) == (ssize_t) size;
    if (fd >= 0)
        good = close (fd) == 0 && good;
    if (good && rename (fresh, path) == 0)
        return 0;
    unlink (fresh);
    return -1;
}

void
fcj_publish (const fcj_world_t *world, const char *catalogue)
{
    const fcj_worker_options_t *options = &world->options;
    char ours[HASH + 1], served[HASH + 1];
    if (!catalogue)
        return;
    s_hash (catalogue, ours);
    s_hash_of (s_served (options), served);
    if (!*ours || strcmp (ours, served) == 0)
        return;
    if (s_write (options->catalogue, catalogue))
        fcj_log (FCJ_WARNING, "catalogue_not_written", "path",
                 options->catalogue, NULL);
    else
        fcj_log (FCJ_INFO, "catalogue_written", "hash", ours, NULL);
}
