/*  transitions.c - the short steps of a job's life, one call of fcj.lua each.
 *
 *  Each carries the token of the attempt that it speaks for; fcj.lua says
 *  FCJ_STALE when another attempt holds the job by now. read, which changes
 *  nothing, tells a broker where a record stands.  */

#include "writing.h"
#include "../limits.h"
#include "../utf8.h"

#include <stdlib.h>
#include <string.h>

/*  Up to FCJ_TEXT_MAX bytes of it; NULL: "".  */
static void s_text (fcj_command_t *to, const char *text)
{
    fcj_command_add (to, text ? text : "",
                     text ? fcj_utf8_cut (text, strlen (text), FCJ_TEXT_MAX)
                          : 0);
}

/*  A write that changes one record only, as far as the attempt's token.  */
static fcj_write_t *s_of_attempt (const char *function, const char *id,
                                  const char *token, fcj_writer_fn *fn,
                                  void *arg)
{
    fcj_write_t *write = fcj_write_new (id, fcj_write_answered, fn, arg);
    fcj_command_function (write->command, function, 1);
    fcj_command_key (write->command, "job:", id);
    fcj_command_str (write->command, token);
    return write;
}

void fcj_writer_lease (fcj_writer_t *self, const char *id,
                       const char *const *depends_on, size_t count,
                       const fcj_lease_args_t *lease, fcj_writer_fn *fn,
                       void *arg)
{
    fcj_write_t *write = fcj_write_new (id, fcj_write_answered, fn, arg);
    fcj_command_t *to = write->command;
    fcj_command_function (to, "fcj_lease", 3 + (int) count);
    fcj_command_key (to, "job:", id);
    fcj_command_key (to, "lease", "");
    fcj_command_key (to, "events", "");
    for (size_t n = 0; n < count; n++)
        fcj_command_key (to, "job:", depends_on[n]);
    fcj_command_str (to, id);
    fcj_command_int (to, lease->attempt);
    fcj_command_str (to, lease->token);
    fcj_command_str (to, lease->worker);
    fcj_command_int (to, lease->deadline_ms);
    fcj_command_int (to, fcj_now_ms ());
    for (size_t n = 0; n < count; n++)
        fcj_command_str (to, depends_on[n]);
    fcj_command_end (to);
    fcj_writer_send (self, write);
}

void fcj_writer_renew (fcj_writer_t *self, const char *const *ids,
                       const char *const *tokens, size_t count,
                       int64_t deadline_ms, fcj_writer_fn *fn, void *arg)
{
    fcj_write_t *write = fcj_write_new (NULL, fcj_write_answered, fn, arg);
    fcj_command_t *to = write->command;
    fcj_command_function (to, "fcj_renew", 1 + (int) count);
    fcj_command_key (to, "lease", "");
    for (size_t n = 0; n < count; n++)
        fcj_command_key (to, "job:", ids[n]);
    fcj_command_int (to, deadline_ms);
    for (size_t n = 0; n < count; n++) {
        fcj_command_str (to, ids[n]);
        fcj_command_str (to, tokens[n]);
    }
    fcj_command_end (to);
    fcj_writer_send (self, write);
}

void fcj_writer_lane (fcj_writer_t *self, const char *worker,
                      const char *token, int64_t ttl_ms, fcj_writer_fn *fn,
                      void *arg)
{
    fcj_write_t *write = fcj_write_new (NULL, fcj_write_answered, fn, arg);
    fcj_command_t *to = write->command;
    fcj_command_function (to, "fcj_lane", 1);
    fcj_command_key (to, "lane:", "gui");
    fcj_command_str (to, worker);
    fcj_command_str (to, token);
    fcj_command_int (to, ttl_ms);
    fcj_command_end (to);
    fcj_writer_send (self, write);
}

void fcj_writer_started (fcj_writer_t *self, const char *id, const char *token,
                         int64_t at_ms, fcj_writer_fn *fn, void *arg)
{
    fcj_write_t *write = s_of_attempt ("fcj_started", id, token, fn, arg);
    fcj_command_t *to = write->command;
    fcj_command_int (to, at_ms);
    fcj_command_end (to);
    fcj_writer_send (self, write);
}

void fcj_writer_ended (fcj_writer_t *self, const char *id, const char *token,
                       const char *by, fcj_writer_fn *fn, void *arg)
{
    fcj_write_t *write = s_of_attempt ("fcj_ended", id, token, fn, arg);
    fcj_command_t *to = write->command;
    fcj_command_str (to, by);
    fcj_command_end (to);
    fcj_writer_send (self, write);
}

