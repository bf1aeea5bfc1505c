/*  record.c - what a job's record says, as a reply of Redis holds it.
 *
 *  A record is its reply, and the names of the fields that were asked for; a
 *  field is looked up when somebody wants it, nothing is copied.  */

#include "reading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct fcj_record {
    redisReply *reply;          /* values, or pairs without names */
    const char *const *names;
    bool lent;                  /* the reply is somebody else's */
};

/*  All but spec, result, error, stdout and stderr.  */
static const char *const s_small[] = {
    "id", "owner", "tool", "lane", "priority", "seq", "name", "submitted",
    "timeout_s", "queue_timeout_s", "retention_s", "depends_on", "state",
    "attempt", "worker", "lost", "leased", "started", "finished", "progress",
    "message", "reason", "result_blob", "artifacts", "stdout_size",
    "stderr_size", "memory", "cpu_ms", "ended", "ended_by", "ask"};
#define SMALL (sizeof (s_small) / sizeof (*s_small))

/* ---- Making ------------------------------------------------------------- */

fcj_record_t *fcj_record_take (redisReply *reply, const char *const *names)
{
    fcj_record_t *self = calloc (1, sizeof (*self));
    if (!self)
        abort ();
    self->reply = reply;
    self->names = names;
    return self;
}

fcj_record_t *fcj_record_lend (redisReply *reply, const char *const *names)
{
    fcj_record_t *self = fcj_record_take (reply, names);
    self->lent = true;
    return self;
}

void fcj_record_ask_small (fcj_command_t *command, const char *id)
{
    fcj_command_begin (command, "HMGET");
    fcj_command_key (command, "job:", id);
    for (size_t n = 0; n < SMALL; n++)
        fcj_command_str (command, s_small[n]);
    fcj_command_end (command);
}

fcj_record_t *fcj_record_take_small (redisReply *reply)
{
    return fcj_record_take (reply, s_small);
}

void fcj_record_destroy (fcj_record_t **self_p)
{
    if (!*self_p)
        return;
    if (!(*self_p)->lent)
        freeReplyObject ((*self_p)->reply);
    free (*self_p);
    *self_p = NULL;
}

/* ---- Reading ------------------------------------------------------------ */

static const redisReply *s_field (const fcj_record_t *self, const char *field)
{
    const redisReply *reply = self->reply;
    for (size_t n = 0; self->names && n < reply->elements; n++)
        if (strcmp (self->names[n], field) == 0)
            return reply->element[n];
    for (size_t n = 0; !self->names && n + 1 < reply->elements; n += 2)
        if (strcmp (reply->element[n]->str, field) == 0)
            return reply->element[n + 1];
    return NULL;
}

const char *fcj_record_str (const fcj_record_t *self, const char *field,
                            size_t *size)
{
    const redisReply *value = s_field (self, field);
    bool there = value && value->type == REDIS_REPLY_STRING;
    if (size)
        *size = there ? (size_t) value->len : 0;
    return there ? value->str : NULL;
}

int64_t fcj_record_int (const fcj_record_t *self, const char *field,
                        int64_t otherwise)
{
    const char *text = fcj_record_str (self, field, NULL);
    char *end = NULL;
    errno = 0;
    long long value = text ? strtoll (text, &end, 10) : 0;
    return text && end != text && !*end && !errno ? value : otherwise;
}

double fcj_record_real (const fcj_record_t *self, const char *field,
                        double otherwise)
{
    const char *text = fcj_record_str (self, field, NULL);
    char *end = NULL;
    double value = text ? strtod (text, &end) : 0;
    return text && end != text && !*end ? value : otherwise;
}

fcj_state_t fcj_record_state (const fcj_record_t *self)
{
    int state = fcj_state_of (fcj_record_str (self, "state", NULL));
    return state < 0 ? FCJ_FAILED : (fcj_state_t) state;
}

double fcj_record_progress (const fcj_record_t *self)
{
    return fcj_record_state (self) == FCJ_COMPLETED ? 1
        : fcj_record_real (self, "progress", -1);
}

bool fcj_record_visible (const fcj_record_t *record, const char *owner)
{
    const char *whose = fcj_record_str (record, "owner", NULL);
    return whose && fcj_record_str (record, "state", NULL) &&
           (!owner || strcmp (whose, owner) == 0);
}
