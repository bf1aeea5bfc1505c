/*  summary.cpp - see summary.hpp.  */

#include "summary.hpp"
#include "verify.hpp"

#include <BRepBndLib.hxx>
#include <BRepGProp.hxx>
#include <BRep_Tool.hxx>
#include <GProp_GProps.hxx>
#include <TopExp_Explorer.hxx>
#include <cmath>
#include <gp_Trsf.hxx>

namespace fcj {

Json json_of (const gp_XYZ &xyz)
{
    return Json::array ().append (xyz.X ()).append (xyz.Y ()).append (xyz.Z ());
}

Json json_of (const Bnd_Box &box)
{
    Json made = Json::object ();
    if (box.IsVoid ())
        return made.set ("min", Json::array ())
            .set ("max", Json::array ())
            .set ("size", Json::array ());
    const gp_XYZ low = box.CornerMin ().XYZ (), high = box.CornerMax ().XYZ ();
    return made.set ("min", json_of (low))
        .set ("max", json_of (high))
        .set ("size", json_of (high - low));
}

Json brief (const TopoDS_Shape &shape)
{
    static const struct {
        TopAbs_ShapeEnum kind;
        const char *name;
    } kinds[] = {{TopAbs_SOLID, "solids"}, {TopAbs_SHELL, "shells"},
                 {TopAbs_FACE, "faces"},   {TopAbs_WIRE, "wires"},
                 {TopAbs_EDGE, "edges"},   {TopAbs_VERTEX, "vertices"}};
    Json counts = Json::object ();
    for (const auto &kind : kinds)
        counts.set (kind.name, count_of (shape, kind.kind));
    return Json::object ()
        .set ("type", kind_name (shape))
        .set ("counts", counts);
}

/*  OCCT's flag says nothing about solids: their shells do.  */
static bool s_closed (const TopoDS_Shape &shape)
{
    TopExp_Explorer shell (shape, TopAbs_SHELL);
    if (!shell.More ())
        return BRep_Tool::IsClosed (shape);
    for (; shell.More (); shell.Next ())
        if (!BRep_Tool::IsClosed (shell.Current ()))
            return false;
    return true;
}

double volume_of (const TopoDS_Shape &shape)
{
    if (!has_any (shape, TopAbs_SOLID))
        return 0;
    GProp_GProps props;
    BRepGProp::VolumeProperties (shape, props);
    return props.Mass ();
}

/*  Copies that are placed only, not scaled or mirrored.  */
static bool s_placed (const TopoDS_Shape &shape)
{
    const gp_Trsf trsf = shape.Location ().Transformation ();
    return !trsf.IsNegative () && std::abs (trsf.ScaleFactor () - 1) < 1e-12;
}

double Volumes::of (const TopoDS_Shape &shape)
{
    if (!has_any (shape, TopAbs_SOLID))
        return 0;
    const auto found = all.find ({shape.TShape ().get (), shape.Orientation ()});
    if (found != all.end () && s_placed (shape) &&
        s_placed (found->second.shape))
        return found->second.volume.Mass ();
    return measured (shape).Mass ();
}

GProp_GProps Volumes::measured (const TopoDS_Shape &shape)
{
    Known &known = all[{shape.TShape ().get (), shape.Orientation ()}];
    if (!known.shape.IsEqual (shape)) {
        known = {shape, GProp_GProps ()};
        BRepGProp::VolumeProperties (shape, known.volume);
    }
    return known.volume;
}

static gp_XYZ s_center (const GProp_GProps &props)
{
    return props.CentreOfMass ().XYZ ();
}

Json summary (const TopoDS_Shape &shape, bool known_valid, Volumes &volumes)
{
    Json made = brief (shape);
    made.set ("valid", known_valid || is_valid (shape));
    made.set ("closed", s_closed (shape));
    GProp_GProps volume, area, length;
    const bool solid = has_any (shape, TopAbs_SOLID);
    const bool face = has_any (shape, TopAbs_FACE);
    if (solid)
        volume = volumes.measured (shape);
    if (face)
        BRepGProp::SurfaceProperties (shape, area);
    BRepGProp::LinearProperties (shape, length);
    made.set ("volume", volume.Mass ())
        .set ("area", area.Mass ())
        .set ("length", length.Mass ());
    if (shape.ShapeType () != TopAbs_VERTEX)
        made.set ("center_of_mass",
                  json_of (s_center (solid ? volume : face ? area : length)));
    Bnd_Box box;
    BRepBndLib::Add (shape, box);
    box.SetGap (0);
    return made.set ("box", json_of (box));
}

} // namespace fcj
