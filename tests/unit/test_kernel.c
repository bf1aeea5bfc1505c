/*  test_kernel.c - the kernel through its C header alone.  */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "jobs/kernel/kernel.h"

/* ---- A run and what it told ----------------------------------------------- */

#define MEMO_MAX 64

typedef struct {
    char key[FCJ_KERNEL_KEY_LEN + 1];
    char *data;
    size_t size;
} entry_t;

typedef struct {
    fcj_kernel_t *kernel;
    fcj_kernel_options_t options;
    fcj_kernel_input_t inputs[8];
    size_t inputs_count;
    double first, last, cancel_at;
    int calls, falls, artifacts, lookups, rejects;
    entry_t memo[MEMO_MAX];
    int memo_count;
    fcj_kernel_end_t end;
    fcj_error_t error;
    json_t *result;
    char directory[64];
} run_t;

static void s_progress (void *argument, double fraction, const char *message)
{
    run_t *run = argument;
    assert_non_null (message);
    assert_true (fraction >= 0 && fraction <= 1);
    if (run->calls++ == 0)
        run->first = fraction;
    else if (fraction < run->last)
        run->falls++;
    run->last = fraction;
    if (run->cancel_at > 0 && fraction >= run->cancel_at)
        fcj_kernel_cancel (run->kernel);
}

static int s_lookup (void *argument, const char *key, void **data,
                     size_t *size)
{
    run_t *run = argument;
    run->lookups++;
    for (int at = run->memo_count - 1; at >= 0; at--)
        if (strcmp (run->memo[at].key, key) == 0 && run->memo[at].data) {
            *data = malloc (run->memo[at].size + 1);
            memcpy (*data, run->memo[at].data, run->memo[at].size);
            *size = run->memo[at].size;
            return 0;
        }
    return -1;
}

static int s_store (void *argument, const char *key, const void *data,
                    size_t size)
{
    run_t *run = argument;
    assert_true (run->memo_count < MEMO_MAX);
    entry_t *entry = &run->memo[run->memo_count++];
    snprintf (entry->key, sizeof entry->key, "%s", key);
    entry->data = malloc (size);
    memcpy (entry->data, data, size);
    entry->size = size;
    return 0;
}

static void s_reject (void *argument, const char *key)
{
    run_t *run = argument;
    run->rejects++;
    for (int at = 0; at < run->memo_count; at++)
        if (strcmp (run->memo[at].key, key) == 0) {
            free (run->memo[at].data);
            run->memo[at].data = NULL;
        }
}

static void s_artifact (void *argument, const char *name, const char *mime)
{
    run_t *run = argument;
    assert_non_null (strchr (name, '.'));
    assert_non_null (strchr (mime, '/'));
    run->artifacts++;
}

static int setup (void **state)
{
    run_t *run = calloc (1, sizeof *run);
    run->kernel = fcj_kernel_new ();
    strcpy (run->directory, "/tmp/fcj-kernel.XXXXXX");
    assert_non_null (mkdtemp (run->directory));
    run->options.directory = run->directory;
    run->options.threads = 1;
    *state = run;
    return 0;
}

static int teardown (void **state)
{
    run_t *run = *state;
    DIR *dir = opendir (run->directory);
    for (struct dirent *entry; dir && (entry = readdir (dir));)
        if (entry->d_name[0] != '.')
            unlinkat (dirfd (dir), entry->d_name, 0);
    if (dir)
        closedir (dir);
    rmdir (run->directory);
    for (int at = 0; at < run->memo_count; at++)
        free (run->memo[at].data);
    json_decref (run->result);
    fcj_kernel_destroy (&run->kernel);
    assert_null (run->kernel);
    free (run);
    return 0;
}

