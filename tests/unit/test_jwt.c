/*  test_jwt.c - tokens and key sets. libcjose signs here, with keys made for
 *  the test; that others' signatures verify, the system test shows.  */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <cjose/cjose.h>
#include "mcp-frontend/auth/jwt.h"

#define ALL (~0u)
#define CLAIMS "{\"sub\":\"ann\"}"

static cjose_jwk_t *rsa, *p256, *p384, *p521;

/* ---- Making them ------------------------------------------------------- */

/*  The public JWK of a key, with more members: `{"use":"sig"}`, NULL. */
static json_t *s_jwk (const cjose_jwk_t *key, const char *more)
{
    char *text = cjose_jwk_to_json (key, false, NULL);
    json_t *jwk = json_loads (text, 0, NULL);
    cjose_get_dealloc () (text);
    if (more) {
        json_t *members = json_loads (more, 0, NULL);
        assert_non_null (members);
        json_object_update (jwk, members);
        json_decref (members);
    }
    return jwk;
}

/*  Takes the keys over; NULL: there is none of use. */
static fcj_jwks_t *s_set (size_t count, json_t *const *keys)
{
    json_t *list = json_array ();
    fcj_error_t error;
    for (size_t n = 0; n < count; n++)
        json_array_append_new (list, keys[n]);
    json_t *root = json_pack ("{s:o}", "keys", list);
    char *text = json_dumps (root, 0);
    fcj_jwks_t *set = fcj_jwks_new (text, strlen (text), &error);
    json_decref (root);
    free (text);
    return set;
}

static fcj_jwks_t *s_set_of (const cjose_jwk_t *key, const char *more)
{
    json_t *one = s_jwk (key, more);
    return s_set (1, &one);
}

static char *s_sign (const cjose_jwk_t *key, const char *header,
                     const char *claims)
{
    json_t *head = json_loads (header, 0, NULL);
    const char *text = NULL;
    cjose_jws_t *jws = cjose_jws_sign (key, head, (const uint8_t *) claims,
                                       strlen (claims), NULL);
    assert_non_null (jws);
    assert_true (cjose_jws_export (jws, &text, NULL));
    char *token = strdup (text);
    cjose_jws_release (jws);
    json_decref (head);
    return token;
}

/*  A token of these parts as they stand, signed by nobody. */
static char *s_join (const char *header, const char *claims,
                     const char *signature)
{
    char *parts[2] = { NULL };
    const char *texts[2] = { header, claims };
    char *token = malloc (FCJ_JWT_MAX);
    size_t size;
    for (size_t n = 0; n < 2; n++)
        assert_true (cjose_base64url_encode ((const uint8_t *) texts[n],
                     strlen (texts[n]), &parts[n], &size, NULL));
    snprintf (token, FCJ_JWT_MAX, "%s.%s.%s", parts[0], parts[1], signature);
    cjose_get_dealloc () (parts[0]);
    cjose_get_dealloc () (parts[1]);
    return token;
}

/* ---- Judging them ------------------------------------------------------ */

/*  Takes the token over; -1: it was not even opened. */
static int s_judge (char *token, const fcj_jwks_t *keys, unsigned allowed)
{
    const char *why = NULL;
    fcj_jwt_t *jwt = fcj_jwt_open (token, allowed, &why);
    assert_true ((jwt == NULL) == (why != NULL));
    int verdict = jwt? (int) fcj_jwt_verify (jwt, keys): -1;
    fcj_jwt_destroy (&jwt);
    free (token);
    return verdict;
}

static void s_expect (const cjose_jwk_t *signer, const char *header,
                      const cjose_jwk_t *key, const char *more, int verdict)
{
    fcj_jwks_t *keys = s_set_of (key, more);
    assert_non_null (keys);
    assert_int_equal (s_judge (s_sign (signer, header, CLAIMS), keys, ALL),
                      verdict);
    fcj_jwks_destroy (&keys);
}

static void a_token_of_each_algorithm_verifies_if_it_is_allowed (void **state)
{
    const struct { const char *name; const cjose_jwk_t *key; } ALGS[] = {
        { "RS256", rsa }, { "RS384", rsa }, { "RS512", rsa },
        { "PS256", rsa }, { "PS384", rsa }, { "PS512", rsa },
        { "ES256", p256 }, { "ES384", p384 }, { "ES512", p521 },
    };
    (void) state;
    for (size_t n = 0; n < sizeof ALGS / sizeof *ALGS; n++) {
        char header[64];
        snprintf (header, sizeof header, "{\"alg\":\"%s\",\"kid\":\"k\"}",
                  ALGS[n].name);
        s_expect (ALGS[n].key, header, ALGS[n].key, "{\"kid\":\"k\"}",
                  FCJ_JWT_GOOD);
        fcj_jwks_t *keys = s_set_of (ALGS[n].key, NULL);
        unsigned others = ALL & ~(1u << fcj_alg_of (ALGS[n].name));
        assert_int_equal (s_judge (s_sign (ALGS[n].key, header, CLAIMS),
                                   keys, others), -1);
        fcj_jwks_destroy (&keys);
    }
}

