/*  auth.c - one question, two kinds of token. What was verified once is
 *  remembered by its hash until it expires or newer keys came, so that a
 *  client that polls does not cost a signature each time.  */

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include "auth.h"
#include "issuer.h"
#include "jwt.h"
#include "tokens.h"
#include "../../jobs/job.h"
#include "../../jobs/log.h"
#include "../../jobs/json.h"

#define ISSUERS_MAX   4
#define AUDIENCES_MAX 8
#define ALGORITHMS_MAX 9        /* all that there are (jwk.h) */
#define KNOWN         256       /* verified tokens remembered */
#define HASH          32
#define REREAD_MS     1000      /* the token file is looked at so often */

typedef struct {
    unsigned char hash[HASH];
    int64_t expires;            /* seconds; 0: an empty place */
    size_t issuer;
    unsigned generation;
    fcj_identity_t identity;
} known_t;

struct fcj_auth {
    fcj_identity_t everybody;
    fcj_tokens_t *tokens;
    fcj_fetch_t *fetch;         /* NULL without issuers */
    fcj_issuer_t *issuers[ISSUERS_MAX];
    size_t count;
    char *audience_text;
    const char *audiences[AUDIENCES_MAX + 1];
    unsigned allowed;           /* algorithms */
    int64_t leeway, reread;
    known_t known[KNOWN];
};

/* ---- Building ---------------------------------------------------------- */

/*  Cuts a list in place; -1: more than most, or an empty one. */
static int s_words (char *text, const char **words, size_t most)
{
    size_t count = 0;
    char *rest = NULL;
    for (char *one = strtok_r (text, ", ", &rest); one;
         one = strtok_r (NULL, ", ", &rest)) {
        if (count == most)
            return -1;
        words[count++] = one;
    }
    words[count] = NULL;
    return count? (int) count: -1;
}

static int s_set_algorithms (fcj_auth_t *self, const char *list,
                             fcj_error_t *error)
{
    char text[256];
    const char *words[ALGORITHMS_MAX + 1];
    snprintf (text, sizeof text, "%s", list);
    int count = s_words (text, words, ALGORITHMS_MAX);
    for (int n = 0; n < count; n++) {
        fcj_alg_t alg = fcj_alg_of (words[n]);
        if (alg == FCJ_ALG_NONE)
            return fcj_fail (error, FCJ_INVALID, "auth-algorithms takes"
                             " RS, PS and ES with 256, 384 or 512 (RS256);"
                             " not '%.20s'", words[n]);
        self->allowed |= 1u << alg;
    }
    return count > 0? 0: fcj_fail (error, FCJ_INVALID, "auth-algorithms takes"
                                   " one to %d names", ALGORITHMS_MAX);
}

static int s_set_issuers (fcj_auth_t *self, const fcj_config_t *config,
                          fcj_error_t *error)
{
    char *list = strdup (fcj_config_str (config, "auth-issuer"));
    const char *jwks = fcj_config_str (config, "auth-jwks");
    const char *urls[ISSUERS_MAX + 1];
    int64_t refetch_ms = fcj_config_int (config, "auth-refetch-s") * 1000;
    int count = s_words (list, urls, ISSUERS_MAX), rc = 0;
    if (count < 0 || (count > 1 && *jwks))
        rc = fcj_fail (error, FCJ_INVALID, "auth-issuer takes one to %d"
                       " issuers; with auth-jwks, one", ISSUERS_MAX);
    else if (!(self->fetch = fcj_fetch_new (
                   fcj_config_str (config, "auth-ca-file"), error)))
        rc = -1;
    while (rc == 0 && self->count < (size_t) count) {
        fcj_issuer_t *one = fcj_issuer_new (urls[self->count], jwks,
                                            refetch_ms, self->fetch, error);
        if (one)
            self->issuers[self->count++] = one;
        else
            rc = -1;
    }
    free (list);
    return rc;
}

/*  A token that names no audience of ours is somebody else's: so one must
 *  be known. */
