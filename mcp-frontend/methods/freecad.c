/*  freecad.c - a table of resources, each with the tool that knows it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../protocol/era.h"
#include "freecad.h"
#include "../protocol/inner.h"
#include "../../jobs/json.h"

#define NAME_MAX_  FCJ_LIVE_NAME_MAX
#define OBJECTS    500          /* a page of objects */

typedef struct {
    const char *path;           /* {} stands for one decoded part */
    const char *name, *description, *tool;
    json_t *(*args) (char parts[2][NAME_MAX_ + 1]);
} resource_t;

/* ---- Arguments of the tools -------------------------------------------- */

static json_t *s_none (char parts[2][NAME_MAX_ + 1])
{
    (void) parts;
    return json_object ();
}

static json_t *s_objects (char parts[2][NAME_MAX_ + 1])
{
    return json_pack ("{s:s,s:i}", "document", parts[0], "limit", OBJECTS);
}

static json_t *s_object (char parts[2][NAME_MAX_ + 1])
{
    return json_pack ("{s:s,s:s}", "document", parts[0], "object",
                      parts[1]);
}

static const resource_t ALL[] = {
    { "version", "version", "Versions of FreeCAD, OpenCASCADE, Python and"
      " this server, for each worker", NULL, NULL },
    { "capabilities", "capabilities", "What this server can do now: workers,"
      " live documents, toolsets and their tools, limits", NULL, NULL },
    { "documents", "documents", "The open documents: name, label, file,"
      " objects, errors", "list_documents", s_none },
    { "active-document", "active document", "The active document and its"
      " first objects", "get_active_document", s_none },
    { "workbenches", "workbenches", "The workbenches that are installed, and"
      " the active one", "list_workbenches", s_none },
    { "macros", "macros", "The macros that are there, with their paths",
      "list_macros", s_none },
    { "console", "console", "The last lines of FreeCAD's report view",
      "get_console_output", s_none },
    { "preferences", "preferences", "FreeCAD's preferences that matter to"
      " modelling: units, precision, paths", "get_preferences", s_none },
    { "documents/{}", "document", "One open document", "list_documents",
      s_none },
    { "documents/{}/objects", "objects", "The objects of a document, the"
      " first 500", "get_objects", s_objects },
    { "documents/{}/objects/{}", "object", "An object: its properties, and"
      " its shape in numbers", "get_object", s_object },
};
#define COUNT (sizeof ALL / sizeof *ALL)

/* ---- Lists ------------------------------------------------------------- */

static bool s_there (const fcj_front_t *front, const resource_t *one)
{
    return !one->tool || fcj_catalogue_any (front->catalogue, one->tool);
}

void fcj_freecad_list (const fcj_front_t *front, json_t *list)
{
    for (size_t n = 0; n < COUNT; n++)
        if (!strchr (ALL[n].path, '{') && s_there (front, &ALL[n]))
            json_array_append_new (list, json_pack (
                "{s:s+,s:s,s:s,s:s}", "uri", FCJ_FREECAD_SCHEME,
                ALL[n].path, "name", ALL[n].name, "description",
                ALL[n].description, "mimeType", "application/json"));
}

/*  documents/{}/objects/{} -> documents/{document}/objects/{object} */
static void s_template (const char *path, char *out, size_t size)
{
    static const char *const NAMES[] = { "{document}", "{object}" };
    size_t used = 0, name = 0;
    for (; *path && used + 16 < size; path++)
        if (path[0] == '{' && path[1] == '}') {
            used += (size_t) snprintf (out + used, size - used, "%s",
                                       NAMES[name++]);
            path++;
        }
        else
            out[used++] = *path;
    out[used] = 0;
}

void fcj_freecad_templates (const fcj_front_t *front, json_t *list)
{
    char path[128];
    for (size_t n = 0; n < COUNT; n++) {
        if (!strchr (ALL[n].path, '{') || !s_there (front, &ALL[n]))
            continue;
        s_template (ALL[n].path, path, sizeof path);
        json_array_append_new (list, json_pack (
            "{s:s+,s:s,s:s,s:s}", "uriTemplate", FCJ_FREECAD_SCHEME, path,
            "name", ALL[n].name, "description", ALL[n].description,
            "mimeType", "application/json"));
    }
}

