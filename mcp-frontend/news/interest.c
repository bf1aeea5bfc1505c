/*  interest.c - a list of wants a stream. A want of a job holds a watch on
 *  it; what has to be told is noted at the event and told at the tick, so
 *  that a busy job does not flood its listeners.
 *
 *  A job may end while its watch is under way to the broker: each want has
 *  one look into the record soon after it began.  */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../methods/freecad.h"
#include "../methods/handlers.h"
#include "interest.h"
#include "../tools/task.h"
#include "watch.h"

#define TASK    "task:"
#define LOOK_MS 300             /* until the watch has come to the broker */
#define SLACK_MS 100            /* between reading a record and wanting it */

/*  What of a job is wanted, and so when it has changed. */
typedef enum {
    WANT_ELSE,                  /* no job's: others say when */
    WANT_RECORD,                /* with state, question and progress */
    WANT_OUTPUT,                /* when more has been printed */
    WANT_FILE                   /* with the job's end */
} kind_t;

typedef struct want want_t;
struct want {
    LIST_ENTRY (want) next;
    fcj_interest_t *interest;
    fcj_watch_t *watch;         /* NULL: no job's */
    char *what;
    char owner[FCJ_NAME_MAX + 1], state[16];
    fcj_id_t job;
    kind_t kind;
    bool asking;
    bool changed;               /* there is something to tell */
    bool look;                  /* the record is to be looked at */
    bool resumed;               /* what came meanwhile is not known */
    bool over;                  /* nothing will change any more */
    int64_t since;              /* what ended later is news; wall clock */
    int64_t size;               /* of what was printed */
    int64_t told, due;          /* due 0: nothing to do */
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

bool fcj_interest_is_task (const char *what)
{
    return strncmp (what, TASK, strlen (TASK)) == 0;
}

static kind_t s_kind (const char *what)
{
    fcj_id_t job;
    if (!fcj_interest_job (what, job))
        return WANT_ELSE;
    const char *part = what + 6 + FCJ_ID_LEN;
    if (fcj_interest_is_task (what) || !part[0] || !part[1])
        return WANT_RECORD;
    size_t size = strcspn (++part, "?");
    return size == 6 && (!strncmp (part, "stdout", 6)
                         || !strncmp (part, "stderr", 6))
        ? WANT_OUTPUT: WANT_FILE;
}

static void s_note (want_t *want, int64_t due)
{
    if (!want->due || due < want->due)
        want->due = due;
    if (want->due < want->interest->front->next_due)
        want->interest->front->next_due = want->due;
}

static void s_note_change (want_t *want, int64_t due)
{
    want->changed = true;
    s_note (want, due);
}

/*  The broker begins with the present state (`watched`), which is no news,
 *  but for a task that asks: it may have been working when it was made. */
static void s_event (void *arg, const char *job, const fcj_map_t *event)
{
    want_t *want = arg;
    char state[16] = "";
    int64_t now = fcj_mono_ms ();
    (void) job;
    fcj_map_copy (event, "state", state, sizeof state);
    if (want->over)
        return;
    if (!strcmp (state, "gone")) {      /* it has ended: when? */
        want->look = true;
        s_note (want, now);
        return;
    }
    bool asking = fcj_map_has (event, "ask"), first = !*want->state;
    bool news = strcmp (state, want->state) || asking != want->asking;
    bool present = fcj_map_has (event, "watched");
    bool asks = asking && fcj_interest_is_task (want->what);
    memcpy (want->state, state, sizeof state);
    want->asking = asking;
    want->over = fcj_state_of (state) >= FCJ_COMPLETED;
    if (want->over)
        s_note_change (want, now);
    else if (want->kind == WANT_RECORD && present && (asks || !first) && news)
        s_note_change (want, now);
    else if (want->kind == WANT_RECORD && !present)
        s_note_change (want, news? now: want->told + FCJ_INTEREST_MS);
}

/*  since: when the stream broke that is resumed now; 0: it begins. */
static void s_add (fcj_interest_t *self, const char *what, const char *owner,
                   int64_t since)
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
    want->kind = s_kind (what);
    want->resumed = since > 0;
    want->since = since? since: fcj_now_ms () - SLACK_MS;
    self->front->live_wants += s_is_live (want);
    LIST_INSERT_HEAD (&self->wants, want, next);
    if (!fcj_interest_job (what, want->job)) {
        if (want->resumed)
            s_note_change (want, fcj_mono_ms ());
        return;
    }
    want->watch = fcj_watch_new (self->front, want->job, s_event, want);
    want->look = true;
    if (want->kind == WANT_OUTPUT)
        want->size = fcj_output_size (self->front, want->job, what + 6
                                      + FCJ_ID_LEN + 1);
    s_note (want, fcj_mono_ms () + LOOK_MS);
}

