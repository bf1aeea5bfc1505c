/*  references.c - every blob that a record names (store.h).
 *
 *  Two sorted sets hold all jobs: `live`, then `done`. ZSCAN gives what is in
 *  a set during the whole scan; a job that ends meanwhile is in `done` before
 *  that is scanned. Pages are small and there is a pause between them, so
 *  that nobody waits behind us in Redis.  */

#include "store.h"
#include "command.h"
#include "reading.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGE     200
#define PAUSE_MS 2

typedef struct {
    fcj_store_t *store;
    fcj_reference_fn *fn;
    void *arg;
    const atomic_bool *stop;
} s_scan_t;

static void s_artifacts (const s_scan_t *scan, const char *text)
{
    json_t *list = text ? json_loads (text, 0, NULL) : NULL, *one;
    size_t n;
    json_array_foreach (list, n, one) {
        const char *hash = json_string_value (json_object_get (one, "hash"));
        if (hash)
            scan->fn (scan->arg, hash, strlen (hash));
    }
    json_decref (list);
}

/*  blobs: hashes with a space between.  */
static void s_record (const s_scan_t *scan, const redisReply *row)
{
    if (row->type != REDIS_REPLY_ARRAY || row->elements != 3)
        return;
    for (size_t n = 0; n < 2; n++)
        for (const char *at = row->element[n]->str; at && *at;) {
            size_t size = strcspn (at, " ");
            scan->fn (scan->arg, at, size);
            at += size + (at[size] == ' ');
        }
    s_artifacts (scan, row->element[2]->str);
}

static int s_records (const s_scan_t *scan, const redisReply *ids,
                      fcj_error_t *error)
{
    size_t count = ids->elements / 2;
    redisReply **rows = calloc (count + 1, sizeof (*rows));
    fcj_command_t *command = fcj_command_new ();
    if (!rows)
        abort ();
    for (size_t n = 0; n < count; n++) {
        fcj_command_begin (command, "HMGET");
        fcj_command_key (command, "job:", ids->element[2 * n]->str);
        fcj_command_str (command, "blobs");
        fcj_command_str (command, "result_blob");
        fcj_command_str (command, "artifacts");
        fcj_command_end (command);
    }
    int result = count ? fcj_store_ask (scan->store, command, rows, error)
                       : 0;
    for (size_t n = 0; n < count && result == 0; n++) {
        s_record (scan, rows[n]);
        freeReplyObject (rows[n]);
    }
    fcj_command_destroy (&command);
    free (rows);
    return result;
}

static int s_set (const s_scan_t *scan, const char *set, fcj_error_t *error)
{
    char cursor[24] = "0";
    int result = 0;
    do {
        redisReply *page = NULL;
        fcj_command_t *command = fcj_command_new ();
        fcj_command_begin (command, "ZSCAN");
        fcj_command_key (command, set, "");
        fcj_command_str (command, cursor);
        fcj_command_str (command, "COUNT");
        fcj_command_int (command, PAGE);
        fcj_command_end (command);
        result = fcj_store_ask (scan->store, command, &page, error);
        fcj_command_destroy (&command);
        if (result == 0 && page->type == REDIS_REPLY_ARRAY
            && page->elements == 2 && page->element[0]->str
            && page->element[0]->len < sizeof (cursor)) {
            strcpy (cursor, page->element[0]->str);
            result = s_records (scan, page->element[1], error);
        } else if (result == 0)
            result = fcj_fail (error, FCJ_INTERNAL, "Redis did not scan");
        if (page)
            freeReplyObject (page);
        nanosleep (&(struct timespec) {0, PAUSE_MS * 1000000}, NULL);
        if (result == 0 && *scan->stop)
            result = fcj_fail (error, FCJ_INTERNAL, "We are stopping");
    } while (result == 0 && strcmp (cursor, "0") != 0);
    return result;
}

int fcj_store_references (fcj_store_t *self, fcj_reference_fn *fn, void *arg,
                          const atomic_bool *stop, fcj_error_t *error)
{
    s_scan_t scan = {self, fn, arg, stop};
    return s_set (&scan, "live", error) || s_set (&scan, "done", error) ? -1
                                                                       : 0;
}
