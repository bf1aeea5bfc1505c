/*  jobs.c - fcj wait, log, cancel: a job while it lives. All but cancel read
 *  Redis directly, so they answer while the broker is away.  */

#include "commands.h"
#include "../../jobs/limits.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define POLL_MIN_MS 2
#define POLL_MAX_MS 100
#define AWAY_MS     5000        /* a service may be that long between two */
#define WAIT_MAX_S  (366 * 86400L)

const char *job_id (int argc, char **argv, int words, const char *more)
{
    if (argc >= 2 && argc <= words && fcj_id_valid (argv[1]))
        return argv[1];
    fprintf (stderr, "usage: fcj %s JOB%s (the id that `fcj submit` printed; "
             "`fcj list` shows yours)\n", argv[0], more);
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

/*  Redis is away: worth waiting while the service is there and mends it, and
 *  a moment longer.  */
static bool s_lost (link_t *link, int64_t seen)
{
    int fd = link_service (link);
    if (fd >= 0)
        close (fd);
    return fd < 0 && fcj_mono_ms () - seen > AWAY_MS;
}

int job_wait (link_t *link, const char *id, int64_t timeout_ms)
{
    fcj_store_t *store = link_store (link);
    fcj_error_t error = { 0 };
    bool terminal = isatty (2) && !link->json;
    int64_t began = fcj_mono_ms (), pause = POLL_MIN_MS;
    int64_t seen = began - AWAY_MS - 1;     /* Redis, last */
    json_int_t told = 0;
    while (store) {
        fcj_record_t *record = fcj_store_status (store, id, link->owner,
                                                 &error);
        if (!record && (!error.retryable || s_lost (link, seen)))
            return link_fail (link, &error);
        if (record) {
            seen = fcj_mono_ms ();
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

static void s_show_state (const link_t *link, const char *id,
                          const fcj_record_t *record)
{
    const char *state = fcj_state_name (fcj_record_state (record));
    const char *reason = fcj_record_str (record, "reason", NULL);
    if (!link->json) {
        puts (state);
        return;
    }
    json_t *one = json_pack ("{s:s,s:s,s:s*}", "id", id, "state", state,
                             "reason", reason);
    show_json (one);
    json_decref (one);
}

int cmd_wait (link_t *link, int argc, char **argv)
{
    static const char more[] = " [--timeout SECONDS]";
    const char *id = job_id (argc, argv, 4, more), *text = NULL;
    long timeout_s = -1;
    int n = 2;
    if (id && argc > 2
        && (!(text = word_value (argc, argv, &n, "--timeout")) || n + 1 < argc
            || word_number (text, 0, WAIT_MAX_S, &timeout_s)))
        id = job_id (0, argv, 0, more);       /* says how it goes */
    if (!id)
        return CLI_USAGE;
    int status = job_wait (link, id, timeout_s < 0 ? -1 : 1000 * timeout_s);
    fcj_error_t error = { 0 };
    fcj_record_t *record = status == CLI_AWAY ? NULL
        : fcj_store_status (link_store (link), id, link->owner, &error);
    if (record)
        s_show_state (link, id, record);
    fcj_record_destroy (&record);
    return status;
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
    fcj_blobs_t *blobs = job_hash (record, name, hash) ? link_blobs (link)
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
    bool follow = argc == 3 && strcmp (argv[2], "-f") == 0;
    const char *id = job_id (argc, argv, follow ? 3 : 2, " [-f]");
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

/* ---- cancel ------------------------------------------------------ */

int cmd_cancel (link_t *link, int argc, char **argv)
{
    const char *id = job_id (argc, argv, 2, "");
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
    json_object_set_new (reply, "id", json_string (id));
    if (link->json)
        show_json (reply);
    else
        puts (state ? state : "?");
    int status = state && strcmp (state, "cancelled") == 0 ? CLI_OK
                                                           : CLI_FAILED;
    json_decref (reply);
    return status;
}
