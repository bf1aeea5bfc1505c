/*  policy.c - the names that this server goes by.  */

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "policy.h"

#define HOSTS_MAX 32

struct fcj_policy {
    char *hosts[HOSTS_MAX];
    size_t count;
};

static void s_add (fcj_policy_t *self, const char *host, size_t length)
{
    if (length && self->count < HOSTS_MAX)
        self->hosts[self->count++] = strndup (host, length);
}

/*  Length of a host without its port. */
static size_t s_host_length (const char *host)
{
    const char *colon = strrchr (host, ':');
    if (colon && colon[strspn (colon + 1, "0123456789") + 1] == 0)
        return (size_t) (colon - host);
    return strlen (host);
}

/* ------------------------------------------------------------------------ */

fcj_policy_t *fcj_policy_new (const char *hosts, const char *public_url)
{
    static const char *const LOCAL[] = { "localhost", "127.0.0.1", "[::1]" };
    fcj_policy_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    for (size_t n = 0; n < 3; n++)
        s_add (self, LOCAL[n], strlen (LOCAL[n]));
    const char *host = strstr (public_url, "://");
    char *copy = strdup (hosts), *rest = NULL;
    for (char *one = strtok_r (copy, ", ", &rest); one;
         one = strtok_r (NULL, ", ", &rest))
        s_add (self, one, strlen (one));
    free (copy);
    if (host) {
        copy = strndup (host + 3, strcspn (host + 3, "/?#"));
        s_add (self, copy, s_host_length (copy));
        free (copy);
    }
    return self;
}

void fcj_policy_destroy (fcj_policy_t **self_p)
{
    fcj_policy_t *self = *self_p;
    if (!self)
        return;
    for (size_t n = 0; n < self->count; n++)
        free (self->hosts[n]);
    free (self);
    *self_p = NULL;
}

bool fcj_policy_host (const fcj_policy_t *self, const char *host)
{
    if (!host)
        return false;           /* HTTP/1.1 demands one */
    size_t length = s_host_length (host);
    for (size_t n = 0; n < self->count; n++)
        if (strlen (self->hosts[n]) == length
            && strncasecmp (self->hosts[n], host, length) == 0)
            return true;
    return false;
}

bool fcj_policy_origin (const fcj_policy_t *self, const char *origin)
{
    if (!origin)
        return true;            /* not a browser */
    const char *host = strstr (origin, "://");
    if (!host || (strncmp (origin, "http://", 7) != 0
                  && strncmp (origin, "https://", 8) != 0))
        return false;
    return fcj_policy_host (self, host + 3);
}
