/*  recall.c - the memo, for the job process that asks (workers/PROTOCOL.md
 *  "Memo"); memo.c keeps it.  */

#include "world.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
s_answer_recall (fcj_process_t *process, const char *key, int fd)
{
    fcj_pack_t *answer = fcj_pack_new ();
    fcj_pack_map (answer, 3);
    fcj_pack_kstr (answer, "type", "recalled");
    fcj_pack_kstr (answer, "key", key);
    fcj_pack_kbool (answer, "found", fd >= 0);
    if (fcj_frame_send (process->control, fcj_pack_data (answer),
                        fcj_pack_size (answer), &fd, fd >= 0, FCJ_ANSWER_MS))
        fcj_process_break (process);
    fcj_pack_destroy (&answer);
}

/*  Entries are the owner's of the job, whoever the process says it works
 *  for; the key only goes into a hash.  */
void
fcj_recall_on_message (fcj_world_t *world, fcj_process_t *process,
           fcj_worker_job_t *self, const char *type,
           const fcj_map_t *message)
{
    char key[FCJ_HASH_LEN + 1], owner[FCJ_NAME_MAX + 1] = "";
    char file[FCJ_NAME_MAX + 1], path[FCJ_NAME_MAX + 64];
    bool recall = strcmp (type, "recall") == 0;
    bool remember = strcmp (type, "remember") == 0;
    if (!recall && !remember && strcmp (type, "forget") != 0)
        return;
    if (!process->native
        || fcj_map_copy (message, "key", key, sizeof key) != FCJ_HASH_LEN)
        return;
    fcj_map_copy (self->spec, "owner", owner, sizeof owner);
    if (recall) {
        int fd = fcj_memo_recall (world->memo, owner, key);
        s_answer_recall (process, key, fd);
        if (fd >= 0)
            close (fd);
    } else if (!remember)
        fcj_memo_forget (world->memo, owner, key);
    else if (fcj_map_copy (message, "file", file, sizeof file) > 0
             && fcj_plain_name (file)) {
        snprintf (path, sizeof path, "%s/memo/%s",
                  strrchr (self->scratch, '/') + 1, file);
        fcj_ingest_remember (world->ingest, world->memo, owner, key,
                             process->scratch, path, self->uid);
        self->files = true;
    }
}
