/*  extension.c - `_fcj` as a module that FreeCAD's own Python imports: what
 *  the zygote builds in, and what a GUI host needs.  */

#include "host.h"
#include "../zygote/module.h"

PyMODINIT_FUNC PyInit__fcj (void);

PyMODINIT_FUNC
PyInit__fcj (void)
{
    PyObject *module = fcj_module_init ();
    if (module && fcj_host_methods (module))
        Py_CLEAR (module);
    return module;
}
