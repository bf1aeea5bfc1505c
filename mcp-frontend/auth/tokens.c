/*  tokens.c - the file of static tokens: read, watched by its ctime (which
 *  changes with its mode, too), and written by a rename, so that a reader
 *  never sees half of it.  */

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tokens.h"
#include "../../jobs/log.h"

#define TOKENS_MAX 1024
#define LINE_BYTES 512
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW" \
                        "XYZ0123456789._@-"

struct fcj_tokens {
    char *path;
    fcj_bearer_t *all;
    size_t count;
    struct stat seen;
    bool any;
};

static void s_hash (const char *secret, unsigned char hash[FCJ_TOKEN_HASH])
{
    crypto_generichash (hash, FCJ_TOKEN_HASH, (const unsigned char *) secret,
                        strlen (secret), NULL, 0);
}

static bool s_is_name (const char *name)
{
    size_t length = strlen (name);
    return length && length <= FCJ_NAME_MAX
        && strspn (name, NAME_CHARACTERS) == length;
}

/* ---- Reading ----------------------------------------------------------- */

/*  One line into *token. 1: nothing on it; -1: malformed. */
static int s_parse (char *line, fcj_bearer_t *token)
{
    char *fields[5] = { NULL }, *rest = line;
    line[strcspn (line, "\r\n")] = 0;
    if (!*line || *line == '#')
        return 1;
    for (int n = 0; n < 5 && rest; n++)
        fields[n] = strsep (&rest, ":");
    size_t size = 0;
    if (rest || !fields[2] || !s_is_name (fields[0])
        || strcmp (fields[1], "blake2b") != 0
        || sodium_hex2bin (token->hash, FCJ_TOKEN_HASH, fields[2],
                           strlen (fields[2]), NULL, &size, NULL) != 0
        || size != FCJ_TOKEN_HASH)
        return -1;
    const char *owner = fields[4]? fields[4]: fields[0];
    token->scope = fields[3]? fcj_scope_parse (fields[3], true)
                            : FCJ_SCOPE_RUN;
    if (token->scope == FCJ_SCOPE_NONE || !s_is_name (owner))
        return -1;
    snprintf (token->name, sizeof token->name, "%s", fields[0]);
    snprintf (token->owner, sizeof token->owner, "%s", owner);
    return 0;
}

static int s_read_lines (FILE *file, const char *path, fcj_bearer_t *all,
                         size_t *count, fcj_error_t *error)
{
    char line[LINE_BYTES];
    for (int number = 1; fgets (line, sizeof line, file); number++) {
        int found = *count < TOKENS_MAX? s_parse (line, &all[*count]): -1;
        if (found < 0)
            return fcj_fail (error, FCJ_INVALID, "%.200s, line %d: expected"
                " `name:blake2b:<64 hex digits>[:scopes[:owner]]`, at most"
                " %d lines. `fcj token add NAME` writes them", path, number,
                TOKENS_MAX);
        *count += found == 0;
    }
    return 0;
}

/*  0 also when there is no file. */
static int s_load (fcj_tokens_t *self, fcj_error_t *error)
{
    self->count = 0;
    memset (&self->seen, 0, sizeof self->seen);
    FILE *file = fopen (self->path, "re");
    if (!file && errno == ENOENT)
        return 0;
    if (!file || fstat (fileno (file), &self->seen) != 0) {
        if (file)
            fclose (file);
        return fcj_fail (error, FCJ_INVALID, "cannot read the token file"
                         " %.200s: %s", self->path, strerror (errno));
    }
    if (self->seen.st_mode & 022) {
        fclose (file);
        return fcj_fail (error, FCJ_INVALID, "others may write the token file"
                         " %.200s, so its tokens are anybody's: chmod 600"
                         " it", self->path);
    }
    if (self->seen.st_mode & 077)
        fcj_log (FCJ_WARNING, "token_file_open_to_others", "path",
                 self->path, "advice", "chmod 600", NULL);
    int rc = s_read_lines (file, self->path, self->all, &self->count, error);
    fclose (file);
    if (rc != 0)
        self->count = 0;
    self->any = self->any || self->count > 0;
    return rc;
}

/* ------------------------------------------------------------------------ */

fcj_tokens_t *fcj_tokens_new (const char *path, fcj_error_t *error)
{
    fcj_tokens_t *self = calloc (1, sizeof *self);
    if (!self || !(self->path = strdup (path))
        || !(self->all = calloc (TOKENS_MAX, sizeof *self->all)))
        abort ();
    if (s_load (self, error) != 0)
        fcj_tokens_destroy (&self);
    return self;
}

void fcj_tokens_destroy (fcj_tokens_t **self_p)
{
    fcj_tokens_t *self = *self_p;
    if (!self)
        return;
    free (self->path);
    free (self->all);
    free (self);
    *self_p = NULL;
}

