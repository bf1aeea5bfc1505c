/*  fuzz_frames.c - what a job's process writes to its supervisor: frames in
 *  pieces of any size, and a map in each. However the bytes are cut, the same
 *  frames come out.
 *
 *  Input: a byte that says how to cut, then the stream.  */

#include "jobs/codec.h"
#include "workers/common/frame.h"
#include <stdlib.h>

#define FRAME_BYTES 4096

/*  Feeds the bytes in pieces; the sum of the frames, -1 for a bad stream. */
static long s_feed (const uint8_t *data, size_t size, size_t piece)
{
    fcj_frames_t *frames = fcj_frames_new (FRAME_BYTES);
    long sum = 0;
    for (size_t at = 0; at < size && sum >= 0; at += piece) {
        const void *bytes;
        size_t count = size - at < piece? size - at: piece, length;
        int more;
        if (fcj_frames_feed (frames, data + at, count) != 0) {
            sum = -1;
            break;
        }
        while ((more = fcj_frames_next (frames, &bytes, &length)) > 0) {
            if (length > FRAME_BYTES)
                abort ();
            fcj_map_t *map = fcj_map_new (bytes, length);
            sum += 1000 + (long) length + (map != NULL);
            fcj_map_destroy (&map);
        }
        if (more < 0)
            sum = -1;
    }
    fcj_frames_destroy (&frames);
    return sum;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t piece = data[0]? data[0]: 1;
    long whole = s_feed (data + 1, size - 1, size);
    long cut = s_feed (data + 1, size - 1, piece);
    if (whole != cut)
        abort ();
    return 0;
}
