/*  landlock.h - the file system as a job sees it: read-only system and
 *  roots, its own scratch to write. */

#ifndef FCJ_LANDLOCK_H
#define FCJ_LANDLOCK_H
#include "../sandbox/sandbox.h"

int fcj_landlock_enter (const fcj_sandbox_t *box, fcj_error_t *error);
#endif
