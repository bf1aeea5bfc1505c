/*  tool_output.c - get_job_output: what a job printed, by byte offset. While
 *  it runs the supervisor's file is read; afterwards the log artifact, or the
 *  tail in the record when all of it fits there.  */

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../methods/handlers.h"
#include "view.h"

#define LIMIT_DEFAULT 16384

/*  fd is closed. */
static int s_read (int fd, fcj_piece_t *piece, size_t limit)
{
    struct stat status;
    if (fd < 0)
        return -1;
    if (fstat (fd, &status) != 0 || !S_ISREG (status.st_mode)) {
        close (fd);
        return -1;
    }
    piece->total = status.st_size;
    if (piece->offset < 0)
        piece->offset = piece->total > (int64_t) limit
            ? piece->total - (int64_t) limit: 0;
    piece->bytes = malloc (limit + 1);
    ssize_t got = piece->bytes? pread (fd, piece->bytes, limit,
                                       piece->offset): -1;
    close (fd);
    piece->size = got > 0? (size_t) got: 0;
    return 0;
}

/*  <live>/<id>/<stream>; neither directory nor file may be a link. */
static int s_open_live (const char *live, const char *job,
                        const char *stream)
{
    int root = open (live, O_DIRECTORY | O_PATH | O_CLOEXEC);
    if (root < 0)
        return -1;
    int dir = openat (root, job, O_DIRECTORY | O_NOFOLLOW | O_PATH
                      | O_CLOEXEC);
    close (root);
    if (dir < 0)
        return -1;
    int fd = openat (dir, stream, O_RDONLY | O_NOFOLLOW | O_NONBLOCK
                     | O_CLOEXEC);
    close (dir);
    return fd;
}

int64_t fcj_output_size (const fcj_front_t *front, const char *job,
                         const char *stream)
{
    struct stat status;
    char name[8];
    snprintf (name, sizeof name, "%.6s", stream);
    int fd = s_open_live (fcj_config_path (front->config, "live"), job,
                          name);
    int64_t size = fd >= 0 && fstat (fd, &status) == 0? status.st_size: -1;
    if (fd >= 0)
        close (fd);
    return size;
}

static int s_open_log (fcj_call_t *call, const fcj_record_t *record,
                       const char *stream)
{
    char wanted[32];
    int fd = -1;
    size_t n;
    json_t *list = fcj_view_artifacts (record), *one;
    snprintf (wanted, sizeof wanted, "%s.log", stream);
    json_array_foreach (list, n, one)
        if (strcmp (json_string_value (json_object_get (one, "name")),
                    wanted) == 0) {
            int64_t size;
            const char *hash = json_string_value (
                json_object_get (one, "hash"));
            if (hash)
                fd = fcj_blobs_open (call->front->blobs, hash, &size, NULL);
        }
    json_decref (list);
    return fd;
}

/*  The record's tail: the last bytes of all that was printed. */
static void s_tail (const fcj_record_t *record, const char *stream,
                    fcj_piece_t *piece, size_t limit)
{
    size_t size = 0;
    char field[16];
    const char *tail = fcj_record_str (record, stream, &size);
    snprintf (field, sizeof field, "%s_size", stream);
    piece->total = fcj_record_int (record, field, (int64_t) size);
    int64_t first = piece->total - (int64_t) size;
    if (piece->offset < first)
        piece->offset = first;
    int64_t skip = piece->offset - first;
    if (!tail || skip >= (int64_t) size)
        return;
    size_t count = size - (size_t) skip;
    if (count > limit)
        count = limit;
    piece->bytes = malloc (count + 1);
    memcpy (piece->bytes, tail + skip, count);
    piece->size = count;
}

static void s_answer (fcj_call_t *call, const fcj_record_t *record,
                      const char *stream, const fcj_piece_t *piece)
{
    fcj_state_t state = fcj_record_state (record);
    int64_t next = piece->offset + (int64_t) piece->size;
    bool more = next < piece->total || !fcj_state_terminal (state);
    json_t *view = json_pack (
        "{s:s,s:s,s:s,s:I,s:I,s:I,s:b,s:o}",
        "job_id", fcj_record_str (record, "id", NULL),
        "state", fcj_state_name (state), "stream", stream,
        "offset", (json_int_t) piece->offset,
        "next_offset", (json_int_t) next,
        "total_bytes", (json_int_t) piece->total, "more", more,
        "text", fcj_view_string (piece->bytes? piece->bytes: "",
                                 piece->size));
    char text[160];
    snprintf (text, sizeof text, "%zu bytes of %s from offset %lld of"
              " %lld%s", piece->size, stream, (long long) piece->offset,
              (long long) piece->total,
              more? "; ask again with offset = next_offset": "");
    fcj_call_tool (call, text, view, NULL, false);
}

/*  How many bytes at the end are the beginning of a UTF-8 character.  */
static size_t s_half (const char *bytes, size_t size)
{
    for (size_t n = 1; n <= 3 && n <= size; n++) {
        unsigned char c = (unsigned char) bytes[size - n];
        if ((c & 0xc0) == 0x80)
            continue;
        size_t whole = c >= 0xf0? 4: c >= 0xe0? 3: c >= 0xc0? 2: 1;
        return whole > n? n: 0;
    }
    return 0;
}

/*  A piece ends between two characters where more follows, and begins so
 *  where its beginning is ours to choose. */
static void s_whole (fcj_piece_t *piece, bool tail, bool live)
{
    size_t skip = 0;
    while (tail && piece->offset > 0 && skip < 3 && skip < piece->size
           && ((unsigned char) piece->bytes[skip] & 0xc0) == 0x80)
        skip++;
    if (skip)
        memmove (piece->bytes, piece->bytes + skip, piece->size - skip);
    piece->offset += (int64_t) skip;
    piece->size -= skip;
    bool last = piece->offset + (int64_t) piece->size >= piece->total;
    size_t half = last && !live? 0: s_half (piece->bytes, piece->size);
    if (half < piece->size || last)     /* a tiny limit still moves on */
        piece->size -= half;
}

void fcj_output_read (fcj_call_t *call, const fcj_record_t *record,
                      const char *stream, size_t limit, fcj_piece_t *piece)
{
    bool live = !fcj_state_terminal (fcj_record_state (record));
    bool tail = piece->offset < 0;
    int fd = !live
        ? s_open_log (call, record, stream)
        : s_open_live (fcj_config_path (call->front->config, "live"),
                       fcj_record_str (record, "id", NULL), stream);
    if (s_read (fd, piece, limit) != 0)
        s_tail (record, stream, piece, limit);
    if (piece->offset < 0)
        piece->offset = 0;
    s_whole (piece, tail, live);
}

void fcj_tool_output (fcj_call_t *call, const json_t *args)
{
    fcj_error_t error;
    const char *job = fcj_tool_job_id (call, args);
    if (!job)
        return;
    const char *stream = json_string_value (
        json_object_get (args, "stream"));
    const json_t *limit = json_object_get (args, "limit");
    size_t most = limit? (size_t) json_number_value (limit): LIMIT_DEFAULT;
    fcj_piece_t piece = { .offset = (int64_t) json_number_value (
        json_object_get (args, "offset")) };
    stream = stream? stream: "stdout";
    fcj_record_t *record = fcj_store_get (call->front->store, job,
                                          call->owner, &error);
    if (!record) {
        fcj_tool_no_record (call, job, &error);
        return;
    }
    fcj_output_read (call, record, stream, most, &piece);
    s_answer (call, record, stream, &piece);
    free (piece.bytes);
    fcj_record_destroy (&record);
}
