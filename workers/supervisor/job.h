/*  job.h - a lease of the broker, and all that happens to it.
 *
 *      PENDING -> RUNNING -> STORING -> DONE -> forgotten
 *
 *    job.c       comes, is killed, runs out of time, is forgotten
 *    dispatch.c  PENDING -> RUNNING: finds it a process
 *    run.c       the run message with its descriptors
 *    jobsay.c    what its process says
 *    output.c    what it writes to stdout and stderr
 *    ask.c       what it asks its user
 *    recall.c    what it asks the memo
 *    ending.c    RUNNING -> STORING -> DONE
 *    report.c    FINISH and RELEASE as the wire wants them  */

#ifndef FCJ_WORKER_JOB_H
#define FCJ_WORKER_JOB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../../jobs/codec.h"
#include "../../jobs/error.h"
#include "../../jobs/job.h"
#include "../../jobs/limits.h"

typedef struct fcj_world fcj_world_t;
typedef struct fcj_process fcj_process_t;
typedef struct fcj_worker_job fcj_worker_job_t;

typedef enum {
    FCJ_J_FREE, FCJ_J_PENDING, FCJ_J_RUNNING, FCJ_J_STORING, FCJ_J_DONE
} fcj_worker_job_state_t;

typedef struct {
    char name[FCJ_NAME_MAX + 1], file[FCJ_NAME_MAX + 1], mime[FCJ_NAME_MAX + 1];
    fcj_hash_t hash;
    int64_t size;
} fcj_artifact_t;

typedef struct {
    int fd;                     /* <live>/<id>/stdout; -1 until it is needed */
    int64_t size;
    size_t tail_size;
    char *tail;                 /* 2 * FCJ_TAIL_MAX; NULL until needed */
    fcj_hash_t hash;            /* of the whole log, when over the tail */
} fcj_output_t;

struct fcj_worker_job {
    int index;
    fcj_worker_job_state_t state;
    fcj_id_t id;
    fcj_token_t token;
    int64_t attempt;
    unsigned char *body;        /* the RUN message */
    fcj_map_t *run;             /* view of it */
    const fcj_map_t *spec;
    fcj_process_t *process;
    int64_t sequence;           /* order of the leases */
    bool native, isolated;
    int width;                  /* slots that it takes: its threads */
    bool silent;                /* killed by the broker: report nothing */
    bool release;               /* the report is a RELEASE */
    int64_t memory_max, output_max, cpu_s, timeout_s;
    int64_t received, started;  /* monotonic, wall */
    int64_t begun, begun_at;    /* its code: monotonic, wall; 0: not yet */
    bool told;                  /* the broker, of that */
    int64_t deadline, kill_at;  /* monotonic; kill_at 0: not dying */
    fcj_reason_t stop;          /* why we end it ourselves */
    bool host, hopeless;        /* in the GUI host; which did not react */
    const char *ended_by;       /* "algorithm", "SIGTERM", "SIGKILL" */
    fcj_output_t output[2];
    bool live;                  /* its directory in <live> exists */
    fcj_artifact_t *artifacts;
    int artifact_count;
    fcj_state_t end;
    fcj_reason_t reason;
    char *result, *error;       /* JSON text */
    size_t result_size;
    fcj_hash_t result_hash;     /* when it is too big to be inline */
    int64_t cpu_ms, memory, finished;
    double fraction;            /* latest progress, -1: none to send */
    double latest;              /* the same, -1: never any; for FINISH */
    char message[FCJ_TEXT_MAX + 1];
    int64_t progress_at;
    int64_t ask, asks;          /* open question, 0: none; the latest one */
    int64_t ask_since, ask_sent; /* monotonic */
    fcj_pack_t *question;       /* ASK of the open one */
    fcj_pack_t *report;         /* FINISH or RELEASE, until FINISHED */
    int64_t reported;
    char scratch[1312];         /* where the artifacts lie */
    bool files;                 /* native: it made its directory there */
    uid_t uid;                  /* who must own them; -1: anybody */
};

