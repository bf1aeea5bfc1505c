/*  service.c - one loop around signals, service.sock and the broker client;
 *  see service.h.
 *
 *  The loop wakes for a reason or for the next thing that is due: 50 ms
 *  while it is not ready, a second afterwards. Stopping is the same loop
 *  with the parts taken down in reverse order, one after the other: the
 *  worker can hand its jobs back because the broker is still there, the
 *  broker can store that because Redis is.  */

#include "service.h"
#include "audience.h"
#include "child.h"
#include "listens.h"
#include "logfile.h"
#include "redis.h"
#include "../../broker/client.h"
#include "../../jobs/job.h"
#include "../../jobs/log.h"
#include "../../jobs/utf8.h"
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_STARTING_MS  50
#define TICK_READY_MS     1000
#define STATUS_TIMEOUT_MS 2000
#define STOP_GRACE_MS     8000
#define START_LIMIT_MS    60000
#define WINDOW_MS         5000      /* its worker says HELLO at once */
#define STORE_LIMIT_MS    5000      /* a Redis that is there is used by then */
#define DEGRADED_MS       3000
#define FRONT_MS          1000      /* one that cannot listen ends sooner */
#define LAST_WORDS        256
#define DISK_LEAST        (256 * 1024)  /* with less Redis soon ends */
#define FAILURES_BAD      4         /* deaths in a row that make us "failed" */
#define FLAGS_MAX         128

/*  In the order of starting.  */
enum { REDIS, BROKER, WORKER, GUI, FRONTEND, PARTS };

typedef struct {
    const fcj_config_t *config;
    const fcj_service_args_t *args;
    fcj_child_t *parts[PARTS];      /* NULL: not ours to run */
    fcj_audience_t *audience;
    fcj_client_t *client;
    int signals;
    char redis_socket[256];
    bool redis_up, seen_ready, asking, stopping, hurry;
    bool stay;                      /* somebody said so: not only for us */
    bool store;                     /* the broker can use Redis */
    int workers, slots;             /* as STATUS said last; of compute */
    bool window;                    /* a worker of the lane gui is there */
    int64_t live;                   /* jobs not finished; -1 unknown */
    char worker_error[512];
    int64_t asked, began, busy;     /* monotonic ms; busy: last in use */
    int64_t served;                 /* when slots were there last */
    char http[128];
} service_t;

/* ---- The parts --------------------------------------------------------- */

static fcj_child_t *s_part (service_t *self, const char *name,
                            const char *of, const char *extra1,
                            const char *extra2, bool single)
{
    char program[4096], log[4096], lock[4096];
    char *argv[FLAGS_MAX + 4];
    size_t count = 0;
    snprintf (program, sizeof program, "%s/fcj-%s",
              fcj_config_path (self->config, "libexec"), of);
    snprintf (log, sizeof log, "%s/%s.log",
              fcj_config_path (self->config, "log_dir"), name);
    snprintf (lock, sizeof lock, "%s/%s.alive",
              fcj_config_path (self->config, "run"), name);
    argv[count++] = program;
    for (char *const *flag = self->args->flags;
         *flag && count < FLAGS_MAX; flag++)
        argv[count++] = *flag;
    if (extra1)
        argv[count++] = (char *) extra1;
    if (extra2)
        argv[count++] = (char *) extra2;
    argv[count] = NULL;
    return fcj_child_new (name, argv, log, single ? lock : NULL);
}

static int s_make_redis (service_t *self, fcj_error_t *error)
{
    if (*fcj_config_str (self->config, "redis"))
        return 0;                           /* somebody else's Redis */
    const char *run = fcj_config_path (self->config, "run");
    char conf[4096], log[4096], lock[4096];
    snprintf (self->redis_socket, sizeof self->redis_socket,
              "%s/redis.sock", run);
    if (fcj_redis_configure (fcj_config_path (self->config, "redis_dir"),
                             self->redis_socket, conf, sizeof conf, error))
        return -1;
    snprintf (log, sizeof log, "%s/redis.log",
              fcj_config_path (self->config, "log_dir"));
    snprintf (lock, sizeof lock, "%s/redis.alive", run);
    char *argv[] = { "redis-server", conf, NULL };
    self->parts[REDIS] = fcj_child_new ("redis", argv, log, lock);
    return 0;
}

static int s_make_parts (service_t *self, fcj_error_t *error)
{
    if (s_make_redis (self, error))
        return -1;
    self->parts[BROKER] = s_part (self, "broker", "broker", NULL, NULL, true);
    self->parts[WORKER] = s_part (self, "worker", "worker", "--gui=no", NULL,
                                  false);
    if (!fcj_config_bool (self->config, "no-gui"))
        self->parts[GUI] = s_part (self, "gui", "worker", "--gui=yes", NULL,
                                   false);
    if (self->args->http) {
        self->parts[FRONTEND] = s_part (self, "mcp", "mcp", "--http",
                                        self->args->http, false);
        snprintf (self->http, sizeof self->http, "http://%s/mcp",
                  self->args->http);
    }
    return 0;
}

