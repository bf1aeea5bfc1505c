/*  usage.h - how a program that takes settings only begins: broker, worker,
 *  front-end. What the reader of settings left over is no setting.  */

#ifndef FCJ_USAGE_H
#define FCJ_USAGE_H
#include "config.h"

/*  The settings, read out of argv, and the log opened as they say, with `part`
 *  in each line. NULL: the program is over with *status (--help, --version,
 *  or a word that is no setting), and what is to be said has been said.  */
fcj_config_t *fcj_usage_config (const char *program, const char *part,
                                int argc, char **argv, int *status);

#endif
