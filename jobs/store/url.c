/*  url.c - see url.h.  */

#include "url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define PORT     "6379"
#define PORT_MAX 65535
#define DB_MAX   99999

static int s_hex (char c)
{
    return isdigit ((unsigned char) c) ? c - '0'
           : isxdigit ((unsigned char) c)
               ? tolower ((unsigned char) c) - 'a' + 10
               : -1;
}

/*  A copy of the bytes with %xx resolved.  */
static char *s_decoded (const char *text, size_t size)
{
    char *out = calloc (1, size + 1), *to = out;
    if (!out)
        abort ();
    for (size_t n = 0; n < size; n++) {
        if (text[n] == '%' && n + 2 < size && s_hex (text[n + 1]) >= 0 &&
            s_hex (text[n + 2]) >= 0) {
            *to++ = (char) (s_hex (text[n + 1]) * 16 + s_hex (text[n + 2]));
            n += 2;
        } else
            *to++ = text[n];
    }
    return out;
}

/*  user:password@, :password@ or nothing; returns what comes after it.  */
static const char *s_credentials (fcj_url_t *self, const char *at)
{
    size_t size = strcspn (at, "/?");
    const char *end = memrchr (at, '@', size);
    if (!end)
        return at;
    const char *colon = memchr (at, ':', (size_t) (end - at));
    if (colon && colon > at)
        self->user = s_decoded (at, (size_t) (colon - at));
    const char *secret = colon ? colon + 1 : at;
    self->password = s_decoded (secret, (size_t) (end - secret));
    return end + 1;
}

/*  The number that the bytes are, all of them; -1 for none up to most.  */
static int s_number (const char *text, size_t size, int most)
{
    int number = 0;
    for (size_t n = 0; n < size && number <= most; n++) {
        if (!isdigit ((unsigned char) text[n]))
            return -1;
        number = number * 10 + (text[n] - '0');
    }
    return size && number <= most ? number : -1;
}

static char *s_copy (const char *text, size_t size)
{
    char *copy = strndup (text, size);
    if (!copy)
        abort ();
    return copy;
}

/*  host, [v6] or either with :port, in `size` bytes.  */
static int s_host (fcj_url_t *self, const char *at, size_t size)
{
    const char *end = at + size, *stop, *colon;
    if (size && *at == '[') {
        stop = memchr (++at, ']', size - 1);
        colon = stop ? stop + 1 : NULL;
    } else
        colon = stop = memchr (at, ':', size) ? memchr (at, ':', size) : end;
    if (!stop || stop == at || (colon < end && *colon != ':'))
        return -1;
    self->host = s_copy (at, (size_t) (stop - at));
    if (colon == end) {
        self->port = s_copy (PORT, strlen (PORT));
        return 0;
    }
    size = (size_t) (end - colon - 1);
    self->port = s_copy (colon + 1, size);
    return s_number (colon + 1, size, PORT_MAX) > 0 ? 0 : -1;
}

/*  What follows: nothing, a mark alone when `bare`, or mark and number.  */
static int s_db (fcj_url_t *self, const char *at, const char *mark, bool bare)
{
    size_t size = strlen (mark);
    if (!*at)
        return 0;
    if (strncmp (at, mark, size) != 0)
        return -1;
    if (bare && !at[size])
        return 0;
    self->db = s_number (at + size, strlen (at + size), DB_MAX);
    return self->db < 0 ? -1 : 0;
}

static int s_unix (fcj_url_t *self, const char *at)
{
    struct sockaddr_un address;
    size_t size = strcspn (at, "?");
    self->path = s_copy (at, size);
    if (*at != '/' || size >= sizeof (address.sun_path))
        return -1;
    return s_db (self, at + size, "?db=", false);
}

int fcj_url_read (fcj_url_t *self, const char *text)
{
    memset (self, 0, sizeof (*self));
    if (strncmp (text, "unix://", 7) == 0)
        return s_unix (self, s_credentials (self, text + 7));
    self->tls = strncmp (text, "rediss://", 9) == 0;
    if (!self->tls && strncmp (text, "redis://", 8) != 0)
        return -1;
    const char *at = s_credentials (self, strchr (text, '/') + 2);
    size_t size = strcspn (at, "/?");
    if (s_host (self, at, size) < 0)
        return -1;
    return s_db (self, at + size, "/", true);
}

void fcj_url_free (fcj_url_t *self)
{
    free (self->host);
    free (self->port);
    free (self->path);
    free (self->user);
    free (self->password);
    memset (self, 0, sizeof (*self));
}
