/*  convert.c - see convert.h. Written on msgpack-c itself, because the codec
 *  reads maps by key while this has to walk whatever comes.  */

#include "../zygote/convert.h"

#include <msgpack.h>

#define DEPTH_MAX 16

static int s_pack (msgpack_packer *out, PyObject *value, int depth);

static int
s_pack_text (msgpack_packer *out, PyObject *value)
{
    /*  Lone surrogates (os.fsdecode makes them) have no UTF-8: "?".  */
    PyObject *bytes = PyUnicode_AsEncodedString (value, "utf-8", "replace");
    if (!bytes)
        return -1;
    size_t size = (size_t) PyBytes_GET_SIZE (bytes);
    msgpack_pack_str (out, size);
    msgpack_pack_str_body (out, PyBytes_AS_STRING (bytes), size);
    Py_DECREF (bytes);
    return 0;
}

static int
s_pack_int (msgpack_packer *out, PyObject *value)
{
    long long number = PyLong_AsLongLong (value);
    if (number == -1 && PyErr_Occurred ())
        return -1;
    msgpack_pack_int64 (out, number);
    return 0;
}

static int
s_pack_sequence (msgpack_packer *out, PyObject *value, int depth)
{
    PyObject *fast = PySequence_Fast (value, "not a sequence");
    if (!fast)
        return -1;
    Py_ssize_t count = PySequence_Fast_GET_SIZE (fast);
    int done = 0;
    msgpack_pack_array (out, (size_t) count);
    for (Py_ssize_t i = 0; i < count && done == 0; i++)
        done = s_pack (out, PySequence_Fast_GET_ITEM (fast, i), depth + 1);
    Py_DECREF (fast);
    return done;
}

static int
s_pack_dict (msgpack_packer *out, PyObject *value, int depth)
{
    PyObject *key, *item;
    Py_ssize_t at = 0;
    msgpack_pack_map (out, (size_t) PyDict_GET_SIZE (value));
    while (PyDict_Next (value, &at, &key, &item)) {
        if (!PyUnicode_Check (key)) {
            PyErr_SetString (PyExc_TypeError, "a message has string keys");
            return -1;
        }
        if (s_pack_text (out, key) || s_pack (out, item, depth + 1))
            return -1;
    }
    return 0;
}

static int
s_pack (msgpack_packer *out, PyObject *value, int depth)
{
    if (depth > DEPTH_MAX) {
        PyErr_SetString (PyExc_ValueError, "a message is at most 16 deep");
        return -1;
    }
    if (value == Py_None)
        return msgpack_pack_nil (out);
    if (PyBool_Check (value))
        return value == Py_True ? msgpack_pack_true (out)
                                : msgpack_pack_false (out);
    if (PyLong_Check (value))
        return s_pack_int (out, value);
    if (PyFloat_Check (value))
        return msgpack_pack_double (out, PyFloat_AS_DOUBLE (value));
    if (PyUnicode_Check (value))
        return s_pack_text (out, value);
    if (PyBytes_Check (value)) {
        size_t size = (size_t) PyBytes_GET_SIZE (value);
        msgpack_pack_bin (out, size);
        return msgpack_pack_bin_body (out, PyBytes_AS_STRING (value), size);
    }
    if (PyDict_Check (value))
        return s_pack_dict (out, value, depth);
    if (PyList_Check (value) || PyTuple_Check (value))
        return s_pack_sequence (out, value, depth);
    PyErr_Format (PyExc_TypeError, "a message cannot carry a %s",
                  Py_TYPE (value)->tp_name);
    return -1;
}

PyObject *
fcj_convert_pack (PyObject *value)
{
    msgpack_sbuffer buffer;
    msgpack_packer out;
    PyObject *bytes = NULL;

    msgpack_sbuffer_init (&buffer);
    msgpack_packer_init (&out, &buffer, msgpack_sbuffer_write);
    if (s_pack (&out, value, 0) == 0)
        bytes = PyBytes_FromStringAndSize (buffer.data,
                                           (Py_ssize_t) buffer.size);
    else if (!PyErr_Occurred ())
        PyErr_NoMemory ();
    msgpack_sbuffer_destroy (&buffer);
    return bytes;
}