/*  Starts what is due. The broker waits for Redis, so that its first words
 *  are no complaint; the others reconnect by themselves.  */
static void s_keep_parts (service_t *self, int64_t now)
{
    if (!self->parts[REDIS])
        self->redis_up = true;
    for (int n = 0; n < PARTS; n++) {
        if (!self->parts[n] || (n == BROKER && !self->redis_up))
            continue;
        if (n == REDIS && !fcj_on_path ("redis-server"))
            continue;
        fcj_child_keep (self->parts[n], now);
    }
    if (!self->redis_up && fcj_child_pid (self->parts[REDIS])
        && fcj_redis_answers (self->redis_socket)) {
        self->redis_up = true;
        fcj_child_keep (self->parts[BROKER], now);
    }
}

static void s_trim_logs (service_t *self)
{
    char own[4096];
    snprintf (own, sizeof own, "%s/service.log",
              fcj_config_path (self->config, "log_dir"));
    fcj_logfile_trim (own);
    for (int n = 0; n < PARTS; n++)
        if (self->parts[n])
            fcj_logfile_trim (fcj_child_log (self->parts[n]));
}

static void s_reap (service_t *self)
{
    int status;
    pid_t pid;
    while ((pid = waitpid (-1, &status, WNOHANG)) > 0)
        for (int n = 0; n < PARTS; n++)
            if (self->parts[n])
                fcj_child_reaped (self->parts[n], pid, status,
                                  fcj_mono_ms ());
}

/*  True when the last part is gone.  */
static bool s_stop_parts (service_t *self, int64_t now)
{
    for (int n = PARTS - 1; n >= 0; n--)
        if (self->parts[n]
            && !fcj_child_stop (self->parts[n], now,
                                self->hurry ? 0 : STOP_GRACE_MS))
            return false;
    return true;
}

/* ---- What the broker says ---------------------------------------------- */

static bool s_serves_window (const fcj_map_t *worker)
{
    const fcj_list_t *lanes = fcj_map_list (worker, "lanes");
    char lane[16];
    for (size_t n = 0; lanes && n < fcj_list_count (lanes); n++)
        if (fcj_list_copy (lanes, n, lane, sizeof lane) > 0
            && strcmp (lane, "gui") == 0)
            return true;
    return false;
}

static void s_on_status (void *arg, const fcj_map_t *reply,
                         const fcj_error_t *error)
{
    service_t *self = arg;
    self->asking = false;
    self->workers = self->slots = 0;
    self->live = -1;
    if (error || !reply)
        return;
    const fcj_map_t *queued = fcj_map_map (reply, "queued");
    self->live = fcj_map_int (reply, "running", 0)
               + fcj_map_int (reply, "waiting", 0);
    if (queued)
        self->live += fcj_map_int (queued, "compute", 0)
                    + fcj_map_int (queued, "gui", 0);
    const fcj_list_t *workers = fcj_map_list (reply, "workers");
    size_t count = workers ? fcj_list_count (workers) : 0;
    self->workers = (int) count;
    self->worker_error[0] = 0;
    self->window = false;
    char store[8];
    self->store = fcj_map_copy (reply, "store", store, sizeof store) > 0
                  && strcmp (store, "up") == 0;
    for (size_t n = 0; n < count; n++) {
        const fcj_map_t *worker = fcj_list_map (workers, n);
        if (!worker)
            continue;
        if (s_serves_window (worker)) {
            self->window = true;
            continue;
        }
        self->slots += (int) fcj_map_int (worker, "slots", 0);
        const fcj_map_t *info = fcj_map_map (worker, "info");
        if (info)
            fcj_map_copy (info, "error", self->worker_error,
                          sizeof self->worker_error);
    }
}

static void s_ask (service_t *self, int64_t now)
{
    int64_t pause = self->seen_ready ? TICK_READY_MS : TICK_STARTING_MS;
    if (self->asking || now - self->asked < pause || self->stopping)
        return;
    self->asked = now;
    self->asking = true;
    s_trim_logs (self);
    fcj_client_request (self->client, "STATUS", NULL, 0, STATUS_TIMEOUT_MS,
                        s_on_status, self);
}

/* ---- The state we tell ------------------------------------------------- */

/*  The last line of a part's log, as plain text: mostly it says why it
 *  ended.  */
