/*  schema_valid.c - a schema itself, looked through when a catalogue is read:
 *  every keyword known, of its type, every reference and pattern good.  */

#include <regex.h>
#include <stdio.h>
#include <string.h>
#include "schema.h"

#define DEPTH_MAX 24
#define WHERE     160

/*  What the value of a keyword is. */
typedef enum {
    ANY, TEXT, NUMBER, COUNT, FLAG, LIST, NAMES, SCHEMA, SCHEMAS, NAMED
} kind_t;

static const struct { const char *name; kind_t kind; } KEYWORDS[] = {
    { "type", ANY }, { "enum", LIST }, { "const", ANY },
    { "properties", NAMED }, { "required", NAMES },
    { "additionalProperties", SCHEMA }, { "minProperties", COUNT },
    { "maxProperties", COUNT }, { "items", SCHEMA },
    { "prefixItems", SCHEMAS }, { "minItems", COUNT },
    { "maxItems", COUNT }, { "uniqueItems", FLAG }, { "minLength", COUNT },
    { "maxLength", COUNT }, { "pattern", TEXT }, { "minimum", NUMBER },
    { "maximum", NUMBER }, { "exclusiveMinimum", NUMBER },
    { "exclusiveMaximum", NUMBER }, { "multipleOf", NUMBER },
    { "anyOf", SCHEMAS }, { "allOf", SCHEMAS }, { "oneOf", SCHEMAS },
    { "not", SCHEMA }, { "if", SCHEMA }, { "then", SCHEMA },
    { "else", SCHEMA }, { "$ref", TEXT }, { "$defs", NAMED },
    { "$schema", TEXT }, { "$id", TEXT }, { "$anchor", TEXT },
    { "$comment", TEXT }, { "title", TEXT }, { "description", TEXT },
    { "default", ANY }, { "examples", LIST }, { "deprecated", FLAG },
    { "readOnly", FLAG }, { "writeOnly", FLAG }, { "format", TEXT },
};
#define KEYWORD_COUNT (sizeof KEYWORDS / sizeof *KEYWORDS)

typedef struct {
    const json_t *root;
    fcj_error_t *error;
    char where[WHERE];
    int depth;
} look_t;

static int s_look (look_t *self, const json_t *schema);

static int s_say (look_t *self, const char *keyword, const char *what)
{
    return fcj_fail (self->error, FCJ_INVALID, "%s: '%.60s' %s",
                     *self->where? self->where: "the schema", keyword, what);
}

static int s_below (look_t *self, const char *name, const json_t *schema)
{
    size_t used = strlen (self->where);
    snprintf (self->where + used, WHERE - used, "%s%.60s", used? ".": "",
              name);
    int rc = s_look (self, schema);
    self->where[used] = 0;
    return rc;
}

static bool s_is_type (const json_t *name)
{
    static const char *const TYPES = " object array string integer number"
                                     " boolean null ";
    char word[16];
    if (!json_is_string (name) || json_string_length (name) > 10)
        return false;
    snprintf (word, sizeof word, " %s ", json_string_value (name));
    return strstr (TYPES, word) != NULL;
}

static int s_type (look_t *self, const json_t *type)
{
    size_t n;
    json_t *one;
    bool good = s_is_type (type) || json_array_size (type) > 0;
    json_array_foreach (type, n, one)
        good = good && s_is_type (one);
    return good? 0: s_say (self, "type", "is no type, and no list of them");
}

/*  A backslash may only take away a meaning, never give one. */
static int s_pattern (look_t *self, const char *text)
{
    regex_t regex;
    for (const char *at = text; *at; at++) {
        if (*at == '(' && at[1] == '?')
            return s_say (self, text, "uses (?, which POSIX has not");
        if (*at == '\\' && (!*++at || !strchr ("\\.[](){}*+?^$|/-", *at)))
            return s_say (self, text, "uses a class or a back reference,"
                          " which POSIX has not");
    }
    if (regcomp (&regex, text, REG_EXTENDED | REG_NOSUB) != 0)
        return s_say (self, text, "is no regular expression");
    regfree (&regex);
    return 0;
}

static int s_reference (look_t *self, const char *text)
{
    const json_t *defs = json_object_get (self->root, "$defs");
    if (strncmp (text, "#/$defs/", 8) != 0
        || !json_object_get (defs, text + 8))
        return s_say (self, text, "refers to nothing in $defs");
    return 0;
}

static int s_children (look_t *self, const char *name, kind_t kind,
                       const json_t *value)
{
    const char *key;
    size_t n;
    json_t *one;
    if (kind == SCHEMA)
        return s_below (self, name, value);
    if (kind == SCHEMAS) {
        json_array_foreach ((json_t *) value, n, one)
            if (s_below (self, name, one))
                return -1;
        return 0;
    }
    json_object_foreach ((json_t *) value, key, one)
        if (s_below (self, key, one))
            return -1;
    return 0;
}

static int s_keyword (look_t *self, const char *name, kind_t kind,
                      const json_t *value)
{
    size_t n;
    json_t *one;
    bool good = true;
    switch (kind) {
        case ANY:     break;
        case TEXT:    good = json_is_string (value); break;
        case NUMBER:  good = json_is_number (value); break;
        case FLAG:    good = json_is_boolean (value); break;
        case COUNT:   good = json_is_integer (value)
                          && json_integer_value (value) >= 0; break;
        case LIST:    good = json_array_size (value) > 0; break;
        case SCHEMAS: good = json_array_size (value) > 0; break;
        case NAMED:   good = json_is_object (value); break;
        case SCHEMA:  break;
        case NAMES:
            good = json_is_array (value);
            json_array_foreach (value, n, one)
                good = good && json_is_string (one);
    }
    if (!good)
        return s_say (self, name, "has a value of a wrong type");
    if (strcmp (name, "type") == 0)
        return s_type (self, value);
    if (strcmp (name, "pattern") == 0)
        return s_pattern (self, json_string_value (value));
    if (strcmp (name, "$ref") == 0)
        return s_reference (self, json_string_value (value));
    return kind >= SCHEMA? s_children (self, name, kind, value): 0;
}

static int s_object (look_t *self, const json_t *schema)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *) schema, name, value) {
        size_t n = 0;
        while (n < KEYWORD_COUNT && strcmp (KEYWORDS[n].name, name) != 0)
            n++;
        if (n == KEYWORD_COUNT && strncmp (name, "x-", 2) == 0)
            continue;
        if (n == KEYWORD_COUNT)
            return s_say (self, name, "is a keyword that is not known here");
        if (s_keyword (self, name, KEYWORDS[n].kind, value))
            return -1;
    }
    return 0;
}

static int s_look (look_t *self, const json_t *schema)
{
    if (json_is_boolean (schema))
        return 0;
    if (!json_is_object (schema))
        return s_say (self, "schema", "is no object");
    if (++self->depth > DEPTH_MAX)
        return s_say (self, "schema", "is nested too deep");
    int rc = s_object (self, schema);
    self->depth--;
    return rc;
}

/* ------------------------------------------------------------------------ */

int fcj_schema_valid (const json_t *schema, fcj_error_t *error)
{
    look_t self = { .root = schema, .error = error };
    return s_look (&self, schema);
}
