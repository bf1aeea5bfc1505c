/*  template.c - values with holes, filled from a job (jobs/tools/README.md,
 *  "Native tools").
 *
 *  A hole is an object whose first key begins with "$". What an argument
 *  brings is put in as it is and never looked at for holes again, so that a
 *  caller can write no template. A hole that comes to nothing takes the pair
 *  or the element with it that it stood for.  */

#include "native.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32

typedef json_t *(hole_fn) (const fcj_template_t *self, const json_t *hole,
                           fcj_error_t *error);

static const json_t *
s_argument (const fcj_template_t *self, const json_t *hole, const char *key)
{
    const char *name = json_string_value (json_object_get (hole, key));
    const json_t *value = name ? json_object_get (self->arguments, name)
                               : NULL;
    return json_is_null (value) ? NULL : value;     /* as if left out */
}

/*  An argument as it was given (or its default).  */
static json_t *
s_hole_argument (const fcj_template_t *self, const json_t *hole,
                 fcj_error_t *error)
{
    (void) error;
    return json_incref ((json_t *) s_argument (self, hole, "$argument"));
}

/*  The reference, or the list of them, that a parameter of shapes became. */
static json_t *
s_hole_shapes (const fcj_template_t *self, const json_t *hole,
               fcj_error_t *error)
{
    (void) error;
    return json_incref (json_object_get (self->references, json_string_value (
        json_object_get (hole, "$shapes"))));
}

static bool
s_true (const json_t *value)
{
    switch (value ? json_typeof (value) : JSON_NULL) {
    case JSON_NULL:
    case JSON_FALSE:
        return false;
    case JSON_STRING:
        return json_string_length (value) > 0;
    case JSON_ARRAY:
        return json_array_size (value) > 0;
    case JSON_INTEGER:
    case JSON_REAL:
        return json_number_value (value) < 0 || json_number_value (value) > 0;
    default:
        return true;
    }
}

/*  {"$when": argument, "is": value, "then": ..., "else": ...}; with "least": a
 *  list of so many; with neither: it is there, not false, 0 or empty.  */
static json_t *
s_hole_when (const fcj_template_t *self, const json_t *hole,
             fcj_error_t *error)
{
    const json_t *value = s_argument (self, hole, "$when");
    const json_t *is = json_object_get (hole, "is");
    const json_t *least = json_object_get (hole, "least");
    bool yes = is ? value && json_equal ((json_t *) value, (json_t *) is)
        : least ? (json_int_t) json_array_size (value)
                  >= json_integer_value (least)
        : s_true (value);
    const json_t *next = json_object_get (hole, yes ? "then" : "else");
    return next ? fcj_template_make (self, next, error) : NULL;
}

/*  {"$each": argument, "as": ...}: a list with one of these an element.  */
static json_t *
s_hole_each (const fcj_template_t *self, const json_t *hole,
             fcj_error_t *error)
{
    const json_t *as = json_object_get (hole, "as");
    json_t *list = json_array (), *item;
    size_t n;
    json_array_foreach (s_argument (self, hole, "$each"), n, item) {
        fcj_template_t inner = *self;
        inner.item = item;
        json_t *made = fcj_template_make (&inner, as, error);
        if (made)
            json_array_append_new (list, made);
    }
    return list;
}

/*  {"$item": ""} is the element itself, {"$item": key} a member of it, or
 *  what stands under "else".  */
static json_t *
s_hole_item (const fcj_template_t *self, const json_t *hole,
             fcj_error_t *error)
{
    (void) error;
    const char *key = json_string_value (json_object_get (hole, "$item"));
    json_t *value = key && *key ? json_object_get (self->item, key)
                                : (json_t *) self->item;
    return json_incref (value ? value : json_object_get (hole, "else"));
}

/*  {"$text": [...]}: strings and whole numbers, one behind the other.  */
static json_t *
s_hole_text (const fcj_template_t *self, const json_t *hole,
             fcj_error_t *error)
{
    json_t *parts = fcj_template_make (self, json_object_get (hole, "$text"),
                                       error), *part;
    size_t n, size = 1;
    json_array_foreach (parts, n, part)
        size += json_is_string (part) ? json_string_length (part) : 24;
    char *text = calloc (1, size), *to = text;
    json_array_foreach (parts, n, part) {
        if (json_is_string (part))
            to = stpcpy (to, json_string_value (part));
        else if (json_is_integer (part))
            to += sprintf (to, "%lld", json_integer_value (part));
    }
    json_t *made = text ? json_string (text) : NULL;
    free (text);
    json_decref (parts);
    return made;
}

static json_t *
s_hole_count (const fcj_template_t *self, const json_t *hole,
              fcj_error_t *error)
{
    (void) error;
    const json_t *list = s_argument (self, hole, "$count");
    json_int_t plus = json_integer_value (json_object_get (hole, "plus"));
    return json_integer (plus + (json_int_t) (
        json_is_array (list) ? json_array_size (list) : list != 0));
}

/*  {"$first": ...}: of a list, or what is no list itself.  */
static json_t *
s_hole_first (const fcj_template_t *self, const json_t *hole,
              fcj_error_t *error)
{
    json_t *list = fcj_template_make (self, json_object_get (hole, "$first"),
                                      error);
    if (!json_is_array (list))
        return list;
    json_t *first = json_incref (json_array_get (list, 0));
    json_decref (list);
    return first;
}

