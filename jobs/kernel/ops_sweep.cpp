/*  ops_sweep.cpp - extrude, revolve, loft, sweep: profiles moved through
 *  space.  */

#include "call.hpp"
#include "probe.hpp"
#include "summary.hpp"
#include "verify.hpp"

#include <BRepAdaptor_Surface.hxx>
#include <BRepBuilderAPI_FindPlane.hxx>
#include <BRepBuilderAPI_MakeFace.hxx>
#include <BRepBuilderAPI_MakeWire.hxx>
#include <BRepOffsetAPI_MakePipeShell.hxx>
#include <BRepOffsetAPI_ThruSections.hxx>
#include <BRepPrimAPI_MakePrism.hxx>
#include <BRepPrimAPI_MakeRevol.hxx>
#include <BRepTools.hxx>
#include <BRep_Tool.hxx>
#include <Geom_Plane.hxx>
#include <TopExp_Explorer.hxx>
#include <TopoDS.hxx>
#include <gp_Pln.hxx>
#include <TopoDS_Edge.hxx>
#include <TopoDS_Face.hxx>
#include <TopoDS_Vertex.hxx>
#include <TopoDS_Wire.hxx>
#include <cmath>

namespace fcj {

static const double RADIANS = M_PI / 180;

/*  A closed flat wire as the face inside it, all else as it is.  */
static TopoDS_Shape s_filled (const Operand &operand, bool solid)
{
    TopoDS_Shape shape = operand.shape;
    if (!solid || shape.ShapeType () < TopAbs_WIRE ||
        shape.ShapeType () > TopAbs_EDGE || !BRep_Tool::IsClosed (shape))
        return shape;
    if (shape.ShapeType () == TopAbs_EDGE)
        shape = BRepBuilderAPI_MakeWire (TopoDS::Edge (shape)).Wire ();
    BRepBuilderAPI_FindPlane plane (shape);
    if (!plane.Found ())
        invalid ("not_planar",
                 operand.where + " is closed but not flat, so it makes no "
                                 "solid; say solid: false for a shell",
                 operand.where);
    return BRepBuilderAPI_MakeFace (plane.Plane ()->Pln (),
                                    TopoDS::Wire (shape), true)
        .Shape ();
}

static void s_not_solid (const Operand &operand)
{
    if (has_any (operand.shape, TopAbs_SOLID))
        invalid ("wrong_type", operand.where + " has solids, it must be a "
                               "vertex, edges, wires, faces or a shell",
                 operand.where);
}

/*  An inside-out solid has a negative volume.  */
static TopoDS_Shape s_outwards (const TopoDS_Shape &shape)
{
    return volume_of (shape) < 0 ? shape.Reversed () : shape;
}

/* ---- Extrude and revolve ------------------------------------------------ */

static gp_Dir s_normal (const TopoDS_Shape &profile, const std::string &where)
{
    TopExp_Explorer face (profile, TopAbs_FACE);
    if (face.More ()) {
        BRepAdaptor_Surface surface (TopoDS::Face (face.Current ()));
        if (surface.GetType () == GeomAbs_Plane) {
            gp_Dir normal = surface.Plane ().Axis ().Direction ();
            const bool reversed =
                (face.Current ().Orientation () == TopAbs_REVERSED) ==
                surface.Plane ().Direct ();
            return reversed ? normal.Reversed () : normal;
        }
    }
    BRepBuilderAPI_FindPlane plane (profile);
    if (plane.Found ())
        return plane.Plane ()->Axis ().Direction ();
    invalid ("not_planar", where + " has no one plane, so give the direction "
                           "or the vector", where);
}

static gp_Vec s_extrusion (const Call &call, const TopoDS_Shape &profile,
                           const std::string &where)
{
    if (call.has ("vector") == call.has ("length"))
        invalid ("argument", "extrude has either a vector, or a length with "
                             "direction", "vector");
    if (call.has ("vector")) {
        if (call.vector ("vector").Magnitude () < FCJ_KERNEL_LENGTH_MIN)
            invalid ("argument", "vector is too short", "vector");
        return call.vector ("vector");
    }
    if (std::abs (call.number ("length")) < FCJ_KERNEL_LENGTH_MIN)
        invalid ("argument", "length must not be 0", "length");
    const gp_Dir way = call.has ("direction") ? call.direction ("direction")
                                              : s_normal (profile, where);
    return gp_Vec (way) * call.number ("length");
}

static void s_extrude (Call &call)
{
    Operand operand = call.shape ();
    s_not_solid (operand);
    require_valid (call, operand);
    TopoDS_Shape profile = s_filled (operand, call.flag ("solid"));
    const gp_Vec way = s_extrusion (call, profile, operand.where);
    if (call.flag ("symmetric")) {
        gp_Trsf back;
        back.SetTranslation (way * -0.5);
        profile = profile.Moved (TopLoc_Location (back));
    }
    BRepPrimAPI_MakePrism builder (profile, way);
    const char *hint = "; the direction may lie in the plane of the profile";
    accept (call, s_outwards (builder.Shape ()), hint);
    require_volume (call.made.shape, hint);
}

static void s_revolve (Call &call)
{
    Operand operand = call.shape ();
    s_not_solid (operand);
    require_valid (call, operand);
    const TopoDS_Shape profile = s_filled (operand, call.flag ("solid"));
    const double turn = call.number ("angle");
    if (turn == 0)
        invalid ("argument", "angle must not be 0", "angle");
    const gp_Ax1 axis (call.point ("at"), call.direction ("axis"));
    BRepPrimAPI_MakeRevol builder =
        std::abs (turn) >= 360
            ? BRepPrimAPI_MakeRevol (profile, axis)
            : BRepPrimAPI_MakeRevol (profile, axis, turn * RADIANS);
    const char *hint = "; the profile must lie on one side of the axis";
    if (!builder.IsDone ())
        failure ("algorithm", std::string ("OpenCASCADE could not turn this "
                                           "profile") + hint, operand.where);
    accept (call, s_outwards (builder.Shape ()), hint);
    require_body (call, call.made.shape, hint);
}

/* ---- Loft --------------------------------------------------------------- */

static TopoDS_Wire s_wire (const Operand &operand)
{
    switch (operand.shape.ShapeType ()) {
    case TopAbs_WIRE:
        return TopoDS::Wire (operand.shape);
    case TopAbs_EDGE:
        return BRepBuilderAPI_MakeWire (TopoDS::Edge (operand.shape)).Wire ();
    case TopAbs_FACE:
        return BRepTools::OuterWire (TopoDS::Face (operand.shape));
    default:
        invalid ("wrong_type",
                 operand.where + " is a " + kind_name (operand.shape) +
                     ", it must be a wire, an edge or a face",
                 operand.where);
    }
}

static GeomAbs_Shape s_continuity (const std::string &word)
{
    static const std::map<std::string, GeomAbs_Shape> all = {
        {"C0", GeomAbs_C0}, {"G1", GeomAbs_G1}, {"C1", GeomAbs_C1},
        {"G2", GeomAbs_G2}, {"C2", GeomAbs_C2}, {"C3", GeomAbs_C3}};
    return all.at (word);
}

static void s_add_profiles (const Call &call, BRepOffsetAPI_ThruSections &loft,
                            const std::vector<Operand> &profiles)
{
    const bool solid = call.flag ("solid");
    bool wires = false;
    for (size_t at = 0; at < profiles.size (); at++) {
        const Operand &one = profiles[at];
        const bool end = at == 0 || at + 1 == profiles.size ();
        if (one.shape.ShapeType () == TopAbs_VERTEX) {
            if (!end || call.flag ("closed"))
                invalid ("wrong_type",
                         one.where + " is a vertex; only the first and the "
                                     "last profile of an open loft can be one",
                         one.where);
            loft.AddVertex (TopoDS::Vertex (one.shape));
            continue;
        }
        const TopoDS_Wire wire = s_wire (one);
        if (solid && !BRep_Tool::IsClosed (wire))
            invalid ("not_closed", one.where + " is not closed, so the loft is "
                                   "no solid; say solid: false for a shell",
                     one.where);
        loft.AddWire (wire);
        wires = true;
    }
    if (!wires)
        invalid ("wrong_type", "a loft needs a wire between its vertices",
                 "profiles");
    if (call.flag ("closed"))
        loft.AddWire (s_wire (profiles[0]));
}

static void s_loft (Call &call)
{
    std::vector<Operand> profiles = call.shapes ("profiles", true);
    if (profiles.size () < 2)
        invalid ("argument", "a loft needs two profiles or more", "profiles");
    require_valid (call, profiles);
    BRepOffsetAPI_ThruSections loft (call.flag ("solid"), call.flag ("ruled"));
    loft.CheckCompatibility (true);
    loft.SetMaxDegree (call.integer ("max_degree"));
    loft.SetSmoothing (call.flag ("smoothing"));
    loft.SetContinuity (s_continuity (call.text ("continuity")));
    loft.SetParType (call.is ("parametrization", "uniform") ? Approx_IsoParametric
                     : call.is ("parametrization", "centripetal")
                         ? Approx_Centripetal
                         : Approx_ChordLength);
    s_add_profiles (call, loft, profiles);
    loft.Build (call.range (0.9));
    if (!loft.IsDone ())
        failure ("algorithm", "OpenCASCADE made no loft: neighbouring profiles "
                              "must differ and must not cross", "profiles");
    const char *hint = "; profiles with alike corners in one order loft "
                       "better, or say ruled: true";
    accept (call, s_outwards (loft.Shape ()), hint);
    require_body (call, call.made.shape, hint);
}

/* ---- Sweep -------------------------------------------------------------- */

static void s_mode (Call &call, BRepOffsetAPI_MakePipeShell &sweep)
{
    const std::string mode = call.text ("mode");
    if (mode == "frenet" || mode == "corrected_frenet")
        sweep.SetMode (mode == "frenet");
    else if (mode == "discrete")
        sweep.SetDiscreteMode ();
    else if (mode == "fixed")
        sweep.SetMode (gp_Ax2 (gp::Origin (), gp::DZ (), gp::DX ()));
    else if (mode == "binormal") {
        if (!call.has ("binormal"))
            invalid ("argument", "mode binormal needs the direction binormal",
                     "binormal");
        sweep.SetMode (call.direction ("binormal"));
    } else {
        if (!call.has ("auxiliary"))
            invalid ("argument", "mode auxiliary needs the auxiliary spine",
                     "auxiliary");
        sweep.SetMode (s_wire (call.shape ("auxiliary")), true);
    }
}

static const char *s_error (BRepBuilderAPI_PipeError status)
{
    return status == BRepBuilderAPI_PlaneNotIntersectGuide
               ? "the auxiliary spine is too short for the spine"
           : status == BRepBuilderAPI_ImpossibleContact
               ? "the profile cannot keep its contact"
               : "the profile may be too large for a bend of the spine, or not "
                 "at its start";
}

static void s_sweep (Call &call)
{
    std::vector<Operand> profiles = call.shapes ("profiles", true);
    require_valid (call, profiles);
    const Operand spine = call.shape ("spine");
    BRepOffsetAPI_MakePipeShell sweep (s_wire (spine));
    s_mode (call, sweep);
    sweep.SetTransitionMode (
        call.is ("transition", "right")   ? BRepBuilderAPI_RightCorner
        : call.is ("transition", "round") ? BRepBuilderAPI_RoundCorner
                                          : BRepBuilderAPI_Transformed);
    for (const Operand &one : profiles) {
        const bool vertex = one.shape.ShapeType () == TopAbs_VERTEX;
        sweep.Add (vertex ? one.shape : TopoDS_Shape (s_wire (one)),
                   call.flag ("contact"), call.flag ("correction"));
    }
    if (!sweep.IsReady ())
        invalid ("argument", "the profiles and the spine do not fit together",
                 "profiles");
    sweep.Build (call.range (0.8));
    if (!sweep.IsDone ())
        failure ("algorithm", std::string ("OpenCASCADE made no sweep: ") +
                                  s_error (sweep.GetStatus ()), "profiles");
    if (call.flag ("solid") && !sweep.MakeSolid ())
        failure ("not_closed", "the sweep cannot be closed to a solid: its "
                               "profile is not closed; say solid: false for a "
                               "shell", "profiles");
    const char *hint = "; the profile may be too large for a bend of the "
                       "spine, or a corner needs transition: right";
    accept (call, s_outwards (sweep.Shape ()), hint);
    require_body (call, call.made.shape, hint);
}

static Op s_op (const char *name, const char *title, const Params &params,
                void (*run) (Call &), double weight)
{
    Op op{name, "features", title, params, run};
    op.weight = weight;
    return op;
}

std::vector<Op> sweep_ops ()
{
    const Param solid = flag ("solid", "A solid, not a shell", true);
    Param auxiliary = ref ("auxiliary", "Spine that turns the profile");
    auxiliary.required = false;
    return {
        s_op ("extrude", "Profile moved along a straight line",
              {shape (), direction ("vector", "Way, with its length", nullptr),
               direction ("direction", "Way; default: normal of the profile",
                          nullptr),
               number ("length", "Along it, negative: against it"),
               flag ("symmetric", "Half to each side", false), solid},
              s_extrude, 2),
        s_op ("revolve", "Profile turned around an axis",
              Params{shape (),
                     angle ("angle", "How far").otherwise ("360"), solid} +
                  placed (),
              s_revolve, 2),
        s_op ("loft", "Through profiles",
              {refs ("profiles", "Wires in order; vertices at the ends", 1),
               solid, flag ("ruled", "Straight between profiles", false),
               flag ("closed", "From the last back to the first", false),
               flag ("smoothing", "Approximate, do not interpolate", false),
               choice ("continuity", "Of the surface",
                       {"C0", "G1", "C1", "G2", "C2", "C3"}, "C2"),
               integer ("max_degree", "Of the surface", 1, 25).otherwise ("8"),
               choice ("parametrization", "Along the loft",
                       {"chord", "centripetal", "uniform"}, "chord")},
              s_loft, 15),
        s_op ("sweep", "Profiles along a spine",
              {refs ("profiles", "Wires, the first at the start", 1),
               ref ("spine", "The path"),
               choice ("mode", "How the profile turns",
                       {"corrected_frenet", "frenet", "discrete", "fixed",
                        "binormal", "auxiliary"},
                       "corrected_frenet"),
               direction ("binormal", "Kept as it is", nullptr), auxiliary,
               choice ("transition", "At corners of the spine",
                       {"transformed", "right", "round"}, "transformed"),
               solid, flag ("contact", "Move the profile to the spine", false),
               flag ("correction", "Turn the profile to the spine", false)},
              s_sweep, 15)};
}

} // namespace fcj
