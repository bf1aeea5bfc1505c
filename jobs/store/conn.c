/*  conn.c - one connection to Redis.
 *
 *  hiredis of Debian 12 knows no TLS, so the bytes are moved here (plainly,
 *  or through OpenSSL) and hiredis' reader makes replies of them. TLS trusts
 *  the system's certificates, or those that SSL_CERT_FILE names.  */

#include "conn.h"
#include "command.h"
#include "url.h"
#include "../bytes.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define READ_SIZE  (64 * 1024)
#define WRITE_SIZE (1024 * 1024)
#define ALIVE_IDLE_S  10        /* of silence, then the host is asked */
#define ALIVE_EVERY_S 5
#define ALIVE_MAX     3         /* questions without an answer: it is gone */

typedef enum { CLOSED, CONNECTING, SHAKING, GREETING, UP } s_phase_t;

struct fcj_conn {
    fcj_url_t url;
    unsigned attempt;           /* which of the host's addresses */

    s_phase_t phase;
    int fd, greetings;          /* greetings: replies of AUTH, SELECT to come */
    SSL_CTX *context;
    SSL *ssl;
    bool tls_wants_write;
    redisReader *reader;
    fcj_bytes_t out;            /* not yet written */
};

/* ---- The class ---------------------------------------------------------- */

fcj_conn_t *fcj_conn_new (const char *url, fcj_error_t *error)
{
    fcj_conn_t *self = calloc (1, sizeof (*self));
    if (!self)
        abort ();
    self->fd = -1;
    if (fcj_url_read (&self->url, url) < 0) {
        fcj_conn_destroy (&self);
        fcj_fail (error, FCJ_INVALID, "This is no Redis URL; give "
                  "unix:///path/redis.sock, redis://user:password@host:port/0 "
                  "(0: the database) or rediss:// (TLS)");
    }
    return self;
}

void fcj_conn_destroy (fcj_conn_t **self_p)
{
    fcj_conn_t *self = *self_p;
    if (!self)
        return;
    fcj_conn_close (self);
    SSL_CTX_free (self->context);
    fcj_url_free (&self->url);
    fcj_bytes_free (&self->out);
    free (self);
    *self_p = NULL;
}

/* ---- Connecting --------------------------------------------------------- */

static int s_lost (fcj_conn_t *self, fcj_error_t *error, const char *why)
{
    char text[300];
    snprintf (text, sizeof (text), "%s", why);
    fcj_conn_close (self);
    return fcj_fail (error, FCJ_STORE_UNAVAILABLE,
                     "Redis at %.100s is not available: %s. Try again",
                     self->url.path ? self->url.path : self->url.host, text);
}

/*  Who only listens never hears that the other host is gone, but for the
 *  kernel's own questions.  */
static void s_tune (int fd)
{
    int on = 1, idle = ALIVE_IDLE_S, every = ALIVE_EVERY_S, most = ALIVE_MAX;
    setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof (on));
    setsockopt (fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof (on));
    setsockopt (fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof (idle));
    setsockopt (fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof (every));
    setsockopt (fd, IPPROTO_TCP, TCP_KEEPCNT, &most, sizeof (most));
}

static int s_connect (fcj_conn_t *self, const struct sockaddr *address,
                      socklen_t size)
{
    int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    self->fd = socket (address->sa_family, type, 0);
    if (self->fd < 0)
        return -1;
    if (address->sa_family != AF_UNIX)
        s_tune (self->fd);
    if (connect (self->fd, address, size) == 0 || errno == EINPROGRESS)
        return 0;
    return -1;
}

static int s_connect_tcp (fcj_conn_t *self, fcj_error_t *error)
{
    struct addrinfo hints = {0}, *list = NULL, *at;
    hints.ai_socktype = SOCK_STREAM;
    int code = getaddrinfo (self->url.host, self->url.port, &hints, &list);
    if (code)
        return s_lost (self, error, gai_strerror (code));
    unsigned count = 0;
    for (at = list; at; at = at->ai_next)
        count++;
    unsigned pick = self->attempt++ % count;
    for (at = list; pick; pick--)
        at = at->ai_next;
    int result = s_connect (self, at->ai_addr, at->ai_addrlen);
    if (result < 0)
        result = s_lost (self, error, strerror (errno));
    freeaddrinfo (list);
    return result;
}

static int s_connect_unix (fcj_conn_t *self, fcj_error_t *error)
{
    struct sockaddr_un address = {0};
    address.sun_family = AF_UNIX;
    memcpy (address.sun_path, self->url.path, strlen (self->url.path));
    if (s_connect (self, (struct sockaddr *) &address, sizeof (address)) < 0)
        return s_lost (self, error, strerror (errno));
    return 0;
}

