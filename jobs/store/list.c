/*  list.c - the jobs of an owner, page by page (store.h).
 *
 *  A list runs backwards through a sorted set. A cursor is the score and id
 *  of the last job looked at, so it survives jobs that come and go. A call
 *  looks at SCAN_MAX records at most, however few of them match.  */

#include "reading.h"

#include <stdio.h>
#include <string.h>

#define PAGE     100            /* records a round trip */
#define SCAN_MAX 1000           /* records looked at in one call */

typedef struct {
    const char *owner, *state, *tool;   /* owner NULL: live jobs, anybody's */
    int limit, count;
    fcj_record_t **records;
    char score[24];
    fcj_id_t id;                        /* "": from the start */
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
    const char *colon = strchr (cursor, ':');
    if (!*cursor)
        return 0;
    size_t size = colon ? (size_t) (colon - cursor) : 0;
    if (!size || size >= sizeof (list->score) ||
        strspn (cursor, "0123456789") != size || !fcj_id_valid (colon + 1))
        return -1;
    memcpy (list->score, cursor, size);
    memcpy (list->id, colon + 1, FCJ_ID_LEN);
    return 0;
}

/*  The rank after the cursor; where its job is gone, the first of its score
 *  (s_passed() then skips what was seen).  */
static int64_t s_start (fcj_store_t *self, const s_list_t *list,
                        fcj_error_t *error)
{
    if (!*list->id)
        return 0;
    char above[32];
    snprintf (above, sizeof (above), "(%s", list->score);
    redisReply *replies[2] = {NULL, NULL};
    fcj_command_t *command = fcj_command_new ();
    fcj_command_begin (command, "ZREVRANK");
    s_set_key (command, list);
    fcj_command_str (command, list->id);
    fcj_command_end (command);
    fcj_command_begin (command, "ZCOUNT");
    s_set_key (command, list);
    fcj_command_str (command, above);
    fcj_command_str (command, "+inf");
    fcj_command_end (command);
    int64_t rank = -1;
    if (fcj_store_ask (self, command, replies, error) == 0) {
        rank = replies[0]->type == REDIS_REPLY_INTEGER
                   ? replies[0]->integer + 1
                   : replies[1]->integer;
        fcj_replies_free (replies, 2);
    }
    fcj_command_destroy (&command);
    return rank;
}

/*  Jobs of one score stand in falling order of their ids.  */
static bool s_passed (const char *id, const char *score, const char *last_id,
                      const char *last_score)
{
    return *last_id && strcmp (score, last_score) == 0 &&
           strcmp (id, last_id) >= 0;
}

static redisReply *s_page (fcj_store_t *self, const s_list_t *list,
                           int64_t rank, fcj_error_t *error)
{
    redisReply *reply = NULL;
    fcj_command_t *command = fcj_command_new ();
    fcj_command_begin (command, "ZREVRANGE");
    s_set_key (command, list);
    fcj_command_int (command, rank);
    fcj_command_int (command, rank + PAGE - 1);
    fcj_command_str (command, "WITHSCORES");
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
        fcj_record_ask_small (command, page->element[2 * n]->str);
    int result = count ? fcj_store_ask (self, command, replies, error) : 0;
    fcj_command_destroy (&command);
    if (result < 0)
        return -1;
    for (; seen < count && list->count < list->limit; seen++) {
        const char *id = page->element[2 * seen]->str;
        const char *score = page->element[2 * seen + 1]->str;
        if (s_passed (id, score, list->id, list->score))
            continue;
        fcj_record_t *record = fcj_record_take_small (replies[seen]);
        replies[seen] = NULL;
        if (s_wanted (list, record))
            list->records[list->count++] = record;
        else
            fcj_record_destroy (&record);
        snprintf (list->id, sizeof (list->id), "%s", id);
        snprintf (list->score, sizeof (list->score), "%s", score);
    }
    fcj_replies_free (replies, count);
    return seen;
}

/*  1 there may be more, 0 the end, -1 failed.  */
static int s_scan (fcj_store_t *self, s_list_t *list, fcj_error_t *error)
{
    int64_t rank = s_start (self, list, error);
    int64_t stop = rank + SCAN_MAX;
    while (rank >= 0 && rank < stop) {
        redisReply *page = s_page (self, list, rank, error);
        if (!page)
            return -1;
        int count = (int) page->elements / 2;
        int seen = s_take (self, list, page, error);
        freeReplyObject (page);
        if (seen < 0)
            return -1;
        rank += seen;
        if (seen < count || list->count == list->limit)
            return seen < count || count == PAGE;
        if (count < PAGE)
            return 0;
    }
    return rank < 0 ? -1 : 1;
}

int fcj_store_list (fcj_store_t *self, const char *owner, const char *state,
                    const char *tool, int limit, char cursor[64],
                    fcj_record_t **records, fcj_error_t *error)
{
    s_list_t list = {owner, state, tool, limit, 0, records, "", ""};
    if (limit < 1 || s_read_cursor (&list, cursor) < 0)
        return fcj_fail (error, FCJ_INVALID, "The cursor is not one that a "
                         "list returned; begin without one");
    int more = s_scan (self, &list, error);
    if (more < 0) {
        while (list.count)
            fcj_record_destroy (&records[--list.count]);
        return -1;
    }
    if (more)
        snprintf (cursor, 64, "%s:%s", list.score, list.id);
    else
        cursor[0] = 0;
    return list.count;
}
