/*  language.cpp - the table of all operations, and its JSON schema.  */

#include "language.hpp"

#include <map>

namespace fcj {

static std::vector<Op> s_collect ()
{
    std::vector<Op> all;
    for (auto part :
         {primitive_ops, wire_ops, compose_ops, boolean_ops, section_ops,
          sweep_ops, edge_ops, offset_ops, place_ops, heal_ops, file_ops,
          mesh_ops, project_ops, look_ops, inspect_ops})
        for (const Op &op : part ())
            all.push_back (op);
    return all;
}

const std::vector<Op> &all_ops ()
{
    static const std::vector<Op> all = s_collect ();
    return all;
}

const Op *find_op (const std::string &name)
{
    static const std::map<std::string, const Op *> index = [] {
        std::map<std::string, const Op *> made;
        for (const Op &op : all_ops ())
            made[op.name] = &op;
        return made;
    }();
    auto found = index.find (name);
    return found == index.end () ? nullptr : found->second;
}

/* ---- References --------------------------------------------------------- */

static void s_visit_list (
    json_t *list, const std::function<std::string (const std::string &)> &visit)
{
    for (size_t at = 0; at < json_array_size (list); at++)
        if (json_is_string (json_array_get (list, at)))
            json_array_set (
                list, at,
                Json::of (visit (json_string_value (json_array_get (list, at))))
                    .get ());
}

void each_reference (
    const Params &params, json_t *arguments,
    const std::function<std::string (const std::string &)> &visit)
{
    for (const Param &param : params) {
        const char *name = param.name.c_str ();
        json_t *value = json_object_get (arguments, name);
        if (!value)
            continue;
        if (param.kind == Kind::Ref && json_is_string (value))
            json_object_set (
                arguments, name,
                Json::of (visit (json_string_value (value))).get ());
        else if (param.kind == Kind::Refs)
            s_visit_list (value, visit);
        else if (param.kind == Kind::Object)
            each_reference (param.fields, value, visit);
        else if (param.kind == Kind::Objects)
            for (size_t at = 0; at < json_array_size (value); at++)
                each_reference (param.fields, json_array_get (value, at),
                                visit);
    }
}

/* ---- JSON schema -------------------------------------------------------- */

static Json s_type (const char *type)
{
    return Json::object ().set ("type", type);
}

static Json s_number (const Param &param, const char *type = "number")
{
    return s_type (type).set ("minimum", param.low).set ("maximum", param.high);
}

static Json s_list (const Json &items, size_t least, size_t most)
{
    return s_type ("array")
        .set ("items", items)
        .set ("minItems", (long long) least)
        .set ("maxItems", (long long) most);
}

static Json s_either (const Json &one, const Json &other)
{
    return Json::object ().set ("anyOf",
                                Json::array ().append (one).append (other));
}

static Json s_reference ()
{
    return s_type ("string").set ("pattern", "^\\$[A-Za-z_].*$");
}

static Json s_fields (const Params &params, bool strict);

static Json s_schema (const Param &param)
{
    Json strings = s_type ("string");
    switch (param.kind) {
    case Kind::Number:
        return s_number (param);
    case Kind::Integer:
        return s_number (param, "integer");
    case Kind::Flag:
        return s_type ("boolean");
    case Kind::Text:
    case Kind::File:
        return strings.set ("maxLength", FCJ_KERNEL_NAME_MAX);
    case Kind::Choice: {
        Json list = Json::array ();
        for (const std::string &word : param.choices)
            list.append (word);
        return strings.set ("enum", list);
    }
    case Kind::Point:
    case Kind::Direction:
        return s_list (s_number (param), 2, 3);
    case Kind::Color:
        return s_list (s_number (param), 3, 3);
    case Kind::Numbers:
        return s_list (s_number (param), param.least, param.most);
    case Kind::Integers:
        return s_either (s_number (param, "integer"),
                         s_list (s_number (param, "integer"), 1, 3));
    case Kind::Scale:
        return s_either (s_number (param), s_list (s_number (param), 3, 3));
    case Kind::Points:
        return s_list (s_list (s_number (param), 2, 3), param.least,
                       param.most);
    case Kind::Ref:
        return s_reference ();
    case Kind::Refs:
        return s_either (s_reference (),
                         s_list (s_reference (), param.least, param.most));
    case Kind::Names:
        return s_list (
            strings.set ("pattern", "^" + param.prefix + "[1-9][0-9]*$"),
            param.least, param.most);
    case Kind::Object:
        return s_fields (param.fields, true);
    case Kind::Objects:
        return s_list (s_fields (param.fields, true), param.least, param.most);
    }
    return Json::object ();
}

static Json s_fields (const Params &params, bool strict)
{
    Json properties = Json::object (), required = Json::array ();
    for (const Param &param : params) {
        Json schema = s_schema (param);
        schema.set ("description", param.text);
        if (!param.fallback.empty ())
            schema.set ("default", Json (json_loads (param.fallback.c_str (),
                                                     JSON_DECODE_ANY, nullptr)));
        properties.set (param.name.c_str (), schema);
        if (param.required)
            required.append (param.name);
    }
    Json made = s_type ("object").set ("properties", properties);
    if (strict)
        made.set ("additionalProperties", false);
    return required.empty () ? made : made.set ("required", required);
}

static Json s_step (const Op &op)
{
    Json made = s_fields (op.params, true);
    Json properties = Json::share (json_object_get (made.get (), "properties"));
    properties.set ("op", Json::object ().set ("const", op.name));
    properties.set (
        "id", s_type ("string").set ("pattern", "^[A-Za-z_][A-Za-z0-9_-]{0,63}$"));
    Json required = Json::array ().append ("op");
    json_array_extend (required.get (), json_object_get (made.get (), "required"));
    return made.set ("required", required);
}

static std::string s_language ()
{
    Json ops = Json::object ();
    for (const Op &op : all_ops ())
        ops.set (op.name.c_str (), Json::object ()
                                       .set ("title", op.title)
                                       .set ("group", op.group)
                                       .set ("schema", s_step (op)));
    return Json::object ()
        .set ("version", fcj_kernel_version ())
        .set ("ops", ops)
        .text (JSON_COMPACT | JSON_PRESERVE_ORDER);
}

} // namespace fcj

const char *fcj_kernel_language (void)
{
    static const std::string text = fcj::s_language ();
    return text.c_str ();
}
