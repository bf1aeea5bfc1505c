/*  facts.c - what the Redis is like that we were told to use: for `fcj
 *  doctor`, before anybody relies on it.  */

#include "store.h"
#include "command.h"
#include "reading.h"
#include <stdio.h>
#include <string.h>

/*  The reply to one command of these words; NULL and *error.  */
static redisReply *s_say (fcj_store_t *self, const char *verb,
                          const char *word, const char *more,
                          fcj_error_t *error)
{
    redisReply *reply = NULL;
    fcj_command_t *command = fcj_command_new ();
    fcj_command_begin (command, verb);
    fcj_command_str (command, word);
    if (more)
        fcj_command_str (command, more);
    fcj_command_end (command);
    if (fcj_store_ask (self, command, &reply, error) < 0)
        reply = NULL;
    fcj_command_destroy (&command);
    return reply;
}

/*  Whether CONFIG GET says `value` of the one setting that was asked for.  */
static bool s_is (const redisReply *reply, const char *value)
{
    return reply && reply->elements == 2 && reply->element[1]->str
        && strcmp (reply->element[1]->str, value) == 0;
}

int fcj_store_facts (fcj_store_t *self, fcj_store_facts_t *out,
                     fcj_error_t *error)
{
    static const char label[] = "redis_version:";
    fcj_error_t refused = { 0 };        /* CONFIG needs a right of its own */
    *out = (fcj_store_facts_t) { .version = "?" };
    redisReply *info = s_say (self, "INFO", "server", NULL, error);
    if (!info)
        return -1;
    const char *found = info->str ? strstr (info->str, label) : NULL;
    if (found) {
        found += sizeof label - 1;
        snprintf (out->version, sizeof out->version, "%.*s",
                  (int) strcspn (found, "\r\n"), found);
    }
    freeReplyObject (info);
    redisReply *log = s_say (self, "CONFIG", "GET", "appendonly", &refused);
    redisReply *sync = s_say (self, "CONFIG", "GET", "appendfsync", &refused);
    out->known = log && sync;
    out->durable = s_is (log, "yes") && s_is (sync, "always");
    if (log)
        freeReplyObject (log);
    if (sync)
        freeReplyObject (sync);
    return 0;
}
