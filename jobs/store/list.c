/*  list.c - the jobs of an owner, page by page (store.h).
 *
 *  A list runs down a sorted set, by the jobs' sequence numbers: never by
 *  their ranks, which move while jobs come and go. So a cursor is the number
 *  of the last job looked at. A call looks at SCAN_MAX records at most,
 *  however few of them match.  */

#include "reading.h"
#include "conn.h"

#include <stdio.h>
#include <string.h>

#define PAGE     100            /* records a round trip */
#define SCAN_MAX 1000           /* records looked at in one call */

typedef struct {
    const char *owner, *state, *tool;   /* owner NULL: live jobs, anybody's */
    int limit, count;
    fcj_record_t **records;
    char last[24];                      /* "": from the start */
} s_list_t;

static void s_set_key (fcj_command_t *command, const s_list_t *list)
{
    if (list->owner)
        fcj_command_key (command, "owner:", list->owner);
    else
        fcj_command_key (command, "live", "");
}

static int s_read_cursor (s_list_t *list, const char *cursor)
{
    size_t size = strlen (cursor);
    if (size >= sizeof (list->last) || strspn (cursor, "0123456789") != size)
        return -1;
    memcpy (list->last, cursor, size + 1);
    return 0;
}

/*  How many to look at next; each is taken when there is nothing to match.  */
static int s_size (const s_list_t *list)
{
    int missing = list->limit - list->count;
    return list->state || list->tool || missing > PAGE ? PAGE : missing;
}

/*  Ids and numbers by turns.  */
static redisReply *s_page (fcj_store_t *self, const s_list_t *list,
                           fcj_error_t *error)
{
    char below[32] = "+inf";
    if (*list->last)
        snprintf (below, sizeof (below), "(%s", list->last);
    redisReply *reply = NULL;
    fcj_command_t *command = fcj_command_new ();
    fcj_command_begin (command, "ZREVRANGEBYSCORE");
    s_set_key (command, list);
    fcj_command_str (command, below);
    fcj_command_str (command, "-inf");
    fcj_command_str (command, "WITHSCORES");
    fcj_command_str (command, "LIMIT");
    fcj_command_int (command, 0);
    fcj_command_int (command, s_size (list));
    fcj_command_end (command);
    fcj_store_ask (self, command, &reply, error);
    fcj_command_destroy (&command);
    return reply;
}

static bool s_wanted (const s_list_t *list, const fcj_record_t *record)
{
    const char *state = fcj_record_str (record, "state", NULL);
    const char *tool = fcj_record_str (record, "tool", NULL);
    return fcj_record_visible (record, list->owner) &&
           (!list->state || strcmp (state, list->state) == 0) &&
           (!list->tool || (tool && strcmp (tool, list->tool) == 0));
}

/*  Looks at one page's records; moves the cursor behind the last it took or
 *  passed. Returns -1, or the number looked at.  */
static int s_take (fcj_store_t *self, s_list_t *list, const redisReply *page,
                   fcj_error_t *error)
{
    redisReply *replies[PAGE] = {NULL};
    int count = (int) page->elements / 2, seen = 0;
    fcj_command_t *command = fcj_command_new ();
    for (int n = 0; n < count; n++)
        fcj_record_ask_small (command, fcj_reply_text (page, (size_t) n * 2));
    int result = count ? fcj_store_ask (self, command, replies, error) : 0;
    fcj_command_destroy (&command);
    if (result < 0)
        return -1;
    for (; seen < count && list->count < list->limit; seen++) {
        fcj_record_t *record = fcj_record_take_small (replies[seen]);
        replies[seen] = NULL;
        if (s_wanted (list, record))
            list->records[list->count++] = record;
        else
            fcj_record_destroy (&record);
        snprintf (list->last, sizeof (list->last), "%s",
                  fcj_reply_text (page, (size_t) seen * 2 + 1));
    }
    fcj_replies_free (replies, count);
    return seen;
}

/*  1 there may be more, 0 the end, -1 failed.  */
static int s_scan (fcj_store_t *self, s_list_t *list, fcj_error_t *error)
{
    for (int looked = 0; looked < SCAN_MAX && list->count < list->limit;) {
        int asked = s_size (list);
        redisReply *page = s_page (self, list, error);
        if (!page)
            return -1;
        int count = (int) page->elements / 2;
        int seen = s_take (self, list, page, error);
        freeReplyObject (page);
        if (seen < 0)
            return -1;
        if (seen == count && count < asked)
            return 0;
        looked += seen;
    }
    return 1;
}

int fcj_store_list (fcj_store_t *self, const char *owner, const char *state,
                    const char *tool, int limit, char cursor[64],
                    fcj_record_t **records, fcj_error_t *error)
{
    s_list_t list = {owner, state, tool, limit, 0, records, ""};
    if (limit < 1 || s_read_cursor (&list, cursor) < 0)
        return fcj_fail (error, FCJ_INVALID, "The cursor is not one that a "
                         "list returned; begin without one");
    int more = s_scan (self, &list, error);
    if (more < 0) {
        while (list.count)
            fcj_record_destroy (&records[--list.count]);
        return -1;
    }
    snprintf (cursor, 64, "%s", more ? list.last : "");
    return list.count;
}
