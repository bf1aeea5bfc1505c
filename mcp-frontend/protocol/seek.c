/*  seek.c - see seek.h. It knows strings and nesting and nothing else: what
 *  stands at depth 1 behind the key "id" is taken, and whether that is an id
 *  is asked of the JSON reader in the end. */

#include "seek.h"
#include <string.h>
#include "rpc.h"

static const char KEY[] = "\"id\"";

static void s_keep (fcj_seek_t *self, char c)
{
    if (self->used < FCJ_SEEK_MAX)
        self->text[self->used] = c;
    if (self->used <= FCJ_SEEK_MAX)
        self->used++;
}

/*  A fraction is read on, too, so that its beginning is no id. */
static bool s_in_number (char c)
{
    return (c >= '0' && c <= '9') || (c && strchr ("-+.eE", c));
}

/*  A character outside of strings. */
static void s_plain (fcj_seek_t *self, char c)
{
    if (self->depth == 1 && self->id && s_in_number (c)) {
        s_keep (self, c);
        return;
    }
    if (self->id && self->used && c != '"') {
        self->found = true;                     /* the number's end */
        return;
    }
    if (c == '"') {
        self->string = true;
        self->used = 0;
        s_keep (self, c);
    }
    else if (c == '{' || c == '[') {
        self->depth++;
        self->id = false;
    }
    else if (c == '}' || c == ']')
        self->depth--;
    else if (c == ':' && self->depth == 1) {
        self->id = self->used == sizeof KEY - 1
            && memcmp (self->text, KEY, sizeof KEY - 1) == 0;
        self->used = 0;
    }
    else if (c == ',') {
        self->id = false;
        self->used = 0;
    }
}

static void s_inside (fcj_seek_t *self, char c)
{
    if (self->depth == 1)
        s_keep (self, c);
    if (self->escaped)
        self->escaped = false;
    else if (c == '\\')
        self->escaped = true;
    else if (c == '"') {
        self->string = false;
        self->found = self->id && self->depth == 1;
    }
}

/* ------------------------------------------------------------------------ */

void fcj_seek_feed (fcj_seek_t *self, const char *bytes, size_t size)
{
    for (size_t n = 0; n < size && !self->found; n++)
        if (self->string)
            s_inside (self, bytes[n]);
        else
            s_plain (self, bytes[n]);
}

json_t *fcj_seek_id (const fcj_seek_t *self)
{
    if (!self->found || self->used > FCJ_SEEK_MAX)
        return NULL;
    json_t *id = json_loadb (self->text, self->used, JSON_DECODE_ANY, NULL);
    if (id && !fcj_rpc_is_id (id)) {
        json_decref (id);
        id = NULL;
    }
    return id;
}
