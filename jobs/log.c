/*  log.c - one line an event, one write a line.
 *
 *  A line is built in a buffer on the stack and written whole, so lines of
 *  several threads and processes on one descriptor never mix. Whatever a
 *  value holds, it cannot end the line, close its quotes or move a
 *  terminal's cursor. A value longer than VALUE_MAX says so.  */

#include "log.h"
#include "utf8.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 8192
#define VALUE_MAX      1024

static struct {
    const char *part;
    fcj_level_t least;
    bool json;
} s_log = {"fcj", FCJ_INFO, false};

static const char *const s_levels[] = {"debug", "info", "warning", "error"};

typedef struct {
    char text[LINE_MAX_BYTES];
    size_t size;
} s_line_t;

/*  What does not fit is left out; two bytes stay free for the end.  */
static void s_add (s_line_t *line, const char *bytes, size_t size)
{
    if (size > sizeof (line->text) - 2 - line->size)
        return;
    memcpy (line->text + line->size, bytes, size);
    line->size += size;
}

static void s_text (s_line_t *line, const char *text)
{
    s_add (line, text, strlen (text));
}

/*  Length of the character, 0 for none and for one that does not print.  */
static size_t s_printing (const char *at, size_t left)
{
    static const char separators[2][4] = {"\xe2\x80\xa8", "\xe2\x80\xa9"};
    size_t size = fcj_utf8_size (at, left);
    bool ascii = size == 1 && (*at < 0x20 || *at == 0x7f);
    bool control = size == 2 && memcmp (at, "\xc2\xa0", 2) < 0;
    bool separator = size == 3 && (memcmp (at, separators[0], 3) == 0 ||
                                   memcmp (at, separators[1], 3) == 0);
    return ascii || control || separator ? 0 : size;
}

static void s_escaped (s_line_t *line, const char *value)
{
    const char *at = value;
    size_t all = strlen (value);
    size_t left = all > VALUE_MAX ? VALUE_MAX : all;
    while (left) {
        size_t size = s_printing (at, left);
        char escape[8];
        if (*at == '"' || *at == '\\') {
            escape[0] = '\\';
            escape[1] = *at;
            s_add (line, escape, 2);
        } else if (size) {
            s_add (line, at, size);
        } else {
            snprintf (escape, sizeof (escape), "\\u%04x",
                      (unsigned) (unsigned char) *at);
            s_text (line, *at == '\n' ? "\\n" : escape);
            size = 1;
        }
        at += size;
        left -= size;
    }
    if (all > VALUE_MAX) {
        char more[48];
        snprintf (more, sizeof (more), "...(%zu more bytes)", all - VALUE_MAX);
        s_text (line, more);
    }
}

static bool s_plain (const char *value)
{
    if (!*value)
        return false;
    for (; *value; value++)
        if (*value <= ' ' || *value >= 0x7f || strchr ("\"\\=", *value))
            return false;
    return true;
}

static void s_pair (s_line_t *line, const char *key, const char *value)
{
    if (s_log.json) {
        s_text (line, ",\"");
        s_escaped (line, key);
        s_text (line, "\":\"");
    } else {
        s_text (line, " ");
        s_text (line, key);
        s_text (line, "=");
        if (s_plain (value) && strlen (value) <= VALUE_MAX) {
            s_text (line, value);
            return;
        }
        s_text (line, "\"");
    }
    s_escaped (line, value);
    s_text (line, "\"");
}

static void s_head (s_line_t *line, fcj_level_t level, const char *event)
{
    struct timespec now;
    struct tm utc;
    char day[32], at[64];
    clock_gettime (CLOCK_REALTIME, &now);
    gmtime_r (&now.tv_sec, &utc);
    strftime (day, sizeof (day), "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf (at, sizeof (at), "%s.%03ldZ", day, now.tv_nsec / 1000000);
    if (s_log.json) {
        s_text (line, "{\"at\":\"");
        s_text (line, at);
        s_text (line, "\"");
        s_pair (line, "level", s_levels[level]);
        s_pair (line, "part", s_log.part);
        s_pair (line, "event", event);
        return;
    }
    const char *words[] = {at, s_levels[level], s_log.part, event};
    for (size_t n = 0; n < 4; n++) {
        s_text (line, n ? " " : "");
        s_text (line, words[n]);
    }
}

void fcj_log_open (const char *part, fcj_level_t least, bool json)
{
    s_log.part = part;
    s_log.least = least;
    s_log.json = json;
}

void fcj_log (fcj_level_t level, const char *event, ...)
{
    if (level < s_log.least || level > FCJ_ERROR)
        return;
    s_line_t line;
    line.size = 0;
    s_head (&line, level, event);
    va_list args;
    va_start (args, event);
    const char *key;
    while ((key = va_arg (args, const char *)) != NULL) {
        const char *value = va_arg (args, const char *);
        /* room for the longest value, each byte escaped, or none of it */
        value = value ? value : "";
        size_t most = strlen (value) > VALUE_MAX ? VALUE_MAX : strlen (value);
        if (line.size + 6 * most + strlen (key) + 64 < sizeof (line.text))
            s_pair (&line, key, value);
        else
            s_pair (&line, key, "(left out)");
    }
    va_end (args);
    if (s_log.json)
        s_text (&line, "}");
    line.text[line.size++] = '\n';
    ssize_t ignored = write (STDERR_FILENO, line.text, line.size);
    (void) ignored;
}