/* ---- Coming and going (job.c) -------------------------------------------- */

void fcj_job_take (fcj_world_t *world, const void *body, size_t size);
void fcj_job_on_finished (fcj_world_t *world, const char *token);
void fcj_job_on_kill (fcj_world_t *world, const char *token);
void fcj_job_on_answer (fcj_world_t *world, const char *token,
                        const fcj_map_t *answer);
void fcj_job_tick (fcj_world_t *world);
/*  Jobs that the broker counts as ours.  */
int fcj_job_count (const fcj_world_t *world);
/*  What it holds is freed, its place is free.  */
void fcj_job_forget (fcj_world_t *world, fcj_worker_job_t *self);

/*  dispatch.c: pending jobs to waiting processes, as many as there are.  */
void fcj_job_dispatch (fcj_world_t *world);

/*  run.c: the run message with its descriptors, sent. -1: not taken.  */
int fcj_run_send (fcj_world_t *world, fcj_worker_job_t *self);
int fcj_run_send_proof (fcj_world_t *world, fcj_process_t *process);

/* ---- Running -------------------------------------------------------------- */

/*  jobsay.c  */
void fcj_job_on_message (fcj_world_t *world, fcj_process_t *process,
                         const fcj_map_t *message);
/*  To the broker, once, when its code has begun.  */
void fcj_job_tell_started (fcj_world_t *world, fcj_worker_job_t *self);
/*  To the broker: the latest that it said.  */
void fcj_job_tell_progress (fcj_world_t *world, fcj_worker_job_t *self);
/*  A file of the job's own directory: no slash, not hidden, printable.  */
bool fcj_plain_name (const char *name);

/*  output.c  */
void fcj_job_on_bytes (fcj_world_t *world, fcj_worker_job_t *self, int which,
                       const char *bytes, size_t size);

/*  ask.c: questions of a job, and their answers.  */
void fcj_ask_on_message (fcj_world_t *world, fcj_worker_job_t *self,
                         const fcj_map_t *message);
void fcj_ask_on_answer (fcj_world_t *world, fcj_worker_job_t *self,
                        const fcj_map_t *answer);
void fcj_ask_tick (fcj_world_t *world, fcj_worker_job_t *self);
/*  All open ones, to a broker that may not know them.  */
void fcj_ask_repeat (fcj_world_t *world);

/*  recall.c: `recall`, `remember` and `forget` of a native process.  */
void fcj_recall_on_message (fcj_world_t *world, fcj_process_t *process,
                            fcj_worker_job_t *self, const char *type,
                            const fcj_map_t *message);

/* ---- The end (ending.c) --------------------------------------------------- */

/*  We end it, for that reason.  */
void fcj_job_stop (fcj_world_t *world, fcj_worker_job_t *self,
                   fcj_reason_t reason);
/*  Its process ended without a result.  */
void fcj_job_on_end (fcj_world_t *world, fcj_worker_job_t *self, int status,
                     int64_t cpu_ms, int64_t memory);
/*  What it failed with, in place of any result.  */
void fcj_job_fail (fcj_worker_job_t *self, fcj_reason_t reason,
                   const char *type, const char *text, const char *signal);
/*  How it ended is known and its process has let go of it.  */
void fcj_job_finish (fcj_world_t *world, fcj_worker_job_t *self);
/*  Its files are in the blob store.  */
void fcj_job_on_stored (fcj_world_t *world, fcj_worker_job_t *self);
/*  Back to the broker without an end. lost: that counts as an execution.  */
void fcj_job_release (fcj_world_t *world, fcj_worker_job_t *self, bool lost,
                      const char *why);
/*  Reports that were not confirmed, once more.  */
void fcj_job_repeat (fcj_world_t *world, int64_t older_than);

/*  report.c: FINISH and RELEASE as the wire wants them.  */
fcj_pack_t *fcj_report_finish (const fcj_worker_job_t *self);
fcj_pack_t *fcj_report_release (const fcj_worker_job_t *self, bool lost,
                                bool unbegun, const char *why);
#endif
