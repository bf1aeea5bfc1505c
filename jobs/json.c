/*  json.c - see json.h.
 *
 *  jansson writes reals with a fixed number of digits: 17 read back exactly
 *  but make 0.1 a 0.10000000000000001. So the text is written with 17, then
 *  each real that needs fewer is written again in place, where it is never
 *  longer than before.  */

#include "json.h"

#include <stdlib.h>
#include <string.h>

/*  The shortest of "%.15g", "%.16g" and 17 digits that reads back the same;
 *  fewer than 15 always do when 15 do, and "%g" drops the zeros.  */
static size_t s_shorten (const char *number, size_t size, char out[40])
{
    char *end;
    double value = strtod (number, &end);
    if ((size_t) (end - number) != size)
        return 0;
    for (int digits = 15; digits < 17; digits++) {
        int length = snprintf (out, 40, "%.*g", digits, value);
        double back = strtod (out, NULL);
        if (length > 0 && !(back < value) && !(back > value))
            return (size_t) length;
    }
    return 0;
}

/*  What "%g" leaves out: the mark of a real; and its "e+05" as "e5".  */
static size_t s_as_json (char *text, size_t size)
{
    char *e = memchr (text, 'e', size);
    if (!e) {
        if (memchr (text, '.', size))
            return size;
        memcpy (text + size, ".0", 3);
        return size + 2;
    }
    char *from = e + 1, *to = e + 1;
    if (*from == '-')
        *to++ = *from++;
    else if (*from == '+')
        from++;
    while (*from == '0' && from[1])
        from++;
    while (*from)
        *to++ = *from++;
    *to = 0;
    return (size_t) (to - text);
}

/*  Copies the number at *from, shorter where it can be.  */
static void s_number (const char **from, char **to)
{
    size_t size = strspn (*from, "+-.eE0123456789"), made = 0;
    char text[48];
    if (size > 16 && size < 40 && strcspn (*from, ".eE") < size
        && (made = s_shorten (*from, size, text)) > 0)
        made = s_as_json (text, made);
    if (made == 0 || made > size)
        memmove (*to, *from, made = size);
    else
        memcpy (*to, text, made);
    *from += size;
    *to += made;
}

size_t fcj_json_shorten (char *text)
{
    const char *from = text;
    char *to = text;
    bool string = false;
    while (*from) {
        if (!string && (*from == '-' || (*from >= '0' && *from <= '9'))) {
            s_number (&from, &to);
            continue;
        }
        if (*from == '"')
            string = !string;
        else if (string && *from == '\\' && from[1])
            *to++ = *from++;
        *to++ = *from++;
    }
    *to = 0;
    return (size_t) (to - text);
}

char *fcj_json_dumps (const json_t *json, size_t flags)
{
    char *text = json_dumps (json, flags);
    if (text)
        fcj_json_shorten (text);
    return text;
}

int fcj_json_dumpf (const json_t *json, FILE *out, size_t flags)
{
    char *text = fcj_json_dumps (json, flags);
    int done = text && fputs (text, out) >= 0 ? 0 : -1;
    free (text);
    return done;
}
