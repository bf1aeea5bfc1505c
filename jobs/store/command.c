/*  command.c - commands in Redis' protocol.
 *
 *  The number of words stands before them, so a command's words are kept
 *  apart until it ends.  */

#include "command.h"
#include "../bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "{fcj:0}:"

struct fcj_command {
    fcj_bytes_t done, open;
    int words, commands;
};

static void s_head (fcj_bytes_t *self, char mark, size_t number)
{
    char head[32];
    int size = snprintf (head, sizeof (head), "%c%zu\r\n", mark, number);
    fcj_bytes_add (self, head, (size_t) size);
}

fcj_command_t *fcj_command_new (void)
{
    fcj_command_t *self = calloc (1, sizeof (*self));
    if (!self)
        abort ();
    return self;
}

void fcj_command_destroy (fcj_command_t **self_p)
{
    if (!*self_p)
        return;
    fcj_bytes_free (&(*self_p)->done);
    fcj_bytes_free (&(*self_p)->open);
    free (*self_p);
    *self_p = NULL;
}

void fcj_command_begin (fcj_command_t *self, const char *word)
{
    fcj_bytes_clear (&self->open);
    self->words = 0;
    fcj_command_str (self, word);
}

void fcj_command_function (fcj_command_t *self, const char *name, int keys)
{
    fcj_command_begin (self, "FCALL");
    fcj_command_str (self, name);
    fcj_command_int (self, keys);
}

void fcj_command_add (fcj_command_t *self, const void *bytes, size_t size)
{
    s_head (&self->open, '$', size);
    fcj_bytes_add (&self->open, bytes, size);
    fcj_bytes_add (&self->open, "\r\n", 2);
    self->words++;
}

void fcj_command_str (fcj_command_t *self, const char *word)
{
    fcj_command_add (self, word ? word : "", word ? strlen (word) : 0);
}

void fcj_command_int (fcj_command_t *self, int64_t number)
{
    char text[32];
    snprintf (text, sizeof (text), "%lld", (long long) number);
    fcj_command_str (self, text);
}

void fcj_command_fraction (fcj_command_t *self, double fraction)
{
    /* written so that NaN becomes 0 */
    double bounded = fraction > 1 ? 1 : fraction > 0 ? fraction : 0;
    char text[32];
    snprintf (text, sizeof (text), "%.4g", bounded);
    fcj_command_str (self, text);
}

void fcj_command_key (fcj_command_t *self, const char *kind, const char *name)
{
    size_t size = strlen (PREFIX) + strlen (kind) + strlen (name);
    s_head (&self->open, '$', size);
    fcj_bytes_add (&self->open, PREFIX, strlen (PREFIX));
    fcj_bytes_add (&self->open, kind, strlen (kind));
    fcj_bytes_add (&self->open, name, strlen (name));
    fcj_bytes_add (&self->open, "\r\n", 2);
    self->words++;
}

void fcj_command_idem (fcj_command_t *self, const char *owner,
                       const char *hash)
{
    char *name;
    if (asprintf (&name, "%s:%s", owner, hash) < 0)
        abort ();
    fcj_command_key (self, "idem:", name);
    free (name);
}

void fcj_command_end (fcj_command_t *self)
{
    s_head (&self->done, '*', (size_t) self->words);
    fcj_bytes_add (&self->done, fcj_bytes_data (&self->open),
                   fcj_bytes_size (&self->open));
    self->commands++;
}

const char *fcj_command_data (const fcj_command_t *self)
{
    return fcj_bytes_data (&self->done);
}

size_t fcj_command_size (const fcj_command_t *self)
{
    return fcj_bytes_size (&self->done);
}

int fcj_command_count (const fcj_command_t *self)
{
    return self->commands;
}
