/*  child.h - what a fork of the zygote does: walls, "waiting", one job. */

#ifndef FCJ_ZYGOTE_CHILD_H
#define FCJ_ZYGOTE_CHILD_H
#include <signal.h>
#include "../sandbox/sandbox.h"

/*  fds: control socket, stdout, stderr; rehearse: see python.h. Leaves by
 *  _exit: the zygote's (and czmq's) atexit handlers are not ours to run.  */
void fcj_child_run (const fcj_sandbox_t *box, const sigset_t *blocked,
                    const int fds[3], bool rehearse)
    __attribute__ ((noreturn));
#endif
