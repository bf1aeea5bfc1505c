/*  policy.h - who may speak to us over HTTP.
 *
 *  Host and Origin against the names we go by (DNS rebinding), bearer tokens
 *  against a file of `subject:token` or `subject:blake2b:<64 hex>` lines
 *  (the BLAKE2b-256 of the token). A public address without tokens is
 *  refused at the start.  */

#ifndef FCJ_MCP_POLICY_H
#define FCJ_MCP_POLICY_H
#include <stdbool.h>
#include "../jobs/error.h"

typedef struct fcj_policy fcj_policy_t;

/*  token_file "" or NULL: no tokens. hosts: further names, comma separated.
 *  user: the owner of requests when there are no tokens. */
fcj_policy_t *fcj_policy_new (const char *token_file, const char *hosts,
                              const char *user, fcj_error_t *error);
void fcj_policy_destroy (fcj_policy_t **self_p);
bool fcj_policy_has_tokens (const fcj_policy_t *self);
/*  Both may be NULL (header absent). */
bool fcj_policy_host (const fcj_policy_t *self, const char *host);
bool fcj_policy_origin (const fcj_policy_t *self, const char *origin);
/*  The owner that an Authorization header stands for; NULL: refused. */
const char *fcj_policy_owner (const fcj_policy_t *self,
                              const char *authorization);
#endif
