/*  faces.cpp - see faces.hpp.  */

#include "faces.hpp"

#include <BRepCheck_Analyzer.hxx>
#include <BRepCheck_ListIteratorOfListOfStatus.hxx>
#include <BRepCheck_Shell.hxx>
#include <BRepCheck_Solid.hxx>
#include <BRepTools.hxx>
#include <BRep_Builder.hxx>
#include <BRep_Tool.hxx>
#include <BndLib_Add2dCurve.hxx>
#include <Bnd_Box2d.hxx>
#include <Geom2dAdaptor_Curve.hxx>
#include <Geom2d_Curve.hxx>
#include <TopExp.hxx>
#include <TopExp_Explorer.hxx>
#include <TopTools_IndexedMapOfShape.hxx>
#include <TopoDS.hxx>
#include <TopoDS_Compound.hxx>
#include <TopoDS_Edge.hxx>
#include <TopoDS_Face.hxx>
#include <TopoDS_Iterator.hxx>
#include <TopoDS_Shell.hxx>
#include <TopoDS_Solid.hxx>
#include <TopoDS_Wire.hxx>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace fcj {

static const int MANY = 32;             /* wires of one face                 */
static const double GAP = 1e-6;         /* boxes nearer than that may touch  */

struct Hole {
    TopoDS_Wire wire;
    double low[2], high[2];             /* its box, in the face's parameters */
    size_t group;
};

static int s_count (const TopoDS_Shape &shape)
{
    int count = 0;
    for (TopoDS_Iterator it (shape); it.More (); it.Next ())
        count++;
    return count;
}

bool has_many_wires (const TopoDS_Shape &shape)
{
    for (TopExp_Explorer it (shape, TopAbs_FACE); it.More (); it.Next ())
        if (s_count (it.Current ()) > MANY)
            return true;
    return false;
}

/* ---- Groups of holes ---------------------------------------------------- */

/*  False when a wire has no box, so that nothing is known about it.  */
static bool s_box (const TopoDS_Face &face, Hole &hole)
{
    Bnd_Box2d box;
    for (TopExp_Explorer it (hole.wire, TopAbs_EDGE); it.More (); it.Next ()) {
        double from, to;
        const Handle (Geom2d_Curve) curve = BRep_Tool::CurveOnSurface (
            TopoDS::Edge (it.Current ()), face, from, to);
        if (curve.IsNull ())
            return false;
        BndLib_Add2dCurve::Add (Geom2dAdaptor_Curve (curve, from, to), GAP,
                                box);
    }
    if (box.IsVoid () || box.IsOpenXmin () || box.IsOpenXmax () ||
        box.IsOpenYmin () || box.IsOpenYmax ())
        return false;
    box.Get (hole.low[0], hole.low[1], hole.high[0], hole.high[1]);
    return true;
}

static bool s_apart (const Hole &one, const Hole &other)
{
    return one.low[0] > other.high[0] || other.low[0] > one.high[0] ||
           one.low[1] > other.high[1] || other.low[1] > one.high[1];
}

static bool s_holds (const Hole &outer, const Hole &hole)
{
    return outer.low[0] <= hole.low[0] && outer.low[1] <= hole.low[1] &&
           outer.high[0] >= hole.high[0] && outer.high[1] >= hole.high[1];
}

static size_t s_root (std::vector<size_t> &parents, size_t at)
{
    while (parents[at] != at)
        at = parents[at] = parents[parents[at]];
    return at;
}

/*  Holes whose boxes meet, however many lie between them, get one number.
 *  Sorted by their left ends, each is compared with those it may reach.  */
static void s_join (std::vector<Hole> &holes)
{
    std::sort (holes.begin (), holes.end (),
               [] (const Hole &one, const Hole &other) {
                   return one.low[0] < other.low[0];
               });
    std::vector<size_t> parents (holes.size ());
    std::iota (parents.begin (), parents.end (), 0);
    for (size_t at = 0; at < holes.size (); at++)
        for (size_t next = at + 1; next < holes.size () &&
                                   holes[next].low[0] <= holes[at].high[0];
             next++)
            if (!s_apart (holes[at], holes[next]))
                parents[s_root (parents, next)] = s_root (parents, at);
    for (size_t at = 0; at < holes.size (); at++)
        holes[at].group = s_root (parents, at);
    std::stable_sort (holes.begin (), holes.end (),
                      [] (const Hole &one, const Hole &other) {
                          return one.group < other.group;
                      });
}

/*  The outline and the holes; false when there is more to the face, or not one
 *  outline that everything lies in.  */
