/*  convert.h - msgpack to Python and back: None, bool, int, float, str,
 *  bytes, list (and tuple), dict; sixteen levels deep, like the codec. */

#ifndef FCJ_ZYGOTE_CONVERT_H
#define FCJ_ZYGOTE_CONVERT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/*  New references (bytes, object); NULL with an exception set.  */
PyObject *fcj_convert_pack (PyObject *value);
PyObject *fcj_convert_unpack (const void *bytes, size_t size);
/*  In a message, "blobs" maps a hash to an index: makes it the descriptor.
 *  -1 with an exception set.  */
int fcj_convert_place_fds (PyObject *message, const int *fds, size_t n);
#endif
