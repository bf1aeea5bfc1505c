/*  threads.c - see threads.h.  */

#include "../zygote/threads.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../jobs/job.h"

#define COUNT_EACH_MS 10000

/*  Field 20 of /proc/<pid>/stat; the name before may hold spaces, so from
 *  its closing parenthesis on.  */
static long
s_threads_of (const char *path)
{
    char text[1024];
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t size = read (fd, text, sizeof text - 1);
    close (fd);
    if (size <= 0)
        return 0;
    text[size] = 0;
    char *at = strrchr (text, ')');
    for (int field = 2; at && field < 20; field++)
        at = strchr (at + 1, ' ');
    return at ? strtol (at, NULL, 10) : 0;
}

long
fcj_threads (void)
{
    return s_threads_of ("/proc/self/stat");
}

static long
s_count_user (void)
{
    DIR *all = opendir ("/proc");
    struct dirent *entry;
    long count = 0;
    char path[300];
    struct stat info;
    while (all && (entry = readdir (all))) {
        if (!isdigit ((unsigned char) entry->d_name[0]))
            continue;
        snprintf (path, sizeof path, "/proc/%s/stat", entry->d_name);
        if (stat (path, &info) == 0 && info.st_uid == getuid ())
            count += s_threads_of (path);
    }
    if (all)
        closedir (all);
    return count;
}

long
fcj_processes_allowed (long most)
{
    static int64_t counted = -COUNT_EACH_MS;
    static long others;
    if (getuid () == 0)
        return most;
    if (fcj_mono_ms () - counted >= COUNT_EACH_MS) {
        counted = fcj_mono_ms ();
        others = s_count_user ();
    }
    return others + most;
}
