/*  beneath.c - see beneath.h. The kernel does the checking, in one call, so
 *  that nobody can change a directory into a link meanwhile.  */

#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int
fcj_open_beneath (const char *root, const char *path)
{
    int top = open (root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return -1;
    struct open_how how;
    memset (&how, 0, sizeof how);
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
                  | RESOLVE_NO_MAGICLINKS;
    int fd = (int) syscall (SYS_openat2, top, path, &how, sizeof how);
    int problem = errno;
    close (top);
    errno = problem;
    return fd;
}
