/*  python.c - see python.h. The Python side is bootstrap.py, built in. */

#include "../zygote/python.h"

#include "../zygote/convert.h"
#include "../zygote/module.h"

#include <string.h>

/*  Paths are relative to the root of the source tree, where make runs.  */
__asm__ (".section .rodata\n"
         ".global fcj_bootstrap\n"
         "fcj_bootstrap: .incbin \"workers/zygote/bootstrap.py\"\n"
         ".byte 0\n"
         ".previous\n");
extern const char fcj_bootstrap[];

#define PYTHON "/usr/bin/python3.11"

static PyObject *s_bootstrap;

/*  The exception as "Type: text (file, line n)", allocated.  */
static char *
s_exception (void)
{
    PyObject *type, *value, *trace;
    PyErr_Fetch (&type, &value, &trace);
    PyErr_NormalizeException (&type, &value, &trace);
    if (value && trace)
        PyException_SetTraceback (value, trace);
    PyObject *module = PyImport_ImportModule ("traceback");
    PyObject *lines = module && value
        ? PyObject_CallMethod (module, "format_exception", "O", value) : NULL;
    PyObject *empty = PyUnicode_FromString ("");
    PyObject *text = lines ? PyUnicode_Join (empty, lines) : NULL;
    const char *utf8 = text ? PyUnicode_AsUTF8 (text) : NULL;
    char *why = strdup (utf8 ? utf8 : "Python failed without saying why");
    PyErr_Clear ();
    Py_XDECREF (text);
    Py_XDECREF (empty);
    Py_XDECREF (lines);
    Py_XDECREF (module);
    Py_XDECREF (type);
    Py_XDECREF (value);
    Py_XDECREF (trace);
    return why;
}

static int
s_interpreter (char **why)
{
    PyConfig config;
    PyConfig_InitIsolatedConfig (&config);
    config.site_import = 1;             /* numpy and PySide2 live there */
    config.write_bytecode = 0;
    config.install_signal_handlers = 0;
    config.parse_argv = 0;
    PyImport_AppendInittab ("_fcj", fcj_module_init);
    PyStatus status = PyConfig_SetBytesString (&config, &config.program_name,
                                               PYTHON);
    if (!PyStatus_Exception (status))
        status = Py_InitializeFromConfig (&config);
    PyConfig_Clear (&config);
    if (!PyStatus_Exception (status))
        return 0;
    *why = strdup (status.err_msg ? status.err_msg : "Python does not start");
    return -1;
}

static PyObject *
s_module (void)
{
    PyObject *code = Py_CompileString (fcj_bootstrap, "bootstrap.py",
                                       Py_file_input);
    PyObject *module = code
        ? PyImport_ExecCodeModule ("fcj_bootstrap", code) : NULL;
    Py_XDECREF (code);
    return module;
}

int
fcj_python_start (const char *python, const char *const *handlers,
                  char **info, char **catalogue, char **why)
{
    if (s_interpreter (why))
        return -1;
    s_bootstrap = s_module ();
    PyObject *list = PyList_New (0);
    for (size_t i = 0; handlers[i]; i++) {
        PyObject *path = PyUnicode_DecodeFSDefault (handlers[i]);
        PyList_Append (list, path);
        Py_XDECREF (path);
    }
    PyObject *pair = s_bootstrap
        ? PyObject_CallMethod (s_bootstrap, "start", "sO", python, list)
        : NULL;
    Py_DECREF (list);
    const char *first, *second;
    if (!pair || !PyArg_ParseTuple (pair, "ss", &first, &second)) {
        *why = s_exception ();
        Py_XDECREF (pair);
        return -1;
    }
    *info = strdup (first);
    *catalogue = strdup (second);
    Py_DECREF (pair);
    /*  Pages that the collector never writes to stay shared.  */
    PyObject *gc = PyImport_ImportModule ("gc");
    PyObject *done = gc ? PyObject_CallMethod (gc, "freeze", NULL) : NULL;
    Py_XDECREF (done);
    Py_XDECREF (gc);
    PyErr_Clear ();
    return 0;
}

void
fcj_python_before_fork (void)
{
    PyOS_BeforeFork ();
}

void
fcj_python_after_fork_parent (void)
{
    PyOS_AfterFork_Parent ();
}

void
fcj_python_after_fork_child (void)
{
    PyOS_AfterFork_Child ();
}

int
fcj_python_child (const char *scratch, bool rehearse)
{
    PyObject *done = PyObject_CallMethod (s_bootstrap, "child", "sO", scratch,
                                          rehearse ? Py_True : Py_False);
    if (!done)
        PyErr_Print ();
    Py_XDECREF (done);
    return done ? 0 : -1;
}

int
fcj_python_run (const void *bytes, size_t size, const int *fds, size_t n)
{
    fcj_module_open (3);
    PyObject *message = fcj_convert_unpack (bytes, size), *done = NULL;
    if (message && fcj_convert_place_fds (message, fds, n) == 0)
        done = PyObject_CallMethod (s_bootstrap, "run", "O", message);
    if (!done)
        PyErr_Print ();
    fcj_module_flush ();
    Py_XDECREF (message);
    Py_XDECREF (done);
    return done ? 0 : -1;
}
