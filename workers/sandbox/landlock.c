/*  landlock.c - by raw system calls: Debian 12's headers stop at ABI 2 or 3,
 *  and the kernel below may know more. Rights that the running kernel does
 *  not know are left out of what is handled, so one binary serves all.  */

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../common/abi.h"
#include "landlock.h"

#define NR_CREATE_RULESET 444
#define NR_ADD_RULE       445
#define NR_RESTRICT_SELF  446
#define RULE_PATH_BENEATH 1

/*  linux/landlock.h, by its bits.  */
#define FS_EXECUTE     (1ULL << 0)
#define FS_WRITE_FILE  (1ULL << 1)
#define FS_READ_FILE   (1ULL << 2)
#define FS_READ_DIR    (1ULL << 3)
#define FS_ABI1        ((1ULL << 13) - 1)
#define FS_REFER       (1ULL << 13)     /* ABI 2 */
#define FS_TRUNCATE    (1ULL << 14)     /* ABI 3 */
#define FS_IOCTL_DEV   (1ULL << 15)     /* ABI 5 */
#define SCOPE_ABSTRACT (1ULL << 0)      /* ABI 6 */
#define SCOPE_SIGNAL   (1ULL << 1)

#define FS_READ        (FS_EXECUTE | FS_READ_FILE | FS_READ_DIR)
/*  What may be granted on something that is no directory.  */
#define FS_OF_FILE     (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE \
                        | FS_TRUNCATE | FS_IOCTL_DEV)
/*  Neither devices nor sockets are made, even in the scratch directory.  */
#define FS_NEVER       ((1ULL << 6) | (1ULL << 11) | FS_IOCTL_DEV)

typedef struct {
    uint64_t fs, net, scoped;
} attr_t;

typedef struct {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__ ((packed)) rule_t;

static const char *const s_system[] = {
    "/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/etc", "/proc",
    "/sys/devices/system", "/dev/urandom", "/dev/random", "/dev/zero",
    "/var/cache/fontconfig", "/var/lib/dpkg/alternatives", NULL };

static const char *const s_devices[] = { "/dev/null", "/dev/full", NULL };

static uint64_t
s_handled (int abi)
{
    uint64_t fs = FS_ABI1;
    if (abi >= 2)
        fs |= FS_REFER;
    if (abi >= 3)
        fs |= FS_TRUNCATE;
    if (abi >= 5)
        fs |= FS_IOCTL_DEV;
    return fs;
}

/*  A path that is not there grants nothing and harms nothing.  */
static int
s_allow (int ruleset, const char *path, uint64_t rights)
{
    int fd = open (path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == EACCES || errno == ENOTDIR ? 0 : -1;
    struct stat info;
    if (fstat (fd, &info) == 0 && !S_ISDIR (info.st_mode))
        rights &= FS_OF_FILE;
    rule_t rule = { .allowed = rights, .parent_fd = fd };
    long done = syscall (NR_ADD_RULE, ruleset, RULE_PATH_BENEATH, &rule, 0);
    int problem = errno;
    close (fd);
    errno = problem;
    return done ? -1 : 0;
}

static int
s_allow_all (int ruleset, const fcj_sandbox_t *box, uint64_t handled)
{
    uint64_t write = handled & ~FS_NEVER, read = handled & FS_READ;
    uint64_t device = handled & (FS_READ_FILE | FS_WRITE_FILE);

    for (size_t i = 0; s_system[i]; i++)
        if (s_allow (ruleset, s_system[i], read))
            return -1;
    for (size_t i = 0; s_devices[i]; i++)
        if (s_allow (ruleset, s_devices[i], device))
            return -1;
    for (size_t i = 0; box->readable && box->readable[i]; i++)
        if (s_allow (ruleset, box->readable[i], read))
            return -1;
    for (size_t i = 0; i < box->root_count; i++)
        if (s_allow (ruleset, box->roots[i].path,
                     box->roots[i].writable ? write : read))
            return -1;
    return s_allow (ruleset, box->scratch, write);
}

int
fcj_landlock_enter (const fcj_sandbox_t *box, fcj_error_t *error)
{
    int abi = fcj_landlock_abi ();
    if (abi == 0)
        return 0;
    attr_t attr = { .fs = s_handled (abi),
        .scoped = abi >= 6 ? SCOPE_ABSTRACT | SCOPE_SIGNAL : 0 };
    size_t size = abi >= 6 ? sizeof attr : abi >= 4 ? 16 : 8;
    int ruleset = (int) syscall (NR_CREATE_RULESET, &attr, size, 0);
    if (ruleset < 0)
        return fcj_fail (error, FCJ_INTERNAL, "Landlock (ABI %d): %s", abi,
                         strerror (errno));
    int done = s_allow_all (ruleset, box, attr.fs);
    if (done == 0)
        done = (int) syscall (NR_RESTRICT_SELF, ruleset, 0);
    int problem = errno;
    close (ruleset);
    if (done)
        return fcj_fail (error, FCJ_INTERNAL, "Landlock (ABI %d): %s", abi,
                         strerror (problem));
    return 0;
}