void fcj_tokens_refresh (fcj_tokens_t *self)
{
    struct stat now = { 0 };
    if (stat (self->path, &now) != 0)
        memset (&now, 0, sizeof now);
    if (now.st_ino == self->seen.st_ino && now.st_size == self->seen.st_size
        && now.st_ctim.tv_sec == self->seen.st_ctim.tv_sec
        && now.st_ctim.tv_nsec == self->seen.st_ctim.tv_nsec)
        return;
    fcj_error_t error;
    if (s_load (self, &error) != 0) {
        self->any = true;       /* somebody wants tokens: the door is shut */
        fcj_log (FCJ_ERROR, "token_file_broken", "why", error.text, NULL);
    }
    else
        fcj_log (FCJ_INFO, "token_file_read", "path", self->path, NULL);
}

bool fcj_tokens_any (const fcj_tokens_t *self)
{
    return self->any;
}

size_t fcj_tokens_count (const fcj_tokens_t *self)
{
    return self->count;
}

const fcj_bearer_t *fcj_tokens_at (const fcj_tokens_t *self, size_t n)
{
    return n < self->count? &self->all[n]: NULL;
}

const fcj_bearer_t *fcj_tokens_find (const fcj_tokens_t *self,
                                    const char *secret)
{
    unsigned char hash[FCJ_TOKEN_HASH];
    const fcj_bearer_t *found = NULL;
    s_hash (secret, hash);
    for (size_t n = 0; n < self->count; n++)
        if (sodium_memcmp (hash, self->all[n].hash, FCJ_TOKEN_HASH) == 0)
            found = &self->all[n];
    return found;
}

/* ---- Writing ----------------------------------------------------------- */

static int s_write_line (FILE *file, const fcj_bearer_t *token)
{
    char hex[2 * FCJ_TOKEN_HASH + 1];
    sodium_bin2hex (hex, sizeof hex, token->hash, FCJ_TOKEN_HASH);
    return fprintf (file, "%s:blake2b:%s:%s:%s\n", token->name, hex,
                    fcj_scope_name (token->scope, true), token->owner) < 0;
}

/*  All tokens but `without`, and then `more`, which may be NULL. */
static int s_save (const fcj_tokens_t *self, const char *without,
                   const fcj_bearer_t *more, fcj_error_t *error)
{
    char temporary[4096];
    snprintf (temporary, sizeof temporary, "%s.%ld.new", self->path,
              (long) getpid ());
    int fd = open (temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *file = fd >= 0? fdopen (fd, "w"): NULL;
    if (!file)
        return fcj_fail (error, FCJ_INVALID, "cannot write %.200s: %s",
                         temporary, strerror (errno));
    int bad = fprintf (file, "# Made by `fcj token`; a hash a token, the"
                       " tokens themselves are nowhere.\n") < 0;
    for (size_t n = 0; n < self->count; n++)
        if (!without || strcmp (self->all[n].name, without) != 0)
            bad |= s_write_line (file, &self->all[n]);
    if (more)
        bad |= s_write_line (file, more);
    bad |= fflush (file) != 0 || fsync (fd) != 0;
    bad |= fclose (file) != 0;
    if (bad || rename (temporary, self->path) != 0) {
        unlink (temporary);
        return fcj_fail (error, FCJ_INVALID, "cannot write %.200s: %s",
                         self->path, strerror (errno));
    }
    return 0;
}

static bool s_has (const fcj_tokens_t *self, const char *name)
{
    for (size_t n = 0; n < self->count; n++)
        if (strcmp (self->all[n].name, name) == 0)
            return true;
    return false;
}

int fcj_tokens_add (const char *path, const char *name, fcj_scope_t scope,
                    const char *owner, char secret[FCJ_TOKEN_TEXT],
                    fcj_error_t *error)
{
    unsigned char random[32];
    fcj_bearer_t token = { .scope = scope };
    if (!s_is_name (name) || !s_is_name (owner))
        return fcj_fail (error, FCJ_INVALID, "a name has 1 to %d letters,"
                         " digits and . _ @ -", FCJ_NAME_MAX);
    fcj_tokens_t *self = fcj_tokens_new (path, error);
    if (!self)
        return -1;
    int rc = -1;
    if (s_has (self, name))
        fcj_fail (error, FCJ_INVALID, "there is a token of that name already;"
                  " `fcj token remove %.64s` takes it away", name);
    else if (self->count == TOKENS_MAX)
        fcj_fail (error, FCJ_INVALID, "there are %d tokens already",
                  TOKENS_MAX);
    else {
        randombytes_buf (random, sizeof random);
        memcpy (secret, "fcj_", 4);
        sodium_bin2base64 (secret + 4, FCJ_TOKEN_TEXT - 4, random,
                           sizeof random,
                           sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        snprintf (token.name, sizeof token.name, "%s", name);
        snprintf (token.owner, sizeof token.owner, "%s", owner);
        s_hash (secret, token.hash);
        rc = s_save (self, NULL, &token, error);
    }
    sodium_memzero (random, sizeof random);
    fcj_tokens_destroy (&self);
    return rc;
}

int fcj_tokens_remove (const char *path, const char *name,
                       fcj_error_t *error)
{
    fcj_tokens_t *self = fcj_tokens_new (path, error);
    if (!self)
        return -1;
    int rc = s_has (self, name)? s_save (self, name, NULL, error)
        : fcj_fail (error, FCJ_NOT_FOUND, "there is no token of that name;"
                    " `fcj token list` names them");
    fcj_tokens_destroy (&self);
    return rc;
}
