/*  value.cpp - looks: names and colours that follow parts around.  */

#include "value.hpp"

#include <TopExp_Explorer.hxx>
#include <TopTools_IndexedMapOfShape.hxx>
#include <TopExp.hxx>
#include <TopoDS_Iterator.hxx>
#include <set>

namespace fcj {

static const void *s_part (const TopoDS_Shape &shape)
{
    return shape.TShape ().get ();
}

const Look *Looks::find (const TopoDS_Shape &part) const
{
    auto found = parts.find (s_part (part));
    return found == parts.end () ? nullptr : &found->second;
}

const Look *Looks::find (const TopoDS_Shape &parent, int child) const
{
    auto found = instances.find ({s_part (parent), child});
    return found == instances.end () ? nullptr : &found->second;
}

Look &Looks::at (const TopoDS_Shape &part)
{
    return parts[s_part (part)];
}

Look &Looks::at (const TopoDS_Shape &parent, int child)
{
    return instances[{s_part (parent), child}];
}

bool Looks::empty () const
{
    return parts.empty () && instances.empty ();
}

void Looks::add (const Looks &other)
{
    parts.insert (other.parts.begin (), other.parts.end ());
    instances.insert (other.instances.begin (), other.instances.end ());
}

void Looks::follow (const TopoDS_Shape &old,
                    const std::function<const TopTools_ListOfShape &(
                        const TopoDS_Shape &)> &modified)
{
    if (parts.empty ())
        return;
    for (TopAbs_ShapeEnum kind : {TopAbs_FACE, TopAbs_SOLID}) {
        TopTools_IndexedMapOfShape map;
        TopExp::MapShapes (old, kind, map);
        for (int at = 1; at <= map.Extent (); at++) {
            const Look *look = find (map (at));
            if (!look || look->empty ())
                continue;
            const Look copy = *look;
            for (const TopoDS_Shape &made : modified (map (at)))
                if (!made.IsNull () && made.ShapeType () == kind)
                    parts.insert ({s_part (made), copy});
        }
    }
}

std::vector<TopoDS_Shape> walk (const TopoDS_Shape &shape)
{
    std::vector<TopoDS_Shape> order;
    std::set<const void *> seen;
    if (shape.IsNull ())
        return order;
    order.push_back (shape.Located (TopLoc_Location ()));
    seen.insert (s_part (shape));
    for (size_t at = 0; at < order.size (); at++) {
        const TopoDS_Shape parent = order[at];
        for (TopoDS_Iterator child (parent, false, false); child.More ();
             child.Next ())
            if (seen.insert (s_part (child.Value ())).second)
                order.push_back (child.Value ().Located (TopLoc_Location ()));
    }
    return order;
}

void Looks::prune (const TopoDS_Shape &shape)
{
    if (empty ())
        return;
    std::set<const void *> there;
    for (const TopoDS_Shape &part : walk (shape))
        there.insert (s_part (part));
    for (auto at = parts.begin (); at != parts.end ();)
        at = there.count (at->first) ? std::next (at) : parts.erase (at);
    for (auto at = instances.begin (); at != instances.end ();)
        at = there.count (at->first.first) ? std::next (at)
                                           : instances.erase (at);
}

static Json s_save (const Look &look)
{
    Json made = Json::object ().set ("name", look.name);
    if (look.colored)
        made.set ("color", Json::array ()
                               .append (look.color[0])
                               .append (look.color[1])
                               .append (look.color[2]));
    if (look.assembly)
        made.set ("assembly", true);
    return made;
}

static Look s_restore (json_t *saved)
{
    Look look;
    if (const char *name = json_string_value (json_object_get (saved, "name")))
        look.name = name;
    json_t *color = json_object_get (saved, "color");
    look.colored = json_array_size (color) == 3;
    for (size_t at = 0; look.colored && at < 3; at++)
        look.color[at] = json_number_value (json_array_get (color, at));
    look.assembly = json_is_true (json_object_get (saved, "assembly"));
    return look;
}

Json Looks::save (const TopoDS_Shape &shape) const
{
    Json made = Json::array ();
    if (empty ())
        return made;
    const std::vector<TopoDS_Shape> order = walk (shape);
    for (size_t at = 0; at < order.size (); at++) {
        if (const Look *look = find (order[at]))
            made.append (s_save (*look).set ("part", (long long) at));
        int child = 0;
        for (TopoDS_Iterator it (order[at]); it.More (); it.Next (), child++)
            if (const Look *look = find (order[at], child))
                made.append (s_save (*look)
                                 .set ("part", (long long) at)
                                 .set ("child", child));
    }
    return made;
}

Looks Looks::restore (const TopoDS_Shape &shape, json_t *saved)
{
    Looks looks;
    if (json_array_size (saved) == 0)
        return looks;
    const std::vector<TopoDS_Shape> order = walk (shape);
    for (size_t at = 0; at < json_array_size (saved); at++) {
        json_t *item = json_array_get (saved, at);
        json_t *child = json_object_get (item, "child");
        json_int_t part = json_integer_value (json_object_get (item, "part"));
        if (part < 0 || (size_t) part >= order.size ())
            continue;
        Look &look = child ? looks.at (order[(size_t) part],
                                       (int) json_integer_value (child))
                           : looks.at (order[(size_t) part]);
        look = s_restore (item);
    }
    return looks;
}

} // namespace fcj
