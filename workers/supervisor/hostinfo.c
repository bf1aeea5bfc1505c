/*  hostinfo.c - what service_status sees of the window: documents, how old
 *  their snapshots are, what is wrong.  */

#include "host.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "../../jobs/log.h"
#include "hostdir.h"

#define SHOWN_MAX    40         /* documents in `info`, which is bounded */

/* ---- What service_status sees ------------------------------------------- */

static const char *
s_state_name (const fcj_host_t *self)
{
    if (self->paused)
        return "paused";
    if (self->state == FCJ_HOST_UP)
        return "ready";
    return self->error[0] && self->failures ? "failed"
        : self->state == FCJ_HOST_SAVING || self->restored[0] ? "restoring"
        : "starting";
}

/*  When the newest complete snapshot that holds it was taken; 0: none.  */
static int64_t
s_saved_at (const fcj_host_t *self, const char *name)
{
    const fcj_list_t *list = self->saved
        ? fcj_map_list (self->saved, "documents") : NULL;
    char other[FCJ_NAME_MAX + 1];
    for (size_t i = 0; list && i < fcj_list_count (list); i++) {
        const fcj_map_t *one = fcj_list_map (list, i);
        if (one && fcj_map_copy (one, "name", other, sizeof other) > 0
            && strcmp (name, other) == 0)
            return fcj_map_int (self->saved, "at", 0);
    }
    return 0;
}

static void
s_pack_document (const fcj_host_t *self, const fcj_map_t *one,
                 fcj_pack_t *body)
{
    static const char *const keys[] = { "name", "label", "file", "modified",
                                        "objects", "active", "version" };
    char name[FCJ_NAME_MAX + 1] = "";
    if (one)
        fcj_map_copy (one, "name", name, sizeof name);
    fcj_pack_map (body, 8);
    for (size_t i = 0; i < 7; i++) {
        fcj_pack_key (body, keys[i]);
        if (!one || fcj_map_repack (one, keys[i], body))
            fcj_pack_nil (body);
    }
    fcj_pack_kint (body, "snapshot_at", s_saved_at (self, name));
}

void
fcj_host_pack_info (const fcj_world_t *world, fcj_pack_t *body)
{
    const fcj_host_t *self = world->host;
    const fcj_list_t *list = self->documents
        ? fcj_map_list (self->documents, "documents") : NULL;
    size_t all = list ? fcj_list_count (list) : 0;
    size_t count = all > SHOWN_MAX ? SHOWN_MAX : all;
    fcj_pack_key (body, "gui");
    fcj_pack_map (body, self->error[0] ? 9 : 8);
    fcj_pack_kstr (body, "display", world->options.attach >= 0 ? "attached"
                   : self->display.name);
    fcj_pack_kstr (body, "state", s_state_name (self));
    fcj_pack_kbool (body, "attached", world->options.attach >= 0);
    fcj_pack_kbool (body, "holder", self->holder);
    fcj_pack_kint (body, "restarts", self->restarts);
    if (self->error[0])
        fcj_pack_kstr (body, "error", self->error);
    fcj_pack_kint (body, "more_documents", (int64_t) (all - count));
    fcj_pack_key (body, "changes");
    if (!self->documents
        || fcj_map_repack (self->documents, "changes", body))
        fcj_pack_nil (body);
    fcj_pack_key (body, "documents");
    fcj_pack_array (body, count);
    for (size_t i = 0; i < count; i++)
        s_pack_document (self, fcj_list_map (list, i), body);
}

const char *
fcj_host_info (const fcj_world_t *world)
{
    return world->host->info;
}

int
fcj_host_slots (const fcj_world_t *world)
{
    const fcj_host_t *self = world->host;
    return self->state == FCJ_HOST_UP && !self->paused && !self->given_up;
}

bool
fcj_host_busy (const fcj_world_t *world)
{
    return world->host->state != FCJ_HOST_UP || world->host->snapshot;
}

bool
fcj_host_resting (const fcj_world_t *world)
{
    const fcj_process_t *process = world->host->process;
    return process && process->state == FCJ_P_RESTING
        && !world->host->given_up;
}

/* ---- Snapshots ---------------------------------------------------------- */

void
fcj_host_keep (fcj_map_t **map, char **bytes, const fcj_map_t *message,
               const char *const *keys, size_t count)
{
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, count);
    for (size_t i = 0; i < count; i++) {
        fcj_pack_key (pack, keys[i]);
        if (fcj_map_repack (message, keys[i], pack))
            fcj_pack_nil (pack);
    }
    fcj_map_destroy (map);
    free (*bytes);
    size_t size = fcj_pack_size (pack);
    *bytes = malloc (size);
    if (*bytes) {
        memcpy (*bytes, fcj_pack_data (pack), size);
        *map = fcj_map_new (*bytes, size);
    }
    fcj_pack_destroy (&pack);
}

/*  The one that was being written is complete, or never will be.  */
void
fcj_host_look_at_snapshot (fcj_world_t *world)
{
    fcj_host_t *self = world->host;
    if (!self->snapshot)
        return;
    int64_t number = fcj_map_int (self->snapshot, "number", 0);
    pid_t pid = (pid_t) fcj_map_int (self->snapshot, "pid", 0);
    bool done = fcj_hostdir_has (self->snapshots, number);
    if (!done && pid > 0 && kill (pid, 0) == 0)
        return;
    if (done) {
        fcj_map_destroy (&self->saved);
        free (self->saved_bytes);
        self->saved = self->snapshot;
        self->saved_bytes = self->snapshot_bytes;
    } else {
        fcj_log (FCJ_WARNING, "snapshot_failed", NULL);
        fcj_map_destroy (&self->snapshot);
        free (self->snapshot_bytes);
    }
    self->snapshot = NULL;
    self->snapshot_bytes = NULL;
    fcj_link_info (world->link);
}
