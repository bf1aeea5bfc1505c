/*  module.h - `_fcj`, what C offers to the job process' Python.
 *
 *      send (message: dict) -> None        to the supervisor
 *      receive () -> dict                  waits for the supervisor's answer
 *      pack (value) -> bytes, unpack (bytes) -> value       msgpack
 *      open_beneath (root: str, path: str) -> int   a read-only descriptor
 *
 *  open_beneath lets no symlink and no ".." lead out of root: the kernel
 *  (openat2) decides, so there is no moment between check and use. */

#ifndef FCJ_ZYGOTE_MODULE_H
#define FCJ_ZYGOTE_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyMODINIT_FUNC fcj_module_init (void);
/*  Nothing is sent before, so that no import talks to a supervisor.  */
void fcj_module_open (int control);
/*  Flushes Python's and C's standard streams.  */
void fcj_module_flush (void);
#endif
