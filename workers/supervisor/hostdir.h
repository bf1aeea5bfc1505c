/*  hostdir.h - the private directory of the GUI host: FreeCAD's settings,
 *  and snapshots/ (written by jobs/tools/fcj_gui/snapshot.py).  */

#ifndef FCJ_HOSTDIR_H
#define FCJ_HOSTDIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../jobs/error.h"

/*  Makes it, with settings for a FreeCAD that nobody sits in front of.  */
int fcj_hostdir_make (const char *path, fcj_error_t *error);

/*  The newest complete snapshot below `snapshots`; "" when there is none.  */
void fcj_hostdir_newest (const char *snapshots, char *path, size_t size);
bool fcj_hostdir_has (const char *snapshots, int64_t number);
/*  A process is still writing one.  */
bool fcj_hostdir_writing (const char *snapshots);
/*  No host will open it again: <path>.bad, for its owner to look at.  */
void fcj_hostdir_set_aside (const char *path);
#endif
