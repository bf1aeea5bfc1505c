/*  ops_section.cpp - shapes split by each other, sections, faces removed.  */

#include "boolean.hpp"
#include "plane.hpp"
#include "summary.hpp"
#include "verify.hpp"

#include <BRepAlgoAPI_Defeaturing.hxx>
#include <BRepAlgoAPI_Section.hxx>
#include <BRepAlgoAPI_Splitter.hxx>
#include <BRepBndLib.hxx>
#include <BRepBuilderAPI_MakeFace.hxx>
#include <Bnd_Box.hxx>
#include <ElSLib.hxx>
#include <ShapeAnalysis_FreeBounds.hxx>
#include <TopExp_Explorer.hxx>
#include <TopTools_HSequenceOfShape.hxx>
#include <TopTools_IndexedMapOfShape.hxx>
#include <TopExp.hxx>
#include <TopoDS.hxx>
#include <TopoDS_Wire.hxx>
#include <TopoDS_Iterator.hxx>
#include <BOPAlgo_Tools.hxx>
#include <gp_Pln.hxx>

namespace fcj {

static const double MEET = 1e-4;        /* mm: ends that are one point */

static void s_history (Call &call, const std::vector<Operand> &operands,
                       BRepAlgoAPI_Algo &builder)
{
    for (const Operand &operand : operands) {
        call.made.looks.add (operand.value->looks);
        call.made.looks.follow (
            operand.shape, [&] (const TopoDS_Shape &part) -> const auto & {
                return builder.Modified (part);
            });
    }
}

static void s_must_work (Call &call, const Handle (Message_Report) & report,
                         const std::vector<Operand> &operands, const char *what)
{
    call.poll ();
    const std::string errors = alerts_of (report);
    if (!errors.empty ())
        blame (call, operands, "algorithm",
               std::string (what) + ": OpenCASCADE: " + errors);
}

/* ---- Section ------------------------------------------------------------ */

static void s_section (Call &call)
{
    std::vector<Operand> operands = {call.shape ()};
    for (const Operand &tool : call.shapes ("tools", true))
        operands.push_back (tool);
    require_valid (call, operands);
    BRepAlgoAPI_Section builder;
    TopTools_ListOfShape first, others = list_of (operands);
    first.Append (others.First ());
    others.RemoveFirst ();
    builder.SetArguments (first);
    builder.SetTools (others);
    builder.SetRunParallel (call.parallel ());
    builder.SetNonDestructive (true);
    builder.SetFuzzyValue (call.number ("fuzzy"));
    builder.Approximation (call.flag ("approximate"));
    builder.ComputePCurveOn1 (true);
    builder.ComputePCurveOn2 (true);
    builder.Build (call.range (0.9));
    s_must_work (call, builder.GetReport (), operands, "the section failed");
    if (builder.Shape ().IsNull () || !has_any (builder.Shape (), TopAbs_VERTEX))
        failure ("empty_result", "the shapes do not meet");
    accept (call, builder.Shape ());
}

/* ---- Slices ------------------------------------------------------------- */

static std::vector<gp_Pln> s_planes (const Call &call)
{
    std::vector<gp_Pln> planes;
    if (call.has ("planes") == call.has ("offsets"))
        invalid ("argument", "slice has either planes, or normal and offsets",
                 "planes");
    for (const Arguments &plane : call.objects ("planes"))
        planes.push_back (
            gp_Pln (plane.point ("at"), plane.direction ("normal")));
    const gp_Dir normal = call.direction ("normal");
    for (double offset : call.numbers ("offsets"))
        planes.push_back (
            gp_Pln (gp_Pnt (normal.XYZ () * offset), normal));
    return planes;
}

static TopoDS_Shape s_wires (const TopoDS_Shape &edges)
{
    Handle (TopTools_HSequenceOfShape) list = new TopTools_HSequenceOfShape,
                                       wires = new TopTools_HSequenceOfShape;
    for (TopExp_Explorer it (edges, TopAbs_EDGE); it.More (); it.Next ())
        list->Append (it.Current ());
    ShapeAnalysis_FreeBounds::ConnectEdgesToWires (list, MEET, false, wires);
    std::vector<TopoDS_Shape> all;
    for (int at = 1; at <= wires->Length (); at++)
        all.push_back (wires->Value (at));
    return compound_of (all);
}

/*  As much of the plane as the shape can meet: OCCT finds its way quicker
 *  than on an endless one.  */
static TopoDS_Shape s_square (const TopoDS_Shape &shape, const gp_Pln &plane)
{
    Bnd_Box box;
    BRepBndLib::Add (shape, box);
    if (box.IsVoid ())
        return BRepBuilderAPI_MakeFace (plane).Shape ();
    const double half = std::sqrt (box.SquareExtent ()) + 1;
    const gp_Pnt center (
        (box.CornerMin ().XYZ () + box.CornerMax ().XYZ ()) / 2);
    double u, v;
    ElSLib::Parameters (plane, center, u, v);
    return BRepBuilderAPI_MakeFace (plane, u - half, u + half, v - half,
                                    v + half)
        .Shape ();
}

static TopoDS_Shape s_cross (Call &call, const Operand &operand,
                             const gp_Pln &plane, double share)
{
    BRepAlgoAPI_Section builder;
    TopTools_ListOfShape first, other;
    first.Append (operand.shape);
    other.Append (s_square (operand.shape, plane));
    builder.SetArguments (first);
    builder.SetTools (other);
    builder.SetRunParallel (call.parallel ());
    builder.SetNonDestructive (true);
    builder.Approximation (true);
    /* With curves on the surfaces OCCT need not search for them when it
       measures how near it came: ten times quicker on free forms.  */
    builder.ComputePCurveOn1 (true);
    builder.ComputePCurveOn2 (true);
    builder.Build (call.range (share));
    s_must_work (call, builder.GetReport (), {operand}, "the section failed");
    return builder.Shape ().IsNull () ? compound_of ({}) : builder.Shape ();
}

static void s_slice (Call &call)
{
    Operand operand = call.shape ();
    require_valid (call, operand);
    const std::vector<gp_Pln> planes = s_planes (call);
    std::vector<TopoDS_Shape> all;
    Json counts = Json::array ();
    for (const gp_Pln &plane : planes) {
        TopoDS_Shape made = s_wires (
            s_cross (call, operand, plane, 0.95 / (double) planes.size ()));
        if (call.is ("as", "face"))
            made = faces_in (made, plane);
        int count = 0;
        for (TopoDS_Iterator it (made); it.More (); it.Next ())
            count++;
        counts.append (count);
        all.push_back (made);
    }
    call.data.set ("counts", counts);
    const TopoDS_Shape made = compound_of (all);
    if (!has_any (made, TopAbs_EDGE))
        failure ("empty_result", "no plane meets the shape");
    accept (call, made);
}

/* ---- Splitting ---------------------------------------------------------- */

static void s_split (Call &call)
{
    std::vector<Operand> operands = {call.shape ()};
    for (const Operand &tool : call.shapes ("tools", true))
        operands.push_back (tool);
    require_valid (call, operands);
    BRepAlgoAPI_Splitter builder;
    configure (call, builder, call.number ("fuzzy"));
    TopTools_ListOfShape first, others = list_of (operands);
    first.Append (others.First ());
    others.RemoveFirst ();
    builder.SetArguments (first);
    builder.SetTools (others);
    builder.Build (call.range (0.9));
    s_must_work (call, builder.GetReport (), operands, "the split failed");
    s_history (call, operands, builder);
    accept (call, unwrapped (builder.Shape ()));
    const double before = volume_of (operands[0].shape),
                 after = volume_of (call.made.shape);
    if (std::abs (before - after) > 1e-3 * before)
        blame (call, operands, "wrong_volume",
               format ("the split is wrong: the pieces have %.6g mm3 of %.6g",
                       after, before));
    call.data.set ("pieces", count_of (call.made.shape, TopAbs_SOLID));
}

static Json s_pieces (const TopoDS_Shape &made, const Operand &operand,
                      BRepAlgoAPI_BuilderAlgo &builder)
{
    Json list = Json::array ();
    TopTools_IndexedMapOfShape parts;
    const TopAbs_ShapeEnum kind = operand.shape.ShapeType ();
    TopExp::MapShapes (made, kind, parts);
    const TopTools_ListOfShape &modified = builder.Modified (operand.shape);
    for (const TopoDS_Shape &piece : modified)
        if (const int at = parts.FindIndex (piece))
            list.append (kind_name (kind) + std::to_string (at));
    if (modified.IsEmpty ())
        if (const int at = parts.FindIndex (operand.shape))
            list.append (kind_name (kind) + std::to_string (at));
    return list;
}

static void s_general_fuse (Call &call)
{
    std::vector<Operand> operands = call.shapes ("shapes", true);
    require_valid (call, operands);
    BRepAlgoAPI_BuilderAlgo builder;
    configure (call, builder, call.number ("fuzzy"));
    builder.SetArguments (list_of (operands));
    builder.Build (call.range (0.9));
    s_must_work (call, builder.GetReport (), operands, "the general fuse failed");
    s_history (call, operands, builder);
    accept (call, builder.Shape ());
    Json pieces = Json::array ();
    for (const Operand &operand : operands)
        pieces.append (s_pieces (call.made.shape, operand, builder));
    call.data.set ("pieces", pieces);
}

/* ---- Faces removed ------------------------------------------------------ */

static void s_defeature (Call &call)
{
    Operand operand = call.shape ();
    require_valid (call, operand);
    BRepAlgoAPI_Defeaturing builder;
    builder.SetShape (operand.shape);
    int at = 0;
    for (const std::string &name : call.texts ("faces"))
        builder.AddFaceToRemove (
            part_of (operand.shape, name, format ("faces[%d]", at++)));
    builder.SetRunParallel (call.parallel ());
    builder.Build (call.range (0.9));
    call.poll ();
    if (!builder.IsDone () || builder.Shape ().IsNull ())
        failure ("algorithm", "OpenCASCADE could not close the gap: give all "
                              "the faces of a feature, " + alerts_of (builder.GetReport ()),
                 "faces");
    const int before = count_of (operand.shape, TopAbs_FACE);
    s_history (call, {operand}, builder);
    accept (call, unwrapped (builder.Shape ()));
    if (count_of (call.made.shape, TopAbs_FACE) >= before)
        failure ("algorithm", "these faces could not be removed: their "
                              "neighbours do not meet when extended; give all "
                              "the faces of a feature", "faces");
}

static Op s_op (const char *name, const char *title, const Params &params,
                void (*run) (Call &), double weight)
{
    Op op{name, "booleans", title, params, run};
    op.weight = weight;
    return op;
}

std::vector<Op> section_ops ()
{
    const Param fuzzy = boolean_params ()[0], glue = boolean_params ()[1];
    const Param normal = direction ("normal", "Of the plane", "[0, 0, 1]");
    Param offsets = number ("offsets", "Distances of planes from the origin");
    offsets.kind = Kind::Numbers;
    return {
        s_op ("section", "Curves where shapes meet",
              {shape (), refs ("tools", "The others", 1), fuzzy,
               flag ("approximate", "Smooth curves, not polylines", false)},
              s_section, 10),
        s_op ("slice", "Sections by planes",
              {shape (),
               object ("planes", Kind::Objects, "The planes",
                       {point ("at", "A point of it"), normal}),
               normal, offsets.count (1, FCJ_KERNEL_SHAPES_MAX),
               choice ("as", "What to make", {"wire", "face"}, "wire")},
              s_slice, 10),
        s_op ("general_fuse", "All pieces that shapes cut each other into",
              {refs ("shapes", "The shapes", 2), fuzzy, glue}, s_general_fuse,
              20),
        s_op ("split", "A shape in pieces",
              {shape (), refs ("tools", "What splits it", 1), fuzzy, glue},
              s_split, 20),
        s_op ("defeature", "Remove faces and close the gap",
              {shape (), names ("faces", "All faces of a feature", "Face").must ()},
              s_defeature, 10)};
}

} // namespace fcj
