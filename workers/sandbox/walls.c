/*  walls.c - see walls.h.  */

#include "walls.h"

#include <string.h>

void
fcj_walls_init (fcj_walls_t *self)
{
    memset (self, 0, sizeof *self);
    self->sandbox = true;
}

bool
fcj_walls_read (fcj_walls_t *self, const char *path)
{
    if (self->readable_count == FCJ_READABLE_MAX)
        return false;
    self->readable[self->readable_count++] = path;
    return true;
}

static void
s_root (fcj_walls_t *self, const char *text)
{
    if (self->root_count == FCJ_ROOTS_MAX)
        return;
    fcj_root_t *root = &self->roots[self->root_count++];
    root->writable = strncmp (text, "w:", 2) == 0;
    root->path = root->writable ? text + 2 : text;
}

bool
fcj_walls_take (fcj_walls_t *self, const char *flag, const char *value)
{
    if (strcmp (flag, "--read") == 0)
        fcj_walls_read (self, value);
    else if (strcmp (flag, "--root") == 0)
        s_root (self, value);
    else if (strcmp (flag, "--sandbox") == 0)
        self->sandbox = strcmp (value, "off") != 0;
    else if (strcmp (flag, "--network") == 0)
        self->network = strcmp (value, "on") == 0;
    else
        return false;
    return true;
}
