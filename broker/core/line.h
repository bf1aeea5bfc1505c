/*  line.h - the fair order of the jobs that are ready in one lane.
 *
 *  Priority first. Inside a priority the owners take turns. Inside an owner
 *  the key decides, smallest first. Each owner's line of one priority is a
 *  treap with sizes, so that taking, leaving from the middle and asking for
 *  one's position all cost O(log n).  */

#ifndef FCJ_LINE_H
#define FCJ_LINE_H
#include "../../jobs/job.h"

typedef struct fcj_item {
    struct fcj_item *left, *right;
    int64_t key;                    /* unique inside a line */
    uint32_t weight, size;          /* size 0: in no line */
} fcj_item_t;

/*  One owner's jobs of one priority in one lane.  */
typedef struct fcj_queue {
    struct fcj_queue *next, *prev;  /* ring of the owners that have some */
    fcj_item_t *root;
} fcj_queue_t;

typedef struct {
    fcj_queue_t *turn[FCJ_PRIORITY_COUNT];
    size_t owners[FCJ_PRIORITY_COUNT];
    size_t counts[FCJ_PRIORITY_COUNT];
    size_t count;
} fcj_line_t;

void fcj_line_add (fcj_line_t *self, fcj_queue_t *queue,
                   fcj_priority_t priority, fcj_item_t *item);
void fcj_line_remove (fcj_line_t *self, fcj_queue_t *queue,
                      fcj_priority_t priority, fcj_item_t *item);
/*  Whose turn it is; the turn passes on. NULL: nobody waits.  */
fcj_item_t *fcj_line_next (const fcj_line_t *self, fcj_priority_t *priority,
                           fcj_queue_t **queue);
void fcj_line_turn (fcj_line_t *self, fcj_priority_t priority);
/*  How many are ahead of item: exact for one owner, otherwise an estimate
 *  that looks at up to 64 owners.  */
size_t fcj_line_ahead (const fcj_line_t *self, const fcj_queue_t *queue,
                       fcj_priority_t priority, const fcj_item_t *item);
#endif
