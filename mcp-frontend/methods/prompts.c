/*  prompts.c - the files of prompts/ parsed once, and filled in when asked
 *  for. The paths are seen from the top of the source tree, where make runs. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "prompts.h"

#define EMBED(name)                                                       \
    __asm__ (".section .rodata\n"                                         \
             "fcj_prompt_" #name ":"                                      \
             " .incbin \"mcp-frontend/prompts/" #name ".md\"\n"           \
             ".byte 0\n"                                                  \
             ".previous\n");                                              \
    extern const char fcj_prompt_##name[]

EMBED (start_here);
EMBED (design_part);
EMBED (long_operations);
EMBED (boolean_operations);
EMBED (debug_model);
EMBED (export_and_import);
EMBED (macro_development);

static const struct { const char *name, *file; } FILES[] = {
    { "start_here", fcj_prompt_start_here },
    { "design_part", fcj_prompt_design_part },
    { "long_operations", fcj_prompt_long_operations },
    { "boolean_operations", fcj_prompt_boolean_operations },
    { "debug_model", fcj_prompt_debug_model },
    { "export_and_import", fcj_prompt_export_and_import },
    { "macro_development", fcj_prompt_macro_development },
};

struct fcj_prompts {
    json_t *all;                /* name -> prompt */
    json_t *listed;
};

/* ---- Parsing ----------------------------------------------------------- */

/*  "NAME | KIND | DESCRIPTION" */
static void s_argument (json_t *prompt, char *line)
{
    char *rest = line, *parts[3] = { NULL };
    for (int n = 0; n < 3 && rest; n++) {
        char *bar = n < 2? strstr (rest, " | "): NULL;
        parts[n] = rest;
        if (bar)
            *bar = 0;
        rest = bar? bar + 3: NULL;
    }
    if (!parts[2])
        return;                 /* a test holds that there is none such */
    json_array_append_new (json_object_get (prompt, "arguments"), json_pack (
        "{s:s,s:s,s:b}", "name", parts[0], "description", parts[2],
        "required", strcmp (parts[1], "required") == 0));
    json_object_set_new (json_object_get (prompt, "kinds"), parts[0],
                         json_string (parts[1]));
}

static json_t *s_parse (const char *name, const char *file)
{
    json_t *prompt = json_pack ("{s:s,s:[],s:{}}", "name", name, "arguments",
                                "kinds");
    const char *end = strstr (file + 4, "---\n");
    char *head = strndup (file + 4, (size_t) (end - file - 4)), *rest = NULL;
    for (char *line = strtok_r (head, "\n", &rest); line;
         line = strtok_r (NULL, "\n", &rest)) {
        char *value = strstr (line, ": ");
        if (!value)
            continue;
        *value = 0;
        value += 2;
        if (strcmp (line, "argument") == 0)
            s_argument (prompt, value);
        else
            json_object_set_new (prompt, line, json_string (value));
    }
    free (head);
    json_object_set_new (prompt, "text", json_string (end + 4));
    return prompt;
}

static json_t *s_shown (const json_t *prompt)
{
    json_t *arguments = json_object_get (prompt, "arguments");
    json_t *shown = json_pack (
        "{s:O,s:O,s:O}", "name", json_object_get (prompt, "name"), "title",
        json_object_get (prompt, "title"), "description",
        json_object_get (prompt, "description"));
    if (json_array_size (arguments))
        json_object_set (shown, "arguments", arguments);
    return shown;
}

/* ---- Filling in -------------------------------------------------------- */

static const char *s_value (const json_t *arguments, const char *name,
                            size_t length)
{
    char key[64];
    if (length >= sizeof key)
        return NULL;
    memcpy (key, name, length);
    key[length] = 0;
    const char *value = json_string_value (json_object_get (arguments, key));
    return value && *value? value: NULL;
}

static bool s_given (const json_t *prompt, const json_t *arguments,
                     const fcj_catalogue_t *catalogue, const char *name,
                     size_t length)
{
    char key[64];
    if (length >= sizeof key)
        return false;
    memcpy (key, name, length);
    key[length] = 0;
    return json_object_get (json_object_get (prompt, "kinds"), key)
        ? s_value (arguments, key, length) != NULL
        : fcj_catalogue_find (catalogue, key) != NULL;
}

