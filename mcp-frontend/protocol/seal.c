/*  seal.c - libsodium's secretbox does the work. */

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include "../front.h"
#include "seal.h"
#include "../../jobs/json.h"

#define VERSION "1."
#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

static int s_key (fcj_front_t *front, fcj_error_t *error)
{
    if (front->sealed)
        return 0;
    if (fcj_front_open (front, error) != 0
        || fcj_store_secret (front->store, "mcp:key", front->key,
                             sizeof front->key, error) != 0)
        return -1;
    front->sealed = true;
    return 0;
}

/*  What the state is bound to, as hex. */
static void s_what (const fcj_call_t *call, char hex[65])
{
    static const char *const KEYS[] = { "name", "uri", "arguments" };
    unsigned char hash[32];
    json_t *all = json_pack ("[s,s]", call->method, call->owner);
    for (size_t n = 0; n < sizeof KEYS / sizeof *KEYS; n++) {
        json_t *value = json_copy (json_object_get (call->params, KEYS[n]));
        if (json_is_object (value))     /* how long to wait is no matter */
            json_object_del (value, "wait_s");
        bool empty = json_is_object (value) && !json_object_size (value);
        json_array_append_new (all, value && !empty? json_incref (value)
                                                   : json_null ());
        json_decref (value);
    }
    char *text = fcj_json_dumps (all, JSON_COMPACT | JSON_SORT_KEYS);
    crypto_generichash (hash, sizeof hash, (unsigned char *) text,
                        text? strlen (text): 0, NULL, 0);
    sodium_bin2hex (hex, 65, hash, sizeof hash);
    free (text);
    json_decref (all);
}

char *fcj_seal (const fcj_call_t *call, const json_t *state,
                fcj_error_t *error)
{
    char what[65];
    if (s_key (call->front, error) != 0)
        return NULL;
    s_what (call, what);
    json_t *inner = json_pack ("{s:s,s:I,s:s,s:O?}", "owner", call->owner,
                               "until", (json_int_t) (fcj_now_ms ()
                               + FCJ_SEAL_S * 1000), "what", what,
                               "state", (json_t *) state);
    char *plain = fcj_json_dumps (inner, JSON_COMPACT);
    json_decref (inner);
    size_t size = plain? strlen (plain): 0, head = crypto_secretbox_NONCEBYTES;
    size_t total = head + crypto_secretbox_MACBYTES + size;
    unsigned char *box = malloc (total);
    size_t room = sizeof VERSION + sodium_base64_encoded_len (total, VARIANT);
    char *sealed = malloc (room);
    if (!plain || !box || !sealed)
        abort ();
    randombytes_buf (box, head);
    crypto_secretbox_easy (box + head, (unsigned char *) plain, size, box,
                           call->front->key);
    strcpy (sealed, VERSION);
    sodium_bin2base64 (sealed + strlen (VERSION), room - strlen (VERSION),
                       box, total, VARIANT);
    free (plain);
    free (box);
    return sealed;
}

static json_t *s_unbox (const fcj_call_t *call, const char *sealed)
{
    size_t length = strlen (sealed), size = 0;
    size_t least = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
    if (length > FCJ_SEAL_MAX || strncmp (sealed, VERSION, 2) != 0)
        return NULL;
    unsigned char *box = malloc (length);
    unsigned char *plain = malloc (length);
    json_t *inner = NULL;
    if (box && plain
        && sodium_base642bin (box, length, sealed + 2, length - 2, NULL,
                              &size, NULL, VARIANT) == 0
        && size >= least
        && crypto_secretbox_open_easy (
               plain, box + crypto_secretbox_NONCEBYTES,
               size - crypto_secretbox_NONCEBYTES, box,
               call->front->key) == 0)
        inner = json_loadb ((char *) plain, size - least, 0, NULL);
    free (box);
    free (plain);
    return inner;
}

json_t *fcj_seal_open (const fcj_call_t *call, const char *sealed,
                       fcj_error_t *error)
{
    char what[65];
    if (s_key (call->front, error) != 0)
        return NULL;
    s_what (call, what);
    json_t *inner = s_unbox (call, sealed);
    const char *owner = json_string_value (json_object_get (inner, "owner"));
    const char *bound = json_string_value (json_object_get (inner, "what"));
    json_int_t until = json_integer_value (json_object_get (inner, "until"));
    json_t *state = NULL;
    if (!owner || !bound || strcmp (owner, call->owner) != 0
        || strcmp (bound, what) != 0)
        fcj_fail (error, FCJ_INVALID, "requestState is not one that was"
                  " given for this request: call again without it");
    else if (until < fcj_now_ms ())
        fcj_fail (error, FCJ_INVALID, "requestState is too old: call again"
                  " without it");
    else
        state = json_incref (json_object_get (inner, "state"));
    json_decref (inner);
    return state;
}
