/*  tokens.h - static bearer tokens, from a file.
 *
 *  A line a token, `#` begins a comment:
 *
 *      name:blake2b:<64 hex digits>[:scopes[:owner]]
 *
 *  The digits are the BLAKE2b-256 of the token. A token is 256 random bits,
 *  so that a slow hash would protect nothing that a fast one doesn't.
 *  scopes: read, run or admin (default run); owner: whose jobs the bearer's
 *  are (default: the name). `fcj token add` makes the token and the line.  */

#ifndef FCJ_MCP_TOKENS_H
#define FCJ_MCP_TOKENS_H
#include <stdbool.h>
#include "scope.h"
#include "../../jobs/error.h"
#include "../../jobs/limits.h"

#define FCJ_TOKEN_HASH 32
#define FCJ_TOKEN_TEXT 64       /* "fcj_" and 43 characters, NUL included */

typedef struct {
    char name[FCJ_NAME_MAX + 1];
    char owner[FCJ_NAME_MAX + 1];
    fcj_scope_t scope;
    unsigned char hash[FCJ_TOKEN_HASH];
} fcj_bearer_t;

typedef struct fcj_tokens fcj_tokens_t;

/*  The file need not be there yet: then there are no tokens. A malformed
 *  one is an error that names the line, one that others may write is none,
 *  either. */
fcj_tokens_t *fcj_tokens_new (const char *path, fcj_error_t *error);
void fcj_tokens_destroy (fcj_tokens_t **self_p);
/*  Reads the file again if it changed. While it is bad or gone, no
 *  token is good: a token that was removed must not live on. */
void fcj_tokens_refresh (fcj_tokens_t *self);
/*  True once there was a token; it stays so when the last one is removed,
 *  because an open door must not be the way to lock it. */
bool fcj_tokens_any (const fcj_tokens_t *self);
size_t fcj_tokens_count (const fcj_tokens_t *self);
const fcj_bearer_t *fcj_tokens_at (const fcj_tokens_t *self, size_t n);
/*  All of them are compared, each in constant time. NULL: none fits. */
const fcj_bearer_t *fcj_tokens_find (const fcj_tokens_t *self,
                                    const char *secret);

/*  For fcj token: makes a token and adds its line, or takes a name's line
 *  away; the file is replaced atomically, mode 0600. */
int fcj_tokens_add (const char *path, const char *name, fcj_scope_t scope,
                    const char *owner, char secret[FCJ_TOKEN_TEXT],
                    fcj_error_t *error);
int fcj_tokens_remove (const char *path, const char *name,
                       fcj_error_t *error);
#endif
