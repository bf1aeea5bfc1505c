/*  auth.h - who a request over HTTP is from, by its Authorization header.
 *
 *  An OAuth 2 resource server: bearer tokens are JWTs of the configured
 *  issuers, or static tokens of the token file; other than these two there
 *  is nothing. A static token's owner is the one in its line; a JWT's is
 *  `<issuer>|<subject>`, so that no two issuers, and no local user, share
 *  jobs by sharing a name.  */

#ifndef FCJ_MCP_AUTH_H
#define FCJ_MCP_AUTH_H
#include <stdint.h>
#include "scope.h"
#include "../../jobs/config.h"
#include "../../jobs/limits.h"

typedef struct fcj_auth fcj_auth_t;

typedef struct {
    char owner[FCJ_NAME_MAX + 1];
    fcj_scope_t scope;
} fcj_identity_t;

typedef enum {
    FCJ_AUTH_GOOD,
    FCJ_AUTH_MISSING,           /* 401: no bearer token */
    FCJ_AUTH_WRONG,             /* 401: one that is not good, *why */
    FCJ_AUTH_WAIT,              /* keys are being fetched: ask again when
                                   fcj_auth_run returned true */
    FCJ_AUTH_AWAY               /* 503: no keys can be had to judge it */
} fcj_verdict_t;

/*  user: the owner of requests where no authorization is configured. */
fcj_auth_t *fcj_auth_new (const fcj_config_t *config, const char *user,
                          fcj_error_t *error);
void fcj_auth_destroy (fcj_auth_t **self_p);
/*  False: everybody who reaches us is `user`. */
bool fcj_auth_on (const fcj_auth_t *self);
fcj_verdict_t fcj_auth_check (fcj_auth_t *self, const char *authorization,
                              fcj_identity_t *identity, const char **why);

/*  The value of a WWW-Authenticate header. base: "https://host/path", where
 *  we are reached. why NULL: no token was sent; needed: the scope that a
 *  good token lacked, NONE for a 401. */
void fcj_auth_challenge (const fcj_auth_t *self, const char *base,
                         fcj_scope_t needed, const char *why, char *out,
                         size_t size);
/*  The protected resource metadata (RFC 9728); malloc'ed JSON. NULL: no
 *  authorization server is configured, so there is none. */
char *fcj_auth_metadata (const fcj_auth_t *self, const char *base);

int fcj_auth_fd (const fcj_auth_t *self);
/*  At each turn of the loop; true when a fetch has ended. */
bool fcj_auth_run (fcj_auth_t *self, int64_t now_ms);
int fcj_auth_timeout (const fcj_auth_t *self, int64_t now_ms, int most);
#endif
