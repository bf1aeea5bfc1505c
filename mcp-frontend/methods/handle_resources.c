/*  handle_resources.c - jobs as resources; those of FreeCAD are freecad.c's.
 *
 *      job://<id>                 the record, JSON
 *      job://<id>/stdout, stderr  what it printed (the whole log if kept)
 *      job://<id>/<artifact>      a file it made: text, or base64
 *
 *  A job that is not the caller's is not found, as one that never was.  */

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../extra.h"
#include "freecad.h"
#include "../service.h"
#include "../tools/view.h"
#include "../../jobs/json.h"

#define SCHEME     "job://"
#define PAGE       50
#define READ_MAX   (32L * 1024 * 1024)  /* one resource, in bytes */
#define TAIL_SIZE  (64 * 1024)          /* of what a running job printed */
#define PIECE_SIZE (1024 * 1024)        /* from an offset on */
#define LIST_TTL   0

static void s_not_found (fcj_call_t *call, const char *uri, const char *why)
{
    fcj_call_error (call, call->modern? FCJ_RPC_PARAMS: FCJ_RPC_RESOURCE,
                    200, json_pack ("{s:s}", "uri", uri),
                    "Resource not found: %.200s", why);
}

/* ---- Lists ------------------------------------------------------------- */

static json_t *s_resource (const fcj_record_t *record)
{
    char text[512];
    const char *name = fcj_record_str (record, "name", NULL);
    const char *tool = fcj_record_str (record, "tool", NULL);
    fcj_view_text (record, text, sizeof text);
    json_t *description = fcj_view_string (text, strlen (text));
    return json_pack ("{s:o,s:s,s:o,s:s}", "uri",
                      json_sprintf (SCHEME "%s",
                                    fcj_record_str (record, "id", NULL)),
                      "name", name? name: tool? tool: "job",
                      "description", description,
                      "mimeType", "application/json");
}

static void s_list (fcj_call_t *call)
{
    fcj_front_t *front = call->front;
    fcj_record_t *records[PAGE];
    fcj_error_t error;
    char cursor[64] = "";
    const json_t *given = json_object_get (call->params, "cursor");
    const char *start = json_string_value (given);
    if (given && (!start || strlen (start) >= sizeof cursor)) {
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "Invalid cursor:"
                        " start again without one");
        return;
    }
    json_t *list = start? json_array ()
                        : fcj_extra_list (front, "resources");
    if (!start)                 /* the first page begins with them */
        fcj_freecad_list (front, list);
    if (start)
        snprintf (cursor, sizeof cursor, "%s", start);
    int count = 0;
    if (fcj_service_state (front->service) == FCJ_SERVICE_READY
        && fcj_front_open (front, &error) == 0)
        count = fcj_store_list (front->store, call->owner, NULL, NULL, PAGE,
                                cursor, records, &error);
    if (count < 0 && error.reason == FCJ_INVALID) {
        json_decref (list);
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "Invalid cursor:"
                        " start again without one");
        return;
    }
    for (int n = 0; n < count; n++) {
        json_array_append_new (list, s_resource (records[n]));
        fcj_record_destroy (&records[n]);
    }
    json_t *result = json_pack ("{s:o}", "resources", list);
    if (*cursor && count > 0)
        json_object_set_new (result, "nextCursor", json_string (cursor));
    fcj_call_cacheable (call, result, LIST_TTL, false);
}

/*  Clients list when they connect: that starts no service. */
void fcj_handle_resources_list (fcj_call_t *call)
{
    fcj_service_when_ready (call, false, s_list);
}

void fcj_handle_resources_templates (fcj_call_t *call)
{
    static const char *const ALL[][4] = {
        { "job://{job_id}", "job", "The record of a job: state, times,"
          " reason, result, artifacts", "application/json" },
        { "job://{job_id}/stdout{?offset}", "stdout", "What the job printed"
          " to standard output; while it runs the last 64 KiB, or from the"
          " byte offset on (_meta says which part it is)", "text/plain" },
        { "job://{job_id}/stderr{?offset}", "stderr", "What the job printed"
          " to standard error, likewise", "text/plain" },
        { "job://{job_id}/{artifact}", "artifact", "A file that the job"
          " made, for example part.step; get_job_result names them",
          "application/octet-stream" },
    };
    if (json_object_get (call->params, "cursor")) {     /* one page */
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL, "Invalid cursor:"
                        " start again without one");
        return;
    }
    json_t *list = fcj_extra_list (call->front, "templates");
    fcj_freecad_templates (call->front, list);
    for (size_t n = 0; n < sizeof ALL / sizeof *ALL; n++)
        json_array_append_new (list, json_pack (
            "{s:s,s:s,s:s,s:s}", "uriTemplate", ALL[n][0], "name",
            ALL[n][1], "description", ALL[n][2], "mimeType", ALL[n][3]));
    fcj_call_cacheable (call, json_pack ("{s:o}", "resourceTemplates", list),
                        3600000, true);
}