static void a_changed_token_does_not_verify (void **state)
{
    (void) state;
    char *token = s_sign (p256, "{\"alg\":\"ES256\",\"kid\":\"k\"}", CLAIMS);
    fcj_jwks_t *keys = s_set_of (p256, "{\"kid\":\"k\"}");
    const size_t length = strlen (token);
    for (size_t at = strcspn (token, ".") + 1; at < length; at += 3) {
        char *changed = strdup (token);
        changed[at] = changed[at] == 'A'? 'Q': 'A';
        if (token[at] == '.')
            changed[at] = '.';
        int verdict = s_judge (changed, keys, ALL);
        /*  Of the last character, two bits count for nothing. */
        assert_true (verdict != FCJ_JWT_GOOD || token[at] == '.'
                     || at == length - 1);
    }
    fcj_jwks_destroy (&keys);
    free (token);
}

static void a_key_verifies_only_what_it_is_for (void **state)
{
    static const char RS256[] = "{\"alg\":\"RS256\"}";
    (void) state;
    s_expect (p384, "{\"alg\":\"ES256\"}", p384, NULL, -1);
    s_expect (rsa, RS256, rsa, "{\"alg\":\"RS256\"}", FCJ_JWT_GOOD);
    s_expect (rsa, RS256, rsa, "{\"alg\":\"PS256\"}", FCJ_JWT_NO_KEY);
    s_expect (rsa, RS256, rsa, "{\"alg\":\"RS512\"}", FCJ_JWT_NO_KEY);
    s_expect (rsa, RS256, rsa, "{\"use\":\"sig\"}", FCJ_JWT_GOOD);
    s_expect (rsa, RS256, rsa, "{\"key_ops\":[\"verify\"]}", FCJ_JWT_GOOD);
    s_expect (rsa, RS256, rsa, "{\"kid\":\"k\"}", FCJ_JWT_GOOD);
    s_expect (rsa, "{\"alg\":\"RS256\",\"kid\":\"k\"}", rsa, NULL,
              FCJ_JWT_NO_KEY);
    s_expect (rsa, "{\"alg\":\"RS256\",\"kid\":\"\"}", rsa, NULL,
              FCJ_JWT_GOOD);
    s_expect (rsa, "{\"alg\":\"RS256\"}", p256, NULL, FCJ_JWT_NO_KEY);
    s_expect (p256, "{\"alg\":\"ES256\"}", rsa, NULL, FCJ_JWT_NO_KEY);
    s_expect (p256, "{\"alg\":\"ES256\"}", p384, NULL, FCJ_JWT_NO_KEY);
}

static void what_is_no_key_to_trust_is_passed_over (void **state)
{
    static const char *const OF_RSA[] = {
        "{\"use\":\"enc\"}", "{\"key_ops\":[\"sign\"]}",
        "{\"key_ops\":[]}", "{\"key_ops\":\"verify\"}",
        "{\"alg\":\"RSA-OAEP\"}", "{\"alg\":\"none\"}",
        "{\"alg\":\"HS256\"}", "{\"alg\":\"ES256\"}", "{\"n\":\"\"}",
        "{\"n\":7}", "{\"n\":null}", "{\"e\":\"\"}", "{\"kty\":\"EC\"}",
        "{\"kty\":\"oct\",\"k\":\"AAAA\"}", "{\"kty\":\"OKP\"}",
        "{\"kty\":5}", "{\"kty\":null}",
        "{\"e\":\"AQAAAAAAAAAAAAAB\"}",
    };
    static const char *const OF_EC[] = {
        "{\"crv\":\"P-384\"}", "{\"crv\":\"secp256k1\"}", "{\"crv\":1}",
        "{\"crv\":null}", "{\"y\":\"\"}", "{\"alg\":\"ES384\"}",
        "{\"x\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\"}",
        "{\"x\":\"AQ\"}",
    };
    (void) state;
    for (size_t n = 0; n < sizeof OF_RSA / sizeof *OF_RSA; n++)
        assert_null (s_set_of (rsa, OF_RSA[n]));
    for (size_t n = 0; n < sizeof OF_EC / sizeof *OF_EC; n++)
        assert_null (s_set_of (p256, OF_EC[n]));
    cjose_jwk_t *weak = cjose_jwk_create_RSA_random (1024, NULL, 0, NULL);
    assert_null (s_set_of (weak, NULL));
    cjose_jwk_release (weak);
    json_t *big = s_jwk (rsa, NULL);
    char modulus[1700];
    memset (modulus, 'x', sizeof modulus);
    modulus[1368] = 0;          /* 8208 bits */
    json_object_set_new (big, "n", json_string (modulus));
    assert_null (s_set (1, &big));
}

