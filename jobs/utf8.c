/*  utf8.c - see utf8.h.  */

#include "utf8.h"

#include <stdbool.h>
#include <string.h>

size_t fcj_utf8_size (const char *at, size_t left)
{
    const unsigned char *byte = (const unsigned char *) at;
    if (left == 0)
        return 0;
    if (byte[0] < 0x80)
        return 1;
    size_t size = byte[0] >= 0xf0 ? 4 : byte[0] >= 0xe0 ? 3 : 2;
    if (byte[0] < 0xc2 || byte[0] > 0xf4 || left < size)
        return 0;
    for (size_t n = 1; n < size; n++)
        if ((byte[n] & 0xc0) != 0x80)
            return 0;
    bool overlong = (byte[0] == 0xe0 && byte[1] < 0xa0) ||
                    (byte[0] == 0xf0 && byte[1] < 0x90);
    bool outside = (byte[0] == 0xed && byte[1] > 0x9f) ||
                   (byte[0] == 0xf4 && byte[1] > 0x8f);
    return overlong || outside ? 0 : size;
}

size_t fcj_utf8_cut (const char *text, size_t size, size_t most)
{
    if (size <= most)
        return size;
    size_t end = most;          /* back to where the cut character begins */
    while (end > 0 && most - end < 3 &&
           ((unsigned char) text[end] & 0xc0) == 0x80)
        end--;
    return fcj_utf8_size (text + end, size - end) ? end : most;
}

void fcj_utf8_mend (char *text)
{
    size_t left = strlen (text);
    while (left) {
        size_t size = fcj_utf8_size (text, left);
        if (size == 0) {
            *text = '?';
            size = 1;
        }
        text += size;
        left -= size;
    }
}

const char *fcj_utf8_last_line (const char *text, int *size)
{
    size_t end = strlen (text);
    while (end && strchr ("\n. ", text[end - 1]))
        end--;
    const char *line = end ? memrchr (text, '\n', end) : NULL;
    line = line ? line + 1 : text;
    *size = (int) (text + end - line);
    return line;
}
