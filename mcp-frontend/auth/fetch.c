/*  fetch.c - curl's multi interface on an epoll descriptor of its own, which
 *  is one descriptor in the poll of the loop, however many sockets it has. */

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <unistd.h>
#include "fetch.h"
#include "../../jobs/job.h"

#define CONNECT_MS 3000L
#define TOTAL_MS   5000L
#define EVENTS     16

typedef struct transfer {
    LIST_ENTRY (transfer) next;
    CURL *easy;
    char *body;
    size_t size;
    fcj_fetch_fn *fn;
    void *arg;
} transfer_t;

struct fcj_fetch {
    CURLM *multi;
    int epoll;
    int64_t due;                /* monotonic ms; -1: no timer */
    const char *ca_file;        /* the configuration's */
    LIST_HEAD (, transfer) transfers;
};

/* ---- What curl asks of us ---------------------------------------------- */

static int s_on_socket (CURL *easy, curl_socket_t fd, int what, void *arg,
                        void *known)
{
    fcj_fetch_t *self = arg;
    struct epoll_event event = { .data.fd = fd };
    (void) easy;
    (void) known;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl (self->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    if (what & CURL_POLL_IN)
        event.events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        event.events |= EPOLLOUT;
    if (epoll_ctl (self->epoll, EPOLL_CTL_MOD, fd, &event) != 0)
        epoll_ctl (self->epoll, EPOLL_CTL_ADD, fd, &event);
    return 0;
}

static int s_on_timer (CURLM *multi, long ms, void *arg)
{
    fcj_fetch_t *self = arg;
    (void) multi;
    self->due = ms < 0? -1: fcj_mono_ms () + ms;
    return 0;
}

static size_t s_on_bytes (char *bytes, size_t one, size_t count, void *arg)
{
    transfer_t *transfer = arg;
    (void) one;                 /* always 1 */
    if (transfer->size + count > FCJ_FETCH_BYTES_MAX)
        return 0;               /* which ends the transfer */
    memcpy (transfer->body + transfer->size, bytes, count);
    transfer->size += count;
    return count;
}

/* ------------------------------------------------------------------------ */

fcj_fetch_t *fcj_fetch_new (const char *ca_file, fcj_error_t *error)
{
    fcj_fetch_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    curl_global_init (CURL_GLOBAL_DEFAULT);
    LIST_INIT (&self->transfers);
    self->due = -1;
    self->ca_file = ca_file;
    self->multi = curl_multi_init ();
    self->epoll = epoll_create1 (EPOLL_CLOEXEC);
    if (!self->multi || self->epoll < 0) {
        fcj_fail (error, FCJ_INTERNAL, "libcurl does not start");
        fcj_fetch_destroy (&self);
        return NULL;
    }
    curl_multi_setopt (self->multi, CURLMOPT_SOCKETFUNCTION, s_on_socket);
    curl_multi_setopt (self->multi, CURLMOPT_SOCKETDATA, self);
    curl_multi_setopt (self->multi, CURLMOPT_TIMERFUNCTION, s_on_timer);
    curl_multi_setopt (self->multi, CURLMOPT_TIMERDATA, self);
    return self;
}

static void s_destroy (fcj_fetch_t *self, transfer_t *transfer)
{
    LIST_REMOVE (transfer, next);
    curl_multi_remove_handle (self->multi, transfer->easy);
    curl_easy_cleanup (transfer->easy);
    free (transfer->body);
    free (transfer);
}

void fcj_fetch_destroy (fcj_fetch_t **self_p)
{
    fcj_fetch_t *self = *self_p;
    if (!self)
        return;
    while (!LIST_EMPTY (&self->transfers))
        s_destroy (self, LIST_FIRST (&self->transfers));
    if (self->multi)
        curl_multi_cleanup (self->multi);
    if (self->epoll >= 0)
        close (self->epoll);
    curl_global_cleanup ();
    free (self);
    *self_p = NULL;
}

bool fcj_fetch_allowed (const char *url)
{
    static const char *const LOCAL[] = { "http://127.0.0.1",
        "http://localhost", "http://[::1]" };
    if (strpbrk (url, " \t\r\n\"\\"))
        return false;
    if (strncasecmp (url, "https://", 8) == 0)
        return true;
    for (size_t n = 0; n < 3; n++) {
        size_t length = strlen (LOCAL[n]);
        if (strncasecmp (url, LOCAL[n], length) == 0
            && (url[length] == ':' || url[length] == '/' || !url[length]))
            return !strchr (url, '@');
    }
    return false;
}

void fcj_fetch_get (fcj_fetch_t *self, const char *url, fcj_fetch_fn *fn,
                    void *arg)
{
    transfer_t *transfer = calloc (1, sizeof *transfer);
    if (!transfer || !(transfer->body = malloc (FCJ_FETCH_BYTES_MAX))
        || !(transfer->easy = curl_easy_init ()))
        abort ();
    transfer->fn = fn;
    transfer->arg = arg;
    CURL *easy = transfer->easy;
    curl_easy_setopt (easy, CURLOPT_URL, url);
    curl_easy_setopt (easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt (easy, CURLOPT_WRITEFUNCTION, s_on_bytes);
    curl_easy_setopt (easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt (easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt (easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt (easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt (easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt (easy, CURLOPT_TIMEOUT_MS, TOTAL_MS);
    curl_easy_setopt (easy, CURLOPT_USERAGENT, "freecad-jobs/" FCJ_VERSION);
    if (strncasecmp (url, "http:", 5) == 0)
        curl_easy_setopt (easy, CURLOPT_PROXY, "");     /* it is loopback */
    if (*self->ca_file)
        curl_easy_setopt (easy, CURLOPT_CAINFO, self->ca_file);
    LIST_INSERT_HEAD (&self->transfers, transfer, next);
    curl_multi_add_handle (self->multi, easy);
}

static void s_ended (fcj_fetch_t *self, const CURLMsg *message)
{
    transfer_t *transfer = NULL;
    char why[160] = "";
    long status = 0;
    curl_easy_getinfo (message->easy_handle, CURLINFO_PRIVATE, &transfer);
    curl_easy_getinfo (message->easy_handle, CURLINFO_RESPONSE_CODE,
                       &status);
    if (message->data.result == CURLE_WRITE_ERROR)
        snprintf (why, sizeof why, "more than %d bytes",
                  FCJ_FETCH_BYTES_MAX);
    else if (message->data.result != CURLE_OK)
        snprintf (why, sizeof why, "%s",
                  curl_easy_strerror (message->data.result));
    else if (status != 200)
        snprintf (why, sizeof why, "HTTP status %ld", status);
    transfer->fn (transfer->arg, *why? NULL: transfer->body,
                  *why? 0: transfer->size, why);
    s_destroy (self, transfer);
}

int fcj_fetch_fd (const fcj_fetch_t *self)
{
    return self->epoll;
}

void fcj_fetch_run (fcj_fetch_t *self, int64_t now_ms)
{
    struct epoll_event events[EVENTS];
    int running, left;
    if (LIST_EMPTY (&self->transfers))
        return;
    int count = epoll_wait (self->epoll, events, EVENTS, 0);
    for (int n = 0; n < count; n++) {
        int mask = 0;
        if (events[n].events & EPOLLIN)
            mask |= CURL_CSELECT_IN;
        if (events[n].events & EPOLLOUT)
            mask |= CURL_CSELECT_OUT;
        if (events[n].events & (EPOLLERR | EPOLLHUP))
            mask |= CURL_CSELECT_ERR;
        curl_multi_socket_action (self->multi, events[n].data.fd, mask,
                                  &running);
    }
    if (self->due >= 0 && now_ms >= self->due) {
        self->due = -1;
        curl_multi_socket_action (self->multi, CURL_SOCKET_TIMEOUT, 0,
                                  &running);
    }
    for (CURLMsg *message;
         (message = curl_multi_info_read (self->multi, &left));)
        if (message->msg == CURLMSG_DONE)
            s_ended (self, message);
}

int fcj_fetch_timeout (const fcj_fetch_t *self, int64_t now_ms, int most)
{
    if (LIST_EMPTY (&self->transfers) || self->due < 0)
        return most;
    int64_t left = self->due - now_ms;
    return left <= 0? 0: left < most? (int) left: most;
}
