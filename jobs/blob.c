/*  blob.c - the directory store of blobs.
 *
 *  Bytes are written to a temporary file in the root, hashed while they pass,
 *  fsynced and renamed to their name, so a name never stands for half a blob.
 *  All opening goes through directory descriptors without following links,
 *  so nothing that was planted below the root can lead out of it.
 *
 *  A sweep must not remove what somebody is putting again at that moment:
 *  put touches or renames under a shared lock of the blob's directory, and
 *  sweep looks at the age and unlinks under an exclusive one.  */

#include "blob.h"
#include "job.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (128 * 1024)

struct fcj_blobs {
    int root;
};

fcj_blobs_t *fcj_blobs_new (const char *root, fcj_error_t *error)
{
    if (mkdir (root, 0700) < 0 && errno != EEXIST) {
        fcj_fail (error, FCJ_INTERNAL, "Cannot make the blob store %.200s: %s",
                  root, strerror (errno));
        return NULL;
    }
    int fd = open (root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        fcj_fail (error, FCJ_INTERNAL, "Cannot open the blob store %.200s: %s",
                  root, strerror (errno));
        return NULL;
    }
    fcj_blobs_t *self = calloc (1, sizeof (*self));
    if (!self)
        abort ();
    self->root = fd;
    return self;
}

void fcj_blobs_destroy (fcj_blobs_t **self_p)
{
    if (!*self_p)
        return;
    close ((*self_p)->root);
    free (*self_p);
    *self_p = NULL;
}

/* ---- Names -------------------------------------------------------------- */

static bool s_valid (const char *hash)
{
    return hash && strlen (hash) == FCJ_HASH_LEN &&
           strspn (hash, "0123456789abcdef") == FCJ_HASH_LEN;
}

/*  The directory of a blob, -1 when missing (and make is false).  */
static int s_dir (const fcj_blobs_t *self, const char *hash, bool make)
{
    char name[3] = {hash[0], hash[1], 0};
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat (self->root, name, flags);
    if (fd < 0 && errno == ENOENT && make) {
        if (mkdirat (self->root, name, 0700) == 0)
            fsync (self->root);
        else if (errno != EEXIST)
            return -1;
        fd = openat (self->root, name, flags);
    }
    return fd;
}

/*  Waits for the lock, whatever signals come.  */
static void s_lock (int dir, int how)
{
    while (flock (dir, how) < 0 && errno == EINTR)
        continue;
}

/* ---- Putting ------------------------------------------------------------ */

