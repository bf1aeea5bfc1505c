/*  line.h - the fair order of the jobs that are ready in one lane.
 *
 *  The owners take turns, whatever the priorities: nobody's jobs, as many and
 *  as high as they may be, make another owner wait for more than one at each
 *  turn. Inside an owner the priority decides, then the key, smallest first.
 *  Each owner's line of one priority is a treap with sizes, so that taking,
 *  leaving from the middle and asking for one's position all cost O(log n).  */

#ifndef FCJ_LINE_H
#define FCJ_LINE_H
#include "../../jobs/job.h"

typedef struct fcj_item {
    struct fcj_item *left, *right;
    int64_t key;                    /* unique inside a line */
    uint32_t weight, size;          /* size 0: in no line */
} fcj_item_t;

/*  One owner's jobs in one lane.  */
typedef struct fcj_queue {
    struct fcj_queue *next, *prev;  /* ring of the owners that have some */
    fcj_item_t *roots[FCJ_PRIORITY_COUNT];
} fcj_queue_t;

typedef struct {
    fcj_queue_t *turn;              /* who is next */
    size_t owners;
    size_t count;
} fcj_line_t;

void fcj_line_add (fcj_line_t *self, fcj_queue_t *queue,
                   fcj_priority_t priority, fcj_item_t *item);
void fcj_line_remove (fcj_line_t *self, fcj_queue_t *queue,
                      fcj_priority_t priority, fcj_item_t *item);
/*  The job whose turn it is; NULL: nobody waits.  */
fcj_item_t *fcj_line_next (const fcj_line_t *self);
/*  The turn passes on to the next owner.  */
void fcj_line_turn (fcj_line_t *self);
/*  How many are ahead of item: exact for one owner, otherwise an estimate
 *  that looks at up to 64 owners.  */
size_t fcj_line_ahead (const fcj_line_t *self, const fcj_queue_t *queue,
                       fcj_priority_t priority, const fcj_item_t *item);
#endif
