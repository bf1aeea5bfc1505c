/*  test_codec.c - any bytes give a map or nothing.  */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "jobs/codec.h"
#include "jobs/error.h"
#include "jobs/job.h"
#include "jobs/limits.h"

#include <stdlib.h>
#include <string.h>

static fcj_pack_t *s_sample (void)
{
    fcj_pack_t *pack = fcj_pack_new ();
    fcj_pack_map (pack, 7);
    fcj_pack_kstr (pack, "text", "caf\xc3\xa9");
    fcj_pack_kint (pack, "big", INT64_MIN);
    fcj_pack_kreal (pack, "real", 0.5);
    fcj_pack_kbool (pack, "yes", true);
    fcj_pack_kstr (pack, "nil", NULL);
    fcj_pack_key (pack, "list");
    fcj_pack_array (pack, 2);
    fcj_pack_str (pack, "a");
    fcj_pack_map (pack, 1);
    fcj_pack_kint (pack, "n", 7);
    fcj_pack_key (pack, "map");
    fcj_pack_map (pack, 1);
    fcj_pack_kstrn (pack, "nul", "a\0b", 3);
    return pack;
}

/*  Every way to read every value.  */
static void s_walk (const fcj_map_t *map, int depth)
{
    assert_true (depth <= FCJ_DEPTH_MAX);
    for (size_t n = 0; n < fcj_map_count (map); n++) {
        size_t size;
        char key[64], text[16];
        const char *bytes = fcj_map_key_at (map, n, &size);
        if (!bytes || size >= sizeof (key))
            continue;
        memcpy (key, bytes, size);
        key[size] = 0;
        fcj_map_copy (map, key, text, sizeof (text));
        fcj_map_int (map, key, 0);
        fcj_map_real (map, key, 0);
        fcj_map_bool (map, key, false);
        const fcj_list_t *list = fcj_map_list (map, key);
        for (size_t i = 0; list && i < fcj_list_count (list); i++)
            if (fcj_list_map (list, i))
                s_walk (fcj_list_map (list, i), depth + 2);
        if (fcj_map_map (map, key))
            s_walk (fcj_map_map (map, key), depth + 1);
    }
}

static void s_decode (const void *bytes, size_t size)
{
    /* an exact copy, so that the sanitizer sees a read past the end */
    char *copy = malloc (size ? size : 1);
    memcpy (copy, bytes, size);
    fcj_map_t *map = fcj_map_new (copy, size);
    if (map)
        s_walk (map, 1);
    fcj_map_destroy (&map);
    free (copy);
}

static void what_is_packed_is_read (void **state)
{
    (void) state;
    char text[16];
    size_t size;
    fcj_pack_t *pack = s_sample ();
    fcj_map_t *map = fcj_map_new (fcj_pack_data (pack), fcj_pack_size (pack));
    assert_non_null (map);
    assert_int_equal (fcj_map_copy (map, "text", text, sizeof (text)), 5);
    assert_int_equal (fcj_map_copy (map, "text", text, 5), -1);
    assert_true (fcj_map_int (map, "big", 0) == INT64_MIN);
    assert_true (fcj_map_real (map, "real", 0) > 0.4);
    assert_int_equal (fcj_map_int (map, "real", 3), 3);
    assert_true (fcj_map_bool (map, "yes", false));
    assert_false (fcj_map_has (map, "nil") || fcj_map_has (map, "none"));
    const fcj_list_t *list = fcj_map_list (map, "list");
    assert_int_equal (fcj_list_count (list), 2);
    assert_int_equal (fcj_map_int (fcj_list_map (list, 1), "n", 0), 7);
    assert_null (fcj_list_map (list, 2));
    const fcj_map_t *inner = fcj_map_map (map, "map");
    assert_non_null (fcj_map_bytes (inner, "nul", &size));
    assert_int_equal (size, 3);
    assert_int_equal (fcj_map_copy (inner, "nul", text, sizeof (text)), -1);
    fcj_map_destroy (&map);
    fcj_pack_destroy (&pack);
}

static void a_repacked_value_is_the_same (void **state)
{
    (void) state;
    fcj_pack_t *pack = s_sample (), *out = fcj_pack_new ();
    fcj_map_t *map = fcj_map_new (fcj_pack_data (pack), fcj_pack_size (pack));
    assert_int_equal (fcj_map_repack (map, "none", out), -1);
    assert_int_equal (fcj_map_repack (map, "map", out), 0);
    fcj_map_t *again = fcj_map_new (fcj_pack_data (out), fcj_pack_size (out));
    assert_non_null (again);
    assert_true (fcj_map_has (again, "nul"));
    fcj_map_destroy (&again);
    fcj_map_destroy (&map);
    fcj_pack_destroy (&out);
    fcj_pack_destroy (&pack);
}

