/*  paths.h - where things lie; config.c's other half, nobody else's.  */

#ifndef FCJ_PATHS_H
#define FCJ_PATHS_H
#include "config.h"

typedef struct fcj_paths fcj_paths_t;

/*  Works out every path of fcj_config_path() and makes the directories that
 *  are ours, but for the scratch. The strings of config are read, not kept.  */
fcj_paths_t *fcj_paths_new (const fcj_config_t *config, fcj_error_t *error);
void fcj_paths_destroy (fcj_paths_t **self_p);
const char *fcj_paths_get (const fcj_paths_t *self, const char *which);

/*  The scratch, which may lie outside of the state directory: only who puts
 *  something there makes it, so that nobody else leaves it behind.  */
int fcj_paths_make_scratch (const fcj_paths_t *self, fcj_error_t *error);

/*  The user's home directory: HOME, else the password file's.  */
const char *fcj_paths_home (void);
#endif
