/*  say.c - the levels of notifications/message by name. */

#include <string.h>
#include "../call.h"

static const char *const LEVELS[] = {
    "debug", "info", "notice", "warning", "error", "critical", "alert",
    "emergency"
};

int fcj_say_of (const char *name)
{
    for (int n = 0; name && n < FCJ_SAY_NOTHING; n++)
        if (strcmp (name, LEVELS[n]) == 0)
            return n;
    return -1;
}

const char *fcj_say_name (fcj_say_t level)
{
    return level < FCJ_SAY_NOTHING? LEVELS[level]: "none";
}
