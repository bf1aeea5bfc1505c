/*  run.c - the run message: what the broker sent, the job's limits, and the
 *  blobs that it names as open descriptors, for its sandbox has no store.  */

#include "world.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../jobs/log.h"

#define SEND_MS     1000

typedef struct {
    int fds[FCJ_FDS_MAX];
    fcj_hash_t hashes[FCJ_FDS_MAX];
    size_t n;
} blobs_t;

/*  One that is missing or too many is left out: the job then fails as
 *  `invalid`, naming its input, which says more than we could here.  */
static void
s_open (fcj_world_t *world, fcj_blobs_t *store, blobs_t *blobs,
        const char *hash)
{
    (void) world;
    int64_t size;
    fcj_error_t error;
    for (size_t i = 0; i < blobs->n; i++)
        if (strcmp (blobs->hashes[i], hash) == 0)
            return;
    if (blobs->n == FCJ_FDS_MAX || strlen (hash) != FCJ_HASH_LEN)
        return;
    int fd = fcj_blobs_open (store, hash, &size, &error);
    if (fd < 0)
        return;
    memcpy (blobs->hashes[blobs->n], hash, FCJ_HASH_LEN + 1);
    blobs->fds[blobs->n++] = fd;
}

static void
s_open_key (fcj_world_t *world, fcj_blobs_t *store, blobs_t *blobs,
            const fcj_map_t *map, const char *key)
{
    fcj_hash_t hash;
    if (fcj_map_copy (map, key, hash, sizeof hash) == FCJ_HASH_LEN)
        s_open (world, store, blobs, hash);
}

static void
s_open_artifacts (fcj_world_t *world, fcj_blobs_t *store, blobs_t *blobs,
                  const fcj_map_t *ref)
{
    size_t size, i;
    const char *text = fcj_map_bytes (ref, "artifacts", &size);
    json_t *list = text ? json_loadb (text, size, 0, NULL) : NULL, *item;
    json_array_foreach (list, i, item) {
        const char *hash = json_string_value (json_object_get (item, "hash"));
        if (hash)
            s_open (world, store, blobs, hash);
    }
    json_decref (list);
}

static void
s_open_all (fcj_world_t *world, const fcj_worker_job_t *self, blobs_t *blobs)
{
    const fcj_map_t *refs = fcj_map_map (self->run, "refs");
    size_t count = refs ? fcj_map_count (refs) : 0;
    bool any = count || fcj_map_has (self->spec, "arguments_blob")
               || fcj_map_has (self->spec, "inputs_blob");
    fcj_error_t error;
    fcj_blobs_t *store = any ? fcj_blobs_new (world->options.blobs, &error)
                             : NULL;
    if (!store)
        return;
    s_open_key (world, store, blobs, self->spec, "arguments_blob");
    s_open_key (world, store, blobs, self->spec, "inputs_blob");
    for (size_t i = 0; i < count; i++) {
        const fcj_map_t *ref = fcj_map_map_at (refs, i);
        if (!ref)
            continue;
        s_open_key (world, store, blobs, ref, "result_blob");
        s_open_artifacts (world, store, blobs, ref);
    }
    fcj_blobs_destroy (&store);
}

static void
s_pack_roots (fcj_pack_t *message, const char *roots)
{
    size_t count = 0;
    char *copy = strdup (roots), *rest = NULL;
    for (char *at = strtok_r (copy, ":", &rest); at;
         at = strtok_r (NULL, ":", &rest))
        count++;
    fcj_pack_key (message, "roots");
    fcj_pack_array (message, count);
    strcpy (copy, roots);
    for (char *at = strtok_r (copy, ":", &rest); at;
         at = strtok_r (NULL, ":", &rest))
        fcj_pack_str (message, at);
    free (copy);
}

