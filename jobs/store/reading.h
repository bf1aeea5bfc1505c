/*  reading.h - one blocking question, for the files that read records.  */

#ifndef FCJ_READING_H
#define FCJ_READING_H
#include "command.h"
#include "store.h"
#include <hiredis/hiredis.h>

/*  As many replies as commands, the caller's, none of them an error; or -1
 *  and none. A connection that breaks is made anew once.  */
int fcj_store_ask (fcj_store_t *self, const fcj_command_t *command,
                   redisReply **replies, fcj_error_t *error);
#endif
