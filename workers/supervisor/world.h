/*  world.h - what the supervisor knows; shared by the files of this folder.
 *
 *  One thread, one epoll. Four kinds of things, each with its file:
 *
 *    zygote    zygote.c    FreeCAD, imported; forks. One active, during a
 *                          reload (reload.c) a second one that has to prove
 *                          itself, and old ones that finish what they run
 *    process   process.c   a fork of it (waiting.c says how many):
 *                          FORKING -> STARTING -> WAITING -> RUNNING -> ENDING
 *              native.c    or an fcj-native, which goes back from RUNNING to
 *                          STARTING when its job has completed
 *    job       job.h       a lease of the broker:
 *                          PENDING -> RUNNING -> STORING -> DONE -> forgotten
 *    link      link.c      the broker
 *
 *  A job leaves its process at its result: what is left of the process ends
 *  by itself (ENDING) while the job's files are stored by ingest.c's thread,
 *  and FINISH goes out. A process that ran a user's code never gets a second
 *  job; an fcj-native does, as long as its jobs complete.  */

#ifndef FCJ_WORLD_H
#define FCJ_WORLD_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../jobs/blob.h"
#include "../common/frame.h"
#include "job.h"

#define FCJ_PROCESSES     256           /* table, ending ones included */
#define FCJ_ZYGOTES       4
#define FCJ_JOBS          256           /* leases held, unfinished reports too */
#define FCJ_ZYGOTE_MS     60000         /* import of FreeCAD, at most */
#define FCJ_START_MS      30000         /* a job without a process */
#define FCJ_END_MS        5000          /* an end that was not reported */
#define FCJ_DRAIN_MS      5000
#define FCJ_STARTED_MS    20            /* before a job's start is told */
#define FCJ_REPEAT_MS     5000          /* FINISH without FINISHED */
#define FCJ_WATCH_MS      100
#define FCJ_ANSWER_MS     100           /* to a process that waits for it */
#define FCJ_NATIVE_IDLE_MS 60000        /* one beyond the first, unused */

typedef struct fcj_zygote fcj_zygote_t;
typedef struct fcj_link fcj_link_t;
typedef struct fcj_ingest fcj_ingest_t;
typedef struct fcj_host fcj_host_t;
typedef struct fcj_memo fcj_memo_t;

/*  Settings, borrowed from the configuration.  */
typedef struct {
    const char *name, *broker, *zygote_binary, *native_binary;
    const char *python, *handlers, *roots;
    const char *parts;          /* the parts library, or empty */
    const char *scratch, *live, *blobs, *memo;
    const char *catalogue, *built;  /* that we write; that came with us */
    bool roots_write, network, sandbox;
    int slots;
    int64_t memory_max, output_max, artifact_max, timeout_s, beat_ms, ask_s;
    int64_t uid_base, processes_max;
    /*  Lane gui instead of compute (host.c).  */
    bool gui;
    int attach;                 /* socket of a person's FreeCAD, or -1 */
    const char *freecad, *display, *gui_dir, *module_dir, *dialogs;
    int64_t native_jobs, native_growth, memo_max;
} fcj_worker_options_t;

/* ---- Events of the poll loop ------------------------------------------- */

typedef enum {
    FCJ_ON_LINK, FCJ_ON_SIGNAL, FCJ_ON_INGEST, FCJ_ON_ZYGOTE,
    FCJ_ON_CONTROL, FCJ_ON_STDOUT, FCJ_ON_STDERR
} fcj_on_t;

/*  index and generation: a late event of what is gone is recognised.  */
int fcj_world_watch (fcj_world_t *world, int fd, fcj_on_t on, int index,
                     uint32_t generation);

/* ---- Zygotes ------------------------------------------------------------ */

typedef enum {
    FCJ_Z_FREE, FCJ_Z_STARTING, FCJ_Z_READY, FCJ_Z_RETIRING
} fcj_zygote_state_t;

struct fcj_zygote {
    int index;
    uint32_t generation;
    fcj_zygote_state_t state;
    pid_t pid;
    int fd;
    int64_t deadline;           /* to become ready, or to have proved itself */
    char *info, *catalogue;
    char why[512];              /* what it said when it broke */
    int64_t threads, base_size; /* its address space, bytes */
};

