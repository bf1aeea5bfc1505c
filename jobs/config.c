/*  config.c - the table of settings, and the one reader of their sources.
 *
 *  Every key stands once in s_keys with its type, default, bounds and help.
 *  The sources are read weakest first (file, environment, flags), each
 *  setting what it names, so that the last one to speak wins; a value is
 *  checked against the table wherever it comes from. What paths follow from
 *  the keys is worked out in paths.c.  */

#include "config.h"
#include "job.h"
#include "limits.h"
#include "paths.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (256 * 1024)   /* bytes of a configuration file */
#define VALUE_SIZE 4096         /* bytes of one value, its NUL included */

typedef enum { TEXT, NUMBER, BYTES, YESNO, LEVEL } s_type_t;

typedef struct {
    const char *name;
    s_type_t type;
    const char *standard;
    int64_t least, most;
    const char *help;
} s_key_t;

static const s_key_t s_keys[] = {
    {"config", TEXT, "", 0, 0, "file to read settings from"},
    {"state", TEXT, "", 0, 0, "state directory"},
    {"redis", TEXT, "", 0, 0,
     "Redis URL: unix:///path, redis://user:password@host:port/db, rediss://"},
    {"frontend-endpoint", TEXT, "", 0, 0, "ZeroMQ endpoint of front-ends"},
    {"worker-endpoint", TEXT, "", 0, 0, "ZeroMQ endpoint of workers"},
    {"slots", NUMBER, "0", 0, FCJ_SLOTS_MAX,
     "jobs a worker runs at once; 0: as many as cores"},
    {"memory-max", BYTES, "4G", 64L << 20, 1L << 42, "memory of a job"},
    {"timeout-s", NUMBER, "600", 1, FCJ_TIMEOUT_MAX_S,
     "run time of a job that names none, seconds"},
    {"timeout-max-s", NUMBER, "86400", 1, 30L * 86400,
     "most run time that a job may ask for, seconds"},
    {"queue-timeout-s", NUMBER, "86400", 1, 30L * 86400,
     "waiting in the queue of a job that names none, seconds"},
    {"retention-s", NUMBER, "86400", 1, 30L * 86400,
     "a finished job is kept so long, seconds"},
    {"sweep-s", NUMBER, "600", 0, 86400,
     "blobs that no job refers to are looked for so often; 0: never, seconds"},
    {"sweep-grace-s", NUMBER, "3600", 1, 30L * 86400,
     "a blob is kept so long, referred to or not, seconds"},
    {"queue-max", NUMBER, "100000", 1, 10000000, "jobs not finished, in all"},
    {"queue-owner-max", NUMBER, "10000", 1, 10000000,
     "jobs not finished, of one owner"},
    {"output-max", BYTES, "16M", 4096, 1L << 34, "stdout and stderr of a job"},
    {"artifact-max", BYTES, "1G", 4096, 1L << 40, "one artifact"},
    {"processes-max", NUMBER, "64", 1, 4096, "processes and threads of a job"},
    {"ask-s", NUMBER, "600", 1, 86400,
     "a question of a job waits so long for its answer, seconds"},
    {"native-jobs", NUMBER, "1000", 1, 1000000,
     "jobs that a native process runs before a new one takes over"},
    {"native-growth", BYTES, "512M", 1L << 20, 1L << 42,
     "memory that a native process may keep after a job"},
    {"memo-max", BYTES, "1G", 0, 1L << 44,
     "results of native steps kept for the next time; 0: none"},
    {"lease-ms", NUMBER, "15000", 1000, 600000,
     "a job is lost when its worker is silent so long, milliseconds"},
    {"beat-ms", NUMBER, "1000", 50, 60000, "heartbeat, milliseconds"},
    {"roots", TEXT, "", 0, 0,
     "workspace directories that jobs may read, separated by colons"},
    {"roots-write", YESNO, "no", 0, 0, "jobs may write to the roots"},
    {"parts-library", TEXT, "", 0, 0,
     "directory of part files; empty: FreeCAD's add-on parts_library"},
    {"network", YESNO, "no", 0, 0, "jobs may use the network"},
    {"sandbox", YESNO, "on", 0, 0, "jobs are sandboxed"},
    {"http", TEXT, "", 0, 0, "host:port that fcj-mcp listens on"},
    {"http-request-s", NUMBER, "60", 1, 3600,
     "a client has so long to send a request, seconds"},
    {"http-memory-max", BYTES, "512M", 1L << 20, 1L << 40,
     "memory for what HTTP clients send and do not read"},
    {"token-file", TEXT, "", 0, 0,
     "file of static bearer tokens; empty: <state>/tokens, if it is there"},
    {"public-url", TEXT, "", 0, 400,
     "URL under which clients reach the MCP endpoint, as https://host/mcp"},
    {"auth-issuer", TEXT, "", 0, 0,
     "OAuth issuers whose access tokens are accepted, separated by commas"},
    {"auth-audience", TEXT, "", 0, 0,
     "audiences of access tokens, separated by commas; empty: public-url"},
    {"auth-jwks", TEXT, "", 0, 0,
     "URL of the issuer's keys; empty: as its metadata says"},
    {"auth-ca-file", TEXT, "", 0, 0,
     "PEM file of authorities for the issuer's HTTPS; empty: the system's"},
    {"auth-algorithms", TEXT, "RS256,PS256,ES256", 0, 0,
     "signature algorithms of access tokens, separated by commas"},
    {"auth-leeway-s", NUMBER, "30", 0, 300,
     "clocks of issuer and server may differ so much, seconds"},
    {"auth-refetch-s", NUMBER, "60", 1, 3600,
     "the issuer's keys are asked for again at most so often, seconds"},
    {"tls-cert", TEXT, "", 0, 0,
     "PEM file with the certificate chain of HTTPS"},
    {"tls-key", TEXT, "", 0, 0, "PEM file with the key of tls-cert"},
    {"allow-host", TEXT, "", 0, 0,
     "Host and Origin names allowed besides loopback, separated by commas"},
    {"hold-s", NUMBER, "20", 0, 3600,
     "a tool call waits for its result so long, seconds"},
    {"log-level", LEVEL, "info", 0, 0, "debug, info, warning or error"},
    {"log-json", YESNO, "no", 0, 0, "log JSON objects"},
    {"gui", YESNO, "no", 0, 0,
     "fcj-worker: serve the lane gui instead of compute"},
    {"no-gui", YESNO, "no", 0, 0,
     "fcj-service: start no worker with FreeCAD's window"},
    {"attach", NUMBER, "-1", -1, 1 << 20,
     "fcj-worker --gui: descriptor of the FreeCAD that started it"},
    {"display", TEXT, "", 0, 0,
     "where FreeCAD's window is shown; empty: $DISPLAY, else a new Xvfb; "
     "xvfb: a new Xvfb"},
    {"freecad", TEXT, "freecad", 0, 0, "FreeCAD with a window"},
    {"gui-user-dir", TEXT, "", 0, 0,
     "user directory of that FreeCAD; empty: <state>/gui"},
    {"gui-dialogs", TEXT, "dismiss", 0, 0,
     "what becomes of a modal dialog: dismiss or accept"},
    {"idle-s", NUMBER, "600", 0, 30L * 86400,
     "the local service ends when unused so long; 0: never, seconds"},
    {"handlers", TEXT, "", 0, 0,
     "directories of your own tools, separated by colons"},
    {"job-uid-base", NUMBER, "62000", 1000, 2000000000,
     "first user id of jobs when the worker runs as root"},
    {"share", TEXT, "", 0, 0, "directory of catalogue.json, fcj.lua, python"},
    {"libexec", TEXT, "", 0, 0, "directory of the programs"},
    {"owner", TEXT, "", 0, FCJ_NAME_MAX,
     "owner of jobs submitted here; empty: the local user's name"},
    {"toolsets", TEXT, "core,jobs", 0, 0,
     "toolsets to offer, separated by commas; all: every one"},
    {"read-only", YESNO, "no", 0, 0,
     "offer only tools that change nothing"},
};
#define KEYS (sizeof (s_keys) / sizeof (s_keys[0]))

