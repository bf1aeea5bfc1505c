/*  world.h - what the core knows; shared by the files of this folder.
 *
 *  The contract with the shell is ../core.h; nothing else of this folder is
 *  seen outside it. So its types and phases go without the prefix fcj_, as
 *  inside a single file; its functions have it, for the linker.
 *
 *    core.c       the step: an event comes in, actions go out
 *
 *    who says something (a fcj_on_... for each event)
 *    request.c    front-ends: submit, cancel, and who waits for an answer
 *    worker.c     workers: who is there, and what they list as theirs
 *    attempt.c    a worker about one attempt: its progress, its end
 *    question.c   a running job asks its user
 *    stored.c     the store: what became of a call
 *    reconcile.c  the store's record, when it knows better than we do
 *    clock.c      nobody: a deadline is over
 *
 *    what follows from it
 *    lease.c      a queued job and a free slot make a lease
 *    phase.c      a job's phase, and the store call of the phase
 *    depend.c     jobs that wait for other jobs
 *    slot.c       which slot of which worker is taken, and by what
 *    table.c      jobs by id, owners by name
 *    action.c     what the shell is to do
 *    view.c       looking, without changing anything
 *
 *    line.c, heap.c   the fair order and the deadlines; they know no jobs
 */

#ifndef FCJ_CORE_WORLD_H
#define FCJ_CORE_WORLD_H
#include "../core.h"
#include "heap.h"
#include "line.h"

#define OWNER_BUCKETS   4096    /* hash table of owners */

/*  The life of a job here (its phase), beside its state in the store:
 *
 *      STORING --ok--> WAITING --dependencies done--> READY --slot--> LEASING
 *         |                                             ^               | ok
 *         +--ok, stored with its lease--> RUNNING <-----|---------------+
 *                                          |   |        |
 *                     FINISH, poison       |   +--lost, released--> REQUEUEING
 *      FINISHING <-------------------------+
 *      (also from WAITING and READY: expired, dependency failed)
 *
 *  STORING, LEASING, FINISHING, REQUEUEING, CANCELLING and READING are phases
 *  with one store call under way. An unavailable store leaves the phase as it
 *  is; the call is made again with the same arguments, which the store
 *  promises to take for the same call. What comes in such a phase waits for
 *  its outcome: a cancel is a note on the job (`requests`), looked at when the
 *  call is over.
 *
 *  When the store says that a call does not fit (STALE), somebody else has
 *  changed the record: it is read, and the job goes on from what it says. A
 *  job leaves the core only when its record is terminal or not there.
 *
 *  A slot is held from the moment a job is meant for it until the worker
 *  hands the job over, or, for a job that ended otherwise, until the worker
 *  stops listing it: a ghost keeps the slot and repeats KILL meanwhile.  */
typedef enum { STORING, WAITING, READY, LEASING, RUNNING, FINISHING,
               REQUEUEING, CANCELLING, READING } phase_t;

typedef struct job job_t;
typedef struct worker worker_t;

typedef struct owner {
    struct owner *chain;                /* bucket */
    size_t live;                        /* jobs */
    fcj_queue_t queues[FCJ_LANE_COUNT];
    char name[];
} owner_t;

/*  Somebody who waits for an answer about a job: about its submit, or about
 *  its cancel.  */
typedef struct request {
    struct request *next;
    uint64_t ref;
    bool cancel;
} request_t;

/*  waiter waits for dep; in the list of dep's waiters. dep NULL: no more.  */
typedef struct edge {
    struct edge *next, *prev;
    job_t *dep, *waiter;
} edge_t;

/*  What a running job asks its user. The answer stays until the attempt or
 *  the next question: a worker that was away when it came asks once more.  */
typedef struct {
    int64_t number;
    fcj_bytes_t *answer;                /* NULL: open */
} question_t;

/*  What a job depends on. edges: one for each id, only while it waits.  */
typedef struct {
    size_t count, pending;              /* pending: not completed yet */
    edge_t *edges;
    uint8_t failed[16];                 /* the id that failed it */
    uint8_t ids[][16];
} deps_t;

