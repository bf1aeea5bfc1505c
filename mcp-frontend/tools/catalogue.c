/*  catalogue.c - reads, merges and shows the tools. The order is that of the
 *  files, handlers first, so that equal catalogues give equal bytes and a
 *  client's prompt cache holds.  */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "catalogue.h"
#include "../../jobs/schema.h"
#include "../../jobs/log.h"

#define PATHS_MAX     8
#define PAGE          50        /* tools */
#define PAGES_KEPT    8
#define CATALOGUE_MAX (4L * 1024 * 1024)

struct fcj_catalogue {
    char *paths[PATHS_MAX];
    size_t count;
    char *toolsets;             /* ",core,jobs," */
    bool all, read_only;
    char *pages[2][PAGES_KEPT + 1];     /* as text; [tasks], the last: any */
    struct timespec stamp;      /* mtime of the file in use */
    json_t *extra;              /* tools of the program (extra.h), or NULL */
    json_t *own;                /* builtin.json's tools */
    json_t *entries;            /* name -> entry, of those offered */
    json_t *every;              /* name -> entry, of the others, too */
    json_t *listed;
    json_t *listed_tasks;       /* the same with execution.taskSupport */
};

/*  The path is seen from the top of the source tree, where make runs. */
__asm__ (".section .rodata\n"
         ".global fcj_builtin_json\n"
         "fcj_builtin_json: .incbin \"mcp-frontend/builtin.json\"\n"
         ".byte 0\n"
         ".previous\n");
extern const char fcj_builtin_json[];

static json_t *s_load (const char *path, fcj_error_t *error)
{
    json_error_t why;
    json_t *root = json_load_file (path, JSON_REJECT_DUPLICATES, &why);
    json_t *tools = json_object_get (root, "tools");
    if (!json_is_array (tools)) {
        fcj_fail (error, FCJ_INVALID, "%s is no catalogue: %s", path,
                  root? "'tools' is missing": why.text);
        json_decref (root);
        return NULL;
    }
    json_incref (tools);
    json_decref (root);
    return tools;
}

/*  What stands in the answer of a job that is not over, or failed: a member
 *  of these names in a tool's own result would have two meanings. */
static bool s_is_of_a_job (const char *name)
{
    static const char *const NAMES[] = { "job_id", "state", "tool", "name",
        "lane", "priority", "reason", "ended_by", "message", "progress",
        "attempt", "submitted", "started", "finished", "run_s", "cpu_s",
        "memory_bytes", "ask", "poll_after_ms", "error", "artifacts" };
    for (size_t n = 0; n < sizeof NAMES / sizeof *NAMES; n++)
        if (strcmp (NAMES[n], name) == 0)
            return true;
    return false;
}

/*  Result and handle as one record, which is shorter; NULL: as two. */
static json_t *s_joined (const json_t *result, const json_t *handle)
{
    const json_t *own = json_object_get (result, "properties");
    json_t *required = json_object_get (result, "required"), *unused;
    const char *name;
    if (!own || !required || json_object_get (result, "anyOf")
        || json_object_get (result, "additionalProperties"))
        return NULL;
    json_object_foreach ((json_t *) own, name, unused)
        if (s_is_of_a_job (name))
            return NULL;
    json_t *joined = json_copy ((json_t *) result);
    json_t *properties = json_copy ((json_t *) own);
    json_object_update (properties, json_object_get (handle, "properties"));
    json_object_set_new (joined, "properties", properties);
    json_object_del (joined, "required");
    json_object_set_new (joined, "anyOf", json_pack (
        "[{s:O},{s:O}]", "required", required, "required",
        json_object_get (handle, "required")));
    return joined;
}

/*  A tool that is held answers with its result or, when that takes too long
 *  or fails, with a handle: its outputSchema says both. */
static void s_show_handle (json_t *shown, const json_t *entry)
{
    static const char HANDLE[] = "{\"properties\":{\"job_id\":{\"type\":"
        "\"string\"},\"state\":{\"type\":\"string\"},"
        "\"poll_after_ms\":{\"type\":\"integer\"},\"message\":"
        "{\"type\":\"string\"}},\"required\":[\"job_id\",\"state\","
        "\"poll_after_ms\"]}";
    json_t *result = json_object_get (shown, "outputSchema");
    if (!result || !json_object_get (entry, "lane")
        || json_integer_value (json_object_get (entry, "hold_s")) <= 0)
        return;
    json_t *handle = json_loads (HANDLE, 0, NULL);
    json_t *joined = s_joined (result, handle);
    if (!joined)
        joined = json_pack ("{s:s,s:[O,O]}", "type", "object", "anyOf",
                            result, handle);
    json_object_set_new (shown, "outputSchema", joined);
    json_decref (handle);
}