static int s_set_audiences (fcj_auth_t *self, const fcj_config_t *config,
                            fcj_error_t *error)
{
    const char *list = fcj_config_str (config, "auth-audience");
    if (!*list)
        list = fcj_config_str (config, "public-url");
    self->audience_text = strdup (list);
    return s_words (self->audience_text, self->audiences, AUDIENCES_MAX) > 0
        ? 0: fcj_fail (error, FCJ_INVALID, "auth-issuer needs public-url"
                       " (the URL of this server as clients know it) or"
                       " auth-audience, at most %d", AUDIENCES_MAX);
}

static int s_open_tokens (fcj_auth_t *self, const fcj_config_t *config,
                          fcj_error_t *error)
{
    const char *path = fcj_config_str (config, "token-file");
    char standard[4096];
    if (!*path) {
        snprintf (standard, sizeof standard, "%s/tokens",
                  fcj_config_path (config, "state"));
        path = standard;
    }
    self->tokens = fcj_tokens_new (path, error);
    if (!self->tokens)
        return -1;
    if (path != standard && !fcj_tokens_count (self->tokens))
        return fcj_fail (error, FCJ_INVALID, "token-file %.200s holds no"
                         " token: `fcj token add NAME` makes one", path);
    return 0;
}

/*  It is put into headers and metadata as it stands. */
static int s_check_public_url (const char *url, fcj_error_t *error)
{
    bool web = strncasecmp (url, "https://", 8) == 0
            || strncasecmp (url, "http://", 7) == 0;
    if (!*url || (web && !strpbrk (url, " \t\"\\<>#")))
        return 0;
    return fcj_fail (error, FCJ_INVALID, "public-url is a URL as"
                     " https://cad.example.org/mcp; '%.100s' is none", url);
}

fcj_auth_t *fcj_auth_new (const fcj_config_t *config, const char *user,
                          fcj_error_t *error)
{
    fcj_auth_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    snprintf (self->everybody.owner, sizeof self->everybody.owner, "%s",
              user);
    self->everybody.scope = FCJ_SCOPE_ADMIN;
    self->leeway = fcj_config_int (config, "auth-leeway-s");
    bool issuers = *fcj_config_str (config, "auth-issuer");
    if (s_check_public_url (fcj_config_str (config, "public-url"), error)
            != 0
        || s_open_tokens (self, config, error) != 0
        || s_set_algorithms (self, fcj_config_str (config,
                                   "auth-algorithms"), error) != 0
        || (issuers && (s_set_audiences (self, config, error) != 0
                        || s_set_issuers (self, config, error) != 0)))
        fcj_auth_destroy (&self);
    return self;
}

void fcj_auth_destroy (fcj_auth_t **self_p)
{
    fcj_auth_t *self = *self_p;
    if (!self)
        return;
    fcj_fetch_destroy (&self->fetch);   /* first: it calls issuers */
    for (size_t n = 0; n < self->count; n++)
        fcj_issuer_destroy (&self->issuers[n]);
    fcj_tokens_destroy (&self->tokens);
    free (self->audience_text);
    free (self);
    *self_p = NULL;
}

bool fcj_auth_on (const fcj_auth_t *self)
{
    return self->count || fcj_tokens_any (self->tokens);
}

/* ---- JWTs -------------------------------------------------------------- */

static known_t *s_place (fcj_auth_t *self, const unsigned char *hash)
{
    return &self->known[hash[0] % KNOWN];
}

/*  True when this very token was verified before and still holds. */
static bool s_recall (fcj_auth_t *self, const unsigned char *hash,
                      int64_t now, fcj_identity_t *identity)
{
    const known_t *known = s_place (self, hash);
    if (known->expires <= now
        || sodium_memcmp (known->hash, hash, HASH) != 0
        || known->generation
           != fcj_issuer_generation (self->issuers[known->issuer]))
        return false;
    *identity = known->identity;
    return true;
}

