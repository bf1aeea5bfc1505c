/*  seek.h - finds the id of a message that cannot be read as JSON.
 *
 *  A client that is answered without its request's id waits until its own
 *  time is over, and nobody is told what was wrong. The text is fed in pieces
 *  of any size, so that also a message that is too long to keep has one.  */

#ifndef FCJ_MCP_SEEK_H
#define FCJ_MCP_SEEK_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define FCJ_SEEK_MAX 256        /* bytes of an id as JSON text */

/*  Begins as all zeros. `text` holds the string or number that is being read:
 *  of a key, then of an id.  */
typedef struct {
    long depth;
    bool string, escaped;       /* inside of a string; behind a backslash */
    bool id;                    /* the value that follows is the id's */
    bool found;
    size_t used;                /* more than FCJ_SEEK_MAX: too long */
    char text[FCJ_SEEK_MAX];
} fcj_seek_t;

void fcj_seek_feed (fcj_seek_t *self, const char *bytes, size_t size);
/*  The id, the caller's; NULL when there is none: a string or an integer.  */
json_t *fcj_seek_id (const fcj_seek_t *self);

#endif