static void s_run_bytes (run_t *run, const char *text, size_t size)
{
    const fcj_kernel_hooks_t hooks = {
        .argument = run, .progress = s_progress, .lookup = s_lookup,
        .store = s_store, .reject = s_reject, .artifact = s_artifact};
    char *result = NULL;
    run->calls = run->falls = 0;
    run->end = fcj_kernel_run (run->kernel, text, size, run->inputs,
                               run->inputs_count, &run->options, &hooks,
                               &result, &run->error);
    assert_non_null (result);
    json_decref (run->result);
    run->result = json_loads (result, 0, NULL);
    assert_non_null (run->result);
    free (result);
    assert_int_equal (run->falls, 0);
}

static void s_run (run_t *run, const char *text)
{
    s_run_bytes (run, text, strlen (text));
}

static void s_good (run_t *run, const char *text)
{
    s_run (run, text);
    if (run->end != FCJ_KERNEL_COMPLETED)
        fail_msg ("%s", run->error.text);
    assert_int_equal (run->error.reason, FCJ_OK);
    assert_true (run->last == 1);
}

static const char *s_error (run_t *run, const char *key)
{
    json_t *error = json_object_get (run->result, "error");
    const char *text = json_string_value (json_object_get (error, key));
    return text ? text : "";
}

static void s_bad (run_t *run, const char *text, const char *problem,
                   const char *says)
{
    s_run (run, text);
    assert_int_equal (run->end, FCJ_KERNEL_FAILED);
    assert_string_equal (s_error (run, "problem"), problem);
    if (!strstr (s_error (run, "message"), says))
        fail_msg ("\"%s\" does not say \"%s\"", s_error (run, "message"),
                  says);
    assert_true (strlen (run->error.text) > 0);
    assert_true (run->calls == 0 || run->last < 1);
}

static double s_volume (run_t *run)
{
    json_t *result = json_object_get (run->result, "result");
    return json_number_value (
        json_object_get (json_object_get (result, "shape"), "volume"));
}

static json_t *s_step (run_t *run, size_t at)
{
    return json_array_get (json_object_get (run->result, "steps"), at);
}

static const char *s_memo (run_t *run, size_t at)
{
    return json_string_value (json_object_get (s_step (run, at), "memo"));
}

/* ---- Runs ------------------------------------------------------------------ */

static void a_pipeline_gives_its_result_and_every_step (void **state)
{
    run_t *run = *state;
    s_good (run, "{\"steps\": [{\"op\": \"box\", \"size\": [2, 3, 4]},"
                 "{\"id\": \"turned\", \"op\": \"transform\","
                 " \"translate\": [1, 0, 0]}]}");
    assert_true (s_volume (run) > 23.999 && s_volume (run) < 24.001);
    assert_int_equal (json_array_size (json_object_get (run->result, "steps")),
                      2);
    assert_string_equal (
        json_string_value (json_object_get (s_step (run, 0), "id")), "step1");
    assert_string_equal (
        json_string_value (json_object_get (s_step (run, 1), "id")), "turned");
}

static void progress_never_falls_and_ends_at_one (void **state)
{
    run_t *run = *state;
    s_good (run,
            "{\"steps\": [{\"id\": \"b\", \"op\": \"box\", \"size\": [40, 40, 9]},"
            "{\"op\": \"cylinder\", \"radius\": 1, \"height\": 9,"
            " \"at\": [4, 4, 0]},"
            "{\"id\": \"h\", \"op\": \"pattern\", \"kind\": \"grid\","
            " \"count\": [5, 5], \"step\": [8, 8]},"
            "{\"op\": \"cut\", \"shape\": \"$b\", \"tools\": \"$h\"},"
            "{\"op\": \"mesh\", \"linear\": 0.05}]}");
    assert_true (run->first < 0.01);
    assert_true (run->calls > 30);
}

