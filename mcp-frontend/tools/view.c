/*  view.c - how a job looks to a model: few words, always with the id and
 *  what to call next.  */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "view.h"
#include "../../jobs/limits.h"
#include "../../jobs/utf8.h"

#define POLL_MIN_MS 500
#define POLL_MAX_MS 10000

json_t *fcj_view_time (int64_t ms)
{
    if (ms <= 0)
        return NULL;
    time_t seconds = (time_t) (ms / 1000);
    struct tm when;
    char text[40], whole[24];
    gmtime_r (&seconds, &when);
    strftime (whole, sizeof whole, "%Y-%m-%dT%H:%M:%S", &when);
    snprintf (text, sizeof text, "%s.%03dZ", whole, (int) (ms % 1000));
    return json_string (text);
}

json_t *fcj_view_string (const char *bytes, size_t size)
{
    char *clean = malloc (size * 3 + 1);
    size_t used = 0;
    if (!clean)
        return json_string ("");
    for (size_t n = 0; n < size; ) {
        size_t length = fcj_utf8_size (bytes + n, size - n);
        if (length && bytes[n]) {
            memcpy (clean + used, bytes + n, length);
            used += length;
            n += length;
        }
        else {
            memcpy (clean + used, "\xef\xbf\xbd", 3);
            used += 3;
            n++;
        }
    }
    json_t *string = json_stringn (clean, used);
    free (clean);
    return string? string: json_string ("");
}

/* ---- Records ----------------------------------------------------------- */

static void s_text_field (json_t *view, const char *key,
                          const fcj_record_t *record, const char *field)
{
    size_t size;
    const char *text = fcj_record_str (record, field, &size);
    if (text && size)
        json_object_set_new (view, key, fcj_view_string (text, size));
}

static void s_time_field (json_t *view, const fcj_record_t *record,
                          const char *field)
{
    json_t *time = fcj_view_time (fcj_record_int (record, field, 0));
    if (time)
        json_object_set_new (view, field, time);
}

static double s_run_s (const fcj_record_t *record)
{
    int64_t started = fcj_record_int (record, "started", 0);
    int64_t finished = fcj_record_int (record, "finished", 0);
    if (!started)
        return -1;
    return (double) ((finished? finished: fcj_now_ms ()) - started) / 1000;
}

int64_t fcj_view_poll_ms (const fcj_record_t *record)
{
    double run_s = s_run_s (record);
    int64_t ms = run_s > 0? (int64_t) (run_s * 250): POLL_MIN_MS;
    return ms < POLL_MIN_MS? POLL_MIN_MS: ms > POLL_MAX_MS? POLL_MAX_MS: ms;
}

json_t *fcj_view_record (const fcj_record_t *record)
{
    static const char *const TEXTS[] = { "tool", "name", "lane", "priority",
        "reason", "message", "ended_by" };
    fcj_state_t state = fcj_record_state (record);
    json_t *view = json_object ();
    s_text_field (view, "job_id", record, "id");
    json_object_set_new (view, "state",
                         json_string (fcj_state_name (state)));
    for (size_t n = 0; n < sizeof TEXTS / sizeof *TEXTS; n++)
        s_text_field (view, TEXTS[n], record, TEXTS[n]);
    double progress = fcj_record_progress (record);
    if (progress >= 0)
        json_object_set_new (view, "progress", json_real (progress));
    int64_t attempt = fcj_record_int (record, "attempt", 0);
    if (attempt > 0)
        json_object_set_new (view, "attempt", json_integer (attempt));
    s_time_field (view, record, "submitted");
    s_time_field (view, record, "started");
    s_time_field (view, record, "finished");
    if (s_run_s (record) >= 0)
        json_object_set_new (view, "run_s", json_real (s_run_s (record)));
    if (fcj_record_int (record, "memory", 0) > 0)
        json_object_set_new (view, "memory_bytes", json_integer (
            fcj_record_int (record, "memory", 0)));
    if (fcj_record_str (record, "cpu_ms", NULL))
        json_object_set_new (view, "cpu_s", json_real (
            (double) fcj_record_int (record, "cpu_ms", 0) / 1000));
    const char *ask = fcj_record_str (record, "ask", NULL);
    if (ask)
        json_object_set_new (view, "ask", json_loads (ask, 0, NULL));
    if (!fcj_state_terminal (state))
        json_object_set_new (view, "poll_after_ms", json_integer (
            fcj_view_poll_ms (record)));
    return view;
}

