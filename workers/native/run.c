/*  run.c - one native job, from its run message to its result.  */

#include "native.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../jobs/blob.h"
#include "../../jobs/limits.h"
#include "../../jobs/schema.h"

#define SHAPE_FILE "result.brep"

typedef struct {
    const char *state;
    fcj_error_t error;
    json_t *result, *problem;   /* what is sent: the one or the other */
} outcome_t;

/* ---- What came along ------------------------------------------------------------ */

int
fcj_native_blob (const fcj_native_job_t *job, const char *hash)
{
    const fcj_map_t *blobs = fcj_map_map (job->message, "blobs");
    int64_t index = blobs ? fcj_map_int (blobs, hash, -1) : -1;
    return index >= 0 && (size_t) index < job->fd_count ? job->fds[index]
                                                        : -1;
}

static char *
s_read_blob (int fd, size_t *size, fcj_error_t *error)
{
    struct stat info;
    if (fstat (fd, &info) || info.st_size > FCJ_FRAME_MAX) {
        fcj_fail (error, FCJ_INVALID, "a blob of the job is too long");
        return NULL;
    }
    char *text = malloc ((size_t) info.st_size + 1);
    ssize_t got = text ? pread (fd, text, (size_t) info.st_size, 0) : -1;
    if (got != info.st_size) {
        free (text);
        fcj_fail (error, FCJ_INVALID, "a blob of the job cannot be read");
        return NULL;
    }
    text[got] = 0;
    *size = (size_t) got;
    return text;
}

char *
fcj_native_text (const fcj_native_job_t *job, const char *key, size_t *size,
                 fcj_error_t *error)
{
    char blob_key[40];
    fcj_hash_t hash;
    snprintf (blob_key, sizeof blob_key, "%.30s_blob", key);
    if (fcj_map_copy (job->spec, blob_key, hash, sizeof hash)
        == FCJ_HASH_LEN) {
        int fd = fcj_native_blob (job, hash);
        if (fd >= 0)
            return s_read_blob (fd, size, error);
        fcj_fail (error, FCJ_INVALID, "the job's %s did not come along "
                  "(expired or deleted); submit it again", key);
        return NULL;
    }
    const char *text = fcj_map_bytes (job->spec, key, size);
    if (!text) {
        text = "{}";
        *size = 2;
    }
    char *copy = malloc (*size + 1);
    if (copy) {
        memcpy (copy, text, *size);
        copy[*size] = 0;
    }
    return copy;
}

int
fcj_native_make_directory (fcj_native_job_t *job, fcj_error_t *error)
{
    char name[64], path[1500];
    if (job->made)
        return 0;
    if (fcj_map_copy (job->message, "directory", name, sizeof name) <= 0
        || strchr (name, '/') || name[0] == '.')
        return fcj_fail (error, FCJ_INTERNAL, "the job has no directory");
    snprintf (job->directory, sizeof job->directory, "%s/%s",
              job->native->scratch, name);
    snprintf (path, sizeof path, "%s/artifacts", job->directory);
    if ((mkdir (job->directory, 0700) && errno != EEXIST)
        || (mkdir (path, 0700) && errno != EEXIST))
        return fcj_fail (error, FCJ_INTERNAL, "the job's directory cannot be "
                         "made: %s", strerror (errno));
    job->made = true;
    return 0;
}

/*  Nothing that the supervisor would have to store: not its work then.  */
static void
s_remove_directory (const fcj_native_job_t *job)
{
    char path[1500];
    if (!job->made || job->artifacts || job->memo_serial)
        return;
    snprintf (path, sizeof path, "%s/artifacts", job->directory);
    rmdir (path);
    rmdir (job->directory);
}

/*  Soft ones: the next job has others.  */
static void
s_limits (const fcj_native_job_t *job)
{
    struct rlimit limit;
    int64_t space = fcj_map_int (job->limits, "address_space", 0);
    int64_t cpu = fcj_map_int (job->limits, "cpu_s", 0);
    if (getrlimit (RLIMIT_AS, &limit) == 0) {
        limit.rlim_cur = space > 0
            ? (rlim_t) (space + job->native->base_size) : limit.rlim_max;
        setrlimit (RLIMIT_AS, &limit);
    }
    struct rusage use;
    if (getrlimit (RLIMIT_CPU, &limit) == 0
        && getrusage (RUSAGE_SELF, &use) == 0) {
        limit.rlim_cur = cpu > 0 ? (rlim_t) (cpu + use.ru_utime.tv_sec
                                             + use.ru_stime.tv_sec + 1)
                                 : limit.rlim_max;
        setrlimit (RLIMIT_CPU, &limit);
    }
}