static fcj_pack_t *
s_message (fcj_world_t *world, const fcj_worker_job_t *self,
           const blobs_t *blobs)
{
    fcj_pack_t *message = fcj_pack_new ();
    bool host = self->process->host;
    fcj_pack_map (message, host ? 12 : self->native ? 11 : 10);
    fcj_pack_kstr (message, "type", "run");
    fcj_pack_kstr (message, "id", self->id);
    fcj_pack_kint (message, "attempt", self->attempt);
    fcj_pack_key (message, "spec");
    fcj_map_repack (self->run, "spec", message);
    fcj_pack_key (message, "refs");
    if (!fcj_map_map (self->run, "refs")
        || fcj_map_repack (self->run, "refs", message))
        fcj_pack_map (message, 0);
    fcj_pack_key (message, "limits");
    fcj_pack_map (message, 7);
    fcj_pack_kint (message, "memory_max", self->memory_max);
    /*  What the zygote had mapped already counts as address space, too; a
     *  native process adds its own.  */
    fcj_pack_kint (message, "address_space", host ? 0 : self->memory_max
                   + (self->native ? 0 : self->process->zygote->base_size));
    fcj_pack_kint (message, "threads", self->width);
    fcj_pack_kint (message, "cpu_s", self->cpu_s);
    fcj_pack_kint (message, "output_max", self->output_max);
    fcj_pack_kint (message, "timeout_s", self->timeout_s);
    fcj_pack_kint (message, "artifact_max", world->options.artifact_max);
    s_pack_roots (message, world->options.roots);
    fcj_pack_key (message, "roots_write");
    fcj_pack_bool (message, world->options.roots_write);
    fcj_pack_kstr (message, "parts", world->options.parts);
    if (host)
        fcj_host_pack_run (world, self, message);
    fcj_pack_key (message, "blobs");
    fcj_pack_map (message, blobs->n);
    for (size_t i = 0; i < blobs->n; i++)
        fcj_pack_kint (message, blobs->hashes[i], (int64_t) i);
    if (self->native)
        fcj_pack_kstr (message, "directory",
                       strrchr (self->scratch, '/') + 1);
    return message;
}

int
fcj_run_send (fcj_world_t *world, fcj_worker_job_t *self)
{
    blobs_t blobs;
    blobs.n = 0;
    s_open_all (world, self, &blobs);
    fcj_pack_t *message = s_message (world, self, &blobs);
    int done = fcj_frame_send (self->process->control,
                               fcj_pack_data (message),
                               fcj_pack_size (message), blobs.fds, blobs.n,
                               SEND_MS);
    fcj_pack_destroy (&message);
    for (size_t i = 0; i < blobs.n; i++)
        close (blobs.fds[i]);
    if (done)
        fcj_log (FCJ_WARNING, "run_not_taken", "id", self->id, NULL);
    return done;
}

int
fcj_run_send_proof (fcj_world_t *world, fcj_process_t *process)
{
    fcj_pack_t *message = fcj_pack_new ();
    fcj_pack_map (message, 8);
    fcj_pack_kstr (message, "type", "run");
    fcj_pack_kstr (message, "id", world->worker);
    fcj_pack_kint (message, "attempt", 1);
    fcj_pack_key (message, "spec");
    fcj_pack_map (message, 5);
    fcj_pack_kstr (message, "id", world->worker);
    fcj_pack_kstr (message, "owner", "service");
    fcj_pack_kstr (message, "tool", "self_check");
    fcj_pack_kstr (message, "lane", "compute");
    fcj_pack_kstr (message, "arguments", "{}");
    fcj_pack_key (message, "refs");
    fcj_pack_map (message, 0);
    fcj_pack_key (message, "limits");
    fcj_pack_map (message, 0);
    fcj_pack_key (message, "roots");
    fcj_pack_array (message, 0);
    fcj_pack_key (message, "blobs");
    fcj_pack_map (message, 0);
    int done = fcj_frame_send (process->control, fcj_pack_data (message),
                               fcj_pack_size (message), NULL, 0, SEND_MS);
    fcj_pack_destroy (&message);
    return done;
}