struct fcj_config {
    char *text[KEYS];
    int64_t number[KEYS];
    bool flag[KEYS];            /* given as a flag */
    fcj_paths_t *paths;
};

/* ---- One value ---------------------------------------------------------- */

static int s_find (const char *name, size_t size)
{
    for (size_t n = 0; n < KEYS; n++)
        if (strlen (s_keys[n].name) == size &&
            memcmp (s_keys[n].name, name, size) == 0)
            return (int) n;
    return -1;
}

/*  1, 0, or -1 for a word that is neither.  */
static int s_yes_no (const char *word)
{
    static const char *const words[] = {"no",  "yes",  "off", "on", "false",
                                        "true", "0",   "1"};
    for (int n = 0; n < 8; n++)
        if (strcasecmp (word, words[n]) == 0)
            return n & 1;
    return -1;
}

static int s_level (const char *word)
{
    static const char *const words[] = {"debug", "info", "warning", "error"};
    for (int n = 0; n < 4; n++)
        if (strcasecmp (word, words[n]) == 0)
            return n;
    return -1;
}

/*  A whole number; with bytes, K, M, G and T count by 1024.  */
static int s_number (const char *text, bool bytes, int64_t *out)
{
    char *end;
    if (!isdigit ((unsigned char) text[0]) && text[0] != '-')
        return -1;
    errno = 0;
    long long value = strtoll (text, &end, 10);
    if (errno)
        return -1;
    static const char suffixes[] = "KMGT";
    const char *suffix = *end ? strchr (suffixes, toupper ((unsigned char) *end)) : NULL;
    if (bytes && suffix) {
        int shift = 10 * (int) (suffix - suffixes + 1);
        if (value < 0 || value > (INT64_MAX >> shift))
            return -1;
        value <<= shift;
        end++;
    }
    *out = value;
    return *end ? -1 : 0;
}