void fcj_zygote_start (fcj_world_t *world, bool for_reload);
void fcj_zygote_read (fcj_world_t *world, fcj_zygote_t *self);
void fcj_zygote_tick (fcj_world_t *world);
void fcj_zygote_lost (fcj_world_t *world, fcj_zygote_t *self,
                      const char *why);
/*  Ends its processes; what they ran goes back to the broker.  */
void fcj_zygote_lose_processes (fcj_world_t *world, const fcj_zygote_t *self,
                                const char *why);
void fcj_zygote_free (fcj_zygote_t *self);

/*  publish.c: front-ends serve the tools that the active zygote has.  */
void fcj_publish (const fcj_world_t *world, const char *catalogue);

/*  waiting.c: as many processes wait as jobs may soon come.  */
void fcj_zygote_keep_waiting (fcj_world_t *world);
/*  Asks for one more process; false when there is no room. One that rehearses
 *  takes longer to be ready, and its job less.  */
bool fcj_zygote_fork (fcj_world_t *world, fcj_zygote_t *self, bool proof,
                      bool rehearse);
/*  A fork ended before it was ready.  */
void fcj_zygote_not_forked (fcj_world_t *world);

/*  reload.c  */
void fcj_zygote_reload (fcj_world_t *world, int64_t req);
/*  The reload's end: ok, or why not.  */
void fcj_zygote_proved (fcj_world_t *world, bool ok, const char *why);

/* ---- Processes ---------------------------------------------------------- */

typedef enum {
    FCJ_P_FREE, FCJ_P_FORKING, FCJ_P_STARTING, FCJ_P_WAITING, FCJ_P_RUNNING,
    FCJ_P_ENDING,
    FCJ_P_RESTING               /* GUI host: job over, not free yet */
} fcj_process_state_t;

struct fcj_process {
    int index;
    uint32_t generation;
    fcj_process_state_t state;
    fcj_zygote_t *zygote;
    fcj_worker_job_t *job;
    fcj_frames_t *frames;
    pid_t pid;
    int control, out[2];
    bool proof;                 /* runs the self-check of a reload */
    bool killed;                /* with its group */
    bool unheard;               /* there may be messages in `frames` */
    bool host;                  /* FreeCAD with its window: lives on */
    bool native;                /* an fcj-native, our own child; no zygote */
    bool outdated;              /* native: ends instead of another job */
    int64_t served;             /* native: jobs that it was given */
    int64_t fresh, resident;    /* native: bytes when new, and before a job */
    int64_t cpu_ms;             /* native: used by the jobs before */
    int64_t deadline;           /* FORKING, STARTING, ENDING; WAITING: since */
    char scratch[1280];
};

/*  A free place with sockets, pipes and scratch made; give[3] go to the
 *  zygote (NULL: a native one's), then the caller closes them. NULL with
 *  *error.  */
fcj_process_t *fcj_process_new (fcj_world_t *world, fcj_zygote_t *zygote,
                                int give[3], fcj_error_t *error);
/*  Closes all, hands the scratch to the remover, frees the place.  */
void fcj_process_free (fcj_world_t *world, fcj_process_t *self);
void fcj_process_kill (fcj_process_t *self, int signal);
/*  It broke the protocol and has nothing more to tell: whatever is running
 *  there is the user's.  */
void fcj_process_break (fcj_process_t *self);
void fcj_process_on_control (fcj_world_t *world, fcj_process_t *self);
/*  All that a process said that is dead or dying.  */
void fcj_process_hear_out (fcj_world_t *world, fcj_process_t *self);
void fcj_process_on_output (fcj_world_t *world, fcj_process_t *self, int which);
void fcj_process_on_exit (fcj_world_t *world, fcj_process_t *self, int status,
                          int64_t cpu_ms, int64_t memory);
void fcj_process_tick (fcj_world_t *world);
/*  Takes what is in pipes and socket now.  */
void fcj_process_drain (fcj_world_t *world, fcj_process_t *self);
/*  The job has what it needs: kill the group, wait for the exit.  */
void fcj_process_end (fcj_world_t *world, fcj_process_t *self);
/*  Its job is over: it ends, too, or rests when it is the GUI host.  */
void fcj_process_let_go (fcj_world_t *world, fcj_process_t *self);
fcj_process_t *fcj_process_waiting (fcj_world_t *world);