int fcj_conn_open (fcj_conn_t *self, fcj_error_t *error)
{
    fcj_conn_close (self);
    self->reader = redisReaderCreate ();
    if (!self->reader)
        abort ();
    int result = self->url.path ? s_connect_unix (self, error)
                            : s_connect_tcp (self, error);
    if (result == 0)
        self->phase = CONNECTING;
    return result;
}

void fcj_conn_close (fcj_conn_t *self)
{
    SSL_free (self->ssl);
    self->ssl = NULL;
    if (self->fd >= 0)
        close (self->fd);
    self->fd = -1;
    if (self->reader)
        redisReaderFree (self->reader);
    self->reader = NULL;
    self->phase = CLOSED;
    fcj_bytes_clear (&self->out);
    self->greetings = 0;
    self->tls_wants_write = false;
}

static int s_tls_begin (fcj_conn_t *self)
{
    if (!self->context) {
        signal (SIGPIPE, SIG_IGN);      /* OpenSSL writes with write(2) */
        self->context = SSL_CTX_new (TLS_client_method ());
        if (!self->context)
            return -1;
        SSL_CTX_set_default_verify_paths (self->context);
        SSL_CTX_set_verify (self->context, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_min_proto_version (self->context, TLS1_2_VERSION);
        SSL_CTX_set_mode (self->context,
                          SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }
    self->ssl = SSL_new (self->context);
    return self->ssl && SSL_set_fd (self->ssl, self->fd) == 1 &&
                   SSL_set1_host (self->ssl, self->url.host) == 1 &&
                   SSL_set_tlsext_host_name (self->ssl, self->url.host) == 1
               ? 0
               : -1;
}

/*  1 done, 0 again later, -1 failed.  */
static int s_tls_outcome (fcj_conn_t *self, int result)
{
    int code = SSL_get_error (self->ssl, result);
    self->tls_wants_write = code == SSL_ERROR_WANT_WRITE;
    if (result > 0)
        return 1;
    return code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE ? 0
                                                                       : -1;
}

/*  What must come before anything else on a new connection; it is put before
 *  what was sent meanwhile, as the output is empty until the link is up.  */
static void s_greet (fcj_conn_t *self)
{
    fcj_command_t *hello = fcj_command_new ();
    if (self->url.password) {
        fcj_command_begin (hello, "AUTH");
        if (self->url.user)
            fcj_command_str (hello, self->url.user);
        fcj_command_str (hello, self->url.password);
        fcj_command_end (hello);
    }
    if (self->url.db) {
        fcj_command_begin (hello, "SELECT");
        fcj_command_int (hello, self->url.db);
        fcj_command_end (hello);
    }
    self->greetings = fcj_command_count (hello);
    self->phase = self->greetings ? GREETING : UP;
    if (self->greetings)
        fcj_conn_send (self, fcj_command_data (hello),
                       fcj_command_size (hello));
    fcj_command_destroy (&hello);
}

static int s_connected (fcj_conn_t *self, fcj_error_t *error)
{
    int why = 0;
    socklen_t size = sizeof (why);
    struct sockaddr_storage peer;
    socklen_t peer_size = sizeof (peer);
    if (getsockopt (self->fd, SOL_SOCKET, SO_ERROR, &why, &size) < 0 || why)
        return s_lost (self, error, strerror (why ? why : errno));
    if (getpeername (self->fd, (struct sockaddr *) &peer, &peer_size) < 0)
        return 0;               /* still under way */
    if (!self->url.tls) {
        s_greet (self);
        return 0;
    }
    self->phase = SHAKING;
    if (s_tls_begin (self) < 0)
        return s_lost (self, error, "TLS cannot be set up");
    return 0;
}

static int s_shake (fcj_conn_t *self, fcj_error_t *error)
{
    ERR_clear_error ();
    int done = s_tls_outcome (self, SSL_connect (self->ssl));
    if (done < 0) {
        const char *why = ERR_reason_error_string (ERR_peek_error ());
        return s_lost (self, error, why ? why : "TLS handshake failed");
    }
    if (done)
        s_greet (self);
    return 0;
}

/* ---- Moving bytes ------------------------------------------------------- */

int fcj_conn_fd (const fcj_conn_t *self)
{
    return self->fd;
}

bool fcj_conn_up (const fcj_conn_t *self)
{
    return self->phase == UP;
}

bool fcj_conn_wants_write (const fcj_conn_t *self)
{
    if (self->phase == CONNECTING)
        return true;
    if (self->phase == SHAKING)
        return self->tls_wants_write;
    return self->phase != CLOSED && fcj_bytes_size (&self->out) > 0;
}

void fcj_conn_send (fcj_conn_t *self, const void *bytes, size_t size)
{
    fcj_bytes_add (&self->out, bytes, size);
}

size_t fcj_conn_unsent (const fcj_conn_t *self)
{
    return fcj_bytes_size (&self->out);
}

static ssize_t s_tls_move (fcj_conn_t *self, int result)
{
    int done = s_tls_outcome (self, result);
    if (done > 0)
        return result;
    errno = done == 0 ? EAGAIN : EPIPE;
    return -1;
}

static int s_flush (fcj_conn_t *self, fcj_error_t *error)
{
    size_t left;
    while ((left = fcj_bytes_size (&self->out)) > 0) {
        const char *at = fcj_bytes_data (&self->out);
        ssize_t n;
        if (left > WRITE_SIZE)
            left = WRITE_SIZE;
        ERR_clear_error ();
        n = self->ssl
                ? s_tls_move (self, SSL_write (self->ssl, at, (int) left))
                : send (self->fd, at, left, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0
                                   : s_lost (self, error, strerror (errno));
        fcj_bytes_drop (&self->out, (size_t) n);
    }
    return 0;
}

static int s_fill (fcj_conn_t *self, fcj_error_t *error)
{
    char chunk[READ_SIZE];
    for (;;) {
        ERR_clear_error ();
        ssize_t n = self->ssl ? s_tls_move (self, SSL_read (self->ssl, chunk,
                                                            READ_SIZE))
                              : recv (self->fd, chunk, sizeof (chunk), 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n <= 0)
            return s_lost (self, error,
                           n ? strerror (errno) : "it closed the connection");
        if (redisReaderFeed (self->reader, chunk, (size_t) n) != REDIS_OK)
            return s_lost (self, error, "it does not speak Redis' protocol");
        if (n < (ssize_t) sizeof (chunk) && !self->ssl)
            return 0;
    }
}

redisReply *fcj_conn_reply (fcj_conn_t *self)
{
    void *reply = NULL;
    if (!self->reader ||
        redisReaderGetReply (self->reader, &reply) != REDIS_OK)
        return NULL;
    return reply;
}

static int s_greeted (fcj_conn_t *self, fcj_error_t *error)
{
    redisReply *reply;
    while (self->greetings && (reply = fcj_conn_reply (self)) != NULL) {
        char why[200];
        bool bad = reply->type == REDIS_REPLY_ERROR;
        snprintf (why, sizeof (why), "%s", bad ? reply->str : "");
        freeReplyObject (reply);
        if (bad)
            return s_lost (self, error, why);
        self->greetings--;
    }
    if (!self->greetings)
        self->phase = UP;
    return 0;
}

int fcj_conn_flush (fcj_conn_t *self, fcj_error_t *error)
{
    return self->phase == UP ? s_flush (self, error) : 0;
}

int fcj_conn_run (fcj_conn_t *self, fcj_error_t *error)
{
    if (self->phase == CLOSED)
        return fcj_fail (error, FCJ_STORE_UNAVAILABLE,
                         "There is no connection to Redis. Try again");
    if (self->phase == CONNECTING && s_connected (self, error) < 0)
        return -1;
    if (self->phase == SHAKING && s_shake (self, error) < 0)
        return -1;
    if (self->phase < GREETING)
        return 0;
    if (s_flush (self, error) < 0 || s_fill (self, error) < 0)
        return -1;
    if (self->phase == GREETING && s_greeted (self, error) < 0)
        return -1;
    return self->reader->err
               ? s_lost (self, error, "it does not speak Redis' protocol")
               : 0;
}

/* ---- Replies ------------------------------------------------------------ */

int fcj_reply_check (const redisReply *reply, fcj_error_t *error)
{
    if (reply->type != REDIS_REPLY_ERROR)
        return 0;
    static const char *const passing[] = {
        "LOADING", "READONLY", "MISCONF", "NOSCRIPT", "BUSY",
        "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "TRYAGAIN", "NOAUTH",
        "ERR Function not found", "ERR max number of clients"};
    /* nothing was done; only what makes room is let through (fcj.lua) */
    if (strncmp (reply->str, "OOM", 3) == 0)
        return fcj_fail (error, FCJ_QUEUE_FULL, "The job store is full (Redis "
                         "maxmemory). Jobs that run go on; wait until records "
                         "expire, or delete some, then submit again");
    for (size_t n = 0; n < sizeof (passing) / sizeof (*passing); n++)
        if (strncmp (reply->str, passing[n], strlen (passing[n])) == 0)
            return fcj_fail (error, FCJ_STORE_UNAVAILABLE,
                             "Redis cannot do it now: %.300s. Try again",
                             reply->str);
    return fcj_fail (error, FCJ_INTERNAL, "Redis refused: %.400s", reply->str);
}

const char *fcj_reply_text (const redisReply *reply, size_t n)
{
    if (reply->type != REDIS_REPLY_ARRAY || n >= reply->elements ||
        !reply->element[n]->str)
        return "";
    return reply->element[n]->str;
}
