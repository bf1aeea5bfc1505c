/*  fuzz_jwt.c - any token against any key set: good, bad, or no key.
 *
 *  Input: the token on a line, then the key set.  */

#include "mcp-frontend/auth/jwt.h"
#include <stdlib.h>
#include <string.h>

static void s_judge (const char *token, const fcj_jwks_t *keys)
{
    static const char *const audiences[] = { "https://us.example/mcp",
                                             NULL };
    fcj_jwt_rules_t rules = { audiences, 1800000000, 30 };
    const char *why = NULL;
    int64_t expires = 0;
    fcj_jwt_t *jwt = fcj_jwt_open (token, ~0u, &why);
    if (!jwt && !why)
        abort ();
    if (!jwt)
        return;
    fcj_jwt_claim (jwt, "iss");
    fcj_jwt_scope (jwt);
    if (fcj_jwt_check (jwt, &rules, &expires, &why) != 0 && !why)
        abort ();
    if (keys)
        fcj_jwt_verify (jwt, keys);
    fcj_jwt_destroy (&jwt);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char *text = malloc (size + 1);
    fcj_error_t error;
    memcpy (text, data, size);
    text[size] = 0;
    char *set = strchr (text, '\n');
    if (set)
        *set++ = 0;
    fcj_jwks_t *keys = set? fcj_jwks_new (set, strlen (set), &error): NULL;
    s_judge (text, keys);
    fcj_jwks_destroy (&keys);
    free (text);
    return 0;
}
