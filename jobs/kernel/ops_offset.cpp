/*  ops_offset.cpp - offset, thickness, draft: faces moved along their normals
 *  or tilted.  */

#include "call.hpp"
#include "plane.hpp"
#include "probe.hpp"
#include "summary.hpp"
#include "verify.hpp"

#include <BRepOffsetAPI_DraftAngle.hxx>
#include <BRepOffsetAPI_MakeOffset.hxx>
#include <BRepOffsetAPI_MakeOffsetShape.hxx>
#include <BRepOffsetAPI_MakeThickSolid.hxx>
#include <BRepOffset_MakeOffset.hxx>
#include <BRepBuilderAPI_FindPlane.hxx>
#include <BRepBuilderAPI_MakeWire.hxx>
#include <Geom_Plane.hxx>
#include <TopExp_Explorer.hxx>
#include <TopoDS.hxx>
#include <TopoDS_Edge.hxx>
#include <TopoDS_Face.hxx>
#include <TopoDS_Vertex.hxx>
#include <TopoDS_Wire.hxx>
#include <cmath>
#include <gp_Pln.hxx>

namespace fcj {

static const double RADIANS = M_PI / 180;
static const size_t PROBES = 32;        /* of an offset's distance          */
static const double SHORT = 1e-3;       /* of the distance may be missing   */

static const char *s_error (BRepOffset_Error error)
{
    switch (error) {
    case BRepOffset_BadNormalsOnGeometry:
        return "a face has no normal somewhere";
    case BRepOffset_C0Geometry:
        return "a face has a kink inside";
    case BRepOffset_NullOffset:
        return "the distance is zero";
    case BRepOffset_NotConnectedShell:
        return "the faces do not hang together";
    case BRepOffset_CannotTrimEdges:
        return "edges could not be trimmed";
    case BRepOffset_CannotFuseVertices:
        return "corners do not meet";
    case BRepOffset_CannotExtentEdge:
        return "edges could not be extended";
    default:
        return "no reason is given";
    }
}

static GeomAbs_JoinType s_join (const Call &call)
{
    return call.is ("join", "intersection") ? GeomAbs_Intersection
           : call.is ("join", "tangent")    ? GeomAbs_Tangent
                                            : GeomAbs_Arc;
}

static void s_not_zero (const Call &call, const char *name)
{
    if (std::abs (call.number (name)) < FCJ_KERNEL_LENGTH_MIN)
        invalid ("argument", std::string (name) + " must not be 0", name);
}

/*  OCCT's offset takes one solid; a compound is done one by one.  */
static std::vector<TopoDS_Shape> s_solids (const TopoDS_Shape &shape)
{
    std::vector<TopoDS_Shape> all;
    for (TopExp_Explorer it (shape, TopAbs_SOLID); it.More (); it.Next ())
        all.push_back (it.Current ());
    if (all.empty ())
        all.push_back (unwrapped (shape));
    return all;
}

static TopoDS_Shape s_moved (Call &call, const TopoDS_Shape &shape,
                             const std::string &where, double share)
{
    BRepOffset_MakeOffset builder;
    builder.Initialize (shape, call.number ("distance"),
                        call.number ("tolerance"), BRepOffset_Skin,
                        call.flag ("intersection"), false, s_join (call),
                        call.flag ("solid"), false);
    builder.MakeOffsetShape (call.range (share));
    call.poll ();
    if (!builder.IsDone ())
        failure ("algorithm", std::string ("OpenCASCADE made no offset (") +
                                  s_error (builder.Error ()) +
                                  "); try join: intersection or a smaller "
                                  "distance", where);
    if (builder.Shape ().IsNull () || !has_any (builder.Shape (), TopAbs_FACE))
        failure ("empty_result", "OpenCASCADE made nothing: the distance is "
                                 "more than the part allows", where);
    return unwrapped (builder.Shape ());
}

/*  Distances to a solid are to what it fills; these are to its faces.  */
static TopoDS_Shape s_bare (const TopoDS_Shape &shape)
{
    std::vector<TopoDS_Shape> faces;
    for (TopExp_Explorer it (shape, TopAbs_FACE); it.More (); it.Next ())
        faces.push_back (it.Current ());
    return compound_of (faces);
}

/*  What an offset is: nowhere nearer to where it came from.  */
static double s_least (const Call &call, const char *name)
{
    const double way = std::abs (call.number (name));
    return way - std::max (10 * call.number ("tolerance"), SHORT * way);
}

static void s_offset (Call &call)
{
    s_not_zero (call, "distance");
    Operand operand = call.shape ();
    require_valid (call, operand);
    if (!has_any (operand.shape, TopAbs_FACE))
        invalid ("wrong_type", operand.where + " has no faces; for wires there "
                               "is op offset2d", operand.where);
    std::vector<TopoDS_Shape> all;
    const std::vector<TopoDS_Shape> parts = s_solids (operand.shape);
    for (const TopoDS_Shape &part : parts)
        all.push_back (s_moved (call, part, operand.where,
                                0.9 / (double) parts.size ()));
    const TopoDS_Shape made = unwrapped (compound_of (all));
    accept (call, made, "; try a smaller distance");
    const double before = volume_of (operand.shape), after = volume_of (made);
    if (before > 0 && has_any (operand.shape, TopAbs_SOLID) &&
        !call.flag ("solid") && (after > before) != (call.number ("distance") > 0))
        failure ("wrong_volume", format ("the offset is wrong: the volume went "
                                         "from %.6g to %.6g mm3; try a smaller "
                                         "distance", before, after),
                 operand.where);
    if (!call.flag ("solid"))
        require_distance (call, probes_of (call.made.shape, PROBES),
                          s_bare (operand.shape), s_least (call, "distance"),
                          operand.where);
    require_body (call, call.made.shape, "; try a smaller distance");
}

/*  The wires of a face's offset as faces: one inside another is its hole.  */
static TopoDS_Shape s_filled (const Operand &operand, const TopoDS_Shape &wires)
{
    BRepBuilderAPI_FindPlane plane (operand.shape);
    if (!plane.Found ())
        invalid ("not_planar", operand.where + " is not flat", operand.where);
    return unwrapped (faces_in (wires, plane.Plane ()->Pln ()));
}

static void s_offset2d (Call &call)
{
    s_not_zero (call, "distance");
    Operand operand = call.shape ();
    require_valid (call, operand);
    BRepOffsetAPI_MakeOffset builder;
    const bool face = operand.shape.ShapeType () == TopAbs_FACE;
    if (face)
        builder.Init (TopoDS::Face (operand.shape), s_join (call));
    else if (operand.shape.ShapeType () == TopAbs_WIRE ||
             operand.shape.ShapeType () == TopAbs_EDGE) {
        builder.Init (s_join (call), call.flag ("open"));
        TopoDS_Wire wire;
        if (operand.shape.ShapeType () == TopAbs_WIRE)
            wire = TopoDS::Wire (operand.shape);
        else
            wire = BRepBuilderAPI_MakeWire (TopoDS::Edge (operand.shape)).Wire ();
        builder.AddWire (wire);
    } else
        invalid ("wrong_type", operand.where + " is a " +
                                   kind_name (operand.shape) +
                                   ", it must be a flat wire or face",
                 operand.where);
    builder.Perform (call.number ("distance"));
    if (!builder.IsDone () || builder.Shape ().IsNull ())
        failure ("empty_result", "nothing is left of the outline at this "
                                 "distance", operand.where);
    const TopoDS_Shape made = unwrapped (builder.Shape ());
    accept (call, face ? s_filled (operand, made) : made);
}

static TopTools_ListOfShape s_faces (const Call &call, const Operand &operand)
{
    TopTools_ListOfShape list;
    int at = 0;
    for (const std::string &name : call.texts ("faces"))
        list.Append (part_of (operand.shape, name, format ("faces[%d]", at++)));
    return list;
}

/*  The inner faces of a wall keep their distance from the outer ones.  */
static void s_require_wall (Call &call, const Operand &operand,
                            BRepOffsetAPI_MakeThickSolid &builder)
{
    const TopTools_ListOfShape open = s_faces (call, operand);
    std::vector<TopoDS_Shape> kept, moved;
    for (TopExp_Explorer it (operand.shape, TopAbs_FACE); it.More ();
         it.Next ()) {
        if (open.Contains (it.Current ()))
            continue;
        kept.push_back (it.Current ());
        for (const TopoDS_Shape &made : builder.Generated (it.Current ()))
            moved.push_back (made);
    }
    require_distance (call, probes_of (compound_of (moved), PROBES),
                      compound_of (kept), s_least (call, "thickness"),
                      operand.where);
}

static void s_thickness (Call &call)
{
    s_not_zero (call, "thickness");
    Operand operand = call.shape ();
    require_valid (call, operand);
    operand.shape = unwrapped (operand.shape);
    if (operand.shape.ShapeType () != TopAbs_SOLID)
        invalid ("wrong_type", operand.where + " is a " +
                                   kind_name (operand.shape) +
                                   ", it must be one solid",
                 operand.where);
    BRepOffsetAPI_MakeThickSolid builder;
    builder.MakeThickSolidByJoin (
        operand.shape, s_faces (call, operand), call.number ("thickness"),
        call.number ("tolerance"), BRepOffset_Skin, call.flag ("intersection"),
        false, s_join (call), false, call.range (0.9));
    call.poll ();
    if (!builder.IsDone () || builder.Shape ().IsNull ())
        failure ("algorithm",
                 std::string ("OpenCASCADE made no wall (") +
                     s_error (builder.MakeOffset ().Error ()) +
                     "); try join: intersection or a smaller thickness",
                 operand.where);
    TopoDS_Shape made = unwrapped (builder.Shape ());
    if (volume_of (made) < 0)
        made.Reverse ();
    accept (call, made, "; try a smaller thickness");
    if (!(volume_of (made) > 0))
        failure ("wrong_volume", "the wall has no volume: the thickness may be "
                                 "more than the part allows", operand.where);
    s_require_wall (call, operand, builder);
    require_body (call, call.made.shape, "; try a smaller thickness");
}

static void s_draft (Call &call)
{
    Operand operand = call.shape ();
    require_valid (call, operand);
    BRepOffsetAPI_DraftAngle builder (operand.shape);
    const gp_Pln neutral (call.point ("at"), call.direction ("normal"));
    int at = 0;
    for (const std::string &name : call.texts ("faces")) {
        const std::string where = format ("faces[%d]", at++);
        builder.Add (TopoDS::Face (part_of (operand.shape, name, where)),
                     call.direction ("direction"),
                     call.number ("angle") * RADIANS, neutral);
        if (!builder.AddDone ())
            failure ("algorithm",
                     name + " cannot be tilted: it must be flat or a cylinder "
                            "or cone along the direction, and its tangent "
                            "neighbours must tilt with it", where);
    }
    builder.Build (call.range (0.8));
    if (!builder.IsDone ())
        failure ("algorithm", "OpenCASCADE could not tilt these faces; try a "
                              "smaller angle", "faces");
    call.made.looks.add (operand.value->looks);
    call.made.looks.follow (
        operand.shape, [&] (const TopoDS_Shape &part) -> const auto & {
            return builder.Modified (part);
        });
    accept (call, unwrapped (builder.Shape ()), "; try a smaller angle");
    require_body (call, call.made.shape, "; try a smaller angle");
}

static Op s_op (const char *name, const char *title, const Params &params,
                void (*run) (Call &), double weight)
{
    Op op{name, "features", title, params, run};
    op.weight = weight;
    return op;
}

std::vector<Op> offset_ops ()
{
    const Param join = choice ("join", "Between faces that part",
                               {"arc", "intersection"}, "arc");
    const Param tolerance = number ("tolerance", "mm")
                                .within (1e-7, 1)
                                .otherwise ("1e-4");
    const Param meet = flag ("intersection", "Intersect all with all", false);
    return {
        s_op ("offset", "All faces moved along their normals",
              {shape (), number ("distance", "Negative: inwards").must (), join,
               tolerance, meet,
               flag ("solid", "Thicken a face or shell", false)},
              s_offset, 20),
        s_op ("offset2d", "Flat outline moved in its plane",
              {shape (), number ("distance", "Negative: inwards").must (),
               choice ("join", "At corners", {"arc", "tangent", "intersection"},
                       "arc"),
               flag ("open", "An open wire stays open", false)},
              s_offset2d, 2),
        s_op ("thickness", "Hollow solid with open faces",
              {shape (), names ("faces", "These are open", "Face").must (),
               number ("thickness", "Of the wall, negative: inwards").must (),
               join, tolerance, meet},
              s_thickness, 20),
        s_op ("draft", "Faces tilted for a mould",
              {shape (), names ("faces", "Which", "Face").must (),
               angle ("angle", "By how much").within (-89, 89).must (),
               direction ("direction", "The mould opens", "[0, 0, 1]"),
               point ("at", "On the neutral plane"),
               direction ("normal", "Of the neutral plane", "[0, 0, 1]")},
              s_draft, 5)};
}

} // namespace fcj
