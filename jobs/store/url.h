/*  url.h - where Redis is, as its URL says it.
 *
 *      unix://[user:password@]/path/redis.sock[?db=N]
 *      redis://[user:password@]host[:port][/N]       rediss:// with TLS
 *
 *  The user may be missing (":password@"); %xx stands for a byte of user and
 *  password. What is not understood is refused: a database that was meant
 *  otherwise would be somebody else's.  */

#ifndef FCJ_URL_H
#define FCJ_URL_H
#include <stdbool.h>

typedef struct {
    char *host, *port;          /* or path, then neither */
    char *path;
    char *user, *password;      /* NULL: none */
    int db;
    bool tls;
} fcj_url_t;

/*  0, or -1 for what is no such URL; to be freed in both cases.  */
int fcj_url_read (fcj_url_t *self, const char *text);
void fcj_url_free (fcj_url_t *self);
#endif
