/*  changes.c - two questions side by side: the broker's LIVE; and a page of
 *  events, then lane and tool of the jobs in it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "changes.h"
#include "../methods/freecad.h"
#include "../front.h"
#include "interest.h"
#include "live_news.h"
#include "../tools/view.h"

#define PAGE    64
#define LIVE_MS 5000            /* for an answer of the broker's */

struct fcj_changes {
    fcj_front_t *front;
    char at[64];                /* the last event seen; "": not reading */
    bool asking;
    int64_t next;
    fcj_live_news_t *news;
    bool live_asking;
    int64_t live_next, stamp;   /* of the broker's last answer; -1: none */
};

fcj_changes_t *fcj_changes_new (fcj_front_t *front)
{
    fcj_changes_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->front = front;
    self->news = fcj_live_news_new (front);
    self->stamp = -1;
    return self;
}

void fcj_changes_destroy (fcj_changes_t **self_p)
{
    fcj_changes_t *self = *self_p;
    if (!self)
        return;
    if (self->front->client)
        fcj_client_forget (self->front->client, self);
    fcj_live_news_destroy (&self->news);
    free (self);
    *self_p = NULL;
}

/* ---- The window -------------------------------------------------------- */

static void s_live (void *arg, const fcj_map_t *reply,
                    const fcj_error_t *error)
{
    fcj_changes_t *self = arg;
    self->live_asking = false;
    if (error) {                /* away, or of before there was LIVE */
        self->stamp = -1;
        return;
    }
    self->stamp = fcj_map_int (reply, "stamp", -1);
    if (!fcj_map_map (reply, "gui"))
        return;
    json_t *view = fcj_view_map (reply);
    fcj_live_news_take (self->news, view);
    json_decref (view);
}

static void s_ask_live (fcj_changes_t *self, int64_t now)
{
    if (!self->front->live_wants) {
        fcj_live_news_forget (self->news);
        self->stamp = -1;
        self->live_next = 0;
    }
    if (!self->front->live_wants || !self->front->client
        || self->live_asking || now < self->live_next)
        return;
    self->live_next = now + FCJ_CHANGES_MS;
    self->live_asking = true;
    fcj_pack_t *fields = fcj_pack_new ();
    fcj_pack_map (fields, 1);
    fcj_pack_kint (fields, "seen", self->stamp);
    fcj_client_request (self->front->client, "LIVE", fcj_pack_data (fields),
                        fcj_pack_size (fields), LIVE_MS, s_live, self);
    fcj_pack_destroy (&fields);
}

static void s_send (fcj_changes_t *self, fcj_command_t *command,
                    fcj_async_fn *fn)
{
    self->asking = true;
    fcj_async_ask (self->front->redis, command, fn, self);
    fcj_command_destroy (&command);
}

/* ---- What the jobs were ------------------------------------------------ */

static bool s_changes (const fcj_front_t *front, const redisReply *job)
{
    if (job->type != REDIS_REPLY_ARRAY || job->elements != 2
        || !job->element[0]->str || !job->element[1]->str
        || strcmp (job->element[0]->str, "gui") != 0)
        return false;
    const json_t *tool = fcj_catalogue_any (front->catalogue,
                                            job->element[1]->str);
    return !json_is_true (json_object_get (json_object_get (
        tool, "annotations"), "readOnlyHint"));
}

/*  What nobody counts the changes of. */
static bool s_uncounted (const void *arg, const char *uri)
{
    const fcj_changes_t *self = arg;
    char name[FCJ_LIVE_NAME_MAX + 1];
    return self->stamp < 0 || !fcj_live_news_counted (self->news)
        || fcj_freecad_live (uri, name) == FCJ_LIVE_NOTHING;
}

static void s_looked (void *arg, redisReply *const *replies, int count,
                      const fcj_error_t *error)
{
    fcj_changes_t *self = arg;
    bool changed = false;
    self->asking = false;
    for (int n = 0; !error && n < count; n++)
        changed = changed || s_changes (self->front, replies[n]);
    if (changed)
        fcj_interest_live_changed (self->front, s_uncounted, self);
}

/* ---- The events -------------------------------------------------------- */

static const char *s_field (const redisReply *fields, const char *name)
{
    for (size_t n = 0; n + 1 < fields->elements; n += 2)
        if (fields->element[n]->str && !strcmp (fields->element[n]->str,
                                                name))
            return fields->element[n + 1]->str;
    return "";
}

static void s_look (fcj_command_t *command, const redisReply *entry)
{
    const char *id = s_field (entry->element[1], "id");
    const char *state = s_field (entry->element[1], "state");
    if (fcj_state_of (state) < FCJ_COMPLETED || !fcj_id_valid (id))
        return;
    fcj_command_begin (command, "HMGET");
    fcj_command_key (command, "job:", id);
    fcj_command_str (command, "lane");
    fcj_command_str (command, "tool");
    fcj_command_end (command);
}

static void s_read (void *arg, redisReply *const *replies, int count,
                    const fcj_error_t *error)
{
    fcj_changes_t *self = arg;
    self->asking = false;
    if (error || count != 1 || replies[0]->type != REDIS_REPLY_ARRAY)
        return;
    fcj_command_t *command = fcj_command_new ();
    for (size_t n = 0; n < replies[0]->elements; n++) {
        const redisReply *entry = replies[0]->element[n];
        snprintf (self->at, sizeof self->at, "%.60s",
                  entry->element[0]->str);
        s_look (command, entry);
    }
    if (replies[0]->elements == PAGE)
        self->next = 0;         /* there may be more */
    if (fcj_command_count (command))
        s_send (self, command, s_looked);
    else
        fcj_command_destroy (&command);
}

static void s_found_end (void *arg, redisReply *const *replies, int count,
                         const fcj_error_t *error)
{
    fcj_changes_t *self = arg;
    self->asking = false;
    if (error || count != 1 || replies[0]->type != REDIS_REPLY_ARRAY)
        return;
    snprintf (self->at, sizeof self->at, "%.60s", replies[0]->elements
              ? replies[0]->element[0]->element[0]->str: "0-0");
}

void fcj_changes_tick (fcj_changes_t *self, int64_t now)
{
    char after[72];
    s_ask_live (self, now);
    if (!self->front->live_wants)
        *self->at = 0;
    if (!self->front->live_wants || !self->front->redis || self->asking
        || now < self->next)
        return;
    self->next = now + FCJ_CHANGES_MS;
    fcj_command_t *command = fcj_command_new ();
    fcj_command_begin (command, *self->at? "XRANGE": "XREVRANGE");
    fcj_command_key (command, "events", "");
    snprintf (after, sizeof after, "(%s", self->at);
    fcj_command_str (command, *self->at? after: "+");
    fcj_command_str (command, *self->at? "+": "-");
    fcj_command_str (command, "COUNT");
    fcj_command_int (command, *self->at? PAGE: 1);
    fcj_command_end (command);
    s_send (self, command, *self->at? s_read: s_found_end);
}