/* ---- Reading ----------------------------------------------------------- */

static bool s_is_text (const char *mime)
{
    static const char *const TEXT[] = { "text/", "application/json",
        "application/xml", "application/step", "model/step", "model/iges",
        "image/svg" };
    for (size_t n = 0; n < sizeof TEXT / sizeof *TEXT; n++)
        if (strncmp (mime, TEXT[n], strlen (TEXT[n])) == 0)
            return true;
    return false;
}

/*  A finished job's files never change, a running one's record does. */
static void s_answer (fcj_call_t *call, const char *uri, const char *mime,
                      const char *bytes, size_t size)
{
    json_t *content = json_pack ("{s:s,s:s}", "uri", uri, "mimeType", mime);
    json_t *text = s_is_text (mime) && !memchr (bytes, 0, size)
        ? json_stringn (bytes, size): NULL;
    if (!text && strncmp (mime, "text/", 5) == 0)
        text = fcj_view_string (bytes, size);
    if (text)
        json_object_set_new (content, "text", text);
    else {
        size_t length = sodium_base64_encoded_len (
            size, sodium_base64_VARIANT_ORIGINAL);
        char *encoded = malloc (length);
        sodium_bin2base64 (encoded, length, (const unsigned char *) bytes,
                           size, sodium_base64_VARIANT_ORIGINAL);
        json_object_set_new (content, "blob",
                             json_stringn_nocheck (encoded, length - 1));
        free (encoded);
    }
    fcj_call_cacheable (call, json_pack ("{s:[o]}", "contents", content), 0,
                        false);
}

static void s_read_record (fcj_call_t *call, const char *uri,
                           const fcj_record_t *record)
{
    static const char *const JSON[] = { "result", "error" };
    json_t *view = fcj_view_record (record);
    for (size_t n = 0; n < 2; n++) {
        const char *text = fcj_record_str (record, JSON[n], NULL);
        json_t *value = text? json_loads (text, JSON_DECODE_ANY, NULL): NULL;
        if (value)
            json_object_set_new (view, JSON[n], value);
    }
    json_object_set_new (view, "artifacts", fcj_view_artifacts (record));
    char *text = fcj_json_dumps (view, JSON_INDENT (1));
    json_decref (view);
    s_answer (call, uri, "application/json", text, strlen (text));
    free (text);
}

static void s_read_blob (fcj_call_t *call, const char *uri,
                         const json_t *artifact)
{
    fcj_error_t error;
    size_t size = 0;
    json_int_t told = json_integer_value (json_object_get (artifact,
                                                           "size"));
    const char *hash = json_string_value (json_object_get (artifact,
                                                           "hash"));
    if (told > READ_MAX) {
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, json_pack ("{s:s}", "uri",
            uri), "The resource has %lld bytes, over the %ld that fit in a"
            " message. Fetch it with `fcj result`, or export a coarser one.",
            (long long) told, READ_MAX);
        return;
    }
    char *bytes = fcj_blobs_read (call->front->blobs, hash? hash: "",
                                  READ_MAX, &size, &error);
    if (!bytes)
        s_not_found (call, uri, "its bytes are gone; run the job again");
    else
        s_answer (call, uri, json_string_value (
            json_object_get (artifact, "mime")), bytes, size);
    free (bytes);
}

/*  Which part of the stream it is stands in _meta: ask on with
 *  ?offset=<next_offset> while there is more.  */
static void s_read_piece (fcj_call_t *call, const char *uri,
                          const char *stream, int64_t offset,
                          const fcj_record_t *record)
{
    fcj_piece_t piece = { .offset = offset };
    fcj_output_read (call, record, stream, offset < 0? TAIL_SIZE: PIECE_SIZE,
                     &piece);
    int64_t next = piece.offset + (int64_t) piece.size;
    bool more = next < piece.total
                || !fcj_state_terminal (fcj_record_state (record));
    json_t *content = json_pack (
        "{s:s,s:s,s:o,s:{s:I,s:I,s:I,s:b}}", "uri", uri, "mimeType",
        "text/plain", "text", fcj_view_string (piece.bytes? piece.bytes: "",
                                               piece.size),
        "_meta", "offset", (json_int_t) piece.offset, "next_offset",
        (json_int_t) next, "total_bytes", (json_int_t) piece.total, "more",
        more);
    free (piece.bytes);
    fcj_call_cacheable (call, json_pack ("{s:[o]}", "contents", content), 0,
                        false);
}

