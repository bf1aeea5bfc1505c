/*  params.cpp - the words in which the tables of operations are written.  */

#include "language.hpp"

namespace fcj {

static Param s_param (const char *name, Kind kind, const char *text)
{
    Param made;
    made.name = name;
    made.kind = kind;
    made.text = text;
    made.low = -FCJ_KERNEL_LENGTH_MAX;
    made.high = FCJ_KERNEL_LENGTH_MAX;
    return made;
}

Param Param::must () const
{
    Param made = *this;
    made.required = true;
    return made;
}

Param Param::otherwise (const char *json) const
{
    Param made = *this;
    made.fallback = json;
    return made;
}

Param Param::within (double lowest, double highest) const
{
    Param made = *this;
    made.low = lowest;
    made.high = highest;
    return made;
}

Param Param::count (size_t fewest, size_t greatest) const
{
    Param made = *this;
    made.least = fewest;
    made.most = greatest;
    return made;
}

Param length (const char *name, const char *text)
{
    return s_param (name, Kind::Number, text)
        .within (FCJ_KERNEL_LENGTH_MIN, FCJ_KERNEL_LENGTH_MAX);
}

Param number (const char *name, const char *text)
{
    return s_param (name, Kind::Number, text);
}

Param angle (const char *name, const char *text)
{
    return s_param (name, Kind::Number, text).within (-360, 360);
}

Param integer (const char *name, const char *text, int low, int high)
{
    return s_param (name, Kind::Integer, text).within (low, high);
}

Param flag (const char *name, const char *text, bool value)
{
    return s_param (name, Kind::Flag, text)
        .otherwise (value ? "true" : "false");
}

Param text (const char *name, const char *text)
{
    return s_param (name, Kind::Text, text).count (1, FCJ_KERNEL_NAME_MAX);
}

Param choice (const char *name, const char *text,
              const std::vector<std::string> &choices, const char *value)
{
    Param made = s_param (name, Kind::Choice, text);
    made.choices = choices;
    if (value)
        made.fallback = std::string ("\"") + value + "\"";
    return made;
}

Param point (const char *name, const char *text)
{
    return s_param (name, Kind::Point, text).otherwise ("[0, 0, 0]");
}

Param direction (const char *name, const char *text, const char *value)
{
    Param made = s_param (name, Kind::Direction, text);
    return value ? made.otherwise (value) : made;
}

Param points (const char *name, const char *text, size_t least)
{
    return s_param (name, Kind::Points, text)
        .count (least, FCJ_KERNEL_POINTS_MAX);
}

Param shape ()
{
    Param made = s_param ("shape", Kind::Ref,
                          "The shape; left out: that of the step before");
    made.previous = true;
    return made;
}

Param ref (const char *name, const char *text)
{
    return s_param (name, Kind::Ref, text).must ();
}

Param refs (const char *name, const char *text, size_t least)
{
    return s_param (name, Kind::Refs, text)
        .count (least, FCJ_KERNEL_SHAPES_MAX)
        .must ();
}

Param names (const char *name, const char *text, const char *prefix)
{
    Param made = s_param (name, Kind::Names, text);
    made.prefix = prefix;
    return made.count (1, FCJ_KERNEL_SHAPES_MAX);
}

Param color ()
{
    return s_param ("color", Kind::Color, "[red, green, blue], each 0..1")
        .within (0, 1);
}

Param file (const char *text)
{
    return s_param ("file", Kind::File, text);
}

Param object (const char *name, Kind kind, const char *text,
              const Params &fields)
{
    Param made = s_param (name, kind, text);
    made.fields = fields;
    return made.count (1, FCJ_KERNEL_SHAPES_MAX);
}

Params operator+ (const Params &one, const Params &other)
{
    Params made = one;
    made.insert (made.end (), other.begin (), other.end ());
    return made;
}

Params placed ()
{
    return {point ("at", "Where it stands"),
            direction ("axis", "Its axis (the local z)", "[0, 0, 1]")};
}

} // namespace fcj
