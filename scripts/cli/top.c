/*  top.c - fcj top: the broker's STATUS, drawn twice a second. Without a
 *  terminal it is printed once. On a terminal no line is longer and no picture
 *  higher than its window, which would scroll away what stands on top.  */

#include "commands.h"
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define REDRAW_MS 500
#define BAR 12
#define FOOT 2                          /* lines below the picture */

static volatile sig_atomic_t s_over;

/*  Where it is drawn, and how much of it is.  */
typedef struct {
    bool terminal;
    size_t columns;
    int rows, used, left_out;
} screen_t;

static void s_on_signal (int number)
{
    (void) number;
    s_over = 1;
}

static long long s_int (const json_t *object, const char *key)
{
    return (long long) json_integer_value (json_object_get (object, key));
}

static const char *s_text (const json_t *object, const char *key,
                           size_t width)
{
    const char *text = json_string_value (json_object_get (object, key));
    return show_plain (text ? text : "", width);
}

static screen_t s_screen (void)
{
    struct winsize size;
    screen_t self = { .terminal = isatty (1) };
    if (self.terminal && ioctl (1, TIOCGWINSZ, &size) == 0
        && size.ws_row > FOOT && size.ws_col > 0) {
        self.rows = size.ws_row - FOOT;
        self.columns = size.ws_col;
    }
    return self;
}

/*  Bytes of the text that fill so many columns; a character is one.  */
static size_t s_fits (const char *text, size_t columns)
{
    size_t n = 0;
    for (; text[n]; n++)
        if (((unsigned char) text[n] & 0xc0) != 0x80 && columns-- == 0)
            break;
    return n;
}

static void s_line (screen_t *self, const char *text)
{
    if (self->rows && self->used >= self->rows) {
        self->left_out++;
        return;
    }
    self->used++;
    printf ("%.*s%s\n", (int) (self->columns ? s_fits (text, self->columns)
                                             : strlen (text)), text,
            self->terminal ? "\033[K" : "");
}

static void s_draw_job (screen_t *screen, const json_t *job)
{
    char line[512], bar[BAR + 1];
    double done = json_number_value (json_object_get (job, "progress"));
    int filled = done < 0 ? 0 : done > 1 ? BAR : (int) (done * BAR);
    memset (bar, '.', BAR);
    memset (bar, '#', (size_t) filled);
    bar[BAR] = 0;
    long long started = s_int (job, "started");
    snprintf (line, sizeof line, "  %.8s %8s [%s] %3.0f%% %-18s %-8s %s",
              s_text (job, "id", 36),
              started ? show_ms (fcj_now_ms () - started) : "", bar,
              100 * done, s_text (job, "tool", 18), s_text (job, "owner", 8),
              s_text (job, "message", 60));
    s_line (screen, line);
}

static void s_draw (screen_t *screen, const json_t *status)
{
    char line[512];
    const json_t *queued = json_object_get (status, "queued"), *worker, *job;
    size_t n, m;
    snprintf (line, sizeof line, "freecad-jobs %s   up %s   store %s",
              s_text (status, "version", 20),
              show_ms (s_int (status, "uptime_ms")),
              s_text (status, "store", 8));
    s_line (screen, line);
    snprintf (line, sizeof line, "queued %lld   waiting for others %lld   "
              "running %lld", s_int (queued, "compute")
              + s_int (queued, "gui"), s_int (status, "waiting"),
              s_int (status, "running"));
    s_line (screen, line);
    s_line (screen, "");
    json_array_foreach (json_object_get (status, "workers"), n, worker) {
        const char *error = json_string_value (json_object_get (
            json_object_get (worker, "info"), "error"));
        snprintf (line, sizeof line, "%-10s %lld of %lld slots busy   %s",
                  s_text (worker, "name", 30), s_int (worker, "busy"),
                  s_int (worker, "slots"),
                  show_last (error ? error : "", 120));
        s_line (screen, line);
        json_array_foreach (json_object_get (worker, "running"), m, job)
            s_draw_job (screen, job);
    }
    if (!json_array_size (json_object_get (status, "workers")))
        s_line (screen, "no worker");
}

static int s_live (link_t *link)
{
    struct termios before, raw;
    bool keys = isatty (0) && tcgetattr (0, &before) == 0;
    if (keys) {
        raw = before;
        raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
        tcsetattr (0, TCSANOW, &raw);
    }
    struct sigaction action = { .sa_handler = s_on_signal };
    sigaction (SIGINT, &action, NULL);
    sigaction (SIGTERM, &action, NULL);
    fputs ("\033[?25l\033[2J", stdout);
    while (!s_over) {
        fcj_error_t error = { 0 };
        json_t *status = link_ask (link, "STATUS", NULL, 1000, &error);
        screen_t screen = s_screen ();
        fputs ("\033[H", stdout);
        if (status)
            s_draw (&screen, status);
        else
            s_line (&screen, "no answer from the broker (`fcj up` starts it)");
        json_decref (status);
        fputs ("\033[J\nq quits", stdout);
        if (screen.left_out)
            printf ("   %d more lines", screen.left_out);
        fflush (stdout);
        struct pollfd wait = { .fd = keys ? 0 : -1, .events = POLLIN };
        char key = 0;
        if (poll (&wait, 1, REDRAW_MS) > 0
            && (read (0, &key, 1) <= 0 || key == 'q'))
            s_over = 1;
    }
    fputs ("\033[?25h\n", stdout);
    if (keys)
        tcsetattr (0, TCSANOW, &before);
    return CLI_OK;
}

int cmd_top (link_t *link, int argc, char **argv)
{
    (void) argv;
    if (argc > 1) {
        fprintf (stderr, "usage: fcj top\n");
        return CLI_USAGE;
    }
    if (isatty (1) && !link->json)
        return s_live (link);
    fcj_error_t error = { 0 };
    json_t *status = link_ask (link, "STATUS", NULL, 3000, &error);
    if (!status)
        return link_fail (link, &error);
    if (link->json) {
        show_json (status);
    } else {
        screen_t screen = s_screen ();
        s_draw (&screen, status);
    }
    json_decref (status);
    return CLI_OK;
}
