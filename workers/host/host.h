/*  host.h - what C adds to `_fcj` for a FreeCAD that lives on.
 *
 *      host_open (fd) -> int         starts the reader; an eventfd that is
 *                                    readable while a message waits
 *      host_take () -> dict | None   the next message; {"type": "end"} after
 *                                    the last one
 *      host_wait (seconds) -> dict | None   the next "answer", GIL released
 *      host_close ()                 ends the reader, closes the socket
 *      guard (function, id, exception) -> what function () returns
 *      interrupted (id) -> str | None       why, when it was interrupted
 *
 *  A GUI thread that computes reads no socket, so a thread of ours does. It
 *  never touches Python but for one thing: while guard runs, an "interrupt"
 *  for its id raises `exception` in it, again and again until it has
 *  returned (code may catch it), and never afterwards.  */

#ifndef FCJ_HOST_H
#define FCJ_HOST_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/*  Adds them to the module. -1 with an exception set.  */
int fcj_host_methods (PyObject *module);
#endif
