/*  store.h - Redis remembers. The only code that talks to it.
 *
 *  All keys start with `{fcj:0}:` (shard 0; a job's shard is carried by its
 *  id: the first two hex digits modulo the number of shards, one today).
 *
 *    job:<id>       HASH, the record (below)
 *    live           ZSET id -> sequence number, every job not terminal
 *    lease          ZSET id -> deadline (ms), every running job
 *    done           ZSET id -> expiry (ms), every terminal job
 *    owner:<owner>  ZSET id -> sequence number, for lists
 *    idem:<owner>:<blake2b of key>  STRING "<id> <request hash>", expires
 *    gone:<id>      STRING owner, tombstone of an expired or deleted job
 *    events         STREAM of transitions {id,state,attempt,reason},
 *                   MAXLEN ~ 20000; its counterpart for tests and metrics
 *    seq            counter
 *    lane:gui       STRING "<worker> <token>", expires: who holds the window
 *
 *  What front-ends keep (sessions, event logs) is below mcp: and described in
 *  mcp-frontend/README.md; they use async.h for it.
 *
 *  Record fields. Written once by submit:
 *    spec      msgpack map as submitted (PROTOCOL.md "the job")
 *    id owner tool lane priority seq name submitted(ms) timeout_s
 *    queue_timeout_s retention_s depends_on (JSON array of ids, or absent)
 *    idem (the idem key, absent without one)
 *    blobs (hashes that spec names, a space between; or absent)
 *  Changed by transitions:
 *    state attempt token worker lost (times its worker was lost)
 *    leased started finished (ms) progress (0..1 as text) message
 *    reason error (JSON {type,message,traceback,line,code,signal?})
 *    result (JSON text up to FCJ_INLINE_MAX) or result_blob (hash)
 *    artifacts (JSON array {name,mime,size,hash})
 *    stdout stderr (tails) stdout_size stderr_size (bytes in all)
 *    ask (JSON {ask,message,schema}) asking (its number): while the running
 *    job asks its user (PROTOCOL.md "Asking")
 *    memory (peak, bytes) cpu_ms ended (JSON {attempt,why}: the last attempt
 *    that was lost or given back) requeued (its token) ended_by (algorithm,
 *    SIGTERM, SIGKILL: who ended a job that was cancelled or ran out of time)
 *  Absent means not yet, or none.
 *
 *  Two clients. fcj_store_t blocks and only reads jobs (front-end, command
 *  line; what it writes are notes and a secret);
 *  fcj_writer_t is asynchronous, pipelines, and calls the functions of
 *  fcj.lua (broker only). Both reconnect by themselves.
 *
 *  The files: url.c, conn.c, command.c are the connection; store.c, record.c,
 *  list.c, references.c and facts.c read (reading.h); writer.c, write.c and
 *  one for each kind of write are the broker's (writing.h); async.c and
 *  lookup.c ask without waiting, for front-ends.  */

#ifndef FCJ_STORE_H
#define FCJ_STORE_H

#include "../blob.h"
#include "../codec.h"
#include "../error.h"
#include "../job.h"
#include <stdatomic.h>

/* ---- Reading ----------------------------------------------------------- */

typedef struct fcj_store fcj_store_t;
typedef struct fcj_record fcj_record_t;

/*  url: unix:///path/redis.sock, redis://[user:password@]host:port[/db] or
 *  rediss:// (TLS). Connects at the first use. One object a thread.  */
fcj_store_t *fcj_store_new (const char *url, fcj_error_t *error);
void fcj_store_destroy (fcj_store_t **self_p);

/*  The job's record. With another owner than `owner` (NULL: any, for the
 *  operator) exactly as if it did not exist: NULL with FCJ_NOT_FOUND. With a
 *  tombstone of that owner: NULL with FCJ_EXPIRED.  */
fcj_record_t *fcj_store_get (fcj_store_t *self, const char *id,
                             const char *owner, fcj_error_t *error);
/*  The same without the big fields (spec, result, error, stdout, stderr):
 *  for polling. One round trip.  */
fcj_record_t *fcj_store_status (fcj_store_t *self, const char *id,
                                const char *owner, fcj_error_t *error);
/*  Up to limit jobs of owner, newest first, that match (NULL: any state or
 *  tool); cursor "" at first, then what came back ("" at the end).
 *  *records: caller's array of at least limit. Returns the count or -1.  */
int fcj_store_list (fcj_store_t *self, const char *owner, const char *state,
                    const char *tool, int limit, char cursor[64],
                    fcj_record_t **records, fcj_error_t *error);

