/*  submit.c - fcj submit: makes a job of the command line's words and hands
 *  it to the broker, which answers when Redis has it on disk.  */

#include "commands.h"
#include "../../jobs/limits.h"
#include "../../jobs/json.h"
#include "../../jobs/request.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUBMIT_TIMEOUT_MS 10000
#define FILE_MAX_BYTES    (256 * 1024 * 1024)

typedef struct {
    const char *file, *code, *tool, *arguments, *priority, *name, *key;
    const char *engine, *lane;
    long timeout_s, timeout_max_s, threads;
    bool wait, can_ask, lost;           /* lost: how it goes is to be said */
    json_t *inputs;                     /* name -> reference */
    json_t *depends;                    /* ids */
    json_t *root;                       /* arguments */
    char *arguments_text, *inputs_text;
} order_t;

static const char s_usage[] =
    "usage: fcj submit FILE.py | -c CODE | - | --tool NAME --arguments JSON\n"
    "  --input NAME=WHAT   a file (STEP, IGES, BREP, STL, FCStd#Object), a\n"
    "                      job id, or JOB:ARTIFACT; repeat for more\n"
    "  --after JOB         start when that job is completed; repeat\n"
    "  --timeout SECONDS   run time, default from the configuration\n"
    "  --priority high|normal|low    --name LABEL    --key IDEMPOTENCY-KEY\n"
    "  --ask               you can be asked: see `fcj answer`\n"
    "  --engine native|freecad    --threads N     of a native tool\n"
    "  --wait              wait for the end and print the result\n";

/*  Whole file, NUL-terminated, the caller's; NULL and *error.  */
static char *s_read (const char *path, size_t max, size_t *size,
                     fcj_error_t *error)
{
    FILE *file = strcmp (path, "-") == 0 ? stdin : fopen (path, "rbe");
    char *text = NULL;
    size_t used = 0, room = 0;
    while (file && used <= max) {
        if (used + 1 >= room) {
            room = room ? room * 2 : 65536;
            char *more = realloc (text, room);
            if (!more)
                abort ();
            text = more;
        }
        size_t got = fread (text + used, 1, room - used - 1, file);
        if (got == 0)
            break;
        used += got;
    }
    bool bad = !file || ferror (file);
    if (bad)
        fcj_fail (error, FCJ_INVALID, "Cannot read %s: %s", path,
                  strerror (errno));
    else if (used > max)
        fcj_fail (error, FCJ_TOO_LARGE, "%s has more than %zu bytes.", path,
                  max);
    if (file && file != stdin)
        fclose (file);
    if (bad || used > max) {
        free (text);
        return NULL;
    }
    text[used] = 0;
    *size = used;
    return text;
}

static bool s_ends (const char *text, const char *end)
{
    size_t a = strlen (text), b = strlen (end);
    return a >= b && strcasecmp (text + a - b, end) == 0;
}

/*  A job id, or JOB:ARTIFACT.  */
static json_t *s_job_reference (order_t *self, const char *what)
{
    fcj_id_t id;
    snprintf (id, sizeof id, "%s", what);
    size_t size = strlen (what);
    if (!fcj_id_valid (id) || (size > FCJ_ID_LEN && what[FCJ_ID_LEN] != ':'))
        return NULL;
    json_array_append_new (self->depends, json_string (id));
    return size > FCJ_ID_LEN
           ? json_pack ("{s:s,s:s}", "job", id, "artifact",
                        what + FCJ_ID_LEN + 1)
           : json_pack ("{s:s}", "job", id);
}

/*  A BREP file travels in the job; others are read by the worker from
 *  below its workspace roots.  */
static json_t *s_file_reference (const char *what, fcj_error_t *error)
{
    char path[PATH_MAX], file[PATH_MAX];
    snprintf (file, sizeof file, "%s", what);
    char *object = strrchr (file, '#');
    if (object)
        *object++ = 0;
    if (!realpath (file, path)) {
        fcj_fail (error, FCJ_INVALID, "Input %s: %s. Give a file, a job id, "
                  "or JOB:ARTIFACT.", what, strerror (errno));
        return NULL;
    }
    if (s_ends (path, ".brep") || s_ends (path, ".brp")) {
        size_t size;
        char *text = s_read (path, FILE_MAX_BYTES, &size, error);
        json_t *reference = text ? json_pack ("{s:o}", "brep",
                                              json_stringn (text, size))
                                 : NULL;
        if (text && !reference)
            fcj_fail (error, FCJ_INVALID, "%s is no text BREP file.", what);
        free (text);
        return reference;
    }
    return object ? json_pack ("{s:s,s:s}", "file", path, "object", object)
                  : json_pack ("{s:s}", "file", path);
}

