/*  settings.h - what settings there are, and which values they take.
 *
 *  One table for every program; config.h reads it from flags, environment and
 *  file. scripts/freecad-jobs.conf is its annotated manual and a test holds
 *  the two together.  */

#ifndef FCJ_SETTINGS_H
#define FCJ_SETTINGS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "error.h"

typedef enum {
    FCJ_SETTING_TEXT, FCJ_SETTING_NUMBER, FCJ_SETTING_BYTES,
    FCJ_SETTING_YESNO, FCJ_SETTING_LEVEL
} fcj_setting_type_t;

typedef struct {
    const char *name;
    fcj_setting_type_t type;
    const char *standard;       /* the default, as text */
    int64_t least, most;        /* of a number; most bytes of a text, 0: any */
    const char *help;
} fcj_setting_t;

#define FCJ_SETTING_SIZE 4096   /* bytes of one value, its NUL included */

/*  The table; the first is `config`, the file to read.  */
extern const fcj_setting_t fcj_settings[];
extern const size_t fcj_settings_count;

/*  Its number, or -1.  */
int fcj_setting_find (const char *name, size_t size);
/*  Checks the value of setting n; *number gets what a number, a yes or no, or
 *  a level is. `where` names the source in the error.  */
int fcj_setting_check (size_t n, const char *value, const char *where,
                       int64_t *number, fcj_error_t *error);
/*  1, 0, or -1 for a word that is neither yes nor no.  */
int fcj_setting_yes_no (const char *word);
#endif
