/*  python.h - Python and FreeCAD behind five calls.
 *
 *  The rest of the zygote knows no Python. Everything here runs on the main
 *  thread, which holds the GIL from start to end.  */

#ifndef FCJ_ZYGOTE_PYTHON_H
#define FCJ_ZYGOTE_PYTHON_H

#include <stdbool.h>
#include <stddef.h>

/*  Starts the interpreter, imports FreeCAD and the handlers. *info and
 *  *catalogue: JSON text, the caller's. -1 and *why (the caller's) when
 *  something does not import.  */
int fcj_python_start (const char *python, const char *const *handlers,
                      char **info, char **catalogue, char **why);

/*  Around fork(): parent before, parent after, child after.  */
void fcj_python_before_fork (void);
void fcj_python_after_fork_parent (void);
void fcj_python_after_fork_child (void);

/*  In the child: point FreeCAD at its scratch, and rehearse (a no-op job, so
 *  that the true one finds its pages copied). -1: it cannot run.  */
int fcj_python_child (const char *scratch, bool rehearse);

/*  In the child: run the message (msgpack) with the descriptors that came
 *  with it, then flush. -1 when Python raised out of it.  */
int fcj_python_run (const void *message, size_t size,
                    const int *fds, size_t n);
#endif
