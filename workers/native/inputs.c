/*  inputs.c - references become inputs of the kernel.
 *
 *  workers/PROTOCOL.md "Input references", without what needs FreeCAD: an
 *  object of an FCStd file. Nothing is read here but small values: the kernel
 *  gets descriptors, of blobs that came with the run message and of files
 *  below a root. Errors name the input and say what to do.  */

#include "native.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../jobs/limits.h"
#include "../common/beneath.h"

#define NAME_MAX_   63          /* of an input, after its first letter */
#define FORMS "{\"job\": id}, {\"job\": id, \"artifact\": name}, " \
              "{\"file\": path} or {\"brep\": text}"

typedef struct {
    fcj_inputs_t *self;
    const fcj_native_job_t *job;
    fcj_error_t *error;
    const char *where;          /* what to call it in an error */
} resolve_t;

static const char *const s_formats[][2] = {
    { "step", "step" }, { "stp", "step" }, { "iges", "iges" },
    { "igs", "iges" }, { "brep", "brep" }, { "brp", "brep" },
    { "bin", "brep" }, { "stl", "stl" } };

/*  The kernel's name of a file's format; NULL: it cannot be read.  */
static const char *
s_format (const char *name)
{
    const char *dot = strrchr (name, '.');
    for (size_t n = 0; dot && n < sizeof s_formats / sizeof *s_formats; n++)
        if (strcasecmp (dot + 1, s_formats[n][0]) == 0)
            return s_formats[n][1];
    return NULL;
}

/* ---- The list ------------------------------------------------------------------- */

static bool
s_plain_name (const char *name)
{
    if (!isalpha ((unsigned char) *name) && *name != '_')
        return false;
    size_t size = strlen (name);
    return size <= NAME_MAX_ + 1
        && strspn (name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
                         "wxyz0123456789_-") == size;
}

/*  Takes fd over (-1: none) and copies data.  */
static int
s_add (resolve_t *at, const char *name, const char *format, const char *data,
       size_t size, int fd)
{
    fcj_inputs_t *self = at->self;
    if (self->count == self->room) {
        size_t room = self->room ? 2 * self->room : 16;
        fcj_kernel_input_t *more = realloc (self->list, room * sizeof *more);
        if (!more) {
            if (fd >= 0)
                close (fd);
            return fcj_fail (at->error, FCJ_MEMORY, "out of memory");
        }
        self->list = more;
        self->room = room;
    }
    char *copy = NULL;
    if (data && (copy = malloc (size + 1)))
        memcpy (copy, data, size);
    self->list[self->count++] = (fcj_kernel_input_t) {
        .name = strdup (name), .format = format, .data = copy, .size = size,
        .fd = fd };
    return 0;
}

void
fcj_inputs_clear (fcj_inputs_t *self)
{
    for (size_t n = 0; n < self->count; n++) {
        free ((char *) (uintptr_t) self->list[n].name);
        free ((void *) (uintptr_t) self->list[n].data);
        if (self->list[n].fd >= 0)
            close (self->list[n].fd);
    }
    free (self->list);
    json_decref (self->references);
    json_decref (self->steps);
    memset (self, 0, sizeof *self);
}

/* ---- Files below a root ------------------------------------------------------------ */

/*  `path` relative to root, NULL when it is not below it.  */
static const char *
s_below (const char *root, const char *path)
{
    size_t size = strlen (root);
    while (size && root[size - 1] == '/')
        size--;
    if (path[0] != '/')
        return path;
    return strncmp (path, root, size) == 0 && path[size] == '/'
        && path[size + 1] ? path + size + 1 : NULL;
}

/*  What the kernel's answer means here.  */
static const char *
s_why (int problem)
{
    if (problem == 0 || problem == EXDEV)
        return "it is outside the roots";
    return problem == ELOOP ? "a symbolic link is on the way"
        : strerror (problem);
}

static int
s_open_file (const resolve_t *at, const char *path)
{
    const fcj_list_t *roots = fcj_map_list (at->job->message, "roots");
    size_t count = roots ? fcj_list_count (roots) : 0;
    int problem = 0, fd = -1;
    if (count == 0)
        return fcj_fail (at->error, FCJ_INVALID, "%s: no workspace root is "
                         "configured, so no file can be read; give the shape "
                         "as {\"brep\": ...} or ask the operator to set "
                         "`roots`", at->where);
    for (size_t n = 0; n < count && fd < 0; n++) {
        char root[4096];
        if (fcj_list_copy (roots, n, root, sizeof root) <= 0)
            continue;
        const char *rest = s_below (root, path);
        if (!rest)
            continue;
        fd = fcj_open_beneath (root, rest);
        if (fd < 0 && (problem == 0 || problem == ENOENT))
            problem = errno;
    }
    if (fd >= 0)
        return fd;
    if (problem == ENOENT)
        return fcj_fail (at->error, FCJ_INVALID, "%s: there is no file "
                         "'%.200s' below the workspace roots", at->where,
                         path);
    return fcj_fail (at->error, FCJ_INVALID, "%s: file '%.200s' can't be "
                     "opened: %s; it must lie below a workspace root, "
                     "without links and ..", at->where, path,
                     s_why (problem));
}