static bool s_read (const TopoDS_Face &face, Hole &outline,
                    std::vector<Hole> &holes)
{
    const TopoDS_Wire outer = BRepTools::OuterWire (face);
    bool found = false;
    for (TopoDS_Iterator it (face); it.More (); it.Next ()) {
        if (it.Value ().ShapeType () != TopAbs_WIRE)
            return false;
        Hole one{TopoDS::Wire (it.Value ()), {}, {}, 0};
        if (!s_box (face, one))
            return false;
        if (found || !one.wire.IsSame (outer))
            holes.push_back (one);
        else
            outline = one;
        found = found || one.wire.IsSame (outer);
    }
    return found && std::all_of (holes.begin (), holes.end (),
                                 [&] (const Hole &hole) {
                                     return s_holds (outline, hole);
                                 });
}

/*  The face as faces of few holes, or as it is.  */
static void s_split (const TopoDS_Face &face, std::vector<TopoDS_Shape> &all)
{
    Hole outline;
    std::vector<Hole> holes;
    if (!s_read (face, outline, holes)) {
        all.push_back (face);
        return;
    }
    s_join (holes);
    /* The outline is looked at with each group: it must not cost more. */
    const size_t few =
        std::max ((size_t) std::sqrt ((double) holes.size ()) + 1,
                  (size_t) s_count (outline.wire));
    BRep_Builder builder;
    for (size_t at = 0; at < holes.size ();) {
        TopoDS_Shape part = face.EmptyCopied ();
        builder.Add (part, outline.wire);
        const size_t from = at;
        do {
            builder.Add (part, holes[at++].wire);
        } while (at < holes.size () &&
                 (at - from < few || holes[at].group == holes[at - 1].group));
        all.push_back (part);
    }
}

/* ---- The whole ---------------------------------------------------------- */

static bool s_clean (const BRepCheck_ListOfStatus &list)
{
    for (BRepCheck_ListIteratorOfListOfStatus it (list); it.More (); it.Next ())
        if (it.Value () != BRepCheck_NoError)
            return false;
    return true;
}

/*  What shells and solids are asked besides their faces.  */
static bool s_closed (const TopoDS_Shape &shape)
{
    for (TopExp_Explorer it (shape, TopAbs_SOLID); it.More (); it.Next ()) {
        const TopoDS_Solid solid = TopoDS::Solid (it.Current ());
        Handle (BRepCheck_Solid) whole = new BRepCheck_Solid (solid);
        if (!s_clean (whole->Status ()))
            return false;
        for (TopoDS_Iterator part (solid); part.More (); part.Next ()) {
            if (part.Value ().ShapeType () != TopAbs_SHELL)
                return false;
            Handle (BRepCheck_Shell) shell =
                new BRepCheck_Shell (TopoDS::Shell (part.Value ()));
            shell->InContext (solid);
            if (!s_clean (shell->Status ()) ||
                !s_clean (shell->StatusOnShape (solid)))
                return false;
        }
    }
    for (TopExp_Explorer it (shape, TopAbs_SHELL, TopAbs_SOLID); it.More ();
         it.Next ()) {
        Handle (BRepCheck_Shell) shell =
            new BRepCheck_Shell (TopoDS::Shell (it.Current ()));
        if (!s_clean (shell->Status ()))
            return false;
    }
    return true;
}

/*  Wires, edges and vertices that are in no face.  */
static bool s_loose (const TopoDS_Shape &shape)
{
    return TopExp_Explorer (shape, TopAbs_WIRE, TopAbs_FACE).More () ||
           TopExp_Explorer (shape, TopAbs_EDGE, TopAbs_FACE).More () ||
           TopExp_Explorer (shape, TopAbs_VERTEX, TopAbs_FACE).More ();
}

bool is_valid_by_groups (const TopoDS_Shape &shape, bool parallel)
{
    if (s_loose (shape))
        return BRepCheck_Analyzer (shape, true, parallel).IsValid ();
    TopTools_IndexedMapOfShape faces;
    TopExp::MapShapes (shape, TopAbs_FACE, faces);
    std::vector<TopoDS_Shape> parts;
    for (int at = 1; at <= faces.Extent (); at++)
        if (s_count (faces (at)) > MANY)
            s_split (TopoDS::Face (faces (at).Oriented (TopAbs_FORWARD)),
                     parts);
        else
            parts.push_back (faces (at));
    BRep_Builder builder;
    TopoDS_Compound all;
    builder.MakeCompound (all);
    for (const TopoDS_Shape &part : parts)
        builder.Add (all, part);
    return BRepCheck_Analyzer (all, true, parallel).IsValid () &&
           s_closed (shape);
}

} // namespace fcj
