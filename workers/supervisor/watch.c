/*  watch.c - how much memory each running job holds, every 100 ms, and
 *  processes that left their job.
 *
 *  Resident pages are cheap to read but count what forks share with each
 *  other and the zygote once each; only when their sum is over the limit the
 *  exact (and slow) proportional set is asked.  */

#include "world.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../jobs/log.h"

#define MEMBERS_MAX  16384      /* all slots', each with all it may have */
#define ORPHANS_MS   1000
#define RESCAN_MS    500        /* who belongs to which group */

typedef struct {
    pid_t pid, parent, group;
} member_t;

static member_t s_members[MEMBERS_MAX];
static int s_member_count;

static ssize_t
s_slurp (int pid, const char *what, char *text, size_t size)
{
    char path[64];
    snprintf (path, sizeof path, "/proc/%d/%s", pid, what);
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd >= 0 ? read (fd, text, size - 1) : -1;
    if (fd >= 0)
        close (fd);
    text[got > 0 ? got : 0] = 0;
    return got;
}

/*  Of a job's group, or left to us. */
static bool
s_matters (const fcj_world_t *world, const member_t *one)
{
    bool ours = one->parent == getpid ();
    for (int i = 0; i < FCJ_PROCESSES && !ours; i++)
        ours = world->processes[i].state != FCJ_P_FREE
            && world->processes[i].pid == one->group;
    return ours;
}

static void
s_scan (const fcj_world_t *world)
{
    DIR *all = opendir ("/proc");
    struct dirent *entry;
    s_member_count = 0;
    while (all && (entry = readdir (all)) && s_member_count < MEMBERS_MAX) {
        if (!isdigit ((unsigned char) entry->d_name[0]))
            continue;
        char text[512];
        member_t *one = &s_members[s_member_count];
        one->pid = atoi (entry->d_name);
        if (s_slurp (one->pid, "stat", text, sizeof text) <= 0)
            continue;
        const char *at = strrchr (text, ')');
        if (at && sscanf (at + 1, " %*c %d %d", &one->parent, &one->group)
            == 2 && s_matters (world, one))
            s_member_count++;
    }
    if (all)
        closedir (all);
}

static int64_t
s_resident (int pid)
{
    char text[128];
    long size, resident;
    if (s_slurp (pid, "statm", text, sizeof text) <= 0
        || sscanf (text, "%ld %ld", &size, &resident) != 2)
        return 0;
    return resident * sysconf (_SC_PAGESIZE);
}

static int64_t
s_proportional (int pid)
{
    char text[2048];
    const char *at = s_slurp (pid, "smaps_rollup", text, sizeof text) > 0
        ? strstr (text, "\nPss:") : NULL;
    return at ? strtoll (at + 5, NULL, 10) * 1024 : s_resident (pid);
}

static int64_t
s_group (pid_t leader, int64_t (*measure) (int pid))
{
    int64_t sum = measure (leader);
    for (int i = 0; i < s_member_count; i++)
        if (s_members[i].group == leader && s_members[i].pid != leader)
            sum += measure (s_members[i].pid);
    return sum;
}

static void
s_check (fcj_world_t *world, fcj_worker_job_t *job)
{
    /*  What a native process kept from the jobs before is not this one's. */
    int64_t kept = job->process->native
        ? job->process->resident - job->process->fresh : 0;
    kept = kept > 0 ? kept : 0;
    int64_t used = s_group (job->process->pid, s_resident) - kept;
    if (used > job->memory_max)
        used = s_group (job->process->pid, s_proportional) - kept;
    if (used > job->memory)
        job->memory = used;
    if (used > job->memory_max && job->process->pid)
        fcj_job_stop (world, job, FCJ_MEMORY);
}

/*  We are the subreaper: whose parent died comes to us. In the sandbox such
 *  a process is still in its job's group and ends with it; without, it may
 *  have left, and belongs to nobody.  */
static void
s_orphans (fcj_world_t *world)
{
    for (int i = 0; i < s_member_count; i++) {
        const member_t *one = &s_members[i];
        bool known = one->parent != getpid ();
        for (int n = 0; n < FCJ_ZYGOTES && !known; n++)
            known = world->zygotes[n].pid == one->pid;
        for (int n = 0; n < FCJ_PROCESSES && !known; n++)
            known = world->processes[n].pid == one->group
                && (world->processes[n].state == FCJ_P_RUNNING
                    || (world->processes[n].native
                        && world->processes[n].state != FCJ_P_FREE));
        if (known || one->group == getpgrp ())
            continue;
        fcj_log (FCJ_WARNING, "orphan_killed", NULL);
        kill (one->pid, SIGKILL);
    }
}

void
fcj_watch_tick (fcj_world_t *world)
{
    static int64_t last, scanned, orphans;
    if (world->now - last < FCJ_WATCH_MS)
        return;
    last = world->now;
    bool any = false;
    for (int i = 0; i < FCJ_JOBS && !any; i++)
        any = world->jobs[i].state == FCJ_J_RUNNING
            && world->jobs[i].process;
    /*  A snapshot of the window is an orphan when its host has died.  */
    bool look = world->now - orphans >= ORPHANS_MS && !world->host;
    if ((any && world->now - scanned >= RESCAN_MS)
        || (look && !world->options.sandbox)) {
        s_scan (world);
        scanned = world->now;
        if (look)
            s_orphans (world);
        orphans = look ? world->now : orphans;
    }
    for (int i = 0; i < FCJ_JOBS && any; i++)
        if (world->jobs[i].state == FCJ_J_RUNNING && world->jobs[i].process
            && !world->jobs[i].stop)
            s_check (world, &world->jobs[i]);
}