/* ---- Reading ----------------------------------------------------------- */

/*  One part of a path, percent-decoded; -1: none, or not to be a name. */
static int s_part (const char **path, char out[NAME_MAX_ + 1])
{
    size_t used = 0;
    const char *at = *path;
    for (; *at && *at != '/' && used < NAME_MAX_; at++) {
        unsigned int byte = (unsigned char) *at;
        if (*at == '%') {
            char hex[3] = { at[1], at[1]? at[2]: 0, 0 };
            if (strspn (hex, "0123456789abcdefABCDEF") != 2)
                return -1;
            byte = (unsigned int) strtoul (hex, NULL, 16);
            at += 2;
        }
        if (byte < ' ' || byte == 127)
            return -1;
        out[used++] = (char) byte;
    }
    out[used] = 0;
    *path = at;
    return used && (!*at || *at == '/')? 0: -1;
}

static bool s_matches (const char *pattern, const char *path,
                       char parts[2][NAME_MAX_ + 1])
{
    for (size_t part = 0; *pattern; pattern++)
        if (*pattern == '{') {
            if (part == 2 || s_part (&path, parts[part++]) != 0)
                return false;
            pattern++;
        }
        else if (*pattern != *path++)
            return false;
    return !*path;
}

static const resource_t *s_find (const fcj_front_t *front, const char *uri,
                                 char parts[2][NAME_MAX_ + 1])
{
    const char *path = uri + strlen (FCJ_FREECAD_SCHEME);
    for (size_t n = 0; n < COUNT; n++)
        if (s_matches (ALL[n].path, path, parts) && s_there (front, &ALL[n]))
            return &ALL[n];
    return NULL;
}

bool fcj_freecad_known (const char *uri)
{
    char parts[2][NAME_MAX_ + 1];
    for (size_t n = 0; n < COUNT; n++)
        if (s_matches (ALL[n].path, uri + strlen (FCJ_FREECAD_SCHEME),
                       parts))
            return true;
    return false;
}

fcj_live_t fcj_freecad_live (const char *uri,
                             char name[FCJ_LIVE_NAME_MAX + 1])
{
    const char *path = uri + strlen (FCJ_FREECAD_SCHEME);
    const char *below = "documents/";
    if (!strcmp (path, "documents"))
        return FCJ_LIVE_LIST;
    if (!strcmp (path, "active-document"))
        return FCJ_LIVE_ACTIVE;
    if (strncmp (path, below, strlen (below)) != 0)
        return FCJ_LIVE_NOTHING;
    path += strlen (below);
    return s_part (&path, name) == 0? FCJ_LIVE_DOCUMENT: FCJ_LIVE_NOTHING;
}

static const char *s_uri (const fcj_call_t *call)
{
    return json_string_value (json_object_get (call->params, "uri"));
}

static void s_not_found (fcj_call_t *call, const char *why)
{
    fcj_call_error (call, call->modern? FCJ_RPC_PARAMS: FCJ_RPC_RESOURCE,
                    200, json_pack ("{s:s}", "uri", s_uri (call)),
                    "Resource not found: %.700s", why);
}

void fcj_freecad_answer (fcj_call_t *call, const char *uri,
                         const json_t *value)
{
    char *text = fcj_json_dumps (value, JSON_INDENT (1) | JSON_ENCODE_ANY);
    fcj_call_cacheable (call, json_pack (
        "{s:[{s:s,s:s,s:s}]}", "contents", "uri", uri, "mimeType",
        "application/json", "text", text? text: ""), 0, false);
    free (text);
}

static void s_tool_came (fcj_call_t *call, const json_t *structured,
                         const char *trouble)
{
    char parts[2][NAME_MAX_ + 1];
    const resource_t *one = s_find (call->front, s_uri (call), parts);
    if (!structured && trouble == fcj_inner_busy)
        fcj_call_error (call, FCJ_RPC_INTERNAL, 200, NULL, "%s", trouble);
    else if (!structured)
        s_not_found (call, trouble);
    if (!structured)
        return;
    if (!one || strcmp (one->path, "documents/{}") != 0) {
        fcj_freecad_answer (call, s_uri (call), structured);
        return;
    }
    size_t n;
    json_t *document;
    json_array_foreach (json_object_get (structured, "documents"), n,
                        document) {
        const char *name = json_string_value (json_object_get (document,
                                                               "name"));
        if (name && strcmp (name, parts[0]) == 0) {
            fcj_freecad_answer (call, s_uri (call), document);
            return;
        }
    }
    s_not_found (call, "no document of that name is open; freecad://documents"
                       " names those that are");
}