/*  Checks and stores; `where` names the source in the error.  */
static int s_set (fcj_config_t *self, int n, const char *value,
                  const char *where, fcj_error_t *error)
{
    const s_key_t *key = &s_keys[n];
    int64_t number = 0;
    size_t most = key->most ? (size_t) key->most : VALUE_SIZE - 1;
    if (key->type == TEXT && strlen (value) > most)
        return fcj_fail (error, FCJ_INVALID, "%s: %s is longer than %zu bytes",
                         where, key->name, most);
    if (key->type == NUMBER || key->type == BYTES) {
        if (s_number (value, key->type == BYTES, &number) < 0 ||
            number < key->least || number > key->most)
            return fcj_fail (error, FCJ_INVALID,
                             "%s: %s is \"%.80s\"; give a whole number from "
                             "%lld to %lld%s", where, key->name, value,
                             (long long) key->least, (long long) key->most,
                             key->type == BYTES ? " (K, M, G, T allowed)" : "");
    }
    if (key->type == YESNO && (number = s_yes_no (value)) < 0)
        return fcj_fail (error, FCJ_INVALID, "%s: %s is \"%.80s\"; give yes "
                         "or no", where, key->name, value);
    if (key->type == LEVEL && (number = s_level (value)) < 0)
        return fcj_fail (error, FCJ_INVALID, "%s: %s is \"%.80s\"; give "
                         "debug, info, warning or error", where, key->name,
                         value);
    char *text = strdup (value);
    if (!text)
        abort ();
    free (self->text[n]);
    self->text[n] = text;
    self->number[n] = number;
    return 0;
}

/* ---- The file ----------------------------------------------------------- */

static char *s_trim (char *text)
{
    while (isspace ((unsigned char) *text))
        text++;
    size_t size = strlen (text);
    while (size && isspace ((unsigned char) text[size - 1]))
        text[--size] = 0;
    return text;
}

static int s_line (fcj_config_t *self, char *line, const char *where,
                   fcj_error_t *error)
{
    line = s_trim (line);
    if (*line == 0 || *line == '#')
        return 0;
    char *equals = strchr (line, '=');
    if (!equals)
        return fcj_fail (error, FCJ_INVALID, "%s: \"%.80s\" is not of the "
                         "form `key = value`", where, line);
    *equals = 0;
    char *name = s_trim (line);
    int n = s_find (name, strlen (name));
    if (n <= 0)                 /* 0 is `config` itself */
        return fcj_fail (error, FCJ_INVALID, "%s: there is no key \"%.80s\"; "
                         "scripts/freecad-jobs.conf lists them all", where,
                         name);
    return s_set (self, n, s_trim (equals + 1), where, error);
}

