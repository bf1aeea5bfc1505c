/*  fuzz_codec.c - any bytes give a map or NULL, and a map can be read whole.
 *
 *  Reads every value of a decoded map in every way the codec offers, so that
 *  the sanitizers see each path that a hostile peer could reach.  */

#include "jobs/codec.h"

static void s_read (const fcj_map_t *map, int depth)
{
    char text[64];
    for (size_t n = 0; n < fcj_map_count (map); n++) {
        size_t size = 0;
        const char *key = fcj_map_key_at (map, n, &size);
        if (!key || size >= sizeof (text))
            continue;
        for (size_t i = 0; i < size; i++)
            text[i] = key[i];
        text[size] = 0;
        char value[32];
        fcj_map_copy (map, text, value, sizeof (value));
        fcj_map_bytes (map, text, &size);
        fcj_map_int (map, text, 0);
        fcj_map_real (map, text, 0);
        fcj_map_bool (map, text, false);
        const fcj_list_t *list = fcj_map_list (map, text);
        for (size_t i = 0; list && i < fcj_list_count (list); i++) {
            fcj_list_bytes (list, i, &size);
            const fcj_map_t *in = fcj_list_map (list, i);
            if (in && depth < 20)
                s_read (in, depth + 1);
        }
        const fcj_map_t *child = fcj_map_map (map, text);
        if (child && depth < 20)
            s_read (child, depth + 1);
    }
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    fcj_map_t *map = fcj_map_new (data, size);
    if (map)
        s_read (map, 0);
    fcj_map_destroy (&map);
    return 0;
}
