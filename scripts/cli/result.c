/*  result.c - fcj result: what a job made, from its record and the blob store,
 *  so it answers while the broker is away.  */

#include "commands.h"
#include "../../jobs/limits.h"
#include "../../jobs/json.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

json_t *job_field (const fcj_record_t *record, const char *field)
{
    size_t size;
    const char *text = fcj_record_str (record, field, &size);
    return text ? json_loadb (text, size, JSON_DECODE_ANY, NULL) : NULL;
}

static json_t *s_result (link_t *link, const fcj_record_t *record)
{
    json_t *result = job_field (record, "result");
    const char *hash = fcj_record_str (record, "result_blob", NULL);
    fcj_blobs_t *blobs = !result && hash ? link_blobs (link) : NULL;
    size_t size;
    char *text = blobs ? fcj_blobs_read (blobs, hash, FCJ_RESULT_MAX, &size,
                                         NULL) : NULL;
    if (text)
        result = json_loadb (text, size, JSON_DECODE_ANY, NULL);
    free (text);
    return result;
}

static void s_show_json (link_t *link, const fcj_record_t *record)
{
    static const char *const texts[] = { "id", "tool", "name", "state",
        "reason", "worker", "message", "stdout", "stderr" };
    static const char *const numbers[] = { "attempt", "submitted", "leased",
        "started", "finished", "memory", "cpu_ms" };
    json_t *object = json_object ();
    for (size_t n = 0; n < sizeof texts / sizeof *texts; n++) {
        const char *text = fcj_record_str (record, texts[n], NULL);
        if (text)
            json_object_set_new (object, texts[n], json_string (text));
    }
    for (size_t n = 0; n < sizeof numbers / sizeof *numbers; n++)
        if (fcj_record_str (record, numbers[n], NULL))
            json_object_set_new (object, numbers[n], json_integer (
                fcj_record_int (record, numbers[n], 0)));
    json_t *result = s_result (link, record);
    json_t *artifacts = job_field (record, "artifacts");
    json_t *error = job_field (record, "error");
    if (result)
        json_object_set_new (object, "result", result);
    if (artifacts)
        json_object_set_new (object, "artifacts", artifacts);
    if (error)
        json_object_set_new (object, "error", error);
    show_json (object);
    json_decref (object);
}

static void s_show_error (const fcj_record_t *record)
{
    json_t *error = job_field (record, "error");
    const char *reason = fcj_record_str (record, "reason", NULL);
    printf ("%s%s%s\n", fcj_state_name (fcj_record_state (record)),
            reason ? ": " : "", reason ? reason : "");
    const char *type = json_string_value (json_object_get (error, "type"));
    const char *text = json_string_value (json_object_get (error, "message"));
    const char *trace = json_string_value (
        json_object_get (error, "traceback"));
    size_t size = trace ? strlen (trace) : 0;
    while (size && trace[size - 1] == '\n')
        size--;
    if (size)                           /* it ends with type and message */
        printf ("%.*s\n", (int) size, trace);
    else if (text)
        printf ("%s%s%s\n", type ? type : "", type ? ": " : "", text);
    json_decref (error);
}

static void s_show_artifacts (const fcj_record_t *record)
{
    json_t *artifacts = job_field (record, "artifacts"), *one;
    size_t n;
    json_array_foreach (artifacts, n, one)
        printf ("%s %-24s %8s  %s\n", n == 0 ? "artifacts:" : "          ",
                json_string_value (json_object_get (one, "name")),
                show_bytes ((double) json_integer_value (
                    json_object_get (one, "size"))),
                json_string_value (json_object_get (one, "mime")));
    json_decref (artifacts);
}

static void s_show_cost (const fcj_record_t *record)
{
    int64_t started = fcj_record_int (record, "started", 0);
    int64_t finished = fcj_record_int (record, "finished", 0);
    if (started && finished)
        printf ("took %s", show_ms (finished - started));
    if (fcj_record_str (record, "memory", NULL))
        printf (", %s of memory at most",
                show_bytes ((double) fcj_record_int (record, "memory", 0)));
    if (started && finished)
        putchar ('\n');
}