static int
s_file (resolve_t *at, const char *name, const json_t *reference,
        const char *path)
{
    struct stat info;
    const char *format = s_format (path);
    if (json_object_get (reference, "object") || !format)
        return fcj_fail (at->error, FCJ_INVALID, "%s: '%.200s' is not read "
                         "by the native engine (.step .stp .iges .igs .brep "
                         ".brp .bin .stl); for an object of an FCStd file "
                         "run export_async with engine \"freecad\" and "
                         "formats [\"brep\"] first", at->where, path);
    int fd = s_open_file (at, path);
    if (fd < 0)
        return -1;
    if (fstat (fd, &info) || !S_ISREG (info.st_mode)
        || info.st_size > FCJ_ARTIFACT_MAX) {
        close (fd);
        return fcj_fail (at->error, FCJ_INVALID, "%s: '%.200s' is not a "
                         "regular file of at most %ld bytes", at->where,
                         path, FCJ_ARTIFACT_MAX);
    }
    return s_add (at, name, format, NULL, 0, fd);
}

/* ---- Other jobs ------------------------------------------------------------------------ */

static json_t *
s_artifact (const fcj_map_t *ref, const char *name)
{
    size_t size, n;
    const char *text = fcj_map_bytes (ref, "artifacts", &size);
    json_t *list = text ? json_loadb (text, size, 0, NULL) : NULL, *item;
    json_t *found = NULL;
    json_array_foreach (list, n, item) {
        const char *own = json_string_value (json_object_get (item, "name"));
        if (own && strcmp (own, name) == 0)
            found = json_incref (item);
    }
    json_decref (list);
    return found;
}

/*  Its result says that the shape which it made is null.  */
static bool
s_is_null (const fcj_map_t *ref)
{
    size_t size;
    const char *text = fcj_map_bytes (ref, "result", &size);
    json_t *result = text ? json_loadb (text, size, JSON_DECODE_ANY, NULL)
                          : NULL;
    const char *type = json_string_value (json_object_get (result, "type"));
    bool null = type && strcmp (type, "Null") == 0;
    json_decref (result);
    return null;
}

static int
s_job (resolve_t *at, const char *name, const json_t *reference,
       const char *id)
{
    const char *wanted = json_string_value (json_object_get (reference,
                                                             "artifact"));
    const fcj_map_t *refs = fcj_map_map (at->job->message, "refs");
    const fcj_map_t *ref = refs ? fcj_map_map (refs, id) : NULL;
    char state[16] = "unknown";
    if (!ref)
        return fcj_fail (at->error, FCJ_INVALID, "%s: job %.64s is unknown "
                         "here: it must exist and not be expired (see "
                         "list_jobs)", at->where, id);
    fcj_map_copy (ref, "state", state, sizeof state);
    if (strcmp (state, "completed") != 0)
        return fcj_fail (at->error, FCJ_INVALID, "%s: job %s is %s, only a "
                         "completed one has results", at->where, id, state);
    const char *file = wanted ? wanted : "result.brep";
    const char *format = s_format (file);
    json_t *artifact = format ? s_artifact (ref, file) : NULL;
    const char *hash = json_string_value (json_object_get (artifact, "hash"));
    int fd = hash ? fcj_native_blob (at->job, hash) : -1;
    bool known = artifact != NULL;
    json_decref (artifact);
    if (!format)
        return fcj_fail (at->error, FCJ_INVALID, "%s: artifact %.128s of job "
                         "%s is no shape; give a .step, .iges, .brep or .stl "
                         "artifact", at->where, file, id);
    if (!known && !wanted && s_is_null (ref))
        return fcj_fail (at->error, FCJ_INVALID, "%s: the shape is null; "
                         "look at job %s, which made it", at->where, id);
    if (!known)
        return fcj_fail (at->error, FCJ_INVALID, "%s: job %s has no %s"
                         "%.128s; give a job whose result is a shape, or "
                         "name one of its artifacts", at->where, id,
                         wanted ? "artifact " : "shape",
                         wanted ? wanted : "");
    if (fd < 0)
        return fcj_fail (at->error, FCJ_INVALID, "%s: the content of job %s "
                         "did not come along (expired or deleted); run it "
                         "again", at->where, id);
    return s_add (at, name, format, NULL, 0, fcntl (fd, F_DUPFD_CLOEXEC, 4));
}

static int
s_reference (resolve_t *at, const char *name, const json_t *reference)
{
    const json_t *job = json_object_get (reference, "job");
    const json_t *file = json_object_get (reference, "file");
    const json_t *brep = json_object_get (reference, "brep");
    if ((job != NULL) + (file != NULL) + (brep != NULL) != 1
        || (!json_is_string (job) && !json_is_string (file)
            && !json_is_string (brep)))
        return fcj_fail (at->error, FCJ_INVALID, "%s needs exactly one of "
                         "job, file and brep: %s", at->where, FORMS);
    if (job)
        return s_job (at, name, reference, json_string_value (job));
    if (file)
        return s_file (at, name, reference, json_string_value (file));
    return s_add (at, name, "brep", json_string_value (brep),
                  json_string_length (brep), -1);
}