/*  One line, its end included, with the values in place. A value is not
 *  looked through again: what a client wrote is never a placeholder. */
static void s_write (FILE *out, const char *line, size_t size,
                     const json_t *arguments)
{
    const char *stop = line + size;
    while (line < stop) {
        const char *open = memmem (line, (size_t) (stop - line), "{{", 2);
        const char *close = open? memmem (open, (size_t) (stop - open),
                                          "}}", 2): NULL;
        const char *value = close? s_value (
            arguments, open + 2, (size_t) (close - open - 2)): NULL;
        size_t plain = (size_t) ((close? open: stop) - line);
        fwrite (line, 1, plain, out);
        if (value)
            fputs (value, out);
        line = close? close + 2: stop;
    }
}

static int s_check (const json_t *prompt, const json_t *arguments,
                    fcj_error_t *error)
{
    const char *name = json_string_value (json_object_get (prompt, "name"));
    const json_t *kinds = json_object_get (prompt, "kinds");
    const char *key;
    size_t n;
    json_t *value, *one;
    json_object_foreach ((json_t *) arguments, key, value) {
        if (!json_object_get (kinds, key))
            return fcj_fail (error, FCJ_INVALID, "The prompt %s takes no"
                             " argument '%.64s'", name, key);
        if (!json_is_string (value)
            || json_string_length (value) > FCJ_PROMPT_VALUE_MAX)
            return fcj_fail (error, FCJ_INVALID, "The argument '%.64s' of"
                             " the prompt %s is a string of at most %d"
                             " bytes", key, name, FCJ_PROMPT_VALUE_MAX);
    }
    json_array_foreach (json_object_get (prompt, "arguments"), n, one) {
        key = json_string_value (json_object_get (one, "name"));
        if (json_is_true (json_object_get (one, "required"))
            && !s_value (arguments, key, strlen (key)))
            return fcj_fail (error, FCJ_INVALID, "The prompt %s needs the"
                             " argument '%s'", name, key);
    }
    return 0;
}

/* ------------------------------------------------------------------------ */

fcj_prompts_t *fcj_prompts_new (void)
{
    fcj_prompts_t *self = calloc (1, sizeof *self);
    if (!self)
        abort ();
    self->all = json_object ();
    self->listed = json_array ();
    for (size_t n = 0; n < sizeof FILES / sizeof *FILES; n++) {
        json_t *prompt = s_parse (FILES[n].name, FILES[n].file);
        json_array_append_new (self->listed, s_shown (prompt));
        json_object_set_new (self->all, FILES[n].name, prompt);
    }
    return self;
}

void fcj_prompts_destroy (fcj_prompts_t **self_p)
{
    if (!*self_p)
        return;
    json_decref ((*self_p)->all);
    json_decref ((*self_p)->listed);
    free (*self_p);
    *self_p = NULL;
}

json_t *fcj_prompts_listed (const fcj_prompts_t *self)
{
    return self->listed;
}

json_t *fcj_prompts_find (const fcj_prompts_t *self, const char *name)
{
    return json_object_get (self->all, name);
}

char *fcj_prompts_text (const json_t *prompt, const json_t *arguments,
                        const fcj_catalogue_t *catalogue,
                        fcj_error_t *error)
{
    if (s_check (prompt, arguments, error) != 0)
        return NULL;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream (&text, &size);
    if (!out)
        abort ();
    const char *line = json_string_value (json_object_get (prompt, "text"));
    while (*line) {
        const char *next = strchrnul (line, '\n');
        next += *next == '\n';
        bool keep = true;
        while (strncmp (line, "{{?", 3) == 0
               || strncmp (line, "{{!", 3) == 0) {
            size_t length = strcspn (line, "}") - 3;
            keep = keep && s_given (prompt, arguments, catalogue, line + 3,
                                    length) == (line[2] == '?');
            line += length + 5;
        }
        if (keep)
            s_write (out, line, (size_t) (next - line), arguments);
        line = next;
    }
    fclose (out);
    return text;
}
