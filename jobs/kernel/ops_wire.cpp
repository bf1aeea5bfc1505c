/*  ops_wire.cpp - vertices, wires and faces from plain numbers.  */

#include "call.hpp"
#include "plane.hpp"
#include "verify.hpp"

#include <BRepBuilderAPI_MakeEdge.hxx>
#include <BRepBuilderAPI_MakeFace.hxx>
#include <BRepBuilderAPI_MakePolygon.hxx>
#include <BRepBuilderAPI_MakeVertex.hxx>
#include <BRepBuilderAPI_MakeWire.hxx>
#include <BRepLib.hxx>
#include <GC_MakeArcOfCircle.hxx>
#include <Geom2d_Line.hxx>
#include <GeomAPI_Interpolate.hxx>
#include <Geom_BSplineCurve.hxx>
#include <Geom_ConicalSurface.hxx>
#include <Geom_CylindricalSurface.hxx>
#include <Precision.hxx>
#include <TColStd_Array1OfInteger.hxx>
#include <TColStd_Array1OfReal.hxx>
#include <TColgp_Array1OfPnt.hxx>
#include <TColgp_HArray1OfPnt.hxx>
#include <TopoDS.hxx>
#include <TopoDS_Edge.hxx>
#include <TopoDS_Face.hxx>
#include <TopoDS_Vertex.hxx>
#include <TopoDS_Wire.hxx>
#include <cmath>
#include <gp_Circ.hxx>
#include <gp_Elips.hxx>

