/*  test_core.c - what the broker's core promises, one sentence a test. The
 *  store of these tests always says yes, at once.  */

#include "broker/core.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY 100000

typedef struct {
    fcj_core_t *core;
    int64_t now;
    unsigned tokens;
    int ran[64], ran_count, refused, kills, answers, asked;
    fcj_token_t token;                  /* of the last RUN */
    fcj_reason_t reason, ended;
    fcj_action_type_t misfit;           /* call that the store finds stale */
    fcj_state_t reads;                  /* and what it then reads */
    bool counted, executed;             /* of the last requeue */
    char state[16];                     /* of the last event */
} bench_t;

typedef struct {
    fcj_id_t id;
    uint32_t call;
    fcj_state_t state;
    fcj_reason_t outcome;
} due_t;

static void
s_token (void *arg, fcj_token_t token)
{
    snprintf (token, sizeof (fcj_token_t), "%032x",
              ++((bench_t *) arg)->tokens);
}

static void
s_id (int n, fcj_id_t id)
{
    snprintf (id, sizeof (fcj_id_t), "%08x-0000-4000-8000-%012x",
              (unsigned) n * 2654435761u, (unsigned) n);
}

static const char s_foreign[] = "ffffffffffffffffffffffffffffffff";

static void s_step (bench_t *self, const fcj_event_t *event);

static bool
s_note (bench_t *self, const fcj_action_t *action, due_t *due)
{
    due->state = FCJ_QUEUED;
    due->outcome = action->call && action->type == self->misfit ? FCJ_STALE
                                                                : FCJ_OK;
    switch (action->type) {
    case FCJ_DO_RUN:
        strcpy (self->token, action->token);
        self->ran[self->ran_count++ % 64]
            = (int) strtol (action->id + 24, NULL, 16);
        return false;
    case FCJ_DO_REFUSED:
        self->refused++;
        self->reason = action->reason;
        return false;
    case FCJ_DO_KILL: self->kills++; return false;
    case FCJ_DO_ANSWER: self->answers++; return false;
    case FCJ_DO_ASK: self->asked++; return false;
    case FCJ_DO_SUBMIT:
        due->state = action->token[0] ? FCJ_RUNNING : FCJ_QUEUED;
        break;
    case FCJ_DO_FINISH:
        self->ended = action->bytes ? FCJ_OK : action->reason;
        break;
    case FCJ_DO_CANCEL: due->state = FCJ_CANCELLED; break;
    case FCJ_DO_REQUEUE:
        self->counted = action->lost;
        self->executed = action->ran;
        break;
    case FCJ_DO_READ:
        due->state = self->reads;
        self->misfit = FCJ_DO_WARN;
        break;
    case FCJ_DO_EVENT:
        snprintf (self->state, sizeof self->state, "%s", action->state);
        return false;
    default: break;
    }
    strcpy (due->id, action->id);
    due->call = action->call;
    return action->call != 0;
}

static void
s_step (bench_t *self, const fcj_event_t *event)
{
    due_t due[16];
    int count = 0;
    size_t actions = fcj_core_step (self->core, event, self->now);
    for (size_t n = 0; n < actions; n++)
        if (count < 16 && s_note (self, fcj_core_action (self->core, n),
                                  &due[count]))
            count++;
    for (int n = 0; n < count; n++) {
        fcj_event_t stored = { .type = FCJ_EV_STORED, .id = due[n].id,
                               .call = due[n].call, .state = due[n].state,
                               .outcome = due[n].outcome, .attempt = 1,
                               .worker = "other", .token = s_foreign };
        s_step (self, &stored);
    }
}

static void
s_submit_dep (bench_t *self, int n, const char *owner,
              fcj_priority_t priority, int dep)
{
    fcj_id_t id;
    fcj_dep_t deps[1] = { { .state = -1 } };
    s_id (n, id);
    s_id (dep, deps[0].id);
    fcj_event_t event = {
        .type = FCJ_EV_SUBMIT, .ref = 1, .id = id, .owner = owner,
        .priority = priority, .queue_ms = 60000, .deps = deps,
        .dep_count = dep > 0, .bytes = calloc (1, sizeof (fcj_bytes_t) + 1),
    };
    s_step (self, &event);
}

