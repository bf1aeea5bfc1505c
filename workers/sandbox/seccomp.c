/*  seccomp.c - a list of what is refused rather than of what is allowed:
 *  FreeCAD, OCCT, TBB and whatever a user imports need too much to list, and
 *  files are Landlock's. What stays out are the ways to leave the process
 *  group, to reach other processes or the network, and the parts of the
 *  kernel with the worst record. Refused is EPERM (an exception a job can
 *  report), not death.  */

#include <asm/sockios.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../sandbox/seccomp.h"

#define FILTER_MAX 2048         /* instructions */

/*  By name: one that this libseccomp does not know is skipped.  */
static const char *const s_refused[] = {
    "setsid", "setpgid", "ptrace", "process_vm_readv", "process_vm_writev",
    "process_madvise", "kcmp", "pidfd_getfd", "pidfd_open",
    "pidfd_send_signal", "mount", "umount", "umount2", "move_mount",
    "open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr",
    "pivot_root", "chroot", "bpf", "add_key", "request_key", "keyctl",
    "unshare", "setns", "io_uring_setup", "io_uring_enter",
    "io_uring_register", "userfaultfd", "perf_event_open", "kexec_load",
    "kexec_file_load", "init_module", "finit_module", "delete_module",
    "reboot", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd",
    "syslog", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex",
    "sethostname", "setdomainname", "iopl", "ioperm", "modify_ldt", "vhangup",
    "open_by_handle_at", "name_to_handle_at", "fanotify_init",
    "lookup_dcookie", "nfsservctl", "personality", "setuid", "setgid",
    "setreuid", "setregid", "setresuid", "setresgid", "setfsuid", "setfsgid",
    "setgroups", "capset", "mbind", "migrate_pages", "move_pages",
    "shmget", "msgget", "semget", "mq_open", NULL };

static const char *const s_network[] = {
    "socket", "connect", "bind", "listen", "accept", "accept4", NULL };

static int
s_refuse (scmp_filter_ctx filter, const char *const *names)
{
    for (size_t i = 0; names[i]; i++) {
        int call = seccomp_syscall_resolve_name (names[i]);
        if (call == __NR_SCMP_ERROR)
            continue;
        int done = seccomp_rule_add (filter, SCMP_ACT_ERRNO (EPERM), call, 0);
        if (done && done != -EDOM)
            return done;
    }
    return 0;
}

#define DENY(call, ...) \
    if (done == 0) \
        done = seccomp_rule_add (filter, SCMP_ACT_ERRNO (EPERM), \
                                 SCMP_SYS (call), 1, __VA_ARGS__)

/*  Calls that are refused by their arguments. A datagram pair could send to
 *  any other socket, so a pair may only be a stream. clone3 hides its flags
 *  behind a pointer: ENOSYS makes libc fall back on clone.  */
static int
s_refuse_some (scmp_filter_ctx filter, bool network)
{
    int done = 0;
    unsigned long spaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS
        | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

    for (int bit = 0; bit < 32; bit++)
        if (spaces & (1UL << bit))
            DENY (clone, SCMP_A0 (SCMP_CMP_MASKED_EQ, 1UL << bit, 1UL << bit));
    DENY (prctl, SCMP_A0_32 (SCMP_CMP_EQ, PR_SET_PDEATHSIG));
    DENY (prctl, SCMP_A0_32 (SCMP_CMP_EQ, PR_SET_CHILD_SUBREAPER));
    DENY (prlimit64, SCMP_A0_32 (SCMP_CMP_NE, 0));
    DENY (ioctl, SCMP_A1_32 (SCMP_CMP_EQ, TIOCSTI));
    /*  Who owns a descriptor is sent signals by the kernel itself.  */
    DENY (ioctl, SCMP_A1_32 (SCMP_CMP_EQ, FIOSETOWN));
    DENY (ioctl, SCMP_A1_32 (SCMP_CMP_EQ, SIOCSPGRP));
    DENY (fcntl, SCMP_A1_32 (SCMP_CMP_EQ, F_SETOWN));
    DENY (fcntl, SCMP_A1_32 (SCMP_CMP_EQ, F_SETOWN_EX));
    if (network) {
        DENY (socket, SCMP_A0_32 (SCMP_CMP_EQ, AF_UNIX));
    } else
        DENY (socketpair,
              SCMP_A1_32 (SCMP_CMP_MASKED_EQ, 0xf, SOCK_DGRAM));
    if (done == 0)
        done = seccomp_rule_add (filter, SCMP_ACT_ERRNO (ENOSYS),
                                 SCMP_SYS (clone3), 0);
    return done;
}

