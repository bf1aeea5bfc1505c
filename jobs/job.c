/*  job.c - names, identity and time.  */

#include "job.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const s_states[FCJ_STATE_COUNT] = {
    "queued", "running", "completed", "failed", "cancelled"};
static const char *const s_lanes[FCJ_LANE_COUNT] = {"compute", "gui"};
static const char *const s_priorities[FCJ_PRIORITY_COUNT] = {"high", "normal",
                                                             "low"};

static const char *s_name (const char *const *names, int count, int n)
{
    return n >= 0 && n < count ? names[n] : "unknown";
}

static int s_find (const char *const *names, int count, const char *name)
{
    for (int n = 0; name && n < count; n++)
        if (strcmp (names[n], name) == 0)
            return n;
    return -1;
}

const char *fcj_state_name (fcj_state_t state)
{
    return s_name (s_states, FCJ_STATE_COUNT, (int) state);
}

const char *fcj_lane_name (fcj_lane_t lane)
{
    return s_name (s_lanes, FCJ_LANE_COUNT, (int) lane);
}

const char *fcj_priority_name (fcj_priority_t priority)
{
    return s_name (s_priorities, FCJ_PRIORITY_COUNT, (int) priority);
}

int fcj_state_of (const char *name)
{
    return s_find (s_states, FCJ_STATE_COUNT, name);
}

int fcj_lane_of (const char *name)
{
    return s_find (s_lanes, FCJ_LANE_COUNT, name);
}

int fcj_priority_of (const char *name)
{
    return s_find (s_priorities, FCJ_PRIORITY_COUNT, name);
}

void fcj_id_new (fcj_id_t id)
{
    unsigned char b[16];
    randombytes_buf (b, sizeof (b));
    b[6] = (unsigned char) ((b[6] & 0x0f) | 0x40); /* version 4 */
    b[8] = (unsigned char) ((b[8] & 0x3f) | 0x80); /* RFC 4122 variant */
    static const char digits[] = "0123456789abcdef";
    char *out = id;
    for (int n = 0; n < 16; n++) {
        if (n == 4 || n == 6 || n == 8 || n == 10)
            *out++ = '-';
        *out++ = digits[b[n] >> 4];
        *out++ = digits[b[n] & 15];
    }
    *out = 0;
}

void fcj_token_new (fcj_token_t token)
{
    unsigned char bytes[FCJ_TOKEN_LEN / 2];
    randombytes_buf (bytes, sizeof (bytes));
    sodium_bin2hex (token, FCJ_TOKEN_LEN + 1, bytes, sizeof (bytes));
}

bool fcj_id_valid (const char *text)
{
    static const char shape[] = "xxxxxxxx-xxxx-4xxx-vxxx-xxxxxxxxxxxx";
    if (!text)
        return false;
    for (size_t n = 0; n < FCJ_ID_LEN; n++) {
        char want = shape[n];
        const char *allowed = want == 'x'   ? "0123456789abcdef"
                              : want == 'v' ? "89ab"
                              : want == '4' ? "4"
                                            : "-";
        if (!text[n] || !strchr (allowed, text[n]))
            return false;
    }
    return text[FCJ_ID_LEN] == 0;
}

static int64_t s_ms (clockid_t clock)
{
    struct timespec now;
    clock_gettime (clock, &now);
    return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t fcj_now_ms (void)
{
    return s_ms (CLOCK_REALTIME);
}

int64_t fcj_mono_ms (void)
{
    return s_ms (CLOCK_MONOTONIC);
}
