/*  redis.c - see redis.h. */

#include "redis.h"
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*  Quotes are safe: fcj_redis_configure refuses paths with any.  */
static const char s_settings[] =
    "# Written by fcj-service at each start; changes here are lost.\n"
    "port 0\n"
    "unixsocket \"%s\"\n"
    "unixsocketperm 600\n"
    "dir \"%s\"\n"
    "daemonize no\n"
    "supervised no\n"
    "logfile \"\"\n"
    "appendonly yes\n"
    "appendfsync always\n"
    "no-appendfsync-on-rewrite no\n"
    "aof-load-truncated yes\n"
    "save \"\"\n"
    "maxmemory-policy noeviction\n"
    /*  A record stays one compact block: half the memory of a table.  */
    "hash-max-listpack-entries 128\n"
    "hash-max-listpack-value 4096\n"
    "timeout 0\n"
    "databases 1\n";

int fcj_redis_configure (const char *dir, const char *socket,
                         char *conf, size_t size, fcj_error_t *error)
{
    if (strpbrk (dir, "\"\\\n") || strpbrk (socket, "\"\\\n"))
        return fcj_fail (error, FCJ_INVALID, "The state directory's name has "
                         "a quote, backslash or line end: choose another.");
    if (mkdir (dir, 0700) < 0 && errno != EEXIST)
        return fcj_fail (error, FCJ_INTERNAL, "Cannot make %s: %s", dir,
                         strerror (errno));
    snprintf (conf, size, "%s/redis.conf", dir);
    int fd = open (conf, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
                   | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fcj_fail (error, FCJ_INTERNAL, "Cannot write %s: %s", conf,
                         strerror (errno));
    int written = dprintf (fd, s_settings, socket, dir);
    if (close (fd) < 0 || written < 0)
        return fcj_fail (error, FCJ_INTERNAL, "Cannot write %s: %s. Is the "
                         "disk full?", conf, strerror (errno));
    return 0;
}

bool fcj_redis_answers (const char *socket)
{
    struct timeval limit = { .tv_usec = 100000 };
    redisContext *context = redisConnectUnixWithTimeout (socket, limit);
    bool answers = false;
    if (context && !context->err) {
        redisSetTimeout (context, limit);
        redisReply *reply = redisCommand (context, "PING");
        answers = reply && (reply->type != REDIS_REPLY_ERROR
                            || strncmp (reply->str, "LOADING", 7) == 0);
        if (reply)
            freeReplyObject (reply);
    }
    if (context)
        redisFree (context);
    return answers;
}

bool fcj_on_path (const char *program)
{
    const char *path = getenv ("PATH");
    path = path && *path ? path : "/usr/local/bin:/usr/bin:/bin";
    while (*path) {
        size_t size = strcspn (path, ":");
        char file[4096];
        snprintf (file, sizeof file, "%.*s/%s", (int) size, path, program);
        if (size && access (file, X_OK) == 0)
            return true;
        path += size + (path[size] == ':');
    }
    return false;
}
