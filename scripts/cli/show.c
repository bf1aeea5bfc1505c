/*  show.c - numbers and outside text as people read them.  */

#include "commands.h"
#include "../../jobs/json.h"
#include "../../jobs/utf8.h"
#include <stdio.h>
#include <string.h>

#define TURNS 8

static char *s_turn (void)
{
    static char buffers[TURNS][256];
    static unsigned turn;
    return buffers[turn++ % TURNS];
}

const char *show_bytes (double bytes)
{
    static const char *const units[] = { "B", "KB", "MB", "GB", "TB" };
    int unit = 0;
    while (bytes >= 1024 && unit < 4) {
        bytes /= 1024;
        unit++;
    }
    char *text = s_turn ();
    snprintf (text, 256, unit && bytes < 10 ? "%.1f %s" : "%.0f %s", bytes,
              units[unit]);
    return text;
}

const char *show_ms (int64_t ms)
{
    char *text = s_turn ();
    if (ms < 1000)
        snprintf (text, 256, "%lld ms", (long long) ms);
    else if (ms < 100000)
        snprintf (text, 256, "%.1f s", (double) ms / 1000);
    else if (ms < 6000000)
        snprintf (text, 256, "%lld min", (long long) ms / 60000);
    else
        snprintf (text, 256, "%lld h", (long long) ms / 3600000);
    return text;
}

void show_json (const json_t *one)
{
    fcj_json_dumpf (one, stdout, JSON_COMPACT);
    putchar ('\n');
}

const char *show_last (const char *text, size_t width)
{
    char line[256];
    int size;
    const char *last = fcj_utf8_last_line (text, &size);
    snprintf (line, sizeof line, "%.*s", size, last);
    return show_plain (line, width);
}

const char *show_plain (const char *text, size_t width)
{
    char *plain = s_turn ();
    size_t n = 0;
    for (; text[n] && n < width && n < 255; n++) {
        unsigned char c = (unsigned char) text[n];
        plain[n] = c < 32 || c == 127 ? '?' : text[n];
    }
    while (text[n] && n && ((unsigned char) text[n] & 0xc0) == 0x80)
        n--;                            /* no half of a UTF-8 character */
    plain[n] = 0;
    return plain;
}
