/*  usage.c - what one job used of a process that runs many.
 *
 *  The kernel's high-water mark is of the whole life of the process. Writing
 *  5 to clear_refs sets it back, which is done only when it is far above what
 *  is resident: for a job of a fifth of a millisecond that would be dear.  */

#include "native.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define FAR_BYTES   (16L << 20)
#define LONG_MS     20          /* shorter jobs are not looked at closely */

static int s_statm = -1, s_status = -1, s_clear = -1;
static int64_t s_cpu_us, s_peak, s_before;

void
fcj_usage_open (void)
{
    s_statm = open ("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    s_status = open ("/proc/self/status", O_RDONLY | O_CLOEXEC);
    s_clear = open ("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
}

static int64_t
s_pages (int field)
{
    char text[128] = "", *at = text;
    if (pread (s_statm, text, sizeof text - 1, 0) <= 0)
        return 0;
    int64_t value = 0;
    for (int i = 0; i <= field; i++)
        value = strtoll (at, &at, 10);
    return value * sysconf (_SC_PAGESIZE);
}

int64_t
fcj_usage_size (void)
{
    return s_pages (0);
}

int64_t
fcj_usage_resident (void)
{
    return s_pages (1);
}

static int64_t
s_high_water (void)
{
    char text[4096] = "";
    if (pread (s_status, text, sizeof text - 1, 0) <= 0)
        return 0;
    const char *at = strstr (text, "\nVmHWM:");
    return at ? strtoll (at + 7, NULL, 10) * 1024 : 0;
}

static int64_t
s_cpu (void)
{
    struct rusage use;
    getrusage (RUSAGE_SELF, &use);
    return (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000
        + use.ru_utime.tv_usec + use.ru_stime.tv_usec;
}

void
fcj_usage_begin (void)
{
    s_cpu_us = s_cpu ();
    s_before = fcj_usage_resident ();
    if (s_peak > s_before + FAR_BYTES && pwrite (s_clear, "5", 1, 0) == 1)
        s_peak = s_before;
}

void
fcj_usage_end (int64_t *cpu_ms, int64_t *memory)
{
    int64_t cpu = s_cpu () - s_cpu_us, now = fcj_usage_resident ();
    *cpu_ms = cpu / 1000;
    *memory = now > s_before ? now : s_before;
    if (*cpu_ms < LONG_MS)
        return;
    s_peak = s_high_water ();
    if (s_peak > *memory)
        *memory = s_peak;
}
