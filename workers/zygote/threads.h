/*  threads.h - counting, from /proc. */

#ifndef FCJ_ZYGOTE_THREADS_H
#define FCJ_ZYGOTE_THREADS_H

/*  Threads of this process; 0 when /proc does not tell.  */
long fcj_threads (void);

/*  What RLIMIT_NPROC of a job must be, so that it may have `most` of its own: as root each job has a user to itself; else
 *  the limit counts all that the user runs, so that is counted (at most each
 *  ten seconds) and added.  */
long fcj_processes_allowed (long most);
#endif