void fcj_view_text (const fcj_record_t *record, char *out, size_t size)
{
    const char *id = fcj_record_str (record, "id", NULL);
    const char *tool = fcj_record_str (record, "tool", NULL);
    const char *reason = fcj_record_str (record, "reason", NULL);
    const char *message = fcj_record_str (record, "message", NULL);
    fcj_state_t state = fcj_record_state (record);
    double progress = fcj_record_real (record, "progress", 0);
    int used = snprintf (out, size, "Job %s (%s) is %s", id? id: "?",
                         tool? tool: "?", fcj_state_name (state));
    if (used < 0 || (size_t) used >= size)
        return;
    out += used;
    size -= (size_t) used;
    if (state == FCJ_FAILED)
        snprintf (out, size, " (%s). get_job_result tells the error.",
                  reason? reason: "unknown");
    else if (state == FCJ_COMPLETED)
        snprintf (out, size, ". get_job_result fetches its result.");
    else if (fcj_record_str (record, "ask", NULL))
        snprintf (out, size, " and asks the user something ('ask'). Show it,"
                  " then call answer_job.");
    else if (state == FCJ_RUNNING)
        snprintf (out, size, ", %.0f %%%s%.200s. Ask again with"
                  " get_job_status and wait_s.", progress * 100,
                  message? ": ": "", message? message: "");
    else
        snprintf (out, size, state == FCJ_QUEUED? ". Ask again with"
                  " get_job_status and wait_s.": ".");
}

/* ---- Artifacts --------------------------------------------------------- */

/*  job://<id>/<name>, what is no character of a URI as %xx. */
static json_t *s_uri (const char *id, const char *name)
{
    char encoded[3 * FCJ_NAME_MAX + 1];
    size_t used = 0;
    for (; *name && used + 3 < sizeof encoded; name++) {
        unsigned char c = (unsigned char) *name;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
            || (c >= '0' && c <= '9') || strchr ("-._~+", c);
        used += (size_t) sprintf (encoded + used, plain? "%c": "%%%02X", c);
    }
    encoded[used] = 0;
    return json_sprintf ("job://%s/%s", id, encoded);
}

json_t *fcj_view_artifacts (const fcj_record_t *record)
{
    const char *id = fcj_record_str (record, "id", NULL);
    const char *text = fcj_record_str (record, "artifacts", NULL);
    json_t *stored = text? json_loads (text, 0, NULL): NULL;
    json_t *list = json_array (), *one;
    size_t n;
    json_array_foreach (stored, n, one) {
        const char *name = json_string_value (json_object_get (one, "name"));
        const char *mime = json_string_value (json_object_get (one, "mime"));
        const char *hash = json_string_value (json_object_get (one, "hash"));
        if (name)
            json_array_append_new (list, json_pack (
                "{s:s,s:o,s:s,s:I,s:s*}", "name", name, "uri",
                s_uri (id? id: "", name), "mime",
                mime? mime: "application/octet-stream", "size",
                json_integer_value (json_object_get (one, "size")),
                "hash", hash));
    }
    json_decref (stored);
    return list;
}

json_t *fcj_view_links (const fcj_record_t *record)
{
    json_t *artifacts = fcj_view_artifacts (record), *links = json_array ();
    size_t n;
    json_t *one;
    json_array_foreach (artifacts, n, one)
        json_array_append_new (links, json_pack (
            "{s:s,s:O,s:O,s:O,s:O}", "type", "resource_link",
            "uri", json_object_get (one, "uri"),
            "name", json_object_get (one, "name"),
            "mimeType", json_object_get (one, "mime"),
            "size", json_object_get (one, "size")));
    json_decref (artifacts);
    return links;
}

/* ---- Broker answers ---------------------------------------------------- */

/*  The codec has typed readers only; the kinds are tried in turn. */
static json_t *s_value (const fcj_map_t *map, const char *key);

static json_t *s_list (const fcj_list_t *list)
{
    json_t *array = json_array ();
    for (size_t n = 0; n < fcj_list_count (list); n++) {
        size_t size;
        const char *bytes = fcj_list_bytes (list, n, &size);
        if (bytes)
            json_array_append_new (array, fcj_view_string (bytes, size));
        else if (fcj_list_map (list, n))
            json_array_append_new (array,
                                   fcj_view_map (fcj_list_map (list, n)));
    }
    return array;
}

static json_t *s_value (const fcj_map_t *map, const char *key)
{
    size_t size;
    const char *bytes = fcj_map_bytes (map, key, &size);
    if (bytes)
        return fcj_view_string (bytes, size);
    if (fcj_map_map (map, key))
        return fcj_view_map (fcj_map_map (map, key));
    if (fcj_map_list (map, key))
        return s_list (fcj_map_list (map, key));
    if (fcj_map_bool (map, key, true) == fcj_map_bool (map, key, false))
        return json_boolean (fcj_map_bool (map, key, false));
    int64_t a = fcj_map_int (map, key, 0), b = fcj_map_int (map, key, 1);
    if (a == b)
        return json_integer (a);
    double x = fcj_map_real (map, key, 0), y = fcj_map_real (map, key, 1);
    return x < y || x > y? json_null (): json_real (x);
}

json_t *fcj_view_map (const fcj_map_t *map)
{
    json_t *object = json_object ();
    for (size_t n = 0; n < fcj_map_count (map); n++) {
        size_t size;
        const char *bytes = fcj_map_key_at (map, n, &size);
        char key[FCJ_VIEW_KEY_MAX + 1];
        if (!bytes || size > FCJ_VIEW_KEY_MAX)
            continue;
        memcpy (key, bytes, size);
        key[size] = 0;
        json_object_set_new (object, key, s_value (map, key));
    }
    return object;
}