/* ---- Native processes --------------------------------------------------- */

void fcj_native_tick (fcj_world_t *world);
/*  One that waits and fits: for an isolated job one that has run nothing. */
fcj_process_t *fcj_native_waiting (fcj_world_t *world, bool isolated);
/*  Its job has completed: it may say `waiting` again. False: it is too old,
 *  the caller ends it.  */
bool fcj_native_release (fcj_world_t *world, fcj_process_t *self,
                         int64_t cpu_ms);
/*  It says that it waits. False: it grew too much and was ended.  */
bool fcj_native_on_waiting (fcj_world_t *world, fcj_process_t *self,
                            const fcj_map_t *message);
/*  It ended before it waited.  */
void fcj_native_not_started (fcj_world_t *world);
/*  The catalogue is another one: the next jobs get new processes.  */
void fcj_native_renew (fcj_world_t *world);
/*  A child of ours has ended and is not reaped yet.  */
void fcj_native_kill_group (const fcj_world_t *world, pid_t pid);
void fcj_native_on_child (fcj_world_t *world, pid_t pid, int status,
                          int64_t cpu_ms, int64_t memory);

/* ---- The memo ------------------------------------------------------------ */

typedef struct {
    int64_t hits, misses, stored, evicted, broken, entries, bytes;
} fcj_memo_counts_t;

/*  Entries below path, at most `most` bytes in all; 0: none is kept.  */
fcj_memo_t *fcj_memo_new (const char *path, int64_t most, fcj_error_t *error);
void fcj_memo_destroy (fcj_memo_t **self_p);
/*  An open entry, the caller's, or -1.  */
int fcj_memo_recall (fcj_memo_t *self, const char *owner, const char *key);
/*  Copies a file that a job's process wrote, path below its folder; called
 *  by the thread of ingest.c. uid: who must own it, -1: anybody.  */
void fcj_memo_keep (fcj_memo_t *self, const char *owner, const char *key,
                    const char *folder, const char *path, uid_t uid);
void fcj_memo_forget (fcj_memo_t *self, const char *owner, const char *key);
void fcj_memo_counts (const fcj_memo_t *self, fcj_memo_counts_t *counts);

/* ---- The GUI host (host.c) ------------------------------------------------ */

/*  In place of zygotes, when options.gui.  */
fcj_host_t *fcj_host_new (fcj_world_t *world, fcj_error_t *error);
void fcj_host_destroy (fcj_world_t *world);
void fcj_host_tick (fcj_world_t *world);
/*  Before it is reaped: what its jobs left in its group.  */
void fcj_host_kill_group (const fcj_world_t *world, pid_t pid);
/*  A child of ours ended; false when it is not the host's.  */
bool fcj_host_on_child (fcj_world_t *world, pid_t pid, int status);
/*  What it says besides what any job process says; true: dealt with.  */
bool fcj_host_on_message (fcj_world_t *world, fcj_process_t *process,
                          const char *type, const fcj_map_t *message);
/*  Its socket has ended.  */
void fcj_host_on_close (fcj_world_t *world, fcj_process_t *process);
/*  A job begins: a directory of its own.  */
void fcj_host_scratch (fcj_world_t *world, fcj_worker_job_t *job);
/*  The keys that only its run message has: 2.  */
void fcj_host_pack_run (const fcj_world_t *world, const fcj_worker_job_t *job,
                        fcj_pack_t *message);
void fcj_host_interrupt (fcj_process_t *process, const fcj_worker_job_t *job);
/*  The interrupt did not help. True: the process was killed and will end;
 *  false: it is a person's, the job has to end without it.  */
bool fcj_host_give_up (fcj_world_t *world, fcj_process_t *process);
/*  Why it ended, when we know better than its status; or NULL.  */
const char *fcj_host_why (const fcj_world_t *world);
void fcj_host_reload (fcj_world_t *world, int64_t req);
/*  Slots to offer, what stands in `info`, and what the broker said.  */
int fcj_host_slots (const fcj_world_t *world);
const char *fcj_host_info (const fcj_world_t *world);
void fcj_host_pack_info (const fcj_world_t *world, fcj_pack_t *body);
void fcj_host_on_lane (fcj_world_t *world, bool holder);
/*  The broker is silent: nobody knows whether it still has the lane.  */
void fcj_host_on_silence (fcj_world_t *world);
bool fcj_host_busy (const fcj_world_t *world);
/*  A job is over but what follows it (a snapshot) has not begun.  */
bool fcj_host_resting (const fcj_world_t *world);