static json_t *s_versions (const json_t *status)
{
    json_t *workers = json_array (), *worker;
    size_t n;
    json_array_foreach (json_object_get (status, "workers"), n, worker)
        json_array_append_new (workers, json_pack (
            "{s:O?,s:O?,s:O?}", "name", json_object_get (worker, "name"),
            "lanes", json_object_get (worker, "lanes"), "info",
            json_object_get (worker, "info")));
    return json_pack ("{s:s,s:O?,s:o}", "freecad_jobs", FCJ_VERSION,
                      "broker", json_object_get (status, "version"),
                      "workers", workers);
}

/*  toolset -> names of its tools that are offered. */
static json_t *s_toolsets (const fcj_catalogue_t *catalogue)
{
    json_t *sets = json_object (), *tool;
    size_t n;
    json_array_foreach (fcj_catalogue_listed (catalogue, false), n,
                        tool) {
        json_t *name = json_object_get (tool, "name");
        const char *set = json_string_value (json_object_get (
            fcj_catalogue_find (catalogue, json_string_value (name)),
            "toolset"));
        set = set? set: "jobs";
        if (!json_object_get (sets, set))
            json_object_set_new (sets, set, json_array ());
        json_array_append (json_object_get (sets, set), name);
    }
    return sets;
}

static json_t *s_capabilities (const fcj_front_t *front,
                               const json_t *status)
{
    const fcj_config_t *config = front->config;
    size_t n, m;
    json_t *worker, *lane;
    json_int_t slots = 0;
    bool live = false;
    json_array_foreach (json_object_get (status, "workers"), n, worker) {
        slots += json_integer_value (json_object_get (worker, "slots"));
        json_array_foreach (json_object_get (worker, "lanes"), m, lane)
            live = live || (json_is_string (lane) && !strcmp (
                json_string_value (lane), "gui"));
    }
    return json_pack (
        "{s:b,s:I,s:b,s:o,s:{s:I,s:I,s:I,s:I},s:O?}", "live_documents", live,
        "slots", slots, "read_only", fcj_config_bool (config, "read-only"),
        "toolsets", s_toolsets (front->catalogue), "limits", "timeout_max_s",
        (json_int_t) fcj_config_int (config, "timeout-max-s"),
        "memory_bytes", (json_int_t) fcj_config_int (config, "memory-max"),
        "artifact_bytes",
        (json_int_t) fcj_config_int (config, "artifact-max"),
        "retention_s", (json_int_t) fcj_config_int (config, "retention-s"),
        "queue", json_object_get (status, "limits"));
}

static void s_status_came (fcj_call_t *call, const json_t *status,
                           const char *trouble)
{
    const char *uri = s_uri (call);
    if (!status) {
        fcj_call_error (call, FCJ_RPC_INTERNAL, 200, NULL, "The broker does"
                        " not answer: %.300s", trouble);
        return;
    }
    json_t *value = strstr (uri, "version")
        ? s_versions (status): s_capabilities (call->front, status);
    fcj_freecad_answer (call, uri, value);
    json_decref (value);
}

void fcj_freecad_read (fcj_call_t *call, const char *uri)
{
    char parts[2][NAME_MAX_ + 1];
    const resource_t *one = s_find (call->front, uri, parts);
    if (!one)
        s_not_found (call, "resources/list and resources/templates/list name"
                           " those that there are");
    else if (!one->tool)
        fcj_inner_status (call, s_status_came);
    else {
        json_t *args = one->args (parts);
        if (args)
            fcj_inner_tool (call, one->tool, args, s_tool_came);
        else                    /* the name was no UTF-8 */
            s_not_found (call, "the name in it is not UTF-8");
    }
}