/*  What a client sees of an entry. */
static json_t *s_shown (const json_t *entry)
{
    static const char *const KEYS[] = { "name", "title", "description",
        "inputSchema", "outputSchema", "annotations", "_meta" };
    json_t *shown = json_object ();
    for (size_t n = 0; n < sizeof KEYS / sizeof *KEYS; n++) {
        json_t *value = json_object_get (json_object_get (entry, "shown"),
                                         KEYS[n]);
        if (!value)
            value = json_object_get (entry, KEYS[n]);
        if (value && !json_is_null (value))
            json_object_set (shown, KEYS[n], value);
    }
    /*  What is no object is no structuredContent of a legacy client's. */
    const char *type = json_string_value (json_object_get (
        json_object_get (shown, "outputSchema"), "type"));
    if (!type || strcmp (type, "object") != 0)
        json_object_del (shown, "outputSchema");
    s_show_handle (shown, entry);
    return shown;
}

/*  The same for a client of 2025-11-25, which wants to be told what can be a
 *  task: whatever becomes a job, unless the entry says otherwise. */
static json_t *s_shown_tasks (const json_t *entry, json_t *shown)
{
    json_t *copy = json_copy (shown);
    json_t *told = json_object_get (entry, "execution");
    if (told)
        json_object_set (copy, "execution", told);
    else if (json_object_get (entry, "lane"))
        json_object_set_new (copy, "execution", json_pack (
            "{s:s}", "taskSupport", "optional"));
    return copy;
}

static bool s_wanted (const fcj_catalogue_t *self, const char *toolset)
{
    char word[80];
    snprintf (word, sizeof word, ",%.64s,", toolset);
    return strstr (self->toolsets, word) != NULL;
}

static bool s_looks (const json_t *entry)
{
    return json_is_true (json_object_get (
        json_object_get (entry, "annotations"), "readOnlyHint"));
}

static bool s_offered (const fcj_catalogue_t *self, const json_t *entry)
{
    const char *toolset = json_string_value (
        json_object_get (entry, "toolset"));
    if (self->read_only && !s_looks (entry))
        return false;
    return self->all || !toolset || s_wanted (self, toolset)
        || json_is_true (json_object_get (entry, "own"));
}

/*  An entry that a client can be told of and that can be checked. */
static bool s_usable (const json_t *entry)
{
    static const char *const SCHEMAS[] = { "inputSchema", "outputSchema" };
    const char *name = json_string_value (json_object_get (entry, "name"));
    fcj_error_t error;
    if (!name || json_is_true (json_object_get (entry, "internal"))
        || !json_is_object (json_object_get (entry, "inputSchema")))
        return false;
    for (size_t n = 0; n < 2; n++) {
        const json_t *schema = json_object_get (entry, SCHEMAS[n]);
        if (schema && !json_is_null (schema)
            && fcj_schema_valid (schema, &error) != 0) {
            fcj_log (FCJ_ERROR, "tool_left_out", "tool", name, "in",
                     SCHEMAS[n], "why", error.text, NULL);
            return false;
        }
    }
    return true;
}

static void s_add (fcj_catalogue_t *self, const json_t *tools, bool ours)
{
    size_t n;
    json_t *entry;
    json_array_foreach (tools, n, entry) {
        const char *name = json_string_value (
            json_object_get (entry, "name"));
        if (!s_usable (entry) || json_object_get (self->every, name))
            continue;
        json_object_set (self->every, name, entry);
        bool offered = ours? !self->read_only || s_looks (entry)
                           : s_offered (self, entry);
        if (!offered)
            continue;
        json_object_set (self->entries, name, entry);
        json_t *shown = s_shown (entry);
        json_array_append_new (self->listed_tasks,
                               s_shown_tasks (entry, shown));
        json_array_append_new (self->listed, shown);
    }
}

static void s_forget_pages (fcj_catalogue_t *self)
{
    for (size_t n = 0; n <= PAGES_KEPT; n++)
        for (size_t tasks = 0; tasks < 2; tasks++) {
            free (self->pages[tasks][n]);
            self->pages[tasks][n] = NULL;
        }
}

static void s_merge (fcj_catalogue_t *self, json_t *tools)
{
    s_forget_pages (self);
    json_decref (self->entries);
    json_decref (self->every);
    json_decref (self->listed);
    json_decref (self->listed_tasks);
    self->listed_tasks = json_array ();
    self->entries = json_object ();
    self->every = json_object ();
    self->listed = json_array ();
    s_add (self, self->extra, true);
    if (tools)
        s_add (self, tools, false);
    s_add (self, self->own, true);
}

