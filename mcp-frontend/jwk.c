/*  jwk.c - keys from JSON to OpenSSL. A key is bound to its type here: the
 *  algorithm of a token must fit the key, never the other way round.  */

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "jwk.h"

#define NUMBER_MAX   1024       /* bytes of an RSA modulus */
#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define KID_MAX      256

typedef enum { RSA_KEY, EC_KEY_, ED_KEY } kind_t;

typedef struct {
    EVP_PKEY *pkey;
    kind_t kind;
    fcj_alg_t only;             /* the key's "alg"; NONE: any of its kind */
    char kid[KID_MAX + 1];      /* "" when it has none */
} key_t_;

struct fcj_jwks {
    key_t_ keys[FCJ_JWKS_KEYS_MAX];
    size_t count;
};

static const struct { const char *name; kind_t kind; } ALGS[] = {
    [FCJ_ALG_NONE]  = { "",      RSA_KEY },
    [FCJ_ALG_RS256] = { "RS256", RSA_KEY },
    [FCJ_ALG_PS256] = { "PS256", RSA_KEY },
    [FCJ_ALG_ES256] = { "ES256", EC_KEY_ },
    [FCJ_ALG_EDDSA] = { "EdDSA", ED_KEY },
};

fcj_alg_t fcj_alg_of (const char *name)
{
    for (fcj_alg_t n = FCJ_ALG_RS256; name && n <= FCJ_ALG_EDDSA; n++)
        if (strcmp (name, ALGS[n].name) == 0)
            return n;
    return FCJ_ALG_NONE;
}

/* ---- One key ----------------------------------------------------------- */

/*  A base64url member into bytes; 0: absent, malformed or too long. */
static size_t s_bytes (const json_t *key, const char *name,
                       unsigned char *out, size_t size)
{
    const char *text = json_string_value (json_object_get (key, name));
    size_t got = 0;
    if (!text || sodium_base642bin (
            out, size, text, strlen (text), NULL, &got, NULL,
            sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        return 0;
    return got;
}

static EVP_PKEY *s_build (const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param (build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name (NULL, type, NULL);
    if (!params || !context || EVP_PKEY_fromdata_init (context) <= 0
        || EVP_PKEY_fromdata (context, &pkey, EVP_PKEY_PUBLIC_KEY,
                              params) <= 0)
        pkey = NULL;
    EVP_PKEY_CTX_free (context);
    OSSL_PARAM_free (params);
    return pkey;
}

static EVP_PKEY *s_rsa (const json_t *key)
{
    unsigned char n[NUMBER_MAX], e[16];
    size_t n_size = s_bytes (key, "n", n, sizeof n);
    size_t e_size = s_bytes (key, "e", e, sizeof e);
    if (!n_size || !e_size)
        return NULL;
    BIGNUM *modulus = BN_bin2bn (n, (int) n_size, NULL);
    BIGNUM *exponent = BN_bin2bn (e, (int) e_size, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new ();
    EVP_PKEY *pkey = NULL;
    if (modulus && exponent && build
        && OSSL_PARAM_BLD_push_BN (build, OSSL_PKEY_PARAM_RSA_N, modulus)
        && OSSL_PARAM_BLD_push_BN (build, OSSL_PKEY_PARAM_RSA_E, exponent))
        pkey = s_build ("RSA", build);
    OSSL_PARAM_BLD_free (build);
    BN_free (modulus);
    BN_free (exponent);
    int bits = pkey? EVP_PKEY_get_bits (pkey): 0;
    if (pkey && (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)) {
        EVP_PKEY_free (pkey);
        pkey = NULL;
    }
    return pkey;
}

static EVP_PKEY *s_ec (const json_t *key)
{
    const char *curve = json_string_value (json_object_get (key, "crv"));
    unsigned char point[65] = { 4 };    /* uncompressed */
    if (!curve || strcmp (curve, "P-256") != 0
        || s_bytes (key, "x", point + 1, 32) != 32
        || s_bytes (key, "y", point + 33, 32) != 32)
        return NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new ();
    EVP_PKEY *pkey = NULL;
    if (build && OSSL_PARAM_BLD_push_utf8_string (
                     build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0)
        && OSSL_PARAM_BLD_push_octet_string (build, OSSL_PKEY_PARAM_PUB_KEY,
                                             point, sizeof point))
        pkey = s_build ("EC", build);
    OSSL_PARAM_BLD_free (build);
    return pkey;
}

static EVP_PKEY *s_ed (const json_t *key)
{
    const char *curve = json_string_value (json_object_get (key, "crv"));
    unsigned char point[32];
    if (!curve || strcmp (curve, "Ed25519") != 0
        || s_bytes (key, "x", point, sizeof point) != sizeof point)
        return NULL;
    return EVP_PKEY_new_raw_public_key (EVP_PKEY_ED25519, NULL, point,
                                        sizeof point);
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
    const char *type = json_string_value (json_object_get (json, "kty"));
    const char *alg = json_string_value (json_object_get (json, "alg"));
    const char *kid = json_string_value (json_object_get (json, "kid"));
    memset (key, 0, sizeof *key);
    if (!type || !s_may_verify (json) || (kid && strlen (kid) > KID_MAX))
        return false;
    if (alg && (key->only = fcj_alg_of (alg)) == FCJ_ALG_NONE)
        return false;
    if (strcmp (type, "RSA") == 0) {
        key->kind = RSA_KEY;
        key->pkey = s_rsa (json);
    }
    else if (strcmp (type, "EC") == 0) {
        key->kind = EC_KEY_;
        key->pkey = s_ec (json);
    }
    else if (strcmp (type, "OKP") == 0) {
        key->kind = ED_KEY;
        key->pkey = s_ed (json);
    }
    snprintf (key->kid, sizeof key->kid, "%s", kid? kid: "");
    return key->pkey != NULL;
}

/* ------------------------------------------------------------------------ */

fcj_jwks_t *fcj_jwks_new (const char *text, size_t size, fcj_error_t *error)
{
    json_error_t why;
    json_t *root = size <= FCJ_JWKS_BYTES_MAX
        ? json_loadb (text, size, JSON_REJECT_DUPLICATES, &why): NULL;
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
                  : "the key set holds no RSA (2048 bits or more), P-256 or"
                    " Ed25519 key to verify with");
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
        EVP_PKEY_free (self->keys[n].pkey);
    free (self);
    *self_p = NULL;
}

EVP_PKEY *fcj_jwks_find (const fcj_jwks_t *self, fcj_alg_t alg,
                         const char *kid, size_t n)
{
    for (size_t at = 0; alg != FCJ_ALG_NONE && at < self->count; at++) {
        const key_t_ *key = &self->keys[at];
        if (key->kind == ALGS[alg].kind
            && (key->only == FCJ_ALG_NONE || key->only == alg)
            && (!kid || strcmp (key->kid, kid) == 0) && n-- == 0)
            return key->pkey;
    }
    return NULL;
}