/*  Calls fn for each blob that a record names (a hash of `size` digits), some
 *  more than once. Takes its time; ends early, with -1, when *stop is set.  */
typedef void (fcj_reference_fn) (void *arg, const char *hash, size_t size);
int fcj_store_references (fcj_store_t *self, fcj_reference_fn *fn, void *arg,
                          const atomic_bool *stop, fcj_error_t *error);
/*  A hash of its own, {fcj:0}:<kind><name>: sets field (unless NULL) and
 *  gives all of it, as a record. It expires ttl_s after the last change.  */
fcj_record_t *fcj_store_notes (fcj_store_t *self, const char *kind,
                               const char *name, const char *field,
                               const char *value, int ttl_s,
                               fcj_error_t *error);
/*  A secret that all front-ends share, under {fcj:0}:<name>: the one that is
 *  there, or a new random one. size: at most 64.  */
int fcj_store_secret (fcj_store_t *self, const char *name,
                      unsigned char *secret, size_t size,
                      fcj_error_t *error);

/*  What that Redis is like; FCJ_STORE_UNAVAILABLE and why when it cannot be
 *  used.  */
typedef struct {
    char version[32];
    bool known;                 /* it says how it keeps what it is told */
    bool durable;               /* on disk before it answers */
} fcj_store_facts_t;
int fcj_store_facts (fcj_store_t *self, fcj_store_facts_t *out,
                     fcj_error_t *error);

/*  A field's text, NUL-terminated, owned by the record; NULL when absent.
 *  size may be NULL. */
const char *fcj_record_str (const fcj_record_t *self, const char *field,
                            size_t *size);
int64_t fcj_record_int (const fcj_record_t *self, const char *field,
                        int64_t otherwise);
double fcj_record_real (const fcj_record_t *self, const char *field,
                        double otherwise);
fcj_state_t fcj_record_state (const fcj_record_t *self);
/*  The fraction done, 1 of a completed job; -1: it told none.  */
double fcj_record_progress (const fcj_record_t *self);
void fcj_record_destroy (fcj_record_t **self_p);

/* ---- Writing (broker) -------------------------------------------------- */

typedef struct fcj_writer fcj_writer_t;

/*  The outcome of one call. `error` NULL: it took effect (or had already:
 *  every function may be repeated with the same arguments). `reply` is the
 *  function's answer, a msgpack map, valid during the callback, may be NULL.
 *  FCJ_STORE_UNAVAILABLE: unknown whether it took effect; repeat it.
 *  FCJ_STALE: token or state no longer fit; do not repeat.  */
typedef void (fcj_writer_fn) (void *arg, const fcj_map_t *reply,
                              const fcj_error_t *error);

/*  Driven by the caller's poll loop: watch fd (-1 while down) for reading,
 *  and for writing when wants_write; call fcj_writer_run after each wake-up
 *  and at least each 100 ms (timeouts, reconnecting). It loads fcj.lua
 *  (text given) on each connection. A call that cannot be sent within
 *  timeout_ms, or is not answered within as long again, fails with
 *  FCJ_STORE_UNAVAILABLE; so does one that finds FCJ_STORE_WAITING_MAX bytes
 *  waiting to be sent.  */
fcj_writer_t *fcj_writer_new (const char *url, const char *library,
                              int64_t timeout_ms, fcj_error_t *error);
void fcj_writer_destroy (fcj_writer_t **self_p);
int  fcj_writer_fd (const fcj_writer_t *self);
bool fcj_writer_wants_write (const fcj_writer_t *self);
void fcj_writer_run (fcj_writer_t *self);
bool fcj_writer_up (const fcj_writer_t *self);

/*  submit. job: msgpack map of PROTOCOL.md "the job" with id; lease NULL, or
 *  given when the broker has a free slot, so that submit and lease are one
 *  durable step. Reply: {existing: bool, id, state, seq, refs?}; existing is
 *  true when the idempotency key had that job already (id is then the old
 *  one). FCJ_CONFLICT: the key was used with another request hash.
 *  FCJ_NOT_FOUND: a job in depends_on does not exist for this owner.
 *  FCJ_QUEUE_FULL: Redis is full, nothing was stored.
 *  reply.deps: {id: state} of depends_on.  */
typedef struct {
    int attempt;
    const char *token, *worker;
    int64_t deadline_ms;                /* wall clock */
} fcj_lease_args_t;
void fcj_writer_submit (fcj_writer_t *self, const void *job, size_t size,
                        const fcj_lease_args_t *lease,
                        fcj_writer_fn *fn, void *arg);
