/*  hooks.c - what the kernel says while it runs, told to the supervisor.
 *
 *  The kernel calls one hook at a time, from any of its threads, so messages
 *  never mix. A recall waits for its answer: nothing else comes from the
 *  supervisor while a job runs.  */

#include "native.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../jobs/job.h"
#include "../../jobs/limits.h"

#define PROGRESS_MS     25      /* the supervisor passes on less still */

static void
s_progress (void *argument, double fraction, const char *message)
{
    fcj_native_job_t *job = argument;
    int64_t now = fcj_mono_ms ();
    if (fraction < 1 && now - job->progress_at < PROGRESS_MS)
        return;
    job->progress_at = now;
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 3);
    fcj_pack_kstr (pack, "type", "progress");
    fcj_pack_kreal (pack, "fraction", fraction);
    fcj_pack_kstr (pack, "message", message ? message : "");
    fcj_native_send (pack);
    fcj_pack_destroy (&pack);
}

static void
s_artifact (void *argument, const char *name, const char *mime)
{
    fcj_native_job_t *job = argument;
    job->artifacts++;
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 4);
    fcj_pack_kstr (pack, "type", "artifact");
    fcj_pack_kstr (pack, "name", name);
    fcj_pack_kstr (pack, "file", name);
    fcj_pack_kstr (pack, "mime", mime);
    fcj_native_send (pack);
    fcj_pack_destroy (&pack);
}

/* ---- The memo ---------------------------------------------------------------- */

static void
s_about_key (const char *type, const char *key, const char *file)
{
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, file ? 3 : 2);
    fcj_pack_kstr (pack, "type", type);
    fcj_pack_kstr (pack, "key", key);
    if (file)
        fcj_pack_kstr (pack, "file", file);
    fcj_native_send (pack);
    fcj_pack_destroy (&pack);
}

static int
s_read_all (int fd, void **data, size_t *size)
{
    struct stat info;
    if (fstat (fd, &info) || info.st_size <= 0
        || info.st_size > FCJ_ARTIFACT_MAX)
        return -1;
    size_t most = (size_t) info.st_size, got = 0;
    char *bytes = malloc (most);
    while (bytes && got < most) {
        ssize_t part = pread (fd, bytes + got, most - got, (off_t) got);
        if (part < 0 && errno == EINTR)
            continue;
        if (part <= 0)
            break;
        got += (size_t) part;
    }
    *data = bytes;
    *size = got;                /* a short one is the kernel's to refuse */
    return bytes ? 0 : -1;
}

static int
s_lookup (void *argument, const char *key, void **data, size_t *size)
{
    (void) argument;
    void *bytes;
    size_t length, n = FCJ_FDS_MAX;
    int fds[FCJ_FDS_MAX];
    s_about_key ("recall", key, NULL);
    if (fcj_native_recv (&bytes, &length, fds, &n))
        return -1;
    fcj_map_t *answer = fcj_map_new (bytes, length);
    bool found = answer && fcj_map_bool (answer, "found", false) && n > 0;
    fcj_map_destroy (&answer);
    free (bytes);
    int done = found ? s_read_all (fds[0], data, size) : -1;
    if (found && done)
        s_about_key ("forget", key, NULL);      /* nothing stands in it */
    for (size_t i = 0; i < n; i++)
        close (fds[i]);
    return done;
}

static int
s_store (void *argument, const char *key, const void *data, size_t size)
{
    fcj_native_job_t *job = argument;
    char path[1500], name[32];
    fcj_error_t error;
    if (size > FCJ_ARTIFACT_MAX)
        return -1;              /* s_lookup would not take it back */
    if (!job->made && fcj_native_make_directory (job, &error))
        return -1;
    snprintf (path, sizeof path, "%s/memo", job->directory);
    if (mkdir (path, 0700) && errno != EEXIST)
        return -1;
    snprintf (name, sizeof name, "%d", job->memo_serial++);
    snprintf (path, sizeof path, "%s/memo/%s", job->directory, name);
    int fd = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t put = fd >= 0 ? write (fd, data, size) : -1;
    if (fd >= 0)
        close (fd);
    if (put != (ssize_t) size) {
        unlink (path);          /* larger than a file may be, say */
        job->memo_serial--;
        *strrchr (path, '/') = 0;
        rmdir (path);           /* when it was the first */
        return -1;
    }
    s_about_key ("remember", key, name);
    return 0;
}

static void
s_reject (void *argument, const char *key)
{
    (void) argument;
    s_about_key ("forget", key, NULL);
}

void
fcj_native_hooks (fcj_native_job_t *job, fcj_kernel_hooks_t *hooks)
{
    memset (hooks, 0, sizeof *hooks);
    hooks->argument = job;
    hooks->progress = s_progress;
    hooks->lookup = s_lookup;
    hooks->store = s_store;
    hooks->reject = s_reject;
    hooks->artifact = s_artifact;
}
