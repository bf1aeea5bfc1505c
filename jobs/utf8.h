/*  utf8.h - text from outside may be no text, or be cut within a character.
 *
 *  What we show goes out as JSON, which holds nothing but whole characters:
 *  one stray byte and a message would be lost.  */

#ifndef FCJ_UTF8_H
#define FCJ_UTF8_H
#include <stddef.h>

/*  The bytes of the character (RFC 3629) at `at`, of which `left` are there;
 *  0 when it is none.  */
size_t fcj_utf8_size (const char *at, size_t left);
/*  The most of `size` bytes, up to `most`, that ends with no part of a
 *  character.  */
size_t fcj_utf8_cut (const char *text, size_t size, size_t most);
/*  The last line of a text, which of a traceback says what is wrong, without
 *  what ends it (spaces, a full stop); its *size bytes, for `%.*s`.  */
const char *fcj_utf8_last_line (const char *text, int *size);
/*  Makes every byte that is in no character a question mark.  */
void fcj_utf8_mend (char *text);
#endif
