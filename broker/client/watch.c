/*  watch.c - the jobs whose EVENTs are wanted.
 *
 *  The broker forgets who watches when it ends; we do not, and tell the next
 *  one.  */

#include "own.h"
#include <stdlib.h>
#include <string.h>

#define WATCHES_MAX     100000

static void s_send_watch (fcj_client_t *self, const char *type,
                          const char *id);
static size_t s_hash (const char *id);

void
fcj_client_watch (fcj_client_t *self, const char *id)
{
    if (fcj_client_watch_add (self, id) && self->up)
        s_send_watch (self, "WATCH", id);
}

void
fcj_client_unwatch (fcj_client_t *self, const char *id)
{
    if (fcj_client_watch_remove (self, id) && self->up)
        s_send_watch (self, "UNWATCH", id);
}

void
fcj_client_watch_again (fcj_client_t *self)
{
    for (size_t n = 0; n < BUCKETS; n++)
        for (watch_t *watch = self->watches[n]; watch; watch = watch->chain)
            s_send_watch (self, "WATCH", watch->id);
}

static void
s_send_watch (fcj_client_t *self, const char *type, const char *id)
{
    fcj_pack_t *pack = fcj_pack_new ();
    if (!pack)
        return;
    fcj_pack_map (pack, 2);
    fcj_pack_kint (pack, "req", 0);
    fcj_pack_kstr (pack, "id", id);
    fcj_client_send (self, type, fcj_pack_data (pack), fcj_pack_size (pack));
    fcj_pack_destroy (&pack);
}

/* ---- The table --------------------------------------------------------- */

bool
fcj_client_watch_add (fcj_client_t *self, const char *id)
{
    watch_t **bucket = &self->watches[s_hash (id)];
    for (watch_t *watch = *bucket; watch; watch = watch->chain)
        if (strcmp (watch->id, id) == 0)
            return true;
    if (self->watch_count >= WATCHES_MAX || strlen (id) != FCJ_ID_LEN)
        return false;
    watch_t *watch = calloc (1, sizeof *watch);
    if (!watch)
        return false;
    memcpy (watch->id, id, FCJ_ID_LEN);
    watch->chain = *bucket;
    *bucket = watch;
    self->watch_count++;
    return true;
}

bool
fcj_client_watch_remove (fcj_client_t *self, const char *id)
{
    for (watch_t **at = &self->watches[s_hash (id)]; *at;
         at = &(*at)->chain)
        if (strcmp ((*at)->id, id) == 0) {
            watch_t *watch = *at;
            *at = watch->chain;
            free (watch);
            self->watch_count--;
            return true;
        }
    return false;
}

static size_t
s_hash (const char *id)
{
    uint32_t hash = 2166136261u;
    for (; *id; id++)
        hash = (hash ^ (unsigned char) *id) * 16777619u;
    return hash % BUCKETS;
}

void
fcj_client_watch_free (fcj_client_t *self)
{
    for (size_t n = 0; n < BUCKETS; n++)
        while (self->watches[n]) {
            watch_t *watch = self->watches[n];
            self->watches[n] = watch->chain;
            free (watch);
        }
}
