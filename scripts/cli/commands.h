/*  commands.h - the commands of fcj. Each gets its own words (argv[0] is the
 *  command) and gives the exit status.  */

#ifndef FCJ_CLI_COMMANDS_H
#define FCJ_CLI_COMMANDS_H
#include "link.h"

int cmd_up (link_t *link, int argc, char **argv);
int cmd_down (link_t *link, int argc, char **argv);
int cmd_status (link_t *link, int argc, char **argv);
int cmd_submit (link_t *link, int argc, char **argv);
int cmd_wait (link_t *link, int argc, char **argv);
int cmd_result (link_t *link, int argc, char **argv);
int cmd_log (link_t *link, int argc, char **argv);
int cmd_answer (link_t *link, int argc, char **argv);
int cmd_cancel (link_t *link, int argc, char **argv);
int cmd_list (link_t *link, int argc, char **argv);
int cmd_top (link_t *link, int argc, char **argv);
int cmd_token (link_t *link, int argc, char **argv);
int cmd_addon (link_t *link, int argc, char **argv);
int cmd_doctor (link_t *link, int argc, char **argv);

/*  The value when argv[*n] is that option, in the next word (*n moves on) or
 *  behind a `=`; else NULL.  */
const char *word_value (int argc, char **argv, int *n, const char *option);
/*  A whole number from least to most into *out; else -1.  */
int word_number (const char *text, long least, long most, long *out);

/*  The id in argv[1], where no more than `words` words stand; NULL after having
 *  said how it goes: `more` is what may follow.  */
const char *job_id (int argc, char **argv, int words, const char *more);
/*  A field of JSON as a value, the caller's; NULL when there is none.  */
json_t *job_field (const fcj_record_t *record, const char *field);
/*  The hash of the job's artifact of that name; false when it has none.  */
bool job_hash (const fcj_record_t *record, const char *name,
               fcj_hash_t hash);
/*  Waits for the job's end, showing progress on a terminal; its exit
 *  status. timeout_ms < 0: for ever.  */
int job_wait (link_t *link, const char *id, int64_t timeout_ms);
/*  Prints result, artifacts or error of a finished job; its exit status. */
int job_show (link_t *link, const char *id);

/*  "12 KB", "3.4 GB" into a static buffer of eight that take turns; and
 *  "1.2 s", "3 min".  */
const char *show_bytes (double bytes);
const char *show_ms (int64_t ms);
/*  Outside text on one line of a terminal: control characters become '?',
 *  at most `width` bytes. */
const char *show_plain (const char *text, size_t width);
/*  The same of the last line of a text, as a traceback.  */
const char *show_last (const char *text, size_t width);
/*  On a line of its own, for --json.  */
void show_json (const json_t *one);
#endif
