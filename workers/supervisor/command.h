/*  command.h - the command line of a program that the supervisor starts
 *  (fcj-zygote, fcj-native), and its start.
 *
 *  Built before the fork, because between fork and exec of a program with
 *  threads nothing may be allocated. What does not fit or finds no memory
 *  makes the whole command broken: a program that is started with half of
 *  what it was to be told is worse than none.  */

#ifndef FCJ_COMMAND_H
#define FCJ_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "world.h"

#define FCJ_COMMAND_ARGS    512
#define FCJ_COMMAND_NAMES   8           /* of the environment */

typedef struct {
    char *argv[FCJ_COMMAND_ARGS + 1];
    char *environment[FCJ_COMMAND_NAMES + 1];
    size_t argc, names;
    bool broken;
} fcj_command_t;

void fcj_command_init (fcj_command_t *self, const char *program);
/*  Frees what it holds; also of one that is zeroed.  */
void fcj_command_clear (fcj_command_t *self);
void fcj_command_arg (fcj_command_t *self, const char *flag,
                      const char *format, ...)
    __attribute__ ((format (printf, 3, 4)));
/*  The flag once for each path of "a:b", with the prefix before it.  */
void fcj_command_list (fcj_command_t *self, const char *flag,
                       const char *prefix, const char *list);
/*  "NAME=value"  */
void fcj_command_env (fcj_command_t *self, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));
/*  What both are told: walls (workers/sandbox/walls.h), and an environment
 *  from empty with a HOME of their own.  */
void fcj_command_walls (fcj_command_t *self, const fcj_world_t *world);

/*  Forks and execs it: give[] becomes its fd 3, stdout and stderr, its stdin
 *  is /dev/null, it has no other descriptor; `death` is sent to it when we
 *  die. -1 with errno.  */
pid_t fcj_command_start (const fcj_command_t *self, const int give[3],
                         int death);
#endif
