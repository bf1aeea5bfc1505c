/*  redis.h - the private redis-server of a local service.
 *
 *  It listens on one unix socket only and keeps every write on disk before
 *  it answers, because "accepted" means durable (design: section 4).  */

#ifndef FCJ_SERVICE_REDIS_H
#define FCJ_SERVICE_REDIS_H
#include "../../jobs/error.h"
#include <stdbool.h>
#include <stddef.h>

/*  Writes <dir>/redis.conf and puts its path into conf. -1 and *error. */
int fcj_redis_configure (const char *dir, const char *socket,
                         char *conf, size_t size, fcj_error_t *error);
/*  True when it answers PING on the socket, loading its file included.
 *  Takes at most 100 ms.  */
bool fcj_redis_answers (const char *socket);
/*  True when a program of that name can be executed from PATH.  */
bool fcj_on_path (const char *program);
#endif