/* ---- A job's inputs, and its parameters ---------------------------------------------------- */

static int
s_named (resolve_t *at, const json_t *inputs)
{
    const char *name;
    json_t *reference;
    char where[FCJ_NAME_MAX + 16];
    if (json_object_size (inputs) > FCJ_INPUTS_MAX)
        return fcj_fail (at->error, FCJ_INVALID, "inputs has %zu entries, at "
                         "most %d are allowed", json_object_size (inputs),
                         FCJ_INPUTS_MAX);
    json_object_foreach ((json_t *) inputs, name, reference) {
        snprintf (where, sizeof where, "input '%.100s'", name);
        at->where = where;
        if (!s_plain_name (name))
            return fcj_fail (at->error, FCJ_INVALID, "%s: a name is a letter "
                             "or _, then letters, digits, _ and -, at most "
                             "%d in all", where, NAME_MAX_ + 1);
        if (s_reference (at, name, reference))
            return -1;
    }
    return 0;
}

/*  A profile given in numbers becomes a step before the others.  */
static int
s_step_of (resolve_t *at, const json_t *rules, const char *name,
           const json_t *value, bool *done)
{
    size_t n;
    json_t *rule;
    json_array_foreach ((json_t *) rules, n, rule) {
        const char *has = json_string_value (json_object_get (rule, "has"));
        if (!has || !json_object_get (value, has))
            continue;
        fcj_template_t template = { .item = value };
        json_t *step = fcj_template_make (
            &template, json_object_get (rule, "step"), at->error);
        if (!step)
            return -1;
        json_object_set_new (step, "id", json_string (name));
        json_array_append_new (at->self->steps, step);
        *done = true;
        return 0;
    }
    return 0;
}

/*  A name like that one which no entry of `inputs` has: the kernel knows all
 *  of them by their names.  */
static void
s_free_name (const json_t *inputs, const char *like,
             char name[NAME_MAX_ + 2])
{
    snprintf (name, NAME_MAX_ + 2, "%s", like);
    for (unsigned n = 1; json_object_get (inputs, name); n++)
        snprintf (name, NAME_MAX_ + 2, "%.48s_%u", like, n);
}

/*  One element of a parameter of shapes; its "$name".  */
static json_t *
s_element (resolve_t *at, const json_t *inputs, const json_t *rules,
           const char *like, const json_t *value)
{
    bool done = false;
    char name[NAME_MAX_ + 2];
    const char *text = json_string_value (value);
    if (text && !json_object_get (inputs, text)) {
        fcj_fail (at->error, FCJ_INVALID, "%s: `inputs` has no '%.100s'; or "
                  "give a reference: %s", at->where, text, FORMS);
        return NULL;
    }
    if (text)
        return json_sprintf ("$%s", text);
    s_free_name (inputs, like, name);
    if (s_step_of (at, rules, name, value, &done)
        || (!done && s_reference (at, name, value)))
        return NULL;
    return json_sprintf ("$%s", name);
}

static json_t *
s_parameter (resolve_t *at, const json_t *inputs, const json_t *rules,
             const char *name, const json_t *value)
{
    char where[FCJ_NAME_MAX + 32], own[FCJ_NAME_MAX + 32];
    size_t n;
    json_t *item, *made;
    at->where = name;
    if (!json_is_array (value))
        return s_element (at, inputs, rules, name, value);
    json_t *list = json_array ();
    json_array_foreach ((json_t *) value, n, item) {
        snprintf (where, sizeof where, "%.64s[%zu]", name, n);
        snprintf (own, sizeof own, "%.50s_%zu", name, n);
        at->where = where;
        if (!(made = s_element (at, inputs, rules, own, item))) {
            json_decref (list);
            return NULL;
        }
        json_array_append_new (list, made);
    }
    return list;
}

int
fcj_inputs_resolve (fcj_inputs_t *self, const fcj_native_job_t *job,
                    const json_t *entry, const json_t *arguments,
                    fcj_error_t *error)
{
    resolve_t at = { .self = self, .job = job, .error = error };
    size_t size;
    const char *name;
    json_t *rule, *value;
    char *text = fcj_native_text (job, "inputs", &size, error);
    if (!text)
        return -1;
    json_t *inputs = json_loadb (text, size, 0, NULL);
    free (text);
    self->references = json_object ();
    self->steps = json_array ();
    int done = json_is_object (inputs) ? s_named (&at, inputs)
        : fcj_fail (error, FCJ_INVALID, "inputs must be a JSON object");
    json_t *made = json_object_get (json_object_get (entry, "native"),
                                    "made");
    json_object_foreach (json_object_get (json_object_get (
            entry, "inputSchema"), "properties"), name, rule) {
        value = json_object_get (arguments, name);
        if (done || !value || json_is_null (value)
            || !json_is_true (json_object_get (rule, "x-fcj-input")))
            continue;
        json_t *reference = s_parameter (&at, inputs, json_object_get (
            made, name), name, value);
        if (reference)
            json_object_set_new (self->references, name, reference);
        else
            done = -1;
    }
    json_decref (inputs);
    return done;
}
