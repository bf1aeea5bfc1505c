/*  live_news.h - what is another in FreeCAD's window than it was when we looked
 *  last, told to who subscribed to it.
 *
 *  A document has changed when its `version` is another, when it was opened
 *  or closed, and when the window is another (another worker holds the lane,
 *  or FreeCAD was started again). The list has when what stands in it
 *  has: names, labels, files, whether saved, how many objects, which is the
 *  active one; undo steps and errors are told with their document. INFO shows the first 40 documents; of those beyond only
 *  that one of them may have changed is known, and told to all of theirs.  */

#ifndef FCJ_MCP_LIVE_NEWS_H
#define FCJ_MCP_LIVE_NEWS_H
#include "../front.h"

typedef struct fcj_live_news fcj_live_news_t;
fcj_live_news_t *fcj_live_news_new (fcj_front_t *front);
void fcj_live_news_destroy (fcj_live_news_t **self_p);
/*  An answer to LIVE, with `worker` and `gui`. The first one is only
 *  remembered. */
void fcj_live_news_take (fcj_live_news_t *self, const json_t *view);
/*  Nobody wants to hear of them: the next answer is a first one. */
void fcj_live_news_forget (fcj_live_news_t *self);
/*  Whether the window counts changes; unknown: false. */
bool fcj_live_news_counted (const fcj_live_news_t *self);
#endif
