/*  jwt.c - taking a JWT apart and judging it. The signature is verified by
 *  OpenSSL. Debian's libcjose and libjwt (1.10) know no EdDSA, and libjwt no
 *  key sets; OpenSSL, which is linked anyway, verifies all four algorithms by
 *  one call, and what is left to do is in this file.  */

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "jwt.h"

#define SIGNATURE_MAX 1024
#define TRIES_MAX     8         /* keys to try for a token without a kid */

struct fcj_jwt {
    const char *signed_part;    /* "header.payload", within the token */
    size_t signed_size;
    fcj_alg_t alg;
    json_t *header, *claims;
    unsigned char signature[SIGNATURE_MAX];
    size_t signature_size;
};

/* ---- Opening ----------------------------------------------------------- */

bool fcj_jwt_looks (const char *token)
{
    const char *first = strchr (token, '.');
    const char *second = first? strchr (first + 1, '.'): NULL;
    return second && !strchr (second + 1, '.');
}

static json_t *s_part (const char *text, size_t length)
{
    size_t size = 0;
    unsigned char *bytes = malloc (length + 1);
    json_t *value = NULL;
    if (bytes && sodium_base642bin (
            bytes, length + 1, text, length, NULL, &size, NULL,
            sodium_base64_VARIANT_URLSAFE_NO_PADDING) == 0)
        value = json_loadb ((char *) bytes, size, JSON_REJECT_DUPLICATES,
                            NULL);
    free (bytes);
    if (!json_is_object (value)) {
        json_decref (value);
        return NULL;
    }
    return value;
}

/*  An ID token or a logout token is not for us; RFC 9068 says at+jwt, most
 *  servers say JWT or nothing. */
static bool s_type_is_ours (const json_t *header)
{
    const json_t *type = json_object_get (header, "typ");
    const char *text = json_string_value (type);
    return !type || (text && (!strcasecmp (text, "JWT")
                              || !strcasecmp (text, "at+jwt")
                              || !strcasecmp (text, "application/at+jwt")));
}

static const char *s_judge_header (fcj_jwt_t *self, unsigned allowed)
{
    const json_t *kid = json_object_get (self->header, "kid");
    self->alg = fcj_alg_of (json_string_value (
        json_object_get (self->header, "alg")));
    if (self->alg == FCJ_ALG_NONE || !(allowed & (1u << self->alg)))
        return "its signature algorithm is not allowed here";
    if (json_object_get (self->header, "crit"))
        return "it has critical extensions that are not known here";
    if (!s_type_is_ours (self->header))
        return "it is no access token";
    if (kid && !json_is_string (kid))
        return "its key id is no string";
    return NULL;
}

