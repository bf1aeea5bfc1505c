/*  jwt.h - access tokens that are signed JWTs (RFC 7515, 7519, 9068).
 *
 *  In three steps, because the second needs keys that perhaps have to be
 *  fetched first: open (form and header), verify (signature), claims (whose,
 *  for whom, from when until when). No step reads a key, an address or an
 *  algorithm out of the token: jwk, jku, x5u and x5c are not looked at.  */

#ifndef FCJ_MCP_JWT_H
#define FCJ_MCP_JWT_H
#include <jansson.h>
#include <stdint.h>
#include "jwk.h"
#include "scope.h"

#define FCJ_JWT_MAX 16384       /* characters of a token */

typedef struct fcj_jwt fcj_jwt_t;
typedef enum { FCJ_JWT_GOOD, FCJ_JWT_BAD, FCJ_JWT_NO_KEY } fcj_jwt_verdict_t;

/*  What a token has to be. audiences: NULL-terminated. */
typedef struct {
    const char *const *audiences;
    int64_t now, leeway;        /* seconds */
} fcj_jwt_rules_t;

/*  True for what has the shape of one: three parts with dots between. */
bool fcj_jwt_looks (const char *token);
/*  allowed: bit 1 << fcj_alg_t. NULL and *why when it is none that could
 *  be good. */
fcj_jwt_t *fcj_jwt_open (const char *token, unsigned allowed,
                         const char **why);
void fcj_jwt_destroy (fcj_jwt_t **self_p);
/*  A claim that is a string, not yet to be believed; NULL. */
const char *fcj_jwt_claim (const fcj_jwt_t *self, const char *name);
fcj_jwt_verdict_t fcj_jwt_verify (const fcj_jwt_t *self,
                                  const fcj_jwks_t *keys);
/*  0, or -1 with *why. Fills *expires (seconds). */
int fcj_jwt_check (const fcj_jwt_t *self, const fcj_jwt_rules_t *rules,
                   int64_t *expires, const char **why);
/*  The highest of our scopes in `scope` or `scp` (a string or a list). */
fcj_scope_t fcj_jwt_scope (const fcj_jwt_t *self);
#endif
