/*  heap.h - deadlines, nearest first.
 *
 *  A binary heap of items that know their own place, so that changing or
 *  removing one costs O(log n). An item lives inside its owner's struct.  */

#ifndef FCJ_HEAP_H
#define FCJ_HEAP_H
#include <stddef.h>
#include <stdint.h>

typedef struct {
    int64_t due;                /* ms */
    uint32_t place;             /* 1-based; 0: not in the heap */
} fcj_due_t;

typedef struct {
    fcj_due_t **items;
    uint32_t count, room;
} fcj_heap_t;

/*  Puts, moves or (due INT64_MAX) removes item. -1: no memory.  */
int fcj_heap_set (fcj_heap_t *self, fcj_due_t *item, int64_t due);
void fcj_heap_remove (fcj_heap_t *self, fcj_due_t *item);
/*  The nearest, or NULL.  */
fcj_due_t *fcj_heap_first (const fcj_heap_t *self);
void fcj_heap_free (fcj_heap_t *self);
#endif
