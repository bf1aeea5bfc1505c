/*  output.c - what a job writes to stdout and stderr: all of it into a file
 *  that others may follow, its end into memory for the record, and no more
 *  than it may write.  */

#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../jobs/log.h"

static const char *const s_stream[2] = { "stdout", "stderr" };

static void
s_open_output (fcj_world_t *world, fcj_worker_job_t *self, int which)
{
    char path[PATH_MAX];
    if (!self->live) {
        /*  So that who cleans up after us knows what to remove.  */
        snprintf (path, sizeof path, "%s/live-%s", world->root, self->id);
        int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0)
            close (fd);
        snprintf (path, sizeof path, "%s/%s", world->options.live, self->id);
        mkdir (path, 0700);
        self->live = true;
    }
    snprintf (path, sizeof path, "%s/%s/%s", world->options.live, self->id,
              s_stream[which]);
    self->output[which].fd = open (path, O_RDWR | O_CREAT | O_TRUNC
                                   | O_CLOEXEC | O_NOFOLLOW, 0600);
    self->output[which].tail = malloc (2 * FCJ_TAIL_MAX);
}

static void
s_keep_tail (fcj_output_t *output, const char *bytes, size_t size)
{
    if (!output->tail)
        return;
    if (size > FCJ_TAIL_MAX) {
        bytes += size - FCJ_TAIL_MAX;
        size = FCJ_TAIL_MAX;
    }
    if (output->tail_size + size > 2 * FCJ_TAIL_MAX) {
        size_t keep = FCJ_TAIL_MAX;
        memmove (output->tail, output->tail + output->tail_size - keep, keep);
        output->tail_size = keep;
    }
    memcpy (output->tail + output->tail_size, bytes, size);
    output->tail_size += size;
}

void
fcj_job_on_bytes (fcj_world_t *world, fcj_worker_job_t *self, int which,
                  const char *bytes, size_t size)
{
    fcj_output_t *output = &self->output[which];
    int64_t left = self->output_max - self->output[0].size
                   - self->output[1].size;
    bool flood = (int64_t) size > left;
    if (flood)
        size = left > 0 ? (size_t) left : 0;
    if (size && output->fd < 0)
        s_open_output (world, self, which);
    if (size && write (output->fd, bytes, size) != (ssize_t) size)
        fcj_log (FCJ_WARNING, "output_lost", "id", self->id, "why",
                 strerror (errno), NULL);
    s_keep_tail (output, bytes, size);
    output->size += (int64_t) size;
    if (flood)
        fcj_job_stop (world, self, FCJ_OUTPUT_LIMIT);
}
