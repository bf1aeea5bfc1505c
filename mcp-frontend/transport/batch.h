/*  batch.h - an array of messages, as clients of 2025-03-26 and 2024-11-05
 *  may send: the answers come as one array when the last is there.  */

#ifndef FCJ_MCP_BATCH_H
#define FCJ_MCP_BATCH_H
#include "../protocol/era.h"

#define FCJ_BATCH_MAX 64

/*  root is taken; the sink is answered. */
void fcj_batch (fcj_front_t *front, const fcj_sink_t *sink,
                const char *owner, const fcj_headers_t *headers,
                json_t *root);
#endif
