/*  frame.c - see frame.h.  */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../jobs/job.h"
#include "../common/frame.h"

struct fcj_frames {
    unsigned char *bytes;
    size_t room, from, to, max;
};

typedef union {
    struct cmsghdr head;
    char room[CMSG_SPACE (sizeof (int) * FCJ_FDS_MAX)];
} control_t;

#define READ_CHUNK  (64 * 1024)
/*  A buffer that a big message has grown is given back when it is empty.  */
#define KEEP_MAX    (256 * 1024)
#define BYTES_A_MS  4096        /* what a reader takes at least */

fcj_frames_t *
fcj_frames_new (size_t max)
{
    fcj_frames_t *self = calloc (1, sizeof *self);
    if (self)
        self->max = max;
    return self;
}

void
fcj_frames_destroy (fcj_frames_t **self_p)
{
    if (*self_p) {
        free ((*self_p)->bytes);
        free (*self_p);
        *self_p = NULL;
    }
}

static int
s_reserve (fcj_frames_t *self, size_t more)
{
    if (self->from == self->to) {
        self->from = self->to = 0;
        if (self->room > KEEP_MAX) {
            free (self->bytes);
            self->bytes = NULL;
            self->room = 0;
        }
    }
    if (self->room - self->to >= more)
        return 0;
    if (self->from) {
        memmove (self->bytes, self->bytes + self->from,
                 self->to - self->from);
        self->to -= self->from;
        self->from = 0;
        if (self->room - self->to >= more)
            return 0;
    }
    size_t room = self->room ? self->room : 4096;
    while (room - self->to < more)
        room *= 2;
    unsigned char *bytes = realloc (self->bytes, room);
    if (!bytes)
        return -1;
    self->bytes = bytes;
    self->room = room;
    return 0;
}

