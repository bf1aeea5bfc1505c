/*  token.c - fcj token: makes, names and takes away the static bearer tokens
 *  of HTTP clients. A token is shown once, when it is made.  */

#include "commands.h"
#include "../../mcp-frontend/auth/tokens.h"
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const char USAGE[] =
    "usage: fcj token add NAME [--scope read|run|admin] [--owner OWNER]\n"
    "       fcj token list\n"
    "       fcj token remove NAME\n";

static const char *s_path (const link_t *link)
{
    static char standard[4096];
    const char *path = fcj_config_str (link->config, "token-file");
    if (*path)
        return path;
    snprintf (standard, sizeof standard, "%s/tokens",
              fcj_config_path (link->config, "state"));
    return standard;
}

static int s_add (link_t *link, int argc, char **argv)
{
    fcj_scope_t scope = FCJ_SCOPE_RUN;
    fcj_error_t error;
    const char *name = argv[0], *owner = name;
    char secret[FCJ_TOKEN_TEXT];
    for (int n = 1; n < argc; n += 2) {
        bool is_scope = strcmp (argv[n], "--scope") == 0;
        if (n + 1 == argc || (!is_scope && strcmp (argv[n], "--owner") != 0)
            || (is_scope && (scope = fcj_scope_parse (argv[n + 1], true))
                             == FCJ_SCOPE_NONE)) {
            fputs (USAGE, stderr);
            return CLI_USAGE;
        }
        if (!is_scope)
            owner = argv[n + 1];
    }
    if (fcj_tokens_add (s_path (link), name, scope, owner, secret, &error))
        return link_fail (link, &error);
    if (link->json)
        printf ("{\"name\": \"%s\", \"scope\": \"%s\", \"owner\": \"%s\", "
                "\"token\": \"%s\"}\n", name, fcj_scope_name (scope, false),
                owner, secret);
    else {
        puts (secret);
        fprintf (stderr, "This is the only time it is shown. Clients send it"
                 " as\n  Authorization: Bearer <token>\nIts hash is in %s;"
                 " HTTP now demands a token.\n", s_path (link));
    }
    sodium_memzero (secret, sizeof secret);
    return CLI_OK;
}

static int s_list (link_t *link)
{
    fcj_error_t error;
    fcj_tokens_t *tokens = fcj_tokens_new (s_path (link), &error);
    if (!tokens)
        return link_fail (link, &error);
    for (size_t n = 0; n < fcj_tokens_count (tokens); n++) {
        const fcj_bearer_t *one = fcj_tokens_at (tokens, n);
        printf (link->json? "{\"name\": \"%s\", \"scope\": \"%s\", "
                            "\"owner\": \"%s\"}\n"
                : "%-24s %-10s jobs of %s\n", one->name,
                fcj_scope_name (one->scope, false), one->owner);
    }
    fcj_tokens_destroy (&tokens);
    return CLI_OK;
}

int cmd_token (link_t *link, int argc, char **argv)
{
    fcj_error_t error;
    if (sodium_init () < 0)
        return CLI_FAILED;
    if (argc >= 3 && strcmp (argv[1], "add") == 0)
        return s_add (link, argc - 2, argv + 2);
    if (argc == 2 && strcmp (argv[1], "list") == 0)
        return s_list (link);
    if (argc == 3 && strcmp (argv[1], "remove") == 0)
        return fcj_tokens_remove (s_path (link), argv[2], &error) == 0
            ? CLI_OK: link_fail (link, &error);
    fputs (USAGE, stderr);
    return CLI_USAGE;
}
