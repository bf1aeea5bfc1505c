/*  blob.h - immutable bytes named by their hash.
 *
 *  A blob's name is 64 lower-case hex digits of its BLAKE2b-256 (libsodium's
 *  crypto_generichash); it lies in <root>/<2 digits>/<62 digits>, mode 0600,
 *  written to a temporary name, fsynced, renamed. Reading goes through a
 *  directory descriptor with O_NOFOLLOW. Any process may put the same blob
 *  at the same time. This is the directory store; the functions are the
 *  interface that another store (Redis, S3) has to fill.  */

#ifndef FCJ_BLOB_H
#define FCJ_BLOB_H
#include <stdint.h>
#include <stdbool.h>
#include <stddef.h>
#include "error.h"

#define FCJ_HASH_LEN 64
typedef char fcj_hash_t[FCJ_HASH_LEN + 1];
typedef struct fcj_blobs fcj_blobs_t;

fcj_blobs_t *fcj_blobs_new (const char *root, fcj_error_t *error);
void fcj_blobs_destroy (fcj_blobs_t **self_p);

int fcj_blobs_put (fcj_blobs_t *self, const void *bytes, size_t size,
                   fcj_hash_t hash, fcj_error_t *error);
/*  Copies an open regular file from offset 0; refuses one over max bytes
 *  (FCJ_OUTPUT_LIMIT). *size gets the bytes copied.  */
int fcj_blobs_put_fd (fcj_blobs_t *self, int fd, int64_t max,
                      fcj_hash_t hash, int64_t *size, fcj_error_t *error);
/*  A read-only descriptor, the caller's; -1 with FCJ_NOT_FOUND. A hash that
 *  is not 64 hex digits is not found.  */
int fcj_blobs_open (fcj_blobs_t *self, const char *hash, int64_t *size,
                    fcj_error_t *error);
/*  Whole blob, freshly allocated with a NUL behind it; caller frees. One that
 *  is not what its name says is removed, so that it can be put again.  */
char *fcj_blobs_read (fcj_blobs_t *self, const char *hash, size_t max,
                      size_t *size, fcj_error_t *error);
/*  Removes blobs not modified since `before` (ms) for which keep() is false;
 *  putting an existing blob touches it, so a fresh reference is safe.  */
int fcj_blobs_sweep (fcj_blobs_t *self, int64_t before_ms,
                     int (*keep) (const char *hash, void *arg), void *arg);
#endif
