/*  line.c - the fair order. A treap per owner and priority; the owners that
 *  have somebody waiting form a ring, and `turn` points at who is next. An
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

void
fcj_line_add (fcj_line_t *self, fcj_queue_t *queue, fcj_priority_t priority,
              fcj_item_t *item)
{
    item->left = item->right = NULL;
    item->size = 1;
    if (!queue->root) {
        fcj_queue_t *turn = self->turn[priority];
        if (turn) {
            queue->next = turn;
            queue->prev = turn->prev;
            turn->prev->next = queue;
            turn->prev = queue;
        }
        else
            self->turn[priority] = queue->next = queue->prev = queue;
        self->owners[priority]++;
    }
    fcj_item_t *left, *right;
    s_split (queue->root, item->key, &left, &right);
    queue->root = s_merge (s_merge (left, item), right);
    self->counts[priority]++;
    self->count++;
}

void
fcj_line_remove (fcj_line_t *self, fcj_queue_t *queue,
                 fcj_priority_t priority, fcj_item_t *item)
{
    if (!item->size)
        return;
    fcj_item_t **at = &queue->root;
    while (*at != item) {
        (*at)->size--;
        at = item->key < (*at)->key ? &(*at)->left : &(*at)->right;
    }
    *at = s_merge (item->left, item->right);
    item->size = 0;
    self->counts[priority]--;
    self->count--;
    if (queue->root)
        return;
    if (queue->next == queue)
        self->turn[priority] = NULL;
    else {
        if (self->turn[priority] == queue)
            self->turn[priority] = queue->next;
        queue->prev->next = queue->next;
        queue->next->prev = queue->prev;
    }
    self->owners[priority]--;
}

fcj_item_t *
fcj_line_next (const fcj_line_t *self, fcj_priority_t *priority,
               fcj_queue_t **queue)
{
    for (int p = 0; p < FCJ_PRIORITY_COUNT; p++)
        if (self->turn[p]) {
            *priority = (fcj_priority_t) p;
            *queue = self->turn[p];
            fcj_item_t *item = self->turn[p]->root;
            while (item->left)
                item = item->left;
            return item;
        }
    return NULL;
}

void
fcj_line_turn (fcj_line_t *self, fcj_priority_t priority)
{
    if (self->turn[priority])
        self->turn[priority] = self->turn[priority]->next;
}

size_t
fcj_line_ahead (const fcj_line_t *self, const fcj_queue_t *queue,
                fcj_priority_t priority, const fcj_item_t *item)
{
    size_t rank = 0, ahead = 0;
    for (const fcj_item_t *at = queue->root; at != item; )
        if (item->key < at->key)
            at = at->left;
        else {
            rank += s_size (at->left) + 1;
            at = at->right;
        }
    rank += s_size (item->left);
    for (int p = 0; p < (int) priority; p++)
        ahead += self->counts[p];
    /*  Each owner whose turn comes before ours has one more turn.  */
    size_t looked = 0;
    bool passed = false;
    const fcj_queue_t *other = self->turn[priority];
    for (size_t n = 0; n < self->owners[priority]
         && looked < OWNERS_LOOKED_AT; n++, other = other->next, looked++) {
        if (other == queue) {
            passed = true;
            continue;
        }
        size_t turns = rank + (passed ? 0 : 1), size = s_size (other->root);
        ahead += size < turns ? size : turns;
    }
    return ahead + rank;
}
