/*  changes.h - tells who subscribed to a freecad://... resource that the live
 *  documents changed.
 *
 *  Documents change by jobs of the gui lane, anybody's, taken by any
 *  front-end. While somebody here wants to hear of them, the store's stream
 *  of transitions (store.h, `events`) is read every FCJ_CHANGES_MS; a job
 *  of that lane that ended, and whose tool does not only look, is a change of
 *  all documents: which one it touched only the tool knows. What a user does
 *  by hand in the window is not seen.  */

#ifndef FCJ_MCP_CHANGES_H
#define FCJ_MCP_CHANGES_H
#include "call.h"

#define FCJ_CHANGES_MS 300

typedef struct fcj_changes fcj_changes_t;
fcj_changes_t *fcj_changes_new (fcj_front_t *front);
void fcj_changes_destroy (fcj_changes_t **self_p);
void fcj_changes_tick (fcj_changes_t *self, int64_t now);
#endif
