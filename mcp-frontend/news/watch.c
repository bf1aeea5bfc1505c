/*  watch.c - a table of jobs by the first digits of their ids, which are
 *  random, so that an event costs the same with a thousand streams open.  */

#include <stdlib.h>
#include <string.h>
#include "../front.h"
#include "watch.h"

#define BUCKETS 4096            /* three hex digits */

struct fcj_watch {
    LIST_ENTRY (fcj_watch) next;
    fcj_front_t *front;
    fcj_id_t job;
    fcj_watch_fn *fn;
    void *arg;
};
LIST_HEAD (bucket, fcj_watch);

struct fcj_watches {
    struct bucket buckets[BUCKETS];
    fcj_watch_t *at;            /* the next one to be told, in an event */
};

fcj_watches_t *fcj_watches_new (void)
{
    fcj_watches_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    return self;
}

void fcj_watches_destroy (fcj_watches_t **self_p)
{
    free (*self_p);             /* its watches belong to others */
    *self_p = NULL;
}

static struct bucket *s_bucket (fcj_watches_t *self, const char *job)
{
    char digits[4] = "";
    for (int n = 0; n < 3 && job[n]; n++)
        digits[n] = job[n];     /* an event may bring anything */
    return &self->buckets[strtoul (digits, NULL, 16) % BUCKETS];
}

static fcj_watch_t *s_next (fcj_watch_t *from, const char *job)
{
    while (from && strcmp (from->job, job) != 0)
        from = LIST_NEXT (from, next);
    return from;
}

void fcj_watches_event (fcj_watches_t *self, const char *job,
                        const fcj_map_t *event)
{
    fcj_watch_t *one = s_next (LIST_FIRST (s_bucket (self, job)), job);
    while (one) {
        self->at = s_next (LIST_NEXT (one, next), job);
        one->fn (one->arg, job, event);
        one = self->at;         /* moved on if that one was destroyed */
    }
    self->at = NULL;
}

fcj_watch_t *fcj_watch_new (fcj_front_t *front, const char *job,
                            fcj_watch_fn *fn, void *arg)
{
    struct bucket *bucket = s_bucket (front->watches, job);
    fcj_watch_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->front = front;
    self->fn = fn;
    self->arg = arg;
    memcpy (self->job, job, FCJ_ID_LEN);
    bool first = !s_next (LIST_FIRST (bucket), job);
    LIST_INSERT_HEAD (bucket, self, next);
    if (first && front->client)
        fcj_client_watch (front->client, job);
    return self;
}

void fcj_watch_destroy (fcj_watch_t **self_p)
{
    fcj_watch_t *self = *self_p;
    if (!self)
        return;
    fcj_front_t *front = self->front;
    if (front->watches->at == self)
        front->watches->at = s_next (LIST_NEXT (self, next), self->job);
    LIST_REMOVE (self, next);
    if (front->client
        && !s_next (LIST_FIRST (s_bucket (front->watches, self->job)),
                    self->job))
        fcj_client_unwatch (front->client, self->job);
    free (self);
    *self_p = NULL;
}