void fcj_writer_progress (fcj_writer_t *self, const char *id,
                          const char *token, double fraction,
                          const char *message, fcj_writer_fn *fn, void *arg)
{
    fcj_write_t *write = s_of_attempt ("fcj_progress", id, token, fn, arg);
    fcj_command_t *to = write->command;
    fcj_command_fraction (to, fraction);
    s_text (to, message);
    fcj_command_end (to);
    fcj_writer_send (self, write);
}

void fcj_writer_ask (fcj_writer_t *self, const char *id, const char *token,
                     int64_t number, const char *json, fcj_writer_fn *fn,
                     void *arg)
{
    fcj_write_t *write = s_of_attempt ("fcj_ask", id, token, fn, arg);
    fcj_command_t *to = write->command;
    fcj_command_int (to, number);
    fcj_command_str (to, json);
    fcj_command_end (to);
    fcj_writer_send (self, write);
}

void fcj_writer_answered (fcj_writer_t *self, const char *id,
                          const char *token, int64_t number,
                          fcj_writer_fn *fn, void *arg)
{
    fcj_write_t *write = s_of_attempt ("fcj_answered", id, token, fn, arg);
    fcj_command_t *to = write->command;
    fcj_command_int (to, number);
    fcj_command_end (to);
    fcj_writer_send (self, write);
}

void fcj_writer_requeue (fcj_writer_t *self, const char *id, const char *token,
                         bool lost, bool ran, const char *why,
                         fcj_writer_fn *fn, void *arg)
{
    fcj_write_t *write = fcj_write_new (id, fcj_write_answered, fn, arg);
    fcj_command_t *to = write->command;
    fcj_command_function (to, "fcj_requeue", 3);
    fcj_command_key (to, "job:", id);
    fcj_command_key (to, "lease", "");
    fcj_command_key (to, "events", "");
    fcj_command_str (to, id);
    fcj_command_str (to, token);
    fcj_command_int (to, lost);
    s_text (to, why);
    fcj_command_int (to, ran);
    fcj_command_end (to);
    fcj_writer_send (self, write);
}

void fcj_writer_cancel (fcj_writer_t *self, const char *id, const char *owner,
                        fcj_writer_fn *fn, void *arg)
{
    fcj_write_t *write = fcj_write_new (id, fcj_write_answered, fn, arg);
    fcj_command_t *to = write->command;
    fcj_command_function (to, "fcj_cancel", 6);
    fcj_command_key (to, "job:", id);
    fcj_command_key (to, "live", "");
    fcj_command_key (to, "lease", "");
    fcj_command_key (to, "done", "");
    fcj_command_key (to, "events", "");
    fcj_command_key (to, "gone:", id);
    fcj_command_str (to, id);
    fcj_command_str (to, owner);
    fcj_command_int (to, fcj_now_ms ());
    fcj_command_end (to);
    fcj_writer_send (self, write);
}

static void s_read_known (fcj_writer_t *self, fcj_write_t *write)
{
    (void) self;
    const redisReply *row = write->replies[0];
    fcj_error_t error;
    if (!*fcj_reply_text (row, 0)) {
        fcj_fail (&error, FCJ_NOT_FOUND, "There is no such record");
        fcj_write_over (write, NULL, &error);
        return;
    }
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 5);
    fcj_pack_kstr (pack, "state", fcj_reply_text (row, 0));
    fcj_pack_kint (pack, "attempt", atoll (fcj_reply_text (row, 1)));
    fcj_pack_kint (pack, "lost", atoll (fcj_reply_text (row, 2)));
    fcj_pack_kstr (pack, "token", fcj_reply_text (row, 3));
    fcj_pack_kstr (pack, "worker", fcj_reply_text (row, 4));
    fcj_write_over_packed (write, &pack);
}

void fcj_writer_read (fcj_writer_t *self, const char *id, fcj_writer_fn *fn,
                      void *arg)
{
    fcj_write_t *write = fcj_write_new (id, s_read_known, fn, arg);
    fcj_command_t *to = write->command;
    static const char *const names[] = {"state", "attempt", "lost", "token",
                                        "worker"};
    fcj_command_begin (to, "HMGET");
    fcj_command_key (to, "job:", id);
    for (size_t n = 0; n < sizeof (names) / sizeof (*names); n++)
        fcj_command_str (to, names[n]);
    fcj_command_end (to);
    fcj_writer_send (self, write);
}
