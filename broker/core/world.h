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

#define OWNER_BUCKETS   4096

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
    struct owner *chain;
    size_t live;
    fcj_queue_t queues[FCJ_LANE_COUNT][FCJ_PRIORITY_COUNT];
    char name[];
} owner_t;

/*  Somebody who waits for an answer about a job.  */
typedef struct ask {
    struct ask *next;
    uint64_t ref;
    bool cancel;
} request_t;

/*  waiter waits for dep; in the list of dep's waiters.  */
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

typedef struct {
    size_t count, pending;
    edge_t *edges;
    uint8_t failed[16];
    uint8_t ids[][16];
} deps_t;

struct job {
    fcj_item_t item;
    fcj_due_t due;
    job_t *chain, *next, *prev;         /* bucket; jobs of its worker */
    owner_t *owner;
    worker_t *worker;
    fcj_bytes_t *bytes;                 /* spec while STORING, or FINISH */
    request_t *requests;
    edge_t *waiters;
    deps_t *deps;
    question_t *question;
    int64_t queue_until;
    uint32_t call;
    uint8_t id[16], token[16];
    uint16_t attempt;
    uint8_t tries, losses;
    unsigned phase : 4, lane : 2, priority : 2, reason : 5, final : 3;
    unsigned cancel : 1;                /* somebody wants it cancelled */
    unsigned held : 1;                  /* holds a slot of worker */
    unsigned sent : 1;                  /* RUN went out */
    unsigned confirmed : 1;             /* the worker surely has it */
    unsigned delivered : 1;             /* handed over: owes FINISHED */
    unsigned lost : 1;                  /* this requeue is counted */
    unsigned ran : 1;                   /* what it requeues was an execution */
    unsigned unsure : 1;                /* recovered: RUN may not have gone */
    unsigned absent : 1;                /* and did not: its worker says so */
    unsigned renewed : 1, seen : 1, tokened : 1;
};

typedef struct {
    uint8_t id[16], token[16];
    int64_t since;
    bool confirmed;
} ghost_t;

struct worker {
    char id[FCJ_ID_LEN + 1], name[FCJ_NAME_MAX + 1];
    unsigned lanes;
    int slots, busy;                    /* busy: held slots and ghosts */
    bool connected, draining;
    job_t *jobs;
    int ghost_count;
    ghost_t ghosts[FCJ_SLOTS_MAX];
};

struct fcj_core {
    size_t queue_max, owner_max, buckets;
    fcj_token_fn *token;
    void *token_arg;
    job_t **jobs;
    owner_t *owners[OWNER_BUCKETS];
    worker_t *workers[FCJ_WORKERS_MAX];
    size_t worker_count, turn;
    char window[FCJ_ID_LEN + 1];        /* the worker of the lane gui */
    fcj_line_t lines[FCJ_LANE_COUNT];
    fcj_heap_t heap;
    int64_t now, last_key, first_key, renew_at, lease_ms;
    uint32_t calls;
    bool recovered, stopping;
    size_t busy_calls;                  /* jobs in a phase with a call */
    fcj_core_counts_t counts;
    fcj_action_t *actions;
    size_t action_count, action_room;
    fcj_bytes_t *used;                  /* freed at the next step */
    deps_t *used_deps;
    owner_t *leaving;
};

#endif
