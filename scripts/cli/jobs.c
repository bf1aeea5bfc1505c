/*  jobs.c - fcj wait, result, log, cancel, list: what became of a job. All
 *  but cancel read Redis directly, so they answer while the broker is away.  */

#include "commands.h"
#include "../../jobs/limits.h"
#include "../../jobs/json.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define POLL_MIN_MS 2
#define POLL_MAX_MS 100

static const char *s_id (int argc, char **argv)
{
    if (argc >= 2 && fcj_id_valid (argv[1]))
        return argv[1];
    fprintf (stderr, "usage: fcj %s JOB (the id that `fcj submit` printed; "
             "`fcj list` shows yours)\n", argv[0]);
    return NULL;
}

static int s_status_of (fcj_state_t state)
{
    return state == FCJ_COMPLETED ? CLI_OK : CLI_FAILED;
}

static void s_show_progress (const fcj_record_t *record)
{
    const char *message = fcj_record_str (record, "message", NULL);
    fprintf (stderr, "\r\033[K%s %3.0f%% %s",
             fcj_state_name (fcj_record_state (record)),
             100 * fcj_record_real (record, "progress", 0),
             message ? show_plain (message, 60) : "");
}

static void s_sleep (int64_t ms)
{
    struct timespec pause = { ms / 1000, (ms % 1000) * 1000000 };
    nanosleep (&pause, NULL);
}

/*  Says on stderr what the job asks, once a question. */
static void s_show_question (const fcj_record_t *record, const char *id,
                             json_int_t *told)
{
    const char *text = fcj_record_str (record, "ask", NULL);
    json_t *asked = text ? json_loads (text, 0, NULL) : NULL;
    json_int_t number = json_integer_value (json_object_get (asked, "ask"));
    const char *message = json_string_value (json_object_get (asked,
                                                              "message"));
    if (number > *told)
        fprintf (stderr, "\nThe job asks: %s\nAnswer with `fcj answer %s "
                 "accept|decline`; without a word it shows the form.\n",
                 message ? show_plain (message, FCJ_TEXT_MAX) : "", id);
    if (number)
        *told = number;
    json_decref (asked);
}

int job_wait (link_t *link, const char *id, int64_t timeout_ms)
{
    fcj_store_t *store = link_store (link);
    fcj_error_t error = { 0 };
    bool terminal = isatty (2) && !link->json;
    int64_t began = fcj_mono_ms (), pause = POLL_MIN_MS;
    json_int_t told = 0;
    while (store) {
        fcj_record_t *record = fcj_store_status (store, id, link->owner,
                                                 &error);
        if (!record && !error.retryable)
            return link_fail (link, &error);
        if (record) {
            fcj_state_t state = fcj_record_state (record);
            if (terminal)
                s_show_progress (record);
            if (!link->json)
                s_show_question (record, id, &told);
            fcj_record_destroy (&record);
            if (fcj_state_terminal (state)) {
                if (terminal)
                    fputs ("\r\033[K", stderr);
                return s_status_of (state);
            }
        }
        if (timeout_ms >= 0 && fcj_mono_ms () - began >= timeout_ms) {
            fprintf (stderr, "fcj: the job is not finished yet\n");
            return CLI_FAILED;
        }
        s_sleep (pause);
        pause = pause * 2 > POLL_MAX_MS ? POLL_MAX_MS : pause * 2;
    }
    return CLI_AWAY;
}

int cmd_wait (link_t *link, int argc, char **argv)
{
    const char *id = s_id (argc, argv);
    int64_t timeout_ms = -1;
    if (argc == 4 && strcmp (argv[2], "--timeout") == 0)
        timeout_ms = 1000 * atoll (argv[3]);
    if (!id)
        return CLI_USAGE;
    int status = job_wait (link, id, timeout_ms);
    if (status == CLI_AWAY || link->json)
        return status;
    fcj_error_t error = { 0 };
    fcj_record_t *record = fcj_store_status (link_store (link), id,
                                             link->owner, &error);
    if (record)
        puts (fcj_state_name (fcj_record_state (record)));
    fcj_record_destroy (&record);
    return status;
}

/* ---- result ------------------------------------------------------------ */

static json_t *s_field_json (const fcj_record_t *record, const char *field)
{
    size_t size;
    const char *text = fcj_record_str (record, field, &size);
    return text ? json_loadb (text, size, JSON_DECODE_ANY, NULL) : NULL;
}

