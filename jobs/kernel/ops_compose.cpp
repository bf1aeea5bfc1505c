/*  ops_compose.cpp - shapes put together from others, and taken apart.  */

#include "call.hpp"
#include "plane.hpp"
#include "summary.hpp"
#include "verify.hpp"

#include <BRepBuilderAPI_FindPlane.hxx>
#include <BRepBuilderAPI_MakeEdge.hxx>
#include <BRepBuilderAPI_MakeFace.hxx>
#include <BRepBuilderAPI_MakeWire.hxx>
#include <BRepGProp.hxx>
#include <BRep_Tool.hxx>
#include <GProp_GProps.hxx>
#include <Geom_Plane.hxx>
#include <ShapeAnalysis_FreeBounds.hxx>
#include <ShapeFix_Face.hxx>
#include <TopExp.hxx>
#include <TopExp_Explorer.hxx>
#include <TopTools_HSequenceOfShape.hxx>
#include <TopTools_IndexedMapOfShape.hxx>
#include <TopoDS.hxx>
#include <gp_Pln.hxx>
#include <TopoDS_Edge.hxx>
#include <TopoDS_Face.hxx>
#include <TopoDS_Vertex.hxx>
#include <TopoDS_Wire.hxx>

namespace fcj {

static const double MEET = 1e-4;        /* mm: ends that are one point */

/*  The edges in one wire, the last joined to the first when asked for.  */
static void s_wire (Call &call)
{
    Handle (TopTools_HSequenceOfShape) edges = new TopTools_HSequenceOfShape,
                                       wires = new TopTools_HSequenceOfShape;
    for (const Operand &operand : call.shapes ("shapes", true))
        for (TopExp_Explorer it (operand.shape, TopAbs_EDGE); it.More ();
             it.Next ())
            edges->Append (it.Current ());
    if (edges->IsEmpty ())
        invalid ("wrong_type", "the shapes have no edges", "shapes");
    ShapeAnalysis_FreeBounds::ConnectEdgesToWires (edges, MEET, false, wires);
    if (wires->Length () != 1)
        invalid ("not_closed",
                 format ("the %d edges do not meet in one wire: they make %d",
                         edges->Length (), wires->Length ()), "shapes");
    TopoDS_Wire wire = TopoDS::Wire (wires->First ());
    TopoDS_Vertex first, last;
    TopExp::Vertices (wire, first, last);
    if (call.flag ("closed") && !first.IsNull () && !last.IsNull () &&
        !first.IsSame (last)) {
        BRepBuilderAPI_MakeWire builder (wire);
        builder.Add (BRepBuilderAPI_MakeEdge (last, first).Edge ());
        wire = builder.Wire ();
    }
    accept (call, wire);
}

static TopoDS_Wire s_closed (const Operand &operand)
{
    if (operand.shape.ShapeType () == TopAbs_EDGE &&
        BRep_Tool::IsClosed (operand.shape))
        return BRepBuilderAPI_MakeWire (TopoDS::Edge (operand.shape)).Wire ();
    if (operand.shape.ShapeType () != TopAbs_WIRE)
        invalid ("wrong_type", operand.where + " is a " +
                                   kind_name (operand.shape) +
                                   ", it must be a closed wire",
                 operand.where);
    if (!BRep_Tool::IsClosed (operand.shape))
        invalid ("not_closed", operand.where + " is not closed; op wire with "
                               "closed: true joins its ends", operand.where);
    return TopoDS::Wire (operand.shape);
}

static void s_face (Call &call)
{
    const Operand outline = call.shape ();
    const TopoDS_Wire wire = s_closed (outline);
    BRepBuilderAPI_FindPlane plane (wire);
    if (!plane.Found ())
        invalid ("not_planar", outline.where + " is not flat, so there is no "
                               "face in it", outline.where);
    BRepBuilderAPI_MakeFace builder (plane.Plane ()->Pln (), wire);
    for (const Operand &hole : call.shapes ("holes")) {
        require_in_plane (hole, plane.Plane ()->Pln ());
        builder.Add (s_closed (hole));
    }
    if (!builder.IsDone ())
        failure ("algorithm", "OpenCASCADE found no face in this wire",
                 outline.where);
    Handle (ShapeFix_Face) fix = new ShapeFix_Face (builder.Face ());
    fix->FixOrientation ();
    const char *hint = "; the holes must lie inside the outline and not cross";
    accept (call, fix->Face (), hint);
    if (call.made.shape.ShapeType () != TopAbs_FACE)
        failure ("invalid_result", std::string ("these wires make no one "
                                                "face") + hint, "holes");
    require_area (call.made.shape, outline.where);
}

static void s_compound (Call &call)
{
    std::vector<TopoDS_Shape> shapes;
    bool valid = true;
    for (const Operand &operand : call.shapes ("shapes")) {
        shapes.push_back (operand.shape);
        call.made.looks.add (operand.value->looks);
        valid = valid && operand.valid;
    }
    call.made.shape = compound_of (shapes);
    call.made.valid = valid;
}

/* ---- select ------------------------------------------------------------- */

static double s_size (const TopoDS_Shape &part)
{
    GProp_GProps props;
    if (part.ShapeType () <= TopAbs_SOLID)
        BRepGProp::VolumeProperties (part, props);
    else if (part.ShapeType () <= TopAbs_FACE)
        BRepGProp::SurfaceProperties (part, props);
    else
        BRepGProp::LinearProperties (part, props);
    return std::abs (props.Mass ());
}

static double s_height (const TopoDS_Shape &part)
{
    if (part.ShapeType () == TopAbs_VERTEX)
        return BRep_Tool::Pnt (TopoDS::Vertex (part)).Z ();
    GProp_GProps props;
    if (part.ShapeType () <= TopAbs_FACE)
        BRepGProp::SurfaceProperties (part, props);
    else
        BRepGProp::LinearProperties (part, props);
    return props.CentreOfMass ().Z ();
}

static int s_best (const TopTools_IndexedMapOfShape &parts,
                   const std::string &rule)
{
    const bool by_size = rule == "largest" || rule == "smallest";
    const double sign = rule == "largest" || rule == "highest" ? 1 : -1;
    int best = 1;
    double most = 0;
    for (int at = 1; at <= parts.Extent (); at++) {
        const double now =
            sign * (by_size ? s_size (parts (at)) : s_height (parts (at)));
        if (at == 1 || now > most) {
            best = at;
            most = now;
        }
    }
    return best;
}

static TopAbs_ShapeEnum s_kind (const std::string &word)
{
    static const std::map<std::string, TopAbs_ShapeEnum> kinds = {
        {"solid", TopAbs_SOLID}, {"shell", TopAbs_SHELL},
        {"face", TopAbs_FACE},   {"wire", TopAbs_WIRE},
        {"edge", TopAbs_EDGE},   {"vertex", TopAbs_VERTEX}};
    return kinds.at (word);
}

static void s_select (Call &call)
{
    const Operand whole = call.shape ();
    const TopAbs_ShapeEnum kind = s_kind (call.text ("kind"));
    const std::string rule = call.text ("rule");
    TopTools_IndexedMapOfShape parts;
    TopExp::MapShapes (whole.shape, kind, parts);
    if (parts.IsEmpty ())
        failure ("empty_result", whole.where + " has no " + call.text ("kind"),
                 whole.where);
    call.made.looks.add (whole.value->looks);
    call.made.valid = whole.valid;
    if (call.has ("index"))
        call.made.shape = part_of (
            whole.shape,
            kind_name (kind) + std::to_string (call.integer ("index")),
            whole.where);
    else if (rule != "all")
        call.made.shape = parts (s_best (parts, rule));
    else {
        std::vector<TopoDS_Shape> all;
        for (int at = 1; at <= parts.Extent (); at++)
            all.push_back (parts (at));
        call.made.shape = unwrapped (compound_of (all));
    }
}

static Op s_op (const char *name, const char *title, const Params &params,
                void (*run) (Call &))
{
    Op op{name, "shapes", title, params, run};
    op.weight = 0.3;
    op.memo = false;
    return op;
}

std::vector<Op> compose_ops ()
{
    Param holes = refs ("holes", "Closed wires inside it", 0).otherwise ("[]");
    holes.required = false;
    return {
        s_op ("wire", "One wire from edges and wires that meet",
              {refs ("shapes", "Edges and wires", 1),
               flag ("closed", "Join the ends by a line", false)},
              s_wire),
        s_op ("face", "Flat face in a closed wire", {shape (), holes}, s_face),
        s_op ("compound", "Shapes as one, not united",
              {refs ("shapes", "The members", 1)}, s_compound),
        s_op ("select", "Parts of a shape",
              {shape (),
               choice ("kind", "Of what kind",
                       {"solid", "shell", "face", "wire", "edge", "vertex"},
                       nullptr)
                   .must (),
               integer ("index", "The n-th one, from 1", 1, 10000000),
               choice ("rule", "Which, when there is no index",
                       {"all", "largest", "smallest", "highest", "lowest"},
                       "all")},
              s_select)};
}

} // namespace fcj