struct job {
    fcj_item_t item;                    /* in line while READY; comes first */
    fcj_due_t due;                      /* its one deadline (clock.c) */
    job_t *chain, *next, *prev;         /* bucket; jobs of its worker */
    owner_t *owner;
    worker_t *worker;
    fcj_bytes_t *bytes;                 /* spec while STORING, or FINISH */
    request_t *requests;
    edge_t *waiters;
    deps_t *deps;
    question_t *question;
    int64_t queue_until;                /* then it expires in line */
    uint32_t call;                      /* the last one made */
    uint8_t id[16], token[16];
    uint16_t attempt;
    uint8_t tries, losses;              /* of this call; of workers */
    unsigned phase : 4, lane : 2, priority : 2, reason : 5, final : 3;
    unsigned cancel : 1;                /* somebody wants it cancelled */
    unsigned held : 1;                  /* holds a slot of worker */
    unsigned rests : 1;                 /* lends it: its user is asked */
    unsigned sent : 1;                  /* RUN went out */
    unsigned confirmed : 1;             /* the worker surely has it */
    unsigned delivered : 1;             /* handed over: owes FINISHED */
    unsigned lost : 1;                  /* this requeue is counted */
    unsigned ran : 1;                   /* what it requeues was an execution */
    unsigned unsure : 1;                /* recovered: RUN may not have gone */
    unsigned absent : 1;                /* and did not: its worker says so */
    unsigned renewed : 1;               /* the store is to hear of it */
    unsigned seen : 1;                  /* in this HELLO */
    unsigned tokened : 1;               /* token is that of an attempt */
};

/*  An attempt that is over, while its process may live on at the worker.  */
typedef struct {
    uint8_t id[16], token[16];
    int64_t since;
    bool confirmed;                     /* the worker surely had it */
} ghost_t;

struct worker {
    char id[FCJ_ID_LEN + 1], name[FCJ_NAME_MAX + 1];
    unsigned lanes;
    int slots, busy;                    /* busy: held slots and ghosts, */
    int resting;                        /* without those that rest */
    bool connected, draining;
    job_t *jobs;
    int ghost_count;
    ghost_t ghosts[FCJ_SLOTS_MAX];
};

struct fcj_core {
    /*  Settings.  */
    size_t queue_max, owner_max;
    int64_t lease_ms;
    fcj_token_fn *token;
    void *token_arg;
    /*  Who and what there is.  */
    size_t buckets;                     /* of jobs; a power of two */
    job_t **jobs;
    owner_t *owners[OWNER_BUCKETS];
    worker_t *workers[FCJ_WORKERS_MAX];
    size_t worker_count, turn;
    char window[FCJ_ID_LEN + 1];        /* the worker of the lane gui */
    /*  What is next: in line (first_key: of the last one put to the front),
     *  and in time.  */
    fcj_line_t lines[FCJ_LANE_COUNT];
    int64_t last_key, first_key;
    fcj_heap_t heap;
    int64_t now, renew_at;
    bool recovered, stopping;
    uint32_t calls;                     /* number of the last one */
    size_t busy_calls;                  /* jobs in a phase with a call */
    fcj_core_counts_t counts;
    /*  Of this step; freed by the next.  */
    fcj_action_t *actions;
    size_t action_count, action_room;
    fcj_bytes_t *used;
    deps_t *used_deps;
    owner_t *leaving;
};

/* ---- request.c: front-ends --------------------------------------------- */

void fcj_on_submit (fcj_core_t *self, const fcj_event_t *event);
void fcj_on_cancel (fcj_core_t *self, const fcj_event_t *event);
/*  Answers those who wait for a cancel, or those who wait for a submit.
 *  actual: the id that the store holds it under; NULL: its own.  */
void fcj_request_answer (fcj_core_t *self, job_t *job, bool cancel,
                         const char *state, const char *actual);
void fcj_request_refuse (fcj_core_t *self, job_t *job, bool cancel,
                         fcj_reason_t reason, const char *text);
void fcj_request_forget (job_t *job);

/* ---- worker.c: workers ------------------------------------------------- */

void fcj_on_hello (fcj_core_t *self, const fcj_event_t *event);
void fcj_on_beat (fcj_core_t *self, const fcj_event_t *event);
void fcj_on_drain (fcj_core_t *self, const fcj_event_t *event);
void fcj_on_bye (fcj_core_t *self, const fcj_event_t *event);
void fcj_on_lost (fcj_core_t *self, const fcj_event_t *event);
void fcj_on_lane (fcj_core_t *self, const fcj_event_t *event);
/*  NULL: not known, or (get) no room for one more. id may be NULL.  */
worker_t *fcj_worker_find (const fcj_core_t *self, const char *id);
worker_t *fcj_worker_get (fcj_core_t *self, const char *id);
void fcj_worker_forget (fcj_core_t *self, worker_t *worker);
/*  Those that are away and have no job.  */
void fcj_worker_forget_idle (fcj_core_t *self);

/* ---- attempt.c: a worker about one attempt ----------------------------- */

void fcj_on_started (fcj_core_t *self, const fcj_event_t *event);
void fcj_on_progress (fcj_core_t *self, const fcj_event_t *event);
void fcj_on_finish (fcj_core_t *self, const fcj_event_t *event);
void fcj_on_release (fcj_core_t *self, const fcj_event_t *event);
/*  The shell's word for the worker: it never heard of it.  */
void fcj_on_unsent (fcj_core_t *self, const fcj_event_t *event);
/*  The job, if it runs under the event's token; else NULL.  */
job_t *fcj_attempt_running (const fcj_core_t *self,
                            const fcj_event_t *event);

