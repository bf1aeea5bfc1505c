/*  front.c - the world and its loop. Nothing that may take long is made
 *  before the first call that needs it, so that a client's first question is
 *  answered at once.  */

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "session/bus.h"
#include "news/changes.h"
#include "extra.h"
#include "session/follow.h"
#include "front.h"
#include "methods/handlers.h"
#include "transport/http.h"
#include "news/interest.h"
#include "service.h"
#include "session/session.h"
#include "transport/stdio.h"
#include "news/watch.h"
#include "../jobs/log.h"

#define CATALOGUE_CHECK_MS 2000
#define REDIS_RETRY_MS     20

/* ---- Events ------------------------------------------------------------ */

static void s_on_event (void *arg, const char *id, const fcj_map_t *event)
{
    fcj_front_t *self = arg;
    fcj_watches_event (self->watches, id, event);
}

static void s_tick (fcj_front_t *self, int64_t now)
{
    fcj_call_t *call = TAILQ_FIRST (&self->calls);
    while (call) {
        self->at = TAILQ_NEXT (call, next);
        if (now >= call->deadline
            || (call->reread && now >= call->reread))
            call->step (call, NULL, now);
        call = self->at;        /* moved on if that one was freed */
    }
    if (now - self->catalogue_checked > CATALOGUE_CHECK_MS) {
        self->catalogue_checked = now;
        if (fcj_catalogue_refresh (self->catalogue))
            fcj_front_tools_changed (self);
    }
    fcj_changes_tick (self->changes, now);
    fcj_interest_tick (self, now);
    fcj_follow_tick (self, now);
    if (self->http)
        fcj_http_tick (self->http, now);
}

void fcj_front_tools_changed (fcj_front_t *self)
{
    fcj_log (FCJ_INFO, "tools_changed", NULL);
    fcj_interest_list_changed (self, FCJ_LIST_TOOLS);
}

static void s_tell_local (void *arg, const char *method, json_t *params)
{
    fcj_front_t *self = arg;
    size_t size;
    char *text = fcj_call_text (json_pack (
        "{s:s,s:s,s:o*}", "jsonrpc", "2.0", "method", method, "params",
        params), &size);
    if (text)
        fcj_stdio_send (self->stdio, text, size);
}

void fcj_front_greeted (fcj_front_t *self, const char *version,
                        json_t *capabilities)
{
    snprintf (self->legacy, sizeof self->legacy, "%s", version);
    fcj_interest_destroy (&self->local_interest);
    fcj_session_release (&self->local);
    self->local = fcj_session_local (self, version, capabilities);
    self->local_interest = fcj_interest_new (self, s_tell_local, self);
    fcj_interest_follow (self->local_interest, self->local, 0);
}

/* ---- Building ---------------------------------------------------------- */

static void s_set_user (fcj_front_t *self)
{
    const char *owner = fcj_config_str (self->config, "owner");
    const struct passwd *entry = getpwuid (getuid ());
    if (owner && *owner)
        snprintf (self->user, sizeof self->user, "%s", owner);
    else if (entry)
        snprintf (self->user, sizeof self->user, "%s", entry->pw_name);
    else
        snprintf (self->user, sizeof self->user, "uid-%u",
                  (unsigned) getuid ());
}

static int s_open_catalogue (fcj_front_t *self, fcj_error_t *error)
{
    char state[4096], share[4096], build[4096];
    const char *paths[] = { state, share, build, NULL };
    snprintf (state, sizeof state, "%s/catalogue.json",
              fcj_config_path (self->config, "state"));
    snprintf (share, sizeof share, "%s/catalogue.json",
              fcj_config_path (self->config, "share"));
    snprintf (build, sizeof build, "%s/../share/catalogue.json",
              fcj_config_path (self->config, "libexec"));
    self->catalogue = fcj_catalogue_new (
        paths, fcj_config_str (self->config, "toolsets"),
        fcj_config_bool (self->config, "read-only"),
        self->extra? self->extra->lists: NULL, error);
    return self->catalogue? 0: -1;
}

