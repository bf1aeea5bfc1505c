/*  host.h - the GUI host, between its files: host.c starts and ends it,
 *  hostsay.c is the conversation, hostinfo.c what is known of its documents
 *  and snapshots.  */

#ifndef FCJ_SUPERVISOR_HOST_H
#define FCJ_SUPERVISOR_HOST_H

#include "display.h"
#include "world.h"

typedef enum {
    FCJ_HOST_OFF, FCJ_HOST_DISPLAY, FCJ_HOST_SAVING, FCJ_HOST_STARTING,
    FCJ_HOST_UP
} fcj_host_state_t;

struct fcj_host {
    fcj_host_state_t state;
    fcj_display_t display;
    fcj_process_t *process;
    pid_t pid;
    int64_t deadline, started, start_again;
    int failures, restarts, restores;
    char snapshots[PATH_MAX], restored[PATH_MAX];
    char why[512], error[1024], aside[1024];    /* aside: see s_choose */
    bool paused, holder, told, given_up;
    char *info, *catalogue, *problems;  /* problems: what was not restored */
    int64_t reload_req, jobs;
    fcj_map_t *documents, *snapshot, *saved;    /* as they came; copies */
    char *documents_bytes, *snapshot_bytes, *saved_bytes;
};

/*  A map of a message, kept: the keys of it that are named.  */
void fcj_host_keep (fcj_map_t **map, char **bytes, const fcj_map_t *message,
                    const char *const *keys, size_t count);
/*  The snapshot that was being written is complete, or never will be.  */
void fcj_host_look_at_snapshot (fcj_world_t *world);
#endif
