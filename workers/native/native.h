/*  native.h - fcj-native: pipelines of native operations, job after job.
 *
 *    main.c       arguments, walls, the loop from job to job
 *    run.c        one job: from its message to its result
 *    inputs.c     references become inputs of the kernel
 *    template.c   a tool's arguments become a pipeline, and the kernel's
 *                 answer becomes the tool's result
 *    hooks.c      what the kernel says while it runs: progress, files, memo
 *    usage.c      memory and processor time of one job
 *
 *  There is one job at a time. No code of a user runs here, only operations
 *  of jobs/kernel; what is parsed (arguments, files) is a stranger's.  */

#ifndef FCJ_NATIVE_H
#define FCJ_NATIVE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../jobs/codec.h"
#include "../../jobs/error.h"
#include "../../jobs/kernel/kernel.h"
#include "../common/frame.h"
#include "../sandbox/walls.h"

#define FCJ_NATIVE_CONTROL  3

/* ---- The process --------------------------------------------------------- */

typedef struct {
    json_t *tools;              /* name -> catalogue entry with "native" */
    fcj_kernel_t *kernel;
    const char *scratch;
    int64_t base_size;          /* address space when new, bytes */
} fcj_native_t;

void fcj_native_send (const fcj_pack_t *message);
/*  Receives the supervisor's next message; see fcj_frame_recv.  */
int fcj_native_recv (void **bytes, size_t *size, int *fds, size_t *n);
/*  True after SIGTERM.  */
bool fcj_native_cancelled (void);

/* ---- One job -------------------------------------------------------------- */

typedef struct {
    fcj_native_t *native;
    const fcj_map_t *message, *spec, *limits;
    const int *fds;             /* of `blobs`, in their order */
    size_t fd_count;
    char directory[1400];       /* <scratch>/<directory of the message> */
    bool made;                  /* it exists */
    int64_t progress_at;        /* monotonic, ms */
    int memo_serial;
    int artifacts, memo_hits;
} fcj_native_job_t;

/*  Runs the job of a run message and sends its result.  */
void fcj_native_run (fcj_native_t *self, const fcj_map_t *message,
                     const int *fds, size_t fd_count);
/*  The descriptor of a blob that came along, -1: it did not.  */
int fcj_native_blob (const fcj_native_job_t *job, const char *hash);
/*  Text of spec[key] or of the blob spec[key_blob]; malloced, NULL with
 *  *error.  */
char *fcj_native_text (const fcj_native_job_t *job, const char *key,
                       size_t *size, fcj_error_t *error);
/*  Makes the job's directories; 0 or -1 with *error.  */
int fcj_native_make_directory (fcj_native_job_t *job, fcj_error_t *error);

/*  hooks.c  */
void fcj_native_hooks (fcj_native_job_t *job, fcj_kernel_hooks_t *hooks);

/* ---- Inputs ---------------------------------------------------------------- */

typedef struct {
    fcj_kernel_input_t *list;
    size_t count, room;
    json_t *references;         /* parameter -> "$name" or ["$name", ...] */
    json_t *steps;              /* profiles given in numbers, as steps */
} fcj_inputs_t;

/*  All that the job refers to: its inputs and its parameters. -1 with
 *  *error, naming what can't be had.  */
int fcj_inputs_resolve (fcj_inputs_t *self, const fcj_native_job_t *job,
                        const json_t *entry, const json_t *arguments,
                        fcj_error_t *error);
void fcj_inputs_clear (fcj_inputs_t *self);

/* ---- Templates -------------------------------------------------------------- */

typedef struct {
    const json_t *arguments, *references;
    const json_t *item;         /* of the $each that is evaluated */
    const json_t *outcome;      /* the kernel's answer, for results */
} fcj_template_t;

/*  A new value, or NULL when it comes to nothing (an argument that was not
 *  given), or with *error set (reason not FCJ_OK).  */
json_t *fcj_template_make (const fcj_template_t *self, const json_t *what,
                           fcj_error_t *error);

/* ---- Usage ------------------------------------------------------------------ */

/*  Before the walls are up: what is read later is opened now.  */
void fcj_usage_open (void);
void fcj_usage_begin (void);
void fcj_usage_end (int64_t *cpu_ms, int64_t *memory);
int64_t fcj_usage_resident (void);
int64_t fcj_usage_size (void);
#endif
