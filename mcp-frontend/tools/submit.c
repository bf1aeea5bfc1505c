/*  submit.c - a call of a tool becomes a job.
 *
 *  The options are taken out of the arguments, references add to depends_on,
 *  large texts become blobs, and the map of broker/PROTOCOL.md goes to the
 *  broker. ACCEPTED means durable: only then is the client told the id, or
 *  does the call begin to be held (held.c).  */

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../protocol/ask.h"
#include "../methods/handlers.h"
#include "live.h"
#include "task.h"
#include "view.h"
#include "../../jobs/json.h"
#include "../../jobs/request.h"

#define SUBMIT_MS 15000

typedef struct {
    fcj_pack_t *pairs;          /* packed key/value pairs, no map header */
    size_t count;
} map_t;

static void s_str (map_t *map, const char *key, const char *text)
{
    if (!text)
        return;
    fcj_pack_kstr (map->pairs, key, text);
    map->count++;
}

static void s_int (map_t *map, const char *key, int64_t value)
{
    fcj_pack_kint (map->pairs, key, value);
    map->count++;
}

static void s_bool (map_t *map, const char *key, bool value)
{
    fcj_pack_kbool (map->pairs, key, value);
    map->count++;
}

/*  A JSON text under key, or as a blob under key_blob. */
static int s_json (fcj_call_t *call, map_t *map, const char *key,
                   const json_t *value, fcj_error_t *error)
{
    char *text = fcj_json_dumps (value, JSON_COMPACT | JSON_SORT_KEYS);
    if (!text)
        return fcj_fail (error, FCJ_INTERNAL, "cannot write %s", key);
    size_t size = strlen (text);
    int rc = 0;
    if (size <= FCJ_INLINE_MAX)
        s_str (map, key, text);
    else {
        fcj_hash_t hash;
        char blob_key[40];
        snprintf (blob_key, sizeof blob_key, "%s_blob", key);
        rc = fcj_blobs_put (call->front->blobs, text, size, hash, error);
        if (rc == 0)
            s_str (map, blob_key, hash);
    }
    free (text);
    return rc;
}

/* ---- depends_on -------------------------------------------------------- */

static int s_add_job (json_t *depends, const char *id, fcj_error_t *error)
{
    size_t n;
    json_t *one;
    if (!id || !fcj_id_valid (id))
        return fcj_fail (error, FCJ_INVALID, "'%.64s' is not a job id: use"
                         " the job_id that an _async tool answered",
                         id? id: "");
    json_array_foreach (depends, n, one)
        if (strcmp (json_string_value (one), id) == 0)
            return 0;
    if (json_array_size (depends) == FCJ_DEPENDS_MAX)
        return fcj_fail (error, FCJ_TOO_LARGE, "a job can wait for at most"
                         " %d others", FCJ_DEPENDS_MAX);
    json_array_append_new (depends, json_string (id));
    return 0;
}

static int s_add_reference (json_t *depends, const json_t *value,
                            fcj_error_t *error)
{
    const json_t *job = json_object_get (value, "job");
    return json_is_string (job)
        ? s_add_job (depends, json_string_value (job), error): 0;
}

typedef struct {
    json_t *depends;
    fcj_error_t *error;
} named_t;

static int s_add_named (void *arg, const char *id)
{
    named_t *named = arg;
    return s_add_job (named->depends, id, named->error);
}

/*  The jobs named by depends_on, by inputs, by x-fcj-input arguments, by ids
 *  in others and by jobs.result in code. */
static int s_depends (const json_t *schema, const json_t *args,
                      json_t *depends, fcj_error_t *error)
{
    const json_t *properties = json_object_get (schema, "properties");
    size_t n;
    const char *key;
    json_t *value, *one;
    json_array_foreach (json_object_get (args, "depends_on"), n, one)
        if (s_add_job (depends, json_string_value (one), error))
            return -1;
    json_object_foreach (json_object_get (args, "inputs"), key, one)
        if (s_add_reference (depends, one, error))
            return -1;
    json_object_foreach ((json_t *) args, key, value) {
        const json_t *rule = json_object_get (properties, key);
        if (fcj_live_jobs (rule, value, s_add_named,
                           &(named_t) { depends, error }))
            return -1;
        if (!json_is_true (json_object_get (rule, "x-fcj-input")))
            continue;
        if (s_add_reference (depends, value, error))
            return -1;
        json_array_foreach (value, n, one)
            if (s_add_reference (depends, one, error))
                return -1;
    }
    return 0;
}

