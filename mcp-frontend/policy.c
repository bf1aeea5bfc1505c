/*  policy.c - names and tokens. Tokens are kept as hashes and all of them
 *  are compared each time, so neither the content of memory nor the time of
 *  an answer tells anything about them.  */

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "policy.h"
#include "../jobs/limits.h"
#include "../jobs/log.h"

#define HASH       32
#define TOKENS_MAX 1024
#define LINE_MAX_  1024
#define HOSTS_MAX  32

typedef struct {
    char subject[FCJ_NAME_MAX + 1];
    unsigned char hash[HASH];
} token_t;

struct fcj_policy {
    token_t *tokens;
    size_t count;
    char *hosts[HOSTS_MAX];
    size_t host_count;
    char user[FCJ_NAME_MAX + 1];
};

static void s_hash (const char *token, unsigned char hash[HASH])
{
    crypto_generichash (hash, HASH, (const unsigned char *) token,
                        strlen (token), NULL, 0);
}

/*  One line of the file into *token; 1: nothing on it; -1: malformed. */
static int s_parse_line (char *line, token_t *token)
{
    line[strcspn (line, "\r\n")] = 0;
    if (!*line || *line == '#')
        return 1;
    char *secret = strchr (line, ':');
    if (!secret || secret == line || secret - line > FCJ_NAME_MAX)
        return -1;
    *secret++ = 0;
    snprintf (token->subject, sizeof token->subject, "%.*s", FCJ_NAME_MAX,
              line);
    if (strncmp (secret, "blake2b:", 8) == 0) {
        size_t size = 0;
        return sodium_hex2bin (token->hash, HASH, secret + 8,
                               strlen (secret + 8), NULL, &size, NULL) == 0
            && size == HASH? 0: -1;
    }
    if (strlen (secret) < 16)
        return -1;              /* guessable */
    s_hash (secret, token->hash);
    return 0;
}

static int s_read_tokens (fcj_policy_t *self, const char *path,
                          fcj_error_t *error)
{
    FILE *file = fopen (path, "re");
    struct stat status;
    if (!file || fstat (fileno (file), &status) != 0) {
        if (file)
            fclose (file);
        return fcj_fail (error, FCJ_INVALID, "cannot read the token file %s",
                         path);
    }
    if (status.st_mode & 077)
        fcj_log (FCJ_WARNING, "token_file_open_to_others", "path", path,
                 "advice", "chmod 600", NULL);
    char line[LINE_MAX_];
    int number = 0, rc = 0;
    self->tokens = calloc (TOKENS_MAX, sizeof *self->tokens);
    while (rc == 0 && self->tokens && fgets (line, sizeof line, file)) {
        number++;
        if (self->count == TOKENS_MAX)
            rc = -1;
        else {
            int found = s_parse_line (line, &self->tokens[self->count]);
            if (found == 0)
                self->count++;
            else if (found < 0)
                rc = -1;
        }
    }
    sodium_memzero (line, sizeof line);
    fclose (file);
    if (rc)
        return fcj_fail (error, FCJ_INVALID, "%s, line %d: expected"
                         " 'subject:token' (16 characters or more) or"
                         " 'subject:blake2b:<64 hex digits>', at most %d"
                         " lines", path, number, TOKENS_MAX);
    if (!self->count)
        return fcj_fail (error, FCJ_INVALID, "%s holds no token", path);
    return 0;
}

/* ------------------------------------------------------------------------ */

fcj_policy_t *fcj_policy_new (const char *token_file, const char *hosts,
                              const char *user, fcj_error_t *error)
{
    static const char *const LOCAL[] = { "localhost", "127.0.0.1", "[::1]" };
    fcj_policy_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    snprintf (self->user, sizeof self->user, "%s", user);
    for (size_t n = 0; n < 3; n++)
        self->hosts[self->host_count++] = strdup (LOCAL[n]);
    char *copy = strdup (hosts? hosts: ""), *rest = NULL;
    for (char *one = strtok_r (copy, ", ", &rest);
         one && self->host_count < HOSTS_MAX;
         one = strtok_r (NULL, ", ", &rest))
        self->hosts[self->host_count++] = strdup (one);
    free (copy);
    if (token_file && *token_file
        && s_read_tokens (self, token_file, error) != 0)
        fcj_policy_destroy (&self);
    return self;
}

void fcj_policy_destroy (fcj_policy_t **self_p)
{
    fcj_policy_t *self = *self_p;
    if (!self)
        return;
    for (size_t n = 0; n < self->host_count; n++)
        free (self->hosts[n]);
    free (self->tokens);
    free (self);
    *self_p = NULL;
}

bool fcj_policy_has_tokens (const fcj_policy_t *self)
{
    return self->count > 0;
}

bool fcj_policy_host (const fcj_policy_t *self, const char *host)
{
    if (!host)
        return false;           /* HTTP/1.1 demands one */
    size_t length = strlen (host);
    const char *colon = strrchr (host, ':');
    if (colon && colon[strspn (colon + 1, "0123456789") + 1] == 0)
        length = (size_t) (colon - host);
    for (size_t n = 0; n < self->host_count; n++)
        if (strlen (self->hosts[n]) == length
            && strncasecmp (self->hosts[n], host, length) == 0)
            return true;
    return false;
}

bool fcj_policy_origin (const fcj_policy_t *self, const char *origin)
{
    if (!origin)
        return true;            /* not a browser */
    const char *host = strstr (origin, "://");
    if (!host || (strncmp (origin, "http://", 7) != 0
                  && strncmp (origin, "https://", 8) != 0))
        return false;
    return fcj_policy_host (self, host + 3);
}

const char *fcj_policy_owner (const fcj_policy_t *self,
                              const char *authorization)
{
    if (!self->count)
        return self->user;
    if (!authorization || strncasecmp (authorization, "Bearer ", 7) != 0)
        return NULL;
    unsigned char hash[HASH];
    s_hash (authorization + 7, hash);
    const char *found = NULL;
    for (size_t n = 0; n < self->count; n++)
        if (sodium_memcmp (hash, self->tokens[n].hash, HASH) == 0)
            found = self->tokens[n].subject;
    return found;
}
