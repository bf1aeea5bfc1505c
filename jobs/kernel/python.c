/*  python.c - the kernel as the Python module _fcj_kernel.
 *
 *  Only what C has to do: bytes in, JSON text out, progress called back. The
 *  module people import is jobs/tools/fcj_kernel, in Python.  */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdlib.h>
#include <string.h>

#include "../limits.h"
#include "kernel.h"

typedef struct {
    fcj_kernel_t *kernel;
    PyObject *progress;         /* borrowed, NULL: nobody listens         */
    PyObject *type, *value, *traceback;     /* what it raised             */
} call_t;

/*  From any of OCCT's threads, which hold no Python lock.  */
static void s_progress (void *argument, double fraction, const char *message)
{
    call_t *call = argument;
    PyGILState_STATE state = PyGILState_Ensure ();
    if (!call->type) {
        PyObject *made = PyObject_CallFunction (call->progress, "ds", fraction,
                                                message);
        Py_XDECREF (made);
        if (!made) {            /* raised: the run ends, then it goes on */
            PyErr_Fetch (&call->type, &call->value, &call->traceback);
            fcj_kernel_cancel (call->kernel);
        }
    }
    PyGILState_Release (state);
}

/*  A dict of name -> bytes; 0, or -1 with a Python exception.  */
static int s_inputs (PyObject *dict, fcj_kernel_input_t *inputs, size_t *count)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next (dict, &at, &key, &value)) {
        char *bytes;
        Py_ssize_t size;
        if (*count == FCJ_INPUTS_MAX) {
            PyErr_Format (PyExc_ValueError, "at most %d inputs are allowed",
                          FCJ_INPUTS_MAX);
            return -1;
        }
        const char *name = PyUnicode_AsUTF8 (key);
        if (!name || PyBytes_AsStringAndSize (value, &bytes, &size))
            return -1;
        inputs[(*count)++] = (fcj_kernel_input_t){
            .name = name, .data = bytes, .size = (size_t) size, .fd = -1};
    }
    return 0;
}

static PyObject *s_result (call_t *call, fcj_kernel_end_t end, char *json)
{
    PyObject *made = NULL;
    if (call->type)
        PyErr_Restore (call->type, call->value, call->traceback);
    else if (!json)
        PyErr_NoMemory ();
    else
        made = Py_BuildValue ("is", (int) end, json);
    free (json);
    return made;
}

static PyObject *s_run (PyObject *module, PyObject *args)
{
    (void) module;
    const char *text, *directory, *result_file;
    Py_ssize_t size;
    PyObject *dict, *progress;
    int threads;
    if (!PyArg_ParseTuple (args, "s#O!zziO", &text, &size, &PyDict_Type, &dict,
                           &directory, &result_file, &threads, &progress))
        return NULL;
    fcj_kernel_input_t inputs[FCJ_INPUTS_MAX];
    size_t count = 0;
    call_t call = {.kernel = fcj_kernel_new (),
                   .progress = progress == Py_None ? NULL : progress};
    if (!call.kernel)
        return PyErr_NoMemory ();
    if (s_inputs (dict, inputs, &count)) {
        fcj_kernel_destroy (&call.kernel);
        return NULL;
    }
    const fcj_kernel_hooks_t hooks = {
        .argument = &call, .progress = call.progress ? s_progress : NULL};
    const fcj_kernel_options_t options = {.directory = directory,
                                          .result_file = result_file,
                                          .threads = threads};
    char *json = NULL;
    fcj_kernel_end_t end;
    Py_BEGIN_ALLOW_THREADS
    end = fcj_kernel_run (call.kernel, text, (size_t) size, inputs, count,
                          &options, &hooks, &json, NULL);
    Py_END_ALLOW_THREADS
    fcj_kernel_destroy (&call.kernel);
    return s_result (&call, end, json);
}

static PyObject *s_language (PyObject *module, PyObject *none)
{
    (void) module;
    (void) none;
    return PyUnicode_FromString (fcj_kernel_language ());
}

static PyMethodDef s_methods[] = {
    {"run", s_run, METH_VARARGS,
     "run (pipeline, inputs, directory, result_file, threads, progress) -> "
     "(end, JSON)"},
    {"language", s_language, METH_NOARGS, "The language as JSON."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef s_module = {
    PyModuleDef_HEAD_INIT, "_fcj_kernel", "Native OpenCASCADE pipelines.", -1,
    s_methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__fcj_kernel (void);
PyMODINIT_FUNC PyInit__fcj_kernel (void)
{
    return PyModule_Create (&s_module);
}
