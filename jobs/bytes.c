/*  bytes.c - see bytes.h.
 *
 *  Dropping only moves `from`. What is left is moved to the front when it is
 *  not longer than what was dropped, so each byte is moved once for each that
 *  goes, and one that never runs empty does not grow for ever.  */

#include "bytes.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 512

static void s_grow (fcj_bytes_t *self, size_t size)
{
    size_t room = self->room ? self->room : ROOM_MIN;
    while (room - self->to < size)
        room *= 2;
    char *moved = realloc (self->room_at, room);
    if (!moved)
        abort ();
    self->room_at = moved;
    self->room = room;
}

void fcj_bytes_add (fcj_bytes_t *self, const void *bytes, size_t size)
{
    if (size == 0)
        return;
    if (size > FCJ_BYTES_MAX - self->to)
        abort ();
    if (self->room - self->to < size)
        s_grow (self, size);
    memcpy (self->room_at + self->to, bytes, size);
    self->to += size;
}

void fcj_bytes_drop (fcj_bytes_t *self, size_t size)
{
    if (size > fcj_bytes_size (self))
        abort ();
    self->from += size;
    size_t left = fcj_bytes_size (self);
    if (left == 0)
        fcj_bytes_clear (self);
    else if (left <= self->from) {
        memcpy (self->room_at, self->room_at + self->from, left);
        self->from = 0;
        self->to = left;
    }
}

void fcj_bytes_clear (fcj_bytes_t *self)
{
    self->from = self->to = 0;
    if (self->room > FCJ_BYTES_KEEP)
        fcj_bytes_free (self);
}

void fcj_bytes_free (fcj_bytes_t *self)
{
    free (self->room_at);
    memset (self, 0, sizeof (*self));
}

const char *fcj_bytes_data (const fcj_bytes_t *self)
{
    return self->room_at ? self->room_at + self->from : NULL;
}

size_t fcj_bytes_size (const fcj_bytes_t *self)
{
    return self->to - self->from;
}