/*  `<issuer>|<subject>`; where that is too long, its hash. */
static void s_set_owner (fcj_identity_t *identity, const char *issuer,
                         const char *subject)
{
    unsigned char hash[HASH];
    crypto_generichash_state state;
    int length = snprintf (identity->owner, sizeof identity->owner, "%s|%s",
                           issuer, subject);
    bool plain = length > 0 && (size_t) length < sizeof identity->owner;
    for (const char *at = subject; *at; at++)
        plain = plain && (unsigned char) *at > ' ' && *at != 127;
    if (plain)
        return;
    crypto_generichash_init (&state, NULL, 0, HASH);
    crypto_generichash_update (&state, (const unsigned char *) issuer,
                               strlen (issuer) + 1);
    crypto_generichash_update (&state, (const unsigned char *) subject,
                               strlen (subject));
    crypto_generichash_final (&state, hash, HASH);
    memcpy (identity->owner, "jwt|", 5);
    sodium_bin2hex (identity->owner + 4, sizeof identity->owner - 4, hash,
                    HASH);
}

static size_t s_issuer_of (const fcj_auth_t *self, const fcj_jwt_t *jwt)
{
    const char *issuer = fcj_jwt_claim (jwt, "iss");
    size_t n = 0;
    while (n < self->count && (!issuer
           || strcmp (fcj_issuer_url (self->issuers[n]), issuer) != 0))
        n++;
    return n;
}

/*  The signature, with keys that perhaps have to come first. */
static fcj_verdict_t s_verify (fcj_issuer_t *issuer, const fcj_jwt_t *jwt,
                               const char **why)
{
    const fcj_jwks_t *keys = fcj_issuer_keys (issuer);
    fcj_jwt_verdict_t verdict = keys? fcj_jwt_verify (jwt, keys)
                                    : FCJ_JWT_NO_KEY;
    if (verdict == FCJ_JWT_GOOD)
        return FCJ_AUTH_GOOD;
    if (verdict == FCJ_JWT_NO_KEY
        && fcj_issuer_refresh (issuer, fcj_mono_ms ()))
        return FCJ_AUTH_WAIT;
    *why = keys? "its signature does not verify"
               : "the keys of its issuer can not be had";
    return keys? FCJ_AUTH_WRONG: FCJ_AUTH_AWAY;
}

static fcj_verdict_t s_judge (fcj_auth_t *self, const fcj_jwt_t *jwt,
                              const unsigned char *hash,
                              fcj_identity_t *identity, const char **why)
{
    fcj_jwt_rules_t rules = { self->audiences, time (NULL), self->leeway };
    int64_t expires = 0;
    size_t n = s_issuer_of (self, jwt);
    *why = "its issuer is not trusted here";
    if (n == self->count || fcj_jwt_check (jwt, &rules, &expires, why) != 0)
        return FCJ_AUTH_WRONG;
    fcj_verdict_t verdict = s_verify (self->issuers[n], jwt, why);
    if (verdict != FCJ_AUTH_GOOD)
        return verdict;
    s_set_owner (identity, fcj_issuer_url (self->issuers[n]),
                 fcj_jwt_claim (jwt, "sub"));
    identity->scope = fcj_jwt_scope (jwt);
    known_t *known = s_place (self, hash);
    memcpy (known->hash, hash, HASH);
    known->expires = expires;
    known->issuer = n;
    known->generation = fcj_issuer_generation (self->issuers[n]);
    known->identity = *identity;
    return FCJ_AUTH_GOOD;
}

static fcj_verdict_t s_check_jwt (fcj_auth_t *self, const char *token,
                                  fcj_identity_t *identity, const char **why)
{
    unsigned char hash[HASH];
    crypto_generichash (hash, HASH, (const unsigned char *) token,
                        strlen (token), NULL, 0);
    if (s_recall (self, hash, time (NULL), identity))
        return FCJ_AUTH_GOOD;
    fcj_jwt_t *jwt = fcj_jwt_open (token, self->allowed, why);
    if (!jwt)
        return FCJ_AUTH_WRONG;
    fcj_verdict_t verdict = s_judge (self, jwt, hash, identity, why);
    fcj_jwt_destroy (&jwt);
    return verdict;
}

/* ------------------------------------------------------------------------ */

