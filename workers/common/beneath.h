/*  beneath.h - opening a file that a stranger names.  */

#ifndef FCJ_BENEATH_H
#define FCJ_BENEATH_H

/*  A read-only descriptor of path below root; no link is followed and no ..
 *  leaves it. -1 with errno.  */
int fcj_open_beneath (const char *root, const char *path);
#endif