fcj_jwt_t *fcj_jwt_open (const char *token, unsigned allowed,
                         const char **why)
{
    *why = "it is malformed";
    size_t length = strlen (token);
    if (length > FCJ_JWT_MAX || !fcj_jwt_looks (token))
        return NULL;
    const char *first = strchr (token, '.'), *second = strchr (first + 1,
                                                               '.');
    fcj_jwt_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->signed_part = token;
    self->signed_size = (size_t) (second - token);
    self->header = s_part (token, (size_t) (first - token));
    self->claims = s_part (first + 1, (size_t) (second - first - 1));
    int rc = sodium_base642bin (
        self->signature, SIGNATURE_MAX, second + 1, strlen (second + 1),
        NULL, &self->signature_size, NULL,
        sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    if (self->header && self->claims && rc == 0)
        *why = s_judge_header (self, allowed);
    if (*why)
        fcj_jwt_destroy (&self);
    return self;
}

void fcj_jwt_destroy (fcj_jwt_t **self_p)
{
    fcj_jwt_t *self = *self_p;
    if (!self)
        return;
    json_decref (self->header);
    json_decref (self->claims);
    free (self);
    *self_p = NULL;
}

const char *fcj_jwt_claim (const fcj_jwt_t *self, const char *name)
{
    return json_string_value (json_object_get (self->claims, name));
}

/* ---- The signature ----------------------------------------------------- */

/*  JWS writes an ECDSA signature as r and s, 32 bytes each; OpenSSL reads
 *  DER. Its size in der, 0 when it is none. */
static size_t s_to_der (const unsigned char *raw, size_t size,
                        unsigned char der[80])
{
    if (size != 64)
        return 0;
    ECDSA_SIG *signature = ECDSA_SIG_new ();
    BIGNUM *r = BN_bin2bn (raw, 32, NULL), *s = BN_bin2bn (raw + 32, 32,
                                                           NULL);
    if (!signature || !r || !s || !ECDSA_SIG_set0 (signature, r, s))
        abort ();               /* out of memory */
    unsigned char *end = der;
    int written = i2d_ECDSA_SIG (signature, &end);
    ECDSA_SIG_free (signature);
    return written > 0? (size_t) written: 0;
}

static bool s_verify (const fcj_jwt_t *self, EVP_PKEY *key)
{
    unsigned char der[80];
    const unsigned char *signature = self->signature;
    size_t size = self->signature_size;
    if (self->alg == FCJ_ALG_ES256) {
        size = s_to_der (signature, size, der);
        signature = der;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new ();
    EVP_PKEY_CTX *options = NULL;
    const EVP_MD *digest = self->alg == FCJ_ALG_EDDSA? NULL: EVP_sha256 ();
    bool good = size && context && EVP_DigestVerifyInit (
        context, &options, digest, NULL, key) == 1;
    if (good && self->alg == FCJ_ALG_PS256)
        good = EVP_PKEY_CTX_set_rsa_padding (options,
                                             RSA_PKCS1_PSS_PADDING) == 1
            && EVP_PKEY_CTX_set_rsa_pss_saltlen (
                   options, RSA_PSS_SALTLEN_DIGEST) == 1;
    good = good && EVP_DigestVerify (
        context, signature, size, (const unsigned char *) self->signed_part,
        self->signed_size) == 1;
    EVP_MD_CTX_free (context);
    ERR_clear_error ();
    return good;
}

fcj_jwt_verdict_t fcj_jwt_verify (const fcj_jwt_t *self,
                                  const fcj_jwks_t *keys)
{
    const char *kid = json_string_value (
        json_object_get (self->header, "kid"));
    EVP_PKEY *key;
    size_t n = 0;
    for (; n < TRIES_MAX
           && (key = fcj_jwks_find (keys, self->alg, kid, n)); n++)
        if (s_verify (self, key))
            return FCJ_JWT_GOOD;
    return n && kid? FCJ_JWT_BAD: FCJ_JWT_NO_KEY;
}

/* ---- The claims -------------------------------------------------------- */

/*  Scheme and host of a URI in any case, the rest as it stands. */
static bool s_same_uri (const char *a, const char *b)
{
    const char *host = strstr (a, "://");
    size_t head = host? (size_t) (host - a) + 3
                      + strcspn (host + 3, "/?#"): 0;
    return strlen (a) == strlen (b) && strncasecmp (a, b, head) == 0
        && strcmp (a + head, b + head) == 0;
}

static bool s_is_for_us (const json_t *audience,
                         const char *const *audiences)
{
    const char *text = json_string_value (audience);
    for (; text && *audiences; audiences++)
        if (s_same_uri (*audiences, text))
            return true;
    return false;
}

static bool s_audience_fits (const json_t *audience,
                             const char *const *audiences)
{
    size_t n;
    json_t *one;
    json_array_foreach (audience, n, one)
        if (s_is_for_us (one, audiences))
            return true;
    return s_is_for_us (audience, audiences);
}

int fcj_jwt_check (const fcj_jwt_t *self, const fcj_jwt_rules_t *rules,
                   int64_t *expires, const char **why)
{
    const json_t *until = json_object_get (self->claims, "exp");
    const json_t *from = json_object_get (self->claims, "nbf");
    const char *subject = fcj_jwt_claim (self, "sub");
    double now = (double) rules->now, leeway = (double) rules->leeway;
    *why = NULL;
    if (!json_is_number (until))
        *why = "it has no expiry";
    else if (!(json_number_value (until) + leeway > now))
        *why = "it has expired";
    else if (from && !(json_number_value (from) - leeway <= now
                       && json_is_number (from)))
        *why = "it is not valid yet";
    else if (!s_audience_fits (json_object_get (self->claims, "aud"),
                               rules->audiences))
        *why = "it was not issued for this server (audience)";
    else if (!subject || !*subject)
        *why = "it has no subject";
    if (*why)
        return -1;
    double end = json_number_value (until) + leeway;
    *expires = end < 4e18? (int64_t) end: INT64_MAX;
    return 0;
}

fcj_scope_t fcj_jwt_scope (const fcj_jwt_t *self)
{
    static const char *const CLAIMS[] = { "scope", "scp" };
    fcj_scope_t highest = FCJ_SCOPE_NONE;
    for (size_t n = 0; n < 2; n++) {
        json_t *claim = json_object_get (self->claims, CLAIMS[n]), *one;
        size_t at, count = json_is_array (claim)? json_array_size (claim): 1;
        for (at = 0; at < count; at++) {
            one = json_is_array (claim)? json_array_get (claim, at): claim;
            const char *text = json_string_value (one);
            fcj_scope_t scope = fcj_scope_parse (text? text: "", false);
            if (scope > highest)
                highest = scope;
        }
    }
    return highest;
}