static int s_lines (fcj_config_t *self, char *text, const char *path,
                    fcj_error_t *error)
{
    int number = 0;
    for (char *next, *line = text; line; line = next) {
        next = strchr (line, '\n');
        if (next)
            *next++ = 0;
        char where[300];
        snprintf (where, sizeof (where), "%.260s:%d", path, ++number);
        if (s_line (self, line, where, error) < 0)
            return -1;
    }
    return 0;
}

/*  A missing file is an error only where the user named it.  */
static int s_file (fcj_config_t *self, const char *path, bool named,
                   fcj_error_t *error)
{
    int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && !named && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    struct stat status;
    if (fd < 0 || fstat (fd, &status) < 0 || !S_ISREG (status.st_mode) ||
        status.st_size > FILE_MAX) {
        const char *why = fd < 0 ? strerror (errno) : "no file, or too large";
        if (fd >= 0)
            close (fd);
        return fcj_fail (error, FCJ_INVALID, "Cannot read the configuration "
                         "%.200s: %s", path, why);
    }
    char *text = calloc (1, FILE_MAX + 1);
    if (!text)
        abort ();
    ssize_t size = 0, got = 0;
    while (size < FILE_MAX &&
           (got = read (fd, text + size, (size_t) (FILE_MAX - size))) > 0)
        size += got;
    int why = errno;
    close (fd);
    int result = 0;
    if (got < 0)
        result = fcj_fail (error, FCJ_INVALID, "Cannot read the configuration "
                           "%.200s: %s", path, strerror (why));
    else if (memchr (text, 0, (size_t) size))
        result = fcj_fail (error, FCJ_INVALID, "%.200s: not a text file", path);
    else
        result = s_lines (self, text, path, error);
    free (text);
    return result;
}

/* ---- Environment and flags ---------------------------------------------- */

static void s_variable (const char *key, char *out, size_t size)
{
    snprintf (out, size, "FCJ_%s", key);
    for (char *at = out; *at; at++)
        *at = *at == '-' ? '_' : (char) toupper ((unsigned char) *at);
}

/*  An empty variable is as good as none.  */
static int s_environment (fcj_config_t *self, fcj_error_t *error)
{
    for (size_t n = 1; n < KEYS; n++) {
        char name[64];
        s_variable (s_keys[n].name, name, sizeof (name));
        const char *value = getenv (name);
        if (value && *value && s_set (self, (int) n, value, name, error) < 0)
            return -1;
    }
    return 0;
}

/*  The key of a flag word and its value (after `=`, else NULL); -1: none.  */
static int s_flag (const char *word, const char **value)
{
    if (strncmp (word, "--", 2) != 0 || !word[2])
        return -1;
    const char *equals = strchr (word, '=');
    size_t size = equals ? (size_t) (equals - word - 2) : strlen (word + 2);
    *value = equals ? equals + 1 : NULL;
    return s_find (word + 2, size);
}

/*  Takes the flags out of argv; with `only_config` it leaves argv alone and
 *  sets that key only, as the file must be known before the rest is read.  */
static int s_flags (fcj_config_t *self, int *argc, char **argv,
                    bool only_config, fcj_error_t *error)
{
    int kept = *argc ? 1 : 0;
    bool over = false;
    for (int at = kept; at < *argc; at++) {
        const char *value = NULL;
        over = over || strcmp (argv[at], "--") == 0;
        int n = over ? -1 : s_flag (argv[at], &value);
        if (n < 0) {
            argv[kept++] = argv[at];
            continue;
        }
        char where[64];
        snprintf (where, sizeof (where), "--%s", s_keys[n].name);
        const char *next = at + 1 < *argc ? argv[at + 1] : NULL;
        bool word = s_keys[n].type == YESNO && next && !isdigit ((unsigned char) *next) &&
                    s_yes_no (next) >= 0;
        if (!value && s_keys[n].type == YESNO && !word)
            value = "yes";
        if (!value && !next)
            return fcj_fail (error, FCJ_INVALID, "%s wants a value", where);
        bool took = !value;
        value = value ? value : next;
        if (only_config == (n == 0) &&
            s_set (self, n, value, where, error) < 0)
            return -1;
        self->flag[n] = true;
        if (only_config) {      /* copies what it passes, argv is unchanged */
            argv[kept++] = argv[at];
            if (took)
                argv[kept++] = argv[at + 1];
        }
        at += took;
    }
    if (!only_config) {
        *argc = kept;
        argv[kept] = NULL;
    }
    return 0;
}

