/*  tool_service.c - service_status and reload_handlers: the broker knows. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../methods/handlers.h"
#include "../../jobs/utf8.h"
#include "view.h"

#define STATUS_MS 5000
#define RELOAD_MS 40000         /* the broker itself gives up after 30 s */

static void s_wait_for (fcj_call_t *call, const char *type, int64_t ms,
                        fcj_client_fn *fn)
{
    fcj_client_request (call->front->client, type, NULL, 0, ms, fn, call);
}

/* ---- service_status ---------------------------------------------------- */

/*  What runs is told to everyone, whose it is and its id only to its owner. */
static void s_hide_others (json_t *worker, const char *owner)
{
    size_t n;
    json_t *job;
    json_array_foreach (json_object_get (worker, "running"), n, job) {
        const char *whose = json_string_value (
            json_object_get (job, "owner"));
        if (!whose || strcmp (whose, owner) != 0) {
            json_object_del (job, "id");
            json_object_del (job, "message");
        }
        json_object_del (job, "owner");
    }
}

static json_int_t s_int (const json_t *view, const char *key)
{
    return json_integer_value (json_object_get (view, key));
}

/*  How old each live document's snapshot is, in seconds; null: none. */
static void s_show_age (json_t *worker)
{
    size_t n;
    json_t *document, *gui = json_object_get (
        json_object_get (worker, "info"), "gui");
    json_array_foreach (json_object_get (gui, "documents"), n, document) {
        json_int_t at = s_int (document, "snapshot_at");
        double age = (double) (fcj_now_ms () - at) / 1000;
        json_object_set_new (document, "snapshot_age_s", at
                             ? json_real (age < 0? 0: age): json_null ());
    }
}

static void s_status (void *arg, const fcj_map_t *reply,
                      const fcj_error_t *error)
{
    fcj_call_t *call = arg;
    if (!reply) {
        char text[700];
        snprintf (text, sizeof text, "The broker does not answer (%s). Run"
                  " `fcj doctor` in a terminal.", error->text);
        fcj_call_tool (call, text, json_pack ("{s:s}", "broker", "down"),
                       NULL, true);
        return;
    }
    json_t *view = fcj_view_map (reply), *worker;
    size_t n;
    json_int_t slots = 0, busy = 0;
    json_object_del (view, "req");
    json_object_set_new (view, "broker", json_string ("up"));
    json_array_foreach (json_object_get (view, "workers"), n, worker) {
        s_hide_others (worker, call->owner);
        s_show_age (worker);
        slots += s_int (worker, "slots");
        busy += s_int (worker, "busy");
    }
    const json_t *queued = json_object_get (view, "queued");
    const char *store = json_string_value (json_object_get (view, "store"));
    char text[512];
    snprintf (text, sizeof text, "%zu worker%s, %lld of %lld slots busy,"
              " %lld queued (%lld for the window). Store %s.%s",
              json_array_size (json_object_get (view, "workers")),
              json_array_size (json_object_get (view, "workers")) == 1
                  ? "": "s", (long long) busy, (long long) slots,
              (long long) (s_int (queued, "compute")
                           + s_int (queued, "gui")),
              (long long) s_int (queued, "gui"), store? store: "unknown",
              slots? "": " No worker is there: jobs wait. Run `fcj doctor`"
                         " in a terminal.");
    fcj_call_tool (call, text, view, NULL, false);
}

void fcj_tool_service_status (fcj_call_t *call, const json_t *args)
{
    (void) args;
    s_wait_for (call, "STATUS", STATUS_MS, s_status);
}

/* ---- reload_handlers --------------------------------------------------- */

/*  The new catalogue goes where every front-end looks first. */
static int s_keep_catalogue (fcj_front_t *front, const fcj_map_t *reply,
                             fcj_error_t *error)
{
    size_t size;
    const char *bytes = fcj_map_bytes (reply, "catalogue", &size);
    if (!bytes || !size)
        return 0;
    char path[4096], *text = strndup (bytes, size);
    snprintf (path, sizeof path, "%s/catalogue.json",
              fcj_config_path (front->config, "state"));
    int rc = fcj_catalogue_write (path, text, error);
    free (text);
    if (rc == 0 && fcj_catalogue_refresh (front->catalogue))
        fcj_front_tools_changed (front);
    return rc;
}

static void s_reloaded (void *arg, const fcj_map_t *reply,
                        const fcj_error_t *error)
{
    fcj_call_t *call = arg;
    if (!reply) {
        fcj_call_tool_error (call, error);
        return;
    }
    const fcj_list_t *workers = fcj_map_list (reply, "workers");
    size_t count = workers? fcj_list_count (workers): 0, bad = 0;
    char text[1024] = "";
    json_t *list = json_array ();
    for (size_t n = 0; n < count; n++) {
        const fcj_map_t *worker = fcj_list_map (workers, n);
        if (!worker)
            continue;
        json_array_append_new (list, fcj_view_map (worker));
        if (fcj_map_bool (worker, "ok", false))
            continue;
        bad++;
        fcj_map_copy (worker, "error", text, sizeof text);
    }
    fcj_error_t trouble;
    if (!bad && s_keep_catalogue (call->front, reply, &trouble) != 0) {
        json_decref (list);
        fcj_call_tool_error (call, &trouble);
        return;
    }
    json_t *view = json_pack ("{s:b,s:i,s:o}", "ok", bad == 0 && count > 0,
        "tools", (int) json_array_size (
            fcj_catalogue_listed (call->front->catalogue, false)),
        "workers", list);
    int size;
    const char *words = fcj_utf8_last_line (*text? text
                                            : "it does not say why", &size);
    char said[1400];
    if (!count)
        snprintf (said, sizeof said, "No worker is there to reload.");
    else if (bad)
        snprintf (said, sizeof said, "%zu of %zu workers kept the old"
                  " handlers, because the new ones are broken: %.*s. Mend"
                  " them and call reload_handlers again.", bad, count, size,
                  words);
    else
        snprintf (said, sizeof said, "%zu worker%s run the new handlers.",
                  count, count == 1? "": "s");
    fcj_call_tool (call, said, view, NULL, bad > 0 || !count);
}

void fcj_tool_reload (fcj_call_t *call, const json_t *args)
{
    (void) args;
    s_wait_for (call, "RELOAD", RELOAD_MS, s_reloaded);
}
