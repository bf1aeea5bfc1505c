/*  changes.h - tells who subscribed to a freecad://... resource that it
 *  changed.
 *
 *  Documents change by jobs, anybody's, and by a person's hand. FreeCAD's
 *  window counts each document's changes; while somebody here wants to hear
 *  of them, the broker is asked every FCJ_CHANGES_MS how the window is (LIVE
 *  of broker/PROTOCOL.md), and live_news.c says what is another than before.
 *
 *  The rest of FreeCAD (workbenches, preferences...) has no such counters:
 *  a job of the gui lane that ended, and whose tool does not only look, is
 *  taken for a change of it, found in the store's stream of transitions
 *  (store.h, `events`); of documents, too, when the window does not count.
 *  What a person changes there by hand is not seen.  */

#ifndef FCJ_MCP_CHANGES_H
#define FCJ_MCP_CHANGES_H
#include "../call.h"

#define FCJ_CHANGES_MS 300

typedef struct fcj_changes fcj_changes_t;
fcj_changes_t *fcj_changes_new (fcj_front_t *front);
void fcj_changes_destroy (fcj_changes_t **self_p);
void fcj_changes_tick (fcj_changes_t *self, int64_t now);
#endif