/* ---- The pipeline ------------------------------------------------------------------ */

/*  The arguments, checked, with the defaults of the schema.  */
static json_t *
s_arguments (const fcj_native_job_t *job, const json_t *entry,
             fcj_error_t *error)
{
    size_t size, n;
    const char *name;
    json_error_t why;
    json_t *rule, *value, *option;
    char *text = fcj_native_text (job, "arguments", &size, error);
    json_t *arguments = text ? json_loadb (text, size,
                                           JSON_REJECT_DUPLICATES, &why)
                             : NULL;
    if (text && !json_is_object (arguments))
        fcj_fail (error, FCJ_INVALID, "arguments must be a JSON object: %s",
                  arguments ? "it is another value" : why.text);
    free (text);
    const json_t *schema = json_object_get (entry, "inputSchema");
    if (!json_is_object (arguments)
        || fcj_schema_check (schema, arguments, error)) {
        json_decref (arguments);
        return NULL;
    }
    json_object_foreach (json_object_get (schema, "properties"), name, rule)
        if (!json_object_get (arguments, name)
            && (value = json_object_get (rule, "default")))
            json_object_set (arguments, name, value);
    json_array_foreach (json_object_get (entry, "options"), n, option)
        json_object_del (arguments, json_string_value (option));
    return arguments;
}

/*  {"steps": [...], "result": ...} as text; NULL with *error.  */
static char *
s_pipeline (const json_t *native, const json_t *arguments,
            const fcj_inputs_t *inputs, fcj_error_t *error)
{
    fcj_template_t template = { .arguments = arguments,
                                .references = inputs->references };
    json_t *made = fcj_template_make (
        &template, json_object_get (native, "pipeline"), error);
    json_t *steps = json_object_get (made, "steps");
    if (error->reason == FCJ_OK && json_is_array (steps)
        && json_array_size (inputs->steps)) {
        json_array_extend (inputs->steps, steps);
        json_object_set (made, "steps", inputs->steps);
    }
    char *text = error->reason == FCJ_OK && json_is_object (made)
        ? json_dumps (made, JSON_COMPACT) : NULL;
    json_decref (made);
    if (!text && error->reason == FCJ_OK)
        fcj_fail (error, FCJ_INTERNAL, "the tool has no pipeline");
    return text;
}

/* ---- The kernel ---------------------------------------------------------------------- */

static void
s_say_started (void)
{
    fcj_pack_t *message = fcj_pack_new ();
    fcj_pack_map (message, 1);
    fcj_pack_kstr (message, "type", "started");
    fcj_native_send (message);
    fcj_pack_destroy (&message);
}

static bool
s_flag (const json_t *native, const char *key, bool otherwise)
{
    const json_t *value = json_object_get (native, key);
    return value ? json_is_true (value) : otherwise;
}

/*  What the tool answers with: the kernel's outcome through its template, or
 *  the outcome itself.  */
static void
s_take (const json_t *native, const json_t *arguments, json_t *answer,
        bool published, outcome_t *outcome)
{
    fcj_template_t template = { .arguments = arguments, .outcome = answer };
    const json_t *form = json_object_get (native, "result");
    json_t *shape = json_object_get (json_object_get (answer, "result"),
                                     "shape");
    if (published && json_is_object (shape))
        json_object_set_new (shape, "artifact", json_string (SHAPE_FILE));
    outcome->result = form ? fcj_template_make (&template, form,
                                                &outcome->error)
                           : json_incref (answer);
    outcome->state = "completed";
}

static void
s_refuse (outcome_t *outcome)
{
    bool invalid = outcome->error.reason == FCJ_INVALID;
    outcome->state = "failed";
    outcome->problem = json_pack ("{s:s, s:s, s:s}", "type",
        invalid ? "Invalid" : outcome->error.reason == FCJ_MEMORY
            ? "MemoryError" : outcome->error.reason == FCJ_OUTPUT_LIMIT
            ? "Limit" : "Failure",
        "message", outcome->error.text, "traceback", "");
}

