/*  mappings.c - see mappings.h.
 *
 *  A library is five mappings: head, code, constants, what the loader has
 *  relocated (then read-only), and data. FreeCAD has more than a hundred
 *  libraries, and fork and exit pay for each mapping. Neighbours with equal
 *  rights are one mapping to the kernel, so constants are given the right of
 *  code, and relocated tables that of data: three and two become one and one.
 *
 *  What that gives away is nothing here: a fork runs whatever its user wrote,
 *  and is held by its sandbox, not by the rights of its own pages.  */

#include "../zygote/mappings.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef struct {
    uintptr_t from, to;
    uint64_t offset, inode;
    char rights[5];
} mapping_t;

typedef struct {
    mapping_t *all;
    size_t count, room;
} table_t;

static bool
s_keep (table_t *self, const mapping_t *one)
{
    if (self->count == self->room) {
        size_t room = self->room ? self->room * 2 : 512;
        mapping_t *all = realloc (self->all, room * sizeof *all);
        if (!all)
            return false;
        self->all = all;
        self->room = room;
    }
    self->all[self->count++] = *one;
    return true;
}

static void
s_read (table_t *self)
{
    FILE *file = fopen ("/proc/self/maps", "re");
    char line[4500];
    mapping_t one;
    self->count = 0;
    while (file && fgets (line, sizeof line, file))
        if (sscanf (line, "%" SCNxPTR "-%" SCNxPTR " %4s %" SCNx64
                    " %*s %" SCNu64, &one.from, &one.to, one.rights,
                    &one.offset, &one.inode) == 5 && !s_keep (self, &one))
            break;
    if (file)
        fclose (file);
}

/*  The second goes on where the first ends, in memory and in the file.  */
static bool
s_adjoin (const mapping_t *first, const mapping_t *second)
{
    return first->inode && first->inode == second->inode
        && first->to == second->from
        && first->offset + (first->to - first->from) == second->offset;
}

static bool
s_may (const mapping_t *one, const char *rights)
{
    return strcmp (one->rights, rights) == 0;
}

static void
s_allow (const mapping_t *one, int rights)
{
    mprotect ((void *) one->from, one->to - one->from, rights);
}

size_t
fcj_mappings_join (void)
{
    table_t table = { NULL, 0, 0 };
    s_read (&table);
    for (size_t i = 0; i < table.count; i++) {
        const mapping_t *one = &table.all[i];
        const mapping_t *next = i + 1 < table.count ? one + 1 : NULL;
        const mapping_t *last = i ? one - 1 : NULL;
        if (!s_may (one, "r--p"))
            continue;
        if (next && s_adjoin (one, next) && s_may (next, "rw-p"))
            s_allow (one, PROT_READ | PROT_WRITE);
        else if ((next && s_adjoin (one, next) && s_may (next, "r-xp"))
                 || (last && s_adjoin (last, one) && s_may (last, "r-xp")))
            s_allow (one, PROT_READ | PROT_EXEC);
    }
    s_read (&table);
    free (table.all);
    return table.count;
}
