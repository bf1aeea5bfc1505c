/*  bytes.h - bytes that are added behind and dropped before.
 *
 *  For what is written piece by piece: a message, commands, what a socket
 *  has not taken yet. One that is all zero is empty; it lies inside of its
 *  owner, who frees it. No memory, or more than FCJ_BYTES_MAX, ends the
 *  process: a half written message must not leave, and who adds what comes
 *  from outside has bounded it long before.  */

#ifndef FCJ_BYTES_H
#define FCJ_BYTES_H
#include <stddef.h>

#define FCJ_BYTES_MAX  ((size_t) 1 << 30)
#define FCJ_BYTES_KEEP ((size_t) 1 << 20)   /* room of one that is empty */

typedef struct {
    char *room_at;
    size_t room, from, to;      /* [from, to) of the room is in use */
} fcj_bytes_t;

void fcj_bytes_add (fcj_bytes_t *self, const void *bytes, size_t size);
/*  The first `size`, which are there.  */
void fcj_bytes_drop (fcj_bytes_t *self, size_t size);
/*  Leaves it empty; the memory of what was large is given back.  */
void fcj_bytes_clear (fcj_bytes_t *self);
/*  Leaves it empty and without memory.  */
void fcj_bytes_free (fcj_bytes_t *self);

/*  Owned by self, until it is changed; NULL when nothing was ever added.  */
const char *fcj_bytes_data (const fcj_bytes_t *self);
size_t fcj_bytes_size (const fcj_bytes_t *self);
#endif