static void files_are_announced_and_listed (void **state)
{
    run_t *run = *state;
    run->options.result_file = "result.brep";
    s_good (run, "{\"steps\": [{\"op\": \"sphere\", \"radius\": 5},"
                 "{\"op\": \"export\", \"file\": \"a.step\"},"
                 "{\"op\": \"mesh\", \"file\": \"a.glb\"},"
                 "{\"op\": \"project\", \"file\": \"a.svg\"}]}");
    assert_int_equal (run->artifacts, 4);
    assert_int_equal (json_array_size (json_object_get (run->result, "files")),
                      3);
    char path[128];
    snprintf (path, sizeof path, "%s/result.brep", run->directory);
    assert_int_equal (access (path, R_OK), 0);
}

static void inputs_come_from_memory_and_descriptors (void **state)
{
    run_t *run = *state;
    char path[128], *bytes = malloc (1 << 20);
    s_good (run, "{\"steps\": [{\"op\": \"box\", \"size\": [1, 2, 3]},"
                 "{\"op\": \"export\", \"file\": \"a.brep\"}]}");
    snprintf (path, sizeof path, "%s/a.brep", run->directory);
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    ssize_t size = read (fd, bytes, 1 << 20);
    assert_true (size > 0);
    run->inputs[0] = (fcj_kernel_input_t){.name = "a", .data = bytes,
                                          .size = (size_t) size};
    run->inputs[1] = (fcj_kernel_input_t){.name = "b", .fd = fd};
    run->inputs_count = 2;
    s_good (run, "{\"steps\": [{\"op\": \"transform\", \"shape\": \"$b\","
                 " \"translate\": [0.5, 0, 0]},"
                 "{\"op\": \"fuse\", \"shapes\": [\"$a\", \"$step1\"]}]}");
    assert_true (s_volume (run) > 8.999 && s_volume (run) < 9.001);
    s_bad (run, "{\"steps\": [{\"id\": \"a\", \"op\": \"vertex\"}]}",
           "argument", "taken");
    close (fd);
    free (bytes);
}

static void no_directory_means_no_files (void **state)
{
    run_t *run = *state;
    run->options.directory = NULL;
    s_bad (run, "{\"steps\": [{\"op\": \"box\", \"size\": [1, 1, 1]},"
                "{\"op\": \"export\", \"file\": \"a.step\"}]}",
           "file", "no directory");
}

/* ---- Cancel ----------------------------------------------------------------- */

#define SPHERES \
    "{\"steps\": [{\"op\": \"sphere\", \"radius\": 9}," \
    "{\"op\": \"pattern\", \"kind\": \"grid\", \"count\": [7, 7]," \
    " \"step\": [7.3, 7.1], \"combine\": \"fuse\"}]}"

static void a_cancel_inside_a_boolean_ends_it (void **state)
{
    run_t *run = *state;
    run->cancel_at = 0.3;
    s_run (run, SPHERES);
    assert_int_equal (run->end, FCJ_KERNEL_CANCELLED);
    assert_string_equal (s_error (run, "problem"), "cancelled");
    assert_string_equal (s_error (run, "step"), "step2");
    assert_true (run->last < 1);
}

static void *s_cancel_soon (void *argument)
{
    nanosleep (&(struct timespec){.tv_nsec = 300000000}, NULL);
    fcj_kernel_cancel (argument);
    return NULL;
}

static void a_cancel_from_another_thread_ends_parallel_work (void **state)
{
    run_t *run = *state;
    pthread_t thread;
    run->options.threads = 2;
    assert_int_equal (pthread_create (&thread, NULL, s_cancel_soon,
                                      run->kernel), 0);
    s_run (run, SPHERES);
    pthread_join (thread, NULL);
    assert_int_equal (run->end, FCJ_KERNEL_CANCELLED);
}

static void a_cancel_is_kept_until_it_is_reset (void **state)
{
    run_t *run = *state;
    const char *text = "{\"steps\": [{\"op\": \"vertex\"}]}";
    fcj_kernel_cancel (run->kernel);
    s_run (run, text);
    assert_int_equal (run->end, FCJ_KERNEL_CANCELLED);
    fcj_kernel_reset (run->kernel);
    s_good (run, text);
}

