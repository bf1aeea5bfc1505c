/*  ops_edge.cpp - fillet and chamfer, by edges or by rule.  */

#include "call.hpp"
#include "verify.hpp"

#include <BRepFilletAPI_MakeChamfer.hxx>
#include <BRepFilletAPI_MakeFillet.hxx>
#include <BRepGProp.hxx>
#include <BRepOffset_Analyse.hxx>
#include <BRepOffset_ListOfInterval.hxx>
#include <BRep_Tool.hxx>
#include <GProp_GProps.hxx>
#include <Precision.hxx>
#include <TopExp.hxx>
#include <TopTools_IndexedDataMapOfShapeListOfShape.hxx>
#include <TopTools_IndexedMapOfShape.hxx>
#include <TopoDS.hxx>
#include <cmath>

namespace fcj {

static const double RADIANS = M_PI / 180;
static const double TANGENT = 1e-3;         /* radians: no edge to be seen */

/* ---- Which edges -------------------------------------------------------- */

static double s_length (const TopoDS_Shape &edge)
{
    GProp_GProps props;
    BRepGProp::LinearProperties (edge, props);
    return props.Mass ();
}

static bool s_wanted (const Call &call, const BRepOffset_Analyse &analysis,
                      const TopoDS_Edge &edge)
{
    const std::string rule = call.text ("rule");
    bool convex = false, concave = false;
    for (const BRepOffset_Interval &part : analysis.Type (edge)) {
        convex = convex || part.Type () == ChFiDS_Convex;
        concave = concave || part.Type () == ChFiDS_Concave;
    }
    if (rule == "convex")
        return convex;
    if (rule == "concave")
        return concave;
    if (!convex && !concave)
        return false;
    if (rule == "longer_than")
        return s_length (edge) > call.number ("length");
    if (rule == "shorter_than")
        return s_length (edge) < call.number ("length");
    return true;
}

static std::vector<TopoDS_Edge> s_by_rule (const Call &call,
                                           const TopoDS_Shape &shape)
{
    const std::string rule = call.text ("rule");
    if ((rule == "longer_than" || rule == "shorter_than") &&
        !call.has ("length"))
        invalid ("argument", "rule " + rule + " needs a length", "length");
    BRepOffset_Analyse analysis (shape, TANGENT);
    TopTools_IndexedDataMapOfShapeListOfShape faces;
    TopExp::MapShapesAndAncestors (shape, TopAbs_EDGE, TopAbs_FACE, faces);
    std::vector<TopoDS_Edge> made;
    for (int at = 1; at <= faces.Extent (); at++) {
        const TopoDS_Edge edge = TopoDS::Edge (faces.FindKey (at));
        if (faces (at).Extent () == 2 && !BRep_Tool::Degenerated (edge) &&
            s_wanted (call, analysis, edge))
            made.push_back (edge);
    }
    if (made.empty ())
        failure ("empty_result", "no edge fits rule " + rule, "rule");
    return made;
}

static std::vector<TopoDS_Edge> s_edges (const Call &call,
                                         const TopoDS_Shape &shape)
{
    if (call.has ("edges") == call.has ("rule"))
        invalid ("argument", "give either edges (\"Edge3\") or a rule",
                 "edges");
    if (call.has ("rule"))
        return s_by_rule (call, shape);
    std::vector<TopoDS_Edge> made;
    int at = 0;
    for (const std::string &name : call.texts ("edges"))
        made.push_back (
            TopoDS::Edge (part_of (shape, name, format ("edges[%d]", at++))));
    return made;
}

static std::string s_name (const TopoDS_Shape &shape, const TopoDS_Shape &edge)
{
    TopTools_IndexedMapOfShape edges;
    TopExp::MapShapes (shape, TopAbs_EDGE, edges);
    return "Edge" + std::to_string (edges.FindIndex (edge));
}

/* ---- Fillet ------------------------------------------------------------- */

static const char *s_status (ChFiDS_ErrorStatus status)
{
    switch (status) {
    case ChFiDS_StartsolFailure:
        return "no start found, the radius may be too large";
    case ChFiDS_WalkingFailure:
        return "it got stuck on the way, the radius may be too large";
    case ChFiDS_TwistedSurface:
        return "the surface twists, the radius is too large";
    default:
        return "it could not be made";
    }
}

[[noreturn]] static void s_fillet_failed (const Operand &operand,
                                          BRepFilletAPI_MakeFillet &fillet,
                                          const std::string &why)
{
    std::vector<std::string> details;
    for (int at = 1; at <= fillet.NbFaultyContours (); at++) {
        const int contour = fillet.FaultyContour (at);
        if (contour >= 1 && contour <= fillet.NbContours ())
            details.push_back (
                s_name (operand.shape, fillet.Edge (contour, 1)) + ": " +
                s_status (fillet.StripeStatus (contour)));
    }
    if (fillet.NbFaultyVertices () > 0)
        details.push_back (format ("%d corners could not be filled",
                                   fillet.NbFaultyVertices ()));
    failure ("algorithm",
             "OpenCASCADE could not round these edges" +
                 (details.empty () ? why : " (" + details[0] + ")") +
                 "; try a smaller radius, or fewer edges at a time",
             "edges", details);
}

template <class Builder>
static void s_looks (Call &call, const Operand &operand, Builder &builder)
{
    call.made.looks.add (operand.value->looks);
    call.made.looks.follow (
        operand.shape, [&] (const TopoDS_Shape &part) -> const auto & {
            return builder.Modified (part);
        });
    const Look *look = operand.value->looks.find (operand.shape);
    if (look) {
        const Look copy = *look;
        call.made.looks.at (call.made.shape) = copy;
    }
}

static void s_fillet (Call &call)
{
    Operand operand = call.shape ();
    require_valid (call, operand);
    BRepFilletAPI_MakeFillet fillet (operand.shape);
    const double radius = call.number ("radius");
    for (const TopoDS_Edge &edge : s_edges (call, operand.shape)) {
        if (fillet.Contour (edge))
            continue;               /* part of a tangent chain already */
        if (call.has ("radius2"))
            fillet.Add (radius, call.number ("radius2"), edge);
        else
            fillet.Add (radius, edge);
    }
    if (fillet.NbContours () == 0)
        invalid ("argument", "none of these edges lies between two faces",
                 "edges");
    try {
        fillet.Build (call.range (0.8));
    } catch (Standard_Failure &) {
        s_fillet_failed (operand, fillet, "");
    }
    if (!fillet.IsDone ())
        s_fillet_failed (operand, fillet, "");
    accept (call, unwrapped (fillet.Shape ()), "; try a smaller radius");
    call.data.set ("contours", fillet.NbContours ());
    s_looks (call, operand, fillet);
}

/* ---- Chamfer ------------------------------------------------------------ */

static void s_add (const Call &call, BRepFilletAPI_MakeChamfer &chamfer,
                   const TopoDS_Edge &edge, const TopoDS_Face &face)
{
    const double distance = call.number ("distance");
    if (call.has ("distance2"))
        chamfer.Add (distance, call.number ("distance2"), edge, face);
    else if (call.has ("angle"))
        chamfer.AddDA (distance, call.number ("angle") * RADIANS, edge, face);
    else
        chamfer.Add (distance, edge);
}

static void s_chamfer (Call &call)
{
    if (call.has ("distance2") && call.has ("angle"))
        invalid ("argument", "a chamfer has distance2 or angle, not both",
                 "angle");
    Operand operand = call.shape ();
    require_valid (call, operand);
    TopTools_IndexedDataMapOfShapeListOfShape faces;
    TopExp::MapShapesAndAncestors (operand.shape, TopAbs_EDGE, TopAbs_FACE,
                                   faces);
    BRepFilletAPI_MakeChamfer chamfer (operand.shape);
    for (const TopoDS_Edge &edge : s_edges (call, operand.shape))
        if (!chamfer.Contour (edge) && faces.Contains (edge) &&
            !faces.FindFromKey (edge).IsEmpty ())
            s_add (call, chamfer, edge,
                   TopoDS::Face (faces.FindFromKey (edge).First ()));
    if (chamfer.NbContours () == 0)
        invalid ("argument", "none of these edges lies between two faces",
                 "edges");
    const char *text = "OpenCASCADE could not chamfer these edges; try a "
                       "smaller distance, or fewer edges at a time";
    try {
        chamfer.Build (call.range (0.8));
    } catch (Standard_Failure &) {
        failure ("algorithm", text, "edges");
    }
    if (!chamfer.IsDone ())
        failure ("algorithm", text, "edges");
    accept (call, unwrapped (chamfer.Shape ()), "; try a smaller distance");
    call.data.set ("contours", chamfer.NbContours ());
    s_looks (call, operand, chamfer);
}

static Op s_op (const char *name, const char *title, const Params &params,
                void (*run) (Call &))
{
    const Params which = {
        names ("edges", "Which, counted as FreeCAD does", "Edge"),
        choice ("rule", "Or which by rule; tangent edges are never meant",
                {"all", "convex", "concave", "longer_than", "shorter_than"},
                nullptr),
        length ("length", "For longer_than and shorter_than")};
    Op op{name, "features", title, params + which, run};
    op.weight = 30;
    return op;
}

std::vector<Op> edge_ops ()
{
    return {s_op ("fillet", "Round edges",
                  {shape (), length ("radius", "Radius").must (),
                   length ("radius2", "At the other end of each edge")},
                  s_fillet),
            s_op ("chamfer", "Bevel edges",
                  {shape (), length ("distance", "From the edge").must (),
                   length ("distance2", "On the other face"),
                   angle ("angle", "To the first face").within (0.01, 89.99)},
                  s_chamfer)};
}

} // namespace fcj