static int s_write_all (int fd, const char *bytes, size_t size)
{
    while (size) {
        ssize_t done = write (fd, bytes, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -1;
        bytes += done;
        size -= (size_t) done;
    }
    return 0;
}

typedef struct {
    char name[40];
    int fd;
} s_temporary_t;

static int s_temporary (fcj_blobs_t *self, s_temporary_t *out)
{
    fcj_token_t random;
    fcj_token_new (random);
    snprintf (out->name, sizeof (out->name), "tmp-%s", random);
    out->fd = openat (self->root, out->name,
                      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                      0600);
    return out->fd < 0 ? -1 : 0;
}

/*  True when the blob is there already and is young again now.  */
static bool s_touch (int dir, const char *name, int64_t size)
{
    struct stat status;
    return fstatat (dir, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG (status.st_mode) && status.st_size == size &&
           utimensat (dir, name, NULL, AT_SYMLINK_NOFOLLOW) == 0;
}

/*  Gives the temporary file its name, or drops it for the same blob.  */
static int s_settle (fcj_blobs_t *self, s_temporary_t *file, const char *hash,
                     int64_t size)
{
    int dir = s_dir (self, hash, true);
    if (dir < 0)
        return -1;
    s_lock (dir, LOCK_SH);
    int result = 0;
    if (s_touch (dir, hash + 2, size))
        unlinkat (self->root, file->name, 0);
    else if (fsync (file->fd) < 0 ||
             renameat (self->root, file->name, dir, hash + 2) < 0 ||
             fsync (dir) < 0)
        result = -1;
    int kept = errno;
    close (dir);                /* and with it the lock */
    errno = kept;
    return result;
}

static int s_finish (fcj_blobs_t *self, s_temporary_t *file, int result,
                     fcj_error_t *error)
{
    int why = errno;
    close (file->fd);
    if (result == 0)
        return 0;
    unlinkat (self->root, file->name, 0);
    return fcj_fail (error, FCJ_INTERNAL, "Cannot write to the blob store: "
                     "%s", strerror (why));
}

int fcj_blobs_put (fcj_blobs_t *self, const void *bytes, size_t size,
                   fcj_hash_t hash, fcj_error_t *error)
{
    unsigned char digest[FCJ_HASH_LEN / 2];
    crypto_generichash (digest, sizeof (digest), bytes, size, NULL, 0);
    sodium_bin2hex (hash, FCJ_HASH_LEN + 1, digest, sizeof (digest));
    int dir = s_dir (self, hash, false);
    if (dir >= 0) {
        s_lock (dir, LOCK_SH);
        bool there = s_touch (dir, hash + 2, (int64_t) size);
        close (dir);
        if (there)
            return 0;
    }
    s_temporary_t file;
    if (s_temporary (self, &file) < 0)
        return fcj_fail (error, FCJ_INTERNAL, "Cannot write to the blob "
                         "store: %s", strerror (errno));
    int result = s_write_all (file.fd, bytes, size);
    if (result == 0)
        result = s_settle (self, &file, hash, (int64_t) size);
    return s_finish (self, &file, result, error);
}

/*  Copies and hashes; -1 with errno, EFBIG past max.  */
static int s_copy (int from, int to, int64_t max, fcj_hash_t hash,
                   int64_t *size)
{
    crypto_generichash_state state;
    unsigned char digest[FCJ_HASH_LEN / 2];
    char *chunk = malloc (CHUNK);
    if (!chunk)
        abort ();
    crypto_generichash_init (&state, NULL, 0, sizeof (digest));
    ssize_t got = 0;
    for (*size = 0;; *size += got) {
        got = pread (from, chunk, CHUNK, *size);
        if (got < 0 && errno == EINTR)
            got = 0;
        else if (got <= 0)
            break;
        if (*size + got > max) {
            errno = EFBIG;
            got = -1;
            break;
        }
        crypto_generichash_update (&state, (unsigned char *) chunk,
                                   (unsigned long long) got);
        if (s_write_all (to, chunk, (size_t) got) < 0) {
            got = -1;
            break;
        }
    }
    int kept = errno;
    free (chunk);
    crypto_generichash_final (&state, digest, sizeof (digest));
    sodium_bin2hex (hash, FCJ_HASH_LEN + 1, digest, sizeof (digest));
    errno = kept;
    return got < 0 ? -1 : 0;
}

int fcj_blobs_put_fd (fcj_blobs_t *self, int fd, int64_t max, fcj_hash_t hash,
                      int64_t *size, fcj_error_t *error)
{
    struct stat status;
    int64_t copied = 0;
    if (fstat (fd, &status) < 0 || !S_ISREG (status.st_mode))
        return fcj_fail (error, FCJ_INVALID, "This is not a regular file");
    s_temporary_t file;
    bool fits = status.st_size <= max;
    if (fits && s_temporary (self, &file) < 0)
        return fcj_fail (error, FCJ_INTERNAL, "Cannot write to the blob "
                         "store: %s", strerror (errno));
    if (fits) {
        int result = s_copy (fd, file.fd, max, hash, &copied);
        fits = result == 0 || errno != EFBIG;
        if (result == 0)
            result = s_settle (self, &file, hash, copied);
        if (s_finish (self, &file, result, error) < 0 && fits)
            return -1;
    }
    if (!fits)
        return fcj_fail (error, FCJ_OUTPUT_LIMIT, "The file is larger than "
                         "%lld bytes", (long long) max);
    if (size)
        *size = copied;
    return 0;
}

/* ---- Reading ------------------------------------------------------------ */

int fcj_blobs_open (fcj_blobs_t *self, const char *hash, int64_t *size,
                    fcj_error_t *error)
{
    struct stat status;
    int fd = -1;
    int dir = s_valid (hash) ? s_dir (self, hash, false) : -1;
    if (dir >= 0) {
        fd = openat (dir, hash + 2,
                     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        close (dir);
    }
    if (fd < 0 || fstat (fd, &status) < 0 || !S_ISREG (status.st_mode)) {
        if (fd >= 0)
            close (fd);
        return fcj_fail (error, FCJ_NOT_FOUND, "There is no blob %.64s; it "
                         "may be past its retention", hash ? hash : "");
    }
    if (size)
        *size = status.st_size;
    return fd;
}

/*  Putting trusts what lies there, so what is damaged has to go: else putting
 *  it again would change nothing. It stays when it is another file by now.  */
static void s_discard (fcj_blobs_t *self, const char *hash, int fd)
{
    struct stat ours, theirs;
    int dir = s_dir (self, hash, false);
    if (dir < 0)
        return;
    s_lock (dir, LOCK_EX);
    if (fstat (fd, &ours) == 0 &&
        fstatat (dir, hash + 2, &theirs, AT_SYMLINK_NOFOLLOW) == 0 &&
        ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev)
        unlinkat (dir, hash + 2, 0);
    close (dir);
}

static bool s_matches (const char *hash, const char *bytes, size_t size)
{
    unsigned char digest[FCJ_HASH_LEN / 2];
    fcj_hash_t found;
    crypto_generichash (digest, sizeof (digest), (const unsigned char *) bytes,
                        size, NULL, 0);
    sodium_bin2hex (found, sizeof (found), digest, sizeof (digest));
    return strcmp (found, hash) == 0;
}

char *fcj_blobs_read (fcj_blobs_t *self, const char *hash, size_t max,
                      size_t *size, fcj_error_t *error)
{
    int64_t length;
    int fd = fcj_blobs_open (self, hash, &length, error);
    if (fd < 0)
        return NULL;
    if (length > (int64_t) max) {
        close (fd);
        fcj_fail (error, FCJ_TOO_LARGE, "The blob has %lld bytes, more than "
                  "the %zu that are read at once", (long long) length, max);
        return NULL;
    }
    char *bytes = malloc ((size_t) length + 1);
    if (!bytes)
        abort ();
    size_t got = 0;
    ssize_t n = 1;
    while (got < (size_t) length && n != 0) {
        n = read (fd, bytes + got, (size_t) length - got);
        if (n < 0 && errno != EINTR)
            break;
        got += n > 0 ? (size_t) n : 0;
    }
    bool whole = got == (size_t) length && s_matches (hash, bytes, got);
    if (!whole && n >= 0)       /* it was read, and is not what it says */
        s_discard (self, hash, fd);
    close (fd);
    if (!whole) {
        free (bytes);
        fcj_fail (error, FCJ_INTERNAL, "The blob %.64s is damaged on disk; "
                  "run the job again", hash);
        return NULL;
    }
    bytes[got] = 0;
    if (size)
        *size = got;
    return bytes;
}

/* ---- Sweeping ----------------------------------------------------------- */

static bool s_old (int dir, const char *name, int64_t before_ms)
{
    struct stat status;
    if (fstatat (dir, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return false;
    int64_t at = (int64_t) status.st_mtim.tv_sec * 1000 +
                 status.st_mtim.tv_nsec / 1000000;
    return at < before_ms;
}

typedef struct {
    int64_t before_ms;
    int (*keep) (const char *hash, void *arg);
    void *arg;
    const char *prefix;         /* two digits, "" for the root */
} s_sweep_t;

static bool s_swept (const s_sweep_t *sweep, int dir, const char *name)
{
    bool temporary = strncmp (name, "tmp-", 4) == 0 && !*sweep->prefix;
    char hash[FCJ_HASH_LEN + 8];
    snprintf (hash, sizeof (hash), "%s%.70s", sweep->prefix, name);
    if (!temporary && (!*sweep->prefix || !s_valid (hash)))
        return false;
    if (!s_old (dir, name, sweep->before_ms) ||
        (!temporary && sweep->keep && sweep->keep (hash, sweep->arg)))
        return false;
    s_lock (dir, LOCK_EX);      /* it may have been put again meanwhile */
    bool gone = s_old (dir, name, sweep->before_ms) &&
                unlinkat (dir, name, 0) == 0;
    s_lock (dir, LOCK_UN);
    return gone;
}

/*  Takes over the descriptor; returns how many went.  */
static int s_sweep_dir (const s_sweep_t *sweep, int dir)
{
    DIR *list = dir < 0 ? NULL : fdopendir (dir);
    if (!list) {
        if (dir >= 0)
            close (dir);
        return 0;
    }
    int count = 0;
    struct dirent *entry;
    while ((entry = readdir (list)) != NULL)
        if (entry->d_name[0] != '.' && s_swept (sweep, dir, entry->d_name))
            count++;
    closedir (list);
    return count;
}

int fcj_blobs_sweep (fcj_blobs_t *self, int64_t before_ms,
                     int (*keep) (const char *hash, void *arg), void *arg)
{
    s_sweep_t sweep = {before_ms, keep, arg, ""};
    int count = s_sweep_dir (&sweep, openat (self->root, ".",
                                             O_RDONLY | O_DIRECTORY |
                                                 O_CLOEXEC));
    for (int n = 0; n < 256; n++) {
        char prefix[3];
        snprintf (prefix, sizeof (prefix), "%02x", (unsigned) n & 255u);
        sweep.prefix = prefix;
        count += s_sweep_dir (&sweep, s_dir (self, prefix, false));
    }
    return count;
}
