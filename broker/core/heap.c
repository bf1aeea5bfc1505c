/*  heap.c - deadlines, nearest first. Items carry their place, which every
 *  move updates: the cost of removal from the middle is one sift.  */

#include "heap.h"
#include <stdlib.h>

static void
s_put (fcj_heap_t *self, uint32_t place, fcj_due_t *item)
{
    self->items[place - 1] = item;
    item->place = place;
}

static void
s_sift (fcj_heap_t *self, uint32_t place, fcj_due_t *item)
{
    while (place > 1 && self->items[place / 2 - 1]->due > item->due) {
        s_put (self, place, self->items[place / 2 - 1]);
        place /= 2;
    }
    for (;;) {
        uint32_t child = place * 2;
        if (child > self->count)
            break;
        if (child < self->count
            && self->items[child]->due < self->items[child - 1]->due)
            child++;
        if (self->items[child - 1]->due >= item->due)
            break;
        s_put (self, place, self->items[child - 1]);
        place = child;
    }
    s_put (self, place, item);
}

int
fcj_heap_set (fcj_heap_t *self, fcj_due_t *item, int64_t due)
{
    if (due == INT64_MAX) {
        fcj_heap_remove (self, item);
        return 0;
    }
    item->due = due;
    if (!item->place) {
        if (self->count == self->room) {
            uint32_t room = self->room ? self->room * 2 : 64;
            fcj_due_t **items = realloc (self->items, room * sizeof *items);
            if (!items)
                return -1;
            self->items = items;
            self->room = room;
        }
        item->place = ++self->count;
    }
    s_sift (self, item->place, item);
    return 0;
}

void
fcj_heap_remove (fcj_heap_t *self, fcj_due_t *item)
{
    if (!item->place)
        return;
    uint32_t place = item->place;
    item->place = 0;
    fcj_due_t *last = self->items[--self->count];
    if (last != item)
        s_sift (self, place, last);
}

fcj_due_t *
fcj_heap_first (const fcj_heap_t *self)
{
    return self->count ? self->items[0] : NULL;
}

void
fcj_heap_free (fcj_heap_t *self)
{
    free (self->items);
    self->items = NULL;
    self->count = self->room = 0;
}