/* ---- The others ---------------------------------------------------------- */

fcj_link_t *fcj_link_new (fcj_world_t *world, fcj_error_t *error);
void fcj_link_destroy (fcj_link_t **self_p);
void fcj_link_read (fcj_link_t *self);
/*  Its descriptor was readable, or nothing was for long.  */
void fcj_link_wake (fcj_link_t *self);
void fcj_link_tick (fcj_link_t *self);
void fcj_link_hello (fcj_link_t *self);
/*  Only `info` has changed.  */
void fcj_link_info (fcj_link_t *self);
/*  False: not sent now (no broker); repeat what matters.  */
bool fcj_link_send (fcj_link_t *self, const char *type,
                    const fcj_pack_t *body);
void fcj_link_send_empty (fcj_link_t *self, const char *type);

/*  The thread that copies and removes files. One queue, first in first out:
 *  a scratch is removed after what lay in it was stored.  */
fcj_ingest_t *fcj_ingest_new (const fcj_worker_options_t *options,
                              fcj_error_t *error);
void fcj_ingest_destroy (fcj_ingest_t **self_p);
int fcj_ingest_fd (const fcj_ingest_t *self);
void fcj_ingest_store (fcj_ingest_t *self, fcj_worker_job_t *job);
/*  Later: some together, or at the next tick.  */
void fcj_ingest_remove (fcj_ingest_t *self, const char *path);
void fcj_ingest_tick (fcj_ingest_t *self);
/*  The file goes into the memo; see fcj_memo_keep.  */
void fcj_ingest_remember (fcj_ingest_t *self, fcj_memo_t *memo,
                          const char *owner, const char *key,
                          const char *folder, const char *path, uid_t uid);
/*  The next job that is stored, or NULL.  */
fcj_worker_job_t *fcj_ingest_next (fcj_ingest_t *self);

/*  watch.c: memory of each running job, and processes that left theirs.  */
void fcj_watch_tick (fcj_world_t *world);

/*  leftover.c: our own scratch, and what a killed supervisor left.  */
int fcj_leftover_claim (const fcj_worker_options_t *options,
                        const char *worker, char *root, size_t size,
                        fcj_error_t *error);
void fcj_leftover_remove (const fcj_worker_options_t *options,
                          const char *root);
/*  remove.c: with all that is in it. The last part of path is not followed,
 *  the parts before must be ours.  */
void fcj_remove_tree (const char *path);

/* ---- The world ------------------------------------------------------------ */

struct fcj_world {
    fcj_worker_options_t options;
    fcj_id_t worker;
    char root[1024];            /* our scratch: <scratch>/<worker> */
    int epoll, lock;
    int64_t now;                /* monotonic, of this turn of the loop */
    fcj_zygote_t zygotes[FCJ_ZYGOTES];
    fcj_process_t processes[FCJ_PROCESSES];
    fcj_worker_job_t jobs[FCJ_JOBS];
    fcj_zygote_t *active, *next;
    int failures;               /* zygotes lost in a row */
    int64_t last_run;           /* monotonic: a job was given to a process */
    bool refill;                /* more waiting processes are due soon */
    bool unheard;               /* one of the processes has more to say */
    int fork_failures;          /* processes that never waited, in a row */
    int64_t fork_again;
    int64_t start_again;        /* monotonic; 0: no need */
    char broken[512];           /* why there is no zygote */
    int64_t reload_req;
    bool announced;             /* slots were offered */
    bool draining, done;
    int64_t drain_until;
    uint32_t generation;
    int64_t sequence;
    int native_failures;        /* that never waited, in a row */
    int64_t native_again;       /* monotonic: not sooner */
    int64_t native_jobs, native_started;    /* counters for service_status */
    char native_broken[512];    /* why there is none */
    fcj_link_t *link;
    fcj_ingest_t *ingest;
    fcj_host_t *host;           /* NULL: lane compute */
    fcj_memo_t *memo;
};

int fcj_supervisor_run (const fcj_worker_options_t *options,
                        fcj_error_t *error);
#endif