/* ---- Errors ------------------------------------------------------------------ */

static void a_failure_names_step_op_input_and_problem (void **state)
{
    run_t *run = *state;
    s_bad (run, "{\"steps\": [{\"id\": \"one\", \"op\": \"box\","
                " \"size\": [1, 1, 1]}, {\"id\": \"edge\", \"op\": \"fillet\","
                " \"shape\": \"$one\", \"edges\": [\"Edge99\"], \"radius\": 1}]}",
           "reference", "step edge (fillet)");
    assert_string_equal (s_error (run, "input"), "edges[0]");
    assert_string_equal (s_error (run, "op"), "fillet");
    assert_int_equal (run->error.reason, FCJ_INVALID);
    assert_int_equal (json_array_size (json_object_get (run->result, "steps")),
                      1);
}

static void occt_giving_up_is_a_failure_with_a_hint (void **state)
{
    run_t *run = *state;
    s_bad (run, "{\"steps\": [{\"op\": \"box\", \"size\": [1, 1, 1]},"
                "{\"op\": \"fillet\", \"rule\": \"all\", \"radius\": 5}]}",
           "algorithm", "radius");
    assert_int_equal (run->error.reason, FCJ_EXCEPTION);
    s_good (run, "{\"steps\": [{\"op\": \"box\", \"size\": [1, 1, 1]}]}");
}

static void nothing_left_is_said_so (void **state)
{
    run_t *run = *state;
    s_bad (run, "{\"steps\": [{\"id\": \"a\", \"op\": \"box\","
                " \"size\": [1, 1, 1]}, {\"id\": \"b\", \"op\": \"box\","
                " \"size\": [3, 3, 3], \"at\": [-1, -1, -1]},"
                "{\"op\": \"cut\", \"shape\": \"$a\", \"tools\": \"$b\"}]}",
           "empty_result", "nothing is left");
    s_bad (run, "{\"steps\": [{\"id\": \"a\", \"op\": \"box\","
                " \"size\": [1, 1, 1]}, {\"id\": \"b\", \"op\": \"box\","
                " \"size\": [1, 1, 1], \"at\": [5, 5, 5]},"
                "{\"op\": \"common\", \"shapes\": [\"$a\", \"$b\"]}]}",
           "empty_result", "nothing in common");
}