/*  stdout or stderr, with or without ?offset=n; *offset is -1 without.  */
static bool s_stream (const char *part, char stream[8], int64_t *offset)
{
    size_t size = strcspn (part, "?");
    char *end = NULL;
    if (size != 6 || (strncmp (part, "stdout", 6) != 0
                      && strncmp (part, "stderr", 6) != 0))
        return false;
    memcpy (stream, part, 6);
    stream[6] = 0;
    *offset = -1;
    if (!part[6])
        return true;
    if (strncmp (part + 6, "?offset=", 8) != 0 || !part[14])
        return false;
    *offset = strtoll (part + 14, &end, 10);
    return !*end && *offset >= 0;
}

/*  A name out of a URI: %xx are bytes. What is no name is not found. */
static void s_decode (const char *part, char *out, size_t size)
{
    char hex[3] = "";
    size_t used = 0;
    for (; *part && used + 1 < size; part++) {
        bool coded = part[0] == '%' && part[1] && part[2]
                  && strspn (part + 1, "0123456789abcdefABCDEF") >= 2;
        if (coded) {
            memcpy (hex, part + 1, 2);
            part += 2;
        }
        out[used++] = coded? (char) strtoul (hex, NULL, 16): *part;
    }
    out[used] = 0;
}

static void s_read_part (fcj_call_t *call, const char *uri,
                         const char *part, const fcj_record_t *record)
{
    char which[8];
    int64_t offset;
    bool stream = s_stream (part, which, &offset);
    if (stream && (offset >= 0
                   || !fcj_state_terminal (fcj_record_state (record)))) {
        s_read_piece (call, uri, which, offset, record);
        return;
    }
    char name[FCJ_NAME_MAX + 8];
    size_t n, size = 0;
    json_t *list = fcj_view_artifacts (record), *one;
    if (stream)
        snprintf (name, sizeof name, "%s.log", which);
    else
        s_decode (part, name, sizeof name);
    json_array_foreach (list, n, one)
        if (strcmp (json_string_value (json_object_get (one, "name")), name)
            == 0) {
            s_read_blob (call, uri, one);
            json_decref (list);
            return;
        }
    json_decref (list);
    const char *tail = stream? fcj_record_str (record, part, &size): NULL;
    if (stream)
        s_answer (call, uri, "text/plain", tail? tail: "", size);
    else
        s_not_found (call, uri, "the job has no artifact of that name;"
                     " get_job_result names those it has");
}

static void s_read (fcj_call_t *call)
{
    fcj_error_t error;
    fcj_id_t job;
    const char *uri = json_string_value (json_object_get (call->params,
                                                          "uri"));
    if (!uri) {
        fcj_call_error (call, FCJ_RPC_PARAMS, 200, NULL,
                        "resources/read needs 'uri', a string");
        return;
    }
    json_t *contents = call->front->extra
        ? call->front->extra->read (uri): NULL;
    if (contents) {
        fcj_call_cacheable (call, json_pack ("{s:o}", "contents", contents),
                            0, false);
        return;
    }
    if (strncmp (uri, FCJ_FREECAD_SCHEME, strlen (FCJ_FREECAD_SCHEME)) == 0) {
        fcj_freecad_read (call, uri);
        return;
    }
    const char *rest = uri + strlen (SCHEME);
    if (strncmp (uri, SCHEME, strlen (SCHEME)) != 0
        || strlen (rest) < FCJ_ID_LEN
        || (rest[FCJ_ID_LEN] && rest[FCJ_ID_LEN] != '/')) {
        s_not_found (call, uri, "URIs are job://<job_id>[/<name>] and"
                     " freecad://..., see resources/templates/list");
        return;
    }
    memcpy (job, rest, FCJ_ID_LEN);
    job[FCJ_ID_LEN] = 0;
    fcj_record_t *record = NULL;
    if (fcj_front_open (call->front, &error) == 0) {
        if (fcj_id_valid (job))
            record = fcj_store_get (call->front->store, job, call->owner,
                                    &error);
        else
            fcj_fail (&error, FCJ_NOT_FOUND, "no such job");
    }
    if (record && rest[FCJ_ID_LEN] && rest[FCJ_ID_LEN + 1])
        s_read_part (call, uri, rest + FCJ_ID_LEN + 1, record);
    else if (record)
        s_read_record (call, uri, record);
    else if (error.reason == FCJ_NOT_FOUND)
        s_not_found (call, uri, "there is no such job of yours");
    else if (error.reason == FCJ_EXPIRED)
        s_not_found (call, uri, "the job has expired");
    else
        fcj_call_error (call, FCJ_RPC_INTERNAL, 200, NULL, "%s",
                        error.text);
    fcj_record_destroy (&record);
}

void fcj_handle_resources_read (fcj_call_t *call)
{
    fcj_service_when_ready (call, true, s_read);
}