/* ---- The map ----------------------------------------------------------- */

/*  The arguments without the options, to be freed by the caller. */
static json_t *s_handler_args (const json_t *tool, const json_t *args)
{
    json_t *rest = json_copy ((json_t *) args), *one;
    size_t n;
    json_array_foreach (json_object_get (tool, "options"), n, one)
        json_object_del (rest, json_string_value (one));
    return rest;
}

static bool s_has_option (const json_t *tool, const char *name)
{
    size_t n;
    json_t *one;
    json_array_foreach (json_object_get (tool, "options"), n, one)
        if (strcmp (json_string_value (one), name) == 0)
            return true;
    return false;
}

static const json_t *s_option (const fcj_call_t *call, const json_t *args,
                               const char *name)
{
    return s_has_option (call->tool, name)? json_object_get (args, name)
                                          : NULL;
}

/*  A time in seconds under its key, the configured one when it isn't given;
 *  a longer one than the operator allows is refused, never cut. */
static int s_seconds (fcj_call_t *call, map_t *map, const json_t *args,
                      const char *name, const char *key, fcj_error_t *error)
{
    const fcj_config_t *config = call->front->config;
    const json_t *value = s_option (call, args, name);
    int64_t most = fcj_config_int (config, "timeout-max-s");
    double seconds = json_is_number (value)
        ? json_number_value (value): (double) fcj_config_int (config, key);
    if (json_is_number (value) && seconds > (double) most)
        return fcj_fail (error, FCJ_INVALID, "%s is at most %lld here", name,
                         (long long) most);
    s_int (map, name, seconds < 1? 1: (int64_t) seconds);
    return 0;
}

static void s_pack_depends (map_t *map, const json_t *depends)
{
    size_t n;
    json_t *one;
    if (!json_array_size (depends))
        return;
    fcj_pack_key (map->pairs, "depends_on");
    fcj_pack_array (map->pairs, json_array_size (depends));
    json_array_foreach (depends, n, one)
        fcj_pack_str (map->pairs, json_string_value (one));
    map->count++;
}

static int s_pack_options (fcj_call_t *call, map_t *map,
                           const json_t *args, fcj_error_t *error)
{
    const char *priority = json_string_value (
        s_option (call, args, "priority"));
    s_str (map, "name", json_string_value (s_option (call, args, "name")));
    s_str (map, "priority", priority? priority: "normal");
    s_int (map, "retention_s", fcj_config_int (call->front->config,
                                               "retention-s"));
    s_int (map, "submitted", fcj_now_ms ());
    return s_seconds (call, map, args, "timeout_s", "timeout-s", error)
        || s_seconds (call, map, args, "queue_timeout_s", "queue-timeout-s",
                      error)? -1: 0;
}

/* ---- The engine -------------------------------------------------------- */

/*  A reference that only FreeCAD reads: an object of an FCStd file. */
static bool s_is_document (const json_t *reference)
{
    return json_object_get (reference, "file")
        && json_object_get (reference, "object");
}

static bool s_names_document (const json_t *tool, const json_t *args)
{
    const json_t *properties = json_object_get (
        json_object_get (tool, "inputSchema"), "properties");
    size_t n;
    const char *key;
    json_t *value, *one;
    json_object_foreach (json_object_get (args, "inputs"), key, one)
        if (s_is_document (one))
            return true;
    json_object_foreach ((json_t *) args, key, value) {
        if (!json_is_true (json_object_get (json_object_get (
                properties, key), "x-fcj-input")))
            continue;
        if (s_is_document (value))
            return true;
        json_array_foreach (value, n, one)
            if (s_is_document (one))
                return true;
    }
    return false;
}

/*  What the caller says, else the tool's own, unless only FreeCAD can do what
 *  is asked and the tool has a form for it. */
static bool s_is_native (const fcj_call_t *call, const json_t *args)
{
    const char *own = json_string_value (
        json_object_get (call->tool, "engine"));
    const char *asked = json_string_value (s_option (call, args, "engine"));
    if (!own || strcmp (own, "native") != 0)
        return false;
    if (asked)
        return strcmp (asked, "native") == 0;
    return !s_has_option (call->tool, "engine")
        || (!fcj_request_beyond_native (call->tool, args)
            && !s_names_document (call->tool, args));
}

