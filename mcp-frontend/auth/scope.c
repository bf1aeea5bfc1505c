/*  scope.c - three scopes, each of which contains the one before. A table of
 *  the methods that are more than a look, and a rule for tools.  */

#include <string.h>
#include "scope.h"

#define PREFIX "fcj:"

static const char *const NAMES[] = { "", "read", "run", "admin" };
static const char *const FULL[] = {
    "", PREFIX "read", PREFIX "run", PREFIX "admin"
};

const char *fcj_scope_name (fcj_scope_t scope, bool bare)
{
    return bare? NAMES[scope]: FULL[scope];
}

static fcj_scope_t s_word (const char *word, size_t length)
{
    size_t prefix = strlen (PREFIX);
    if (length > prefix && strncmp (word, PREFIX, prefix) == 0) {
        word += prefix;
        length -= prefix;
    }
    for (fcj_scope_t n = FCJ_SCOPE_READ; n <= FCJ_SCOPE_ADMIN; n++)
        if (strlen (NAMES[n]) == length
            && strncmp (word, NAMES[n], length) == 0)
            return n;
    return FCJ_SCOPE_NONE;
}

fcj_scope_t fcj_scope_parse (const char *list, bool strict)
{
    fcj_scope_t highest = FCJ_SCOPE_NONE;
    while (*(list += strspn (list, " ,"))) {
        size_t length = strcspn (list, " ,");
        /*  A foreign server's "admin" is not ours. */
        bool ours = strict || strncmp (list, PREFIX, strlen (PREFIX)) == 0;
        fcj_scope_t one = ours? s_word (list, length): FCJ_SCOPE_NONE;
        if (strict && one == FCJ_SCOPE_NONE)
            return FCJ_SCOPE_NONE;
        if (one > highest)
            highest = one;
        list += length;
    }
    return highest;
}

/*  A tool says it by "scope"; else one that only looks, and starts no
 *  computation to do so, is a look. */
static fcj_scope_t s_tool (const json_t *tool)
{
    const char *told = json_string_value (json_object_get (tool, "scope"));
    if (told && fcj_scope_parse (told, true))
        return fcj_scope_parse (told, true);
    const char *needs = json_string_value (json_object_get (tool, "needs"));
    bool computes = needs && strcmp (needs, "compute") == 0;
    bool looks = json_is_true (json_object_get (
        json_object_get (tool, "annotations"), "readOnlyHint"));
    return looks && !computes? FCJ_SCOPE_READ: FCJ_SCOPE_RUN;
}

fcj_scope_t fcj_scope_needed (const char *method, const json_t *tool)
{
    if (strcmp (method, "tools/call") == 0)
        return tool? s_tool (tool): FCJ_SCOPE_READ;
    if (strcmp (method, "tasks/cancel") == 0
        || strcmp (method, "tasks/update") == 0)
        return FCJ_SCOPE_RUN;
    return FCJ_SCOPE_READ;
}
