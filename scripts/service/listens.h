/*  listens.h - whether somebody listens on a host:port.  */

#ifndef FCJ_LISTENS_H
#define FCJ_LISTENS_H
#include <stdbool.h>

/*  Tries it, for 100 ms at most. No host: loopback; brackets around IPv6.  */
bool fcj_listens (const char *address);

#endif
