/*  mappings.h - fewer, larger mappings, because each costs every fork. */

#ifndef FCJ_ZYGOTE_MAPPINGS_H
#define FCJ_ZYGOTE_MAPPINGS_H
#include <stddef.h>

/*  Joins the mappings of each library; once, when everything is loaded.
 *  How many mappings are left; 0 when /proc does not tell.  */
size_t fcj_mappings_join (void);
#endif