static int s_configured (fcj_config_t *self, fcj_error_t *error)
{
    const char *variable = getenv ("FCJ_CONFIG");
    if (!*self->text[0] && variable && *variable &&
        s_set (self, 0, variable, "FCJ_CONFIG", error) < 0)
        return -1;
    if (*self->text[0])
        return s_file (self, self->text[0], true, error);
    const char *home = getenv ("XDG_CONFIG_HOME");
    char path[VALUE_SIZE];
    if (home && *home == '/')
        snprintf (path, sizeof (path), "%s", home);
    else
        snprintf (path, sizeof (path), "%s/.config", fcj_paths_home ());
    strncat (path, "/freecad-jobs/freecad-jobs.conf",
             sizeof (path) - strlen (path) - 1);
    return s_file (self, path, false, error);
}

/* ---- The class ---------------------------------------------------------- */

static int s_read (fcj_config_t *self, int *argc, char **argv,
                   fcj_error_t *error)
{
    for (size_t n = 0; n < KEYS; n++)
        if (s_set (self, (int) n, s_keys[n].standard, "default", error) < 0)
            return -1;
    if (s_flags (self, argc, argv, true, error) < 0 ||
        s_configured (self, error) < 0 || s_environment (self, error) < 0 ||
        s_flags (self, argc, argv, false, error) < 0)
        return -1;
    if (fcj_config_int (self, "timeout-s") >
        fcj_config_int (self, "timeout-max-s"))
        return fcj_fail (error, FCJ_INVALID,
                         "timeout-s is more than timeout-max-s; raise the "
                         "latter or lower the former");
    self->paths = fcj_paths_new (self, error);
    return self->paths ? 0 : -1;
}

fcj_config_t *fcj_config_new (int *argc, char **argv, fcj_error_t *error)
{
    fcj_config_t *self = calloc (1, sizeof (*self));
    if (!self)
        abort ();
    if (s_read (self, argc, argv, error) < 0)
        fcj_config_destroy (&self);
    return self;
}

size_t fcj_config_flags (const fcj_config_t *self, const char *but,
                         char **argv, size_t room)
{
    size_t count = 0;
    for (size_t n = 0; n < KEYS && count < room; n++) {
        if (!self->flag[n] || (but && strcmp (s_keys[n].name, but) == 0))
            continue;
        size_t size = strlen (s_keys[n].name) + strlen (self->text[n]) + 4;
        argv[count] = malloc (size);
        if (!argv[count])
            abort ();
        snprintf (argv[count++], size, "--%s=%s", s_keys[n].name,
                  self->text[n]);
    }
    return count;
}

void fcj_config_destroy (fcj_config_t **self_p)
{
    fcj_config_t *self = *self_p;
    if (!self)
        return;
    for (size_t n = 0; n < KEYS; n++)
        free (self->text[n]);
    fcj_paths_destroy (&self->paths);
    free (self);
    *self_p = NULL;
}

static size_t s_must_find (const char *key)
{
    int n = s_find (key, strlen (key));
    if (n < 0) {
        fprintf (stderr, "fcj_config: no key %s\n", key);
        abort ();
    }
    return (size_t) n;
}

const char *fcj_config_str (const fcj_config_t *self, const char *key)
{
    return self->text[s_must_find (key)];
}

int64_t fcj_config_int (const fcj_config_t *self, const char *key)
{
    return self->number[s_must_find (key)];
}

bool fcj_config_bool (const fcj_config_t *self, const char *key)
{
    return self->number[s_must_find (key)] != 0;
}

const char *fcj_config_key (size_t n, const char **standard, const char **help)
{
    if (n >= KEYS)
        return NULL;
    if (standard)
        *standard = s_keys[n].standard;
    if (help)
        *help = s_keys[n].help;
    return s_keys[n].name;
}

const char *fcj_config_path (const fcj_config_t *self, const char *which)
{
    return fcj_paths_get (self->paths, which);
}

int fcj_config_make_scratch (const fcj_config_t *self, fcj_error_t *error)
{
    return fcj_paths_make_scratch (self->paths, error);
}
