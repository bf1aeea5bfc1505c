/*  lookup.c - see lookup.h.  */

#include "lookup.h"
#include "conn.h"
#include "reading.h"
#include "../limits.h"

#include <stdio.h>
#include <stdlib.h>

#define TRIES 2

/*  What a status shows; less than a record, for each is asked by name.  */
static const char *const s_polled[] = {
    "id", "owner", "tool", "lane", "priority", "name", "submitted", "state",
    "attempt", "started", "finished", "progress", "ended_by", "message",
    "reason", "memory", "cpu_ms", "ask"};
#define POLLED (sizeof (s_polled) / sizeof (*s_polled))

struct fcj_lookup {
    fcj_async_t *redis;
    fcj_store_t *store;
    fcj_id_t id;
    char owner[FCJ_NAME_MAX + 1];
    fcj_lookup_fn *fn;
    void *arg;
    int tries;
};

static void s_ask (fcj_lookup_t *self);

/*  Ends it.  */
static void s_answer (fcj_lookup_t *self, fcj_record_t *record,
                      const fcj_error_t *error)
{
    fcj_lookup_fn *fn = self->fn;
    void *arg = self->arg;
    free (self);
    fn (arg, record, error);
}

/*  A reply is valid here only, and belongs to the asker: its record is used
 *  and over before we return.  */
static void s_on_reply (void *arg, redisReply *const *replies, int count,
                        const fcj_error_t *failed)
{
    fcj_lookup_t *self = arg;
    fcj_error_t error = { 0 };
    if (failed && self->tries < TRIES) {
        s_ask (self);
        return;
    }
    if (failed || count < 1 || fcj_reply_check (replies[0], &error) < 0) {
        s_answer (self, NULL, failed ? failed : &error);
        return;
    }
    fcj_record_t *record = fcj_record_lend (replies[0], s_polled);
    if (!fcj_record_visible (record, self->owner)) {
        fcj_record_destroy (&record);
        record = fcj_store_status (self->store, self->id, self->owner,
                                   &error);
    }
    s_answer (self, record, &error);
}

static void s_ask (fcj_lookup_t *self)
{
    fcj_command_t *command = fcj_command_new ();
    fcj_command_begin (command, "HMGET");
    fcj_command_key (command, "job:", self->id);
    for (size_t n = 0; n < POLLED; n++)
        fcj_command_str (command, s_polled[n]);
    fcj_command_end (command);
    self->tries++;
    fcj_async_ask (self->redis, command, s_on_reply, self);
    fcj_command_destroy (&command);
}

fcj_lookup_t *fcj_lookup_new (fcj_async_t *redis, fcj_store_t *store,
                              const char *id, const char *owner,
                              fcj_lookup_fn *fn, void *arg)
{
    fcj_lookup_t *self = calloc (1, sizeof (*self));
    if (!self)
        abort ();
    self->redis = redis;
    self->store = store;
    snprintf (self->id, sizeof (self->id), "%s", id);
    snprintf (self->owner, sizeof (self->owner), "%s", owner);
    self->fn = fn;
    self->arg = arg;
    s_ask (self);
    return self;
}

void fcj_lookup_destroy (fcj_lookup_t **self_p)
{
    if (!*self_p)
        return;
    fcj_async_forget ((*self_p)->redis, *self_p);
    free (*self_p);
    *self_p = NULL;
}
