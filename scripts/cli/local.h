/*  local.h - what `fcj up` must know about how fcj was started.  */

#ifndef FCJ_CLI_LOCAL_H
#define FCJ_CLI_LOCAL_H

#define LOCAL_FLAGS_MAX 100

/*  The configuration flags of this command line, to be handed on to
 *  fcj-service; ends with NULL.  */
extern char *local_flags[LOCAL_FLAGS_MAX + 1];
#endif
