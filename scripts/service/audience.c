/*  audience.c - see audience.h. Sockets are non-blocking; a line is written
 *  whole or the client is dropped: 200 bytes fit any socket buffer of a
 *  client that is alive.  */

#include "audience.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

typedef struct {
    int fd;
    size_t used;
    char line[LINE_MAX_BYTES];
} listener_t;

struct fcj_audience {
    int fd;
    char path[sizeof ((struct sockaddr_un *) 0)->sun_path];
    char told[2048];
    listener_t *listeners[FCJ_AUDIENCE_MAX];
    int count;
};

fcj_audience_t *fcj_audience_new (const char *path, fcj_error_t *error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen (path) >= sizeof address.sun_path) {
        fcj_fail (error, FCJ_INVALID, "The socket path %s is longer than %zu "
                  "characters: set FCJ_RUN_DIR or XDG_RUNTIME_DIR to a "
                  "shorter directory.", path, sizeof address.sun_path - 1);
        return NULL;
    }
    memcpy (address.sun_path, path, strlen (path) + 1);
    unlink (path);
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t old = umask (0177);
    int bound = fd < 0 ? -1 : bind (fd, (struct sockaddr *) &address,
                                    sizeof address);
    umask (old);
    if (bound < 0 || listen (fd, 64) < 0) {
        fcj_fail (error, FCJ_INTERNAL, "Cannot listen on %s: %s", path,
                  strerror (errno));
        if (fd >= 0)
            close (fd);
        return NULL;
    }
    fcj_audience_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->fd = fd;
    memcpy (self->path, path, strlen (path) + 1);
    return self;
}

static void s_drop (fcj_audience_t *self, int n)
{
    close (self->listeners[n]->fd);
    free (self->listeners[n]);
    self->listeners[n] = self->listeners[--self->count];
}

void fcj_audience_destroy (fcj_audience_t **self_p)
{
    fcj_audience_t *self = *self_p;
    if (!self)
        return;
    unlink (self->path);
    while (self->count)
        s_drop (self, self->count - 1);
    close (self->fd);
    free (self);
    *self_p = NULL;
}

static bool s_send (fcj_audience_t *self, int n)
{
    size_t size = strlen (self->told);
    return send (self->listeners[n]->fd, self->told, size,
                 MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t) size;
}

void fcj_audience_tell (fcj_audience_t *self, const char *line)
{
    char told[sizeof self->told];
    snprintf (told, sizeof told - 1, "%s", line);
    strcat (told, "\n");
    if (strcmp (told, self->told) == 0)
        return;
    memcpy (self->told, told, sizeof told);
    for (int n = self->count - 1; n >= 0; n--)
        if (!s_send (self, n))
            s_drop (self, n);
}

size_t fcj_audience_polls (const fcj_audience_t *self, struct pollfd *polls)
{
    polls[0] = (struct pollfd) { .fd = self->fd, .events = POLLIN };
    for (int n = 0; n < self->count; n++)
        polls[n + 1] = (struct pollfd) { .fd = self->listeners[n]->fd,
                                         .events = POLLIN };
    return (size_t) self->count + 1;
}

static void s_accept (fcj_audience_t *self)
{
    int fd;
    while ((fd = accept4 (self->fd, NULL, NULL,
                          SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        listener_t *listener = self->count < FCJ_AUDIENCE_MAX
                               ? calloc (1, sizeof *listener) : NULL;
        if (!listener) {
            close (fd);
            continue;
        }
        listener->fd = fd;
        self->listeners[self->count++] = listener;
        if (self->told[0] && !s_send (self, self->count - 1))
            s_drop (self, self->count - 1);
    }
}

static fcj_wish_t s_wish (const char *line, size_t size)
{
    json_t *root = json_loadb (line, size, 0, NULL);
    const char *cmd = json_string_value (json_object_get (root, "cmd"));
    fcj_wish_t wish = cmd && strcmp (cmd, "stop") == 0 ? FCJ_WISH_STOP
                    : cmd && strcmp (cmd, "stay") == 0 ? FCJ_WISH_STAY
                    : FCJ_WISH_NONE;
    json_decref (root);
    return wish;
}

/*  Reads what is there, *wish grows. -1: gone or bad, else 0.  */
static int s_read (listener_t *it, fcj_wish_t *wish)
{
    for (;;) {
        if (it->used == sizeof it->line)
            return -1;
        ssize_t got = recv (it->fd, it->line + it->used,
                            sizeof it->line - it->used, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (got <= 0)
            return -1;
        it->used += (size_t) got;
        char *end;
        while ((end = memchr (it->line, '\n', it->used))) {
            size_t size = (size_t) (end - it->line);
            fcj_wish_t one = s_wish (it->line, size);
            if (one > *wish)
                *wish = one;
            it->used -= size + 1;
            memmove (it->line, end + 1, it->used);
        }
    }
}

fcj_wish_t fcj_audience_run (fcj_audience_t *self)
{
    fcj_wish_t wish = FCJ_WISH_NONE;
    s_accept (self);
    for (int n = self->count - 1; n >= 0; n--)
        if (s_read (self->listeners[n], &wish) < 0)
            s_drop (self, n);
    return wish;
}

int fcj_audience_count (const fcj_audience_t *self)
{
    return self->count;
}
