/*  live.c - shapes of live documents in the arguments of a call.
 *
 *  "Doc.Object" and {"document", "object"}, in `inputs` and in parameters with
 *  x-fcj-input, name what only the window knows. They become
 *  references to the artifacts of one internal job, `snapshot_shapes`, which
 *  runs there first; so all shapes of a call are of the same moment, and the
 *  job that computes needs no window.  */

#include "live.h"

#include <stdio.h>
#include <string.h>
#include "../../jobs/limits.h"

typedef struct {
    const char *job;
    json_t *shapes;             /* what the snapshot job is asked for */
    size_t found;
} live_t;

/*  Its place among the shapes; the same one is asked for once.  */
static size_t s_place (live_t *self, const json_t *shape)
{
    size_t n;
    const json_t *one;
    json_array_foreach (self->shapes, n, one)
        if (json_equal (one, shape))
            return n;
    json_array_append (self->shapes, (json_t *) shape);
    return n;
}

/*  "Doc.Object"; any other string is no reference, which the job says.  */
static bool s_is_name (const json_t *value)
{
    const char *text = json_string_value (value);
    const char *dot = text? strchr (text, '.'): NULL;
    return dot && dot > text && dot[1];
}

/*  What stands in its place, or NULL when it is not a live shape: a string may
 *  be the name of an entry of `inputs`.  */
static json_t *s_replacement (live_t *self, const json_t *value,
                              const json_t *inputs)
{
    char name[32];
    bool live = json_is_string (json_object_get (value, "document"))
        || (s_is_name (value)
            && !json_object_get (inputs, json_string_value (value)));
    if (!live)
        return NULL;
    self->found++;
    snprintf (name, sizeof name, "shape_%zu.brep", s_place (self, value));
    return json_pack ("{s:s,s:s}", "job", self->job, "artifact", name);
}

static void s_in_inputs (live_t *self, json_t *inputs)
{
    const char *key;
    void *next;
    json_t *value;
    json_object_foreach_safe (inputs, next, key, value) {
        json_t *made = s_replacement (self, value, NULL);
        if (made)
            json_object_set_new (inputs, key, made);
    }
}

static void s_in_argument (live_t *self, json_t *args, const char *key,
                           json_t *value)
{
    size_t n;
    const json_t *inputs = json_object_get (args, "inputs");
    json_t *one, *made = s_replacement (self, value, inputs);
    if (made) {
        json_object_set_new (args, key, made);
        return;
    }
    json_array_foreach (value, n, one) {
        made = s_replacement (self, one, inputs);
        if (made)
            json_array_set_new (value, n, made);
    }
}

json_t *fcj_live_take (const json_t *tool, const json_t *args,
                       const char *job, json_t *shapes, fcj_error_t *error)
{
    live_t self = { .job = job, .shapes = shapes };
    const json_t *rules = json_object_get (json_object_get (
        tool, "inputSchema"), "properties");
    json_t *made = json_deep_copy (args), *value;
    const char *key;
    void *next;
    error->reason = FCJ_OK;
    s_in_inputs (&self, json_object_get (made, "inputs"));
    json_object_foreach_safe (made, next, key, value)
        if (json_is_true (json_object_get (json_object_get (rules, key),
                                           "x-fcj-input")))
            s_in_argument (&self, made, key, value);
    if (json_array_size (shapes) > FCJ_ARTIFACTS_MAX)
        fcj_fail (error, FCJ_TOO_LARGE, "a call takes at most %d shapes of "
                  "live documents; make a compound of them first",
                  FCJ_ARTIFACTS_MAX);
    if (self.found && error->reason == FCJ_OK)
        return made;
    json_decref (made);
    return NULL;
}

/* ---- Jobs that are named elsewhere ------------------------------------- */

/*  After "result": optional blanks, "(", blanks, a quote, an id, a quote.  */
static const char *s_id_after (const char *at, char id[FCJ_ID_LEN + 1])
{
    at += strspn (at, " \t\n");
    if (*at++ != '(')
        return NULL;
    at += strspn (at, " \t\n");
    char quote = *at++;
    if ((quote != '"' && quote != '\'')
        || strnlen (at, FCJ_ID_LEN + 1) <= FCJ_ID_LEN
        || at[FCJ_ID_LEN] != quote)
        return NULL;
    memcpy (id, at, FCJ_ID_LEN);
    id[FCJ_ID_LEN] = 0;
    return fcj_id_valid (id)? id: NULL;
}

int fcj_live_jobs (const json_t *rule, const json_t *value,
                   fcj_live_job_fn *found, void *arg)
{
    static const char word[] = "jobs.result";
    const char *text = json_string_value (value);
    char id[FCJ_ID_LEN + 1];
    if (!text)
        return 0;
    if (json_is_true (json_object_get (rule, "x-fcj-job")))
        return found (arg, text);
    if (!json_is_true (json_object_get (rule, "x-fcj-code")))
        return 0;
    while ((text = strstr (text, word))) {
        text += sizeof word - 1;
        if (s_id_after (text, id) && found (arg, id))
            return -1;
    }
    return 0;
}
