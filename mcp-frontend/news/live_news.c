/*  live_news.c - the window as it was and as it is, compared for each URI that
 *  somebody subscribed to.  */

#include <stdlib.h>
#include <string.h>
#include "../methods/freecad.h"
#include "interest.h"
#include "live_news.h"

struct fcj_live_news {
    fcj_front_t *front;
    json_t *view;               /* {worker, gui}; NULL: none seen yet */
};

/*  Two looks at the window. */
typedef struct {
    const json_t *old, *now;    /* their `gui` */
    bool other;                 /* not the same FreeCAD */
} pair_t;

fcj_live_news_t *fcj_live_news_new (fcj_front_t *front)
{
    fcj_live_news_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->front = front;
    return self;
}

void fcj_live_news_destroy (fcj_live_news_t **self_p)
{
    if (!*self_p)
        return;
    json_decref ((*self_p)->view);
    free (*self_p);
    *self_p = NULL;
}

void fcj_live_news_forget (fcj_live_news_t *self)
{
    json_decref (self->view);
    self->view = NULL;
}

bool fcj_live_news_counted (const fcj_live_news_t *self)
{
    return json_is_integer (json_object_get (json_object_get (
        self->view, "gui"), "changes"));
}

/* ---- Documents --------------------------------------------------------- */

static bool s_same (const json_t *one, const json_t *other, const char *key)
{
    const json_t *a = json_object_get (one, key);
    const json_t *b = json_object_get (other, key);
    return a && b? json_equal (a, b): a == b;
}

static bool s_is (const json_t *document, const char *key, const char *text)
{
    const char *value = json_string_value (json_object_get (document, key));
    return value && !strcmp (value, text);
}

/*  By its name, else by its label, as the tools find one. */
static const json_t *s_document (const json_t *gui, const char *called)
{
    static const char *const KEYS[] = { "name", "label" };
    const json_t *list = json_object_get (gui, "documents");
    for (size_t key = 0; key < 2; key++)
        for (size_t n = 0; n < json_array_size (list); n++)
            if (s_is (json_array_get (list, n), KEYS[key], called))
                return json_array_get (list, n);
    return NULL;
}

static const json_t *s_active (const json_t *gui)
{
    const json_t *list = json_object_get (gui, "documents");
    for (size_t n = 0; n < json_array_size (list); n++)
        if (json_is_true (json_object_get (json_array_get (list, n),
                                           "active")))
            return json_array_get (list, n);
    return NULL;
}

/*  As the list shows it. */
static bool s_listed_same (const json_t *one, const json_t *other)
{
    static const char *const KEYS[] = { "name", "label", "file", "modified",
                                        "objects", "active" };
    for (size_t n = 0; n < sizeof KEYS / sizeof *KEYS; n++)
        if (!s_same (one, other, KEYS[n]))
            return false;
    return true;
}

/*  There may be a change that is not shown. */
static bool s_beyond (const pair_t *pair)
{
    const char *more = "more_documents";
    return (json_integer_value (json_object_get (pair->old, more)) > 0
            || json_integer_value (json_object_get (pair->now, more)) > 0)
        && !s_same (pair->old, pair->now, "changes");
}

static bool s_one_changed (const pair_t *pair, const json_t *old,
                           const json_t *now)
{
    if (!old && !now)
        return s_beyond (pair);
    return pair->other || !old || !now || !s_same (old, now, "version")
        || !s_listed_same (old, now);
}

static bool s_list_changed (const pair_t *pair)
{
    const json_t *old = json_object_get (pair->old, "documents");
    const json_t *now = json_object_get (pair->now, "documents");
    if (pair->other || json_array_size (old) != json_array_size (now)
        || s_beyond (pair))
        return true;
    for (size_t n = 0; n < json_array_size (now); n++)
        if (!s_listed_same (json_array_get (old, n),
                            json_array_get (now, n)))
            return true;
    return false;
}

/* ---- What was subscribed to -------------------------------------------- */

static bool s_changed (const void *arg, const char *uri)
{
    const pair_t *pair = arg;
    char name[FCJ_LIVE_NAME_MAX + 1];
    switch (fcj_freecad_live (uri, name)) {
    case FCJ_LIVE_LIST:
        return s_list_changed (pair);
    case FCJ_LIVE_ACTIVE:
        return s_one_changed (pair, s_active (pair->old),
                              s_active (pair->now));
    case FCJ_LIVE_DOCUMENT:
        return s_one_changed (pair, s_document (pair->old, name),
                              s_document (pair->now, name));
    default:
        return false;
    }
}

/*  While FreeCAD starts, what it will open is not open yet. */
static bool s_up (const json_t *gui)
{
    return s_is (gui, "state", "ready") || s_is (gui, "state", "paused");
}

void fcj_live_news_take (fcj_live_news_t *self, const json_t *view)
{
    const json_t *gui = json_object_get (view, "gui");
    if (!s_up (gui))
        return;
    pair_t pair = { .old = json_object_get (self->view, "gui"), .now = gui };
    pair.other = !s_same (self->view, view, "worker")
              || !s_same (pair.old, gui, "restarts");
    if (self->view && json_is_integer (json_object_get (gui, "changes")))
        fcj_interest_live_changed (self->front, s_changed, &pair);
    json_decref (self->view);
    self->view = json_deep_copy (view);
}