fcj_front_t *fcj_front_new (const fcj_config_t *config, const char *address,
                            const fcj_extra_t *extra, volatile int *stop,
                            fcj_error_t *error)
{
    fcj_front_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->config = config;
    self->stop = stop;
    self->extra = extra;
    TAILQ_INIT (&self->calls);
    TAILQ_INIT (&self->everyone);
    LIST_INIT (&self->pendings);
    TAILQ_INIT (&self->followers);
    TAILQ_INIT (&self->interests);
    self->next_due = INT64_MAX;
    self->sessions = fcj_sessions_new ();
    self->watches = fcj_watches_new ();
    self->changes = fcj_changes_new (self);
    fcj_token_new (self->self);
    snprintf (self->legacy, sizeof self->legacy, "%s", FCJ_MCP_LEGACY);
    s_set_user (self);
    self->service = fcj_service_new (config);
    self->prompts = fcj_prompts_new ();
    self->policy = fcj_policy_new (fcj_config_str (config, "allow-host"),
                                   fcj_config_str (config, "public-url"));
    if (address)
        self->auth = fcj_auth_new (config, self->user, error);
    if ((address && !self->auth) || s_open_catalogue (self, error) != 0)
        fcj_front_destroy (&self);
    else if (!address)
        self->stdio = fcj_stdio_new (self);
    else {
        self->http = fcj_http_new (self, address, error);
        if (!self->http)
            fcj_front_destroy (&self);
    }
    return self;
}

void fcj_front_destroy (fcj_front_t **self_p)
{
    fcj_front_t *self = *self_p;
    if (!self)
        return;
    fcj_http_destroy (&self->http);     /* abandons its calls */
    while (!TAILQ_EMPTY (&self->everyone))
        fcj_call_abandon (TAILQ_FIRST (&self->everyone));
    fcj_follow_destroy_all (self);
    fcj_interest_destroy (&self->local_interest);
    fcj_session_release (&self->local);
    fcj_async_destroy (&self->bus);
    fcj_async_destroy (&self->redis);   /* before what it reports to */
    fcj_sessions_destroy (&self->sessions);
    fcj_watches_destroy (&self->watches);
    fcj_changes_destroy (&self->changes);
    fcj_stdio_destroy (&self->stdio);
    fcj_client_destroy (&self->client);
    fcj_store_destroy (&self->store);
    fcj_blobs_destroy (&self->blobs);
    fcj_service_destroy (&self->service);
    fcj_catalogue_destroy (&self->catalogue);
    fcj_prompts_destroy (&self->prompts);
    fcj_policy_destroy (&self->policy);
    fcj_auth_destroy (&self->auth);
    free (self);
    *self_p = NULL;
}

int fcj_front_open (fcj_front_t *self, fcj_error_t *error)
{
    char name[64];
    snprintf (name, sizeof name, "fcj-mcp-%ld", (long) getpid ());
    if (!self->store)
        self->store = fcj_store_new (
            fcj_config_path (self->config, "redis_url"), error);
    if (self->store && !self->redis)
        self->redis = fcj_async_new (
            fcj_config_path (self->config, "redis_url"), error);
    if (self->redis && !self->bus && self->http)
        self->bus = fcj_bus_new (
            self, fcj_config_path (self->config, "redis_url"), error);
    if (self->store && !self->blobs)
        self->blobs = fcj_blobs_new (
            fcj_config_path (self->config, "blobs"), error);
    if (self->blobs && !self->client)
        self->client = fcj_client_new (
            fcj_config_path (self->config, "frontend_endpoint"), name,
            s_on_event, self, error);
    return self->client? 0: -1;
}

/* ---- The loop ---------------------------------------------------------- */

enum { CLIENT, SERVICE, HTTP, AUTH, REDIS, BUS, INPUT, OUTPUT, FDS };

static void s_fill_redis (struct pollfd *fd, const fcj_async_t *redis)
{
    if (!redis)
        return;
    fd->fd = fcj_async_fd (redis);
    if (fcj_async_wants_write (redis))
        fd->events |= POLLOUT;
}

