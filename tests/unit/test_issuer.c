/*  test_issuer.c - an issuer's keys over time: how often they are asked for,
 *  how long they are kept, and what is not taken for them. The issuer is a
 *  socket here, and the clock ours.  */

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "jobs/job.h"
#include "mcp-frontend/auth/issuer.h"

#define MINUTE 60000
#define HOUR   (60 * (int64_t) MINUTE)
#define KEYS   "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\"," \
               "\"x\":\"8uriQCDMUXvqOnK9xc_g3H8Y8ngcxjqyUMuoe_HmSYE\"," \
               "\"y\":\"cOcTOU-qE89qQNJ4qMcUc7IWZJkUQIypwdYQIL3F37g\"}]}"
#define OK     "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"

typedef struct {
    int fd;
    int asked;                  /* connections that came */
    fcj_fetch_t *fetch;
    fcj_issuer_t *issuer;
} world_t;

static void s_open (world_t *self)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    char url[64], keys[100];
    fcj_error_t error;
    self->asked = 0;
    self->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal (bind (self->fd, (void *) &at, sizeof at), 0);
    assert_int_equal (listen (self->fd, 8), 0);
    assert_int_equal (getsockname (self->fd, (void *) &at, &size), 0);
    snprintf (url, sizeof url, "http://127.0.0.1:%d", ntohs (at.sin_port));
    snprintf (keys, sizeof keys, "%s/keys", url);
    self->fetch = fcj_fetch_new ("", &error);
    assert_non_null (self->fetch);
    self->issuer = fcj_issuer_new (url, keys, MINUTE, self->fetch, &error);
    assert_non_null (self->issuer);
}

static void s_close (world_t *self)
{
    fcj_fetch_destroy (&self->fetch);
    fcj_issuer_destroy (&self->issuer);
    close (self->fd);
}

/*  Runs until the fetch is over; whoever asks gets this answer. */
static void s_serve (world_t *self, const char *answer, size_t size)
{
    char request[4096];
    while (fcj_issuer_busy (self->issuer)) {
        struct pollfd fds[2] = {
            { self->fd, POLLIN, 0 },
            { fcj_fetch_fd (self->fetch), POLLIN, 0 }
        };
        poll (fds, 2, fcj_fetch_timeout (self->fetch, fcj_mono_ms (), 100));
        fcj_fetch_run (self->fetch, fcj_mono_ms ());
        if (!fds[0].revents)
            continue;
        int client = accept (self->fd, NULL, NULL);
        assert_true (client >= 0);
        self->asked++;
        while (recv (client, request, sizeof request, MSG_DONTWAIT) <= 0)
            fcj_fetch_run (self->fetch, fcj_mono_ms ());
        for (size_t sent = 0; sent < size;) {
            ssize_t part = send (client, answer + sent, size - sent,
                                 MSG_NOSIGNAL | MSG_DONTWAIT);
            fcj_fetch_run (self->fetch, fcj_mono_ms ());
            if (part < 0 && !fcj_issuer_busy (self->issuer))
                break;
            sent += part > 0? (size_t) part: 0;
        }
        close (client);
    }
}

static void s_answer (world_t *self, const char *answer)
{
    s_serve (self, answer, strlen (answer));
}

static bool s_has_key (const world_t *self)
{
    const fcj_jwks_t *keys = fcj_issuer_keys (self->issuer);
    return keys && fcj_jwks_find (keys, FCJ_ALG_ES256, "k", 0);
}

/* ------------------------------------------------------------------------ */

static void keys_are_fetched_once_an_hour_and_kept_a_day (void **state)
{
    (void) state;
    world_t it;
    int64_t now = fcj_mono_ms ();
    s_open (&it);
    fcj_issuer_tick (it.issuer, now);
    s_answer (&it, OK KEYS);
    assert_true (s_has_key (&it));
    assert_int_equal (fcj_issuer_generation (it.issuer), 1);
    fcj_issuer_tick (it.issuer, now + HOUR - 1);
    assert_false (fcj_issuer_busy (it.issuer));
    for (int hour = 1; hour <= 24; hour++) {
        fcj_issuer_tick (it.issuer, now + hour * HOUR);
        assert_true (fcj_issuer_busy (it.issuer));
        s_answer (&it, "HTTP/1.1 503 Away\r\nConnection: close\r\n\r\n");
        assert_true (s_has_key (&it));
    }
    assert_int_equal (fcj_issuer_generation (it.issuer), 1);
    fcj_issuer_tick (it.issuer, now + 24 * HOUR + MINUTE);
    assert_null (fcj_issuer_keys (it.issuer));
    assert_int_equal (fcj_issuer_generation (it.issuer), 2);
    s_answer (&it, OK KEYS);
    assert_true (s_has_key (&it));
    assert_int_equal (it.asked, 26);
    s_close (&it);
}

