/*  jwk.c - which keys of a key set are good for what. A key is bound to its
 *  type, curve and "alg" here: the algorithm of a token must fit the key,
 *  never the other way round.
 *
 *  libcjose makes the key, of a copy that holds only the members of a public
 *  one. It would take a private key or a secret as well, and in the version of
 *  Debian 12 an assert ends the process on base64 as `A===`: so each member is
 *  known to be base64url, and bounded, before libcjose sees it.  */

#include <jansson.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include "jwk.h"

#define MODULUS_MIN    2048     /* bits, counted in whole bytes */
#define MODULUS_MAX    8192
#define MODULUS_TEXT   1366     /* characters of MODULUS_MAX bits */
#define EXPONENT_TEXT  11       /* of 64 bits; more only costs us time */
#define COORDINATE     88       /* of P-521, the longest */

typedef struct {
    cjose_jwk_t *jwk;
    fcj_alg_t only;             /* the key's "alg"; NONE: any of its kind */
} key_t_;

struct fcj_jwks {
    key_t_ keys[FCJ_JWKS_KEYS_MAX];
    size_t count;
};

/* ---- Algorithms -------------------------------------------------------- */

/*  An EC algorithm has one curve (RFC 7518, 3.4), which libcjose does not
 *  ask for, and a signature of two of its numbers. */
static const struct {
    const char *name;
    cjose_jwk_kty_t type;
    cjose_jwk_ec_curve curve;
    size_t signature;
} ALGS[] = {
    [FCJ_ALG_NONE]  = { "", CJOSE_JWK_KTY_OCT, CJOSE_JWK_EC_INVALID, 0 },
    [FCJ_ALG_RS256] = { "RS256", CJOSE_JWK_KTY_RSA, CJOSE_JWK_EC_INVALID, 0 },
    [FCJ_ALG_RS384] = { "RS384", CJOSE_JWK_KTY_RSA, CJOSE_JWK_EC_INVALID, 0 },
    [FCJ_ALG_RS512] = { "RS512", CJOSE_JWK_KTY_RSA, CJOSE_JWK_EC_INVALID, 0 },
    [FCJ_ALG_PS256] = { "PS256", CJOSE_JWK_KTY_RSA, CJOSE_JWK_EC_INVALID, 0 },
    [FCJ_ALG_PS384] = { "PS384", CJOSE_JWK_KTY_RSA, CJOSE_JWK_EC_INVALID, 0 },
    [FCJ_ALG_PS512] = { "PS512", CJOSE_JWK_KTY_RSA, CJOSE_JWK_EC_INVALID, 0 },
    [FCJ_ALG_ES256] = { "ES256", CJOSE_JWK_KTY_EC, CJOSE_JWK_EC_P_256, 86 },
    [FCJ_ALG_ES384] = { "ES384", CJOSE_JWK_KTY_EC, CJOSE_JWK_EC_P_384, 128 },
    [FCJ_ALG_ES512] = { "ES512", CJOSE_JWK_KTY_EC, CJOSE_JWK_EC_P_521, 176 },
};

fcj_alg_t fcj_alg_of (const char *name)
{
    for (fcj_alg_t n = FCJ_ALG_RS256; name && n <= FCJ_ALG_ES512; n++)
        if (strcmp (name, ALGS[n].name) == 0)
            return n;
    return FCJ_ALG_NONE;
}

size_t fcj_alg_signature (fcj_alg_t alg)
{
    return ALGS[alg].signature;
}

static bool s_fits (const key_t_ *key, fcj_alg_t alg)
{
    return alg != FCJ_ALG_NONE
        && (key->only == FCJ_ALG_NONE || key->only == alg)
        && cjose_jwk_get_kty (key->jwk, NULL) == ALGS[alg].type
        && (ALGS[alg].type != CJOSE_JWK_KTY_EC
            || cjose_jwk_EC_get_curve (key->jwk, NULL) == ALGS[alg].curve);
}

/* ---- One key ----------------------------------------------------------- */

/*  Puts a number of the key into public; false: there is none, or none of
 *  that length. */
static bool s_take (json_t *public, const json_t *key, const char *name,
                    size_t most)
{
    json_t *value = json_object_get (key, name);
    const char *text = json_string_value (value);
    size_t length = text? strlen (text): 0;
    return length && length <= most
        && strspn (text, FCJ_BASE64URL) == length
        && json_object_set (public, name, value) == 0;
}