static PyObject *s_unpack (const msgpack_object *value, int depth);

static PyObject *
s_unpack_array (const msgpack_object_array *array, int depth)
{
    PyObject *list = PyList_New ((Py_ssize_t) array->size);
    for (uint32_t i = 0; list && i < array->size; i++) {
        PyObject *item = s_unpack (&array->ptr[i], depth + 1);
        if (!item)
            Py_CLEAR (list);
        else
            PyList_SET_ITEM (list, (Py_ssize_t) i, item);
    }
    return list;
}

static PyObject *
s_unpack_map (const msgpack_object_map *map, int depth)
{
    PyObject *dict = PyDict_New ();
    for (uint32_t i = 0; dict && i < map->size; i++) {
        PyObject *key = s_unpack (&map->ptr[i].key, depth + 1);
        PyObject *item = key ? s_unpack (&map->ptr[i].val, depth + 1) : NULL;
        if (!item || PyDict_SetItem (dict, key, item))
            Py_CLEAR (dict);
        Py_XDECREF (key);
        Py_XDECREF (item);
    }
    return dict;
}

static PyObject *
s_unpack (const msgpack_object *value, int depth)
{
    if (depth > DEPTH_MAX) {
        PyErr_SetString (PyExc_ValueError, "a message is at most 16 deep");
        return NULL;
    }
    switch (value->type) {
    case MSGPACK_OBJECT_BOOLEAN:
        return PyBool_FromLong (value->via.boolean);
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return PyLong_FromUnsignedLongLong (value->via.u64);
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return PyLong_FromLongLong (value->via.i64);
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return PyFloat_FromDouble (value->via.f64);
    case MSGPACK_OBJECT_STR:
        return PyUnicode_DecodeUTF8 (value->via.str.ptr,
                                     (Py_ssize_t) value->via.str.size,
                                     "replace");
    case MSGPACK_OBJECT_BIN:
        return PyBytes_FromStringAndSize (value->via.bin.ptr,
                                          (Py_ssize_t) value->via.bin.size);
    case MSGPACK_OBJECT_ARRAY:
        return s_unpack_array (&value->via.array, depth);
    case MSGPACK_OBJECT_MAP:
        return s_unpack_map (&value->via.map, depth);
    default:
        Py_RETURN_NONE;
    }
}

PyObject *
fcj_convert_unpack (const void *bytes, size_t size)
{
    msgpack_unpacked result;
    size_t at = 0;
    PyObject *value = NULL;

    msgpack_unpacked_init (&result);
    if (msgpack_unpack_next (&result, bytes, size, &at)
        == MSGPACK_UNPACK_SUCCESS && at == size)
        value = s_unpack (&result.data, 0);
    else
        PyErr_SetString (PyExc_ValueError, "not one msgpack value");
    msgpack_unpacked_destroy (&result);
    return value;
}

int
fcj_convert_place_fds (PyObject *message, const int *fds, size_t n)
{
    PyObject *blobs = PyDict_Check (message)
        ? PyDict_GetItemString (message, "blobs") : NULL;
    PyObject *placed = PyDict_New (), *key, *value;
    Py_ssize_t at = 0;
    if (!placed)
        return -1;
    while (blobs && PyDict_Check (blobs)
           && PyDict_Next (blobs, &at, &key, &value)) {
        size_t index = PyLong_AsSize_t (value);
        PyObject *fd = index < n ? PyLong_FromLong (fds[index]) : NULL;
        if (fd)
            PyDict_SetItem (placed, key, fd);
        Py_XDECREF (fd);
        PyErr_Clear ();
    }
    int done = PyDict_Check (message)
        ? PyDict_SetItemString (message, "blobs", placed) : -1;
    Py_DECREF (placed);
    return done;
}