static void
s_submit (bench_t *self, int n, const char *owner, fcj_priority_t priority)
{
    s_submit_dep (self, n, owner, priority, 0);
}

static void
s_worker (bench_t *self, int slots)
{
    fcj_event_t event = { .type = FCJ_EV_HELLO, .worker = "w", .name = "w",
                          .lanes = 1, .slots = slots };
    s_step (self, &event);
}

static void
s_finish (bench_t *self, int n, fcj_state_t state)
{
    fcj_id_t id;
    fcj_token_t token;
    s_id (n, id);
    strcpy (token, self->token);
    fcj_event_t event = {
        .type = FCJ_EV_FINISH, .worker = "w", .id = id, .token = token,
        .state = state, .bytes = calloc (1, sizeof (fcj_bytes_t) + 1),
    };
    s_step (self, &event);
}

/*  Lets the one slot run everything; ran[] holds the order.  */
static void
s_run_all (bench_t *self)
{
    s_worker (self, 1);
    for (int done = 0; done < self->ran_count; done++)
        s_finish (self, self->ran[done], FCJ_COMPLETED);
}

static int
s_setup (void **state)
{
    bench_t *self = calloc (1, sizeof *self);
    *state = self;
    self->now = 1000;
    self->misfit = FCJ_DO_WARN;         /* none */
    self->core = fcj_core_new (MANY, MANY - 1, s_token, self);
    fcj_event_t event = { .type = FCJ_EV_RECOVERED };
    s_step (self, &event);
    return 0;
}

static int
s_teardown (void **state)
{
    bench_t *self = *state;
    assert_null (fcj_core_check (self->core));
    fcj_core_destroy (&self->core);
    free (self);
    return 0;
}

static void
a_job_that_meets_a_free_slot_runs_at_once (void **state)
{
    bench_t *self = *state;
    s_worker (self, 1);
    s_submit (self, 1, "a", FCJ_NORMAL);
    assert_int_equal (self->ran_count, 1);
}

static void
higher_priorities_go_first (void **state)
{
    bench_t *self = *state;
    s_submit (self, 1, "a", FCJ_LOW);
    s_submit (self, 2, "a", FCJ_NORMAL);
    s_submit (self, 3, "a", FCJ_HIGH);
    s_run_all (self);
    assert_memory_equal (self->ran, ((int[]) { 3, 2, 1 }), 3 * sizeof (int));
}

static void
owners_take_turns (void **state)
{
    bench_t *self = *state;
    for (int n = 1; n <= 4; n++)
        s_submit (self, n, "a", FCJ_NORMAL);
    s_submit (self, 5, "b", FCJ_NORMAL);
    s_submit (self, 6, "b", FCJ_NORMAL);
    s_run_all (self);
    assert_memory_equal (self->ran, ((int[]) { 1, 5, 2, 6, 3, 4 }),
                         6 * sizeof (int));
}

static void
high_jobs_of_one_owner_make_nobody_wait_for_all_of_them (void **state)
{
    bench_t *self = *state;
    for (int n = 1; n <= 4; n++)
        s_submit (self, n, "a", FCJ_HIGH);
    s_submit (self, 5, "b", FCJ_LOW);
    s_submit (self, 6, "b", FCJ_NORMAL);
    s_run_all (self);
    assert_memory_equal (self->ran, ((int[]) { 1, 6, 2, 5, 3, 4 }),
                         6 * sizeof (int));
}

static void
the_position_told_is_the_position_had (void **state)
{
    bench_t *self = *state;
    for (int n = 1; n <= 4; n++)
        s_submit (self, n, "a", n == 4 ? FCJ_HIGH : FCJ_NORMAL);
    s_submit (self, 5, "b", FCJ_LOW);
    int64_t place[6];
    for (int n = 1; n <= 5; n++) {
        fcj_id_t id;
        s_id (n, id);
        place[n] = fcj_core_place (self->core, id, NULL);
    }
    s_run_all (self);
    for (int n = 1; n <= 5; n++)
        assert_int_equal (self->ran[place[n] - 1], n);
}

