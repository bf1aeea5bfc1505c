/*  settings.c - the table of settings, and checking a value against it.
 *
 *  Every key stands once, with its type, default, bounds and help; whatever
 *  source a value comes from, it is checked here.  */

#include "settings.h"
#include "limits.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* shorter, for the table */
#define TEXT   FCJ_SETTING_TEXT
#define NUMBER FCJ_SETTING_NUMBER
#define BYTES  FCJ_SETTING_BYTES
#define YESNO  FCJ_SETTING_YESNO
#define LEVEL  FCJ_SETTING_LEVEL

const fcj_setting_t fcj_settings[] = {
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
const size_t fcj_settings_count =
    sizeof (fcj_settings) / sizeof (*fcj_settings);

/* ---- One value ---------------------------------------------------------- */

int fcj_setting_find (const char *name, size_t size)
{
    for (size_t n = 0; n < fcj_settings_count; n++)
        if (strlen (fcj_settings[n].name) == size &&
            memcmp (fcj_settings[n].name, name, size) == 0)
            return (int) n;
    return -1;
}

int fcj_setting_yes_no (const char *word)
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
    int mark = toupper ((unsigned char) *end);
    const char *suffix = mark ? strchr (suffixes, mark) : NULL;
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

int fcj_setting_check (size_t n, const char *value, const char *where,
                       int64_t *number, fcj_error_t *error)
{
    const fcj_setting_t *key = &fcj_settings[n];
    size_t most = key->most ? (size_t) key->most : FCJ_SETTING_SIZE - 1;
    *number = 0;
    if (key->type == TEXT && strlen (value) > most)
        return fcj_fail (error, FCJ_INVALID, "%s: %s is longer than %zu bytes",
                         where, key->name, most);
    if (key->type == NUMBER || key->type == BYTES) {
        if (s_number (value, key->type == BYTES, number) < 0 ||
            *number < key->least || *number > key->most)
            return fcj_fail (error, FCJ_INVALID,
                             "%s: %s is \"%.80s\"; give a whole number from "
                             "%lld to %lld%s", where, key->name, value,
                             (long long) key->least, (long long) key->most,
                             key->type == BYTES ? " (K, M, G, T allowed)" : "");
    }
    if (key->type == YESNO && (*number = fcj_setting_yes_no (value)) < 0)
        return fcj_fail (error, FCJ_INVALID, "%s: %s is \"%.80s\"; give yes "
                         "or no", where, key->name, value);
    if (key->type == LEVEL && (*number = s_level (value)) < 0)
        return fcj_fail (error, FCJ_INVALID, "%s: %s is \"%.80s\"; give "
                         "debug, info, warning or error", where, key->name,
                         value);
    return 0;
}
