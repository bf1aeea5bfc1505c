/*  writing.h - one write of the broker's, for the files that make writes.
 *
 *  A write is some commands, and a function that looks at their replies when
 *  all have come: it ends the write, or sends a next round of commands (read
 *  what is due, then bury it). write.c is its life, writer.c carries it to
 *  Redis and back; what the writes say is in submit.c, transitions.c,
 *  finish.c, expire.c and live.c.
 *
 *      held --up--> sent --replies--> over
 *        \            \--lost---\
 *         `--timeout, too many--`--> failed, told at the next run
 */

#ifndef FCJ_WRITING_H
#define FCJ_WRITING_H
#include "command.h"
#include "conn.h"
#include "store.h"

typedef struct fcj_write fcj_write_t;

/*  Looks at write->replies, none of them an error; it ends the write with
 *  fcj_write_over*(), or goes on with fcj_writer_again().  */
typedef void (fcj_round_fn) (fcj_writer_t *self, fcj_write_t *write);

struct fcj_write {
    fcj_write_t *after;         /* in the queue that it is in */
    fcj_writer_fn *fn;
    void *arg;
    int64_t until;
    fcj_error_t *failed;        /* why, for those told at the next run */

    fcj_command_t *command;     /* of this round, until it is sent */
    redisReply **replies;
    int expected, got;
    fcj_round_fn *next;

    fcj_id_t id;                /* what later rounds need */
    char *owner;
    int64_t number;
    fcj_map_t *job;             /* submit, for repeating it */
    char *job_bytes;
    redisReply *kept;           /* a reply of an earlier round */
    redisReply *kept_too;
};

/* ---- Its life: write.c -------------------------------------------------- */

/*  With an empty command; id may be NULL.  */
fcj_write_t *fcj_write_new (const char *id, fcj_round_fn *next,
                            fcj_writer_fn *fn, void *arg);
void fcj_write_destroy (fcj_write_t **self_p);
void fcj_write_drop_replies (fcj_write_t *self);

/*  Tells how it ended, and frees it.  */
void fcj_write_over (fcj_write_t *self, const fcj_map_t *reply,
                     const fcj_error_t *error);
/*  The same with a map of our own, which is taken.  */
void fcj_write_over_packed (fcj_write_t *self, fcj_pack_t **pack);
/*  The usual end: the answer of a function of fcj.lua.  */
void fcj_write_answered (fcj_writer_t *writer, fcj_write_t *self);

/* ---- On its way: writer.c. They take the write over. -------------------- */

void fcj_writer_send (fcj_writer_t *self, fcj_write_t *write);
/*  The next round of the same write, which next() looks at.  */
void fcj_writer_again (fcj_writer_t *self, fcj_write_t *write,
                       fcj_round_fn *next);
/*  It fails, and is told at the next run.  */
void fcj_writer_refuse (fcj_writer_t *self, fcj_write_t *write,
                        const fcj_error_t *error);
#endif
