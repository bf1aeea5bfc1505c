/*  memo.c - results of native steps, by owner and content.
 *
 *  An entry is one file, named by the hash of its owner and its key, so that
 *  no owner's entry is ever another's. What stands in it is the kernel's
 *  business: it carries its own key and checksum, and who reads it looks.
 *  Hence no fsync, and a crash in the middle costs one entry. The time of
 *  the file is that of its last use; when there is too much, the oldest go,
 *  down to nine tenths, so that this is not done for each new one.
 *
 *  Recalled in the loop's thread, kept and evicted in ingest.c's; several
 *  workers may share the directory.  */

#include "world.h"

#include <dirent.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../common/beneath.h"

#define NAME_LEN    64
#define COPY_SIZE   (256 * 1024)
#define LEFT        0.9         /* of the bound, after eviction */
#define NEW         "new."      /* begins the name of a half-written one */
#define NEW_S       3600        /* whose worker must be dead by then */
#define ENTRY_PART  4           /* one entry: a quarter of all at most */

struct fcj_memo {
    int folder;                 /* -1: nothing is kept */
    int64_t most;
    atomic_llong hits, misses, stored, evicted, broken, entries, bytes;
};

typedef struct {
    char name[NAME_LEN + 1];
    int64_t size, used;         /* bytes; ns since 1970 */
} entry_t;

static void
s_name (const char *owner, const char *key, char name[NAME_LEN + 1])
{
    unsigned char hash[NAME_LEN / 2];
    crypto_generichash_state state;
    crypto_generichash_init (&state, NULL, 0, sizeof hash);
    crypto_generichash_update (&state, (const unsigned char *) owner,
                               strlen (owner) + 1);
    crypto_generichash_update (&state, (const unsigned char *) key,
                               strlen (key));
    crypto_generichash_final (&state, hash, sizeof hash);
    sodium_bin2hex (name, NAME_LEN + 1, hash, sizeof hash);
}

/* ---- Too much ------------------------------------------------------------- */

static int
s_by_use (const void *a, const void *b)
{
    const entry_t *one = a, *other = b;
    return one->used < other->used ? -1 : one->used > other->used;
}

/*  Every entry; the caller's to free. Half-written files of dead workers go. */
static entry_t *
s_entries (const fcj_memo_t *self, size_t *count)
{
    entry_t *list = NULL;
    size_t room = 0;
    *count = 0;
    int fd = openat (self->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *all = fd >= 0 ? fdopendir (fd) : NULL;
    struct dirent *file;
    while (all && (file = readdir (all))) {
        struct stat info;
        bool new = strncmp (file->d_name, NEW, strlen (NEW)) == 0;
        if ((!new && strlen (file->d_name) != NAME_LEN)
            || fstatat (self->folder, file->d_name, &info,
                        AT_SYMLINK_NOFOLLOW))
            continue;
        if (new) {
            if (info.st_mtim.tv_sec < time (NULL) - NEW_S)
                unlinkat (self->folder, file->d_name, 0);
            continue;
        }
        if (*count == room) {
            room = room ? 2 * room : 256;
            entry_t *more = realloc (list, room * sizeof *list);
            if (!more)
                break;
            list = more;
        }
        entry_t *one = &list[(*count)++];
        memcpy (one->name, file->d_name, NAME_LEN + 1);
        one->size = info.st_size;
        one->used = info.st_mtim.tv_sec * 1000000000L + info.st_mtim.tv_nsec;
    }
    if (all)
        closedir (all);
    return list;
}

static void
s_evict (fcj_memo_t *self)
{
    size_t count, n = 0;
    int64_t sum = 0;
    entry_t *list = s_entries (self, &count);
    for (size_t i = 0; i < count; i++)
        sum += list[i].size;
    if (count && sum > self->most)
        qsort (list, count, sizeof *list, s_by_use);
    int64_t left = sum > self->most ? (int64_t) (LEFT * (double) self->most)
                                    : sum;
    for (; n < count && sum > left; n++)
        if (unlinkat (self->folder, list[n].name, 0) == 0)
            sum -= list[n].size;
    atomic_fetch_add (&self->evicted, (long long) n);
    atomic_store (&self->entries, (long long) (count - n));
    atomic_store (&self->bytes, sum);
    free (list);
}

/* ---- Outside ---------------------------------------------------------------- */

fcj_memo_t *
fcj_memo_new (const char *path, int64_t most, fcj_error_t *error)
{
    fcj_memo_t *self = calloc (1, sizeof *self);
    if (!self || sodium_init () < 0) {
        free (self);
        fcj_fail (error, FCJ_INTERNAL, "out of memory");
        return NULL;
    }
    self->most = most;
    self->folder = most ? open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW
                                      | O_CLOEXEC) : -1;
    if (self->folder >= 0)
        s_evict (self);
    return self;
}