static int s_input (order_t *self, const char *word, fcj_error_t *error)
{
    const char *equals = strchr (word, '=');
    char name[FCJ_NAME_MAX];
    if (!equals || equals == word || equals - word >= FCJ_NAME_MAX)
        return fcj_fail (error, FCJ_INVALID, "--input wants NAME=WHAT, not "
                         "%s", word);
    snprintf (name, sizeof name, "%.*s", (int) (equals - word), word);
    json_t *reference = s_job_reference (self, equals + 1);
    if (!reference)
        reference = s_file_reference (equals + 1, error);
    return reference && json_object_set_new (self->inputs, name,
                                             reference) == 0 ? 0 : -1;
}

static int s_after (order_t *self, const char *id, fcj_error_t *error)
{
    if (!fcj_id_valid (id))
        return fcj_fail (error, FCJ_INVALID, "--after wants a job's id, not "
                         "%s; `fcj list` shows yours.", id);
    return json_array_append_new (self->depends, json_string (id));
}

/*  A number of 1 to most; 0 is left to be the default.  */
static int s_count (const char *option, const char *value, long most,
                    long *out, fcj_error_t *error)
{
    if (word_number (value, 1, most, out) == 0)
        return 0;
    return fcj_fail (error, FCJ_INVALID, "%s is a whole number from 1 to "
                     "%ld.", option, most);
}

/*  Takes one option and its value. 1: it was none.  */
static int s_option (order_t *self, const char *option, const char *value,
                     fcj_error_t *error)
{
    if (strcmp (option, "-c") == 0)
        self->code = value;
    else if (strcmp (option, "--tool") == 0)
        self->tool = value;
    else if (strcmp (option, "--arguments") == 0)
        self->arguments = value;
    else if (strcmp (option, "--timeout") == 0)
        return s_count (option, value, self->timeout_max_s,
                        &self->timeout_s, error);
    else if (strcmp (option, "--engine") == 0)
        self->engine = value;
    else if (strcmp (option, "--threads") == 0)
        return s_count (option, value, FCJ_SLOTS_MAX, &self->threads,
                        error);
    else if (strcmp (option, "--priority") == 0)
        self->priority = value;
    else if (strcmp (option, "--name") == 0)
        self->name = value;
    else if (strcmp (option, "--key") == 0)
        self->key = value;
    else if (strcmp (option, "--after") == 0)
        return s_after (self, value, error);
    else if (strcmp (option, "--input") == 0)
        return s_input (self, value, error);
    else
        return 1;
    return 0;
}

static int s_parse (order_t *self, int argc, char **argv, fcj_error_t *error)
{
    int sources = 0;
    for (int n = 1; n < argc; n++) {
        if (strcmp (argv[n], "--wait") == 0) {
            self->wait = true;
            continue;
        }
        if (strcmp (argv[n], "--ask") == 0) {
            self->can_ask = true;
            continue;
        }
        if (argv[n][0] != '-' || strcmp (argv[n], "-") == 0) {
            sources += !!self->file;
            self->file = argv[n];
            continue;
        }
        int taken = n + 1 < argc
                    ? s_option (self, argv[n], argv[n + 1], error) : 1;
        self->lost = taken > 0;
        if (taken > 0)
            return fcj_fail (error, FCJ_INVALID, "I do not know %.100s, or "
                             "it wants a value.", argv[n]);
        if (taken < 0)
            return -1;
        n++;
    }
    sources += !!self->file + !!self->code + !!self->tool;
    self->lost = sources != 1;
    if (self->lost)
        return fcj_fail (error, FCJ_INVALID, "Give one of FILE.py, -c CODE, - "
                         "and --tool NAME.");
    if (self->engine && strcmp (self->engine, "native") != 0
        && strcmp (self->engine, "freecad") != 0)
        return fcj_fail (error, FCJ_INVALID, "--engine is native or "
                         "freecad.");
    if (fcj_priority_of (self->priority) < 0)
        return fcj_fail (error, FCJ_INVALID, "--priority is high, normal or "
                         "low.");
    return 0;
}

static int s_arguments (order_t *self, fcj_error_t *error)
{
    json_t *root = NULL;
    if (self->tool) {
        root = json_loads (self->arguments ? self->arguments : "{}", 0, NULL);
        if (!json_is_object (root)) {
            json_decref (root);
            return fcj_fail (error, FCJ_INVALID, "--arguments wants a JSON "
                             "object.");
        }
    } else {
        size_t size = 0;
        char *code = self->code ? strdup (self->code)
                   : s_read (self->file, FCJ_CODE_MAX, &size, error);
        if (!code)
            return -1;
        root = json_pack ("{s:s}", "code", code);
        free (code);
        if (!root)
            return fcj_fail (error, FCJ_INVALID, "The code is no UTF-8 "
                             "text.");
        self->tool = "execute_code_async";
    }
    self->arguments_text = fcj_json_dumps (root, JSON_COMPACT);
    self->root = root;
    if (json_object_size (self->inputs))
        self->inputs_text = fcj_json_dumps (self->inputs, JSON_COMPACT);
    return 0;
}

