/*  logfile.c - see logfile.h. It is copied and emptied rather than renamed,
 *  because the parts that write it hold it open; a line that is written at
 *  that moment may be lost.  */

#include "logfile.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_MAX_BYTES (10 * 1024 * 1024)

/*  No more than the last LOG_MAX_BYTES, whatever it has grown to.  */
static void s_copy (int from, off_t size, const char *path)
{
    off_t at = size - LOG_MAX_BYTES;
    int to = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                   0600);
    ssize_t moved = 1;
    while (to >= 0 && at < size
           && (moved > 0 || (moved < 0 && errno == EINTR)))
        moved = sendfile (to, from, &at, (size_t) (size - at));
    if (to >= 0)
        close (to);
}

void fcj_logfile_trim (const char *path)
{
    struct stat about;
    char old[4200];
    int fd = open (path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat (fd, &about) == 0 && S_ISREG (about.st_mode)
        && about.st_size > LOG_MAX_BYTES) {
        snprintf (old, sizeof old, "%s.1", path);
        s_copy (fd, about.st_size, old);
        (void) !ftruncate (fd, 0);
    }
    close (fd);
}

int fcj_logfile_open (const char *path)
{
    fcj_logfile_trim (path);
    return open (path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC,
                 0600);
}
