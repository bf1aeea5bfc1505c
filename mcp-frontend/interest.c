/*  interest.c - a list of wants a stream. A want of a job holds a watch on
 *  it; what has to be told is noted at the event and told at the tick, so
 *  that a busy job does not flood its listeners.  */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "freecad.h"
#include "front.h"
#include "interest.h"
#include "task.h"
#include "watch.h"

#define TASK "task:"

typedef struct want want_t;
struct want {
    LIST_ENTRY (want) next;
    fcj_interest_t *interest;
    fcj_watch_t *watch;         /* NULL: no job's */
    char *what;
    char owner[FCJ_NAME_MAX + 1], state[16];
    fcj_id_t job;
    bool asking;
    int64_t told, due;          /* due 0: nothing to tell */
};

struct fcj_interest {
    TAILQ_ENTRY (fcj_interest) next;
    fcj_front_t *front;
    fcj_session_t *session;     /* whose wants they are, or NULL */
    fcj_interest_fn *fn;
    void *arg;
    int lists;
    LIST_HEAD (, want) wants;
};

fcj_interest_t *fcj_interest_new (fcj_front_t *front, fcj_interest_fn *fn,
                                  void *arg)
{
    fcj_interest_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->front = front;
    self->fn = fn;
    self->arg = arg;
    LIST_INIT (&self->wants);
    TAILQ_INSERT_TAIL (&front->interests, self, next);
    return self;
}

static bool s_is_live (const want_t *want)
{
    return !strncmp (want->what, FCJ_FREECAD_SCHEME,
                     strlen (FCJ_FREECAD_SCHEME));
}

static void s_drop (want_t *want)
{
    want->interest->front->live_wants -= s_is_live (want);
    LIST_REMOVE (want, next);
    fcj_watch_destroy (&want->watch);
    free (want->what);
    free (want);
}

void fcj_interest_destroy (fcj_interest_t **self_p)
{
    fcj_interest_t *self = *self_p;
    if (!self)
        return;
    while (!LIST_EMPTY (&self->wants))
        s_drop (LIST_FIRST (&self->wants));
    if (self->front->listening == self)
        self->front->listening = TAILQ_NEXT (self, next);
    TAILQ_REMOVE (&self->front->interests, self, next);
    fcj_session_release (&self->session);
    free (self);
    *self_p = NULL;
}

void fcj_interest_lists (fcj_interest_t *self, int kinds)
{
    self->lists = kinds;
}

/* ---- Wants ------------------------------------------------------------- */

bool fcj_interest_job (const char *what, fcj_id_t job)
{
    const char *id = !strncmp (what, "job://", 6)? what + 6
        : !strncmp (what, TASK, 5)? what + 5: NULL;
    if (!id || strlen (id) < FCJ_ID_LEN
        || (id[FCJ_ID_LEN] && id[FCJ_ID_LEN] != '/'))
        return false;
    memcpy (job, id, FCJ_ID_LEN);
    job[FCJ_ID_LEN] = 0;
    return fcj_id_valid (job);
}

static void s_event (void *arg, const char *job, const fcj_map_t *event)
{
    want_t *want = arg;
    char state[16] = "";
    (void) job;
    fcj_map_copy (event, "state", state, sizeof state);
    if (!strcmp (state, "gone"))
        return;                 /* it had ended before we watched it */
    bool asking = fcj_map_has (event, "ask");
    bool news = strcmp (state, want->state) || asking != want->asking;
    int64_t now = fcj_mono_ms ();
    if (news)
        want->due = now;
    else if (!want->due)
        want->due = want->told + FCJ_INTEREST_MS;
    memcpy (want->state, state, sizeof state);
    want->asking = asking;
    if (want->due < want->interest->front->next_due)
        want->interest->front->next_due = want->due;
}

void fcj_interest_add (fcj_interest_t *self, const char *what,
                       const char *owner)
{
    want_t *want;
    LIST_FOREACH (want, &self->wants, next)
        if (!strcmp (want->what, what))
            return;
    want = calloc (1, sizeof *want);
    if (!want || !(want->what = strdup (what)))
        abort ();
    want->interest = self;
    snprintf (want->owner, sizeof want->owner, "%s", owner);
    self->front->live_wants += s_is_live (want);
    LIST_INSERT_HEAD (&self->wants, want, next);
    if (fcj_interest_job (what, want->job))
        want->watch = fcj_watch_new (self->front, want->job, s_event, want);
}

