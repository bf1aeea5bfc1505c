/*  logfile.h - a file that is appended to, by us or a part, and has a bound.  */

#ifndef FCJ_LOGFILE_H
#define FCJ_LOGFILE_H

/*  Opened to append to; a long one has been put aside first. -1: cannot.  */
int fcj_logfile_open (const char *path);
/*  Puts a long one aside as <path>.1, in the place of the one there, and
 *  empties it. Who has it open to append goes on at its beginning.  */
void fcj_logfile_trim (const char *path);

#endif
