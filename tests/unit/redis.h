/*  redis.h - a real redis-server of a test's own, on a private socket.  */

#ifndef FCJ_TEST_REDIS_H
#define FCJ_TEST_REDIS_H
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    char dir[64], socket[96], url[128];
    pid_t pid;
} test_redis_t;

static inline bool test_redis_answers (const char *path)
{
    struct sockaddr_un address = {0};
    address.sun_family = AF_UNIX;
    snprintf (address.sun_path, sizeof (address.sun_path), "%s", path);
    int fd = socket (AF_UNIX, SOCK_STREAM, 0);
    bool up = connect (fd, (struct sockaddr *) &address,
                       sizeof (address)) == 0;
    char reply[8] = "";
    if (up && write (fd, "PING\r\n", 6) == 6)
        up = read (fd, reply, 7) > 0 && strncmp (reply, "+PONG", 5) == 0;
    close (fd);
    return up;
}

/*  Starts it in the same directory, with what it had on disk.  */
static inline bool test_redis_start (test_redis_t *self)
{
    self->pid = fork ();
    if (self->pid == 0) {
        prctl (PR_SET_PDEATHSIG, SIGKILL);
        if (!freopen ("/dev/null", "w", stdout))
            _exit (126);
        execlp ("redis-server", "redis-server", "--port", "0", "--unixsocket",
                self->socket, "--dir", self->dir, "--appendonly", "yes",
                "--appendfsync", "always", "--save", "",
                "--hash-max-listpack-value", "4096", (char *) NULL);
        _exit (127);
    }
    for (int n = 0; n < 1000; n++, usleep (10000))
        if (test_redis_answers (self->socket))
            return true;
    return false;
}

static inline bool test_redis_new (test_redis_t *self)
{
    snprintf (self->dir, sizeof (self->dir), "/tmp/fcj-test-XXXXXX");
    if (!mkdtemp (self->dir))
        return false;
    snprintf (self->socket, sizeof (self->socket), "%s/redis.sock", self->dir);
    snprintf (self->url, sizeof (self->url), "unix://%s", self->socket);
    return test_redis_start (self);
}

static inline void test_redis_kill (test_redis_t *self)
{
    kill (self->pid, SIGKILL);
    waitpid (self->pid, NULL, 0);
}

static inline void test_redis_destroy (test_redis_t *self)
{
    char command[128];
    test_redis_kill (self);
    snprintf (command, sizeof (command), "rm -rf '%s'", self->dir);
    if (system (command) != 0)
        perror ("rm");
}
#endif
