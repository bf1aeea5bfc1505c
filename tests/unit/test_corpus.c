/*  test_corpus.c - what fuzzing starts from, and what it once found, through
 *  the same targets, without a fuzzer (make asan runs this too).  */

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <sodium.h>

#define LLVMFuzzerTestOneInput s_codec
#include "tests/fuzz/fuzz_codec.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput s_frames
#include "tests/fuzz/fuzz_frames.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput s_rpc
#include "tests/fuzz/fuzz_rpc.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput s_ladder
#include "tests/fuzz/fuzz_ladder.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput s_jwt
#include "tests/fuzz/fuzz_jwt.c"
#undef LLVMFuzzerTestOneInput

#define FILE_BYTES (1 << 20)

static void s_replay (const char *topic,
                      int (*target) (const uint8_t *data, size_t size))
{
    char path[400], directory[100];
    uint8_t *data = malloc (FILE_BYTES);
    size_t count = 0;
    snprintf (directory, sizeof directory, "tests/fuzz/corpus/%s", topic);
    DIR *all = opendir (directory);
    assert_non_null (all);      /* tests run at the top of the tree */
    for (struct dirent *one; (one = readdir (all));) {
        snprintf (path, sizeof path, "%s/%s", directory, one->d_name);
        FILE *file = *one->d_name == '.'? NULL: fopen (path, "r");
        if (!file)
            continue;
        size_t size = fread (data, 1, FILE_BYTES, file);
        fclose (file);
        assert_int_equal (target (data, size), 0);
        for (size_t cut = 0; cut < size && cut < 2000; cut += 7)
            target (data, cut); /* the same, torn */
        count++;
    }
    closedir (all);
    free (data);
    assert_true (count >= 5);
}

static void msgpack_decoders_stand_the_corpus (void **state)
{
    (void) state;
    s_replay ("codec", s_codec);
}

static void frames_come_out_the_same_however_they_are_cut (void **state)
{
    (void) state;
    s_replay ("frames", s_frames);
}

static void the_json_decoder_stands_the_corpus (void **state)
{
    (void) state;
    s_replay ("rpc", s_rpc);
}

static void the_ladder_of_headers_stands_the_corpus (void **state)
{
    (void) state;
    s_replay ("ladder", s_ladder);
}

static void tokens_and_key_sets_stand_the_corpus (void **state)
{
    (void) state;
    s_replay ("jwt", s_jwt);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test (msgpack_decoders_stand_the_corpus),
        cmocka_unit_test (frames_come_out_the_same_however_they_are_cut),
        cmocka_unit_test (the_json_decoder_stands_the_corpus),
        cmocka_unit_test (the_ladder_of_headers_stands_the_corpus),
        cmocka_unit_test (tokens_and_key_sets_stand_the_corpus),
    };
    return sodium_init () < 0? 1
         : cmocka_run_group_tests (tests, NULL, NULL);
}
