/*  schema.c - a validator that walks value and schema together. The path to
 *  the present spot is kept on the way, for the error's sake.  */

#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "schema.h"
#include "json.h"

#define DEPTH_MAX 32            /* of $ref chains and nesting */
#define PATH_MAX_ 160

typedef struct {
    const json_t *root;         /* for $defs */
    fcj_error_t *error;
    char path[PATH_MAX_];
    int depth;
} check_t;

static int s_check (check_t *self, const json_t *schema, const json_t *value);

static const char *s_type (const json_t *value)
{
    switch (json_typeof (value)) {
        case JSON_OBJECT:  return "object";
        case JSON_ARRAY:   return "array";
        case JSON_STRING:  return "string";
        case JSON_INTEGER: return "integer";
        case JSON_REAL:    return "number";
        case JSON_TRUE:
        case JSON_FALSE:   return "boolean";
        default:           return "null";
    }
}

static bool s_is (const char *type, const json_t *value)
{
    if (!strcmp (type, "number"))
        return json_is_number (value);
    if (!strcmp (type, "integer"))
        return json_is_integer (value)
            || (json_is_real (value)
                && floor (json_real_value (value))
                   == json_real_value (value));
    return !strcmp (type, s_type (value));
}

static int s_check_type (check_t *self, const json_t *type,
                         const json_t *value)
{
    char wanted[96] = "";
    if (json_is_string (type)) {
        if (s_is (json_string_value (type), value))
            return 0;
        snprintf (wanted, sizeof wanted, "%s", json_string_value (type));
    }
    size_t n;
    json_t *one;
    json_array_foreach (type, n, one) {
        const char *name = json_string_value (one);
        if (name && s_is (name, value))
            return 0;
        size_t used = strlen (wanted);
        snprintf (wanted + used, sizeof wanted - used, "%s%s",
                  n? " or ": "", name? name: "?");
    }
    if (!*wanted)
        return 0;
    return fcj_fail (self->error, FCJ_INVALID, "%s must be of type %s, it"
                     " is of type %s", self->path, wanted, s_type (value));
}

static int s_check_enum (check_t *self, const json_t *choices,
                         const json_t *value)
{
    size_t n;
    json_t *one;
    char text[300] = "";
    json_array_foreach (choices, n, one) {
        if (json_equal (one, value))
            return 0;
        char *dump = fcj_json_dumps (one, JSON_ENCODE_ANY | JSON_COMPACT);
        size_t used = strlen (text);
        snprintf (text + used, sizeof text - used, "%s%s", n? ", ": "",
                  dump? dump: "");
        free (dump);
    }
    return fcj_fail (self->error, FCJ_INVALID, "%s must be one of %s",
                     self->path, text);
}

static size_t s_characters (const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += (*text & 0xc0) != 0x80;
    return count;
}

static int s_check_multiple (check_t *self, const json_t *rule,
                             const json_t *value)
{
    double step = json_number_value (rule);
    if (!(step > 0))
        return 0;
    double times = json_number_value (value) / step;
    if (fabs (times - round (times)) <= 1e-9 * fmax (1, fabs (times)))
        return 0;
    return fcj_fail (self->error, FCJ_INVALID, "%s must be a multiple of %g",
                     self->path, step);
}

static int s_check_number (check_t *self, const json_t *schema,
                           const json_t *value)
{
    static const struct { const char *key, *text; int sign; bool open; }
    RULES[] = {
        { "minimum", "at least", 1, false },
        { "maximum", "at most", -1, false },
        { "exclusiveMinimum", "more than", 1, true },
        { "exclusiveMaximum", "less than", -1, true },
    };
    double number = json_number_value (value);
    for (size_t n = 0; n < sizeof RULES / sizeof *RULES; n++) {
        const json_t *bound = json_object_get (schema, RULES[n].key);
        if (!json_is_number (bound))
            continue;
        double over = (number - json_number_value (bound)) * RULES[n].sign;
        if (over < 0 || (RULES[n].open && !(over > 0)))
            return fcj_fail (self->error, FCJ_INVALID, "%s must be %s %g",
                             self->path, RULES[n].text,
                             json_number_value (bound));
    }
    return s_check_multiple (self, json_object_get (schema, "multipleOf"),
                             value);
}