/*  Text of any size: in the job, or named by its hash when it is big.  */
static int s_add_text (link_t *link, fcj_pack_t *pack, const char *key,
                       const char *blob_key, const char *text,
                       fcj_error_t *error)
{
    size_t size = strlen (text);
    fcj_hash_t hash;
    if (size <= FCJ_INLINE_MAX) {
        fcj_pack_kstr (pack, key, text);
        return 0;
    }
    fcj_blobs_t *blobs = link_blobs (link);
    if (!blobs || fcj_blobs_put (blobs, text, size, hash, error))
        return -1;
    fcj_pack_kstr (pack, blob_key, hash);
    return 0;
}

/*  The catalogue, a reference of ours: the newer one of ours and that which a
 *  reload wrote, as a front-end takes it.  */
static json_t *s_catalogue (const link_t *link)
{
    char path[PATH_MAX];
    struct stat made, written;
    const char *ours = fcj_config_path (link->config, "catalogue");
    snprintf (path, sizeof path, "%s/catalogue.json",
              fcj_config_path (link->config, "state"));
    bool newer = stat (path, &written) == 0
                 && (stat (ours, &made) < 0
                     || written.st_mtim.tv_sec >= made.st_mtim.tv_sec);
    json_t *root = newer ? json_load_file (path, 0, NULL) : NULL;
    return root ? root : json_load_file (ours, 0, NULL);
}

/*  The tool's entry in the catalogue, a reference of ours. NULL and *error
 *  when there is no such tool.  */
static json_t *s_entry (const link_t *link, const char *tool,
                        fcj_error_t *error)
{
    size_t n;
    json_t *one, *found = NULL, *root = s_catalogue (link);
    json_array_foreach (json_object_get (root, "tools"), n, one) {
        const char *name = json_string_value (json_object_get (one, "name"));
        if (name && strcmp (name, tool) == 0)
            found = json_incref (one);
    }
    json_decref (root);
    if (!found)
        fcj_fail (error, FCJ_NOT_FOUND, "There is no tool %s. A tool that "
                  "is no job (get_job_status...) is a command here: fcj "
                  "help.", tool);
    return found;
}

static void s_depend (order_t *self, const json_t *reference)
{
    const char *id = json_string_value (reference);
    if (!id)
        id = json_string_value (json_object_get (reference, "job"));
    if (id && fcj_id_valid (id))
        json_array_append_new (self->depends, json_string (id));
}

/*  Jobs that the arguments refer to are waited for, as a front-end does it
 *  (jobs/tools/README.md, x-fcj-input and x-fcj-job).  */
static void s_depend_on_arguments (order_t *self, const json_t *entry)
{
    json_t *properties = json_object_get (json_object_get (entry,
                                          "inputSchema"), "properties");
    const char *name;
    json_t *value, *one;
    size_t n;
    json_object_foreach (self->root, name, value) {
        const json_t *schema = json_object_get (properties, name);
        if (json_is_true (json_object_get (schema, "x-fcj-job"))
            || (json_is_true (json_object_get (schema, "x-fcj-input"))
                && json_is_object (value)))
            s_depend (self, value);
        if (json_is_true (json_object_get (schema, "x-fcj-input")))
            json_array_foreach (value, n, one)
                if (json_is_object (one))
                    s_depend (self, one);
    }
}

static int s_look_up (const link_t *link, order_t *self, fcj_error_t *error)
{
    json_t *entry = s_entry (link, self->tool, error);
    if (!entry)
        return -1;
    const char *lane = json_string_value (json_object_get (entry, "lane"));
    const char *engine = json_string_value (json_object_get (entry,
                                                             "engine"));
    self->lane = lane && fcj_lane_of (lane) == FCJ_LANE_GUI ? "gui"
                                                            : "compute";
    bool beyond = fcj_request_beyond_native (entry, self->root) != NULL;
    if (!self->engine)
        self->engine = engine && strcmp (engine, "native") == 0 && !beyond
                       ? "native" : "freecad";
    s_depend_on_arguments (self, entry);
    json_decref (entry);
    return 0;
}