static json_t *s_result (link_t *link, const fcj_record_t *record)
{
    json_t *result = s_field_json (record, "result");
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
    json_t *artifacts = s_field_json (record, "artifacts");
    json_t *error = s_field_json (record, "error");
    if (result)
        json_object_set_new (object, "result", result);
    if (artifacts)
        json_object_set_new (object, "artifacts", artifacts);
    if (error)
        json_object_set_new (object, "error", error);
    fcj_json_dumpf (object, stdout, JSON_COMPACT);
    putchar ('\n');
    json_decref (object);
}

static void s_show_error (const fcj_record_t *record)
{
    json_t *error = s_field_json (record, "error");
    const char *reason = fcj_record_str (record, "reason", NULL);
    printf ("%s%s%s\n", fcj_state_name (fcj_record_state (record)),
            reason ? ": " : "", reason ? reason : "");
    const char *type = json_string_value (json_object_get (error, "type"));
    const char *text = json_string_value (json_object_get (error, "message"));
    const char *trace = json_string_value (
        json_object_get (error, "traceback"));
    if (text)
        printf ("%s%s%s\n", type ? type : "", type ? ": " : "", text);
    if (trace)
        printf ("%s\n", trace);
    json_decref (error);
}

static void s_show_artifacts (const fcj_record_t *record)
{
    json_t *artifacts = s_field_json (record, "artifacts"), *one;
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
    return s_status_of (state);
}

/* ---- fetching an artifact ---------------------------------------------- */

