/*  words.c - the words of a command: options with a value, and numbers.  */

#include "commands.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *word_value (int argc, char **argv, int *n, const char *option)
{
    size_t size = strlen (option);
    if (strncmp (argv[*n], option, size) != 0)
        return NULL;
    if (argv[*n][size] == '=')
        return argv[*n] + size + 1;
    if (argv[*n][size] == 0 && *n + 1 < argc)
        return argv[++*n];
    return NULL;
}

int word_number (const char *text, long least, long most, long *out)
{
    char *end;
    errno = 0;
    long number = strtol (text, &end, 10);
    if (errno || end == text || *end || number < least || number > most)
        return -1;
    *out = number;
    return 0;
}