static int s_pack (link_t *link, const order_t *self, const char *id,
                   fcj_pack_t *pack, fcj_error_t *error)
{
    size_t depends = json_array_size (self->depends);
    fcj_pack_map (pack, 12 + (self->inputs_text ? 1U : 0U)
                  + (self->threads > 0 ? 1U : 0U)
                  + (depends ? 1U : 0U) + (self->name ? 1U : 0U)
                  + (self->key ? 2U : 0U));
    fcj_pack_kstr (pack, "id", id);
    fcj_pack_kstr (pack, "owner", link->owner);
    fcj_pack_kstr (pack, "tool", self->tool);
    fcj_pack_kstr (pack, "lane", self->lane);
    fcj_pack_kstr (pack, "priority", self->priority);
    fcj_pack_kint (pack, "timeout_s", self->timeout_s);
    fcj_pack_kint (pack, "queue_timeout_s",
                   fcj_config_int (link->config, "queue-timeout-s"));
    fcj_pack_kint (pack, "retention_s",
                   fcj_config_int (link->config, "retention-s"));
    fcj_pack_kint (pack, "submitted", fcj_now_ms ());
    fcj_pack_kbool (pack, "can_ask", self->can_ask);
    fcj_pack_kstr (pack, "engine", self->engine);
    if (self->threads > 0)
        fcj_pack_kint (pack, "threads", self->threads);
    if (s_add_text (link, pack, "arguments", "arguments_blob",
                    self->arguments_text, error))
        return -1;
    if (self->inputs_text && s_add_text (link, pack, "inputs", "inputs_blob",
                                         self->inputs_text, error))
        return -1;
    if (depends) {
        fcj_pack_key (pack, "depends_on");
        fcj_pack_array (pack, depends);
        for (size_t n = 0; n < depends; n++)
            fcj_pack_str (pack, json_string_value (
                json_array_get (self->depends, n)));
    }
    if (self->name)
        fcj_pack_kstr (pack, "name", self->name);
    if (self->key) {
        char hash[FCJ_REQUEST_HASH_LEN + 1];
        if (fcj_request_hash (self->tool, self->root, self->inputs, hash))
            return fcj_fail (error, FCJ_INTERNAL, "Out of memory.");
        fcj_pack_kstr (pack, "idem", self->key);
        fcj_pack_kstr (pack, "request_hash", hash);
    }
    return 0;
}

static int s_send (link_t *link, order_t *order, fcj_error_t *error)
{
    fcj_id_t id;
    fcj_id_new (id);
    fcj_pack_t *pack = fcj_pack_new ();
    json_t *reply = NULL;
    if (s_pack (link, order, id, pack, error) == 0)
        reply = link_ask (link, "SUBMIT", pack, SUBMIT_TIMEOUT_MS, error);
    fcj_pack_destroy (&pack);
    if (!reply && error->reason == FCJ_STORE_UNAVAILABLE)
        fprintf (stderr, "fcj: whether job %s was accepted is not known; "
                 "`fcj result %s` tells when the store is back\n", id, id);
    if (!reply)
        return -1;
    const char *got = json_string_value (json_object_get (reply, "id"));
    if (got && fcj_id_valid (got))
        memcpy (id, got, sizeof id);        /* an idempotency key's old job */
    if (link->json && !order->wait) {
        show_json (reply);
    } else if (!order->wait) {
        printf ("%s\n", id);
    }
    json_decref (reply);
    if (!order->wait)
        return CLI_OK;
    if (isatty (2) && !link->json)
        fprintf (stderr, "job %s; Ctrl-C leaves it running\n", id);
    int status = job_wait (link, id, -1);
    int shown = job_show (link, id);
    return status ? status : shown;
}

int cmd_submit (link_t *link, int argc, char **argv)
{
    fcj_error_t error = { .reason = FCJ_INTERNAL };
    order_t order = { .priority = "normal", .inputs = json_object (),
                      .depends = json_array (),
                      .timeout_s = (long) fcj_config_int (
                          link->config, "timeout-s"),
                      .timeout_max_s = (long) fcj_config_int (
                          link->config, "timeout-max-s") };
    int status = -1;
    if (argc == 2 && strcmp (argv[1], "--help") == 0) {
        fputs (s_usage, stdout);
        status = CLI_OK;
    } else if (s_parse (&order, argc, argv, &error) == 0
        && s_arguments (&order, &error) == 0
        && s_look_up (link, &order, &error) == 0)
        status = s_send (link, &order, &error);
    if (status < 0)
        status = link_fail (link, &error);
    if (order.lost)
        fputs (s_usage, stderr);
    json_decref (order.inputs);
    json_decref (order.depends);
    json_decref (order.root);
    free (order.arguments_text);
    free (order.inputs_text);
    return status;
}
