/*  live.c - a page of the live jobs, for a broker that starts.
 *
 *  Three rounds: the ids in their order, their records and leases, then the
 *  states of what they wait for.  */

#include "writing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX 1000           /* jobs */

static const char *const s_live_fields[] = {
    "owner", "lane", "priority", "seq", "state", "attempt", "token", "worker",
    "lost", "submitted", "timeout_s", "queue_timeout_s", "tool", "leased",
    "asking", "depends_on"};
enum { OWNER, LANE, PRIORITY, SEQ, STATE, ATTEMPT, TOKEN, WORKER, LOST,
       SUBMITTED, TIMEOUT, WAIT, TOOL, LEASED, ASKING, DEPENDS,
       LIVE_FIELDS };

/*  The next id of a JSON array of ids; NULL at its end.  */
static const char *s_next_id (const char *json, char id[FCJ_ID_LEN + 1])
{
    const char *quote = strchr (json, '"');
    if (!quote || strnlen (quote, FCJ_ID_LEN + 2) < FCJ_ID_LEN + 2)
        return NULL;
    memcpy (id, quote + 1, FCJ_ID_LEN);
    id[FCJ_ID_LEN] = 0;
    return fcj_id_valid (id) ? quote + FCJ_ID_LEN + 2 : NULL;
}

static size_t s_id_count (const char *json)
{
    char id[FCJ_ID_LEN + 1];
    size_t count = 0;
    while ((json = s_next_id (json, id)) != NULL)
        count++;
    return count;
}

/*  states: replies that follow, one for each dependency in order.  */
static void s_pack_depends (fcj_pack_t *pack, const char *json,
                            redisReply *const *states, size_t *at)
{
    char id[FCJ_ID_LEN + 1];
    fcj_pack_key (pack, "depends_on");
    fcj_pack_array (pack, s_id_count (json));
    while ((json = s_next_id (json, id)) != NULL) {
        const redisReply *state = states[(*at)++];
        fcj_pack_map (pack, 2);
        fcj_pack_kstr (pack, "id", id);
        fcj_pack_kstr (pack, "state", state->str ? state->str : "expired");
    }
}

static void s_pack_live (fcj_pack_t *pack, const char *id,
                         const redisReply *job, const redisReply *lease,
                         redisReply *const *states, size_t *at)
{
    fcj_pack_map (pack, LIVE_FIELDS + 2);
    fcj_pack_kstr (pack, "id", id);
    fcj_pack_kint (pack, "deadline", lease->str ? atoll (lease->str) : 0);
    for (size_t n = 0; n < DEPENDS; n++) {
        const char *text = fcj_reply_text (job, n);
        bool number = n == SEQ || n == ATTEMPT || n == LOST ||
                      n == SUBMITTED || n == TIMEOUT || n == WAIT ||
                      n == LEASED || n == ASKING;
        if (number)
            fcj_pack_kint (pack, s_live_fields[n], atoll (text));
        else
            fcj_pack_kstr (pack, s_live_fields[n], text);
    }
    s_pack_depends (pack, fcj_reply_text (job, DEPENDS), states, at);
}

/*  Jobs in kept (ids and sequence numbers); records and leases, by turns, in
 *  the array kept_too; dependencies' states in states.  */
static void s_live_over (fcj_write_t *write, redisReply *const *states)
{
    size_t count = write->kept->elements / 2, there = 0, at = 0;
    redisReply *const *rows = write->kept_too ? write->kept_too->element : NULL;
    fcj_pack_t *pack = fcj_pack_new ();
    for (size_t n = 0; n < count; n++)
        there += *fcj_reply_text (rows[2 * n], STATE) != 0;
    fcj_pack_map (pack, 2);
    fcj_pack_kint (pack, "last",
                   count ? atoll (fcj_reply_text (write->kept, 2 * count - 1))
                         : write->number);
    fcj_pack_key (pack, "jobs");
    fcj_pack_array (pack, there);
    for (size_t n = 0; n < count; n++)
        if (*fcj_reply_text (rows[2 * n], STATE))
            s_pack_live (pack, fcj_reply_text (write->kept, 2 * n), rows[2 * n],
                         rows[2 * n + 1], states, &at);
    fcj_write_over_packed (write, &pack);
}

static void s_live_states (fcj_writer_t *self, fcj_write_t *write)
{
    (void) self;
    s_live_over (write, write->replies);
}

static void s_live_records (fcj_writer_t *self, fcj_write_t *write)
{
    /* the replies of this round live on as one array reply */
    redisReply *all = calloc (1, sizeof (*all));
    if (!all)
        abort ();
    all->type = REDIS_REPLY_ARRAY;
    all->elements = (size_t) write->got;
    all->element = write->replies;
    write->kept_too = all;
    write->replies = NULL;
    write->got = 0;
    fcj_command_t *to = write->command = fcj_command_new ();
    for (size_t n = 0; n < all->elements; n += 2) {
        char id[FCJ_ID_LEN + 1];
        const char *json = fcj_reply_text (all->element[n], DEPENDS);
        while (*fcj_reply_text (all->element[n], STATE) &&
               (json = s_next_id (json, id)) != NULL) {
            fcj_command_begin (to, "HGET");
            fcj_command_key (to, "job:", id);
            fcj_command_str (to, "state");
            fcj_command_end (to);
        }
    }
    if (fcj_command_count (to))
        fcj_writer_again (self, write, s_live_states);
    else
        s_live_over (write, NULL);
}

static void s_live_page (fcj_writer_t *self, fcj_write_t *write)
{
    write->kept = write->replies[0];
    write->replies[0] = NULL;
    if (write->kept->elements == 0) {
        s_live_over (write, NULL);
        return;
    }
    fcj_command_t *to = write->command = fcj_command_new ();
    for (size_t n = 0; n + 1 < write->kept->elements; n += 2) {
        const char *id = fcj_reply_text (write->kept, n);
        fcj_command_begin (to, "HMGET");
        fcj_command_key (to, "job:", id);
        for (size_t f = 0; f < LIVE_FIELDS; f++)
            fcj_command_str (to, s_live_fields[f]);
        fcj_command_end (to);
        fcj_command_begin (to, "ZSCORE");
        fcj_command_key (to, "lease", "");
        fcj_command_str (to, id);
        fcj_command_end (to);
    }
    fcj_writer_again (self, write, s_live_records);
}

void fcj_writer_live (fcj_writer_t *self, int64_t after, int limit,
                      fcj_writer_fn *fn, void *arg)
{
    char above[32];
    snprintf (above, sizeof (above), "(%lld", (long long) after);
    fcj_write_t *write = fcj_write_new (NULL, s_live_page, fn, arg);
    fcj_command_t *to = write->command;
    write->number = after;
    fcj_command_begin (to, "ZRANGEBYSCORE");
    fcj_command_key (to, "live", "");
    fcj_command_str (to, above);
    fcj_command_str (to, "+inf");
    fcj_command_str (to, "WITHSCORES");
    fcj_command_str (to, "LIMIT");
    fcj_command_int (to, 0);
    fcj_command_int (to, limit < 1 ? 1 : limit > PAGE_MAX ? PAGE_MAX : limit);
    fcj_command_end (to);
    fcj_writer_send (self, write);
}