int job_show (link_t *link, const char *id)
{
    fcj_error_t error = { 0 };
    fcj_store_t *store = link_store (link);
    fcj_record_t *record = store ? fcj_store_get (store, id, link->owner,
                                                  &error) : NULL;
    if (!record)
        return store ? link_fail (link, &error) : CLI_AWAY;
    fcj_state_t state = fcj_record_state (record);
    if (link->json) {
        s_show_json (link, record);
    } else if (!fcj_state_terminal (state)) {
        fprintf (stderr, "fcj: the job is %s; `fcj wait %s` waits for it\n",
                 fcj_state_name (state), id);
    } else if (state != FCJ_COMPLETED) {
        s_show_error (record);
    } else {
        json_t *result = s_result (link, record);
        if (result)
            fcj_json_dumpf (result, stdout, JSON_INDENT (2) | JSON_ENCODE_ANY);
        puts (result ? "" : "(no result)");
        json_decref (result);
    }
    if (!link->json && fcj_state_terminal (state)) {
        s_show_artifacts (record);
        s_show_cost (record);
    }
    fcj_record_destroy (&record);
    return state == FCJ_COMPLETED ? CLI_OK : CLI_FAILED;
}

/* ---- fetching an artifact ---------------------------------------------- */

bool job_hash (const fcj_record_t *record, const char *name,
                       fcj_hash_t hash)
{
    json_t *artifacts = job_field (record, "artifacts"), *one;
    bool found = false;
    size_t n;
    json_array_foreach (artifacts, n, one) {
        const char *its = json_string_value (json_object_get (one, "name"));
        const char *text = json_string_value (json_object_get (one, "hash"));
        if (its && text && strcmp (its, name) == 0
            && strlen (text) == FCJ_HASH_LEN) {
            memcpy (hash, text, FCJ_HASH_LEN + 1);
            found = true;
        }
    }
    json_decref (artifacts);
    return found;
}

static int s_copy_out (const link_t *link, int from, const char *path)
{
    mode_t ours = umask (link->umask);
    int to = strcmp (path, "-") == 0 ? dup (1)
           : open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    umask (ours);
    char buffer[65536];
    ssize_t got = 0;
    while (to >= 0 && (got = read (from, buffer, sizeof buffer)) > 0)
        for (ssize_t done = 0; done < got;) {
            ssize_t put = write (to, buffer + done, (size_t) (got - done));
            if (put < 0) {
                close (to);
                return -1;
            }
            done += put;
        }
    return to < 0 || close (to) < 0 || got < 0 ? -1 : 0;
}

static int s_fetch (link_t *link, const char *id, const char *name,
                    const char *path)
{
    fcj_error_t error = { 0 };
    fcj_store_t *store = link_store (link);
    fcj_blobs_t *blobs = store ? link_blobs (link) : NULL;
    fcj_record_t *record = blobs ? fcj_store_get (store, id, link->owner,
                                                  &error) : NULL;
    if (!record)
        return blobs ? link_fail (link, &error) : CLI_AWAY;
    fcj_hash_t hash;
    bool found = job_hash (record, name, hash);
    int64_t size = 0;
    int fd = found ? fcj_blobs_open (blobs, hash, &size, &error) : -1;
    int status = CLI_OK;
    if (!found)
        fcj_fail (&error, FCJ_NOT_FOUND, "The job has no artifact %s; `fcj "
                  "result %s` lists them.", name, id);
    if (fd < 0) {
        status = link_fail (link, &error);
    } else if (s_copy_out (link, fd, path)) {
        fprintf (stderr, "fcj: cannot write %s: %s\n", path,
                 strerror (errno));
        status = CLI_FAILED;
    } else if (strcmp (path, "-") != 0 && !link->json) {
        printf ("%s: %s\n", path, show_bytes ((double) size));
    }
    if (fd >= 0)
        close (fd);
    fcj_record_destroy (&record);
    return status;
}

int cmd_result (link_t *link, int argc, char **argv)
{
    const char *id = job_id (argc, argv, 5, " [ARTIFACT [-o FILE]]");
    if (!id)
        return CLI_USAGE;
    if (argc == 2)
        return job_show (link, id);
    const char *path = argv[2];
    if (argc == 5 && strcmp (argv[3], "-o") == 0)
        path = argv[4];
    else if (argc != 3 || strchr (path, '/')) {
        fprintf (stderr, "usage: fcj result JOB [ARTIFACT [-o FILE]]\n");
        return CLI_USAGE;
    }
    return s_fetch (link, id, argv[2], path);
}