/*  A server that publishes its private key has other troubles; we have the
 *  public half of it. */
static void of_a_private_key_the_public_one_is_taken (void **state)
{
    (void) state;
    char *text = cjose_jwk_to_json (p256, true, NULL);
    json_t *private = json_loads (text, 0, NULL);
    cjose_get_dealloc () (text);
    assert_non_null (json_object_get (private, "d"));
    json_object_set_new (private, "d", json_string ("A==="));
    fcj_jwks_t *keys = s_set (1, &private);
    assert_non_null (keys);
    fcj_jwks_destroy (&keys);
}

/*  `A===` ends a process that hands it to libcjose 0.6.2.1 (an assert). */
static void base64_that_is_none_reaches_nobody (void **state)
{
    static const char *const TOKENS[] = {
        "A===.e30.AAAA", "e30.A===.AAAA", "eyJhbGciOiJSUzI1NiJ9.A===.AAAA",
        "eyJhbGciOiJSUzI1NiJ9.e30.A===", "=.=.=", "eyJhbGciOiJSUzI1NiJ9.e.A",
        "eyJhbGciOiJSUzI1NiJ9.e30.A", "..", ".e30.", "a.b", "a.b.c.d", "",
        "eyJhbGciOiJSUzI1NiJ9.e30.AA+/", "eyJhbGciOiJSUzI1NiJ9.e30.AA AA",
        "eyJhbGciOiJSUzI1NiJ9.e30\n.AAAA", "eyJhbGciOiJSUzI1NiJ9.\xc3\xa9.A",
    };
    static const char *const KEYS[] = {
        "{\"n\":\"A===\"}", "{\"e\":\"A===\"}", "{\"e\":\"A=AB\"}",
        "{\"e\":\"AQ==\"}", "{\"e\":\"A\"}",
    };
    (void) state;
    const char *why;
    for (size_t n = 0; n < sizeof TOKENS / sizeof *TOKENS; n++)
        assert_null (fcj_jwt_open (TOKENS[n], ALL, &why));
    for (size_t n = 0; n < sizeof KEYS / sizeof *KEYS; n++)
        assert_null (s_set_of (rsa, KEYS[n]));
    assert_null (s_set_of (p256, "{\"x\":\"A===\"}"));
    assert_null (s_set_of (p256, "{\"y\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB"
                                 "AQEBAQEBAQ==\"}"));
}

static void a_header_that_is_not_to_be_trusted_is_refused (void **state)
{
    static const char *const HEADERS[] = {
        "{\"alg\":\"none\"}", "{\"alg\":\"HS256\"}", "{\"alg\":\"EdDSA\"}",
        "{\"alg\":\"rs256\"}", "{\"alg\":\"\"}", "{\"alg\":7}", "{}",
        "{\"alg\":null}", "[]", "[\"RS256\"]", "7", "null", "",
        "{\"alg\":\"RS256\",\"crit\":[\"exp\"]}",
        "{\"alg\":\"RS256\",\"crit\":null}",
        "{\"alg\":\"RS256\",\"typ\":\"logout+jwt\"}",
        "{\"alg\":\"RS256\",\"typ\":7}", "{\"alg\":\"RS256\",\"kid\":7}",
        "{\"alg\":\"none\",\"alg\":\"RS256\"}",
        "{\"alg\":\"RS256\",\"alg\":\"none\"}",
        "{\"alg\":\"RS256\",\"\\u0000\":1}", "{\"alg\":\"RS256\"}x",
    };
    (void) state;
    const char *why;
    for (size_t n = 0; n < sizeof HEADERS / sizeof *HEADERS; n++) {
        char *token = s_join (HEADERS[n], CLAIMS, "AAAA");
        assert_null (fcj_jwt_open (token, ALL, &why));
        assert_non_null (why);
        free (token);
    }
    char *token = s_join ("{\"alg\":\"RS256\"}", "{\"sub\":\"a\",\"sub\":"
                          "\"b\"}", "AAAA");
    assert_null (fcj_jwt_open (token, ALL, &why));
    free (token);
}

