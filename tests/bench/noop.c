/*  noop.c - a front-end that does nothing but submit jobs and look at the
 *  clock: what the broker, the store and a worker cost, without HTTP.
 *
 *      noop ENDPOINT one COUNT [CODE]            one after the other
 *      noop ENDPOINT many COUNT WINDOW [CODE]    WINDOW in flight, to the end
 *      noop ENDPOINT flood COUNT WINDOW          submitted, not waited for
 *      noop ENDPOINT place COUNT ID              PLACE of a queued job
 *
 *  With FCJ_BENCH_NATIVE=TOOL in the environment CODE is that tool's arguments
 *  as JSON, and the jobs are native ones.
 *
 *  Prints one JSON object: p50_ms, p99_ms of a job (flood: of a submit, and
 *  for its first and last tenth apart), rate a second, failed, last (an id).
 *  Latency is from before fcj_client_submit to the terminal EVENT (or the
 *  answer), in this one thread.  */

#include "../../broker/client.h"
#include "../../jobs/job.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIMEOUT_MS   10000
#define GIVE_UP_S    300.0
#define TENTHS       10

typedef struct {
    fcj_client_t *client;
    const char *code, *native;  /* native: a tool's name, or NULL */
    bool watch;                 /* a job is over at its EVENT, not before */
    int count, window;
    int sent, over, failed;
    double *began, *took;       /* seconds; index: order of sending */
    double *ended;              /* when each was over, in that order */
    fcj_id_t *ids;
} bench_t;

typedef struct {
    bench_t *bench;
    int n;
} ticket_t;

static double s_now (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static void s_over (bench_t *self, int n, bool good)
{
    self->took[n] = s_now () - self->began[n];
    self->ended[self->over++] = s_now ();
    if (!good)
        self->failed++;
}

/*  The first 8 hex digits of our ids are their number, so that an EVENT
 *  finds its job without a table; the rest is random, as a UUIDv4's.  */
static void s_on_event (void *arg, const char *id, const fcj_map_t *event)
{
    bench_t *self = arg;
    char state[16], head[9];
    if (fcj_map_copy (event, "state", state, sizeof state) < 0)
        return;
    bool gone = strcmp (state, "gone") == 0;
    int known = gone ? FCJ_CANCELLED : fcj_state_of (state);
    if (known < 0 || !fcj_state_terminal ((fcj_state_t) known))
        return;
    snprintf (head, sizeof head, "%.8s", id);
    long n = strtol (head, NULL, 16);
    if (n >= self->sent || strcmp (self->ids[n], id) != 0
        || self->took[n] > 0)
        return;
    s_over (self, (int) n, known == FCJ_COMPLETED);
}

static void s_on_answer (void *arg, const fcj_map_t *reply,
                         const fcj_error_t *error)
{
    ticket_t *ticket = arg;
    bench_t *self = ticket->bench;
    if (error) {
        if (self->failed == 0)
            fprintf (stderr, "noop: %s\n", error->text);
        s_over (self, ticket->n, false);
    }
    else if (!self->watch)
        s_over (self, ticket->n, true);
    (void) reply;
    free (ticket);
}

static ticket_t *s_ticket (bench_t *self)
{
    ticket_t *ticket = malloc (sizeof *ticket);
    if (!ticket)
        abort ();
    *ticket = (ticket_t) { self, self->sent };
    self->began[self->sent++] = s_now ();
    return ticket;
}

static void s_send (bench_t *self)
{
    char arguments[4096];
    char *id = self->ids[self->sent];
    fcj_id_new (id);
    char head[9];
    snprintf (head, sizeof head, "%08x", (unsigned) self->sent);
    memcpy (id, head, 8);
    if (self->native)
        snprintf (arguments, sizeof arguments, "%s", self->code);
    else
        snprintf (arguments, sizeof arguments, "{\"code\": \"%s\"}",
                  self->code);
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, self->native ? 11 : 10);
    if (self->native)
        fcj_pack_kstr (pack, "engine", "native");
    fcj_pack_kstr (pack, "id", id);
    fcj_pack_kstr (pack, "owner", "bench");
    fcj_pack_kstr (pack, "tool", self->native ? self->native
                                              : "execute_code_async");
    fcj_pack_kstr (pack, "lane", "compute");
    fcj_pack_kstr (pack, "arguments", arguments);
    fcj_pack_kstr (pack, "priority", "normal");
    fcj_pack_kint (pack, "timeout_s", 60);
    fcj_pack_kint (pack, "queue_timeout_s", 3600);
    fcj_pack_kint (pack, "retention_s", 3600);
    fcj_pack_kint (pack, "submitted", fcj_now_ms ());
    fcj_client_submit (self->client, fcj_pack_data (pack),
                       fcj_pack_size (pack), self->watch, TIMEOUT_MS,
                       s_on_answer, s_ticket (self));
    fcj_pack_destroy (&pack);
}