static void an_unknown_key_is_asked_for_at_a_bounded_rate (void **state)
{
    (void) state;
    world_t it;
    int64_t now = fcj_mono_ms ();
    s_open (&it);
    assert_true (fcj_issuer_refresh (it.issuer, now));
    assert_true (fcj_issuer_refresh (it.issuer, now));
    s_answer (&it, OK KEYS);
    assert_false (fcj_issuer_refresh (it.issuer, now + MINUTE - 1));
    assert_true (fcj_issuer_refresh (it.issuer, now + MINUTE));
    s_answer (&it, OK KEYS);
    assert_int_equal (it.asked, 2);
    s_close (&it);
}

static void what_are_no_keys_takes_the_place_of_none (void **state)
{
    (void) state;
    world_t it;
    int64_t now = fcj_mono_ms ();
    size_t size = 2 * FCJ_FETCH_BYTES_MAX;
    char *huge = malloc (size), moved[200];
    memset (huge, ' ', size);
    memcpy (huge, OK KEYS, strlen (OK KEYS));
    s_open (&it);
    snprintf (moved, sizeof moved, "HTTP/1.1 302 Found\r\nLocation: %s/keys"
              "\r\nConnection: close\r\n\r\n", fcj_issuer_url (it.issuer));
    const char *const ANSWERS[] = {
        moved, OK, OK "{}", OK "{\"keys\":[]}", OK "{\"keys\":7}",
        OK "nonsense", "", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"
        "Connection: close\r\n\r\n",
        "HTTP/1.1 206 Partial\r\nConnection: close\r\n\r\n" KEYS,
    };
    int count = (int) (sizeof ANSWERS / sizeof *ANSWERS);
    for (int n = 0; n < count; n++) {
        now += MINUTE;
        assert_true (fcj_issuer_refresh (it.issuer, now));
        s_answer (&it, ANSWERS[n]);
        assert_null (fcj_issuer_keys (it.issuer));
    }
    assert_true (fcj_issuer_refresh (it.issuer, now + MINUTE));
    s_serve (&it, huge, size);
    assert_null (fcj_issuer_keys (it.issuer));
    assert_int_equal (it.asked, count + 1);     /* it followed nobody */
    s_close (&it);
    free (huge);
}

static void only_https_and_loopback_are_fetched (void **state)
{
    static const char *const GOOD[] = {
        "https://id.example", "HTTPS://id.example/x", "http://127.0.0.1",
        "http://127.0.0.1:80/x", "http://localhost:1", "http://[::1]:1/x",
    };
    static const char *const BAD[] = {
        "", "id.example", "http://id.example", "ftp://id.example",
        "file:///etc/passwd", "http://127.0.0.1.example", "http://127.0.0.1@x",
        "http://localhost.example", "http://localhost:1@example",
        "http://localhost/@example", "http://127.0.0.2", "http://[::1",
        "http://10.0.0.1", "https://id.example/ x", "https://id.example\r\nX:",
        "http://localhost\\@example", "gopher://127.0.0.1:6379/_X",
    };
    (void) state;
    for (size_t n = 0; n < sizeof GOOD / sizeof *GOOD; n++)
        assert_true (fcj_fetch_allowed (GOOD[n]));
    for (size_t n = 0; n < sizeof BAD / sizeof *BAD; n++)
        assert_false (fcj_fetch_allowed (BAD[n]));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (keys_are_fetched_once_an_hour_and_kept_a_day),
        cmocka_unit_test (an_unknown_key_is_asked_for_at_a_bounded_rate),
        cmocka_unit_test (what_are_no_keys_takes_the_place_of_none),
        cmocka_unit_test (only_https_and_loopback_are_fetched),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