/*  The hash of the job's artifact of that name; false when it has none.  */
static bool s_hash_of (const fcj_record_t *record, const char *name,
                       fcj_hash_t hash)
{
    json_t *artifacts = s_field_json (record, "artifacts"), *one;
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

static int s_copy_out (int from, const char *path)
{
    int to = strcmp (path, "-") == 0 ? dup (1)
           : open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
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
    bool found = s_hash_of (record, name, hash);
    int64_t size = 0;
    int fd = found ? fcj_blobs_open (blobs, hash, &size, &error) : -1;
    int status = CLI_OK;
    if (!found)
        fcj_fail (&error, FCJ_NOT_FOUND, "The job has no artifact %s; `fcj "
                  "result %s` lists them.", name, id);
    if (fd < 0) {
        status = link_fail (link, &error);
    } else if (s_copy_out (fd, path)) {
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
    const char *id = s_id (argc, argv);
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

/* ---- log --------------------------------------------------------------- */

static int64_t s_copy_from (int fd, int64_t offset)
{
    char buffer[65536];
    ssize_t got;
    while (fd >= 0
           && (got = pread (fd, buffer, sizeof buffer, offset)) > 0) {
        fwrite (buffer, 1, (size_t) got, stdout);
        offset += got;
    }
    fflush (stdout);
    return offset;
}

static int64_t s_copy_live (const char *path, int64_t offset)
{
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    offset = s_copy_from (fd, offset);
    if (fd >= 0)
        close (fd);
    return offset;
}

/*  The whole log where the job left one, behind what was seen live.  */
static bool s_print_log (link_t *link, const fcj_record_t *record,
                         const char *field, int64_t seen)
{
    char name[32];
    fcj_hash_t hash;
    int64_t size;
    snprintf (name, sizeof name, "%s.log", field);
    fcj_blobs_t *blobs = s_hash_of (record, name, hash) ? link_blobs (link)
                                                        : NULL;
    int fd = blobs ? fcj_blobs_open (blobs, hash, &size, NULL) : -1;
    if (fd < 0)
        return false;
    s_copy_from (fd, seen);
    close (fd);
    return true;
}

/*  Else the tail in the record.  */
static void s_print_end (link_t *link, const fcj_record_t *record,
                         const char *field, const char *size_field,
                         int64_t seen)
{
    if (s_print_log (link, record, field, seen))
        return;
    size_t size;
    const char *text = fcj_record_str (record, field, &size);
    int64_t whole = fcj_record_int (record, size_field, (int64_t) size);
    if (!text)
        return;
    int64_t from = whole - (int64_t) size;      /* where the tail begins */
    int64_t skip = seen > from ? seen - from : 0;
    if (from > seen)
        fprintf (stderr, "fcj: %s of %s left out; the artifact has all\n",
                 show_bytes ((double) (from - seen)), field);
    if (skip < (int64_t) size)
        fwrite (text + skip, 1, size - (size_t) skip, stdout);
}

int cmd_log (link_t *link, int argc, char **argv)
{
    const char *id = s_id (argc, argv);
    bool follow = argc > 2 && strcmp (argv[2], "-f") == 0;
    fcj_store_t *store = id ? link_store (link) : NULL;
    char paths[2][4096];
    int64_t seen[2] = { 0, 0 };
    if (!store)
        return id ? CLI_AWAY : CLI_USAGE;
    for (int n = 0; n < 2; n++)
        snprintf (paths[n], sizeof paths[n], "%s/%s/%s",
                  fcj_config_path (link->config, "live"), id,
                  n ? "stderr" : "stdout");
    for (;;) {
        fcj_error_t error = { 0 };
        fcj_record_t *record = fcj_store_get (store, id, link->owner, &error);
        if (!record)
            return link_fail (link, &error);
        fcj_state_t state = fcj_record_state (record);
        if (fcj_state_terminal (state)) {
            s_print_end (link, record, "stdout", "stdout_size", seen[0]);
            s_print_end (link, record, "stderr", "stderr_size", seen[1]);
        } else {
            for (int n = 0; n < 2; n++)
                seen[n] = s_copy_live (paths[n], seen[n]);
        }
        fcj_record_destroy (&record);
        if (!follow || fcj_state_terminal (state))
            return CLI_OK;
        s_sleep (POLL_MAX_MS);
    }
}

/* ---- cancel, list ------------------------------------------------------ */

int cmd_cancel (link_t *link, int argc, char **argv)
{
    const char *id = s_id (argc, argv);
    fcj_error_t error = { 0 };
    if (!id)
        return CLI_USAGE;
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 2);
    fcj_pack_kstr (pack, "id", id);
    fcj_pack_kstr (pack, "owner", link->owner);
    json_t *reply = link_ask (link, "CANCEL", pack, 5000, &error);
    fcj_pack_destroy (&pack);
    if (!reply)
        return link_fail (link, &error);
    const char *state = json_string_value (json_object_get (reply, "state"));
    if (link->json)
        fcj_json_dumpf (reply, stdout, JSON_COMPACT);
    puts (link->json ? "" : state ? state : "?");
    int status = state && strcmp (state, "cancelled") == 0 ? CLI_OK
                                                           : CLI_FAILED;
    json_decref (reply);
    return status;
}

static void s_list_line (const link_t *link, const fcj_record_t *record)
{
    static const char *const fields[] = { "id", "state", "reason", "tool",
                                          "name", "message" };
    const char *values[6];
    for (int n = 0; n < 6; n++) {
        const char *text = fcj_record_str (record, fields[n], NULL);
        values[n] = text ? text : "";
    }
    double progress = fcj_record_real (record, "progress", 0);
    int64_t submitted = fcj_record_int (record, "submitted", 0);
    if (link->json) {
        json_t *one = json_pack ("{s:s,s:s,s:s,s:s,s:s,s:f,s:I}",
            "id", values[0], "state", values[1], "reason", values[2],
            "tool", values[3], "name", values[4], "progress", progress,
            "submitted", (json_int_t) submitted);
        fcj_json_dumpf (one, stdout, JSON_COMPACT);
        putchar ('\n');
        json_decref (one);
        return;
    }
    printf ("%s  %-9s %-12s %4.0f%%  %8s ago  %-20s %s\n", values[0],
            values[1], values[2], 100 * progress,
            show_ms (fcj_now_ms () - submitted), show_plain (values[3], 20),
            show_plain (values[4], 40));
}

int cmd_list (link_t *link, int argc, char **argv)
{
    const char *state = NULL, *tool = NULL;
    int limit = 20;
    for (int n = 1; n < argc; n++) {
        if (strcmp (argv[n], "--tool") == 0 && n + 1 < argc)
            tool = argv[++n];
        else if (strcmp (argv[n], "--limit") == 0 && n + 1 < argc)
            limit = atoi (argv[++n]);
        else if (fcj_state_of (argv[n]) >= 0)
            state = argv[n];
        else
            limit = 0;
    }
    if (limit < 1 || limit > 1000) {
        fprintf (stderr, "usage: fcj list [queued|running|completed|failed|"
                 "cancelled] [--tool NAME] [--limit 1..1000]\n");
        return CLI_USAGE;
    }
    fcj_store_t *store = link_store (link);
    fcj_error_t error = { 0 };
    char cursor[64] = "";
    fcj_record_t **records = calloc ((size_t) limit, sizeof *records);
    int count = store && records
                ? fcj_store_list (store, link->owner, state, tool, limit,
                                  cursor, records, &error) : -1;
    for (int n = 0; n < count; n++) {
        s_list_line (link, records[n]);
        fcj_record_destroy (&records[n]);
    }
    free (records);
    if (count == 0 && !link->json)
        puts ("no jobs");
    return count < 0 ? (store ? link_fail (link, &error) : CLI_AWAY)
                     : CLI_OK;
}