/*  NULL: it is no RSA or EC key, off its curve, or too weak. */
static cjose_jwk_t *s_import (const json_t *json)
{
    const char *type = json_string_value (json_object_get (json, "kty"));
    json_t *public = json_object ();
    cjose_jwk_t *jwk = NULL;
    bool rsa = type && strcmp (type, "RSA") == 0
        && s_take (public, json, "n", MODULUS_TEXT)
        && s_take (public, json, "e", EXPONENT_TEXT);
    bool ec = type && strcmp (type, "EC") == 0
        && s_take (public, json, "x", COORDINATE)
        && s_take (public, json, "y", COORDINATE)
        && json_object_set (public, "crv",
                            json_object_get (json, "crv")) == 0;
    json_object_set (public, "kid", json_object_get (json, "kid"));
    if ((rsa || ec)
        && json_object_set_new (public, "kty", json_string (type)) == 0)
        jwk = cjose_jwk_import_json (public, NULL);
    json_decref (public);
    ERR_clear_error ();         /* a point off its curve leaves some */
    size_t bits = jwk && rsa? cjose_jwk_get_keysize (jwk, NULL): MODULUS_MIN;
    if (bits >= MODULUS_MIN && bits <= MODULUS_MAX)
        return jwk;
    cjose_jwk_release (jwk);
    return NULL;
}

/*  "use" and "key_ops", where given, must let it verify. */
static bool s_may_verify (const json_t *key)
{
    const char *use = json_string_value (json_object_get (key, "use"));
    const json_t *ops = json_object_get (key, "key_ops");
    size_t n;
    json_t *one;
    bool found = !ops;
    json_array_foreach (ops, n, one)
        found = found || (json_is_string (one)
                && strcmp (json_string_value (one), "verify") == 0);
    return found && (!use || strcmp (use, "sig") == 0);
}

/*  True when it is a key of use. */
static bool s_key (const json_t *json, key_t_ *key)
{
    const char *alg = json_string_value (json_object_get (json, "alg"));
    key->only = fcj_alg_of (alg);
    if (!s_may_verify (json) || (alg && key->only == FCJ_ALG_NONE)
        || !(key->jwk = s_import (json)))
        return false;
    if (key->only == FCJ_ALG_NONE || s_fits (key, key->only))
        return true;
    cjose_jwk_release (key->jwk);
    return false;
}

/* ------------------------------------------------------------------------ */

fcj_jwks_t *fcj_jwks_new (const char *text, size_t size, fcj_error_t *error)
{
    json_t *root = size <= FCJ_JWKS_BYTES_MAX
        ? json_loadb (text, size, JSON_REJECT_DUPLICATES, NULL): NULL;
    const json_t *keys = json_object_get (root, "keys");
    size_t n;
    json_t *one;
    fcj_jwks_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    json_array_foreach (keys, n, one)
        if (self->count < FCJ_JWKS_KEYS_MAX
            && s_key (one, &self->keys[self->count]))
            self->count++;
    if (!self->count) {
        fcj_fail (error, FCJ_INVALID, !json_is_array (keys)
                  ? "what came is no JSON Web Key Set"
                  : "the key set holds no RSA (2048 to 8192 bits), P-256,"
                    " P-384 or P-521 key to verify with");
        fcj_jwks_destroy (&self);
    }
    json_decref (root);
    return self;
}

void fcj_jwks_destroy (fcj_jwks_t **self_p)
{
    fcj_jwks_t *self = *self_p;
    if (!self)
        return;
    for (size_t n = 0; n < self->count; n++)
        cjose_jwk_release (self->keys[n].jwk);
    free (self);
    *self_p = NULL;
}

static bool s_is_named (const key_t_ *key, const char *kid)
{
    const char *own = cjose_jwk_get_kid (key->jwk, NULL);
    return !kid || strcmp (own? own: "", kid) == 0;
}

const cjose_jwk_t *fcj_jwks_find (const fcj_jwks_t *self, fcj_alg_t alg,
                                  const char *kid, size_t n)
{
    for (size_t at = 0; at < self->count; at++)
        if (s_fits (&self->keys[at], alg)
            && s_is_named (&self->keys[at], kid) && n-- == 0)
            return self->keys[at].jwk;
    return NULL;
}
