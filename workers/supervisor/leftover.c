/*  leftover.c - our scratch, and what a supervisor that was killed left.
 *
 *  <scratch>/<worker>.lock is held (flock) as long as its worker lives. One
 *  that can be locked belongs to a dead one: processes that still stand
 *  below <scratch>/<worker>/ are killed, the directory is removed, and with
 *  it the output of its jobs in <live>.  */

#include "world.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../jobs/log.h"

static void
s_kill_below (const char *root)
{
    DIR *all = opendir ("/proc");
    struct dirent *entry;
    size_t size = strlen (root);
    while (all && (entry = readdir (all))) {
        char link[300], to[PATH_MAX];
        if (!isdigit ((unsigned char) entry->d_name[0]))
            continue;
        snprintf (link, sizeof link, "/proc/%s/cwd", entry->d_name);
        ssize_t got = readlink (link, to, sizeof to - 1);
        if (got <= (ssize_t) size)
            continue;
        to[got] = 0;
        if (strncmp (to, root, size) == 0 && to[size] == '/') {
            fcj_log (FCJ_WARNING, "leftover_killed", "pid", entry->d_name,
                     NULL);
            kill (atoi (entry->d_name), SIGKILL);
        }
    }
    if (all)
        closedir (all);
}

static void
s_remove_live (const char *root, const char *live)
{
    DIR *all = opendir (root);
    struct dirent *entry;
    while (all && (entry = readdir (all))) {
        char path[PATH_MAX];
        if (strncmp (entry->d_name, "live-", 5) != 0
            || !fcj_id_valid (entry->d_name + 5))
            continue;
        snprintf (path, sizeof path, "%s/%s", live, entry->d_name + 5);
        fcj_remove_tree (path);
    }
    if (all)
        closedir (all);
}

static void
s_clean (const fcj_worker_options_t *options, const char *lock_name)
{
    char path[PATH_MAX], root[PATH_MAX];
    snprintf (path, sizeof path, "%s/%s", options->scratch, lock_name);
    int lock = open (path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (lock < 0)
        return;
    if (flock (lock, LOCK_EX | LOCK_NB) == 0) {
        snprintf (root, sizeof root, "%s/%.*s", options->scratch, FCJ_ID_LEN,
                  lock_name);
        s_kill_below (root);
        s_remove_live (root, options->live);
        fcj_remove_tree (root);
        unlink (path);
    }
    close (lock);
}

static void
s_clean_all (const fcj_worker_options_t *options)
{
    DIR *all = opendir (options->scratch);
    struct dirent *entry;
    while (all && (entry = readdir (all)))
        if (strlen (entry->d_name) == FCJ_ID_LEN + 5
            && strcmp (entry->d_name + FCJ_ID_LEN, ".lock") == 0)
            s_clean (options, entry->d_name);
    if (all)
        closedir (all);
}

int
fcj_leftover_claim (const fcj_worker_options_t *options, const char *worker,
                    char *root, size_t size, fcj_error_t *error)
{
    char path[PATH_MAX], fresh[PATH_MAX];
    s_clean_all (options);
    /*  It gets its name when it is locked: another worker that starts now
     *  would take one that is not for a dead worker's.  */
    snprintf (path, sizeof path, "%s/%s.lock", options->scratch, worker);
    snprintf (fresh, sizeof fresh, "%s/%s.fresh", options->scratch, worker);
    int lock = open (fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (lock < 0 || flock (lock, LOCK_EX | LOCK_NB) || rename (fresh, path)) {
        fcj_fail (error, FCJ_INTERNAL, "%s: %s", path, strerror (errno));
        return -1;
    }
    snprintf (root, size, "%s/%s", options->scratch, worker);
    snprintf (path, sizeof path, "%s/home", root);
    /*  Jobs of other users must get to their own directory below.  */
    if (mkdir (root, 0711) || chmod (root, 0711) || mkdir (path, 0700)) {
        fcj_fail (error, FCJ_INTERNAL, "%s: %s", root, strerror (errno));
        return -1;
    }
    return lock;
}

void
fcj_leftover_remove (const fcj_worker_options_t *options, const char *root)
{
    char path[PATH_MAX];
    fcj_remove_tree (root);
    snprintf (path, sizeof path, "%s.lock", root);
    unlink (path);
    rmdir (options->scratch);   /* the last worker's is empty */
}