static void
a_dependency_that_fails_fails_who_waits (void **state)
{
    bench_t *self = *state;
    s_submit (self, 1, "a", FCJ_NORMAL);
    s_submit_dep (self, 2, "a", FCJ_NORMAL, 1);
    s_worker (self, 2);
    assert_int_equal (self->ran_count, 1);
    s_finish (self, 1, FCJ_FAILED);
    assert_int_equal (self->ended, FCJ_DEPENDENCY);
    assert_int_equal (self->ran_count, 1);
}

static void
a_job_that_waits_too_long_expires (void **state)
{
    bench_t *self = *state;
    s_submit (self, 1, "a", FCJ_NORMAL);
    self->now += 60001;
    fcj_event_t event = { .type = FCJ_EV_TICK };
    s_step (self, &event);
    assert_int_equal (self->ended, FCJ_EXPIRED);
}

static void
a_job_that_loses_its_worker_three_times_is_poison (void **state)
{
    bench_t *self = *state;
    s_worker (self, 1);
    s_submit (self, 1, "a", FCJ_NORMAL);
    for (int n = 0; n < 3; n++) {
        assert_int_equal (self->ran_count, n + 1);
        self->now += FCJ_LEASE_MS + 1;
        fcj_event_t event = { .type = FCJ_EV_TICK };
        s_step (self, &event);
    }
    assert_int_equal (self->ran_count, 3);
    assert_int_equal (self->ended, FCJ_POISON);
}

static void
a_stale_token_finishes_nothing (void **state)
{
    bench_t *self = *state;
    s_worker (self, 1);
    s_submit (self, 1, "a", FCJ_NORMAL);
    strcpy (self->token, "000000000000000000000000000000ff");
    s_finish (self, 1, FCJ_COMPLETED);
    fcj_id_t id;
    s_id (1, id);
    assert_string_equal (fcj_core_state (self->core, id, NULL, NULL),
                         "running");
}

static void
a_job_that_was_handed_over_runs_until_the_store_has_its_end (void **state)
{
    bench_t *self = *state;
    fcj_id_t id;
    s_id (1, id);
    s_worker (self, 1);
    s_submit (self, 1, "a", FCJ_NORMAL);
    fcj_event_t event = {
        .type = FCJ_EV_FINISH, .worker = "w", .id = id, .token = self->token,
        .state = FCJ_COMPLETED, .bytes = calloc (1, sizeof (fcj_bytes_t) + 1),
    };
    fcj_core_step (self->core, &event, self->now);
    assert_true (fcj_core_pending (self->core));
    assert_string_equal (fcj_core_state (self->core, id, NULL, NULL),
                         "running");
}

static void
a_cancelled_job_is_killed_and_keeps_its_slot_until_it_is_gone (void **state)
{
    bench_t *self = *state;
    fcj_id_t id;
    s_worker (self, 1);
    s_submit (self, 1, "a", FCJ_NORMAL);
    s_submit (self, 2, "a", FCJ_NORMAL);
    s_id (1, id);
    fcj_held_t held = { .id = "" };
    strcpy (held.token, self->token);
    fcj_event_t cancel = { .type = FCJ_EV_CANCEL, .ref = 1, .id = id,
                           .owner = "a" };
    fcj_event_t beat = { .type = FCJ_EV_BEAT, .worker = "w", .held = &held,
                         .held_count = 1 };
    s_step (self, &cancel);
    assert_int_equal (self->kills, 1);
    s_step (self, &beat);
    assert_int_equal (self->kills, 2);
    assert_int_equal (self->ran_count, 1);
    beat.held_count = 0;
    s_step (self, &beat);
    assert_int_equal (self->ran_count, 2);
}

static void
s_question (bench_t *self, fcj_event_type_t type, int64_t ask,
            const char *owner)
{
    fcj_id_t id;
    fcj_token_t token;
    s_id (1, id);
    strcpy (token, self->token);
    fcj_event_t event = { .type = type, .ref = 1, .worker = "w", .id = id,
                          .token = token, .ask = ask, .message = "{}",
                          .owner = owner };
    if (type == FCJ_EV_ANSWER) {
        event.bytes = calloc (1, sizeof (fcj_bytes_t) + 1);
        event.bytes->size = 1;
        event.bytes->data[0] = owner ? *owner : 0;
    }
    s_step (self, &event);
}

