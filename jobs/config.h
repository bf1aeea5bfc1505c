/*  config.h - one reader of settings: flags over environment over file.
 *
 *  Key `timeout-s` is flag --timeout-s VALUE (or =VALUE; a boolean flag alone
 *  means yes), environment FCJ_TIMEOUT_S, and the line `timeout-s = VALUE` of
 *  the file named by --config or FCJ_CONFIG (else <config home>/freecad-jobs/
 *  freecad-jobs.conf where it exists). The table of keys with type, default,
 *  bounds and help is in settings.c.  */

#ifndef FCJ_CONFIG_H
#define FCJ_CONFIG_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "error.h"

typedef struct fcj_config fcj_config_t;

/*  Reads all three sources. Flags that are no key and bare words are left in
 *  argv (compacted, *argc lowered) for the caller. An unknown key in the
 *  file, or a value out of bounds, is an error that names source, line and
 *  the values allowed. NULL and *error on failure.  */
fcj_config_t *fcj_config_new (int *argc, char **argv, fcj_error_t *error);
void fcj_config_destroy (fcj_config_t **self_p);

/*  Asking for a key that is not in the table is a programming error.  */
const char *fcj_config_str (const fcj_config_t *self, const char *key);
int64_t fcj_config_int (const fcj_config_t *self, const char *key);
bool fcj_config_bool (const fcj_config_t *self, const char *key);

/*  Key n of the table, in its order: NULL past the end. The other two may be
 *  NULL: its default as text, and one line of help.  */
const char *fcj_config_key (size_t n, const char **standard,
                            const char **help);

/*  Fills argv with the settings that were given as flags, each as
 *  "--key=value", but not those of key `but` (NULL: all): for who starts
 *  another of our programs. At most room; the caller frees each. Returns how
 *  many.  */
size_t fcj_config_flags (const fcj_config_t *self, const char *but,
                         char **argv, size_t room);

/*  Paths that follow from the keys (see paths.c for the defaults). All are
 *  absolute; strings are owned by self.
 *    state        state directory, 0711, made if missing
 *    run          sockets, 0700; short enough for sun_path
 *    redis_url    FCJ_REDIS, or unix://<run>/redis.sock
 *    frontend_endpoint, worker_endpoint    ipc://<run>/frontend.sock ...
 *    blobs        blob store
 *    live         output of running jobs
 *    memo         results of native steps
 *    scratch      job directories (for root below /var/tmp, as jobs run there
 *                 under another user)
 *    service_sock, log_dir, redis_dir
 *    share        where our own read-only files lie: tools, catalogue.json,
 *                 fcj.lua (FCJ_SHARE, else beside the binary: ../share/
 *                 freecad-jobs when installed, the source tree in a build)
 *    python       directory of the Python packages fcj and handlers
 *    catalogue, builtin, store_library    catalogue.json, builtin.json and
 *                 fcj.lua
 *    module       directory of _fcj.so
 *    gui_dir      FreeCAD's user directory in the GUI worker
 *    libexec      directory of the fcj-* binaries                       */
const char *fcj_config_path (const fcj_config_t *self, const char *which);
/*  All but scratch and gui_dir exist by now; this makes scratch, or takes it
 *  when it is ours. Who does removes it in the end.  */
int fcj_config_make_scratch (const fcj_config_t *self, fcj_error_t *error);
#endif
