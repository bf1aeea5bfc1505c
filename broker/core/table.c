/*  table.c - jobs by id, owners by name.
 *
 *  Ids and tokens are 16 bytes here, and text outside. The table is as large
 *  as the queue may become, so it never grows. An owner is there as long as
 *  one of his jobs is, with his own queue for each lane and priority.
 *
 *  What a job leaves behind (its bytes, its list of dependencies, its owner)
 *  is freed by the next step: actions of this one may point at it.  */

#include "world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t s_bucket (const fcj_core_t *self, const uint8_t id[16]);
static owner_t *s_owner_get (fcj_core_t *self, const char *name);
static owner_t **s_owner_at (fcj_core_t *self, const char *name);
static void s_owner_leave (fcj_core_t *self, owner_t *owner);
static void s_owner_free (fcj_core_t *self);
static int s_hex (int c);

job_t *
fcj_table_find (const fcj_core_t *self, const char *id)
{
    uint8_t binary[16];
    return fcj_binary_of (id, binary) == 0
           ? fcj_table_find_binary (self, binary) : NULL;
}

job_t *
fcj_table_find_binary (const fcj_core_t *self, const uint8_t id[16])
{
    job_t *job = self->jobs[s_bucket (self, id)];
    while (job && memcmp (job->id, id, 16) != 0)
        job = job->chain;
    return job;
}

job_t *
fcj_table_find_of (const fcj_core_t *self, const char *id, const char *owner)
{
    job_t *job = fcj_table_find (self, id);
    return job && (!owner || strcmp (job->owner->name, owner) == 0) ? job
           : NULL;
}

job_t *
fcj_table_add (fcj_core_t *self, const fcj_event_t *event,
               const uint8_t id[16])
{
    job_t *job = fcj_must_alloc (sizeof *job);
    memcpy (job->id, id, 16);
    job_t **bucket = &self->jobs[s_bucket (self, id)];
    job->chain = *bucket;
    *bucket = job;
    job->owner = s_owner_get (self, event->owner);
    job->owner->live++;
    job->lane = (unsigned) event->lane & 3;
    job->priority = (unsigned) event->priority & 3;
    fcj_phase_first (self, job, STORING);
    fcj_depend_new (job, event->deps, event->dep_count);
    self->counts.live++;
    return job;
}

void
fcj_table_remove (fcj_core_t *self, job_t *job)
{
    fcj_phase_last (self, job);
    fcj_slot_detach (job);
    job_t **at = &self->jobs[s_bucket (self, job->id)];
    while (*at != job)
        at = &(*at)->chain;
    *at = job->chain;
    fcj_table_drop_bytes (self, job);
    fcj_depend_forget (job);
    free (self->used_deps);
    self->used_deps = job->deps;
    fcj_request_forget (job);
    s_owner_leave (self, job->owner);
    self->counts.live--;
    free (job);
}

void
fcj_table_drop_bytes (fcj_core_t *self, job_t *job)
{
    if (!job->bytes)
        return;
    /*  A step ends at most one job that carries bytes.  */
    free (self->used);
    self->used = job->bytes;
    job->bytes = NULL;
}

void
fcj_table_clean (fcj_core_t *self)
{
    free (self->used);
    self->used = NULL;
    free (self->used_deps);
    self->used_deps = NULL;
    s_owner_free (self);
}

static size_t
s_bucket (const fcj_core_t *self, const uint8_t id[16])
{
    uint64_t low, high;
    memcpy (&low, id, 8);
    memcpy (&high, id + 8, 8);
    return (size_t) ((low ^ (high * 0x9e3779b97f4a7c15u)) >> 7)
           & (self->buckets - 1);
}

/* ---- Owners ------------------------------------------------------------ */

size_t
fcj_table_owned (fcj_core_t *self, const char *owner)
{
    owner_t *known = *s_owner_at (self, owner);
    return known ? known->live : 0;
}

static owner_t *
s_owner_get (fcj_core_t *self, const char *name)
{
    owner_t **at = s_owner_at (self, name);
    if (!*at) {
        *at = fcj_must_alloc (sizeof (owner_t) + strlen (name) + 1);
        strcpy ((*at)->name, name);
    }
    return *at;
}

static owner_t **
s_owner_at (fcj_core_t *self, const char *name)
{
    uint32_t hash = 2166136261u;
    for (const char *c = name; *c; c++)
        hash = (hash ^ (unsigned char) *c) * 16777619u;
    owner_t **at = &self->owners[(hash ^ hash >> 15) % OWNER_BUCKETS];
    while (*at && strcmp ((*at)->name, name) != 0)
        at = &(*at)->chain;
    return at;
}

/*  Actions of this step may still name the owner: it goes with the next.  */
static void
s_owner_leave (fcj_core_t *self, owner_t *owner)
{
    if (--owner->live == 0)
        self->leaving = owner;
}

static void
s_owner_free (fcj_core_t *self)
{
    owner_t *owner = self->leaving;
    self->leaving = NULL;
    if (!owner || owner->live)
        return;
    *s_owner_at (self, owner->name) = owner->chain;
    free (owner);
}

/* ---- Ids and tokens ---------------------------------------------------- */

int
fcj_binary_of (const char *text, uint8_t out[16])
{
    size_t n = 0;
    for (; text && *text && n < 32; text++) {
        if (*text == '-')
            continue;
        int value = s_hex (*text);
        if (value < 0)
            return -1;
        out[n / 2] = (uint8_t) (n % 2 ? out[n / 2] | value : value << 4);
        n++;
    }
    return n == 32 && !*text ? 0 : -1;
}

static int
s_hex (int c)
{
    return c >= '0' && c <= '9' ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void
fcj_core_id_text (const uint8_t id[16], fcj_id_t text)
{
    char *at = text;
    for (int n = 0; n < 16; n++) {
        if (n == 4 || n == 6 || n == 8 || n == 10)
            *at++ = '-';
        *at++ = "0123456789abcdef"[id[n] >> 4];
        *at++ = "0123456789abcdef"[id[n] & 15];
    }
    *at = 0;
}

void
fcj_token_text (const uint8_t token[16], fcj_token_t text)
{
    for (int n = 0; n < 16; n++) {
        text[2 * n] = "0123456789abcdef"[token[n] >> 4];
        text[2 * n + 1] = "0123456789abcdef"[token[n] & 15];
    }
    text[FCJ_TOKEN_LEN] = 0;
}

bool
fcj_token_is (const job_t *job, const char *token)
{
    uint8_t binary[16];
    return job && job->tokened && fcj_binary_of (token, binary) == 0
           && memcmp (job->token, binary, 16) == 0;
}

/* ---- Memory ------------------------------------------------------------ */

/*  Memory is bounded by queue_max; without it there is no way on.  */
void *
fcj_must_alloc (size_t size)
{
    void *memory = calloc (1, size);
    if (!memory) {
        fputs ("fcj-broker: out of memory\n", stderr);
        abort ();
    }
    return memory;
}