static void s_ask_place (bench_t *self, const char *id)
{
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 1);
    fcj_pack_kstr (pack, "id", id);
    fcj_client_request (self->client, "PLACE", fcj_pack_data (pack),
                        fcj_pack_size (pack), TIMEOUT_MS, s_on_answer,
                        s_ticket (self));
    fcj_pack_destroy (&pack);
}

/*  Keeps `window` in flight until all are over.  */
static void s_drive (bench_t *self, const char *place)
{
    double until = s_now () + GIVE_UP_S;
    struct pollfd item = { fcj_client_fd (self->client), POLLIN, 0 };
    while (self->over < self->count && s_now () < until) {
        while (self->sent < self->count
               && self->sent - self->over < self->window) {
            if (place)
                s_ask_place (self, place);
            else
                s_send (self);
        }
        int over = self->over;
        fcj_client_run (self->client);
        if (self->over == over)
            poll (&item, 1, 100);
    }
}

static int s_order (const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

/*  Percentile in milliseconds of the `count` times from `from` on.  */
static double s_part (const double *times, int from, int count, double part)
{
    double *sorted = malloc (sizeof *sorted * (size_t) count);
    if (!sorted)
        abort ();
    memcpy (sorted, times + from, sizeof *sorted * (size_t) count);
    qsort (sorted, (size_t) count, sizeof *sorted, s_order);
    int at = (int) (part * count);
    double value = sorted[at < count ? at : count - 1] * 1e3;
    free (sorted);
    return value;
}

static void s_report (const bench_t *self, double began)
{
    int tenth = self->count / TENTHS > 0 ? self->count / TENTHS : 1;
    int last = self->count - tenth;
    printf ("{\"p50_ms\": %.4f, \"p99_ms\": %.4f, \"rate\": %.1f, "
            "\"failed\": %d, \"over\": %d, \"last\": \"%s\"",
            s_part (self->took, 0, self->count, 0.50),
            s_part (self->took, 0, self->count, 0.99),
            self->over / (s_now () - began), self->failed, self->over,
            self->ids[self->count - 1]);
    if (self->over == self->count && last >= tenth)
        printf (", \"first_rate\": %.1f, \"last_rate\": %.1f, "
                "\"first_p50_ms\": %.4f, \"last_p50_ms\": %.4f",
                tenth / (self->ended[tenth - 1] - began),
                tenth / (self->ended[self->count - 1]
                         - self->ended[last - 1]),
                s_part (self->took, 0, tenth, 0.50),
                s_part (self->took, last, tenth, 0.50));
    puts ("}");
}

static int s_open (bench_t *self, const char *endpoint)
{
    fcj_error_t error = { 0 };
    size_t count = (size_t) self->count;
    self->began = calloc (count, sizeof (double));
    self->took = calloc (count, sizeof (double));
    self->ended = calloc (count, sizeof (double));
    self->ids = calloc (count, sizeof (fcj_id_t));
    self->client = fcj_client_new (endpoint, "bench", s_on_event, self,
                                   &error);
    if (!self->client || !self->ids || !self->began || !self->took
        || !self->ended) {
        fprintf (stderr, "noop: %s\n", error.text);
        return -1;
    }
    double until = s_now () + 20;
    struct pollfd item = { fcj_client_fd (self->client), POLLIN, 0 };
    while (!fcj_client_up (self->client) && s_now () < until) {
        fcj_client_run (self->client);
        poll (&item, 1, 10);
    }
    if (!fcj_client_up (self->client))
        fprintf (stderr, "noop: no broker at %s\n", endpoint);
    return fcj_client_up (self->client) ? 0 : -1;
}

int main (int argc, char **argv)
{
    if (argc < 4) {
        fputs ("usage: noop ENDPOINT one|many|flood|place COUNT ...\n",
               stderr);
        return 2;
    }
    const char *mode = argv[2];
    bool one = strcmp (mode, "one") == 0, place = strcmp (mode, "place") == 0;
    bench_t self = { .count = atoi (argv[3]), .window = 1, .code = "1",
                     .native = getenv ("FCJ_BENCH_NATIVE") };
    if (self.count < 1)
        return 2;
    if (!one && !place && argc > 4)
        self.window = atoi (argv[4]);
    int code = one ? 4 : 5;
    if (!place && argc > code)
        self.code = argv[code];
    self.watch = one || strcmp (mode, "many") == 0;
    if (s_open (&self, argv[1]) < 0)
        return 1;
    double began = s_now ();
    s_drive (&self, place && argc > 4 ? argv[4] : NULL);
    s_report (&self, began);
    bool good = self.over == self.count && self.failed == 0;
    fcj_client_destroy (&self.client);
    free (self.began), free (self.took), free (self.ended), free (self.ids);
    return good ? 0 : 1;
}
