/*  seal.h - a requestState: what a handler keeps between two rounds, carried
 *  by the client, who can neither read nor change it.
 *
 *  "1." and base64url of nonce and secretbox of {owner, until, what, state};
 *  what: BLAKE2b of method, name and arguments, so that a state fits one
 *  request of one owner, for FCJ_SEAL_S. The key is in Redis, made by the
 *  first front-end, so that any of them opens what another sealed.  */

#ifndef FCJ_MCP_SEAL_H
#define FCJ_MCP_SEAL_H
#include "../call.h"

#define FCJ_SEAL_S   3600
#define FCJ_SEAL_MAX (64 * 1024)        /* characters */

/*  state is borrowed. NULL and *error when there is no key. malloc'ed. */
char *fcj_seal (const fcj_call_t *call, const json_t *state,
                fcj_error_t *error);
/*  The state, owned by the caller; NULL and *error when it is not ours, of
 *  another request or owner, or too old. */
json_t *fcj_seal_open (const fcj_call_t *call, const char *sealed,
                       fcj_error_t *error);
#endif