static bool s_newer (const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec? a->tv_sec > b->tv_sec
                                 : a->tv_nsec > b->tv_nsec;
}

/*  " core, jobs" -> ",core,jobs," */
static void s_set_toolsets (fcj_catalogue_t *self, const char *list)
{
    size_t used = 1;
    self->toolsets = calloc (1, strlen (list) + 3);
    if (!self->toolsets)
        abort ();
    self->toolsets[0] = ',';
    while (*(list += strspn (list, " ,"))) {
        size_t length = strcspn (list, " ,");
        memcpy (self->toolsets + used, list, length);
        used += length;
        self->toolsets[used++] = ',';
        list += length;
    }
    self->all = s_wanted (self, "all");
}

/*  The names of toolsets that there are, separated by blanks and commas. */
static void s_toolsets (const fcj_catalogue_t *self, char *out, size_t size)
{
    const char *name;
    json_t *entry;
    snprintf (out, size, ", all, core, jobs,");
    json_object_foreach (self->every, name, entry) {
        const char *toolset = json_string_value (
            json_object_get (entry, "toolset"));
        char word[80];
        size_t used = strlen (out);
        snprintf (word, sizeof word, " %.64s,", toolset? toolset: "jobs");
        if (!strstr (out, word) && used + strlen (word) < size)
            strcpy (out + used, word);
    }
}

static int s_check_toolsets (const fcj_catalogue_t *self, fcj_error_t *error)
{
    char known[400], word[80];
    s_toolsets (self, known, sizeof known);
    size_t size;
    for (const char *at = self->toolsets + 1; *at; at += size + 1) {
        size = strcspn (at, ",");
        bool fits = size < sizeof word - 3;
        if (fits) {
            word[0] = ' ';
            memcpy (word + 1, at, size);
            strcpy (word + 1 + size, ",");
        }
        if (!fits || !strstr (known, word))
            return fcj_fail (error, FCJ_INVALID, "there is no toolset '%.*s';"
                             " there are:%.*s", (int) (size < 64? size: 64),
                             at, (int) strlen (known) - 2, known + 1);
    }
    return 0;
}

/* ------------------------------------------------------------------------ */

fcj_catalogue_t *fcj_catalogue_new (const char *const *paths,
                                    const char *toolsets, bool read_only,
                                    const char *extra, fcj_error_t *error)
{
    json_error_t why;
    json_t *root = json_loads (fcj_builtin_json, 0, &why);
    if (!root) {
        fcj_fail (error, FCJ_INTERNAL, "builtin.json: %s", why.text);
        return NULL;
    }
    fcj_catalogue_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->own = json_incref (json_object_get (root, "tools"));
    json_decref (root);
    self->read_only = read_only;
    root = extra? json_loads (extra, 0, &why): NULL;
    self->extra = json_incref (json_object_get (root, "tools"));
    json_decref (root);
    s_set_toolsets (self, toolsets);
    while (*paths && self->count < PATHS_MAX)
        self->paths[self->count++] = strdup (*paths++);
    s_merge (self, NULL);
    fcj_catalogue_refresh (self);
    if (s_check_toolsets (self, error) != 0)
        fcj_catalogue_destroy (&self);
    return self;
}

void fcj_catalogue_destroy (fcj_catalogue_t **self_p)
{
    fcj_catalogue_t *self = *self_p;
    if (!self)
        return;
    for (size_t n = 0; n < self->count; n++)
        free (self->paths[n]);
    free (self->toolsets);
    s_forget_pages (self);
    json_decref (self->own);
    json_decref (self->entries);
    json_decref (self->every);
    json_decref (self->listed);
    json_decref (self->listed_tasks);
    json_decref (self->extra);
    free (self);
    *self_p = NULL;
}

bool fcj_catalogue_refresh (fcj_catalogue_t *self)
{
    const char *newest = NULL;
    struct timespec stamp = self->stamp;
    for (size_t n = 0; n < self->count; n++) {
        struct stat status;
        if (stat (self->paths[n], &status) == 0
            && status.st_size < CATALOGUE_MAX
            && s_newer (&status.st_mtim, &stamp)) {
            newest = self->paths[n];
            stamp = status.st_mtim;
        }
    }
    if (!newest)
        return false;
    fcj_error_t error;
    self->stamp = stamp;        /* a broken file is not read over and over */
    json_t *tools = s_load (newest, &error);
    if (!tools) {
        fcj_log (FCJ_WARNING, "catalogue_broken", "why", error.text, NULL);
        return false;
    }
    json_t *before = json_incref (self->listed);
    s_merge (self, tools);
    json_decref (tools);
    bool changed = !json_equal (before, self->listed);
    json_decref (before);
    return changed;
}