static void a_message_cut_short_or_too_long_is_refused (void **state)
{
    (void) state;
    fcj_pack_t *pack = s_sample ();
    size_t size = fcj_pack_size (pack);
    for (size_t n = 0; n < size; n++) {
        assert_null (fcj_map_new (fcj_pack_data (pack), n));
        s_decode (fcj_pack_data (pack), n);
    }
    fcj_pack_nil (pack);
    assert_null (fcj_map_new (fcj_pack_data (pack), size + 1));
    fcj_pack_destroy (&pack);
    assert_null (fcj_map_new ("\x90", 1));      /* an array */
    assert_null (fcj_map_new (NULL, 0));
}

static void nesting_has_a_limit (void **state)
{
    (void) state;
    for (int depth = 1; depth <= 2 * FCJ_DEPTH_MAX; depth++) {
        fcj_pack_t *pack = fcj_pack_new ();
        for (int n = 1; n < depth; n++) {
            fcj_pack_map (pack, 1);
            fcj_pack_key (pack, "k");
        }
        fcj_pack_map (pack, 0);
        fcj_map_t *map =
            fcj_map_new (fcj_pack_data (pack), fcj_pack_size (pack));
        assert_int_equal (map != NULL, depth <= FCJ_DEPTH_MAX);
        fcj_map_destroy (&map);
        fcj_pack_destroy (&pack);
    }
}

static void a_length_nobody_sent_allocates_nothing (void **state)
{
    (void) state;
    const char *huge[] = {"\xdf\xff\xff\xff\xff", "\xdd\xff\xff\xff\xff",
                          "\x81\xa1k\xdd\x7f\xff\xff\xff",
                          "\x81\xa1k\xdb\xff\xff\xff\xff",
                          "\x81\xa1k\xc6\xff\xff\xff\xff",
                          "\x81\xa1k\xc1", "\x81\xa1k\xc9\xff\xff\xff\xff"};
    for (size_t n = 0; n < sizeof (huge) / sizeof (*huge); n++)
        assert_null (fcj_map_new (huge[n], strlen (huge[n])));
    /* eight million one-byte values are a small frame and 200 MB decoded */
    size_t size = FCJ_FRAME_MAX;
    char *many = calloc (1, size);
    size_t count = size - 8;
    memcpy (many, "\x81\xa1k\xdd", 4);
    for (int n = 0; n < 4; n++)
        many[4 + n] = (char) (count >> (24 - 8 * n));
    assert_null (fcj_map_new (many, size));
    free (many);
}

static void mutated_messages_never_crash (void **state)
{
    (void) state;
    fcj_pack_t *pack = s_sample ();
    size_t size = fcj_pack_size (pack);
    unsigned seed = 20261121;
    print_message ("seed %u\n", seed);
    for (int n = 0; n < 20000; n++) {
        unsigned char copy[256];
        assert_true (size <= sizeof (copy));
        memcpy (copy, fcj_pack_data (pack), size);
        for (int hits = 1 + rand_r (&seed) % 6; hits; hits--)
            copy[(unsigned) rand_r (&seed) % size] =
                (unsigned char) rand_r (&seed);
        s_decode (copy, size);
    }
    fcj_pack_destroy (&pack);
}

static void names_read_back_and_ids_are_strict (void **state)
{
    (void) state;
    for (int n = 0; n < FCJ_REASON_COUNT; n++)
        assert_int_equal (fcj_reason_of (fcj_reason_name ((fcj_reason_t) n)),
                          n);
    assert_int_equal (fcj_reason_of ("nobody"), FCJ_INTERNAL);
    assert_int_equal (fcj_state_of ("cancelled"), FCJ_CANCELLED);
    assert_int_equal (fcj_lane_of (NULL), -1);
    fcj_id_t id;
    for (int n = 0; n < 1000; n++) {
        fcj_id_new (id);
        assert_true (fcj_id_valid (id));
    }
    id[14] = '5';
    assert_false (fcj_id_valid (id));
    assert_false (fcj_id_valid ("") || fcj_id_valid (NULL));
    assert_false (fcj_id_valid ("0A000000-0000-4000-8000-000000000000"));
    assert_false (fcj_id_valid ("00000000-0000-4000-8000-0000000000000"));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (what_is_packed_is_read),
        cmocka_unit_test (a_repacked_value_is_the_same),
        cmocka_unit_test (a_message_cut_short_or_too_long_is_refused),
        cmocka_unit_test (nesting_has_a_limit),
        cmocka_unit_test (a_length_nobody_sent_allocates_nothing),
        cmocka_unit_test (mutated_messages_never_crash),
        cmocka_unit_test (names_read_back_and_ids_are_strict),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