/*  lease a queued job. Reply {spec: bin, refs: {id: {state,result,
 *  result_blob,artifacts}}}. FCJ_STALE when it is not queued any more. refs
 *  are the records of depends_on. A repeated call with the same token gives
 *  the same reply.  */
void fcj_writer_lease (fcj_writer_t *self, const char *id,
                       const char *const *depends_on, size_t count,
                       const fcj_lease_args_t *lease,
                       fcj_writer_fn *fn, void *arg);
/*  renew many leases: ids and tokens side by side.  */
void fcj_writer_renew (fcj_writer_t *self, const char *const *ids,
                       const char *const *tokens, size_t count,
                       int64_t deadline_ms, fcj_writer_fn *fn, void *arg);
/*  Takes, renews or (ttl_ms 0) gives up the lane gui. Reply {mine, holder}. */
void fcj_writer_lane (fcj_writer_t *self, const char *worker,
                      const char *token, int64_t ttl_ms, fcj_writer_fn *fn,
                      void *arg);
void fcj_writer_started (fcj_writer_t *self, const char *id,
                         const char *token, int64_t at_ms,
                         fcj_writer_fn *fn, void *arg);
/*  how a job that was cancelled while it ran came to its end.  */
void fcj_writer_ended (fcj_writer_t *self, const char *id,
                       const char *token, const char *by,
                       fcj_writer_fn *fn, void *arg);
void fcj_writer_progress (fcj_writer_t *self, const char *id,
                          const char *token, double fraction,
                          const char *message, fcj_writer_fn *fn, void *arg);
/*  ask: the running job asks its user; json: the record's `ask`. answered:
 *  question `number` is over; another one is left alone.  */
void fcj_writer_ask (fcj_writer_t *self, const char *id, const char *token,
                     int64_t number, const char *json, fcj_writer_fn *fn,
                     void *arg);
void fcj_writer_answered (fcj_writer_t *self, const char *id,
                          const char *token, int64_t number,
                          fcj_writer_fn *fn, void *arg);
/*  finish. token NULL for a job that is queued (expired in the queue,
 *  dependency failed). body: msgpack map of PROTOCOL.md FINISH; state,
 *  reason, error, result, artifacts... are stored as they are. Repeating the
 *  same finish succeeds; another for a terminal job is FCJ_STALE.  */
void fcj_writer_finish (fcj_writer_t *self, const char *id,
                        const char *token, const void *body, size_t size,
                        fcj_writer_fn *fn, void *arg);
/*  requeue after a lost worker (counted: lost + 1) or a hand-back of a
 *  draining worker (not counted). ran false: the lease never became an
 *  execution, `attempt` goes back by one.  */
void fcj_writer_requeue (fcj_writer_t *self, const char *id,
                         const char *token, bool lost, bool ran,
                         const char *why,
                         fcj_writer_fn *fn, void *arg);
/*  read: how the record stands. Reply {state, attempt, lost, token, worker};
 *  FCJ_NOT_FOUND when it is not there.  */
void fcj_writer_read (fcj_writer_t *self, const char *id, fcj_writer_fn *fn,
                      void *arg);
/*  cancel. A queued or running job becomes cancelled at once (a late result
 *  is stale); a terminal one is left: reply {state}. FCJ_NOT_FOUND for
 *  another owner's.  */
void fcj_writer_cancel (fcj_writer_t *self, const char *id,
                        const char *owner, fcj_writer_fn *fn, void *arg);
/*  delete a terminal job's record (tombstone stays); FCJ_NOT_FINISHED for a
 *  live one.  */
void fcj_writer_delete (fcj_writer_t *self, const char *id,
                        const char *owner, fcj_writer_fn *fn, void *arg);
/*  Remove up to limit records past their retention. Reply {expired: n}.  */
void fcj_writer_expire (fcj_writer_t *self, int limit,
                        fcj_writer_fn *fn, void *arg);
/*  One page of the live jobs, for a broker that starts: sequence numbers
 *  above `after`, up to limit. Reply {jobs: [{id,owner,lane,priority,seq,
 *  state,attempt,token,worker,lost,submitted,timeout_s,queue_timeout_s,
 *  asking,depends_on:[{id,state}],deadline}], last: seq}. A job whose record is
 *  lost is left out; the end is where last is `after`.  */
void fcj_writer_live (fcj_writer_t *self, int64_t after, int limit,
                      fcj_writer_fn *fn, void *arg);
#endif
