/*  extra.c - the lists of a program with extras (extra.h). */

#include "extra.h"

json_t *fcj_extra_list (const fcj_front_t *front, const char *key)
{
    json_t *lists = front->extra? json_loads (front->extra->lists, 0, NULL)
                                : NULL;
    json_t *list = json_object_get (lists, key);
    list = list? json_incref (list): json_array ();
    json_decref (lists);
    return list;
}