namespace fcj {

static const double RADIANS = M_PI / 180;
static const int TURNS_MAX = 1000;

static void s_no_doubles (const std::vector<gp_Pnt> &points, bool closed)
{
    for (size_t at = 0; at + (closed ? 0 : 1) < points.size (); at++) {
        const size_t next = (at + 1) % points.size ();
        if (points[at].Distance (points[next]) <= Precision::Confusion ())
            invalid ("argument",
                     format ("points[%zu] and points[%zu] are the same point",
                             at, next), "points");
    }
}

/*  As a wire, or as the face inside it.  */
static void s_outline (Call &call, const TopoDS_Wire &wire)
{
    if (!call.is ("as", "face")) {
        accept (call, wire);
        return;
    }
    BRepBuilderAPI_MakeFace face (wire, true);
    if (!face.IsDone ())
        invalid ("not_planar", "the outline is not flat, so there is no face "
                               "in it; give it as a wire", "points");
    accept (call, face.Shape (),
            "; an outline that crosses itself has no inside");
    require_area (call.made.shape, "the outline");
}

static TopoDS_Wire s_polygon (std::vector<gp_Pnt> points, bool closed)
{
    if (closed && points.size () > 2 &&
        points.front ().Distance (points.back ()) <= Precision::Confusion ())
        points.pop_back ();
    s_no_doubles (points, closed && points.size () > 2);
    BRepBuilderAPI_MakePolygon builder;
    for (const gp_Pnt &point : points)
        builder.Add (point);
    if (closed && points.size () > 2)
        builder.Close ();
    return builder.Wire ();
}

static TopoDS_Wire s_wire (const TopoDS_Edge &edge)
{
    return BRepBuilderAPI_MakeWire (edge).Wire ();
}

static gp_Pnt s_on (const gp_Ax2 &place, double x, double y)
{
    return place.Location ().Translated (gp_Vec (place.XDirection ()) * x +
                                         gp_Vec (place.YDirection ()) * y);
}

static void s_vertex (Call &call)
{
    accept (call, BRepBuilderAPI_MakeVertex (call.point ("at")).Shape ());
}

static void s_polyline (Call &call)
{
    accept (call, s_polygon (call.points ("points"), call.flag ("closed")));
}

static void s_polygon_op (Call &call)
{
    if (call.has ("points") == (call.has ("sides") || call.has ("radius")))
        invalid ("argument", "a polygon has either points, or sides and radius",
                 "points");
    if (call.has ("points")) {
        s_outline (call, s_polygon (call.points ("points"), true));
        return;
    }
    if (!call.has ("sides") || !call.has ("radius"))
        invalid ("argument", "sides and radius go together", "sides");
    std::vector<gp_Pnt> points;
    const int sides = call.integer ("sides");
    const double radius = call.number ("radius");
    for (int side = 0; side < sides; side++)
        points.push_back (s_on (call.place (),
                                radius * std::cos (2 * M_PI * side / sides),
                                radius * std::sin (2 * M_PI * side / sides)));
    s_outline (call, s_polygon (points, true));
}

static void s_rectangle (Call &call)
{
    const std::vector<double> size = call.numbers ("size");
    const gp_Ax2 place = call.place ();
    const double x = call.flag ("centered") ? -size[0] / 2 : 0,
                 y = call.flag ("centered") ? -size[1] / 2 : 0;
    s_outline (call, s_polygon ({s_on (place, x, y), s_on (place, x + size[0], y),
                                 s_on (place, x + size[0], y + size[1]),
                                 s_on (place, x, y + size[1])},
                                true));
}

static void s_circle (Call &call)
{
    const gp_Circ circle (call.place (), call.number ("radius"));
    s_outline (call, s_wire (BRepBuilderAPI_MakeEdge (circle).Edge ()));
}

static void s_ellipse (Call &call)
{
    const double one = call.number ("radius1"), other = call.number ("radius2");
    if (other > one)
        invalid ("argument", "radius2 must not be greater than radius1; turn "
                             "the axis instead", "radius2");
    const gp_Elips ellipse (call.place (), one, other);
    s_outline (call, s_wire (BRepBuilderAPI_MakeEdge (ellipse).Edge ()));
}

static void s_arc (Call &call)
{
    if (call.has ("points")) {
        const std::vector<gp_Pnt> points = call.points ("points");
        GC_MakeArcOfCircle arc (points[0], points[1], points[2]);
        if (points.size () != 3 || !arc.IsDone ())
            invalid ("argument", "points must be three points of a circle, not "
                                 "on a line", "points");
        accept (call, s_wire (BRepBuilderAPI_MakeEdge (arc.Value ()).Edge ()));
        return;
    }
    if (!call.has ("radius") || !call.has ("from") || !call.has ("to"))
        invalid ("argument", "an arc has three points, or radius, from and to",
                 "points");
    const double from = call.number ("from"), to = call.number ("to");
    if (from >= to || to - from > 360)
        invalid ("argument", "to must be greater than from, by at most 360",
                 "to");
    const gp_Circ circle (call.place (), call.number ("radius"));
    accept (call, s_wire (BRepBuilderAPI_MakeEdge (circle, from * RADIANS,
                                                   to * RADIANS)
                              .Edge ()));
}

static Handle (Geom_BSplineCurve) s_through (const std::vector<gp_Pnt> &points,
                                             bool closed)
{
    s_no_doubles (points, closed);
    Handle (TColgp_HArray1OfPnt) array =
        new TColgp_HArray1OfPnt (1, (int) points.size ());
    for (size_t at = 0; at < points.size (); at++)
        array->SetValue ((int) at + 1, points[at]);
    GeomAPI_Interpolate maker (array, closed, Precision::Confusion ());
    maker.Perform ();
    if (!maker.IsDone ())
        failure ("algorithm", "no curve passes through these points", "points");
    return maker.Curve ();
}

/*  Clamped uniform knots; closed: periodic ones.  */
static Handle (Geom_BSplineCurve) s_by_poles (const std::vector<gp_Pnt> &points,
                                              int degree, bool closed)
{
    const int count = (int) points.size ();
    if (count <= degree)
        invalid ("argument", format ("%d poles are too few for degree %d", count,
                                     degree), "poles");
    TColgp_Array1OfPnt poles (1, count);
    for (int at = 0; at < count; at++)
        poles.SetValue (at + 1, points[(size_t) at]);
    const int spans = closed ? count : count - degree;
    TColStd_Array1OfReal knots (1, spans + 1);
    TColStd_Array1OfInteger multiplicities (1, spans + 1);
    for (int at = 0; at <= spans; at++) {
        knots.SetValue (at + 1, (double) at / spans);
        multiplicities.SetValue (at + 1, 1);
    }
    if (!closed) {
        multiplicities.SetValue (1, degree + 1);
        multiplicities.SetValue (spans + 1, degree + 1);
    }
    return new Geom_BSplineCurve (poles, knots, multiplicities, degree, closed);
}

static void s_bspline (Call &call)
{
    if (call.has ("points") == call.has ("poles"))
        invalid ("argument", "a bspline has either points that it passes "
                             "through, or poles", "points");
    const bool closed = call.flag ("closed");
    Handle (Geom_BSplineCurve) curve =
        call.has ("points")
            ? s_through (call.points ("points"), closed)
            : s_by_poles (call.points ("poles"), call.integer ("degree"),
                          closed);
    accept (call, s_wire (BRepBuilderAPI_MakeEdge (curve).Edge ()));
}

/*  A straight line in the parameters of a cylinder or cone.  */
static void s_helix (Call &call)
{
    const double radius = call.number ("radius"), pitch = call.number ("pitch"),
                 height = call.number ("height"),
                 cone = call.number ("cone_angle") * RADIANS;
    const double turns = height / pitch;
    if (turns > TURNS_MAX)
        invalid ("limit", format ("height and pitch make %.0f turns, at most %d "
                                  "are allowed", turns, TURNS_MAX), "pitch");
    if (radius + height * std::tan (cone) <= 0)
        invalid ("argument", "the helix would run past the tip of its cone; "
                             "make height or cone_angle less", "cone_angle");
    Handle (Geom_Surface) surface;
    double along = height;
    if (cone == 0)
        surface = new Geom_CylindricalSurface (call.place (), radius);
    else {
        surface = new Geom_ConicalSurface (call.place (), cone, radius);
        along = height / std::cos (cone);
    }
    const double around = 2 * M_PI * turns * (call.flag ("left") ? -1 : 1);
    Handle (Geom2d_Line) line =
        new Geom2d_Line (gp_Pnt2d (0, 0), gp_Dir2d (around, along));
    TopoDS_Edge edge = BRepBuilderAPI_MakeEdge (line, surface, 0,
                                                std::hypot (around, along))
                           .Edge ();
    BRepLib::BuildCurve3d (edge, Precision::Confusion (), GeomAbs_C1, 14, 4000);
    accept (call, s_wire (edge));
}

static Op s_op (const char *name, const char *title, const Params &params,
                void (*run) (Call &))
{
    Op op{name, "wires", title, params, run};
    op.weight = 0.2;
    op.memo = false;
    return op;
}

std::vector<Op> wire_ops ()
{
    const Param as = choice ("as", "What to make", {"wire", "face"}, "wire");
    const Param radius = length ("radius", "Radius");
    const Param closed = flag ("closed", "Join the last point to the first",
                               false);
    Param size = length ("size", "[x, y]").count (2, 2).must ();
    size.kind = Kind::Numbers;
    return {
        s_op ("vertex", "A point", {point ("at", "Where")}, s_vertex),
        s_op ("polyline", "Straight edges from point to point",
              {points ("points", "The corners", 2).must (), closed},
              s_polyline),
        s_op ("polygon", "Closed outline by corners, or a regular one",
              Params{points ("points", "The corners", 3),
                     integer ("sides", "Of a regular one", 3, 1000),
                     length ("radius", "Of its corners"), as} +
                  placed (),
              s_polygon_op),
        s_op ("rectangle", "Rectangle",
              Params{size, flag ("centered", "`at` is its centre", false), as} +
                  placed (),
              s_rectangle),
        s_op ("circle", "Circle", Params{radius.must (), as} + placed (),
              s_circle),
        s_op ("ellipse", "Ellipse",
              Params{length ("radius1", "Greater radius").must (),
                     length ("radius2", "Smaller radius").must (), as} +
                  placed (),
              s_ellipse),
        s_op ("arc", "Arc of a circle",
              Params{points ("points", "Start, a point between, end", 3)
                         .count (3, 3),
                     radius, angle ("from", "Start, from the local x axis"),
                     angle ("to", "End, anticlockwise")} +
                  placed (),
              s_arc),
        s_op ("bspline", "B-spline curve",
              {points ("points", "It passes through these", 2),
               points ("poles", "It is drawn by these", 2),
               integer ("degree", "With poles", 1, 24).otherwise ("3"), closed},
              s_bspline),
        s_op ("helix", "Helix",
              Params{radius.must (), length ("pitch", "Rise of a turn").must (),
                     length ("height", "In all").must (),
                     angle ("cone_angle", "Grows by it, 0: cylinder")
                         .within (-85, 85)
                         .otherwise ("0"),
                     flag ("left", "Left-handed", false)} +
                  placed (),
              s_helix)};
}

} // namespace fcj