/* ---- question.c: a running job asks its user --------------------------- */

void fcj_on_ask (fcj_core_t *self, const fcj_event_t *event);
void fcj_on_unask (fcj_core_t *self, const fcj_event_t *event);
void fcj_on_answer (fcj_core_t *self, const fcj_event_t *event);
/*  An open one, in place of the one before.  */
void fcj_question_new (job_t *job, int64_t number);
void fcj_question_forget (job_t *job);

/* ---- stored.c: what became of a store call ----------------------------- */

void fcj_on_stored (fcj_core_t *self, const fcj_event_t *event);
/*  The store has it in a terminal state (or no longer: state NULL). Everybody
 *  who has to do with it hears of it, and the job leaves the core.  */
void fcj_stored_end (fcj_core_t *self, job_t *job, const char *state);

/* ---- reconcile.c: the record knows better ------------------------------ */

void fcj_on_recover (fcj_core_t *self, const fcj_event_t *event);
/*  Reads the record. what: the call that did not fit.  */
void fcj_reconcile (fcj_core_t *self, job_t *job, const char *what);
/*  The job as it was read.  */
void fcj_reconcile_stored (fcj_core_t *self, job_t *job,
                           const fcj_event_t *event);

/* ---- clock.c: deadlines ------------------------------------------------ */

void fcj_on_tick (fcj_core_t *self);

/* ---- lease.c: a queued job and a free slot make a lease ---------------- */

/*  Leases until a lane has no job or no slot: the end of each step.  */
void fcj_lease_dispatch (fcj_core_t *self);
/*  Gives the job a new token and a slot of worker.  */
void fcj_lease_prepare (fcj_core_t *self, job_t *job, worker_t *worker);
/*  The store has the lease: RUN, if that is still wanted.  */
void fcj_lease_run (fcj_core_t *self, job_t *job);
void fcj_lease_extend (fcj_core_t *self, job_t *job);
/*  Its worker lists it.  */
void fcj_lease_heard (fcj_core_t *self, job_t *job);

/* ---- phase.c: a job's phase, and the store call of the phase ----------- */

/*  True for a phase that waits for the outcome of a store call.  */
static inline bool
fcj_phase_calls (unsigned phase)
{
    return phase != WAITING && phase != READY && phase != RUNNING;
}
/*  "running" or "queued", as the record has it: an attempt that the worker
 *  handed over runs until the store has its end.  */
const char *fcj_phase_state (const job_t *job);
void fcj_phase_first (fcj_core_t *self, job_t *job, phase_t phase);
void fcj_phase_set (fcj_core_t *self, job_t *job, phase_t phase);
/*  The job leaves the core.  */
void fcj_phase_last (fcj_core_t *self, job_t *job);
void fcj_phase_due (fcj_core_t *self, job_t *job, int64_t due);

/*  Into a phase with a store call, which is made.  */
void fcj_phase_begin (fcj_core_t *self, job_t *job, phase_t phase);
/*  Makes the store call of the job's phase, for the first time or again.  */
void fcj_phase_call (fcj_core_t *self, job_t *job);
/*  Makes it again in a while, longer each time.  */
void fcj_phase_retry (fcj_core_t *self, job_t *job);

/*  Into the line, at its front or behind the last.  */
void fcj_phase_ready (fcj_core_t *self, job_t *job, bool front);
/*  After an execution that did not end it: to the front, and said so.  */
void fcj_phase_ready_again (fcj_core_t *self, job_t *job);
/*  Allows it a whole queue timeout from now.  */
void fcj_phase_wait_anew (const fcj_core_t *self, job_t *job);
/*  How many are before a READY job.  */
size_t fcj_phase_ahead (const fcj_core_t *self, const job_t *job);

/*  Begins to store that it failed, under its token.  */
void fcj_phase_fail (fcj_core_t *self, job_t *job, fcj_reason_t reason);
/*  The same of a job that no worker has.  */
void fcj_phase_fail_queued (fcj_core_t *self, job_t *job,
                            fcj_reason_t reason);
/*  lost: counts as one of the executions allowed (after the last of them it
 *  fails instead). ran: it may have begun.  */
void fcj_phase_requeue (fcj_core_t *self, job_t *job, bool lost, bool ran);

/* ---- depend.c: jobs that wait for other jobs --------------------------- */

void fcj_depend_new (job_t *job, const fcj_dep_t *deps, size_t count);
/*  Into the line, or among those who wait; failed, when one of those it
 *  depends on has. event: the states of those that the core does not hold.  */
