/*  abi.h - which Landlock this kernel has; asked by the supervisor, too.  */

#ifndef FCJ_ABI_H
#define FCJ_ABI_H

/*  Landlock's ABI; 0: none.  */
int fcj_landlock_abi (void);
#endif
