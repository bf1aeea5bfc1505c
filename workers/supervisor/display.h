/*  display.h - where FreeCAD's window is shown (display.c).  */

#ifndef FCJ_DISPLAY_H
#define FCJ_DISPLAY_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "../../jobs/error.h"

typedef struct {
    char name[64];              /* ":7"; "" until it is known */
    char number[16];            /* as far as it has been told */
    char authority[PATH_MAX];   /* of our own server */
    pid_t pid;                  /* of our own server; 0: none */
    int fd;                     /* it tells its number here; -1: told */
} fcj_display_t;

/*  Somebody listens there.  */
bool fcj_display_answers (const char *display);

/*  Starts an Xvfb; its cookie goes to directory. Then ask _ready until it is
 *  true, or pid is gone (fcj_display_ended).  */
int fcj_display_start (fcj_display_t *self, const char *directory,
                       fcj_error_t *error);
bool fcj_display_ready (fcj_display_t *self);
void fcj_display_ended (fcj_display_t *self);
void fcj_display_stop (fcj_display_t *self);
#endif