static void
a_question_is_answered_once_and_again_for_who_did_not_hear (void **state)
{
    bench_t *self = *state;
    s_worker (self, 1);
    s_submit (self, 1, "me", FCJ_NORMAL);
    s_question (self, FCJ_EV_ASK, 1, NULL);
    assert_int_equal (self->asked, 1);
    s_question (self, FCJ_EV_ANSWER, 1, "you");
    assert_int_equal (self->reason, FCJ_NOT_FOUND);
    s_question (self, FCJ_EV_ANSWER, 2, "me");
    assert_int_equal (self->reason, FCJ_STALE);
    assert_int_equal (self->answers, 0);
    s_question (self, FCJ_EV_ANSWER, 1, "me");
    assert_int_equal (self->answers, 1);
    assert_int_equal (self->refused, 2);
    s_question (self, FCJ_EV_ANSWER, 1, "me");          /* repeated */
    assert_int_equal (self->refused, 2);
    s_question (self, FCJ_EV_ANSWER, 1, NULL);          /* another one */
    assert_int_equal (self->refused, 3);
    s_question (self, FCJ_EV_ASK, 1, NULL);             /* did not hear */
    assert_int_equal (self->asked, 1);
    assert_int_equal (self->answers, 3);
    s_question (self, FCJ_EV_ASK, 2, NULL);
    assert_int_equal (self->asked, 2);
    s_question (self, FCJ_EV_UNASK, 2, NULL);
    s_question (self, FCJ_EV_ANSWER, 2, "me");
    assert_int_equal (self->reason, FCJ_STALE);
    assert_null (fcj_core_check (self->core));
}

static void
a_call_that_does_not_fit_loses_no_job (void **state)
{
    static const fcj_state_t reads[] = { FCJ_QUEUED, FCJ_RUNNING,
                                         FCJ_CANCELLED };
    bench_t *self = *state;
    fcj_core_counts_t counts;
    for (int n = 0; n < 3; n++) {
        s_worker (self, 1);
        s_submit (self, 1, "me", FCJ_NORMAL);
        self->reads = reads[n];
        self->misfit = FCJ_DO_FINISH;
        s_finish (self, 1, FCJ_COMPLETED);
        fcj_core_counts (self->core, &counts);
        assert_int_equal (counts.live, n < 2);
        if (n == 1)                     /* of another attempt, by the record */
            self->now += FCJ_LEASE_MS + 1;
        s_step (self, &(fcj_event_t) { .type = FCJ_EV_TICK });
        if (n < 2)
            s_finish (self, 1, FCJ_COMPLETED);
        fcj_core_counts (self->core, &counts);
        assert_int_equal (counts.live, 0);
        assert_string_equal (self->state, n < 2 ? "completed" : "cancelled");
        assert_null (fcj_core_check (self->core));
    }
}

static void
a_lease_that_was_never_delivered_is_no_execution (void **state)
{
    bench_t *self = *state;
    fcj_id_t id;
    s_id (1, id);
    s_step (self, &(fcj_event_t) {
        .type = FCJ_EV_RECOVER, .id = id, .owner = "me", .attempt = 1,
        .state = FCJ_RUNNING, .worker = "w", .queue_ms = 1000000,
        .token = "0123456789abcdef0123456789abcdef" });
    s_worker (self, 1);                 /* does not have it */
    self->counted = true;
    self->now += 3000;
    s_step (self, &(fcj_event_t) { .type = FCJ_EV_TICK });
    assert_false (self->counted);
    assert_false (self->executed);
    assert_int_equal (self->ran_count, 1);
    int attempt = 0;
    fcj_core_state (self->core, id, NULL, &attempt);
    assert_int_equal (attempt, 1);
}