/* ---- Of the kernel's answer --------------------------------------------------- */

static json_t *
s_step (const json_t *steps, const char *id)
{
    size_t n;
    json_t *step;
    json_array_foreach ((json_t *) steps, n, step) {
        const char *own = json_string_value (json_object_get (step, "id"));
        if (own && strcmp (own, id) == 0)
            return step;
    }
    return NULL;
}

/*  {"$out": "result.shape"}; in "steps" and other lists of things with an
 *  id, that is the key.  */
static json_t *
s_hole_out (const fcj_template_t *self, const json_t *hole,
            fcj_error_t *error)
{
    (void) error;
    char path[256], *rest = NULL;
    const char *text = json_string_value (json_object_get (hole, "$out"));
    json_t *at = (json_t *) self->outcome;
    snprintf (path, sizeof path, "%s", text ? text : "");
    for (char *key = strtok_r (path, ".", &rest); key && at;
         key = strtok_r (NULL, ".", &rest))
        at = json_is_array (at) ? s_step (at, key) : json_object_get (at, key);
    return json_incref (at);
}

/*  {"$pick": [keys], "of": ...}: an object with these only, or a list of
 *  such objects.  */
static json_t *
s_pick (const json_t *keys, const json_t *from)
{
    json_t *made = json_object (), *key, *value;
    size_t n;
    json_array_foreach ((json_t *) keys, n, key)
        if ((value = json_object_get (from, json_string_value (key))))
            json_object_set (made, json_string_value (key), value);
    return made;
}

static json_t *
s_hole_pick (const fcj_template_t *self, const json_t *hole,
             fcj_error_t *error)
{
    const json_t *keys = json_object_get (hole, "$pick");
    json_t *from = fcj_template_make (self, json_object_get (hole, "of"),
                                      error), *item, *made;
    size_t n;
    if (!from)
        return NULL;
    if (json_is_array (from)) {
        made = json_array ();
        json_array_foreach (from, n, item)
            json_array_append_new (made, s_pick (keys, item));
    } else
        made = s_pick (keys, from);
    json_decref (from);
    return made;
}

/*  {"$memo": true}: "hit" when every step that the memo was asked for came
 *  from it, "partly" when some did, else nothing.  */
static json_t *
s_hole_memo (const fcj_template_t *self, const json_t *hole,
             fcj_error_t *error)
{
    size_t n, hits = 0, misses = 0;
    json_t *step;
    (void) hole;
    (void) error;
    json_array_foreach (json_object_get (self->outcome, "steps"), n, step) {
        const char *memo = json_string_value (json_object_get (step, "memo"));
        if (!memo)
            continue;
        hits += strcmp (memo, "hit") == 0;
        misses += strcmp (memo, "stored") == 0;
    }
    return hits ? json_string (misses ? "partly" : "hit") : NULL;
}

/* ---- All of it ------------------------------------------------------------------ */

static const struct {
    const char *key;
    hole_fn *fn;
} s_holes[] = {
    { "$argument", s_hole_argument }, { "$shapes", s_hole_shapes },
    { "$when", s_hole_when }, { "$each", s_hole_each },
    { "$item", s_hole_item }, { "$text", s_hole_text },
    { "$count", s_hole_count },
    { "$first", s_hole_first }, { "$out", s_hole_out },
    { "$pick", s_hole_pick }, { "$memo", s_hole_memo } };

#define HOLES (sizeof s_holes / sizeof *s_holes)

static hole_fn *
s_hole_of (const json_t *what)
{
    for (size_t n = 0; n < HOLES && json_is_object (what); n++)
        if (json_object_get (what, s_holes[n].key))
            return s_holes[n].fn;
    return NULL;
}

static json_t *
s_object (const fcj_template_t *self, const json_t *what, fcj_error_t *error)
{
    json_t *made = json_object (), *value;
    const char *key;
    json_object_foreach ((json_t *) what, key, value) {
        json_t *one = fcj_template_make (self, value, error);
        if (one)
            json_object_set_new (made, key, one);
    }
    return made;
}

/*  A list that stands in a list (of $each, or of a $when) is spread.  */
static json_t *
s_list (const fcj_template_t *self, const json_t *what, fcj_error_t *error)
{
    json_t *made = json_array (), *value;
    size_t n;
    json_array_foreach ((json_t *) what, n, value) {
        json_t *one = fcj_template_make (self, value, error);
        bool spread = json_is_array (one)
            && (json_object_get (value, "$each")
                || json_object_get (value, "$when"));
        if (spread) {
            json_array_extend (made, one);
            json_decref (one);
        } else if (one)
            json_array_append_new (made, one);
    }
    return made;
}

json_t *
fcj_template_make (const fcj_template_t *self, const json_t *what,
                   fcj_error_t *error)
{
    static int depth;
    json_t *made;
    if (!what)
        return NULL;
    if (depth >= DEPTH_MAX) {
        fcj_fail (error, FCJ_INTERNAL, "the tool's template is too deep");
        return NULL;
    }
    depth++;
    hole_fn *hole = s_hole_of (what);
    if (hole)
        made = hole (self, what, error);
    else if (json_is_object (what))
        made = s_object (self, what, error);
    else if (json_is_array (what))
        made = s_list (self, what, error);
    else
        made = json_incref ((json_t *) what);
    depth--;
    return made;
}