static void malformed_pipelines_are_refused (void **state)
{
    run_t *run = *state;
    static const struct {
        const char *text, *problem, *says;
    } cases[] = {
        {"", "argument", "not JSON"},
        {"[]", "argument", "steps"},
        {"{}", "argument", "steps"},
        {"{\"steps\": []}", "argument", "steps"},
        {"{\"steps\": [1]}", "argument", "object"},
        {"{\"steps\": [{}]}", "argument", "op"},
        {"{\"steps\": [{\"op\": \"no\"}]}", "argument", "known:"},
        {"{\"steps\": [{\"op\": \"box\"}]}", "argument", "size"},
        {"{\"steps\": [{\"op\": \"box\", \"size\": [1, 1]}]}", "argument",
         "3 numbers"},
        {"{\"steps\": [{\"op\": \"box\", \"size\": [1, 1, 0]}]}", "argument",
         "size[2]"},
        {"{\"steps\": [{\"op\": \"box\", \"size\": [1, 1, 1e300]}]}",
         "argument", "size[2]"},
        {"{\"steps\": [{\"op\": \"box\", \"size\": [1, 1, 1], \"sizes\": 1}]}",
         "argument", "no parameter sizes"},
        {"{\"steps\": [{\"op\": \"box\", \"size\": [1, 1, 1],"
         " \"axis\": [0, 0, 0]}]}", "argument", "direction"},
        {"{\"steps\": [{\"op\": \"vertex\", \"op\": \"box\"}]}", "argument",
         "duplicate"},
        {"{\"steps\": [{\"op\": \"unify\"}]}", "argument", "shape is missing"},
        {"{\"steps\": [{\"op\": \"unify\", \"shape\": \"$x\"}]}", "reference",
         "$x"},
        {"{\"steps\": [{\"id\": \"x\", \"op\": \"unify\","
         " \"shape\": \"$x\"}]}", "reference", "$x"},
        {"{\"steps\": [{\"op\": \"vertex\"}, {\"op\": \"unify\","
         " \"shape\": \"$step1.Face0\"}]}", "argument", "reference"},
        {"{\"steps\": [{\"op\": \"vertex\"}, {\"op\": \"unify\","
         " \"shape\": \"$step1.Face1\"}]}", "reference", "none of that kind"},
        {"{\"steps\": [{\"op\": \"vertex\", \"id\": \"a b\"}]}", "argument",
         "id"},
        {"{\"steps\": [{\"op\": \"vertex\"}], \"result\": \"no\"}",
         "reference", "no step"},
        {"{\"steps\": [{\"op\": \"vertex\"}], \"memo\": 1}", "argument",
         "memo"},
        {"{\"steps\": [{\"op\": \"vertex\"}], \"threads\": 0}", "argument",
         "threads"},
        {"{\"steps\": [{\"op\": \"box\", \"size\": [1, 1, 1]},"
         "{\"op\": \"export\", \"file\": \"../a.step\"}]}", "argument",
         "file name"},
        {"{\"steps\": [{\"op\": \"box\", \"size\": [1, 1, 1]},"
         "{\"op\": \"export\", \"file\": \"a.doc\"}]}", "format", ".step"},
        {"{\"steps\": [{\"op\": \"box\", \"size\": [1, 1, 1]},"
         "{\"op\": \"pattern\", \"kind\": \"grid\", \"step\": [1, 1, 1],"
         " \"count\": [100, 100, 100]}]}", "limit", "10000"},
        {"{\"steps\": [{\"op\": \"vertex\"}, {\"op\": \"load\","
         " \"input\": \"$step1\"}]}", "reference", "no input"},
    };
    for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
        s_bad (run, cases[at].text, cases[at].problem, cases[at].says);
        assert_int_equal (run->error.reason, FCJ_INVALID);
    }
}

static void every_cut_of_a_pipeline_is_refused (void **state)
{
    run_t *run = *state;
    const char *text = "{\"steps\": [{\"op\": \"box\", \"size\": [1, 2, 3]},"
                       "{\"op\": \"mesh\", \"linear\": 1e-1}]}";
    for (size_t size = 0; size < strlen (text); size++) {
        s_run_bytes (run, text, size);
        assert_int_equal (run->end, FCJ_KERNEL_FAILED);
        assert_string_equal (s_error (run, "type"), "Invalid");
    }
    char copy[256];
    for (size_t at = 0; at < strlen (text); at++) {
        strcpy (copy, text);
        copy[at] = '\x01';
        s_run (run, copy);
        assert_int_equal (run->end, FCJ_KERNEL_FAILED);
    }
}

static void too_many_steps_are_refused (void **state)
{
    run_t *run = *state;
    char *text = malloc (64 * 1024), *end = text;
    end += sprintf (end, "{\"steps\": [");
    for (int at = 0; at <= FCJ_KERNEL_STEPS_MAX; at++)
        end += sprintf (end, "%s{\"op\": \"vertex\"}", at ? "," : "");
    strcpy (end, "]}");
    s_bad (run, text, "limit", "256");
    free (text);
}

