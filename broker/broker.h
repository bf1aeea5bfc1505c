/*  broker.h - the broker's shell: what its files share.
 *
 *  The shell turns messages (receive.c, handle_*.c) and store replies
 *  (store.c) into events of the core (core/), and the core's actions into
 *  messages (send.c) and store calls. It keeps what the core has no use for:
 *  who is connected (peer.c), who watches what and how far the running jobs
 *  are (watch.c), which worker has the window (lane.c). sweep.c runs beside it:
 *  blobs that no job needs.  */

#ifndef FCJ_BROKER_H
#define FCJ_BROKER_H
#include "../jobs/codec.h"
#include "../jobs/config.h"
#include "../jobs/store/store.h"
#include "core.h"
#include "sweep.h"

#define FCJ_IDENTITY_MAX 64
#define FCJ_WATCH_BUCKETS 16384
#define FCJ_UNSENT_MAX 64
#define FCJ_PEERS_MAX (FCJ_FRONTENDS_MAX + FCJ_WORKERS_MAX)

/*  A connected front-end or worker.  */
typedef struct fcj_peer {
    bool is_worker, used;
    bool deaf;                          /* a RUN could not be sent to it */
    uint32_t serial;                    /* never used twice */
    unsigned char identity[FCJ_IDENTITY_MAX];
    size_t identity_size;
    int64_t heard;
    char worker[FCJ_ID_LEN + 1];
    char *info;                         /* packed map */
    size_t info_size;
    bool reload_waits, reload_ok;
    char reload_error[1024];        /* more than a worker's words */
    bool gui, left;                     /* of the lane gui; drains */
    int rank;
    int64_t joined;
    char gui_error[512];                /* why its window does not start */
} fcj_peer_t;

/*  The lease of the lane gui (lane.c).  */
typedef struct {
    char worker[FCJ_ID_LEN + 1];
    fcj_token_t token;
    bool held, asking;
    int64_t at, until;                  /* next step; surely ours */
} fcj_holder_t;

/*  A job somebody watches, or that runs (tool is set then). ask: the JSON text
 *  of its open question, owned; or NULL.  */
typedef struct fcj_seen {
    struct fcj_seen *chain;
    fcj_id_t id;
    uint32_t watchers[FCJ_WATCHERS_MAX]; /* serials; 0: free */
    bool running;
    char tool[FCJ_NAME_MAX + 1];
    double progress;
    int64_t started;
    char message[FCJ_TEXT_MAX + 1];
    char *ask;
} fcj_seen_t;

typedef struct fcj_broker {
    const fcj_config_t *config;
    fcj_core_t *core;
    fcj_writer_t *writer;
    fcj_sweep_t *sweep;                 /* NULL: nobody wants it */
    int64_t sweep_at;
    void *context, *frontends, *workers;
    fcj_peer_t peers[FCJ_PEERS_MAX];
    uint32_t serial;
    fcj_seen_t *seen[FCJ_WATCH_BUCKETS];
    size_t seen_count;
    int64_t lease_ms, beat_ms;          /* settings */
    int64_t wall_start, mono_start, beat_at, expire_at, stop_at;
    bool recovered, recovering;
    int64_t recover_at, recovered_seq;
    const fcj_map_t *reply;             /* of the lease, during its step */
    uint64_t reload_ref;
    int64_t reload_until;
    char *catalogue;
    fcj_holder_t lane;
    fcj_held_t unsent[FCJ_UNSENT_MAX];
    int unsent_count;
    int lock;
    char ipc[2][200];
} fcj_broker_t;

fcj_broker_t *fcj_broker_new (const fcj_config_t *config,
                              fcj_error_t *error);
void fcj_broker_destroy (fcj_broker_t **self_p);
/*  Until *stop is set and what is under way is flushed (3 s).  */
void fcj_broker_run (fcj_broker_t *self, const volatile int *stop);

/* ---- Between its files ------------------------------------------------- */

int64_t fcj_broker_now (const fcj_broker_t *self);
/*  One step of the core, actions carried out.  */
void fcj_broker_step (fcj_broker_t *self, const fcj_event_t *event);
/*  What was packed, as an event hands it to the core; the pack is gone.  */
fcj_bytes_t *fcj_bytes_take (fcj_pack_t **pack_p);

/*  receive.c: one message from a front-end or a worker to its handler. False:
 *  there is none.  */
bool fcj_receive (fcj_broker_t *self, bool is_worker);

void fcj_handle_frontend (fcj_broker_t *self, fcj_peer_t *peer,
                          const char *type, const fcj_map_t *body);
