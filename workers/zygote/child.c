/*  child.c - see child.h.  */

#include "../zygote/child.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../jobs/codec.h"
#include "../../jobs/limits.h"
#include "../common/frame.h"
#include "../zygote/python.h"

#define CONTROL         3
#define CPU_GRACE_S     2
#define EXIT_NOT_READY  97
#define EXIT_NO_RESULT  98

/*  Ours is the zygote's table of descriptors: keep 0-3, close the rest.  */
static int
s_descriptors (const int fds[3])
{
    int null = open ("/dev/null", O_RDONLY);
    if (null < 0 || dup2 (null, 0) < 0 || dup2 (fds[1], 1) < 0
        || dup2 (fds[2], 2) < 0 || dup2 (fds[0], CONTROL) < 0)
        return -1;
    return close_range (CONTROL + 1, ~0U, 0);
}

static int
s_say_waiting (void)
{
    fcj_pack_t *message = fcj_pack_new ();
    fcj_pack_map (message, 1);
    fcj_pack_kstr (message, "type", "waiting");
    int done = fcj_frame_send (CONTROL, fcj_pack_data (message),
                               fcj_pack_size (message), NULL, 0, -1);
    fcj_pack_destroy (&message);
    return done;
}

/*  The job's own limits come with it; hard, so that its code cannot raise
 *  them. SIGXCPU first, SIGKILL for who ignores it.  */
static int
s_limits (const void *bytes, size_t size)
{
    fcj_map_t *message = fcj_map_new (bytes, size);
    const fcj_map_t *limits = message ? fcj_map_map (message, "limits") : NULL;
    int64_t space = limits ? fcj_map_int (limits, "address_space", 0) : 0;
    int64_t cpu = limits ? fcj_map_int (limits, "cpu_s", 0) : 0;
    int done = 0;
    if (space > 0) {
        struct rlimit limit = { (rlim_t) space, (rlim_t) space };
        done |= setrlimit (RLIMIT_AS, &limit);
    }
    if (cpu > 0) {
        struct rlimit limit = { (rlim_t) cpu, (rlim_t) cpu + CPU_GRACE_S };
        done |= setrlimit (RLIMIT_CPU, &limit);
    }
    fcj_map_destroy (&message);
    return done;
}

void
fcj_child_run (const fcj_sandbox_t *box, const sigset_t *blocked,
               const int fds[3], bool rehearse)
{
    fcj_error_t error = { 0 };
    void *message;
    size_t size, n = FCJ_FDS_MAX;
    int blobs[FCJ_FDS_MAX];

    sigprocmask (SIG_UNBLOCK, blocked, NULL);
    signal (SIGXFSZ, SIG_IGN);          /* a full file is an OSError */
    signal (SIGPIPE, SIG_IGN);          /* a closed pipe too */
    if (s_descriptors (fds))
        _exit (EXIT_NOT_READY);
    if (fcj_sandbox_enter (box, &error)) {
        dprintf (2, "sandbox: %s\n", error.text);
        _exit (EXIT_NOT_READY);
    }
    if (fcj_python_child (box->scratch, rehearse) || s_say_waiting ())
        _exit (EXIT_NOT_READY);
    if (fcj_frame_recv (CONTROL, FCJ_FRAME_MAX + FCJ_INLINE_MAX, &message,
                        &size, blobs, &n))
        _exit (0);                      /* not needed any more */
    if (s_limits (message, size))
        _exit (EXIT_NOT_READY);
    int done = fcj_python_run (message, size, blobs, n);
    _exit (done ? EXIT_NO_RESULT : 0);
}