/*  self->token is that of the last RUN: whose it has to be is put there.  */
static void
a_job_that_asks_lends_its_slot (void **state)
{
    bench_t *self = *state;
    fcj_token_t first, second;
    s_worker (self, 1);
    for (int n = 1; n <= 4; n++)
        s_submit (self, n, "me", FCJ_NORMAL);
    assert_int_equal (self->ran_count, 1);
    strcpy (first, self->token);
    s_question (self, FCJ_EV_ASK, 1, NULL);
    assert_int_equal (self->ran_count, 2);
    strcpy (second, self->token);
    strcpy (self->token, first);
    s_question (self, FCJ_EV_ASK, 1, NULL);             /* says it again */
    assert_int_equal (self->ran_count, 2);
    s_question (self, FCJ_EV_ANSWER, 1, "me");
    assert_null (fcj_core_check (self->core));
    strcpy (self->token, second);
    s_finish (self, 2, FCJ_COMPLETED);          /* one too many until now */
    assert_int_equal (self->ran_count, 2);
    strcpy (self->token, first);
    s_finish (self, 1, FCJ_COMPLETED);
    assert_int_equal (self->ran_count, 3);
    assert_null (fcj_core_check (self->core));
}

static void
no_more_jobs_rest_than_there_are_slots (void **state)
{
    bench_t *self = *state;
    fcj_id_t id;
    s_worker (self, 1);
    for (int n = 1; n <= 4; n++)
        s_submit (self, n, "me", FCJ_NORMAL);
    for (int n = 1; n <= 2; n++) {
        s_id (n, id);
        s_step (self, &(fcj_event_t) {
            .type = FCJ_EV_ASK, .worker = "w", .id = id,
            .token = self->token, .ask = 1, .message = "{}" });
        assert_null (fcj_core_check (self->core));
    }
    assert_int_equal (self->asked, 2);
    assert_int_equal (self->ran_count, 2);
}

static void
a_question_ends_with_its_attempt (void **state)
{
    bench_t *self = *state;
    s_worker (self, 1);
    s_submit (self, 1, "me", FCJ_NORMAL);
    s_question (self, FCJ_EV_ASK, 1, NULL);
    self->now += FCJ_LEASE_MS + 1;
    s_step (self, &(fcj_event_t) { .type = FCJ_EV_TICK });
    assert_int_equal (self->ran_count, 2);
    s_question (self, FCJ_EV_ANSWER, 1, "me");
    assert_int_equal (self->answers, 0);
    assert_int_equal (self->refused, 1);
    assert_null (fcj_core_check (self->core));
}

static void
a_full_queue_refuses_and_a_hundred_thousand_leave_in_order (void **state)
{
    bench_t *self = *state;
    for (int n = 1; n < MANY; n++)
        s_submit (self, n, "a", FCJ_NORMAL);
    assert_int_equal (self->refused, 0);
    s_submit (self, MANY, "a", FCJ_NORMAL);
    assert_int_equal (self->reason, FCJ_QUEUE_FULL);
    s_submit (self, MANY, "b", FCJ_NORMAL);
    s_submit (self, MANY + 1, "c", FCJ_NORMAL);
    assert_int_equal (self->refused, 2);
    s_worker (self, 1);
    for (int n = 0; n < MANY; n++)
        s_finish (self, self->ran[n % 64], FCJ_COMPLETED);
    fcj_core_counts_t counts;
    fcj_core_counts (self->core, &counts);
    assert_int_equal (counts.live, 0);
    assert_int_equal (counts.completed, MANY);
}

/*  One event of job n; returns the call of the last action.  */
static uint32_t
s_raw (fcj_core_t *core, fcj_event_t event, int n, int64_t now)
{
    fcj_id_t id;
    s_id (n, id);
    event.id = id;
    event.owner = "me";
    size_t count = fcj_core_step (core, &event, now);
    assert_null (fcj_core_check (core));
    return count ? fcj_core_action (core, count - 1)->call : 0;
}