static void s_last_words (const char *path, char words[LAST_WORDS])
{
    char end[2 * LAST_WORDS];
    FILE *log = fopen (path, "re");
    *words = 0;
    if (!log)
        return;
    if (fseek (log, -(long) sizeof end, SEEK_END) < 0)
        rewind (log);
    size_t size = fread (end, 1, sizeof end, log);
    fclose (log);
    while (size && (end[size - 1] == '\n' || end[size - 1] == ' '))
        size--;
    const char *line = size ? memrchr (end, '\n', size) : NULL;
    line = line ? line + 1 : end;
    size -= (size_t) (line - end);
    snprintf (words, LAST_WORDS, ": %.*s", (int) size, line);
    for (char *at = words; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
}

/*  A part that keeps dying.  */
static bool s_part_trouble (const service_t *self, int64_t now, char *text,
                            size_t size)
{
    for (int n = 0; n < PARTS; n++) {
        fcj_child_t *part = self->parts[n];
        if (part && fcj_child_failures (part) >= FAILURES_BAD
            && (!fcj_child_pid (part)
                || now - fcj_child_started (part) < 1000)) {
            char words[LAST_WORDS];
            s_last_words (fcj_child_log (part), words);
            snprintf (text, size, "%s ended %d times in a row, last with "
                      "%s%s. Its log is %s; `fcj doctor` checks this "
                      "machine.", fcj_child_name (part),
                      fcj_child_failures (part), fcj_child_ending (part),
                      words, fcj_child_log (part));
            return true;
        }
    }
    return false;
}

/*  What is wrong, for people; false when nothing is.  */
static bool s_trouble (service_t *self, int64_t now, char *text, size_t size)
{
    if (self->parts[REDIS] && !fcj_on_path ("redis-server")) {
        snprintf (text, size, "redis-server is not installed. Run: apt-get "
                  "install redis-server (or set FCJ_REDIS to the URL of a "
                  "Redis 7).");
        return true;
    }
    struct statvfs room;
    const char *state_dir = fcj_config_path (self->config, "state");
    if (statvfs (state_dir, &room) == 0
        && room.f_bavail * room.f_frsize < DISK_LEAST) {
        snprintf (text, size, "The disk that holds %s is full: nothing can be "
                  "stored. Free some space; it goes on by itself then.",
                  state_dir);
        return true;
    }
    if (s_part_trouble (self, now, text, size))
        return true;
    if (!self->parts[REDIS] && !self->store && self->live >= 0
        && !self->seen_ready && now - self->began > STORE_LIMIT_MS) {
        snprintf (text, size, "The broker cannot use the Redis that is "
                  "configured (FCJ_REDIS): `fcj doctor` says why, and "
                  "%s/broker.log.", fcj_config_path (self->config, "log_dir"));
        return true;
    }
    if (self->slots == 0 && self->worker_error[0]) {
        int length;
        const char *why = fcj_utf8_last_line (self->worker_error, &length);
        snprintf (text, size, "The worker cannot start: %.*s. Run "
                  "`fcj doctor`.", length, why);
        return true;
    }
    if (self->slots == 0 && !self->seen_ready
        && now - self->began > START_LIMIT_MS) {
        snprintf (text, size, "Not ready after %d s; still waiting for %s. "
                  "The logs are in %s.", START_LIMIT_MS / 1000,
                  !self->redis_up ? "Redis"
                  : self->live < 0 ? "the broker" : "a worker with FreeCAD",
                  fcj_config_path (self->config, "log_dir"));
        return true;
    }
    return false;
}

/*  The front-end serves. Another program may have the address that ours was
 *  told to listen on: ours ends then.  */
static bool s_front_up (const service_t *self, int64_t now)
{
    const fcj_child_t *part = self->parts[FRONTEND];
    if (!part || self->seen_ready)
        return true;
    return fcj_child_pid (part) && fcj_listens (self->args->http)
        && (fcj_child_failures (part) == 0
            || now - fcj_child_started (part) > FRONT_MS);
}

static void s_tell (service_t *self, int64_t now)
{
    char trouble[1024] = "";
    const char *state = "starting";
    if (s_trouble (self, now, trouble, sizeof trouble))
        state = "failed";
    /*  A window that is only starting lets its jobs wait; before it is known
     *  they would be refused.  */
    bool all = self->slots > 0 && (!self->parts[GUI] || self->window
                                   || now - self->began > WINDOW_MS)
               && s_front_up (self, now);
    if (*state != 'f' && (all || self->seen_ready))
        state = "ready";
    if (self->slots > 0)
        self->served = now;
    /*  A part that is started again is back before anybody need know.  */
    if (*state == 'r' && now - self->served > DEGRADED_MS) {
        state = "degraded";
        snprintf (trouble, sizeof trouble, "No worker offers a slot: jobs "
                  "wait. The logs are in %s.",
                  fcj_config_path (self->config, "log_dir"));
    }
    if (all && !self->seen_ready) {
        char took[32];
        snprintf (took, sizeof took, "%lld",
                  (long long) (now - self->began));
        fcj_log (FCJ_INFO, "service_ready", "after_ms", took, NULL);
        self->seen_ready = true;
    }
    json_t *line = json_pack ("{s:s, s:s, s:i, s:s}", "state", state,
                              "error", trouble, "pid", (int) getpid (),
                              "http", self->http);
    char *text = line ? json_dumps (line, JSON_COMPACT) : NULL;
    if (text)
        fcj_audience_tell (self->audience, text);
    free (text);
    json_decref (line);
}

/*  Whether nobody has needed us for idle_s.  */
static bool s_idle (service_t *self, int64_t now)
{
    if (fcj_audience_count (self->audience) > 0 || self->live > 0)
        self->busy = now;
    return self->args->automatic && !self->stay && self->args->idle_s > 0
        && now - self->busy > self->args->idle_s * 1000;
}

/* ---- The loop ---------------------------------------------------------- */

static void s_begin_stop (service_t *self, const char *why)
{
    if (self->stopping)
        return;
    fcj_log (FCJ_INFO, "service_stopping", "why", why, NULL);
    self->stopping = true;
    char line[256];
    snprintf (line, sizeof line, "{\"state\":\"starting\",\"error\":\"The "
              "service is stopping; start it again when this connection "
              "ends.\",\"pid\":%d,\"http\":\"\"}", (int) getpid ());
    fcj_audience_tell (self->audience, line);
}

static void s_on_signals (service_t *self)
{
    struct signalfd_siginfo info;
    while (read (self->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGCHLD)
            continue;
        if (self->stopping && info.ssi_signo == SIGINT)
            self->hurry = true;             /* Ctrl-C twice */
        s_begin_stop (self, "signal");
    }
}

static void s_wait (service_t *self, int timeout)
{
    struct pollfd polls[FCJ_AUDIENCE_MAX + 3];
    polls[0] = (struct pollfd) { .fd = self->signals, .events = POLLIN };
    polls[1] = (struct pollfd) { .fd = fcj_client_fd (self->client),
                                 .events = POLLIN };
    size_t count = 2 + fcj_audience_polls (self->audience, polls + 2);
    poll (polls, (nfds_t) count, timeout);
}

/*  The broker client wants to run each 100 ms; it costs microseconds.  */
static void s_loop (service_t *self)
{
    bool over = false;
    while (!over) {
        s_wait (self, self->seen_ready && !self->stopping ? 100 : 20);
        int64_t now = fcj_mono_ms ();
        s_on_signals (self);
        s_reap (self);
        fcj_client_run (self->client);
        fcj_wish_t wish = fcj_audience_run (self->audience);
        self->stay = self->stay || wish == FCJ_WISH_STAY;
        if (wish == FCJ_WISH_STOP)
            s_begin_stop (self, "asked");
        if (s_idle (self, now))
            s_begin_stop (self, "idle");
        if (self->stopping) {
            over = s_stop_parts (self, now);
            continue;
        }
        s_keep_parts (self, now);
        s_ask (self, now);
        s_tell (self, now);
    }
}

static int s_open (service_t *self, fcj_error_t *error)
{
    sigset_t set;
    sigemptyset (&set);
    sigaddset (&set, SIGTERM);
    sigaddset (&set, SIGINT);
    sigaddset (&set, SIGHUP);
    sigaddset (&set, SIGCHLD);
    sigprocmask (SIG_BLOCK, &set, NULL);    /* before libzmq's threads */
    signal (SIGPIPE, SIG_IGN);
    self->signals = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    self->audience = fcj_audience_new (
        fcj_config_path (self->config, "service_sock"), error);
    if (!self->audience || s_make_parts (self, error))
        return -1;
    self->client = fcj_client_new (
        fcj_config_path (self->config, "frontend_endpoint"), "service",
        NULL, NULL, error);
    return self->client ? 0 : -1;
}

int fcj_service_run (const fcj_config_t *config,
                     const fcj_service_args_t *args)
{
    fcj_error_t error = { 0 };
    service_t self = { .config = config, .args = args, .live = -1,
                       .began = fcj_mono_ms (), .busy = fcj_mono_ms () };
    int status = s_open (&self, &error);
    if (status == 0) {
        fcj_log (FCJ_INFO, "service_starting", "run",
                 fcj_config_path (config, "run"), NULL);
        s_loop (&self);
        /*  The base of the jobs' directories: gone when it is empty.  */
        rmdir (fcj_config_path (config, "scratch"));
        fcj_log (FCJ_INFO, "service_stopped", NULL);
    } else {
        fprintf (stderr, "fcj-service: %s\n", error.text);
    }
    fcj_client_destroy (&self.client);
    for (int n = 0; n < PARTS; n++)
        fcj_child_destroy (&self.parts[n]);
    fcj_audience_destroy (&self.audience);
    close (self.signals);
    return status ? 1 : 0;
}