static int s_pack_engine (fcj_call_t *call, map_t *map, const json_t *args,
                          fcj_error_t *error)
{
    static const char *const FLAGS[] = { "memo", "isolated" };
    if (!s_is_native (call, args))
        return 0;
    const char *beyond = fcj_request_beyond_native (call->tool, args);
    if (beyond)
        return fcj_fail (error, FCJ_INVALID, "engine \"native\" cannot do what"
                         " '%s' asks for; leave 'engine' out, or say"
                         " \"freecad\"", beyond);
    s_str (map, "engine", "native");
    const json_t *threads = s_option (call, args, "threads");
    if (json_is_number (threads))
        s_int (map, "threads", (int64_t) json_number_value (threads));
    for (size_t n = 0; n < 2; n++) {
        const json_t *flag = s_option (call, args, FLAGS[n]);
        if (!json_is_boolean (flag))
            continue;
        fcj_pack_kbool (map->pairs, FLAGS[n], json_is_true (flag));
        map->count++;
    }
    return 0;
}

/*  said: the arguments as the client gave them; an idempotency key stands for
 *  those, whatever became of them. */
static int s_pack (fcj_call_t *call, map_t *map, const json_t *args,
                   const json_t *said, json_t *depends, fcj_error_t *error)
{
    const json_t *tool = call->tool;
    const char *name = json_string_value (json_object_get (tool, "name"));
    const char *lane = json_string_value (json_object_get (tool, "lane"));
    const char *key = json_string_value (
        s_option (call, args, "idempotency_key"));
    const json_t *inputs = s_option (call, args, "inputs");
    if (json_object_size (inputs) > FCJ_INPUTS_MAX)
        return fcj_fail (error, FCJ_TOO_LARGE, "a job takes at most %d"
                         " inputs", FCJ_INPUTS_MAX);
    if (key && (!*key || strlen (key) > FCJ_KEY_MAX))
        return fcj_fail (error, FCJ_INVALID, "idempotency_key must have 1"
                         " to %d bytes", FCJ_KEY_MAX);
    if (s_depends (json_object_get (tool, "inputSchema"), args, depends,
                   error))
        return -1;
    s_str (map, "id", call->job);
    s_str (map, "owner", call->owner);
    s_str (map, "tool", name);
    if (fcj_task_mode (call) != FCJ_TASK_NONE
        || fcj_ask_can (call, "elicitation/create"))
        s_bool (map, "can_ask", true);
    s_str (map, "lane", lane? lane: "compute");
    if (s_pack_options (call, map, args, error)
        || s_pack_engine (call, map, args, error))
        return -1;
    s_pack_depends (map, depends);
    json_t *rest = s_handler_args (tool, args);
    int rc = s_json (call, map, "arguments", rest, error);
    if (rc == 0 && json_object_size (inputs))
        rc = s_json (call, map, "inputs", inputs, error);
    if (key) {
        s_str (map, "idem", key);
        char hash[FCJ_REQUEST_HASH_LEN + 1];
        json_t *told = s_handler_args (tool, said);
        if (fcj_request_hash (name, told, s_option (call, said, "inputs"),
                              hash) == 0)
            s_str (map, "request_hash", hash);
        json_decref (told);
    }
    json_decref (rest);
    return rc;
}

/* ---- Sending ----------------------------------------------------------- */

/*  A store that did not answer may have stored it: who asks again blindly has
 *  two jobs. */
static void s_not_accepted (fcj_call_t *call, const char *job,
                            const fcj_error_t *error)
{
    if (error->reason != FCJ_STORE_UNAVAILABLE)
        fcj_call_tool_error (call, error);
    else
        fcj_call_tool_fail (call, error->reason, "%s Its id is %s:"
            " get_job_status tells, when the store is back, whether it is"
            " there; if it is not, call this tool again.", error->text,
            job);
}

static void s_accepted (void *arg, const fcj_map_t *reply,
                        const fcj_error_t *error)
{
    fcj_call_t *call = arg;
    char state[16] = "queued";
    fcj_id_t job;
    fcj_call_unwait (call);
    memcpy (job, call->pending, sizeof job);
    *call->pending = 0;
    if (!reply) {
        s_not_accepted (call, job, error);
        return;
    }
    if (fcj_map_copy (reply, "id", job, sizeof job) != FCJ_ID_LEN) {
        fcj_call_tool_fail (call, FCJ_PROTOCOL, "the broker's answer could"
                            " not be read");
        return;
    }
    fcj_map_copy (reply, "state", state, sizeof state);
    fcj_hold (call, job, state, fcj_map_bool (reply, "existing", false));
}

