/*  test_seal.c - what a client carries for us between two rounds: nobody but
 *  the owner, for the same request, in time, gets it opened.  */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sodium.h>

#include "jobs/json.h"
#include "mcp-frontend/front.h"
#include "mcp-frontend/protocol/seal.h"
#include "tests/unit/redis.h"

#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

static test_redis_t s_redis;

/*  A front-end as far as a seal needs one.  */
typedef struct {
    fcj_front_t front;
    fcj_call_t call;
} end_t;

static end_t *s_end (const char *owner, const char *method,
                     const char *params)
{
    fcj_error_t error;
    end_t *self = calloc (1, sizeof *self);
    fcj_front_t *front = &self->front;
    front->store = fcj_store_new (s_redis.url, &error);
    front->redis = fcj_async_new (s_redis.url, &error);
    front->blobs = fcj_blobs_new (s_redis.dir, &error);
    front->client = fcj_client_new ("ipc:///nonexistent/none", "test", NULL,
                                    NULL, &error);
    assert_non_null (front->client);
    self->call.front = front;
    self->call.method = method;
    self->call.params = json_loads (params, 0, NULL);
    assert_non_null (self->call.params);
    snprintf (self->call.owner, sizeof self->call.owner, "%s", owner);
    return self;
}

static void s_end_destroy (end_t **self_p)
{
    end_t *self = *self_p;
    fcj_store_destroy (&self->front.store);
    fcj_async_destroy (&self->front.redis);
    fcj_blobs_destroy (&self->front.blobs);
    fcj_client_destroy (&self->front.client);
    json_decref (self->call.params);
    free (self);
    *self_p = NULL;
}

#define CALL  "tools/call"
#define BOX   "{\"name\":\"box\",\"arguments\":{\"x\":1,\"wait_s\":5}}"

static char *s_seal (end_t *end)
{
    fcj_error_t error = { FCJ_OK, false, "" };
    json_t *state = json_pack ("{s:i}", "round", 2);
    char *sealed = fcj_seal (&end->call, state, &error);
    json_decref (state);
    if (!sealed)
        fail_msg ("%s", error.text);
    return sealed;
}

/*  Opens; the reason it was refused for must have that word.  */
static void s_expect (end_t *end, const char *sealed, const char *refusal)
{
    fcj_error_t error = { FCJ_OK, false, "" };
    json_t *state = fcj_seal_open (&end->call, sealed, &error);
    if (refusal) {
        assert_null (state);
        assert_int_equal (error.reason, FCJ_INVALID);
        assert_non_null (strstr (error.text, refusal));
        assert_non_null (strstr (error.text, "call again without it"));
    }
    else
        assert_int_equal (json_integer_value (json_object_get (
            state, "round")), 2);
    json_decref (state);
}

static void s_other (const char *owner, const char *method,
                     const char *params, const char *sealed,
                     const char *refusal)
{
    end_t *end = s_end (owner, method, params);
    s_expect (end, sealed, refusal);
    s_end_destroy (&end);
}

/* ---- Whose it is --------------------------------------------------------- */

static void the_owner_gets_it_back_at_any_front_end (void **state)
{
    (void) state;
    end_t *one = s_end ("ann", CALL, BOX);
    char *sealed = s_seal (one);
    assert_null (strstr (sealed, "round"));
    s_expect (one, sealed, NULL);
    s_expect (one, sealed, NULL);       /* a request that is repeated */
    s_end_destroy (&one);
    s_other ("ann", CALL, BOX, sealed, NULL);
    s_other ("ann", CALL, "{\"arguments\":{\"wait_s\":9,\"x\":1},"
             "\"name\":\"box\",\"_meta\":{}}", sealed, NULL);
    free (sealed);
}

static void another_owner_or_another_request_does_not (void **state)
{
    (void) state;
    end_t *one = s_end ("ann", CALL, BOX);
    char *sealed = s_seal (one);
    s_other ("bob", CALL, BOX, sealed, "not one that was given");
    s_other ("an", CALL, BOX, sealed, "not one that was given");
    s_other ("ann", "prompts/get", BOX, sealed, "not one that was given");
    s_other ("ann", CALL, "{\"name\":\"box\",\"arguments\":{\"x\":2}}",
             sealed, "not one that was given");
    s_other ("ann", CALL, "{\"name\":\"rm\",\"arguments\":{\"x\":1}}",
             sealed, "not one that was given");
    s_other ("ann", CALL, "{}", sealed, "not one that was given");
    s_end_destroy (&one);
    free (sealed);
}

static void a_front_end_of_another_service_does_not_open_it (void **state)
{
    (void) state;
    test_redis_t here = s_redis;
    end_t *one = s_end ("ann", CALL, BOX);
    char *sealed = s_seal (one);
    s_end_destroy (&one);
    assert_true (test_redis_new (&s_redis));
    s_other ("ann", CALL, BOX, sealed, "not one that was given");
    test_redis_destroy (&s_redis);
    s_redis = here;
    free (sealed);
}