void
fcj_memo_destroy (fcj_memo_t **self_p)
{
    if (!*self_p)
        return;
    if ((*self_p)->folder >= 0)
        close ((*self_p)->folder);
    free (*self_p);
    *self_p = NULL;
}

int
fcj_memo_recall (fcj_memo_t *self, const char *owner, const char *key)
{
    char name[NAME_LEN + 1];
    s_name (owner, key, name);
    int fd = self->folder < 0 ? -1
        : openat (self->folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    atomic_fetch_add (fd < 0 ? &self->misses : &self->hits, 1);
    if (fd >= 0)
        futimens (fd, NULL);
    return fd;
}

/*  What is copied is a stranger's file, in a stranger's directories: a
 *  regular one, of that user, and no link leads to it.  */
static int
s_open (const char *folder, const char *path, uid_t uid, int64_t most,
        int64_t *size)
{
    struct stat info;
    int fd = fcj_open_beneath (folder, path);
    if (fd >= 0 && fstat (fd, &info) == 0 && S_ISREG (info.st_mode)
        && (uid == (uid_t) -1 || info.st_uid == uid)
        && info.st_size <= most) {
        *size = info.st_size;
        return fd;
    }
    if (fd >= 0)
        close (fd);
    return -1;
}

static bool
s_copy (int from, int to, int64_t size)
{
    char *buffer = malloc (COPY_SIZE);
    int64_t done = 0;
    while (buffer && done < size) {
        ssize_t got = read (from, buffer, COPY_SIZE);
        if (got <= 0 || done + got > size || write (to, buffer, (size_t) got)
            != got)
            break;
        done += got;
    }
    free (buffer);
    return done == size;
}

void
fcj_memo_keep (fcj_memo_t *self, const char *owner, const char *key,
               const char *folder, const char *path, uid_t uid)
{
    char name[NAME_LEN + 1], new[NAME_LEN];
    int64_t size = 0;
    int from = self->folder < 0 ? -1
        : s_open (folder, path, uid, self->most / ENTRY_PART, &size);
    if (from < 0)
        return;
    s_name (owner, key, name);
    /*  By chance, not by pid: workers in containers may all have the same. */
    snprintf (new, sizeof new, NEW "%08x%08x", randombytes_random (),
              randombytes_random ());
    int to = openat (self->folder, new, O_WRONLY | O_CREAT | O_EXCL
                     | O_CLOEXEC, 0600);
    bool good = to >= 0 && s_copy (from, to, size)
        && renameat (self->folder, new, self->folder, name) == 0;
    if (to >= 0)
        close (to);
    close (from);
    if (!good) {
        unlinkat (self->folder, new, 0);
        return;
    }
    atomic_fetch_add (&self->stored, 1);
    atomic_fetch_add (&self->entries, 1);
    if (atomic_fetch_add (&self->bytes, size) + size > self->most)
        s_evict (self);
}

void
fcj_memo_forget (fcj_memo_t *self, const char *owner, const char *key)
{
    char name[NAME_LEN + 1];
    s_name (owner, key, name);
    if (self->folder < 0 || unlinkat (self->folder, name, 0))
        return;
    atomic_fetch_add (&self->broken, 1);
    atomic_fetch_add (&self->entries, -1);
}

void
fcj_memo_counts (const fcj_memo_t *self, fcj_memo_counts_t *counts)
{
    counts->hits = atomic_load (&self->hits);
    counts->misses = atomic_load (&self->misses);
    counts->stored = atomic_load (&self->stored);
    counts->evicted = atomic_load (&self->evicted);
    counts->broken = atomic_load (&self->broken);
    counts->entries = atomic_load (&self->entries);
    counts->bytes = atomic_load (&self->bytes);
}
