/*  listen.h - the socket and the certificate of HTTP.
 *
 *  An address that others can reach is refused while whoever reaches us could
 *  do anything.  */

#ifndef FCJ_MCP_LISTEN_H
#define FCJ_MCP_LISTEN_H
#include "../front.h"

/*  A listening descriptor for "host:port" ("" before the colon: loopback),
 *  or -1 with *error. */
int fcj_listen (const fcj_front_t *front, const char *address,
                fcj_error_t *error);
/*  Says where it listens: the port may have been 0. */
void fcj_listen_log (int fd);
/*  tls-cert and tls-key as text, to be freed; both NULL: no TLS. */
int fcj_listen_tls (const fcj_config_t *config, char **cert_pem,
                    char **key_pem, fcj_error_t *error);
#endif