static void s_fill (const fcj_front_t *self, struct pollfd fds[FDS])
{
    for (int n = 0; n < FDS; n++)
        fds[n] = (struct pollfd) { .fd = -1, .events = POLLIN };
    if (self->client)
        fds[CLIENT].fd = fcj_client_fd (self->client);
    fds[SERVICE].fd = fcj_service_fd (self->service);
    if (self->http)
        fds[HTTP].fd = fcj_http_fd (self->http);
    if (self->auth)
        fds[AUTH].fd = fcj_auth_fd (self->auth);
    s_fill_redis (&fds[REDIS], self->redis);
    s_fill_redis (&fds[BUS], self->bus);
    if (!self->stdio)
        return;
    if (!fcj_stdio_over (self->stdio))
        fds[INPUT].fd = 0;
    if (fcj_stdio_wants_write (self->stdio))
        fds[OUTPUT] = (struct pollfd) { .fd = 1, .events = POLLOUT };
}

/*  One turn: waits at most until the next tick, then lets each part run. */
static void s_turn (fcj_front_t *self, int64_t *ticked)
{
    struct pollfd fds[FDS];
    int timeout = self->waiting || self->client ? FCJ_MCP_TICK_MS: 1000;
    if (self->http)
        timeout = fcj_http_timeout (self->http, timeout);
    if (self->auth)
        timeout = fcj_auth_timeout (self->auth, fcj_mono_ms (), timeout);
    if (self->redis && fcj_async_pending (self->redis))
        timeout = timeout < REDIS_RETRY_MS? timeout: REDIS_RETRY_MS;
    s_fill (self, fds);
    if (poll (fds, FDS, timeout) < 0 && errno != EINTR)
        fcj_log (FCJ_ERROR, "poll_failed", "why", strerror (errno), NULL);
    if (self->stdio && fds[INPUT].revents)
        fcj_stdio_read (self->stdio);
    if (self->auth && fcj_auth_run (self->auth, fcj_mono_ms ()))
        fcj_http_recheck (self->http);
    if (self->http)
        fcj_http_run (self->http);
    if (self->client)           /* its descriptor is edge-triggered */
        fcj_client_run (self->client);
    if (self->bus)
        fcj_async_run (self->bus);
    if (self->redis)
        fcj_async_run (self->redis);
    int64_t now = fcj_mono_ms ();
    bool due = now - *ticked >= FCJ_MCP_TICK_MS;
    if (due || fds[SERVICE].revents)
        fcj_service_run (self->service);
    if (due || fds[SERVICE].revents) {
        *ticked = now;
        s_tick (self, now);
    }
    if (self->redis)            /* what was asked just now goes out now */
        fcj_async_run (self->redis);
    if (self->http)
        fcj_http_run (self->http);
    if (self->redis)            /* what came in with that is asked */
        fcj_async_flush (self->redis);
    if (self->stdio && fcj_stdio_wants_write (self->stdio))
        fcj_stdio_write (self->stdio);
}

/*  Streams that only the server can end are ended, and what was answered is
 *  sent, as far as the clients take it in time. */
static void s_farewell (fcj_front_t *self)
{
    fcj_call_t *call, *after;
    int64_t until = fcj_mono_ms () + FCJ_MCP_LINGER_MS / 2;
    for (call = TAILQ_FIRST (&self->everyone); call; call = after) {
        after = TAILQ_NEXT (call, all);
        if (call->interest)
            fcj_handle_listen_end (call);
    }
    if (self->stdio)
        fcj_stdio_write (self->stdio);
    while (self->http && fcj_mono_ms () < until) {
        fcj_http_run (self->http);
        if (fcj_http_drained (self->http))
            break;
        struct pollfd fd = { fcj_http_fd (self->http), POLLIN, 0 };
        poll (&fd, 1, 20);
    }
}

void fcj_front_run (fcj_front_t *self)
{
    int64_t ticked = 0, ended = 0;
    if (self->http)
        fcj_service_need (self->service);
    while (!*self->stop) {
        s_turn (self, &ticked);
        if (!self->stdio || !fcj_stdio_over (self->stdio))
            continue;
        int64_t now = fcj_mono_ms ();
        ended = ended? ended: now;
        bool idle = !self->live
                 && !fcj_stdio_wants_write (self->stdio);
        if (idle || now - ended > FCJ_MCP_LINGER_MS)
            break;
    }
    s_farewell (self);
}