fcj_verdict_t fcj_auth_check (fcj_auth_t *self, const char *authorization,
                              fcj_identity_t *identity, const char **why)
{
    *why = NULL;
    if (!fcj_auth_on (self)) {
        *identity = self->everybody;
        return FCJ_AUTH_GOOD;
    }
    if (!authorization || strncasecmp (authorization, "Bearer ", 7) != 0)
        return FCJ_AUTH_MISSING;
    const char *secret = authorization + 7;
    secret += strspn (secret, " ");
    const fcj_bearer_t *token = fcj_tokens_find (self->tokens, secret);
    if (token) {
        snprintf (identity->owner, sizeof identity->owner, "%s",
                  token->owner);
        identity->scope = token->scope;
        return FCJ_AUTH_GOOD;
    }
    if (self->count && fcj_jwt_looks (secret))
        return s_check_jwt (self, secret, identity, why);
    *why = "it is not known here";
    return FCJ_AUTH_WRONG;
}

/*  "https://host/mcp" -> "https://host/.well-known/.../mcp" */
static void s_metadata_url (const char *base, char *out, size_t size)
{
    const char *host = strstr (base, "://");
    size_t head = host? (size_t) (host - base) + 3
                      + strcspn (host + 3, "/"): 0;
    snprintf (out, size, "%.*s/.well-known/oauth-protected-resource%s",
              (int) head, base, base + head);
}

void fcj_auth_challenge (const fcj_auth_t *self, const char *base,
                         fcj_scope_t needed, const char *why, char *out,
                         size_t size)
{
    char url[1024] = "", failed[512] = "";
    if (self->count)
        s_metadata_url (base, url, sizeof url);
    if (needed != FCJ_SCOPE_NONE)
        snprintf (failed, sizeof failed, ", error=\"insufficient_scope\","
                  " error_description=\"the token lacks the scope %s\"",
                  fcj_scope_name (needed, false));
    else if (why)
        snprintf (failed, sizeof failed, ", error=\"invalid_token\","
                  " error_description=\"the token is not good: %s\"", why);
    snprintf (out, size, "Bearer realm=\"freecad-jobs\", scope=\"%s\"%s%s%s"
              "%s", needed != FCJ_SCOPE_NONE? fcj_scope_name (needed, false)
              : "fcj:read fcj:run", failed, *url? ", resource_metadata=\""
              : "", url, *url? "\"": "");
}

char *fcj_auth_metadata (const fcj_auth_t *self, const char *base)
{
    if (!self->count)
        return NULL;
    json_t *servers = json_array ();
    for (size_t n = 0; n < self->count; n++)
        json_array_append_new (servers, json_string (
            fcj_issuer_url (self->issuers[n])));
    json_t *root = json_pack (
        "{s:s,s:o,s:[s,s,s],s:[s],s:s}", "resource", base,
        "authorization_servers", servers, "scopes_supported", "fcj:read",
        "fcj:run", "fcj:admin", "bearer_methods_supported", "header",
        "resource_name", "freecad-jobs");
    char *text = fcj_json_dumps (root, JSON_COMPACT);
    json_decref (root);
    return text;
}

/* ---- The loop ---------------------------------------------------------- */

int fcj_auth_fd (const fcj_auth_t *self)
{
    return self->fetch? fcj_fetch_fd (self->fetch): -1;
}

static size_t s_busy (const fcj_auth_t *self)
{
    size_t busy = 0;
    for (size_t n = 0; n < self->count; n++)
        busy += fcj_issuer_busy (self->issuers[n]);
    return busy;
}

bool fcj_auth_run (fcj_auth_t *self, int64_t now_ms)
{
    if (now_ms - self->reread >= REREAD_MS) {
        self->reread = now_ms;
        fcj_tokens_refresh (self->tokens);
        for (size_t n = 0; n < self->count; n++)
            fcj_issuer_tick (self->issuers[n], now_ms);
    }
    if (!self->fetch)
        return false;
    size_t before = s_busy (self);
    fcj_fetch_run (self->fetch, now_ms);
    return s_busy (self) < before;
}

int fcj_auth_timeout (const fcj_auth_t *self, int64_t now_ms, int most)
{
    return self->fetch? fcj_fetch_timeout (self->fetch, now_ms, most): most;
}
