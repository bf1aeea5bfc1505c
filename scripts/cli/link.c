/*  link.c - see link.h. A command sends one request and waits, so the
 *  asynchronous client is driven here until its answer is in.  */

#include "commands.h"
#include "../../jobs/job.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ALONE_LIMIT_MS 1000     /* no service: perhaps a bare broker */

typedef struct {
    bool done;
    json_t *reply;
    fcj_error_t error;
} answer_t;

void link_close (link_t *self)
{
    fcj_client_destroy (&self->client);
    fcj_store_destroy (&self->store);
    fcj_blobs_destroy (&self->blobs);
}

fcj_store_t *link_store (link_t *self)
{
    fcj_error_t error = { 0 };
    if (!self->store)
        self->store = fcj_store_new (
            fcj_config_path (self->config, "redis_url"), &error);
    if (!self->store)
        link_fail (self, &error);
    return self->store;
}

fcj_blobs_t *link_blobs (link_t *self)
{
    fcj_error_t error = { 0 };
    if (!self->blobs)
        self->blobs = fcj_blobs_new (
            fcj_config_path (self->config, "blobs"), &error);
    if (!self->blobs)
        link_fail (self, &error);
    return self->blobs;
}

/* ---- Answers, msgpack to JSON ------------------------------------------ */

static json_t *s_scalar (const fcj_map_t *map, const char *key)
{
    size_t size;
    const char *text = fcj_map_bytes (map, key, &size);
    if (text) {
        json_t *string = json_stringn (text, size);
        return string ? string : json_string ("(not UTF-8)");
    }
    if (fcj_map_bool (map, key, false) == fcj_map_bool (map, key, true))
        return json_boolean (fcj_map_bool (map, key, false));
    int64_t whole = fcj_map_int (map, key, INT64_MIN);
    if (whole != INT64_MIN && whole == fcj_map_int (map, key, INT64_MAX))
        return json_integer (whole);
    double real = fcj_map_real (map, key, 0);
    return real == fcj_map_real (map, key, 1) ? json_real (real)
                                              : json_null ();
}

static json_t *s_json (const fcj_map_t *map);

static json_t *s_array (const fcj_list_t *list)
{
    json_t *array = json_array ();
    for (size_t n = 0; n < fcj_list_count (list); n++) {
        size_t size;
        const fcj_map_t *map = fcj_list_map (list, n);
        const char *text = fcj_list_bytes (list, n, &size);
        json_array_append_new (array, map ? s_json (map)
                               : text ? json_stringn (text, size)
                               : json_null ());
    }
    return array;
}

static json_t *s_json (const fcj_map_t *map)
{
    json_t *object = json_object ();
    for (size_t n = 0; n < fcj_map_count (map); n++) {
        size_t size;
        const char *bytes = fcj_map_key_at (map, n, &size);
        char key[128];
        if (!bytes || size >= sizeof key)
            continue;
        memcpy (key, bytes, size);
        key[size] = 0;
        const fcj_map_t *nested = fcj_map_map (map, key);
        const fcj_list_t *list = fcj_map_list (map, key);
        json_object_set_new (object, key, nested ? s_json (nested)
                             : list ? s_array (list) : s_scalar (map, key));
    }
    return object;
}

/* ---- Requests ---------------------------------------------------------- */

static void s_on_answer (void *arg, const fcj_map_t *reply,
                         const fcj_error_t *error)
{
    answer_t *answer = arg;
    answer->done = true;
    if (reply) {
        answer->reply = s_json (reply);
        json_object_del (answer->reply, "req");     /* ours alone */
    } else if (error)
        answer->error = *error;
}

/*  A local broker whose service is gone is hardly there: no long waiting.  */
static int64_t s_patience (const link_t *self, int64_t timeout_ms)
{
    if (*fcj_config_str (self->config, "frontend-endpoint")
        || timeout_ms < ALONE_LIMIT_MS)
        return timeout_ms;
    int fd = link_service (self);
    if (fd < 0)
        return ALONE_LIMIT_MS;
    close (fd);
    return timeout_ms;
}

json_t *link_ask (link_t *self, const char *type, const fcj_pack_t *fields,
                  int64_t timeout_ms, fcj_error_t *error)
{
    answer_t answer = { 0 };
    if (!self->client)
        self->client = fcj_client_new (
            fcj_config_path (self->config, "frontend_endpoint"), "fcj",
            NULL, NULL, error);
    if (!self->client)
        return NULL;
    timeout_ms = s_patience (self, timeout_ms);
    if (strcmp (type, "SUBMIT") == 0)
        fcj_client_submit (self->client, fcj_pack_data (fields),
                           fcj_pack_size (fields), false, timeout_ms,
                           s_on_answer, &answer);
    else
        fcj_client_request (self->client, type,
                            fields ? fcj_pack_data (fields) : NULL,
                            fields ? fcj_pack_size (fields) : 0,
                            timeout_ms, s_on_answer, &answer);
    fcj_client_run (self->client);
    while (!answer.done) {
        struct pollfd wait = { .fd = fcj_client_fd (self->client),
                               .events = POLLIN };
        poll (&wait, 1, 50);
        fcj_client_run (self->client);
    }
    if (!answer.reply)
        *error = answer.error;
    return answer.reply;
}

int link_fail (const link_t *self, const fcj_error_t *error)
{
    const char *reason = fcj_reason_name (error->reason);
    if (self->json) {
        json_t *object = json_pack ("{s:{s:s,s:s,s:b}}", "error", "reason",
                                    reason, "text", error->text,
                                    "retryable", error->retryable);
        show_json (object);
        json_decref (object);
    }
    fprintf (stderr, "fcj: %s (%s)\n", error->text, reason);
    if (error->reason == FCJ_BROKER_UNAVAILABLE
        || error->reason == FCJ_STORE_UNAVAILABLE) {
        int fd = link_service (self);
        if (fd >= 0)
            close (fd);
        fputs (fd < 0 ? "fcj: is the service up? `fcj status` tells, "
               "`fcj up` starts it.\n" : "fcj: the service is up. Was it "
               "started with other settings (FCJ_REDIS...)? freecad-jobs.conf "
               "holds for all.\n", stderr);
        return CLI_AWAY;
    }
    return error->reason == FCJ_INVALID ? CLI_USAGE : CLI_FAILED;
}

/* ---- service.sock ------------------------------------------------------ */

int link_service (const link_t *self)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const char *path = fcj_config_path (self->config, "service_sock");
    if (strlen (path) >= sizeof address.sun_path)
        return -1;
    memcpy (address.sun_path, path, strlen (path) + 1);
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect (fd, (struct sockaddr *) &address,
                            sizeof address) < 0) {
        close (fd);
        return -1;
    }
    return fd;
}

/*  A byte at a time: the line is short and the next one must stay unread. */
json_t *link_service_line (int fd, int timeout_ms)
{
    char line[4096];
    size_t used = 0;
    int64_t end = fcj_mono_ms () + timeout_ms;
    while (used < sizeof line) {
        int64_t left = end - fcj_mono_ms ();
        struct pollfd wait = { .fd = fd, .events = POLLIN };
        if (left <= 0 || poll (&wait, 1, (int) left) <= 0
            || recv (fd, line + used, 1, 0) != 1)
            return NULL;
        if (line[used++] == '\n')
            return json_loadb (line, used, 0, NULL);
    }
    return NULL;
}
