/*  issuer.h - an authorization server whose tokens are accepted, and its
 *  keys: fetched, kept, and fetched again when a token names one unknown.
 *
 *  The keys are where `auth-jwks` says, else where the issuer's metadata
 *  says (RFC 8414, then OpenID Connect Discovery). They are refreshed each
 *  hour; when that fails, those at hand stay good, for a day: whoever keeps
 *  us from the issuer must not keep a key alive that it has withdrawn.  */

#ifndef FCJ_MCP_ISSUER_H
#define FCJ_MCP_ISSUER_H
#include "fetch.h"
#include "jwk.h"

typedef struct fcj_issuer fcj_issuer_t;

/*  refetch_ms: the least time between two fetches, whatever tokens say. */
fcj_issuer_t *fcj_issuer_new (const char *url, const char *jwks,
                              int64_t refetch_ms, fcj_fetch_t *fetch,
                              fcj_error_t *error);
void fcj_issuer_destroy (fcj_issuer_t **self_p);
const char *fcj_issuer_url (const fcj_issuer_t *self);
/*  NULL: none came yet, or they are too old. Good until the next fetch_run or
 *  tick. */
const fcj_jwks_t *fcj_issuer_keys (const fcj_issuer_t *self);
/*  Rises with each set of keys that came or went. */
unsigned fcj_issuer_generation (const fcj_issuer_t *self);
/*  Asks for newer keys. True: they are on their way; false: it was tried
 *  less than refetch_ms ago. */
bool fcj_issuer_refresh (fcj_issuer_t *self, int64_t now_ms);
/*  True while a fetch is under way. */
bool fcj_issuer_busy (const fcj_issuer_t *self);
/*  Refreshes keys that are old; at each tick. */
void fcj_issuer_tick (fcj_issuer_t *self, int64_t now_ms);
#endif