void fcj_handle_worker (fcj_broker_t *self, fcj_peer_t *peer,
                        const char *type, const fcj_map_t *body);
void fcj_handle_status (fcj_broker_t *self, fcj_peer_t *peer, int64_t req);
void fcj_handle_live (fcj_broker_t *self, fcj_peer_t *peer, int64_t req,
                      const fcj_map_t *body);
void fcj_handle_reload (fcj_broker_t *self, uint64_t ref);
void fcj_handle_reloaded (fcj_broker_t *self, fcj_peer_t *peer,
                          const fcj_map_t *body);
/*  Answers the reload when nobody is waited for any more: call it when a worker
 *  is gone.  */
void fcj_reload_over (fcj_broker_t *self);

/*  store.c: an action that is a store call; start-up; records past their
 *  retention.  */
bool fcj_store_act (fcj_broker_t *self, const fcj_action_t *action);
void fcj_store_recover (fcj_broker_t *self);
void fcj_store_ended (fcj_broker_t *self, const char *id, const char *token,
                      const char *by);
void fcj_store_delete (fcj_broker_t *self, uint64_t ref, const char *id,
                       const char *owner);
/*  Of a job that the core does not hold: answers its terminal state.  */
void fcj_store_cancel (fcj_broker_t *self, uint64_t ref, const char *id,
                       const char *owner);

/*  lane.c: keeps the lease of the lane gui. False: nobody serves it, why.  */
void fcj_lane_clock (fcj_broker_t *self);
bool fcj_lane_served (const fcj_broker_t *self, char *why, size_t size);
void fcj_lane_tell (fcj_broker_t *self, const fcj_peer_t *peer);
/*  The worker that has it; NULL: nobody.  */
const fcj_peer_t *fcj_lane_holder (const fcj_broker_t *self);
/*  What its info says of the window.  */
void fcj_lane_look (fcj_peer_t *peer, const fcj_map_t *info);
/*  send.c  */
int fcj_send (fcj_broker_t *self, const fcj_peer_t *peer, const char *type,
              const fcj_pack_t *body);
void fcj_send_act (fcj_broker_t *self, const fcj_action_t *action);
void fcj_send_refused (fcj_broker_t *self, uint64_t ref,
                       fcj_reason_t reason, const char *text,
                       bool retryable);
void fcj_send_done (fcj_broker_t *self, uint64_t ref, const char *state);
void fcj_send_state (fcj_broker_t *self, const fcj_peer_t *peer, int64_t req,
                     const char *id, bool watched);

/*  A request is named by its peer's serial and its number.  */
static inline uint64_t
fcj_ref (const fcj_peer_t *peer, int64_t req)
{
    return (uint64_t) peer->serial << 32 | (uint32_t) req;
}

/*  peer.c: who is connected. NULL: nobody such, or (new) no room.  */
fcj_peer_t *fcj_peer_find (fcj_broker_t *self, bool is_worker,
                           const void *identity, size_t size);
fcj_peer_t *fcj_peer_serial (fcj_broker_t *self, uint32_t serial);
fcj_peer_t *fcj_peer_worker (fcj_broker_t *self, const char *worker);
fcj_peer_t *fcj_peer_new (fcj_broker_t *self, bool is_worker,
                          const void *identity, size_t size);
/*  Its place is free; nobody hears of it.  */
void fcj_peer_close (fcj_peer_t *peer);
/*  The same; the core hears of a worker that it is lost.  */
void fcj_peer_gone (fcj_broker_t *self, fcj_peer_t *peer);
/*  Who cannot be sent a job is lost at once, not after its last beat's time:
 *  else the job would be leased to it again and again meanwhile. If it lives,
 *  its next message is answered HELLO?.  */
void fcj_peer_deaf_gone (fcj_broker_t *self);
/*  Keeps `info` of the body, when it has one.  */
void fcj_peer_info (fcj_peer_t *peer, const fcj_map_t *body);

/*  watch.c: who watches what. Watching is false when too many do: this one
 *  does not.  */
bool fcj_watch (fcj_broker_t *self, const fcj_peer_t *peer, const char *id);
void fcj_unwatch (fcj_broker_t *self, const fcj_peer_t *peer, const char *id);
/*  A job that runs or is watched; NULL: not seen, or (make) no memory.  */
fcj_seen_t *fcj_seen (fcj_broker_t *self, const char *id, bool make);
/*  Forgets it, when it neither runs nor is watched.  */
void fcj_seen_check (fcj_broker_t *self, fcj_seen_t *seen);
void fcj_seen_destroy (fcj_broker_t *self);
#endif
