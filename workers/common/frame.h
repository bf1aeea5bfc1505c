/*  frame.h - the two local wires of a worker (workers/PROTOCOL.md).
 *
 *  A stream between supervisor and job process carries messages of 4 bytes
 *  big-endian length and that many bytes; descriptors may ride along with
 *  the first byte. Packets between supervisor and zygote are whole, at most
 *  64 KiB. Nothing here trusts what it reads: a length over the bound is an
 *  error of that peer, never an allocation.  */

#ifndef FCJ_FRAME_H
#define FCJ_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FCJ_FRAME_HEAD  4
#define FCJ_PACKET_MAX  (64 * 1024)
/*  SCM_MAX_FD of the kernel is 253: no message carries more.  */
#define FCJ_FDS_MAX     250

/* ---- Reading a stream -------------------------------------------------- */

typedef struct fcj_frames fcj_frames_t;

/*  max: longest message accepted.  */
fcj_frames_t *fcj_frames_new (size_t max);
void fcj_frames_destroy (fcj_frames_t **self_p);

/*  Reads once from a non-blocking fd. 1: bytes came, ask _next; 0: nothing
 *  there now; -1: end of stream or error.  */
int fcj_frames_read (fcj_frames_t *self, int fd);
/*  The same from memory, for tests. -1 when out of memory.  */
int fcj_frames_feed (fcj_frames_t *self, const void *bytes, size_t size);
/*  1 and the next whole message, valid until the next read or feed; 0 when
 *  there is none yet; -1 when the peer announced one that is too long.  */
int fcj_frames_next (fcj_frames_t *self, const void **bytes, size_t *size);

/* ---- Sending and receiving --------------------------------------------- */

/*  Sends one framed message and n descriptors (they stay the caller's),
 *  whether the socket blocks or not. A peer that does not read is given up
 *  after timeout_ms in all, and a millisecond more for each 4 KiB: -1 with
 *  errno, and the stream is of no use any more, for a part may have gone.
 *  timeout_ms -1: forever.  */
int fcj_frame_send (int fd, const void *bytes, size_t size,
                    const int *fds, size_t n, int timeout_ms);
/*  Blocking read of one whole message, for the job process. Allocates
 *  *bytes (caller frees); up to *n descriptors into fds, *n is set.  */
int fcj_frame_recv (int fd, size_t max, void **bytes, size_t *size,
                    int *fds, size_t *n);

/*  One packet of a SOCK_SEQPACKET socket, with descriptors.  */
int fcj_packet_send (int fd, const void *bytes, size_t size,
                     const int *fds, size_t n);
/*  Bytes read; 0 at the end of file; -1 with errno (EAGAIN: none now,
 *  EMSGSIZE: too long, dropped). *n: room in fds, then how many came.  */
ssize_t fcj_packet_recv (int fd, void *buffer, size_t size,
                         int *fds, size_t *n);
#endif
