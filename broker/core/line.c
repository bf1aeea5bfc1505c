/*  line.c - the fair order. A treap per owner and priority; the owners that
 *  have a job waiting form one ring, and `turn` points at who is next. An
 *  owner who joins does so just behind the one whose turn is last.  */

#include "line.h"

#define OWNERS_LOOKED_AT 64

static uint32_t
s_size (const fcj_item_t *item)
{
    return item ? item->size : 0;
}

static void
s_update (fcj_item_t *item)
{
    item->size = 1 + s_size (item->left) + s_size (item->right);
}

static fcj_item_t *
s_merge (fcj_item_t *left, fcj_item_t *right)
{
    if (!left)
        return right;
    if (!right)
        return left;
    if (left->weight > right->weight) {
        left->right = s_merge (left->right, right);
        s_update (left);
        return left;
    }
    right->left = s_merge (left, right->left);
    s_update (right);
    return right;
}

/*  left gets the keys below key.  */
static void
s_split (fcj_item_t *root, int64_t key, fcj_item_t **left, fcj_item_t **right)
{
    if (!root)
        *left = *right = NULL;
    else if (root->key < key) {
        s_split (root->right, key, &root->right, right);
        *left = root;
        s_update (root);
    }
    else {
        s_split (root->left, key, left, &root->left);
        *right = root;
        s_update (root);
    }
}

/*  How many jobs of the owner wait.  */
static size_t
s_jobs (const fcj_queue_t *queue)
{
    size_t jobs = 0;
    for (int p = 0; p < FCJ_PRIORITY_COUNT; p++)
        jobs += s_size (queue->roots[p]);
    return jobs;
}

static void
s_join (fcj_line_t *self, fcj_queue_t *queue)
{
    fcj_queue_t *turn = self->turn;
    if (turn) {
        queue->next = turn;
        queue->prev = turn->prev;
        turn->prev->next = queue;
        turn->prev = queue;
    }
    else
        self->turn = queue->next = queue->prev = queue;
    self->owners++;
}

static void
s_leave (fcj_line_t *self, fcj_queue_t *queue)
{
    if (queue->next == queue)
        self->turn = NULL;
    else {
        if (self->turn == queue)
            self->turn = queue->next;
        queue->prev->next = queue->next;
        queue->next->prev = queue->prev;
    }
    self->owners--;
}

void
fcj_line_add (fcj_line_t *self, fcj_queue_t *queue, fcj_priority_t priority,
              fcj_item_t *item)
{
    item->left = item->right = NULL;
    item->size = 1;
    if (!s_jobs (queue))
        s_join (self, queue);
    fcj_item_t *left, *right;
    s_split (queue->roots[priority], item->key, &left, &right);
    queue->roots[priority] = s_merge (s_merge (left, item), right);
    self->count++;
}

void
fcj_line_remove (fcj_line_t *self, fcj_queue_t *queue,
                 fcj_priority_t priority, fcj_item_t *item)
{
    if (!item->size)
        return;
    fcj_item_t **at = &queue->roots[priority];
    while (*at != item) {
        (*at)->size--;
        at = item->key < (*at)->key ? &(*at)->left : &(*at)->right;
    }
    *at = s_merge (item->left, item->right);
    item->size = 0;
    self->count--;
    if (!s_jobs (queue))
        s_leave (self, queue);
}

fcj_item_t *
fcj_line_next (const fcj_line_t *self)
{
    for (int p = 0; self->turn && p < FCJ_PRIORITY_COUNT; p++) {
        fcj_item_t *item = self->turn->roots[p];
        while (item && item->left)
            item = item->left;
        if (item)
            return item;
    }
    return NULL;
}

void
fcj_line_turn (fcj_line_t *self)
{
    if (self->turn)
        self->turn = self->turn->next;
}

/*  How many of its owner's jobs are ahead of it.  */
static size_t
s_rank (const fcj_queue_t *queue, fcj_priority_t priority,
        const fcj_item_t *item)
{
    size_t rank = 0;
    for (int p = 0; p < (int) priority; p++)
        rank += s_size (queue->roots[p]);
    for (const fcj_item_t *at = queue->roots[priority]; at != item; )
        if (item->key < at->key)
            at = at->left;
        else {
            rank += s_size (at->left) + 1;
            at = at->right;
        }
    return rank + s_size (item->left);
}

size_t
fcj_line_ahead (const fcj_line_t *self, const fcj_queue_t *queue,
                fcj_priority_t priority, const fcj_item_t *item)
{
    size_t rank = s_rank (queue, priority, item), ahead = 0;
    /*  Each owner whose turn comes before ours has one more turn.  */
    size_t looked = 0;
    bool passed = false;
    const fcj_queue_t *other = self->turn;
    for (size_t n = 0; n < self->owners
         && looked < OWNERS_LOOKED_AT; n++, other = other->next, looked++) {
        if (other == queue) {
            passed = true;
            continue;
        }
        size_t turns = rank + (passed ? 0 : 1), jobs = s_jobs (other);
        ahead += jobs < turns ? jobs : turns;
    }
    return ahead + rank;
}
