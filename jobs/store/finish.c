/*  finish.c - the last step of a job: what its record keeps of a FINISH.
 *
 *  A worker says how its job ended; the fields that the record takes, and
 *  their bounds, stand in one table. The rest of the message is dropped.  */

#include "writing.h"
#include "../limits.h"

#include <string.h>

/*  The fields of a FINISH that the record takes, with their bounds; what is
 *  longer is refused, not cut: the worker has to keep to the bounds.  */
static const struct {
    const char *name;
    size_t most;                /* 0: a whole number */
} s_finish_fields[] = {
    {"state", 16},
    {"reason", 32},
    {"error", FCJ_INLINE_MAX},
    {"result", FCJ_INLINE_MAX},
    {"result_blob", FCJ_HASH_LEN},
    {"artifacts", FCJ_INLINE_MAX},
    {"stdout", FCJ_TAIL_MAX},
    {"stderr", FCJ_TAIL_MAX},
    {"message", FCJ_TEXT_MAX},
    {"stdout_size", 0},
    {"stderr_size", 0},
    {"memory", 0},
    {"cpu_ms", 0},
    {"ended_by", 16},
    {"started", 0},
    {"finished", 0},
};
#define FINISH_FIELDS (sizeof (s_finish_fields) / sizeof (*s_finish_fields))

static int s_finish_record (fcj_command_t *to, const fcj_map_t *body,
                            fcj_error_t *error)
{
    for (size_t n = 0; n < FINISH_FIELDS; n++) {
        const char *name = s_finish_fields[n].name;
        size_t most = s_finish_fields[n].most, size = 0;
        const char *text = most ? fcj_map_bytes (body, name, &size) : NULL;
        if (text && size > most)
            return fcj_fail (error, FCJ_TOO_LARGE, "%s has %zu bytes, more "
                             "than %zu; put it into a blob", name, size, most);
        if (text) {
            fcj_command_str (to, name);
            fcj_command_add (to, text, size);
        } else if (!most && fcj_map_has (body, name) &&
                   strcmp (name, "finished") != 0) {
            fcj_command_str (to, name);
            fcj_command_int (to, fcj_map_int (body, name, 0));
        }
    }
    if (fcj_map_has (body, "progress")) {
        fcj_command_str (to, "progress");
        fcj_command_fraction (to, fcj_map_real (body, "progress", 0));
    }
    fcj_command_str (to, "finished");
    fcj_command_int (to, fcj_map_int (body, "finished", fcj_now_ms ()));
    return 0;
}

void fcj_writer_finish (fcj_writer_t *self, const char *id, const char *token,
                        const void *body, size_t size, fcj_writer_fn *fn,
                        void *arg)
{
    char state[16], reason[32] = "";
    fcj_error_t error;
    fcj_write_t *write = fcj_write_new (id, fcj_write_answered, fn, arg);
    fcj_command_t *to = write->command;
    fcj_map_t *map = fcj_map_new (body, size);
    int result = 0;
    if (!map || fcj_map_copy (map, "state", state, sizeof (state)) < 0 ||
        fcj_state_of (state) < FCJ_COMPLETED)
        result = fcj_fail (&error, FCJ_PROTOCOL, "A finish must carry the "
                           "state completed, failed or cancelled");
    if (result == 0) {
        if (fcj_map_copy (map, "reason", reason, sizeof (reason)) < 0)
            reason[0] = 0;
        fcj_command_function (to, "fcj_finish", 5);
        fcj_command_key (to, "job:", id);
        fcj_command_key (to, "live", "");
        fcj_command_key (to, "lease", "");
        fcj_command_key (to, "done", "");
        fcj_command_key (to, "events", "");
        fcj_command_str (to, id);
        fcj_command_str (to, token);
        fcj_command_str (to, state);
        fcj_command_str (to, reason);
        fcj_command_int (to, fcj_now_ms ());
        result = s_finish_record (to, map, &error);
        fcj_command_end (to);
    }
    fcj_map_destroy (&map);
    if (result < 0)
        fcj_writer_refuse (self, write, &error);
    else
        fcj_writer_send (self, write);
}
