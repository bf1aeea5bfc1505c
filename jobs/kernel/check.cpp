/*  check.cpp - see check.hpp. One function for each kind of value; each says
 *  which parameter, what it got and what it wants.  */

#include "check.hpp"
#include "fault.hpp"
#include "plan.hpp"

#include <cmath>

namespace fcj {

static const double TINY = 1e-12;       /* shorter is no direction */

static std::string s_got (json_t *value)
{
    std::string text = Json::share (value).text ();
    return text.size () <= 60 ? text : text.substr (0, 57) + "...";
}

[[noreturn]] static void s_wrong (const std::string &where, json_t *value,
                                  const std::string &wanted)
{
    invalid ("argument", where + " is " + s_got (value) + ", it must be " +
                             wanted, where);
}

static double s_number (const Param &param, json_t *value,
                        const std::string &where)
{
    double number = json_is_number (value) ? json_number_value (value) : NAN;
    if (!(number >= param.low && number <= param.high))
        s_wrong (where, value, format ("a number from %g to %g", param.low,
                                       param.high));
    return number == 0 ? 0 : number;    /* -0 and 0 are one key */
}

static int s_integer (const Param &param, json_t *value,
                      const std::string &where)
{
    double number = json_is_number (value) ? json_number_value (value) : NAN;
    if (!(number >= param.low && number <= param.high) ||
        number != std::floor (number))
        s_wrong (where, value, format ("a whole number from %g to %g",
                                       param.low, param.high));
    return (int) number;
}

static std::string s_text (json_t *value, const std::string &where, size_t most)
{
    if (!json_is_string (value))
        s_wrong (where, value, "a text");
    std::string text (json_string_value (value), json_string_length (value));
    if (text.empty () || text.size () > most)
        s_wrong (where, value, format ("a text of 1 to %zu bytes", most));
    for (unsigned char byte : text)
        if (byte < ' ' || byte == 127)
            s_wrong (where, value, "a text without control characters");
    return text;
}

static Json s_choice (const Param &param, json_t *value,
                      const std::string &where)
{
    std::string all;
    for (const std::string &word : param.choices) {
        if (json_is_string (value) && word == json_string_value (value))
            return Json::of (word);
        all += (all.empty () ? "" : ", ") + word;
    }
    s_wrong (where, value, "one of " + all);
}

static Json s_file (json_t *value, const std::string &where)
{
    std::string name = s_text (value, where, 100);
    bool good = name[0] != '.' && name[0] != '-';
    for (unsigned char byte : name)
        good = good && (std::isalnum (byte) || byte == '_' || byte == '-' ||
                        byte == '.' || byte == ' ' || byte > 127);
    if (!good || name.find ('.') == std::string::npos)
        s_wrong (where, value,
                 "a file name with ending and without directory: letters, "
                 "digits, spaces, _ - and .");
    return Json::of (name);
}

static Json s_numbers (const Param &param, json_t *value,
                       const std::string &where, size_t least, size_t most)
{
    size_t size = json_array_size (value);
    if (!json_is_array (value) || size < least || size > most)
        s_wrong (where, value,
                 least == most ? format ("a list of %zu numbers", least)
                               : format ("a list of %zu to %zu numbers", least,
                                         most));
    Json made = Json::array ();
    for (size_t at = 0; at < size; at++)
        made.append (s_number (param, json_array_get (value, at),
                               format ("%s[%zu]", where.c_str (), at)));
    return made;
}

static Json s_point (const Param &param, json_t *value,
                     const std::string &where)
{
    Json made = s_numbers (param, value, where, 2, 3);
    if (json_array_size (made.get ()) == 2)
        made.append (0.0);
    return made;
}

static Json s_direction (const Param &param, json_t *value,
                         const std::string &where)
{
    Json made = s_point (param, value, where);
    double square = 0;
    for (size_t at = 0; at < 3; at++) {
        double part = json_real_value (json_array_get (made.get (), at));
        square += part * part;
    }
    if (square < TINY * TINY)
        s_wrong (where, value, "a direction: not [0, 0, 0]");
    return made;
}

/*  A list, each item through `check`; one item alone counts as a list.  */
static Json
s_list (const Param &param, json_t *value, const std::string &where,
        const std::function<Json (json_t *, const std::string &)> &check)
{
    if (json_is_string (value))
        return Json::array ().append (check (value, where));
    size_t size = json_array_size (value);
    if (!json_is_array (value))
        s_wrong (where, value, "a list");
    if (size < param.least || size > param.most)
        invalid ("limit", format ("%s has %zu items, it must have %zu to %zu",
                                  where.c_str (), size, param.least,
                                  param.most), where);
    Json made = Json::array ();
    for (size_t at = 0; at < size; at++)
        made.append (check (json_array_get (value, at),
                            format ("%s[%zu]", where.c_str (), at)));
    return made;
}

static Json s_reference (json_t *value, const Scope &scope,
                         const std::string &where)
{
    Reference reference;
    if (!json_is_string (value) ||
        !read_reference (json_string_value (value), reference))
        s_wrong (where, value,
                 "a reference: \"$id\" of an earlier step or \"$name\" of an "
                 "input, with .Face3 behind it for a part");
    if (!scope.known (reference.name))
        invalid ("reference",
                 where + " refers to $" + reference.name +
                     ", which is neither an input nor an earlier step (" +
                     (scope.names.empty () ? "there is none" : scope.names) +
                     ")", where);
    return Json::share (value);
}

static Json s_part (const Param &param, json_t *value, const std::string &where)
{
    std::string text = json_is_string (value) ? json_string_value (value) : "";
    size_t size = param.prefix.size ();
    bool good = text.size () > size && text.size () < size + 8 &&
                text.compare (0, size, param.prefix) == 0 && text[size] != '0';
    for (size_t at = size; good && at < text.size (); at++)
        good = std::isdigit ((unsigned char) text[at]);
    if (!good)
        s_wrong (where, value, "a name such as " + param.prefix + "3");
    return Json::of (text);
}

static Json s_value (const Param &param, json_t *value, const Scope &scope,
                     const std::string &where)
{
    switch (param.kind) {
    case Kind::Number:
        return Json::of (s_number (param, value, where));
    case Kind::Integer:
        return Json::of (s_integer (param, value, where));
    case Kind::Flag:
        if (!json_is_boolean (value))
            s_wrong (where, value, "true or false");
        return Json::share (value);
    case Kind::Text:
        return Json::of (s_text (value, where, param.most));
    case Kind::Choice:
        return s_choice (param, value, where);
    case Kind::File:
        return s_file (value, where);
    case Kind::Point:
        return s_point (param, value, where);
    case Kind::Direction:
        return s_direction (param, value, where);
    case Kind::Color:
        return s_numbers (param, value, where, 3, 3);
    case Kind::Numbers:
        return s_numbers (param, value, where, param.least, param.most);
    case Kind::Scale:
        if (json_is_number (value))
            return Json::of (s_number (param, value, where));
        return s_numbers (param, value, where, 3, 3);
    case Kind::Integers:
        if (json_is_number (value))
            return Json::array ().append (s_integer (param, value, where));
        return s_list (param.count (1, 3), value, where,
                       [&] (json_t *item, const std::string &name) {
                           return Json::of (s_integer (param, item, name));
                       });
    case Kind::Points:
        return s_list (param, value, where,
                       [&] (json_t *item, const std::string &name) {
                           return s_point (param, item, name);
                       });
    case Kind::Ref:
        return s_reference (value, scope, where);
    case Kind::Refs:
        return s_list (param, value, where,
                       [&] (json_t *item, const std::string &name) {
                           return s_reference (item, scope, name);
                       });
    case Kind::Names:
        return s_list (param, value, where,
                       [&] (json_t *item, const std::string &name) {
                           return s_part (param, item, name);
                       });
    case Kind::Object:
        return check_arguments (param.fields, value, scope, where + ".");
    case Kind::Objects:
        return s_list (param, value, where,
                       [&] (json_t *item, const std::string &name) {
                           return check_arguments (param.fields, item, scope,
                                                   name + ".");
                       });
    }
    return Json ();
}

static void s_refuse_unknown (const Params &params, json_t *given,
                              const std::string &where)
{
    const char *key;
    json_t *value;
    json_object_foreach (given, key, value)
    {
        bool known = where.empty () && (std::string (key) == "id" ||
                                        std::string (key) == "op");
        std::string all;
        for (const Param &param : params) {
            known = known || param.name == key;
            all += (all.empty () ? "" : ", ") + param.name;
        }
        if (!known)
            invalid ("argument", "there is no parameter " + where +
                                     std::string (key).substr (0, 60) +
                                     "; known: " + all, where + key);
    }
}

Json check_arguments (const Params &params, json_t *given, const Scope &scope,
                      const std::string &where)
{
    if (!json_is_object (given))
        s_wrong (where.empty () ? "the step"
                                : where.substr (0, where.size () - 1),
                 given, "an object");
    s_refuse_unknown (params, given, where);
    Json made = Json::object ();
    for (const Param &param : params) {
        const std::string name = where + param.name;
        json_t *value = json_object_get (given, param.name.c_str ());
        Json fallback;
        if (!value && param.previous && !scope.previous.empty ()) {
            fallback = Json::of (scope.previous);
            value = fallback.get ();
        } else if (!value && !param.fallback.empty ()) {
            fallback = Json (json_loads (param.fallback.c_str (),
                                         JSON_DECODE_ANY, nullptr));
            value = fallback.get ();
        }
        if (value)
            made.set (param.name.c_str (), s_value (param, value, scope, name));
        else if (param.required || param.previous)
            invalid ("argument", name + " is missing: " + param.text, name);
    }
    return made;
}

} // namespace fcj
