/*  kernel.h - native OpenCASCADE behind a plain C contract.
 *
 *  A kernel runs one *pipeline* at a time: JSON text, a list of steps that
 *  refer to each other (README.md is the language). Shapes never leave the
 *  process between steps. What comes back is JSON text, and files in one
 *  directory. C++ and OCCT stay behind this header.
 *
 *  Contained: every OCCT and C++ exception becomes an error that names the
 *  step and the input. Not contained, on purpose: a signal. No handler is
 *  installed, so that a crash stays a crash for who watches the process; the
 *  process is then to be thrown away, not the job's neighbours.
 *
 *  Threads: one run at a time for each process (OCCT's own statics and its
 *  thread pool are shared); fcj_kernel_cancel() may come from any thread or
 *  from a signal handler.  */

#ifndef FCJ_KERNEL_H
#define FCJ_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include "../error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Bounds (what one pipeline may ask for) ----------------------------- */
#define FCJ_KERNEL_PIPELINE_MAX  (8 * 1024 * 1024)  /* bytes of JSON         */
#define FCJ_KERNEL_STEPS_MAX     256
#define FCJ_KERNEL_SHAPES_MAX    4096       /* references in one list        */
#define FCJ_KERNEL_POINTS_MAX    10000      /* points of one wire            */
#define FCJ_KERNEL_COPIES_MAX    10000      /* shapes that a pattern makes   */
#define FCJ_KERNEL_PIECES_MAX    10000      /* items of a list in a result   */
#define FCJ_KERNEL_LENGTH_MAX    1e7        /* mm, any coordinate or length  */
#define FCJ_KERNEL_LENGTH_MIN    1e-6       /* mm, a length that must be > 0 */
#define FCJ_KERNEL_NAME_MAX      128        /* bytes: names, file names      */
#define FCJ_KERNEL_THREADS_MAX   64
#define FCJ_KERNEL_KEY_LEN       64         /* memo key: SHA-256, hex        */

typedef struct _fcj_kernel_t fcj_kernel_t;

/*  A named input: bytes in memory, or a descriptor (read from its start with
 *  pread(), never closed). The caller keeps both until the run is over.  */
typedef struct {
    const char *name;           /* [A-Za-z_][A-Za-z0-9_-]{0,63}: "$name"     */
    const char *format;         /* step iges brep stl, NULL: by its content  */
    const void *data;           /* NULL: fd is used                          */
    size_t size;
    int fd;
} fcj_kernel_input_t;

/*  What a run tells its caller. Each may be NULL. They are called by one
 *  thread at a time, which need not be the one that called run; they must
 *  return soon and must not call the kernel, but for fcj_kernel_cancel().  */
typedef struct {
    void *argument;             /* first argument of each                    */

    /*  fraction 0..1 never falls, the last one of a run that succeeds is 1.
     *  message: "2/5 cut: boolean operation"; valid during the call.  */
    void (*progress) (void *argument, double fraction, const char *message);

    /*  The memo. lookup: 0 and malloc()ed bytes (freed by the kernel), or -1
     *  when key is unknown. store: keep these bytes under key; what it returns
     *  is not looked at. reject: the entry was truncated, wrong or of another
     *  key; drop it. Entries carry their own key and SHA-256, the store need
     *  not check them.  */
    int (*lookup) (void *argument, const char *key, void **data, size_t *size);
    int (*store) (void *argument, const char *key, const void *data,
                  size_t size);
    void (*reject) (void *argument, const char *key);

    /*  The file `name` in the directory is complete.  */
    void (*artifact) (void *argument, const char *name, const char *mime);
} fcj_kernel_hooks_t;

typedef struct {
    const char *directory;      /* files go there, it exists; NULL: no files,
                                   a step that writes one is an error        */
    int threads;                /* 1..FCJ_KERNEL_THREADS_MAX, 0 means 1      */
    bool memo;                  /* use lookup/store; "memo": false in the
                                   pipeline switches it off as well          */
    int memo_min_ms;            /* steps that took less are not stored       */
    const char *result_file;    /* the result shape also as BREP text under
                                   this name ("result.brep"); NULL: not      */
    long long file_max;         /* bytes of one file, 0: no limit. The caller
                                   sets RLIMIT_FSIZE above it and ignores
                                   SIGXFSZ, so that a file stops there       */
} fcj_kernel_options_t;

typedef enum {
    FCJ_KERNEL_COMPLETED, FCJ_KERNEL_FAILED, FCJ_KERNEL_CANCELLED
} fcj_kernel_end_t;

/* --------------------------------------------------------------------------
 *  A kernel, NULL when there is no memory. Costs little; OCCT's own tables
 *  (STEP schema, units) are loaded by the first step that needs them.  */
fcj_kernel_t *fcj_kernel_new (void);
void fcj_kernel_destroy (fcj_kernel_t **self_p);

/* --------------------------------------------------------------------------
 *  Runs a pipeline. *result (never NULL but without memory; free() it) is the
 *  JSON of README.md "The result", also after a failure: the steps before it
 *  and the error. *error (may be NULL) has the reason: FCJ_INVALID, what was
 *  given is wrong; FCJ_EXCEPTION, OCCT tried and there is no usable result;
 *  FCJ_MEMORY; FCJ_OUTPUT_LIMIT. After FCJ_KERNEL_FAILED a careful caller
 *  takes a fresh process for the next run; after a cancel it may go on.  */
fcj_kernel_end_t fcj_kernel_run (fcj_kernel_t *self,
                                 const char *pipeline, size_t size,
                                 const fcj_kernel_input_t *inputs,
                                 size_t inputs_count,
                                 const fcj_kernel_options_t *options,
                                 const fcj_kernel_hooks_t *hooks,
                                 char **result, fcj_error_t *error);

/* --------------------------------------------------------------------------
 *  Asks the run to end: one atomic store, allowed in a signal handler. OCCT
 *  polls it inside booleans, meshing, sewing, offsets, STEP transfer and
 *  checks, the kernel between steps and their parts; README.md says which ops
 *  can only be ended by ending the process. A cancel that comes between runs
 *  is kept and ends the next one; fcj_kernel_reset() forgets it.  */
void fcj_kernel_cancel (fcj_kernel_t *self);
void fcj_kernel_reset (fcj_kernel_t *self);

/* --------------------------------------------------------------------------
 *  Checks a pipeline without running it: 0, or -1 and *error. Names of inputs
 *  are taken as given. Does not touch OCCT's algorithms.  */
int fcj_kernel_check (const char *pipeline, size_t size,
                      const char *const *names, size_t names_count,
                      fcj_error_t *error);

/* --------------------------------------------------------------------------
 *  The language as JSON text (static): {"version", "ops": {name: {"title",
 *  "group", "schema": JSON schema of the step}}}. Made from the same table
 *  that checks a pipeline.  */
const char *fcj_kernel_language (void);

/*  "2+occt7.6.3": part of every memo key; changes when results may.  */
const char *fcj_kernel_version (void);

#ifdef __cplusplus
}
#endif

#endif