static struct sock_filter s_code[FILTER_MAX];
static unsigned short s_length;

/*  libseccomp gives the program to a descriptor only.  */
static int
s_keep (scmp_filter_ctx filter)
{
    int fd = memfd_create ("seccomp", MFD_CLOEXEC);
    int done = fd < 0 ? -errno : seccomp_export_bpf (filter, fd);
    ssize_t size = done ? -1 : pread (fd, s_code, sizeof s_code, 0);
    if (fd >= 0)
        close (fd);
    if (done)
        return done;
    if (size <= 0 || size == sizeof s_code)
        return -E2BIG;
    s_length = (unsigned short) ((size_t) size / sizeof s_code[0]);
    return 0;
}

int
fcj_seccomp_prepare (bool network, fcj_error_t *error)
{
    scmp_filter_ctx filter = seccomp_init (SCMP_ACT_ALLOW);
    if (!filter)
        return fcj_fail (error, FCJ_INTERNAL, "seccomp: out of memory");
    int done = s_refuse (filter, s_refused);
    if (done == 0 && !network)
        done = s_refuse (filter, s_network);
    if (done == 0)
        done = s_refuse_some (filter, network);
    if (done == 0)
        done = s_keep (filter);
    seccomp_release (filter);
    if (done)
        return fcj_fail (error, FCJ_INTERNAL, "seccomp: %s",
                         strerror (-done));
    return 0;
}

#define LOAD(field) \
    BPF_STMT (BPF_LD | BPF_W | BPF_ABS, offsetof (struct seccomp_data, field))
#define IF(test, value, then, otherwise) \
    BPF_JUMP (BPF_JMP | (test) | BPF_K, (value), (then), (otherwise))
#define ANSWER(action)  BPF_STMT (BPF_RET | BPF_K, (action))

/*  Landlock keeps signals inside since ABI 6 only, and a user of its own a
 *  job has only as root. So: none to whom was there before the job (its
 *  worker, the service, the session around it), nor to all at once. What the
 *  job started has higher numbers, until numbers begin anew. Written out
 *  here, for libseccomp cannot say "between", and our number is known only
 *  after the fork. The other filter has refused foreign architectures.  */
static int
s_keep_signals (uint32_t self)
{
    struct sock_filter code[] = {
        LOAD (nr),
        IF (BPF_JEQ, SYS_kill, 4, 0), IF (BPF_JEQ, SYS_tgkill, 3, 0),
        IF (BPF_JEQ, SYS_tkill, 2, 0), IF (BPF_JEQ, SYS_rt_sigqueueinfo, 1, 0),
        IF (BPF_JEQ, SYS_rt_tgsigqueueinfo, 0, 5),
        LOAD (args[0]),
        IF (BPF_JEQ, 0, 3, 0),                  /* our own group ... */
        IF (BPF_JEQ, -self, 2, 0),              /* ... by its name */
        IF (BPF_JGE, 1U << 31, 2, 0),           /* another, or all */
        IF (BPF_JGE, self, 0, 1),
        ANSWER (SECCOMP_RET_ALLOW),
        ANSWER (SECCOMP_RET_ERRNO | EPERM) };
    struct sock_fprog program = { .len = sizeof code / sizeof code[0],
                                  .filter = code };
    return (int) syscall (SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

int
fcj_seccomp_enter (fcj_error_t *error)
{
    struct sock_fprog program = { .len = s_length, .filter = s_code };
    if (s_length == 0 || s_keep_signals ((uint32_t) getpid ())
        || syscall (SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
        return fcj_fail (error, FCJ_INTERNAL, "seccomp: %s",
                         s_length ? strerror (errno) : "not prepared");
    return 0;
}
