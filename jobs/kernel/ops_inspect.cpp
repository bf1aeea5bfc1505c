/*  ops_inspect.cpp - numbers about shapes; the shape passes through.  */

#include "call.hpp"
#include "summary.hpp"
#include "verify.hpp"

#include <BRepBndLib.hxx>
#include <BRepExtrema_DistShapeShape.hxx>
#include <BRepGProp.hxx>
#include <Bnd_OBB.hxx>
#include <GProp_GProps.hxx>
#include <GProp_PrincipalProps.hxx>
#include <TopExp.hxx>
#include <TopTools_IndexedMapOfShape.hxx>
#include <gp_Mat.hxx>

namespace fcj {

static const int PAIRS_MAX = 100;

static void s_pass (Call &call, const Operand &operand)
{
    call.made = *operand.value;
    call.made.shape = operand.shape;
}

/* ---- check -------------------------------------------------------------- */

static void s_check (Call &call)
{
    const Operand operand = call.shape ();
    std::vector<Problem> all = problems_of (operand.shape);
    const bool sound = all.empty ();
    if (call.flag ("self_intersection") && sound) {
        all = intersections_of (operand.shape, call.range (0.95));
        call.poll ();
    }
    if (has_any (operand.shape, TopAbs_SOLID) &&
        volume_of (operand.shape) < 0)
        all.push_back ({"topology", "", "the solid is inside out"});
    call.data.set ("valid", all.empty ()).set ("problems", json_of (all));
    if (call.flag ("fail") && !all.empty ())
        failure (all[0].what.c_str (),
                 operand.where + " did not pass the check: " +
                     texts_of (all, 1)[0], operand.where, texts_of (all));
    s_pass (call, operand);
    call.made.valid = sound;
}

/* ---- properties --------------------------------------------------------- */

static Json s_axes (const GProp_PrincipalProps &principal)
{
    return Json::array ()
        .append (json_of (principal.FirstAxisOfInertia ().XYZ ()))
        .append (json_of (principal.SecondAxisOfInertia ().XYZ ()))
        .append (json_of (principal.ThirdAxisOfInertia ().XYZ ()));
}

static void s_properties (Call &call)
{
    const Operand operand = call.shape ();
    const double density = call.number ("density");
    GProp_GProps volume, area, length;
    const bool solid = has_any (operand.shape, TopAbs_SOLID);
    const bool face = has_any (operand.shape, TopAbs_FACE);
    if (solid)
        BRepGProp::VolumeProperties (operand.shape, volume);
    if (face)
        BRepGProp::SurfaceProperties (operand.shape, area);
    BRepGProp::LinearProperties (operand.shape, length);
    const GProp_GProps &main = solid ? volume : face ? area : length;
    const gp_Mat inertia = main.MatrixOfInertia ();
    Json rows = Json::array ();
    for (int row = 1; row <= 3; row++)
        rows.append (json_of (inertia.Row (row) * density));
    double first, second, third;
    const GProp_PrincipalProps principal = main.PrincipalProperties ();
    principal.Moments (first, second, third);
    call.data.set ("volume", volume.Mass ())
        .set ("area", area.Mass ())
        .set ("length", length.Mass ())
        .set ("mass", main.Mass () * density)
        .set ("center", json_of (main.CentreOfMass ().XYZ ()))
        .set ("inertia", rows)
        .set ("moments", json_of (gp_XYZ (first, second, third) * density))
        .set ("axes", s_axes (principal));
    s_pass (call, operand);
}

/* ---- distance ----------------------------------------------------------- */

/*  The part where the way ends; inside of a solid it is no part of it.  */
static std::string s_support (const TopoDS_Shape &whole,
                              const TopoDS_Shape &part)
{
    TopTools_IndexedMapOfShape map;
    TopExp::MapShapes (whole, part.ShapeType (), map);
    const int at = map.FindIndex (part);
    return at ? kind_name (part) + std::to_string (at) : kind_name (whole);
}

static void s_distance (Call &call)
{
    const Operand one = call.shape (), other = call.shape ("other");
    BRepExtrema_DistShapeShape extrema;
    extrema.SetMultiThread (call.parallel ());
    extrema.LoadS1 (one.shape);
    extrema.LoadS2 (other.shape);
    extrema.Perform (call.range (0.95));
    call.poll ();
    if (!extrema.IsDone ())
        failure ("algorithm", "OpenCASCADE found no distance between these "
                              "shapes", "other");
    Json pairs = Json::array ();
    for (int at = 1; at <= extrema.NbSolution () && at <= PAIRS_MAX; at++)
        pairs.append (
            Json::object ()
                .set ("a", json_of (extrema.PointOnShape1 (at).XYZ ()))
                .set ("b", json_of (extrema.PointOnShape2 (at).XYZ ()))
                .set ("on_a", s_support (one.shape, extrema.SupportOnShape1 (at)))
                .set ("on_b",
                      s_support (other.shape, extrema.SupportOnShape2 (at))));
    call.data.set ("distance", extrema.Value ())
        .set ("inside", (bool) extrema.InnerSolution ())
        .set ("pairs", pairs);
    s_pass (call, one);
}

/* ---- bounding_box ------------------------------------------------------- */

static Json s_oriented (const TopoDS_Shape &shape)
{
    Bnd_OBB box;
    BRepBndLib::AddOBB (shape, box, false, true, false);
    if (box.IsVoid ())
        return Json ();
    const gp_XYZ half (box.XHSize (), box.YHSize (), box.ZHSize ());
    return Json::object ()
        .set ("center", json_of (box.Center ()))
        .set ("axes", Json::array ()
                          .append (json_of (box.XDirection ()))
                          .append (json_of (box.YDirection ()))
                          .append (json_of (box.ZDirection ())))
        .set ("half_size", json_of (half))
        .set ("volume", 8 * half.X () * half.Y () * half.Z ());
}

static void s_bounding_box (Call &call)
{
    const Operand operand = call.shape ();
    Bnd_Box box;
    BRepBndLib::AddOptimal (operand.shape, box, false, false);
    call.data.set ("box", json_of (box));
    if (call.flag ("oriented"))
        call.data.set ("oriented", s_oriented (operand.shape));
    s_pass (call, operand);
}

static Op s_op (const char *name, const char *title, const Params &params,
                void (*run) (Call &), double weight)
{
    Op op{name, "inspect", title, params, run};
    op.weight = weight;
    op.memo = false;
    return op;
}

std::vector<Op> inspect_ops ()
{
    return {
        s_op ("check", "Is it sound, and if not, why",
              {shape (),
               flag ("self_intersection", "Look for parts that cross", true),
               flag ("fail", "A problem ends the pipeline", false)},
              s_check, 10),
        s_op ("properties", "Volume, area, centre, inertia",
              {shape (), number ("density", "Mass of a mm3")
                             .within (1e-12, 1e6)
                             .otherwise ("1")},
              s_properties, 1),
        s_op ("distance", "Shortest way between two shapes",
              {shape (), ref ("other", "The other shape")}, s_distance, 5),
        s_op ("bounding_box", "Exact boxes",
              {shape (), flag ("oriented", "The smallest turned one too", true)},
              s_bounding_box, 2)};
}

} // namespace fcj