json_t *fcj_catalogue_find (const fcj_catalogue_t *self, const char *name)
{
    return json_object_get (self->entries, name);
}

json_t *fcj_catalogue_any (const fcj_catalogue_t *self, const char *name)
{
    return json_object_get (self->every, name);
}

void fcj_catalogue_why (const fcj_catalogue_t *self, const char *name,
                        char *out, size_t size)
{
    const json_t *entry = fcj_catalogue_any (self, name);
    const char *toolset = json_string_value (
        json_object_get (entry, "toolset"));
    *out = 0;
    if (entry && self->read_only && !s_looks (entry))
        snprintf (out, size, "The tool '%.64s' changes something, and this"
                  " server was started read-only.", name);
    else if (entry)
        snprintf (out, size, "The tool '%.64s' is in the toolset '%.64s',"
                  " which this server does not offer; the user can start it"
                  " with --toolsets %.*s,%.64s.", name, toolset? toolset: "",
                  (int) strlen (self->toolsets) - 2, self->toolsets + 1,
                  toolset? toolset: "all");
}

json_t *fcj_catalogue_listed (const fcj_catalogue_t *self, bool tasks)
{
    return tasks? self->listed_tasks: self->listed;
}

const char *fcj_catalogue_page (fcj_catalogue_t *self, bool tasks,
                                size_t first, size_t *next)
{
    const json_t *all = fcj_catalogue_listed (self, tasks);
    size_t count = json_array_size (all), page = first / PAGE, n = first;
    *next = first + PAGE < count? first + PAGE: 0;
    bool kept = first % PAGE == 0 && page < PAGES_KEPT;
    char **place = &self->pages[tasks][kept? page: PAGES_KEPT];
    if (*place && kept)
        return *place;
    json_t *list = json_array ();
    for (; n < count && n < first + PAGE; n++)
        json_array_append (list, json_array_get (all, n));
    free (*place);
    *place = json_dumps (list, JSON_COMPACT);
    json_decref (list);
    if (!*place)
        abort ();               /* out of memory */
    return *place;
}

/*  How many two-letter pieces of a stand in b. */
static size_t s_likeness (const char *a, const char *b)
{
    size_t same = 0;
    for (; a[0] && a[1]; a++) {
        char pair[3] = { a[0], a[1], 0 };
        if (strstr (b, pair))
            same++;
    }
    return same;
}

void fcj_catalogue_near (const fcj_catalogue_t *self, const char *name,
                         char *out, size_t size)
{
    const char *best[3] = { NULL, NULL, NULL }, *other;
    size_t score[3] = { 0, 0, 0 };
    json_t *entry;
    char bounded[FCJ_MCP_NAME_SHOWN + 1];
    snprintf (bounded, sizeof bounded, "%s", name);
    json_object_foreach (self->entries, other, entry) {
        size_t points = s_likeness (bounded, other);
        for (int n = 0; n < 3; n++)
            if (points > score[n] && points * 2 > strlen (bounded)) {
                for (int m = 2; m > n; m--) {
                    best[m] = best[m - 1];
                    score[m] = score[m - 1];
                }
                best[n] = other;
                score[n] = points;
                break;
            }
    }
    snprintf (out, size, "%s%s%s%s%s", best[0]? best[0]: "",
              best[1]? ", ": "", best[1]? best[1]: "",
              best[2]? ", ": "", best[2]? best[2]: "");
}

int fcj_catalogue_write (const char *path, const char *text,
                         fcj_error_t *error)
{
    json_error_t why;
    json_t *root = json_loads (text, JSON_REJECT_DUPLICATES, &why);
    bool good = json_is_array (json_object_get (root, "tools"));
    json_decref (root);
    if (!good)
        return fcj_fail (error, FCJ_INVALID, "the new catalogue is broken");
    char temporary[4096];
    snprintf (temporary, sizeof temporary, "%s.%ld", path, (long) getpid ());
    FILE *file = fopen (temporary, "we");
    bool written = file && fputs (text, file) >= 0;
    if (file && (fflush (file) != 0 || fsync (fileno (file)) != 0))
        written = false;
    if (file && fclose (file) != 0)
        written = false;
    if (!written || rename (temporary, path) != 0) {
        unlink (temporary);
        return fcj_fail (error, FCJ_INTERNAL, "cannot write %s", path);
    }
    return 0;
}
