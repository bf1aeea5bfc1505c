/*  bus.c - see bus.h. What comes is from our own kind, but read as if it
 *  were not: it may be another version's.  */

#include <stdlib.h>
#include <string.h>
#include "../protocol/ask.h"
#include "bus.h"
#include "follow.h"
#include "../front.h"
#include "../methods/handlers.h"
#include "session.h"

static void s_take (fcj_front_t *front, const json_t *message)
{
    const char *from = json_string_value (json_object_get (message, "from"));
    const char *kind = json_string_value (json_object_get (message, "kind"));
    const char *name = json_string_value (json_object_get (message, "name"));
    json_t *body = json_object_get (message, "body");
    if (!from || !kind || !name || !strcmp (from, front->self))
        return;
    if (!strcmp (kind, "session"))
        fcj_session_changed (front, name);
    else if (!strcmp (kind, "follow"))
        fcj_follow_replaced (front, name);
    else if (!strcmp (kind, "log"))
        fcj_follow_poke (front, name);
    else if (!strcmp (kind, "answer") && body)
        fcj_ask_answered (front, name, body);
    else if (!strcmp (kind, "cancel") && body)
        fcj_cancel_call (front, name, json_object_get (body, "requestId"),
                         (fcj_scope_t) json_integer_value (
                             json_object_get (body, "scope")));
}

/*  ["message", channel, text]; anything else is about the subscription. */
static void s_push (void *arg, const redisReply *push)
{
    if (push->type != REDIS_REPLY_ARRAY || push->elements != 3
        || !push->element[0]->str || !push->element[2]->str
        || strcmp (push->element[0]->str, "message") != 0)
        return;
    json_t *message = json_loadb (push->element[2]->str,
                                  push->element[2]->len, 0, NULL);
    s_take (arg, message);
    json_decref (message);
}

fcj_async_t *fcj_bus_new (fcj_front_t *front, const char *url,
                          fcj_error_t *error)
{
    fcj_async_t *bus = fcj_async_new (url, error);
    if (!bus)
        return NULL;
    fcj_command_t *command = fcj_command_new ();
    fcj_command_begin (command, "SUBSCRIBE");
    fcj_command_key (command, "mcp:bus", "");
    fcj_command_end (command);
    fcj_async_listen (bus, command, s_push, front);
    fcj_command_destroy (&command);
    return bus;
}

void fcj_bus_send (fcj_front_t *front, const char *kind, const char *name,
                   const json_t *body)
{
    if (!front->redis)
        return;
    json_t *message = json_pack ("{s:s,s:s,s:s,s:O*}", "from", front->self,
                                 "kind", kind, "name", name, "body",
                                 (json_t *) body);
    size_t size;
    char *text = fcj_call_text (message, &size);
    fcj_command_t *command = fcj_command_new ();
    fcj_command_begin (command, "PUBLISH");
    fcj_command_key (command, "mcp:bus", "");
    fcj_command_add (command, text, size);
    fcj_command_end (command);
    fcj_async_ask (front->redis, command, NULL, NULL);
    fcj_command_destroy (&command);
    free (text);
}