static void s_sync (fcj_interest_t *self)
{
    want_t *want, *after;
    const char *what;
    json_t *unused;
    for (want = LIST_FIRST (&self->wants); want; want = after) {
        after = LIST_NEXT (want, next);
        if (!json_object_get (self->session->wants, want->what))
            s_drop (want);
    }
    json_object_foreach (self->session->wants, what, unused)
        fcj_interest_add (self, what, self->session->owner);
}

void fcj_interest_follow (fcj_interest_t *self, fcj_session_t *session)
{
    self->session = fcj_session_hold (session);
    self->lists = FCJ_LIST_TOOLS | FCJ_LIST_PROMPTS | FCJ_LIST_RESOURCES;
    s_sync (self);
}

void fcj_interest_refresh (fcj_front_t *front, fcj_session_t *session)
{
    fcj_interest_t *one;
    TAILQ_FOREACH (one, &front->interests, next)
        if (one->session == session)
            s_sync (one);
}

/* ---- Telling ----------------------------------------------------------- */

/*  fn may end the stream and with it the interest: front->listening is where
 *  to go on. */
void fcj_interest_list_changed (fcj_front_t *front, fcj_list_kind_t kind)
{
    const char *method = kind == FCJ_LIST_TOOLS
        ? "notifications/tools/list_changed": kind == FCJ_LIST_PROMPTS
        ? "notifications/prompts/list_changed"
        : "notifications/resources/list_changed";
    fcj_interest_t *one = TAILQ_FIRST (&front->interests);
    while (one) {
        front->listening = TAILQ_NEXT (one, next);
        if (one->lists & (int) kind)
            one->fn (one->arg, method, NULL);
        one = front->listening;
    }
}

void fcj_interest_live_changed (fcj_front_t *front, fcj_interest_is_fn *is,
                                const void *arg)
{
    fcj_interest_t *one;
    want_t *want;
    TAILQ_FOREACH (one, &front->interests, next)
        LIST_FOREACH (want, &one->wants, next)
            if (!want->watch && s_is_live (want) && is (arg, want->what))
                want->due = fcj_mono_ms ();
    front->next_due = 0;
}

static void s_tell (want_t *want, int64_t now)
{
    fcj_interest_t *self = want->interest;
    bool legacy = self->session != NULL;
    want->due = 0;
    want->told = now;
    if (strncmp (want->what, TASK, 5) != 0) {
        self->fn (self->arg, "notifications/resources/updated",
                  json_pack ("{s:s}", "uri", want->what));
        return;
    }
    json_t *task = fcj_task_of (self->front, want->job, want->owner,
                                legacy? FCJ_MCP_LEGACY: FCJ_MCP_MODERN);
    if (!task)
        return;
    char what[64];
    const char *status = json_string_value (json_object_get (task,
                                                             "status"));
    bool over = status && strcmp (status, "working") != 0
             && strcmp (status, "input_required") != 0;
    snprintf (what, sizeof what, "%.44s", want->what);
    fcj_session_t *session = self->session;
    self->fn (self->arg, legacy? "notifications/tasks/status"
                               : "notifications/tasks", task);
    if (over && session)        /* nothing more will be heard of it */
        fcj_session_want (session, what, false);
}

void fcj_interest_tick (fcj_front_t *front, int64_t now)
{
    if (now < front->next_due)
        return;
    front->next_due = INT64_MAX;
    fcj_interest_t *one = TAILQ_FIRST (&front->interests);
    while (one) {
        front->listening = TAILQ_NEXT (one, next);
        want_t *want, *after;
        for (want = LIST_FIRST (&one->wants); want; want = after) {
            after = LIST_NEXT (want, next);
            if (want->due && want->due <= now)
                s_tell (want, now);
            else if (want->due && want->due < front->next_due)
                front->next_due = want->due;
        }
        one = front->listening;
    }
}