/*  libcjose cuts a signature in halves, of whatever length. */
static void an_ecdsa_signature_has_the_length_of_its_curve (void **state)
{
    static const size_t LENGTHS[] = { 0, 2, 43, 82, 90, 128, 176 };
    (void) state;
    const char *why;
    for (size_t n = 0; n < sizeof LENGTHS / sizeof *LENGTHS; n++) {
        char signature[200] = "";
        memset (signature, 'A', LENGTHS[n]);
        char *token = s_join ("{\"alg\":\"ES256\"}", CLAIMS, signature);
        assert_null (fcj_jwt_open (token, ALL, &why));
        free (token);
    }
}

static void a_token_without_a_kid_is_tried_with_eight_keys (void **state)
{
    (void) state;
    for (size_t before = 7; before <= 8; before++) {
        json_t *list[9];
        for (size_t n = 0; n < before; n++) {
            cjose_jwk_t *other = cjose_jwk_create_EC_random (
                CJOSE_JWK_EC_P_256, NULL);
            list[n] = s_jwk (other, NULL);
            cjose_jwk_release (other);
        }
        list[before] = s_jwk (p256, NULL);
        fcj_jwks_t *keys = s_set (before + 1, list);
        assert_int_equal (
            s_judge (s_sign (p256, "{\"alg\":\"ES256\"}", CLAIMS), keys, ALL),
            before < 8? FCJ_JWT_GOOD: FCJ_JWT_NO_KEY);
        fcj_jwks_destroy (&keys);
    }
}

static void a_key_set_has_bounds (void **state)
{
    json_t *list[FCJ_JWKS_KEYS_MAX + 1];
    (void) state;
    for (size_t n = 0; n <= FCJ_JWKS_KEYS_MAX; n++)
        list[n] = s_jwk (p256, n == FCJ_JWKS_KEYS_MAX
                         ? "{\"kid\":\"last\"}": "{\"kid\":\"same\"}");
    fcj_jwks_t *keys = s_set (FCJ_JWKS_KEYS_MAX + 1, list);
    assert_non_null (fcj_jwks_find (keys, FCJ_ALG_ES256, "same",
                                    FCJ_JWKS_KEYS_MAX - 1));
    assert_null (fcj_jwks_find (keys, FCJ_ALG_ES256, "last", 0));
    assert_null (fcj_jwks_find (keys, FCJ_ALG_NONE, NULL, 0));
    fcj_jwks_destroy (&keys);
    fcj_error_t error;
    char *text = malloc (FCJ_JWKS_BYTES_MAX + 1);
    memset (text, ' ', FCJ_JWKS_BYTES_MAX + 1);
    memcpy (text, "{\"keys\":[]}", 11);
    assert_null (fcj_jwks_new (text, FCJ_JWKS_BYTES_MAX + 1, &error));
    assert_non_null (strstr (error.text, "no JSON Web Key Set"));
    free (text);
    static const char DOUBLED[] = "{\"keys\":[],\"keys\":[]}";
    assert_null (fcj_jwks_new (DOUBLED, strlen (DOUBLED), &error));
}

/* ------------------------------------------------------------------------ */

static int s_make_keys (void **state)
{
    (void) state;
    rsa = cjose_jwk_create_RSA_random (2048, NULL, 0, NULL);
    p256 = cjose_jwk_create_EC_random (CJOSE_JWK_EC_P_256, NULL);
    p384 = cjose_jwk_create_EC_random (CJOSE_JWK_EC_P_384, NULL);
    p521 = cjose_jwk_create_EC_random (CJOSE_JWK_EC_P_521, NULL);
    return rsa && p256 && p384 && p521? 0: -1;
}

static int s_drop_keys (void **state)
{
    (void) state;
    cjose_jwk_release (rsa);
    cjose_jwk_release (p256);
    cjose_jwk_release (p384);
    cjose_jwk_release (p521);
    return 0;
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (a_token_of_each_algorithm_verifies_if_it_is_allowed),
        cmocka_unit_test (a_changed_token_does_not_verify),
        cmocka_unit_test (a_key_verifies_only_what_it_is_for),
        cmocka_unit_test (what_is_no_key_to_trust_is_passed_over),
        cmocka_unit_test (of_a_private_key_the_public_one_is_taken),
        cmocka_unit_test (base64_that_is_none_reaches_nobody),
        cmocka_unit_test (a_header_that_is_not_to_be_trusted_is_refused),
        cmocka_unit_test (an_ecdsa_signature_has_the_length_of_its_curve),
        cmocka_unit_test (a_token_without_a_kid_is_tried_with_eight_keys),
        cmocka_unit_test (a_key_set_has_bounds),
    };
    return cmocka_run_group_tests (tests, s_make_keys, s_drop_keys);
}
