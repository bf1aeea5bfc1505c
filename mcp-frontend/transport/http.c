/*  http.c - libmicrohttpd set up, run by the loop, and looked after: what a
 *  request and its answer are is in exchange.h.  */

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "exchange.h"
#include "listen.h"

#define KEEPALIVE_MS 15000
#define PEEK_MS      1000
#define REJUDGE_MS   2000
/*  GnuTLS's own default still takes TLS 1.0 (RFC 8996 does not). */
#define TLS          "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

static void s_free (fcj_http_t *self)
{
    fcj_guard_destroy (&self->guard);
    free (self->cert);
    if (self->key)
        explicit_bzero (self->key, strlen (self->key));
    free (self->key);
    free (self);
}

/*  No path of ours has an escape: what has one is another path. */
static size_t s_unescape (void *arg, struct MHD_Connection *connection,
                          char *text)
{
    (void) arg;
    (void) connection;
    return strlen (text);
}

fcj_http_t *fcj_http_new (fcj_front_t *front, const char *address,
                          fcj_error_t *error)
{
    fcj_http_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->front = front;
    self->guard = fcj_guard_new (
        fcj_config_int (front->config, "http-request-s") * 1000,
        fcj_config_int (front->config, "http-memory-max"));
    self->public_url = fcj_config_str (front->config, "public-url");
    TAILQ_INIT (&self->exchanges);
    int fd = -1;
    if (fcj_listen_tls (front->config, &self->cert, &self->key, error) == 0)
        fd = fcj_listen (front, address, error);
    if (fd < 0) {
        s_free (self);
        return NULL;
    }
    struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, self->cert },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, self->key },
        { MHD_OPTION_HTTPS_PRIORITIES, 0, (void *) (uintptr_t) TLS },
        { MHD_OPTION_END, 0, NULL }
    };
    if (!self->cert)
        tls[0].option = MHD_OPTION_END;
    self->daemon = MHD_start_daemon (
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO
            | (self->cert? MHD_USE_TLS: 0U), 0,
        NULL, NULL, fcj_exchange_access, self,
        MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, fcj_guard_connections (self->guard),
        MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned int) FCJ_GUARD_IDLE_MS / 1000,
        MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_UNESCAPE_CALLBACK, s_unescape, NULL,
        MHD_OPTION_NOTIFY_CONNECTION, fcj_guard_notify, self->guard,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) 32 * 1024,
        MHD_OPTION_NOTIFY_COMPLETED, fcj_exchange_completed, self,
        MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (!self->daemon) {
        fcj_fail (error, FCJ_INVALID, self->cert? "the HTTP server does not"
                  " start; is tls-key the key of tls-cert, both in PEM form?"
                  : "the HTTP server does not start");
        close (fd);
        s_free (self);
        return NULL;
    }
    self->fd = MHD_get_daemon_info (self->daemon,
                                    MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    fcj_listen_log (fd);
    return self;
}

void fcj_http_destroy (fcj_http_t **self_p)
{
    fcj_http_t *self = *self_p;
    exchange_t *one;
    if (!self)
        return;
    TAILQ_FOREACH (one, &self->exchanges, next)
        fcj_exchange_resume (one);  /* MHD can't stop with suspended ones */
    MHD_stop_daemon (self->daemon);
    s_free (self);
    *self_p = NULL;
}

int fcj_http_fd (const fcj_http_t *self)
{
    return self->fd;
}

void fcj_http_run (fcj_http_t *self)
{
    MHD_run (self->daemon);
}

int fcj_http_timeout (const fcj_http_t *self, int most)
{
    MHD_UNSIGNED_LONG_LONG due;
    if (MHD_get_timeout (self->daemon, &due) == MHD_YES
        && due < (unsigned) most)
        return (int) due;
    return most;
}

void fcj_http_recheck (fcj_http_t *self)
{
    exchange_t *one;
    TAILQ_FOREACH (one, &self->exchanges, next)
        if (!one->judged && !one->queued)
            fcj_exchange_resume (one);
}

bool fcj_http_drained (const fcj_http_t *self)
{
    const exchange_t *one;
    TAILQ_FOREACH (one, &self->exchanges, next)
        if (one->answered)
            return false;
    return true;
}

/*  A suspended connection is not watched by MHD: look ourselves. RDHUP, and
 *  no peek, because TLS says goodbye before it closes. */
static bool s_gone (const exchange_t *self)
{
    struct pollfd one = { .events = POLLRDHUP, .fd = MHD_get_connection_info (
        self->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd };
    return poll (&one, 1, 0) > 0
        && (one.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

/*  Its token has expired, or was taken away. */
static void s_send_away (exchange_t *self)
{
    size_t size = 0;
    char *text = self->streaming? NULL: fcj_call_error_text (
        NULL, FCJ_RPC_REQUEST, "The token is not good any more", NULL,
        &size);
    fcj_exchange_lose (self);
    self->why = "it has ended";
    fcj_exchange_answer (self, MHD_HTTP_UNAUTHORIZED, text, size);
}

/*  A stream, or a call that waits, does not outlive its token. */
void fcj_http_tick (fcj_http_t *self, int64_t now)
{
    exchange_t *one;
    if (now - self->peeked < PEEK_MS)
        return;
    self->peeked = now;
    bool rejudge = now - self->rejudged >= REJUDGE_MS;
    if (rejudge)
        self->rejudged = now;
    fcj_guard_tick (self->guard, now);
    TAILQ_FOREACH (one, &self->exchanges, next) {
        if (!one->suspended)
            continue;
        if (s_gone (one)) {
            fcj_exchange_lose (one);
            fcj_exchange_answer (one, MHD_HTTP_OK, NULL, 0);
        }
        else if (rejudge && one->judged && !fcj_exchange_may_stay (one))
            s_send_away (one);
        else if (one->streaming && now - one->spoken > KEEPALIVE_MS) {
            fcj_exchange_append (one, ": keep-alive\n\n", 14);
            fcj_exchange_resume (one);
        }
    }
}