static void
s_kernel (fcj_native_job_t *job, const json_t *entry,
          const json_t *arguments, const fcj_inputs_t *inputs,
          const char *pipeline, outcome_t *outcome)
{
    const json_t *native = json_object_get (entry, "native");
    bool publish = s_flag (native, "publish", true);
    bool files = publish || s_flag (native, "files", true);
    char directory[1500], *text = NULL;
    fcj_kernel_hooks_t hooks;
    if (files && fcj_native_make_directory (job, &outcome->error)) {
        s_refuse (outcome);
        return;
    }
    snprintf (directory, sizeof directory, "%s/artifacts", job->directory);
    fcj_kernel_options_t options = {
        .directory = files ? directory : NULL,
        .threads = (int) fcj_map_int (job->limits, "threads", 1),
        .memo = fcj_map_bool (job->spec, "memo", true),
        .memo_min_ms = FCJ_MEMO_WORTH_MS,
        .file_max = fcj_map_int (job->limits, "artifact_max", 0),
        .result_file = publish ? SHAPE_FILE : NULL };
    fcj_native_hooks (job, &hooks);
    fcj_kernel_end_t end = fcj_kernel_run (
        job->native->kernel, pipeline, strlen (pipeline), inputs->list,
        inputs->count, &options, &hooks, &text, &outcome->error);
    json_t *answer = text ? json_loads (text, 0, NULL) : NULL;
    free (text);
    if (end == FCJ_KERNEL_COMPLETED && answer)
        s_take (native, arguments, answer, publish, outcome);
    else if (end == FCJ_KERNEL_CANCELLED)
        outcome->state = "cancelled";
    else {
        s_refuse (outcome);
        json_t *error = json_object_get (answer, "error");
        if (json_is_object (error)) {
            json_object_set_new (error, "traceback", json_string (""));
            json_decref (outcome->problem);
            outcome->problem = json_incref (error);
        }
    }
    json_decref (answer);
}

static void
s_perform (fcj_native_job_t *job, outcome_t *outcome)
{
    char tool[FCJ_NAME_MAX + 1] = "";
    fcj_inputs_t inputs = { 0 };
    fcj_map_copy (job->spec, "tool", tool, sizeof tool);
    const json_t *entry = json_object_get (job->native->tools, tool);
    json_t *arguments = entry ? s_arguments (job, entry, &outcome->error)
                              : NULL;
    if (!entry)
        fcj_fail (&outcome->error, FCJ_INVALID, "this worker has no native "
                  "tool '%s'; call reload_handlers, or leave out `engine`",
                  tool);
    char *pipeline = NULL;
    if (arguments && fcj_inputs_resolve (&inputs, job, entry, arguments,
                                         &outcome->error) == 0)
        pipeline = s_pipeline (json_object_get (entry, "native"), arguments,
                               &inputs, &outcome->error);
    if (!pipeline)
        s_refuse (outcome);
    else if (fcj_native_cancelled ())
        outcome->state = "cancelled";
    else {
        s_say_started ();
        s_kernel (job, entry, arguments, &inputs, pipeline, outcome);
    }
    free (pipeline);
    fcj_inputs_clear (&inputs);
    json_decref (arguments);
}

/* ---- The result -------------------------------------------------------------------------- */

static void
s_answer (const outcome_t *outcome)
{
    int64_t cpu_ms, memory;
    fcj_usage_end (&cpu_ms, &memory);
    char *result = outcome->result ? json_dumps (
        outcome->result, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    char *problem = outcome->problem ? json_dumps (outcome->problem,
                                                   JSON_COMPACT) : NULL;
    fcj_pack_t *message = fcj_pack_new ();
    fcj_pack_map (message, 4U + (result ? 1U : 0) + (problem ? 2U : 0));
    fcj_pack_kstr (message, "type", "result");
    fcj_pack_kstr (message, "state", outcome->state);
    fcj_pack_kint (message, "cpu_ms", cpu_ms);
    fcj_pack_kint (message, "memory", memory);
    if (result)
        fcj_pack_kstr (message, "result", result);
    if (problem) {
        fcj_pack_kstr (message, "reason",
                       fcj_reason_name (outcome->error.reason));
        fcj_pack_kstr (message, "error", problem);
    }
    fflush (NULL);
    fcj_native_send (message);
    fcj_pack_destroy (&message);
    free (result);
    free (problem);
}

void
fcj_native_run (fcj_native_t *self, const fcj_map_t *message, const int *fds,
                size_t fd_count)
{
    fcj_native_job_t job = { .native = self, .message = message,
        .spec = fcj_map_map (message, "spec"),
        .limits = fcj_map_map (message, "limits"), .fds = fds,
        .fd_count = fd_count };
    outcome_t outcome = { .state = "failed" };
    fcj_usage_begin ();
    if (job.spec && job.limits) {
        s_limits (&job);
        s_perform (&job, &outcome);
    } else {
        fcj_fail (&outcome.error, FCJ_INVALID, "the run message is broken");
        s_refuse (&outcome);
    }
    s_remove_directory (&job);
    s_answer (&outcome);
    json_decref (outcome.result);
    json_decref (outcome.problem);
}
