/*  module.c - see module.h.  */

#include "../zygote/module.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../jobs/limits.h"
#include "../common/beneath.h"
#include "../common/frame.h"
#include "../zygote/convert.h"

static int s_control = -1;

void
fcj_module_open (int control)
{
    s_control = control;
}

void
fcj_module_flush (void)
{
    static const char *const names[] = { "stdout", "stderr", NULL };
    PyObject *type, *value, *trace;
    PyErr_Fetch (&type, &value, &trace);
    for (int i = 0; names[i]; i++) {
        PyObject *stream = PySys_GetObject (names[i]);
        PyObject *done = stream && stream != Py_None
            ? PyObject_CallMethod (stream, "flush", NULL) : NULL;
        Py_XDECREF (done);
        PyErr_Clear ();
    }
    PyErr_Restore (type, value, trace);
    fflush (NULL);
}

static int
s_is_result (PyObject *message)
{
    PyObject *type = PyDict_GetItemString (message, "type");
    return type && PyUnicode_Check (type)
           && PyUnicode_CompareWithASCIIString (type, "result") == 0;
}

/*  The GIL is held while writing: two threads' messages never mix. Before a
 *  result the streams are flushed, for the supervisor stops reading there. */
static PyObject *
s_send (PyObject *self, PyObject *message)
{
    (void) self;
    if (!PyDict_Check (message)) {
        PyErr_SetString (PyExc_TypeError, "send takes a dict");
        return NULL;
    }
    if (s_control < 0) {
        PyErr_SetString (PyExc_RuntimeError, "no job is running");
        return NULL;
    }
    PyObject *bytes = fcj_convert_pack (message);
    if (!bytes)
        return NULL;
    if (PyBytes_GET_SIZE (bytes) > FCJ_FRAME_MAX) {
        Py_DECREF (bytes);
        PyErr_Format (PyExc_ValueError, "a message is at most %d bytes",
                      FCJ_FRAME_MAX);
        return NULL;
    }
    if (s_is_result (message))
        fcj_module_flush ();
    int done = fcj_frame_send (s_control, PyBytes_AS_STRING (bytes),
                               (size_t) PyBytes_GET_SIZE (bytes), NULL, 0, -1);
    Py_DECREF (bytes);
    if (done)
        return PyErr_SetFromErrno (PyExc_OSError);
    Py_RETURN_NONE;
}

/*  Only an answer comes after the run message: whoever asked waits for it,
 *  other threads run on.  */
static PyObject *
s_receive (PyObject *self, PyObject *nothing)
{
    (void) self;
    (void) nothing;
    void *bytes = NULL;
    size_t size = 0, none = 0;
    int done;
    if (s_control < 0) {
        PyErr_SetString (PyExc_RuntimeError, "no job is running");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    done = fcj_frame_recv (s_control, FCJ_FRAME_MAX, &bytes, &size, NULL,
                           &none);
    Py_END_ALLOW_THREADS
    if (done)
        return PyErr_SetFromErrno (PyExc_OSError);
    PyObject *message = fcj_convert_unpack (bytes, size);
    free (bytes);
    return message;
}

static PyObject *
s_pack (PyObject *self, PyObject *value)
{
    (void) self;
    return fcj_convert_pack (value);
}

static PyObject *
s_unpack (PyObject *self, PyObject *value)
{
    (void) self;
    char *bytes;
    Py_ssize_t size;
    if (PyBytes_AsStringAndSize (value, &bytes, &size))
        return NULL;
    return fcj_convert_unpack (bytes, (size_t) size);
}

static PyObject *
s_open_beneath (PyObject *self, PyObject *args)
{
    (void) self;
    const char *root, *path;
    if (!PyArg_ParseTuple (args, "ss:open_beneath", &root, &path))
        return NULL;
    int fd = fcj_open_beneath (root, path);
    if (fd < 0)
        PyErr_SetFromErrnoWithFilename (PyExc_OSError, path);
    return fd < 0 ? NULL : PyLong_FromLong (fd);
}

static PyMethodDef s_methods[] = {
    { "send", s_send, METH_O, "send(message: dict): to the supervisor" },
    { "receive", s_receive, METH_NOARGS,
      "receive() -> dict: the supervisor's answer, waited for" },
    { "pack", s_pack, METH_O, "pack(value) -> bytes: msgpack" },
    { "unpack", s_unpack, METH_O, "unpack(bytes) -> value: msgpack" },
    { "open_beneath", s_open_beneath, METH_VARARGS,
      "open_beneath(root: str, path: str) -> fd, never outside of root" },
    { NULL, NULL, 0, NULL } };

static struct PyModuleDef s_module = {
    PyModuleDef_HEAD_INIT, "_fcj", "The job process' way out.", -1,
    s_methods, NULL, NULL, NULL, NULL };

PyMODINIT_FUNC
fcj_module_init (void)
{
    return PyModule_Create (&s_module);
}
