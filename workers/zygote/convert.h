/*  convert.h - msgpack to Python and back: None, bool, int, float, str,
 *  bytes, list (and tuple), dict; sixteen levels deep, like the codec. */

#ifndef FCJ_ZYGOTE_CONVERT_H
#define FCJ_ZYGOTE_CONVERT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/*  New references (bytes, object); NULL with an exception set.  */
PyObject *fcj_convert_pack (PyObject *value);
PyObject *fcj_convert_unpack (const void *bytes, size_t size);
#endif