/* ---- What became of it ---------------------------------------------------- */

static void every_changed_character_is_noticed (void **state)
{
    (void) state;
    end_t *one = s_end ("ann", CALL, BOX);
    char *sealed = s_seal (one);
    for (size_t n = 0; sealed[n]; n++) {
        char was = sealed[n];
        sealed[n] = was == 'A' ? 'B' : 'A';
        s_expect (one, sealed, "not one that was given");
        sealed[n] = was;
    }
    s_expect (one, sealed, NULL);
    s_end_destroy (&one);
    free (sealed);
}

static void no_part_of_it_is_enough_and_more_is_too_much (void **state)
{
    (void) state;
    end_t *one = s_end ("ann", CALL, BOX);
    char *sealed = s_seal (one);
    size_t size = strlen (sealed);
    char *longer = calloc (1, FCJ_SEAL_MAX + 2);
    for (size_t n = 0; n < size; n++) {
        memcpy (longer, sealed, n);
        longer[n] = 0;
        s_expect (one, longer, "not one that was given");
    }
    snprintf (longer, FCJ_SEAL_MAX, "%sAAAA", sealed);
    s_expect (one, longer, "not one that was given");
    memset (longer, 'A', FCJ_SEAL_MAX + 1);
    memcpy (longer, "1.", 2);
    s_expect (one, longer, "not one that was given");
    free (longer);
    s_end_destroy (&one);
    free (sealed);
}

/*  Sealed again with the same key, `until` another: only who has the key can
 *  do that.  */
static char *s_until (end_t *end, const char *sealed, json_int_t until)
{
    enum { NONCE = crypto_secretbox_NONCEBYTES,
           MAC = crypto_secretbox_MACBYTES };
    unsigned char box[2048], plain[2048];
    size_t size = 0;
    assert_int_equal (sodium_base642bin (box, sizeof box, sealed + 2,
                          strlen (sealed) - 2, NULL, &size, NULL, VARIANT), 0);
    assert_int_equal (crypto_secretbox_open_easy (plain, box + NONCE,
                          size - NONCE, box, end->front.key), 0);
    json_t *inner = json_loadb ((char *) plain, size - NONCE - MAC, 0, NULL);
    json_object_set_new (inner, "until", json_integer (until));
    char *text = json_dumps (inner, JSON_COMPACT);
    json_decref (inner);
    crypto_secretbox_easy (box + NONCE, (unsigned char *) text, strlen (text),
                           box, end->front.key);
    size = NONCE + MAC + strlen (text);
    char *again = calloc (1, 4096);
    memcpy (again, "1.", 2);
    sodium_bin2base64 (again + 2, 4094, box, size, VARIANT);
    free (text);
    return again;
}

static void it_is_good_for_an_hour (void **state)
{
    (void) state;
    end_t *one = s_end ("ann", CALL, BOX);
    char *sealed = s_seal (one);
    char *old = s_until (one, sealed, fcj_now_ms () - 1);
    char *young = s_until (one, sealed, fcj_now_ms () + 60000);
    s_expect (one, young, NULL);
    s_expect (one, old, "too old");
    free (old);
    free (young);
    free (sealed);
    s_end_destroy (&one);
}

static void without_redis_there_is_no_key_and_no_seal (void **state)
{
    (void) state;
    fcj_error_t error = { FCJ_OK, false, "" };
    test_redis_t here = s_redis;
    strcpy (s_redis.url, "unix:///nonexistent/redis.sock");
    end_t *one = s_end ("ann", CALL, BOX);
    assert_null (fcj_seal (&one->call, NULL, &error));
    assert_int_equal (error.reason, FCJ_STORE_UNAVAILABLE);
    assert_null (fcj_seal_open (&one->call, "1.AAAA", &error));
    assert_int_equal (error.reason, FCJ_STORE_UNAVAILABLE);
    s_end_destroy (&one);
    s_redis = here;
}

static int s_start (void **state)
{
    (void) state;
    return test_redis_new (&s_redis) ? 0 : -1;
}

static int s_stop (void **state)
{
    (void) state;
    test_redis_destroy (&s_redis);
    return 0;
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (the_owner_gets_it_back_at_any_front_end),
        cmocka_unit_test (another_owner_or_another_request_does_not),
        cmocka_unit_test (a_front_end_of_another_service_does_not_open_it),
        cmocka_unit_test (every_changed_character_is_noticed),
        cmocka_unit_test (no_part_of_it_is_enough_and_more_is_too_much),
        cmocka_unit_test (it_is_good_for_an_hour),
        cmocka_unit_test (without_redis_there_is_no_key_and_no_seal),
    };
    return sodium_init () < 0? 1
         : cmocka_run_group_tests (tests, s_start, s_stop);
}