int
fcj_frames_read (fcj_frames_t *self, int fd)
{
    if (s_reserve (self, self->to - self->from >= 4096 ? READ_CHUNK : 4096))
        return -1;
    ssize_t got = recv (fd, self->bytes + self->to, self->room - self->to,
                        MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    if (got == 0)
        return -1;
    self->to += (size_t) got;
    return 1;
}

int
fcj_frames_feed (fcj_frames_t *self, const void *bytes, size_t size)
{
    if (size == 0)
        return 0;               /* perhaps there is no buffer yet */
    if (s_reserve (self, size))
        return -1;
    memcpy (self->bytes + self->to, bytes, size);
    self->to += size;
    return 0;
}

static size_t
s_length (const unsigned char *head)
{
    return (size_t) head[0] << 24 | (size_t) head[1] << 16
           | (size_t) head[2] << 8 | (size_t) head[3];
}

int
fcj_frames_next (fcj_frames_t *self, const void **bytes, size_t *size)
{
    size_t have = self->to - self->from;
    if (have < FCJ_FRAME_HEAD)
        return 0;
    size_t length = s_length (self->bytes + self->from);
    if (length > self->max)
        return -1;
    if (have < FCJ_FRAME_HEAD + length)
        return 0;
    *bytes = self->bytes + self->from + FCJ_FRAME_HEAD;
    *size = length;
    self->from += FCJ_FRAME_HEAD + length;
    return 1;
}

static void
s_attach (struct msghdr *message, control_t *control, const int *fds, size_t n)
{
    if (n == 0)
        return;
    memset (control, 0, sizeof *control);
    message->msg_control = control;
    message->msg_controllen = CMSG_SPACE (sizeof (int) * n);
    struct cmsghdr *head = CMSG_FIRSTHDR (message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN (sizeof (int) * n);
    memcpy (CMSG_DATA (head), fds, sizeof (int) * n);
}

/*  Descriptors that came along; those for which there is no room are closed,
 *  so that no peer can fill our table.  */
static void
s_detach (struct msghdr *message, int *fds, size_t room, size_t *n)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR (message); head;
         head = CMSG_NXTHDR (message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (head->cmsg_len - CMSG_LEN (0)) / sizeof (int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy (&fd, CMSG_DATA (head) + i * sizeof fd, sizeof fd);
            if (*n < room)
                fds[(*n)++] = fd;
            else
                close (fd);
        }
    }
}

/*  Until fd takes more, or the time is over.  */
static int
s_wait_writable (int fd, int64_t until)
{
    struct pollfd writable = { .fd = fd, .events = POLLOUT };
    int64_t left = until < 0 ? -1 : until - fcj_mono_ms ();
    int ready = until >= 0 && left <= 0 ? 0
        : poll (&writable, 1, (int) left);
    if (ready == 0)
        errno = ETIMEDOUT;
    return ready > 0 || (ready < 0 && errno == EINTR) ? 0 : -1;
}

int
fcj_frame_send (int fd, const void *bytes, size_t size, const int *fds,
                size_t n, int timeout_ms)
{
    unsigned char head[FCJ_FRAME_HEAD] = {
        (unsigned char) (size >> 24), (unsigned char) (size >> 16),
        (unsigned char) (size >> 8), (unsigned char) size };
    control_t control;
    size_t sent = 0, all = size + FCJ_FRAME_HEAD;
    int64_t until = timeout_ms < 0 ? -1
        : fcj_mono_ms () + timeout_ms + (int64_t) (size / BYTES_A_MS);
    int flags = MSG_NOSIGNAL | (timeout_ms < 0 ? 0 : MSG_DONTWAIT);

    if (n > FCJ_FDS_MAX || size > UINT32_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    while (sent < all) {
        struct iovec part[2];
        struct msghdr message = { .msg_iov = part, .msg_iovlen = 1 };
        if (sent < FCJ_FRAME_HEAD) {
            part[0] = (struct iovec) { head + sent, FCJ_FRAME_HEAD - sent };
            part[1] = (struct iovec) { (void *) (uintptr_t) bytes, size };
            message.msg_iovlen = 2;
        } else {
            size_t done = sent - FCJ_FRAME_HEAD;
            part[0] = (struct iovec) {
                (char *) (uintptr_t) bytes + done, size - done };
        }
        if (sent == 0)
            s_attach (&message, &control, fds, n);
        ssize_t put = sendmsg (fd, &message, flags);
        if (put > 0) {
            sent += (size_t) put;
            continue;
        }
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0 && errno != EAGAIN)
            return -1;
        if (s_wait_writable (fd, until))
            return -1;
    }
    return 0;
}

static int
s_recv_all (int fd, void *buffer, size_t size, int *fds, size_t room,
            size_t *n)
{
    size_t got = 0;
    while (got < size) {
        control_t control;
        struct iovec part = { (char *) buffer + got, size - got };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1,
            .msg_control = &control, .msg_controllen = sizeof control };
        ssize_t count = recvmsg (fd, &message, MSG_CMSG_CLOEXEC);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -1;
        s_detach (&message, fds, room, n);
        if (count == 0) {
            errno = ECONNRESET;
            return -1;
        }
        got += (size_t) count;
    }
    return 0;
}

int
fcj_frame_recv (int fd, size_t max, void **bytes, size_t *size,
                int *fds, size_t *n)
{
    unsigned char head[FCJ_FRAME_HEAD];
    size_t room = *n;

    *n = 0;
    if (s_recv_all (fd, head, sizeof head, fds, room, n))
        return -1;
    *size = s_length (head);
    if (*size > max) {
        errno = EMSGSIZE;
        return -1;
    }
    *bytes = malloc (*size + 1);
    if (!*bytes)
        return -1;
    if (s_recv_all (fd, *bytes, *size, fds, room, n)) {
        free (*bytes);
        *bytes = NULL;
        return -1;
    }
    return 0;
}

int
fcj_packet_send (int fd, const void *bytes, size_t size,
                 const int *fds, size_t n)
{
    control_t control;
    struct iovec part = { (void *) (uintptr_t) bytes, size };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

    if (size > FCJ_PACKET_MAX || n > FCJ_FDS_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    s_attach (&message, &control, fds, n);
    ssize_t put;
    do
        put = sendmsg (fd, &message, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    return put < 0 ? -1 : 0;
}

ssize_t
fcj_packet_recv (int fd, void *buffer, size_t size, int *fds, size_t *n)
{
    control_t control;
    struct iovec part = { buffer, size };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1,
        .msg_control = &control, .msg_controllen = sizeof control };
    size_t room = *n;

    *n = 0;
    ssize_t got;
    do
        got = recvmsg (fd, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -1;
    s_detach (&message, fds, room, n);
    if (message.msg_flags & MSG_TRUNC) {
        for (size_t i = 0; i < *n; i++)
            close (fds[i]);
        *n = 0;
        errno = EMSGSIZE;
        return -1;
    }
    return got;
}
