/*  probe.cpp - see probe.hpp.  */

#include "probe.hpp"
#include "summary.hpp"
#include "verify.hpp"

#include <BRepAdaptor_Surface.hxx>
#include <BRepBndLib.hxx>
#include <BRepBuilderAPI_MakeVertex.hxx>
#include <BRepClass3d_SolidClassifier.hxx>
#include <BRepExtrema_DistShapeShape.hxx>
#include <BRepGProp.hxx>
#include <BRepMesh_IncrementalMesh.hxx>
#include <BRepTools.hxx>
#include <BRepTopAdaptor_FClass2d.hxx>
#include <BRep_Tool.hxx>
#include <Bnd_Box.hxx>
#include <GProp_GProps.hxx>
#include <IMeshTools_Parameters.hxx>
#include <Poly_Triangulation.hxx>
#include <Precision.hxx>
#include <TopExp.hxx>
#include <TopExp_Explorer.hxx>
#include <TopTools_IndexedMapOfShape.hxx>
#include <TopoDS.hxx>
#include <TopoDS_Face.hxx>
#include <TopoDS_Vertex.hxx>
#include <algorithm>
#include <cmath>

namespace fcj {

static const size_t SIDES = 64;         /* probes of a solid's two sides     */
static const size_t TRIES = 4;          /* places tried for each probe       */
static const size_t LEAST = 3;          /* probes of a face; of a flat one   */
static const size_t WRONG = 2;          /* probes; one alone proves nothing  */
static const double STEP = 1e-4;        /* mm off the surface                */
static const double FAR = 1e-7;         /* and at least that part of the box */
static const double NEAR = 2e-3;        /* of the box: how near the mesh is  */
static const double CLEAR = 1e-2;       /* of the box: off the mesh for sure */
static const double FINER = 0.3;        /* a second mesh                     */
static const double TURN = 0.5;         /* radians between its triangles     */
static const double FLAT = 1e-7;        /* mm, mean thickness of a solid     */
static const double MAYBE_FLAT = 1e-6;  /* worth the measuring               */

/* ---- Where -------------------------------------------------------------- */

static double s_halton (size_t index, unsigned base)
{
    double fraction = 1, value = 0;
    for (; index; index /= base) {
        fraction /= base;
        value += fraction * (double) (index % base);
    }
    return value;
}

/*  Up to `count` points inside one face.  */
static void s_probe_face (const TopoDS_Face &face, size_t count,
                          std::vector<Probe> &all)
{
    double u0, u1, v0, v1;
    BRepTools::UVBounds (face, u0, u1, v0, v1);
    const BRepAdaptor_Surface surface (face, false);
    BRepTopAdaptor_FClass2d inside (face, Precision::PConfusion ());
    for (size_t at = 1; at <= TRIES * count && count; at++) {
        const double u = u0 + (u1 - u0) * s_halton (at, 2),
                     v = v0 + (v1 - v0) * s_halton (at, 3);
        if (inside.Perform (gp_Pnt2d (u, v)) != TopAbs_IN)
            continue;
        gp_Pnt point;
        gp_Vec along_u, along_v;
        surface.D1 (u, v, point, along_u, along_v);
        gp_Vec out = along_u.Crossed (along_v);
        if (out.Magnitude () < Precision::Confusion ())
            continue;                   /* a pole has no normal */
        if (face.Orientation () == TopAbs_REVERSED)
            out.Reverse ();
        all.push_back ({point, gp_Dir (out)});
        count--;
    }
}

static bool s_plane (const TopoDS_Shape &face)
{
    return BRepAdaptor_Surface (TopoDS::Face (face), false).GetType () ==
           GeomAbs_Plane;
}

std::vector<Probe> probes_of (const TopoDS_Shape &shape, size_t most)
{
    TopTools_IndexedMapOfShape faces;
    TopExp::MapShapes (shape, TopAbs_FACE, faces);
    size_t curved = 0;
    for (int at = 1; at <= faces.Extent (); at++)
        curved += !s_plane (faces (at));
    const double step =
        std::max (1.0, (double) faces.Extent () * LEAST / (double) most);
    const size_t each = std::max (LEAST, most / std::max<size_t> (1, curved));
    std::vector<Probe> all;
    for (double at = 1; at < faces.Extent () + 1; at += step) {
        const TopoDS_Face face = TopoDS::Face (faces ((int) at));
        s_probe_face (face, s_plane (face) ? LEAST : each, all);
    }
    return all;
}

/* ---- A body has a volume ------------------------------------------------ */

static Bnd_Box s_box (const TopoDS_Shape &shape)
{
    Bnd_Box box;
    BRepBndLib::Add (shape, box);
    return box;
}

/*  Twice the volume by the area is how thick a sheet is.  */
static bool s_flat (const TopoDS_Shape &solid)
{
    const Bnd_Box box = s_box (solid);
    const double volume = std::abs (volume_of (solid));
    if (volume > MAYBE_FLAT * box.SquareExtent ())
        return false;
    GProp_GProps area;
    BRepGProp::SurfaceProperties (solid, area);
    return !(2 * volume > FLAT * std::abs (area.Mass ()));
}

void require_volume (const TopoDS_Shape &shape, const char *hint)
{
    for (TopExp_Explorer it (shape, TopAbs_SOLID); it.More (); it.Next ())
        if (s_flat (it.Current ()))
            failure ("wrong_volume",
                     std::string ("the result is flat: a solid without "
                                  "volume") + hint);
}

/* ---- How often the surface goes around a point -------------------------- */

/*  Once around what is inside, never around what is outside, whatever the form:
 *  a count that is no matter of rays and their tolerances.  */
class Mesh
{
  public:
    Mesh (const TopoDS_Shape &solid, double deflection, bool sure,
          bool parallel)
    {
        const TopoDS_Shape own = copied (solid);
        BRepTools::Clean (own);
        IMeshTools_Parameters how;
        how.Deflection = deflection;
        how.Angle = TURN;
        how.InParallel = parallel;
        how.ControlSurfaceDeflection = sure;    /* takes its time */
        BRepMesh_IncrementalMesh (own, how);
        for (TopExp_Explorer it (own, TopAbs_FACE); it.More (); it.Next ())
            add (TopoDS::Face (it.Current ()));
    }
    long around (const gp_Pnt &point) const
    {
        double sum = 0;
        for (size_t at = 0; at + 2 < corners.size (); at += 3)
            sum += angle (corners[at] - point.XYZ (),
                          corners[at + 1] - point.XYZ (),
                          corners[at + 2] - point.XYZ ());
        return std::lround (sum / (4 * M_PI));
    }

