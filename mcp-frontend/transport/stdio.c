/*  stdio.c - lines in, lines out. A line over the limit is read to its end
 *  and answered, so that the stream stays in step; output that nobody reads
 *  is bounded too.  */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../protocol/seek.h"
#include "stdio.h"

#define CHUNK   65536
#define OUT_MAX (128L * 1024 * 1024)

struct fcj_stdio {
    fcj_front_t *front;
    char *in, *out;
    size_t in_used, in_size, out_used, out_start, out_size;
    bool overlong, eof, broken;
    fcj_seek_t seek;            /* for the id of what is overlong */
};

fcj_stdio_t *fcj_stdio_new (fcj_front_t *front)
{
    fcj_stdio_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->front = front;
    fcntl (0, F_SETFL, fcntl (0, F_GETFL) | O_NONBLOCK);
    fcntl (1, F_SETFL, fcntl (1, F_GETFL) | O_NONBLOCK);
    return self;
}

void fcj_stdio_destroy (fcj_stdio_t **self_p)
{
    fcj_stdio_t *self = *self_p;
    if (!self)
        return;
    free (self->in);
    free (self->out);
    free (self);
    *self_p = NULL;
}

bool fcj_stdio_wants_write (const fcj_stdio_t *self)
{
    return self->out_used > self->out_start;
}

bool fcj_stdio_over (const fcj_stdio_t *self)
{
    return self->eof || self->broken;
}

/* ---- Output ------------------------------------------------------------ */

static int s_grow (char **buffer, size_t *size, size_t needed)
{
    if (needed <= *size)
        return 0;
    size_t larger = *size? *size: CHUNK;
    while (larger < needed)
        larger *= 2;
    char *moved = realloc (*buffer, larger);
    if (!moved)
        return -1;
    *buffer = moved;
    *size = larger;
    return 0;
}

void fcj_stdio_write (fcj_stdio_t *self)
{
    while (!self->broken && self->out_start < self->out_used) {
        ssize_t done = write (1, self->out + self->out_start,
                              self->out_used - self->out_start);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0 && errno == EAGAIN)
            return;
        if (done < 0)
            self->broken = true;
        else
            self->out_start += (size_t) done;
    }
    self->out_used = self->out_start = 0;
    if (self->out_size > 16 * CHUNK) {  /* give a large answer's room back */
        free (self->out);
        self->out = NULL;
        self->out_size = 0;
    }
}

void fcj_stdio_send (fcj_stdio_t *self, char *text, size_t size)
{
    if (text && !self->broken) {
        if (self->out_used + size + 1 > OUT_MAX
            || s_grow (&self->out, &self->out_size,
                       self->out_used + size + 1) != 0)
            self->broken = true;
        else {
            memcpy (self->out + self->out_used, text, size);
            self->out_used += size;
            self->out[self->out_used++] = '\n';
            fcj_stdio_write (self);
        }
    }
    free (text);
}

static void s_answer (void *arg, int status, char *text, size_t size)
{
    (void) status;
    fcj_stdio_send (arg, text, size);
}

static void s_notify (void *arg, const char *id, char *text, size_t size)
{
    (void) id;                  /* a pipe loses nothing */
    fcj_stdio_send (arg, text, size);
}

/* ---- Input ------------------------------------------------------------- */

static void s_line (fcj_stdio_t *self, const char *line, size_t size)
{
    fcj_sink_t sink = {
        .answer = s_answer, .notify = s_notify, .arg = self,
        .scope = FCJ_SCOPE_ADMIN, .streams = true
    };
    if (size && line[size - 1] == '\r')
        size--;
    if (self->overlong) {       /* its size alone is the error */
        fcj_seek_feed (&self->seek, line, size);
        json_t *id = fcj_seek_id (&self->seek);
        fcj_front_too_long (&sink, id);
        json_decref (id);
        self->overlong = false;
        self->seek = (fcj_seek_t) { 0 };
    }
    else if (size)
        fcj_front_message (self->front, &sink, self->front->user, NULL,
                           line, size);
}

static void s_lines (fcj_stdio_t *self, size_t fresh)
{
    char *start = self->in, *from = self->in + fresh, *end;
    char *limit = self->in + self->in_used;
    while ((end = memchr (from, '\n', (size_t) (limit - from)))) {
        s_line (self, start, (size_t) (end - start));
        start = from = end + 1;
    }
    self->in_used = (size_t) (limit - start);
    memmove (self->in, start, self->in_used);
    if (self->overlong || self->in_used > FCJ_REQUEST_MAX) {
        fcj_seek_feed (&self->seek, self->in, self->in_used);
        self->overlong = true;
        self->in_used = 0;
    }
    if (!self->in_used && self->in_size > 16 * CHUNK) {
        free (self->in);
        self->in = NULL;
        self->in_size = 0;
    }
}

void fcj_stdio_read (fcj_stdio_t *self)
{
    while (!self->eof) {
        if (s_grow (&self->in, &self->in_size, self->in_used + CHUNK) != 0) {
            self->broken = true;
            return;
        }
        ssize_t got = read (0, self->in + self->in_used, CHUNK);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            self->eof = true;
            if (self->in_used || self->overlong)
                s_line (self, self->in, self->in_used);
            self->in_used = 0;
            return;
        }
        size_t fresh = self->in_used;
        self->in_used += (size_t) got;
        s_lines (self, fresh);
        if (got < CHUNK)
            return;
    }
}