static void broken_files_are_refused (void **state)
{
    run_t *run = *state;
    const char *texts[] = {
        "", "hello", "ISO-10303-21;\nHEADER;\n",
        "ISO-10303-21;\nHEADER;\nENDSEC;\nDATA;\n#1=NO('x');\nENDSEC;\n"
        "END-ISO-10303-21;\n",
        "CASCADE Topology V1, (c) Matra-Datavision\nLocations 0\n",
        "solid x\nfacet normal 0 0 1\nouter loop\nendsolid\n"};
    for (size_t at = 0; at < sizeof texts / sizeof *texts; at++) {
        run->inputs[0] = (fcj_kernel_input_t){
            .name = "a", .data = texts[at], .size = strlen (texts[at])};
        run->inputs_count = 1;
        s_run (run, "{\"steps\": [{\"op\": \"load\", \"input\": \"$a\"}]}");
        assert_int_equal (run->end, FCJ_KERNEL_FAILED);
        assert_string_equal (s_error (run, "input"), "a");
        assert_int_equal (run->error.reason, FCJ_INVALID);
    }
}

/* ---- Memo --------------------------------------------------------------------- */

#define HOLED \
    "{\"steps\": [{\"id\": \"b\", \"op\": \"box\", \"size\": [9, 9, 9]}," \
    "{\"id\": \"c\", \"op\": \"label\", \"shape\": \"$b\", \"name\": \"n\"}," \
    "{\"id\": \"s\", \"op\": \"sphere\", \"radius\": 5}," \
    "{\"op\": \"cut\", \"shape\": \"$c\", \"tools\": \"$s\"}," \
    "{\"op\": \"mesh\", \"file\": \"%s.stl\"}]%s}"

static void s_holed (run_t *run, const char *file, const char *more)
{
    char text[1024];
    snprintf (text, sizeof text, HOLED, file, more);
    s_good (run, text);
}

static void the_same_step_again_is_a_hit (void **state)
{
    run_t *run = *state;
    run->options.memo = true;
    s_holed (run, "a", "");
    const double volume = s_volume (run);
    assert_string_equal (s_memo (run, 3), "stored");
    assert_string_equal (s_memo (run, 0), "computed");
    json_t *data = json_incref (json_object_get (s_step (run, 4), "data"));
    s_holed (run, "b", "");
    assert_string_equal (s_memo (run, 3), "hit");
    assert_string_equal (s_memo (run, 4), "hit");
    assert_true (s_volume (run) == volume);
    assert_true (json_equal (data, json_object_get (s_step (run, 4), "data")));
    json_decref (data);
    assert_int_equal (run->artifacts, 2);       /* a hit writes its file too */
    run->options.threads = 2;
    s_holed (run, "c", "");
    assert_string_equal (s_memo (run, 3), "hit");
    s_holed (run, "d", ", \"memo\": false");
    assert_string_equal (s_memo (run, 3), "off");
}

static void a_wrong_entry_is_rejected_and_made_again (void **state)
{
    run_t *run = *state;
    run->options.memo = true;
    s_holed (run, "a", "");
    const double volume = s_volume (run);
    const int stored = run->memo_count;
    entry_t *entry = &run->memo[0];
    entry->size /= 2;
    s_holed (run, "b", "");
    assert_int_equal (run->rejects, 1);
    assert_string_equal (s_memo (run, 3), "stored");
    assert_int_equal (run->memo_count, stored + 1);
    entry = &run->memo[stored];
    entry->data[entry->size - 40] ^= 1;
    s_holed (run, "c", "");
    assert_int_equal (run->rejects, 2);
    assert_true (s_volume (run) == volume);
    /* The entry of one step under the key of another.  */
    entry = &run->memo[run->memo_count - 1];
    free (entry->data);
    entry->data = malloc (run->memo[1].size);
    memcpy (entry->data, run->memo[1].data, run->memo[1].size);
    entry->size = run->memo[1].size;
    s_holed (run, "d", "");
    assert_int_equal (run->rejects, 3);
    assert_true (s_volume (run) == volume);
}

