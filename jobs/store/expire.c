/*  expire.c - a record leaves the store: deleted by its owner, or past its
 *  retention.
 *
 *  A function of Redis may only touch keys that it was called with, and which
 *  they are (the owner's list, the idempotency key) stands in the record. So
 *  a first round reads that, and the next one buries; fcj.lua looks again
 *  whether the job may go.  */

#include "writing.h"
#include "../limits.h"

#include <stdlib.h>
#include <string.h>

#define EXPIRE_MAX 1000         /* records in one call */

static void s_ask_keys (fcj_command_t *to, const char *id)
{
    fcj_command_begin (to, "HMGET");
    fcj_command_key (to, "job:", id);
    fcj_command_str (to, "owner");
    fcj_command_str (to, "idem");
    fcj_command_end (to);
}

static void s_delete_known (fcj_writer_t *self, fcj_write_t *write)
{
    const char *whose = fcj_reply_text (write->replies[0], 0);
    const char *idem = fcj_reply_text (write->replies[0], 1);
    fcj_command_t *to = write->command = fcj_command_new ();
    fcj_command_function (to, "fcj_delete", *idem ? 5 : 4);
    fcj_command_key (to, "job:", write->id);
    fcj_command_key (to, "done", "");
    fcj_command_key (to, "owner:", whose);
    fcj_command_key (to, "gone:", write->id);
    if (*idem)
        fcj_command_idem (to, whose, idem);
    fcj_command_str (to, write->id);
    fcj_command_str (to, write->owner);
    fcj_command_int (to, FCJ_TOMBSTONE_S);
    fcj_command_end (to);
    fcj_writer_again (self, write, fcj_write_answered);
}

void fcj_writer_delete (fcj_writer_t *self, const char *id, const char *owner,
                        fcj_writer_fn *fn, void *arg)
{
    fcj_write_t *write = fcj_write_new (id, s_delete_known, fn, arg);
    fcj_command_t *to = write->command;
    write->owner = strdup (owner ? owner : "");
    if (!write->owner)
        abort ();
    s_ask_keys (to, id);
    fcj_writer_send (self, write);
}

static void s_expire_known (fcj_writer_t *self, fcj_write_t *write)
{
    size_t count = write->kept->elements;
    fcj_command_t *to = write->command = fcj_command_new ();
    fcj_command_function (to, "fcj_expire", 1 + 4 * (int) count);
    fcj_command_key (to, "done", "");
    for (size_t n = 0; n < count; n++) {
        const char *id = fcj_reply_text (write->kept, n);
        const char *whose = fcj_reply_text (write->replies[n], 0);
        const char *idem = fcj_reply_text (write->replies[n], 1);
        fcj_command_key (to, "job:", id);
        fcj_command_key (to, "owner:", whose);
        fcj_command_key (to, "gone:", id);
        if (*idem)
            fcj_command_idem (to, whose, idem);
        else
            fcj_command_key (to, "gone:", id);
    }
    fcj_command_int (to, write->number);
    fcj_command_int (to, FCJ_TOMBSTONE_S);
    for (size_t n = 0; n < count; n++)
        fcj_command_str (to, fcj_reply_text (write->kept, n));
    fcj_command_end (to);
    fcj_writer_again (self, write, fcj_write_answered);
}

static void s_expire_due (fcj_writer_t *self, fcj_write_t *write)
{
    redisReply *due = write->replies[0];
    if (due->type != REDIS_REPLY_ARRAY || !due->elements) {
        fcj_pack_t *pack = fcj_pack_new ();
        fcj_pack_map (pack, 1);
        fcj_pack_kint (pack, "expired", 0);
        fcj_write_over_packed (write, &pack);
        return;
    }
    write->kept = due;
    write->replies[0] = NULL;
    fcj_command_t *to = write->command = fcj_command_new ();
    for (size_t n = 0; n < due->elements; n++)
        s_ask_keys (to, fcj_reply_text (due, n));
    fcj_writer_again (self, write, s_expire_known);
}

void fcj_writer_expire (fcj_writer_t *self, int limit, fcj_writer_fn *fn,
                        void *arg)
{
    fcj_write_t *write = fcj_write_new (NULL, s_expire_due, fn, arg);
    fcj_command_t *to = write->command;
    write->number = fcj_now_ms ();
    fcj_command_begin (to, "ZRANGEBYSCORE");
    fcj_command_key (to, "done", "");
    fcj_command_str (to, "-inf");
    fcj_command_int (to, write->number);
    fcj_command_str (to, "LIMIT");
    fcj_command_int (to, 0);
    fcj_command_int (to, limit < 1            ? 1
                         : limit > EXPIRE_MAX ? EXPIRE_MAX
                                              : limit);
    fcj_command_end (to);
    fcj_writer_send (self, write);
}