static int s_check_size (check_t *self, const json_t *schema, size_t size,
                         const char *least, const char *most,
                         const char *unit)
{
    const json_t *low = json_object_get (schema, least);
    const json_t *high = json_object_get (schema, most);
    if (json_is_integer (low)
        && (json_int_t) size < json_integer_value (low))
        return fcj_fail (self->error, FCJ_INVALID, "%s must have at least"
                         " %lld %s, it has %zu", self->path,
                         (long long) json_integer_value (low), unit, size);
    if (json_is_integer (high)
        && (json_int_t) size > json_integer_value (high))
        return fcj_fail (self->error, FCJ_INVALID, "%s must have at most"
                         " %lld %s, it has %zu", self->path,
                         (long long) json_integer_value (high), unit, size);
    return 0;
}

static int s_check_string (check_t *self, const json_t *schema,
                           const json_t *value)
{
    const char *text = json_string_value (value);
    if (s_check_size (self, schema, s_characters (text), "minLength",
                      "maxLength", "characters"))
        return -1;
    const char *pattern = json_string_value (
        json_object_get (schema, "pattern"));
    regex_t regex;
    if (!pattern || regcomp (&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return 0;               /* a pattern of our own, in POSIX's subset */
    int match = regexec (&regex, text, 0, NULL, 0);
    regfree (&regex);
    if (match != 0)
        return fcj_fail (self->error, FCJ_INVALID, "%s must match the"
                         " pattern %s", self->path, pattern);
    return 0;
}

/*  Checks one member or element below the present path. */
static int s_below (check_t *self, const json_t *schema, const json_t *value,
                    const char *key, size_t index)
{
    size_t used = strlen (self->path);
    if (key)
        snprintf (self->path + used, PATH_MAX_ - used, "%s%.64s",
                  used? ".": "", key);
    else
        snprintf (self->path + used, PATH_MAX_ - used, "[%zu]", index);
    int rc = s_check (self, schema, value);
    self->path[used] = 0;
    return rc;
}

static int s_unknown (check_t *self, const json_t *properties,
                      const char *key)
{
    char known[240] = "";
    const char *name;
    json_t *ignored;
    json_object_foreach ((json_t *) properties, name, ignored) {
        size_t used = strlen (known);
        snprintf (known + used, sizeof known - used, "%s%s",
                  used? ", ": "", name);
    }
    return fcj_fail (self->error, FCJ_INVALID, "%s has no property '%.64s';"
                     " it takes: %s", *self->path? self->path: "the call",
                     key, *known? known: "none");
}

static int s_check_object (check_t *self, const json_t *schema,
                           const json_t *value)
{
    const json_t *properties = json_object_get (schema, "properties");
    const json_t *other = json_object_get (schema, "additionalProperties");
    size_t n;
    json_t *member;
    json_array_foreach (json_object_get (schema, "required"), n, member) {
        const char *name = json_string_value (member);
        if (name && !json_object_get (value, name))
            return fcj_fail (self->error, FCJ_INVALID, "%s%s'%s' is missing:"
                             " it is required", self->path,
                             *self->path? ": ": "", name);
    }
    if (s_check_size (self, schema, json_object_size (value),
                      "minProperties", "maxProperties", "members"))
        return -1;
    const char *key;
    json_object_foreach ((json_t *) value, key, member) {
        const json_t *rule = json_object_get (properties, key);
        if (!rule && json_is_false (other))
            return s_unknown (self, properties, key);
        if (!rule)
            rule = other;
        if (rule && s_below (self, rule, member, key, 0))
            return -1;
    }
    return 0;
}

/*  Bounded by maxItems, or it would be quadratic for long. */
static int s_check_unique (check_t *self, const json_t *value)
{
    for (size_t n = 1; n < json_array_size (value); n++)
        for (size_t m = 0; m < n; m++)
            if (json_equal (json_array_get (value, n),
                            json_array_get (value, m)))
                return fcj_fail (self->error, FCJ_INVALID, "%s has the same"
                                 " element twice, at %zu and %zu",
                                 self->path, m, n);
    return 0;
}

static int s_check_array (check_t *self, const json_t *schema,
                          const json_t *value)
{
    if (s_check_size (self, schema, json_array_size (value), "minItems",
                      "maxItems", "elements"))
        return -1;
    const json_t *items = json_object_get (schema, "items");
    const json_t *first = json_object_get (schema, "prefixItems");
    size_t n;
    json_t *element;
    json_array_foreach (value, n, element) {
        bool own = n < json_array_size (first);
        const json_t *rule = own? json_array_get (first, n): items;
        if (!own && json_is_false (items))
            return fcj_fail (self->error, FCJ_INVALID, "%s takes %zu"
                             " elements", self->path,
                             json_array_size (first));
        if (rule && s_below (self, rule, element, NULL, n))
            return -1;
    }
    return json_is_true (json_object_get (schema, "uniqueItems"))
        ? s_check_unique (self, value): 0;
}

/*  With one choice left after looking at types, its own error is the best;
 *  with several, the last one's text is said with "no alternative fits". */
static int s_check_any (check_t *self, const json_t *choices,
                        const json_t *value)
{
    size_t n;
    json_t *one;
    fcj_error_t last = { FCJ_OK, false, "" };
    json_array_foreach (choices, n, one) {
        fcj_error_t mine;
        check_t trial = *self;
        trial.error = &mine;
        if (s_check (&trial, one, value) == 0)
            return 0;
        if (!*last.text || !strstr (mine.text, "must be of type"))
            last = mine;
    }
    if (!*last.text)
        return 0;
    return fcj_fail (self->error, FCJ_INVALID, "%s fits none of the forms"
                     " allowed: %.300s", *self->path? self->path: "the call",
                     last.text);
}

static const json_t *s_resolve (const json_t *root, const char *reference)
{
    if (strncmp (reference, "#/$defs/", 8) != 0)
        return NULL;
    return json_object_get (json_object_get (root, "$defs"), reference + 8);
}

/*  Does it fit, without a word about why not? */
static bool s_fits (const check_t *self, const json_t *schema,
                    const json_t *value)
{
    fcj_error_t unsaid;
    check_t trial = *self;
    trial.error = &unsaid;
    return s_check (&trial, schema, value) == 0;
}

static int s_check_combined (check_t *self, const json_t *schema,
                             const json_t *value)
{
    const json_t *one = json_object_get (schema, "oneOf");
    const json_t *not = json_object_get (schema, "not");
    const json_t *test = json_object_get (schema, "if");
    size_t n, fitting = 0;
    json_t *part;
    json_array_foreach (json_object_get (schema, "allOf"), n, part)
        if (s_check (self, part, value))
            return -1;
    json_array_foreach ((json_t *) one, n, part)
        fitting += s_fits (self, part, value);
    if (one && fitting == 0)
        return s_check_any (self, one, value);
    if (one && fitting > 1)
        return fcj_fail (self->error, FCJ_INVALID, "%s fits %zu of the"
                         " forms allowed, it must fit one", self->path,
                         fitting);
    if (not && s_fits (self, not, value))
        return fcj_fail (self->error, FCJ_INVALID, "%s has a form that is"
                         " not allowed", *self->path? self->path
                                                    : "the call");
    const json_t *then = test? json_object_get (
        schema, s_fits (self, test, value)? "then": "else"): NULL;
    return then? s_check (self, then, value): 0;
}

static int s_check_rules (check_t *self, const json_t *schema,
                          const json_t *value)
{
    const char *reference = json_string_value (
        json_object_get (schema, "$ref"));
    if (reference && s_resolve (self->root, reference)
        && s_check (self, s_resolve (self->root, reference), value))
        return -1;
    const json_t *rule;
    if ((rule = json_object_get (schema, "type"))
        && s_check_type (self, rule, value))
        return -1;
    if ((rule = json_object_get (schema, "enum"))
        && s_check_enum (self, rule, value))
        return -1;
    if ((rule = json_object_get (schema, "const"))
        && !json_equal ((json_t *) rule, (json_t *) value))
        return fcj_fail (self->error, FCJ_INVALID, "%s has another value"
                         " than the one allowed", self->path);
    if ((rule = json_object_get (schema, "anyOf"))
        && s_check_any (self, rule, value))
        return -1;
    if (s_check_combined (self, schema, value))
        return -1;
    if (json_is_number (value))
        return s_check_number (self, schema, value);
    if (json_is_string (value))
        return s_check_string (self, schema, value);
    if (json_is_object (value))
        return s_check_object (self, schema, value);
    if (json_is_array (value))
        return s_check_array (self, schema, value);
    return 0;
}

static int s_check (check_t *self, const json_t *schema, const json_t *value)
{
    if (json_is_boolean (schema))
        return json_is_true (schema)? 0
            : fcj_fail (self->error, FCJ_INVALID, "%s is not allowed",
                        self->path);
    if (++self->depth > DEPTH_MAX)
        return fcj_fail (self->error, FCJ_INVALID, "%s is nested too deep",
                         self->path);
    int rc = s_check_rules (self, schema, value);
    self->depth--;
    return rc;
}

int fcj_schema_check (const json_t *schema, const json_t *value,
                      fcj_error_t *error)
{
    check_t self = { .root = schema, .error = error };
    return s_check (&self, schema, value);
}
