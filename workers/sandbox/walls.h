/*  walls.h - what a supervisor says of the walls, on the command line of
 *  fcj-zygote and fcj-native alike:
 *
 *      [--sandbox off] [--network on] [--root [w:]PATH]... [--read PATH]...  */

#ifndef FCJ_WALLS_H
#define FCJ_WALLS_H

#include "sandbox.h"

#define FCJ_READABLE_MAX 64

typedef struct {
    const char *readable[FCJ_READABLE_MAX + 1];     /* NULL-terminated */
    fcj_root_t roots[FCJ_ROOTS_MAX];
    size_t readable_count, root_count;
    bool sandbox, network;
} fcj_walls_t;

/*  A sandbox, and nothing to read but the system. */
void fcj_walls_init (fcj_walls_t *self);
/*  Takes one flag and its value, which is borrowed; false: it is none of
 *  these. Paths past the bounds are left out: less can be read then.  */
bool fcj_walls_take (fcj_walls_t *self, const char *flag, const char *value);
/*  One more path to read; false when there is no room.  */
bool fcj_walls_read (fcj_walls_t *self, const char *path);
#endif
