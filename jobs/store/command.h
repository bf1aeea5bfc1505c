/*  command.h - a growing buffer of Redis commands, and the names of keys.
 *
 *  Begin a command, add its words, end it; any number of commands follow each
 *  other. Words may hold any bytes.  */

#ifndef FCJ_COMMAND_H
#define FCJ_COMMAND_H
#include <stddef.h>
#include <stdint.h>

typedef struct fcj_command fcj_command_t;

fcj_command_t *fcj_command_new (void);
void fcj_command_destroy (fcj_command_t **self_p);
void fcj_command_begin (fcj_command_t *self, const char *word);
/*  Begins the call of a function of fcj.lua with so many keys.  */
void fcj_command_function (fcj_command_t *self, const char *name, int keys);
void fcj_command_add (fcj_command_t *self, const void *bytes, size_t size);
void fcj_command_str (fcj_command_t *self, const char *word); /* NULL: "" */
void fcj_command_int (fcj_command_t *self, int64_t number);
/*  The key `{fcj:0}:<kind><name>`, as in key (self, "job:", id).  */
void fcj_command_key (fcj_command_t *self, const char *kind, const char *name);
void fcj_command_idem (fcj_command_t *self, const char *owner,
                       const char *hash);
/*  A share of the whole: from 0 to 1, whatever was given.  */
void fcj_command_fraction (fcj_command_t *self, double fraction);
void fcj_command_end (fcj_command_t *self);

const char *fcj_command_data (const fcj_command_t *self);
size_t fcj_command_size (const fcj_command_t *self);
int fcj_command_count (const fcj_command_t *self);
#endif
