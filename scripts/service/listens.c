/*  listens.c - see listens.h.  */

#include "listens.h"
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TRY_MS 100

static bool s_connects (const struct addrinfo *to)
{
    int fd = socket (to->ai_family, SOCK_STREAM | SOCK_CLOEXEC
                     | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    int failure = 0;
    socklen_t size = sizeof failure;
    bool there = connect (fd, to->ai_addr, to->ai_addrlen) == 0;
    if (!there && errno == EINPROGRESS) {
        struct pollfd wait = { .fd = fd, .events = POLLOUT };
        there = poll (&wait, 1, TRY_MS) == 1
                && getsockopt (fd, SOL_SOCKET, SO_ERROR, &failure, &size) == 0
                && failure == 0;
    }
    close (fd);
    return there;
}

bool fcj_listens (const char *address)
{
    char host[256];
    const char *port = strrchr (address, ':');
    if (!port || strlen (address) >= sizeof host)
        return false;
    size_t skip = *address == '[', size = (size_t) (port - address);
    size -= size > 2 && skip ? 2 : 0;
    memcpy (host, address + skip, size);
    host[size] = 0;
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    if (getaddrinfo (*host ? host : "127.0.0.1", port + 1, &hints, &found))
        return false;
    bool there = s_connects (found);
    freeaddrinfo (found);
    return there;
}
