/*  watch.c - who watches which job, and how far the running ones are.
 *
 *  What the core has no use for. A job is in this table while it runs or
 *  somebody watches it. Watchers are serials: one whose peer is gone is a free
 *  place, so nobody has to look for them when a peer leaves.  */

#include "broker.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fcj_seen_t **s_seen_at (fcj_broker_t *self, const char *id);

bool
fcj_watch (fcj_broker_t *self, const fcj_peer_t *peer, const char *id)
{
    fcj_seen_t *seen = fcj_seen (self, id, true);
    size_t spare = FCJ_WATCHERS_MAX;
    for (size_t n = 0; seen && n < FCJ_WATCHERS_MAX; n++) {
        if (seen->watchers[n] == peer->serial)
            return true;
        if (!seen->watchers[n]
            || !fcj_peer_serial (self, seen->watchers[n]))
            spare = n;
    }
    if (seen && spare < FCJ_WATCHERS_MAX)
        seen->watchers[spare] = peer->serial;
    return seen && spare < FCJ_WATCHERS_MAX;
}

void
fcj_unwatch (fcj_broker_t *self, const fcj_peer_t *peer, const char *id)
{
    fcj_seen_t *seen = fcj_seen (self, id, false);
    for (size_t n = 0; seen && n < FCJ_WATCHERS_MAX; n++)
        if (seen->watchers[n] == peer->serial)
            seen->watchers[n] = 0;
    if (seen)
        fcj_seen_check (self, seen);
}

fcj_seen_t *
fcj_seen (fcj_broker_t *self, const char *id, bool make)
{
    fcj_seen_t **at = s_seen_at (self, id);
    if (!*at && make) {
        *at = calloc (1, sizeof **at);
        if (*at) {
            snprintf ((*at)->id, sizeof (*at)->id, "%s", id);
            self->seen_count++;
        }
    }
    return *at;
}

static fcj_seen_t **
s_seen_at (fcj_broker_t *self, const char *id)
{
    uint32_t hash = 2166136261u;
    for (const char *c = id; *c; c++)
        hash = (hash ^ (unsigned char) *c) * 16777619u;
    fcj_seen_t **at = &self->seen[hash % FCJ_WATCH_BUCKETS];
    while (*at && strcmp ((*at)->id, id) != 0)
        at = &(*at)->chain;
    return at;
}

void
fcj_seen_check (fcj_broker_t *self, fcj_seen_t *seen)
{
    if (seen->running)
        return;
    for (size_t n = 0; n < FCJ_WATCHERS_MAX; n++)
        if (seen->watchers[n])
            return;
    *s_seen_at (self, seen->id) = seen->chain;
    self->seen_count--;
    free (seen->ask);
    free (seen);
}

void
fcj_seen_destroy (fcj_broker_t *self)
{
    for (size_t n = 0; n < FCJ_WATCH_BUCKETS; n++)
        while (self->seen[n]) {
            fcj_seen_t *seen = self->seen[n];
            self->seen[n] = seen->chain;
            free (seen->ask);
            free (seen);
        }
}
