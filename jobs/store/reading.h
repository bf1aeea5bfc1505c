/*  reading.h - questions and records, for the files that read records.  */

#ifndef FCJ_READING_H
#define FCJ_READING_H
#include "command.h"
#include "store.h"
#include <hiredis/hiredis.h>

/*  As many replies as commands, the caller's, none of them an error; or -1
 *  and none. A connection that breaks is made anew once.  */
int fcj_store_ask (fcj_store_t *self, const fcj_command_t *command,
                   redisReply **replies, fcj_error_t *error);

/*  Frees them and makes them NULL; some may be NULL.  */
void fcj_replies_free (redisReply **replies, int count);

/*  A record of a reply, which it takes over: values of the fields `names`
 *  (static), in their order, or pairs when NULL.  */
fcj_record_t *fcj_record_take (redisReply *reply, const char *const *names);
/*  The same of a reply that stays its owner's, who outlives the record.  */
fcj_record_t *fcj_record_lend (redisReply *reply, const char *const *names);
/*  Asks for all but the big fields; the reply's record.  */
void fcj_record_ask_small (fcj_command_t *command, const char *id);
fcj_record_t *fcj_record_take_small (redisReply *reply);
/*  Is it there, and this owner's? (NULL: anybody's.)  */
bool fcj_record_visible (const fcj_record_t *record, const char *owner);
#endif
