/*  request.c - see request.h. Keys are sorted and reals written alike, so
 *  that how a client spelled its JSON makes no difference.  */

#include "request.h"
#include "json.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

int fcj_request_hash (const char *tool, const json_t *arguments,
                      const json_t *inputs,
                      char hex[FCJ_REQUEST_HASH_LEN + 1])
{
    unsigned char hash[FCJ_REQUEST_HASH_LEN / 2];
    json_t *all = json_pack ("[s,O?,O?]", tool, arguments,
                             json_object_size (inputs) ? inputs : NULL);
    char *text = all ? fcj_json_dumps (all, JSON_COMPACT | JSON_SORT_KEYS)
                     : NULL;
    json_decref (all);
    if (!text)
        return -1;
    crypto_generichash (hash, sizeof hash, (const unsigned char *) text,
                        strlen (text), NULL, 0);
    sodium_bin2hex (hex, FCJ_REQUEST_HASH_LEN + 1, hash, sizeof hash);
    free (text);
    return 0;
}

const char *fcj_request_beyond_native (const json_t *tool,
                                       const json_t *arguments)
{
    json_t *unless = json_object_get (json_object_get (tool, "native"),
                                      "unless"), *values, *value, *one;
    const char *key;
    size_t n, m;
    json_object_foreach (unless, key, values) {
        json_t *given = json_object_get (arguments, key);
        json_array_foreach (values, n, value) {
            if (given && json_equal (given, value))
                return key;
            json_array_foreach (given, m, one)
                if (json_equal (one, value))
                    return key;
        }
    }
    return NULL;
}
