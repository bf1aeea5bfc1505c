/*  issuer.c - the way to an issuer's keys, in up to three fetches:
 *
 *      OAUTH -> (OPENID ->) KEYS -> idle
 *
 *  The first two only when the address of the keys is not known yet.  */

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "issuer.h"
#include "../../jobs/log.h"

#define FRESH_MS 3600000        /* keys are asked for again after an hour */
#define KEPT_MS  86400000       /* without newer ones, they are good so long */
#define URL_MAX  2048

typedef enum { IDLE, OAUTH, OPENID, KEYS } step_t;

struct fcj_issuer {
    char url[URL_MAX], jwks[URL_MAX];   /* jwks "" until it is known */
    int64_t refetch_ms, tried, came;    /* came: when keys last did */
    fcj_fetch_t *fetch;
    fcj_jwks_t *keys;
    unsigned generation;
    step_t step;
    const char *wrong;          /* with metadata that came; or NULL */
    bool discover;              /* jwks comes from the metadata */
};

static void s_step (fcj_issuer_t *self, step_t step);

/*  RFC 8414 puts the well-known part between host and path, OpenID behind
 *  the path. */
static void s_metadata_url (const fcj_issuer_t *self, bool openid,
                            char *out, size_t size)
{
    size_t length = strlen (self->url);
    if (length && self->url[length - 1] == '/')
        length--;
    const char *host = strstr (self->url, "://") + 3;
    size_t head = (size_t) (host - self->url) + strcspn (host, "/");
    if (head > length)
        head = length;
    if (openid)
        snprintf (out, size, "%.*s/.well-known/openid-configuration",
                  (int) length, self->url);
    else
        snprintf (out, size, "%.*s/.well-known/oauth-authorization-server"
                  "%.*s", (int) head, self->url, (int) (length - head),
                  self->url + head);
}

static void s_failed (fcj_issuer_t *self, const char *why)
{
    fcj_log (FCJ_WARNING, "issuer_keys_missing", "issuer", self->url, "why",
             why, "keys", self->keys? "those at hand stay": "none", NULL);
    self->step = IDLE;
    if (self->discover)
        *self->jwks = 0;        /* it may have moved */
}

/*  Metadata that came over HTTPS must not send us to what listens on our
 *  loopback; that is for an issuer that is there itself. */
static bool s_may_lead_to (const fcj_issuer_t *self, const char *jwks)
{
    return fcj_fetch_allowed (jwks)
        && (strncasecmp (self->url, "https:", 6) != 0
            || strncasecmp (jwks, "https:", 6) == 0);
}

static const char *s_take_metadata (fcj_issuer_t *self, const char *text,
                                    size_t size)
{
    json_t *root = json_loadb (text, size, JSON_REJECT_DUPLICATES, NULL);
    const char *issuer = json_string_value (json_object_get (root,
                                                             "issuer"));
    const char *jwks = json_string_value (json_object_get (root,
                                                           "jwks_uri"));
    const char *why = NULL;
    if (!issuer || strcmp (issuer, self->url) != 0)
        why = "the metadata is another issuer's";
    else if (!jwks || strlen (jwks) >= URL_MAX || !s_may_lead_to (self, jwks))
        why = "the metadata has no jwks_uri that may be fetched";
    else
        snprintf (self->jwks, sizeof self->jwks, "%s", jwks);
    json_decref (root);
    return why;
}

static void s_came (void *arg, const char *text, size_t size,
                    const char *why)
{
    fcj_issuer_t *self = arg;
    fcj_error_t error;
    if (self->step == KEYS) {
        fcj_jwks_t *keys = text? fcj_jwks_new (text, size, &error): NULL;
        if (!keys) {
            s_failed (self, text? error.text: why);
            return;
        }
        fcj_jwks_destroy (&self->keys);
        self->keys = keys;
        self->generation++;
        self->came = self->tried;
        self->step = IDLE;
        fcj_log (FCJ_INFO, "issuer_keys", "issuer", self->url, NULL);
        return;
    }
    if (text)
        why = self->wrong = s_take_metadata (self, text, size);
    if (text && !why)
        s_step (self, KEYS);
    else if (self->step == OAUTH)
        s_step (self, OPENID);
    else
        s_failed (self, self->wrong? self->wrong: why);
}

static void s_step (fcj_issuer_t *self, step_t step)
{
    char url[URL_MAX + 64];
    self->step = step;
    if (step == KEYS)
        snprintf (url, sizeof url, "%s", self->jwks);
    else
        s_metadata_url (self, step == OPENID, url, sizeof url);
    fcj_fetch_get (self->fetch, url, s_came, self);
}

/* ------------------------------------------------------------------------ */

fcj_issuer_t *fcj_issuer_new (const char *url, const char *jwks,
                              int64_t refetch_ms, fcj_fetch_t *fetch,
                              fcj_error_t *error)
{
    if (!fcj_fetch_allowed (url) || strlen (url) >= URL_MAX
        || strpbrk (url, "|?#") || (*jwks && !fcj_fetch_allowed (jwks))
        || strlen (jwks) >= URL_MAX) {
        fcj_fail (error, FCJ_INVALID, "auth-issuer and auth-jwks are https"
                  " URLs (http on loopback only), an issuer without ? and #;"
                  " %.200s is none", url);
        return NULL;
    }
    fcj_issuer_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    snprintf (self->url, sizeof self->url, "%s", url);
    snprintf (self->jwks, sizeof self->jwks, "%s", jwks);
    self->discover = !*jwks;
    self->refetch_ms = refetch_ms;
    self->fetch = fetch;
    return self;
}

void fcj_issuer_destroy (fcj_issuer_t **self_p)
{
    fcj_issuer_t *self = *self_p;
    if (!self)
        return;
    fcj_jwks_destroy (&self->keys);
    free (self);
    *self_p = NULL;
}

const char *fcj_issuer_url (const fcj_issuer_t *self)
{
    return self->url;
}

const fcj_jwks_t *fcj_issuer_keys (const fcj_issuer_t *self)
{
    return self->keys;
}

unsigned fcj_issuer_generation (const fcj_issuer_t *self)
{
    return self->generation;
}

bool fcj_issuer_busy (const fcj_issuer_t *self)
{
    return self->step != IDLE;
}

bool fcj_issuer_refresh (fcj_issuer_t *self, int64_t now_ms)
{
    if (fcj_issuer_busy (self))
        return true;
    if (self->tried && now_ms - self->tried < self->refetch_ms)
        return false;
    self->tried = now_ms;
    self->wrong = NULL;
    s_step (self, *self->jwks? KEYS: OAUTH);
    return true;
}

void fcj_issuer_tick (fcj_issuer_t *self, int64_t now_ms)
{
    int64_t age = now_ms - self->came;
    if (self->keys && age > KEPT_MS) {
        fcj_log (FCJ_WARNING, "issuer_keys_too_old", "issuer", self->url,
                 NULL);
        fcj_jwks_destroy (&self->keys);
        self->generation++;
    }
    if (!self->keys || age >= FRESH_MS)
        fcj_issuer_refresh (self, now_ms);
}
