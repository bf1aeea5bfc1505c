/*  config.c - the one reader of the sources of settings.
 *
 *  The sources are read weakest first (file, environment, flags), each
 *  setting what it names, so that the last one to speak wins; a value is
 *  checked against the table (settings.c) wherever it comes from. What paths
 *  follow from the keys is worked out in paths.c.  */

#include "config.h"
#include "job.h"
#include "paths.h"
#include "settings.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (256 * 1024)   /* bytes of a configuration file */

typedef struct {
    char *text;
    int64_t number;
    bool flag;                  /* given as a flag */
} s_value_t;

struct fcj_config {
    fcj_paths_t *paths;
    s_value_t values[];         /* as in fcj_settings */
};

static int s_set (fcj_config_t *self, int n, const char *value,
                  const char *where, fcj_error_t *error)
{
    int64_t number;
    if (fcj_setting_check ((size_t) n, value, where, &number, error) < 0)
        return -1;
    char *text = strdup (value);
    if (!text)
        abort ();
    free (self->values[n].text);
    self->values[n].text = text;
    self->values[n].number = number;
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
    int n = fcj_setting_find (name, strlen (name));
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
    for (size_t n = 1; n < fcj_settings_count; n++) {
        char name[64];
        s_variable (fcj_settings[n].name, name, sizeof (name));
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
    return fcj_setting_find (word + 2, size);
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
        snprintf (where, sizeof (where), "--%s", fcj_settings[n].name);
        const char *next = at + 1 < *argc ? argv[at + 1] : NULL;
        bool yes_no = fcj_settings[n].type == FCJ_SETTING_YESNO;
        bool word = yes_no && next && !isdigit ((unsigned char) *next) &&
                    fcj_setting_yes_no (next) >= 0;
        if (!value && yes_no && !word)
            value = "yes";
        if (!value && !next)
            return fcj_fail (error, FCJ_INVALID, "%s wants a value", where);
        bool took = !value;
        value = value ? value : next;
        if (only_config == (n == 0) &&
            s_set (self, n, value, where, error) < 0)
            return -1;
        self->values[n].flag = true;
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
    if (!*self->values[0].text && variable && *variable &&
        s_set (self, 0, variable, "FCJ_CONFIG", error) < 0)
        return -1;
    if (*self->values[0].text)
        return s_file (self, self->values[0].text, true, error);
    const char *home = getenv ("XDG_CONFIG_HOME");
    char path[FCJ_SETTING_SIZE];
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
    for (size_t n = 0; n < fcj_settings_count; n++)
        if (s_set (self, (int) n, fcj_settings[n].standard, "default",
                   error) < 0)
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
    fcj_config_t *self = calloc (
        1, sizeof (*self) + fcj_settings_count * sizeof (*self->values));
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
    for (size_t n = 0; n < fcj_settings_count && count < room; n++) {
        const char *name = fcj_settings[n].name, *text = self->values[n].text;
        if (!self->values[n].flag || (but && strcmp (name, but) == 0))
            continue;
        size_t size = strlen (name) + strlen (text) + 4;
        argv[count] = malloc (size);
        if (!argv[count])
            abort ();
        snprintf (argv[count++], size, "--%s=%s", name, text);
    }
    return count;
}

void fcj_config_destroy (fcj_config_t **self_p)
{
    fcj_config_t *self = *self_p;
    if (!self)
        return;
    for (size_t n = 0; n < fcj_settings_count; n++)
        free (self->values[n].text);
    fcj_paths_destroy (&self->paths);
    free (self);
    *self_p = NULL;
}

static size_t s_must_find (const char *key)
{
    int n = fcj_setting_find (key, strlen (key));
    if (n < 0) {
        fprintf (stderr, "fcj_config: no key %s\n", key);
        abort ();
    }
    return (size_t) n;
}

const char *fcj_config_str (const fcj_config_t *self, const char *key)
{
    return self->values[s_must_find (key)].text;
}

int64_t fcj_config_int (const fcj_config_t *self, const char *key)
{
    return self->values[s_must_find (key)].number;
}

bool fcj_config_bool (const fcj_config_t *self, const char *key)
{
    return self->values[s_must_find (key)].number != 0;
}

const char *fcj_config_key (size_t n, const char **standard, const char **help)
{
    if (n >= fcj_settings_count)
        return NULL;
    if (standard)
        *standard = fcj_settings[n].standard;
    if (help)
        *help = fcj_settings[n].help;
    return fcj_settings[n].name;
}

const char *fcj_config_path (const fcj_config_t *self, const char *which)
{
    return fcj_paths_get (self->paths, which);
}

int fcj_config_make_scratch (const fcj_config_t *self, fcj_error_t *error)
{
    return fcj_paths_make_scratch (self->paths, error);
}
