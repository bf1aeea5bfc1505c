/*  main.c - fcj-native: the walls, then job after job.
 *
 *      fcj-native --parent PID --scratch DIR [--uid N] [--processes N]
 *                 [--file-size BYTES] [--catalogue FILE] [--sandbox off]
 *                 [--network on] [--root [w:]PATH]... [--read PATH]...
 *      fcj-native --version
 *
 *  It is exec'd and never forks, so OpenCASCADE may have its threads. SIGTERM
 *  asks the kernel to stop; what the supervisor does about a process that
 *  does not is SIGKILL.  */

#include "native.h"

#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../jobs/limits.h"

#define EXIT_NOT_READY  97
#define TRIM_BYTES      (32L << 20)

typedef struct {
    pid_t parent;
    uid_t uid;
    const char *scratch, *catalogue;
    fcj_walls_t walls;
    long processes;             /* and threads, of a user of its own */
    long file_size;             /* of one file, bytes */
} options_t;

static fcj_kernel_t *s_kernel;          /* for the signal handler only */
static volatile sig_atomic_t s_cancelled;

static void
s_on_term (int number)
{
    (void) number;
    s_cancelled = 1;
    fcj_kernel_cancel (s_kernel);
}

bool
fcj_native_cancelled (void)
{
    return s_cancelled;
}

/* ---- Arguments -------------------------------------------------------------- */

static int
s_read_args (options_t *self, int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *flag = argv[i], *value = argv[i + 1];
        if (strcmp (flag, "--parent") == 0)
            self->parent = (pid_t) atoi (value);
        else if (strcmp (flag, "--scratch") == 0)
            self->scratch = value;
        else if (strcmp (flag, "--uid") == 0)
            self->uid = (uid_t) atoll (value);
        else if (strcmp (flag, "--processes") == 0)
            self->processes = atol (value);
        else if (strcmp (flag, "--file-size") == 0)
            self->file_size = atol (value);
        else if (strcmp (flag, "--catalogue") == 0)
            self->catalogue = value;
        else
            fcj_walls_take (&self->walls, flag, value);
    }
    return self->scratch && self->parent > 0 && self->file_size > 0 ? 0 : -1;
}

/*  The tools that have a pipeline: name -> entry.  */
static json_t *
s_tools (const char *path)
{
    json_error_t why;
    size_t n;
    json_t *root = path ? json_load_file (path, 0, &why) : NULL, *entry;
    json_t *tools = json_object ();
    json_array_foreach (json_object_get (root, "tools"), n, entry) {
        const char *name = json_string_value (
            json_object_get (entry, "name"));
        if (name && json_is_object (json_object_get (entry, "native")))
            json_object_set (tools, name, entry);
    }
    json_decref (root);
    return tools;
}

/* ---- The wire ----------------------------------------------------------------- */

void
fcj_native_send (const fcj_pack_t *message)
{
    if (fcj_frame_send (FCJ_NATIVE_CONTROL, fcj_pack_data (message),
                        fcj_pack_size (message), NULL, 0, -1))
        _exit (0);                      /* the supervisor is gone */
}

int
fcj_native_recv (void **bytes, size_t *size, int *fds, size_t *n)
{
    return fcj_frame_recv (FCJ_NATIVE_CONTROL, FCJ_FRAME_MAX
                           + FCJ_INLINE_MAX, bytes, size, fds, n);
}

static void
s_say_waiting (void)
{
    fcj_pack_t *message = fcj_pack_new ();
    fcj_pack_map (message, 2);
    fcj_pack_kstr (message, "type", "waiting");
    fcj_pack_kint (message, "resident", fcj_usage_resident ());
    fcj_native_send (message);
    fcj_pack_destroy (&message);
}

/* ---- Start, and for ever --------------------------------------------------------- */

/*  One byte more than a file may have: one that has it was cut there, and one
 *  that just fits was not.  */
static int
s_enter (const options_t *options, fcj_error_t *error)
{
    const fcj_walls_t *walls = &options->walls;
    fcj_sandbox_t box = { .on = walls->sandbox,
        .network = walls->network, .uid = options->uid,
        .parent = options->parent, .scratch = options->scratch,
        .readable = walls->readable, .roots = walls->roots,
        .root_count = walls->root_count, .file_size = options->file_size + 1,
        .processes = options->uid != (uid_t) -1 ? options->processes : 0 };
    return fcj_sandbox_prepare (walls->network, error)
        || fcj_sandbox_enter (&box, error) ? -1 : 0;
}

static void
s_signals (void)
{
    struct sigaction action = { .sa_handler = s_on_term,
                                .sa_flags = SA_RESTART };
    sigaction (SIGTERM, &action, NULL);
    signal (SIGXFSZ, SIG_IGN);          /* a full file is an error */
    signal (SIGPIPE, SIG_IGN);
}

static void
s_serve (fcj_native_t *self)
{
    void *bytes;
    int fds[FCJ_FDS_MAX];
    int64_t trimmed = fcj_usage_resident ();
    for (;;) {
        size_t size, n = FCJ_FDS_MAX;
        s_say_waiting ();
        if (fcj_native_recv (&bytes, &size, fds, &n))
            _exit (0);                  /* not needed any more */
        fcj_map_t *message = fcj_map_new (bytes, size);
        if (message)
            fcj_native_run (self, message, fds, n);
        fcj_map_destroy (&message);
        free (bytes);
        for (size_t i = 0; i < n; i++)
            close (fds[i]);
        if (fcj_usage_resident () > trimmed + TRIM_BYTES) {
            malloc_trim (0);
            trimmed = fcj_usage_resident ();
        }
    }
}

/*  Only a kernel that can be made is one: what the linker or OpenCASCADE's
 *  own start have against this machine shows here.  */
static int
s_say_version (void)
{
    fcj_kernel_t *kernel = fcj_kernel_new ();
    if (!kernel)
        return EXIT_NOT_READY;
    fcj_kernel_destroy (&kernel);
    printf ("fcj-native %s, kernel %s\n", FCJ_VERSION,
            fcj_kernel_version ());
    return 0;
}

int
main (int argc, char **argv)
{
    options_t options = { .uid = (uid_t) -1,
                          .file_size = FCJ_ARTIFACT_MAX };
    fcj_error_t error = { 0 };
    fcj_walls_init (&options.walls);
    if (argc == 2 && strcmp (argv[1], "--version") == 0)
        return s_say_version ();
    if (s_read_args (&options, argc, argv)) {
        fprintf (stderr, "fcj-native is started by fcj-worker\n");
        return 2;
    }
    fcj_native_t self = { .tools = s_tools (options.catalogue),
        .kernel = fcj_kernel_new (), .scratch = options.scratch };
    s_kernel = self.kernel;
    fcj_usage_open ();
    if (!self.kernel || s_enter (&options, &error)) {
        dprintf (2, "fcj-native: %s\n", self.kernel ? error.text
                 : "out of memory");
        return EXIT_NOT_READY;
    }
    s_signals ();
    self.base_size = fcj_usage_size ();
    s_serve (&self);
}