  private:
    void add (const TopoDS_Face &face)
    {
        TopLoc_Location place;
        const Handle (Poly_Triangulation) mesh =
            BRep_Tool::Triangulation (face, place);
        if (mesh.IsNull ())
            return;
        const gp_Trsf trsf = place.Transformation ();
        for (int at = 1; at <= mesh->NbTriangles (); at++) {
            int a, b, c;
            mesh->Triangle (at).Get (a, b, c);
            if (face.Orientation () == TopAbs_REVERSED)
                std::swap (b, c);
            for (int node : {a, b, c})
                corners.push_back (
                    mesh->Node (node).Transformed (trsf).XYZ ());
        }
    }
    /*  The solid angle of a triangle, seen from the origin.  */
    static double angle (const gp_XYZ &a, const gp_XYZ &b, const gp_XYZ &c)
    {
        const double x = a.Modulus (), y = b.Modulus (), z = c.Modulus ();
        return 2 * std::atan2 (a.DotCross (b, c),
                               x * y * z + a.Dot (b) * z + b.Dot (c) * x +
                                   c.Dot (a) * y);
    }
    std::vector<gp_XYZ> corners;
};

/* ---- and two sides ------------------------------------------------------ */

/*  Wrong however near: a thin wall is not taken for a crossing.  */
static bool s_wrong_side (BRepClass3d_SolidClassifier &classifier,
                          const Probe &probe, double way, TopAbs_State wrong)
{
    for (double part : {1.0, 0.3, 3.0}) {
        classifier.Perform (
            probe.point.Translated (gp_Vec (probe.out) * (way * part)),
            Precision::Confusion ());
        if (classifier.State () != wrong)
            return false;
    }
    return true;
}

/*  The mesh is coarse, and a step off it may lead through a thin wall: OCCT's
 *  classifier, which is fine but can be wrong on free forms, has to agree.  */
static bool s_confirmed (const Call &call, const TopoDS_Shape &solid,
                         const std::vector<Probe> &suspects, double step,
                         gp_Pnt &where)
{
    BRepClass3d_SolidClassifier classifier (solid);
    size_t wrong = 0;
    for (const Probe &probe : suspects) {
        call.poll ();
        if (!s_wrong_side (classifier, probe, step, TopAbs_IN) &&
            !s_wrong_side (classifier, probe, -step, TopAbs_OUT))
            continue;
        where = probe.point;
        if (++wrong == WRONG)
            return true;
    }
    return false;
}

/*  What a mesh says of probes: those on whose two sides it is not once and
 *  never around. `crossed` when there is one that no sound surface has.  */
static std::vector<Probe> s_suspects (const Call &call, const Mesh &mesh,
                                      const std::vector<Probe> &probes,
                                      double step, size_t *crossed)
{
    std::vector<Probe> found;
    for (const Probe &probe : probes) {
        call.poll ();
        const gp_Vec off = gp_Vec (probe.out) * step;
        const long above = mesh.around (probe.point.Translated (off)),
                   below = mesh.around (probe.point.Translated (-off));
        if (above == 0 && below == 1)
            continue;
        const bool never = above < 0 || above > 1 || below < 0 || below > 1;
        found.insert (never ? found.begin () : found.end (), probe);
        *crossed += never;
    }
    return found;
}

/*  A coarse mesh clears nearly all there is; what it suspects is looked at
 *  once more on a finer one.  */
static bool s_crosses (const Call &call, const TopoDS_Shape &solid,
                       gp_Pnt &where)
{
    const double size = std::sqrt (s_box (solid).SquareExtent ());
    std::vector<Probe> suspects = probes_of (solid, SIDES);
    for (double fine : {1.0, FINER}) {
        const Mesh mesh (solid, fine * NEAR * size, fine < 1, call.parallel ());
        size_t crossed = 0;
        suspects =
            s_suspects (call, mesh, suspects, fine * CLEAR * size, &crossed);
        if (suspects.size () < WRONG)
            return false;
        where = suspects[0].point;
        if (fine < 1 && crossed >= WRONG)
            return true;
    }
    return s_confirmed (call, solid, suspects, std::max (STEP, FAR * size),
                        where);
}

void require_body (const Call &call, const TopoDS_Shape &shape,
                   const char *hint)
{
    require_volume (shape, hint);
    for (TopExp_Explorer it (shape, TopAbs_SOLID); it.More (); it.Next ()) {
        gp_Pnt where;
        if (s_crosses (call, it.Current (), where))
            failure ("self_intersection",
                     format ("the result crosses itself, at [%.6g, %.6g, %.6g]"
                             " for one", where.X (), where.Y (), where.Z ()) +
                         hint);
    }
}

/* ---- Offsets ------------------------------------------------------------ */

void require_distance (const Call &call, const std::vector<Probe> &probes,
                       const TopoDS_Shape &from, double least,
                       const std::string &where)
{
    for (const Probe &probe : probes) {
        call.poll ();
        const BRepExtrema_DistShapeShape extrema (
            BRepBuilderAPI_MakeVertex (probe.point).Vertex (), from);
        if (!extrema.IsDone () || extrema.Value () >= least)
            continue;
        failure ("self_intersection",
                 format ("the result is wrong: at [%.6g, %.6g, %.6g] it is "
                         "only %.6g mm from where it came, so it runs through "
                         "itself or through the part; try a smaller distance",
                         probe.point.X (), probe.point.Y (), probe.point.Z (),
                         extrema.Value ()),
                 where);
    }
}

} // namespace fcj