void fcj_interest_add (fcj_interest_t *self, const char *what,
                       const char *owner)
{
    s_add (self, what, owner, 0);
}

static void s_sync (fcj_interest_t *self, int64_t since)
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
        s_add (self, what, self->session->owner, since);
}

void fcj_interest_follow (fcj_interest_t *self, fcj_session_t *session,
                          int64_t since)
{
    self->session = fcj_session_hold (session);
    self->lists = FCJ_LIST_TOOLS | FCJ_LIST_PROMPTS | FCJ_LIST_RESOURCES;
    s_sync (self, since);
}

void fcj_interest_refresh (fcj_front_t *front, fcj_session_t *session)
{
    fcj_interest_t *one;
    TAILQ_FOREACH (one, &front->interests, next)
        if (one->session == session)
            s_sync (one, 0);
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
            if (s_is_live (want) && is (arg, want->what))
                s_note_change (want, fcj_mono_ms ());
}

/*  True: it ended, and who wants it does not know; or it may have changed
 *  while nobody listened. */
static bool s_look (want_t *want)
{
    fcj_error_t error;
    fcj_front_t *front = want->interest->front;
    fcj_record_t *record = front->store
        ? fcj_store_status (front->store, want->job, want->owner, &error)
        : NULL;
    bool news = record && want->resumed && want->kind != WANT_FILE;
    if (record && fcj_state_terminal (fcj_record_state (record))) {
        news = fcj_interest_is_task (want->what)
            || fcj_record_int (record, "finished", 0) >= want->since;
        want->over = true;
    }
    fcj_record_destroy (&record);
    return news;
}

static bool s_grown (want_t *want)
{
    int64_t size = fcj_output_size (want->interest->front, want->job,
                                    want->what + 6 + FCJ_ID_LEN + 1);
    bool grown = size > want->size;
    if (size >= 0)
        want->size = size;
    return grown;
}

/*  Whether there is something to tell; when to come back. */
static bool s_is_due (want_t *want, int64_t now)
{
    bool news = want->changed;
    bool look = want->look && !want->over;
    want->due = 0;
    want->changed = want->look = false;
    if (look && s_look (want))
        news = true;
    if (want->kind == WANT_OUTPUT && !want->over) {
        if (s_grown (want))
            news = true;
        s_note (want, now + FCJ_INTEREST_MS);
    }
    return news;
}

/*  The want may be gone afterwards. */
static void s_tell (want_t *want, int64_t now)
{
    fcj_interest_t *self = want->interest;
    bool legacy = self->session != NULL;
    want->told = now;
    if (!fcj_interest_is_task (want->what)) {
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

static void s_note_next (const want_t *want)
{
    fcj_front_t *front = want->interest->front;
    if (want->due && want->due < front->next_due)
        front->next_due = want->due;
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
            if (!want->due || want->due > now)
                s_note_next (want);
            else if (s_is_due (want, now))
                s_tell (want, now);
        }
        one = front->listening;
    }
}
