/*  write.c - the life of one write, and how most of them end (writing.h).  */

#include "writing.h"
#include "../limits.h"

#include <stdio.h>
#include <stdlib.h>

fcj_write_t *fcj_write_new (const char *id, fcj_round_fn *next,
                            fcj_writer_fn *fn, void *arg)
{
    fcj_write_t *self = calloc (1, sizeof (*self));
    if (!self)
        abort ();
    self->fn = fn;
    self->arg = arg;
    self->next = next;
    self->command = fcj_command_new ();
    if (id)
        snprintf (self->id, sizeof (self->id), "%s", id);
    return self;
}

void fcj_write_drop_replies (fcj_write_t *self)
{
    for (int n = 0; n < self->got; n++)
        if (self->replies[n])
            freeReplyObject (self->replies[n]);
    free (self->replies);
    self->replies = NULL;
    self->got = self->expected = 0;
}

void fcj_write_destroy (fcj_write_t **self_p)
{
    fcj_write_t *self = *self_p;
    if (!self)
        return;
    fcj_write_drop_replies (self);
    fcj_command_destroy (&self->command);
    fcj_map_destroy (&self->job);
    if (self->kept)
        freeReplyObject (self->kept);
    if (self->kept_too)
        freeReplyObject (self->kept_too);
    free (self->job_bytes);
    free (self->owner);
    free (self->failed);
    free (self);
    *self_p = NULL;
}

void fcj_write_over (fcj_write_t *self, const fcj_map_t *reply,
                     const fcj_error_t *error)
{
    if (self->fn)
        self->fn (self->arg, reply, error);
    fcj_write_destroy (&self);
}

void fcj_write_over_packed (fcj_write_t *self, fcj_pack_t **pack)
{
    fcj_error_t error;
    fcj_map_t *map =
        fcj_map_new (fcj_pack_data (*pack), fcj_pack_size (*pack));
    if (!map)
        fcj_fail (&error, FCJ_INTERNAL, "The store's answer is too large");
    fcj_write_over (self, map, map ? NULL : &error);
    fcj_map_destroy (&map);
    fcj_pack_destroy (pack);
}

/* ---- The answer of a function ------------------------------------------- */

static int s_refusal (const fcj_map_t *map, fcj_error_t *error)
{
    char reason[32], text[FCJ_TEXT_MAX];
    if (!fcj_map_has (map, "error"))
        return 0;
    if (fcj_map_copy (map, "error", reason, sizeof (reason)) < 0)
        return fcj_fail (error, FCJ_INTERNAL, "The store's answer is broken");
    if (fcj_map_copy (map, "text", text, sizeof (text)) < 0)
        text[0] = 0;
    return fcj_fail (error, fcj_reason_of (reason), "%s", text);
}

void fcj_write_answered (fcj_writer_t *writer, fcj_write_t *self)
{
    (void) writer;
    fcj_error_t error;
    const redisReply *reply = self->replies[0];
    fcj_map_t *map = reply->type == REDIS_REPLY_STRING
                         ? fcj_map_new (reply->str, (size_t) reply->len)
                         : NULL;
    if (!map) {
        fcj_fail (&error, FCJ_INTERNAL, "The store's answer is no map, or "
                  "more than %d bytes", FCJ_FRAME_MAX);
        fcj_write_over (self, NULL, &error);
    } else if (s_refusal (map, &error) < 0)
        fcj_write_over (self, NULL, &error);
    else
        fcj_write_over (self, map, NULL);
    fcj_map_destroy (&map);
}