void fcj_depend_enter (fcj_core_t *self, job_t *job,
                       const fcj_event_t *event, bool front);
/*  The job ended: who waited for it goes on, or fails as well.  */
void fcj_depend_wake (fcj_core_t *self, job_t *job, bool completed);
/*  It waits for nobody any more.  */
void fcj_depend_cut (job_t *job);
/*  And nobody for it.  */
void fcj_depend_forget (job_t *job);

/* ---- slot.c: which slot of which worker is taken, and by what ---------- */

/*  A worker with a free slot for lane, or NULL. Workers take turns.  */
worker_t *fcj_slot_pick (fcj_core_t *self, unsigned lane);
void fcj_slot_attach (job_t *job, worker_t *worker);
/*  Frees the slot, too.  */
void fcj_slot_detach (job_t *job);
/*  The job is at worker, wherever we thought it was.  */
void fcj_slot_move (job_t *job, worker_t *worker);
void fcj_slot_hold (job_t *job);
void fcj_slot_free (job_t *job);
/*  While a job of the lane compute waits for a person, another one has its
 *  slot: as many jobs of a worker as it has slots. Afterwards the worker has
 *  one job too many until any of them ends.  */
void fcj_slot_rest (job_t *job);
void fcj_slot_resume (job_t *job);
/*  The worker spoke of the job: it surely has it.  */
void fcj_slot_confirm (job_t *job);
/*  The attempt is over. What the worker still has of it is answered or
 *  killed.  */
void fcj_slot_part (fcj_core_t *self, job_t *job, const char *why);

/*  confirmed: the worker has listed it.  */
void fcj_ghost_add (fcj_core_t *self, worker_t *worker, const uint8_t *id,
                    const uint8_t *token, bool confirmed);
/*  Its place among the worker's ghosts, or -1.  */
int fcj_ghost_find (const worker_t *worker, const uint8_t token[16]);
/*  The worker handed it over.  */
void fcj_ghost_left (worker_t *worker, const uint8_t token[16]);
/*  A beat listed those whose place is set; the others are gone, unless their
 *  RUN may still be on its way.  */
void fcj_ghost_listed (const fcj_core_t *self, worker_t *worker,
                       const bool listed[FCJ_SLOTS_MAX]);
void fcj_ghost_clear (worker_t *worker);

/* ---- table.c: jobs by id, owners by name ------------------------------- */

/*  Zeroed memory; the process ends when there is none.  */
void *fcj_must_alloc (size_t size);
/*  16 bytes of 32 hex digits, hyphens skipped; -1 for anything else.  */
int fcj_binary_of (const char *text, uint8_t out[16]);
void fcj_token_text (const uint8_t token[16], fcj_token_t text);
/*  False also without a job, or for one without a token.  */
bool fcj_token_is (const job_t *job, const char *token);

/*  NULL: not here.  */
job_t *fcj_table_find (const fcj_core_t *self, const char *id);
job_t *fcj_table_find_binary (const fcj_core_t *self, const uint8_t id[16]);
/*  owner NULL: whose ever it is.  */
job_t *fcj_table_find_of (const fcj_core_t *self, const char *id,
                          const char *owner);
/*  How many jobs of owner are here.  */
size_t fcj_table_owned (fcj_core_t *self, const char *owner);
/*  A job as the event (submit, recover) describes it, in phase STORING.  */
job_t *fcj_table_add (fcj_core_t *self, const fcj_event_t *event,
                      const uint8_t id[16]);
/*  Takes it out of everything that knows it, and frees it.  */
void fcj_table_remove (fcj_core_t *self, job_t *job);
void fcj_table_drop_bytes (fcj_core_t *self, job_t *job);
/*  Frees what the actions of the last step pointed at.  */
void fcj_table_clean (fcj_core_t *self);

/* ---- action.c: what the shell is to do --------------------------------- */

/*  A new action, all zero; valid until the next one is made.  */
fcj_action_t *fcj_act (fcj_core_t *self, fcj_action_type_t type);
/*  About a job: with its id, token, worker, attempt and owner.  */
fcj_action_t *fcj_act_job (fcj_core_t *self, fcj_action_type_t type,
                           const job_t *job);
/*  Nothing for ref 0: nobody asked. text may be NULL.  */
void fcj_act_refuse (fcj_core_t *self, uint64_t ref, fcj_reason_t reason,
                     const char *text);
/*  To those who watch the job.  */
void fcj_act_event (fcj_core_t *self, const job_t *job, const char *state);
/*  id NULL: not known, the token says it.  */
void fcj_act_kill (fcj_core_t *self, const worker_t *worker,
                   const uint8_t *id, const uint8_t *token, const char *why);

#endif
