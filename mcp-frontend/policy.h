/*  policy.h - by which names we may be spoken to over HTTP.
 *
 *  Host and Origin against the names we go by: a page of a hostile site that
 *  had its name point to us (DNS rebinding) still says its own name. Who is
 *  speaking is auth.h's.  */

#ifndef FCJ_MCP_POLICY_H
#define FCJ_MCP_POLICY_H
#include <stdbool.h>

typedef struct fcj_policy fcj_policy_t;

/*  hosts: names besides loopback, comma separated, and the host of
 *  public_url; both may be "". */
fcj_policy_t *fcj_policy_new (const char *hosts, const char *public_url);
void fcj_policy_destroy (fcj_policy_t **self_p);
/*  Both may be NULL (header absent). */
bool fcj_policy_host (const fcj_policy_t *self, const char *host);
bool fcj_policy_origin (const fcj_policy_t *self, const char *origin);
#endif
