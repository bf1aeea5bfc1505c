/*  ops_project.cpp - hidden lines removed, as edges and as an SVG picture.
 *
 *  The result is a compound of two: what is seen and what is hidden, in the
 *  plane of the picture (x to the right, y up, z = 0).  */

#include "mesh.hpp"
#include "summary.hpp"
#include "verify.hpp"

#include <BRepAdaptor_Curve.hxx>
#include <BRepBndLib.hxx>
#include <BRepLib.hxx>
#include <BRepMesh_IncrementalMesh.hxx>
#include <Bnd_Box.hxx>
#include <GCPnts_TangentialDeflection.hxx>
#include <HLRAlgo_Projector.hxx>
#include <HLRBRep_Algo.hxx>
#include <HLRBRep_HLRToShape.hxx>
#include <HLRBRep_PolyAlgo.hxx>
#include <HLRBRep_PolyHLRToShape.hxx>
#include <TopExp_Explorer.hxx>
#include <TopoDS.hxx>
#include <TopoDS_Iterator.hxx>
#include <cmath>
#include <fstream>

namespace fcj {

static const double MARGIN = 0.03;          /* of the picture's width */
static const double FLAT = 0.001;           /* of its size: deflection */

static gp_Ax2 s_camera (const Call &call)
{
    const gp_Dir eye = call.direction ("direction");
    gp_Dir up = call.direction ("up");
    if (eye.IsParallel (up, 1e-6))
        up = eye.IsParallel (gp::DY (), 1e-6) ? gp::DX () : gp::DY ();
    return gp_Ax2 (gp::Origin (), eye, up.Crossed (eye));
}

static void s_add (std::vector<TopoDS_Shape> &all, const TopoDS_Shape &edges)
{
    if (edges.IsNull ())
        return;
    BRepLib::BuildCurves3d (edges);
    for (TopExp_Explorer it (edges, TopAbs_EDGE); it.More (); it.Next ())
        all.push_back (it.Current ());
}

template <class Lines>
static TopoDS_Shape s_lines (Lines &lines, bool hidden)
{
    std::vector<TopoDS_Shape> seen, behind;
    s_add (seen, lines.VCompound ());
    s_add (seen, lines.OutLineVCompound ());
    s_add (seen, lines.RgNLineVCompound ());
    if (hidden) {
        s_add (behind, lines.HCompound ());
        s_add (behind, lines.OutLineHCompound ());
    }
    return compound_of ({compound_of (seen), compound_of (behind)});
}

static TopoDS_Shape s_exact (Call &call, const TopoDS_Shape &shape)
{
    Handle (HLRBRep_Algo) algorithm = new HLRBRep_Algo;
    algorithm->Add (shape, 0);
    algorithm->Projector (HLRAlgo_Projector (s_camera (call)));
    algorithm->Update ();
    call.poll ();
    algorithm->Hide ();
    HLRBRep_HLRToShape lines (algorithm);
    return s_lines (lines, call.flag ("hidden"));
}

static TopoDS_Shape s_from_mesh (Call &call, const TopoDS_Shape &shape)
{
    Bnd_Box box;
    BRepBndLib::Add (shape, box);
    BRepMesh_IncrementalMesh mesher;
    mesher.SetShape (shape);
    mesher.ChangeParameters ().Deflection =
        std::max (1e-4, FLAT * std::sqrt (box.SquareExtent ()));
    mesher.ChangeParameters ().Angle = 0.3;
    mesher.ChangeParameters ().InParallel = call.parallel ();
    mesher.Perform (call.range (0.4));
    call.poll ();
    Handle (HLRBRep_PolyAlgo) algorithm = new HLRBRep_PolyAlgo;
    algorithm->Load (shape);
    algorithm->Projector (HLRAlgo_Projector (s_camera (call)));
    algorithm->Update ();
    HLRBRep_PolyHLRToShape lines;
    lines.Update (algorithm);
    return s_lines (lines, call.flag ("hidden"));
}

static int s_edges (const TopoDS_Shape &both, int which)
{
    TopoDS_Iterator it (both);
    if (which)
        it.Next ();
    return count_of (it.Value (), TopAbs_EDGE);
}

static void s_project (Call &call)
{
    Operand operand = call.shape ();
    require_valid (call, operand);
    const TopoDS_Shape made = call.flag ("exact")
                                  ? s_exact (call, operand.shape)
                                  : s_from_mesh (call, operand.shape);
    if (!has_any (made, TopAbs_EDGE))
        failure ("empty_result", "there is nothing to see of this shape",
                 operand.where);
    call.made.shape = made;
    call.data.set ("visible_edges", s_edges (made, 0))
        .set ("hidden_edges", s_edges (made, 1));
}

/* ---- SVG ---------------------------------------------------------------- */

static void s_path (std::ostream &stream, const TopoDS_Shape &edge,
                    double deflection)
{
    BRepAdaptor_Curve curve (TopoDS::Edge (edge));
    if (curve.GetType () == GeomAbs_Line) {
        const gp_Pnt from = curve.Value (curve.FirstParameter ()),
                     to = curve.Value (curve.LastParameter ());
        stream << 'M' << from.X () << ' ' << -from.Y () << 'L' << to.X () << ' '
               << -to.Y ();
        return;
    }
    GCPnts_TangentialDeflection points (curve, 0.2, deflection, 3);
    for (int at = 1; at <= points.NbPoints (); at++)
        stream << (at == 1 ? 'M' : 'L') << points.Value (at).X () << ' '
               << -points.Value (at).Y ();
}

static void s_group (std::ostream &stream, const TopoDS_Shape &edges,
                     const char *name, const char *style, double deflection)
{
    stream << "<g id=\"" << name << "\"" << style << ">\n";
    for (TopExp_Explorer it (edges, TopAbs_EDGE); it.More (); it.Next ()) {
        stream << "<path d=\"";
        try {
            s_path (stream, it.Current (), deflection);
        } catch (Standard_Failure &) {      /* an edge without a curve */
        }
        stream << "\"/>\n";
    }
    stream << "</g>\n";
}

static void s_svg (Call &call, std::ostream &stream)
{
    Bnd_Box box;
    BRepBndLib::Add (call.made.shape, box, false);
    const gp_Pnt low = box.CornerMin (), high = box.CornerMax ();
    const double wide = std::max (high.X () - low.X (), 1e-6),
                 tall = std::max (high.Y () - low.Y (), 1e-6),
                 margin = MARGIN * std::max (wide, tall),
                 line = 0.003 * std::max (wide, tall);
    const int width = call.integer ("width");
    const double height = width * (tall + 2 * margin) / (wide + 2 * margin);
    stream.imbue (std::locale::classic ());
    stream.precision (7);
    stream << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << width
           << "\" height=\"" << std::ceil (height) << "\" viewBox=\""
           << low.X () - margin << ' ' << -high.Y () - margin << ' '
           << wide + 2 * margin << ' ' << tall + 2 * margin
           << "\" fill=\"none\" stroke=\"#000\" stroke-width=\"" << line
           << "\" stroke-linecap=\"round\">\n";
    TopoDS_Iterator it (call.made.shape);
    const TopoDS_Shape seen = it.Value ();
    it.Next ();
    const std::string dashes = format (
        " stroke=\"#888\" stroke-width=\"%g\" stroke-dasharray=\"%g %g\"",
        line / 2, line * 4, line * 3);
    s_group (stream, it.Value (), "hidden", dashes.c_str (), line / 4);
    s_group (stream, seen, "visible", "", line / 4);
    stream << "</svg>\n";
}

static void s_emit (Call &call)
{
    if (!call.has ("file"))
        return;
    const std::string file = call.text ("file");
    format_of (file, {"svg"});
    std::ofstream stream (call.path (file));
    s_svg (call, stream);
    stream.close ();
    if (!stream.good ())
        failure ("file", "writing " + file + " failed; is the disk full?",
                 "file");
    call.wrote (file, "svg");
}

std::vector<Op> project_ops ()
{
    Op op{"project", "files", "Line drawing, hidden lines dashed",
          {shape (),
           direction ("direction", "Towards the eye", "[0, -1, 0]"),
           direction ("up", "Up in the picture", "[0, 0, 1]"),
           file ("x.svg"), flag ("hidden", "Hidden lines too", true),
           flag ("exact", "From the surfaces; false: from a mesh, quicker",
                 true),
           integer ("width", "Of the picture, pixels", 16, 8192)
               .otherwise ("800")},
          s_project};
    op.weight = 20;
    op.emit = s_emit;
    return {op};
}

} // namespace fcj