static void
a_job_that_ended_unseen_wakes_who_waits_for_it (void **state)
{
    (void) state;
    bench_t self = { 0 };
    fcj_core_t *core = fcj_core_new (10, 10, s_token, &self);
    fcj_dep_t dep = { .state = FCJ_COMPLETED };
    fcj_id_t waiter;
    s_id (1, dep.id);
    s_id (2, waiter);
    s_raw (core, (fcj_event_t) { .type = FCJ_EV_RECOVERED }, 1, 0);
    uint32_t first = s_raw (core, (fcj_event_t) { .type = FCJ_EV_SUBMIT,
                            .ref = 1, .queue_ms = 60000 }, 1, 0);
    uint32_t second = s_raw (core, (fcj_event_t) { .type = FCJ_EV_SUBMIT,
                             .ref = 2, .queue_ms = 60000, .deps = &dep,
                             .dep_count = 1 }, 2, 0);
    s_raw (core, (fcj_event_t) { .type = FCJ_EV_STORED, .call = second,
           .state = FCJ_QUEUED, .deps = &dep, .dep_count = 1 }, 2, 1);
    assert_int_equal (fcj_core_place (core, waiter, NULL), 0);
    s_raw (core, (fcj_event_t) { .type = FCJ_EV_STORED, .call = first,
           .state = FCJ_COMPLETED }, 1, 2);
    assert_int_equal (fcj_core_place (core, waiter, NULL), 1);
    fcj_core_destroy (&core);
}

static void
a_job_that_ran_long_does_not_expire_when_it_is_requeued (void **state)
{
    (void) state;
    bench_t self = { 0 };
    fcj_core_t *core = fcj_core_new (10, 10, s_token, &self);
    fcj_id_t id;
    fcj_token_t token = "00000000000000000000000000000001";
    s_id (1, id);
    s_raw (core, (fcj_event_t) { .type = FCJ_EV_RECOVERED }, 1, 0);
    s_raw (core, (fcj_event_t) { .type = FCJ_EV_HELLO, .worker = "w",
           .lanes = 1, .slots = 1 }, 1, 0);
    uint32_t call = s_raw (core, (fcj_event_t) { .type = FCJ_EV_SUBMIT,
                           .ref = 1, .queue_ms = 1000 }, 1, 0);
    s_raw (core, (fcj_event_t) { .type = FCJ_EV_STORED, .call = call,
           .state = FCJ_RUNNING }, 1, 1);
    s_raw (core, (fcj_event_t) { .type = FCJ_EV_DRAIN, .worker = "w" },
           1, 2);
    call = s_raw (core, (fcj_event_t) { .type = FCJ_EV_RELEASE,
                  .worker = "w", .token = token, .lost = true }, 1, 5000);
    s_raw (core, (fcj_event_t) { .type = FCJ_EV_STORED, .call = call }, 1,
           5001);
    s_raw (core, (fcj_event_t) { .type = FCJ_EV_TICK }, 1, 5002);
    assert_int_equal (fcj_core_place (core, id, NULL), 1);
    fcj_core_destroy (&core);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int
main (void)
{
    const struct CMUnitTest tests[] = {
        TEST (a_job_that_meets_a_free_slot_runs_at_once),
        TEST (higher_priorities_go_first),
        TEST (owners_take_turns),
        TEST (high_jobs_of_one_owner_make_nobody_wait_for_all_of_them),
        TEST (the_position_told_is_the_position_had),
        TEST (a_dependency_that_fails_fails_who_waits),
        TEST (a_job_that_waits_too_long_expires),
        TEST (a_job_that_loses_its_worker_three_times_is_poison),
        TEST (a_stale_token_finishes_nothing),
        TEST (a_job_that_ended_unseen_wakes_who_waits_for_it),
        TEST (a_job_that_ran_long_does_not_expire_when_it_is_requeued),
        TEST (a_job_that_was_handed_over_runs_until_the_store_has_its_end),
        TEST (a_cancelled_job_is_killed_and_keeps_its_slot_until_it_is_gone),
        TEST (a_question_is_answered_once_and_again_for_who_did_not_hear),
        TEST (a_question_ends_with_its_attempt),
        TEST (a_job_that_asks_lends_its_slot),
        TEST (no_more_jobs_rest_than_there_are_slots),
        TEST (a_call_that_does_not_fit_loses_no_job),
        TEST (a_lease_that_was_never_delivered_is_no_execution),
        TEST (a_full_queue_refuses_and_a_hundred_thousand_leave_in_order),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