static void another_number_is_another_key (void **state)
{
    run_t *run = *state;
    const char *sizes[] = {"1", "1.0", "1e0", "2", "2"};
    char copy[256];
    int stored[5];
    run->options.memo = true;
    for (int at = 0; at < 5; at++) {
        snprintf (copy, sizeof copy,
                  "{\"steps\": [{\"op\": \"box\", \"size\": [1, 1, %s]},"
                  "{\"op\": \"fillet\", \"rule\": \"all\","
                  " \"radius\": 0.1%s}]}",
                  sizes[at], at == 4 ? ", \"radius2\": 0.1" : "");
        s_good (run, copy);
        stored[at] = run->memo_count;
    }
    assert_int_equal (stored[2], 1);
    assert_int_equal (stored[3], 2);
    assert_int_equal (stored[4], 3);
}

static void quick_steps_are_not_stored (void **state)
{
    run_t *run = *state;
    run->options.memo = true;
    run->options.memo_min_ms = 60000;
    s_holed (run, "a", "");
    assert_int_equal (run->memo_count, 0);
    assert_string_equal (s_memo (run, 3), "computed");
}

/* ---- The language --------------------------------------------------------------- */

static void the_language_has_a_schema_for_every_op (void **state)
{
    (void) state;
    json_t *language = json_loads (fcj_kernel_language (), 0, NULL);
    json_t *ops = json_object_get (language, "ops"), *op, *param;
    const char *name, *key;
    assert_true (json_object_size (ops) > 45);
    json_object_foreach (ops, name, op)
    {
        json_t *schema = json_object_get (op, "schema");
        assert_true (json_string_length (json_object_get (op, "title")) > 2);
        json_object_foreach (json_object_get (schema, "properties"), key, param)
            if (strcmp (key, "op") && strcmp (key, "id"))
                assert_non_null (json_object_get (param, "description"));
    }
    json_decref (language);
}

static void check_says_what_run_would_say (void **state)
{
    (void) state;
    fcj_error_t error;
    const char *names[] = {"part"};
    const char *good = "{\"steps\": [{\"op\": \"unify\","
                       " \"shape\": \"$part\"}]}";
    assert_int_equal (fcj_kernel_check (good, strlen (good), names, 1, &error),
                      0);
    assert_int_equal (fcj_kernel_check (good, strlen (good), NULL, 0, &error),
                      -1);
    assert_non_null (strstr (error.text, "$part"));
    assert_non_null (strstr (fcj_kernel_version (), "occt7"));
}

#ifdef __SANITIZE_ADDRESS__
/*  OpenCASCADE leaks: what it sets up once, at the first STEP file, and a
 *  direction in each. Only whole stacks tell those from ours, and to walk
 *  through libraries without frame pointers is slow.  */
const char *__asan_default_options (void);
const char *__lsan_default_suppressions (void);

const char *__asan_default_options (void)
{
    return "fast_unwind_on_malloc=0";
}

const char *__lsan_default_suppressions (void)
{
    return "leak:STEPCAFControl_Controller::Init\n"
           "leak:STEPCAFControl_Writer::Transfer\n";
}
#endif

int main (void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown (name, setup, teardown)
        T (a_pipeline_gives_its_result_and_every_step),
        T (progress_never_falls_and_ends_at_one),
        T (files_are_announced_and_listed),
        T (inputs_come_from_memory_and_descriptors),
        T (no_directory_means_no_files),
        T (a_cancel_inside_a_boolean_ends_it),
        T (a_cancel_from_another_thread_ends_parallel_work),
        T (a_cancel_is_kept_until_it_is_reset),
        T (a_failure_names_step_op_input_and_problem),
        T (occt_giving_up_is_a_failure_with_a_hint),
        T (nothing_left_is_said_so),
        T (malformed_pipelines_are_refused),
        T (every_cut_of_a_pipeline_is_refused),
        T (too_many_steps_are_refused),
        T (broken_files_are_refused),
        T (the_same_step_again_is_a_hit),
        T (a_wrong_entry_is_rejected_and_made_again),
        T (another_number_is_another_key),
        T (quick_steps_are_not_stored),
        T (the_language_has_a_schema_for_every_op),
        T (check_says_what_run_would_say),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
