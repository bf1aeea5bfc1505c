/*  jwk.h - a JSON Web Key Set (RFC 7517): the public keys in it that can
 *  verify one of our algorithms; all others are passed over. What a key is
 *  made of is libcjose's; whether it is one to trust is decided here.  */

#ifndef FCJ_MCP_JWK_H
#define FCJ_MCP_JWK_H
#include <cjose/jwk.h>
#include <stdbool.h>
#include <stddef.h>
#include "../../jobs/error.h"

#define FCJ_JWKS_BYTES_MAX (256 * 1024)
#define FCJ_JWKS_KEYS_MAX  64

/*  base64url, without padding. Nothing else may reach libcjose (jwk.c says
 *  why). */
#define FCJ_BASE64URL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" \
                      "0123456789-_"

/*  What a token may be signed with. There is no `none` and no HS256: an
 *  algorithm that takes a public key for a secret can't be named here. */
typedef enum {
    FCJ_ALG_NONE,
    FCJ_ALG_RS256, FCJ_ALG_RS384, FCJ_ALG_RS512,
    FCJ_ALG_PS256, FCJ_ALG_PS384, FCJ_ALG_PS512,
    FCJ_ALG_ES256, FCJ_ALG_ES384, FCJ_ALG_ES512
} fcj_alg_t;

typedef struct fcj_jwks fcj_jwks_t;

/*  FCJ_ALG_NONE for every other name. */
fcj_alg_t fcj_alg_of (const char *name);
/*  base64url characters of its signature; 0: it depends on the key. */
size_t fcj_alg_signature (fcj_alg_t alg);

/*  NULL and *error when it is no key set or holds no key of use. */
fcj_jwks_t *fcj_jwks_new (const char *text, size_t size, fcj_error_t *error);
void fcj_jwks_destroy (fcj_jwks_t **self_p);
/*  The n-th key that fits alg and kid (NULL: any); NULL: no further one. */
const cjose_jwk_t *fcj_jwks_find (const fcj_jwks_t *self, fcj_alg_t alg,
                                  const char *kid, size_t n);
#endif
