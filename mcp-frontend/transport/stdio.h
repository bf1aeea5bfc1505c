/*  stdio.h - MCP over standard input and output: one message a line. */

#ifndef FCJ_MCP_STDIO_H
#define FCJ_MCP_STDIO_H
#include "../front.h"

fcj_stdio_t *fcj_stdio_new (fcj_front_t *front);
void fcj_stdio_destroy (fcj_stdio_t **self_p);
/*  Reads what is there and handles each line. */
void fcj_stdio_read (fcj_stdio_t *self);
/*  Writes what is waiting. */
void fcj_stdio_write (fcj_stdio_t *self);
bool fcj_stdio_wants_write (const fcj_stdio_t *self);
/*  True when the input has ended, or nobody reads the output. */
bool fcj_stdio_over (const fcj_stdio_t *self);
/*  One message out (text taken). */
void fcj_stdio_send (fcj_stdio_t *self, char *text, size_t size);
#endif
