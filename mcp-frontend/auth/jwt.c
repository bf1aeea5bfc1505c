/*  jwt.c - taking a JWT apart and judging it. libcjose decodes and verifies;
 *  what it does not ask (is the algorithm allowed, is the form exact, is a
 *  member there twice, for whom and until when is it) is asked here, most of
 *  it before libcjose sees the token.  */

#include <cjose/base64.h>
#include <cjose/jws.h>
#include <cjose/util.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "jwt.h"

#define TRIES_MAX 8             /* keys to try for a token without a kid */

struct fcj_jwt {
    cjose_jws_t *jws;
    fcj_alg_t alg;
    json_t *header, *claims;
};

/* ---- Opening ----------------------------------------------------------- */

bool fcj_jwt_looks (const char *token)
{
    const char *first = strchr (token, '.');
    const char *second = first? strchr (first + 1, '.'): NULL;
    return second && !strchr (second + 1, '.');
}

/*  A member that is there twice is refused: libcjose takes the last, others
 *  the first. */
static json_t *s_object (const uint8_t *bytes, size_t size)
{
    json_t *value = json_loadb ((const char *) bytes, size,
                                JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object (value))
        return value;
    json_decref (value);
    return NULL;
}

static json_t *s_header (const char *text, size_t length)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (!cjose_base64url_decode (text, length, &bytes, &size, NULL))
        return NULL;
    json_t *header = s_object (bytes, size);
    cjose_get_dealloc () (bytes);
    return header;
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

/*  What only libcjose decodes; *why is NULL when it could. */
static void s_import (fcj_jwt_t *self, const char *token, const char **why)
{
    uint8_t *bytes = NULL;
    size_t size = 0, wanted = fcj_alg_signature (self->alg);
    if (wanted && strlen (strrchr (token, '.') + 1) != wanted)
        *why = "its signature has not the length of its algorithm's";
    else if (!(self->jws = cjose_jws_import (token, strlen (token), NULL))
             || !cjose_jws_get_plaintext (self->jws, &bytes, &size, NULL)
             || !(self->claims = s_object (bytes, size)))
        *why = "it is malformed";
}

fcj_jwt_t *fcj_jwt_open (const char *token, unsigned allowed,
                         const char **why)
{
    *why = "it is malformed";
    size_t length = strlen (token);
    if (length > FCJ_JWT_MAX || !fcj_jwt_looks (token)
        || strspn (token, FCJ_BASE64URL ".") != length)
        return NULL;            /* jwk.h: not a thing for libcjose */
    fcj_jwt_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->header = s_header (token, strcspn (token, "."));
    if (self->header && !(*why = s_judge_header (self, allowed)))
        s_import (self, token, why);
    if (*why)
        fcj_jwt_destroy (&self);
    return self;
}

void fcj_jwt_destroy (fcj_jwt_t **self_p)
{
    fcj_jwt_t *self = *self_p;
    if (!self)
        return;
    cjose_jws_release (self->jws);
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

fcj_jwt_verdict_t fcj_jwt_verify (const fcj_jwt_t *self,
                                  const fcj_jwks_t *keys)
{
    const char *kid = json_string_value (
        json_object_get (self->header, "kid"));
    const cjose_jwk_t *key;
    bool good = false;
    size_t n = 0;
    for (; !good && n < TRIES_MAX
           && (key = fcj_jwks_find (keys, self->alg, kid, n)); n++)
        good = cjose_jws_verify (self->jws, key, NULL);
    ERR_clear_error ();         /* what OpenSSL thought of the others */
    if (good)
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