/*  The broker client answers every request; this is the second belt. */
static void s_overdue (fcj_call_t *call, const fcj_map_t *event, int64_t now)
{
    (void) event;
    if (now < call->deadline)
        return;
    fcj_call_tool_fail (call, FCJ_BROKER_UNAVAILABLE, "the broker did not"
        " answer in time; whether the job was taken is unknown. list_jobs"
        " shows it if it was.");
}

static void s_send (fcj_call_t *call, const map_t *map, fcj_client_fn *fn)
{
    fcj_pack_t *job = fcj_pack_new ();
    fcj_pack_map (job, map->count);
    fcj_pack_raw (job, fcj_pack_data (map->pairs),
                  fcj_pack_size (map->pairs));
    fcj_call_wait (call, NULL, SUBMIT_MS + 5000, 0, s_overdue);
    fcj_client_submit (call->front->client, fcj_pack_data (job),
                       fcj_pack_size (job), false, SUBMIT_MS, fn, call);
    fcj_pack_destroy (&job);
}

static void s_submit (fcj_call_t *call, const json_t *args,
                      const json_t *said)
{
    fcj_error_t error;
    map_t map = { fcj_pack_new (), 0 };
    json_t *depends = json_array ();
    fcj_id_new (call->job);
    int rc = s_pack (call, &map, args, said, depends, &error);
    json_decref (depends);
    memcpy (call->pending, call->job, sizeof call->job);
    *call->job = 0;
    if (rc == 0)
        s_send (call, &map, s_accepted);
    fcj_pack_destroy (&map.pairs);
    if (rc != 0)
        fcj_call_tool_error (call, &error);
}

/* ---- Shapes of live documents ------------------------------------------ */

static void s_snapshot_accepted (void *arg, const fcj_map_t *reply,
                                 const fcj_error_t *error)
{
    fcj_call_t *call = arg;
    fcj_call_unwait (call);
    if (!reply) {
        fcj_call_tool_error (call, error);
        return;
    }
    s_submit (call, json_object_get (call->live, "arguments"),
              json_object_get (call->live, "said"));
}

/*  The job that depends on it can only be submitted when this one is known. */
static void s_submit_snapshot (fcj_call_t *call, const char *job,
                               const json_t *shapes)
{
    fcj_error_t error;
    map_t map = { fcj_pack_new (), 0 };
    json_t *arguments = json_pack ("{s:O}", "shapes", shapes);
    const fcj_config_t *config = call->front->config;
    s_str (&map, "id", job);
    s_str (&map, "owner", call->owner);
    s_str (&map, "tool", "snapshot_shapes");
    s_str (&map, "lane", "gui");
    s_str (&map, "priority", "high");
    s_int (&map, "retention_s", fcj_config_int (config, "retention-s"));
    s_int (&map, "submitted", fcj_now_ms ());
    s_int (&map, "timeout_s", fcj_config_int (config, "timeout-s"));
    s_int (&map, "queue_timeout_s", fcj_config_int (config,
                                                    "queue-timeout-s"));
    int rc = s_json (call, &map, "arguments", arguments, &error);
    json_decref (arguments);
    if (rc == 0)
        s_send (call, &map, s_snapshot_accepted);
    fcj_pack_destroy (&map.pairs);
    if (rc != 0)
        fcj_call_tool_error (call, &error);
}

void fcj_submit (fcj_call_t *call, const json_t *args)
{
    fcj_error_t error;
    fcj_id_t job;
    json_t *shapes = json_array ();
    fcj_id_new (job);
    json_t *live = fcj_live_take (call->tool, args, job, shapes, &error);
    if (live) {
        json_decref (call->live);
        call->live = json_pack ("{s:o,s:O}", "arguments", live, "said",
                                args);
        s_submit_snapshot (call, job, shapes);
    } else if (error.reason != FCJ_OK)
        fcj_call_tool_error (call, &error);
    else
        s_submit (call, args, args);
    json_decref (shapes);
}
