/*  verify.cpp - see verify.hpp.  */

#include "verify.hpp"
#include "faces.hpp"
#include "probe.hpp"

#include <BOPAlgo_ArgumentAnalyzer.hxx>
#include <BRepBuilderAPI_Copy.hxx>
#include <BRepCheck_Analyzer.hxx>
#include <BRepCheck_ListIteratorOfListOfStatus.hxx>
#include <BRepCheck_Result.hxx>
#include <BRep_Builder.hxx>
#include <OSD_ThreadPool.hxx>
#include <ShapeFix_Shape.hxx>
#include <Standard_Failure.hxx>
#include <TopExp.hxx>
#include <TopExp_Explorer.hxx>
#include <TopTools_IndexedMapOfShape.hxx>
#include <TopoDS_Compound.hxx>
#include <TopoDS_Iterator.hxx>

namespace fcj {

struct Words {
    int status;
    const char *what, *text;
};

static const Words STATUS[] = {
    {BRepCheck_InvalidPointOnCurve, "tolerance",
     "a vertex does not lie on its edge within the tolerance"},
    {BRepCheck_InvalidPointOnCurveOnSurface, "tolerance",
     "a vertex does not lie on the edge's curve in the face"},
    {BRepCheck_InvalidPointOnSurface, "tolerance",
     "a vertex does not lie on its face within the tolerance"},
    {BRepCheck_No3DCurve, "geometry", "an edge has no curve in space"},
    {BRepCheck_Multiple3DCurve, "geometry", "an edge has several curves"},
    {BRepCheck_Invalid3DCurve, "geometry", "an edge's curve is not usable"},
    {BRepCheck_NoCurveOnSurface, "geometry",
     "an edge has no curve on its face"},
    {BRepCheck_InvalidCurveOnSurface, "tolerance",
     "an edge's curve leaves its face by more than the tolerance"},
    {BRepCheck_InvalidCurveOnClosedSurface, "tolerance",
     "a seam edge leaves its face by more than the tolerance"},
    {BRepCheck_InvalidSameRangeFlag, "geometry",
     "an edge's curves run over different ranges"},
    {BRepCheck_InvalidSameParameterFlag, "tolerance",
     "an edge's curves do not run together"},
    {BRepCheck_InvalidDegeneratedFlag, "geometry",
     "an edge is marked as a point but is none"},
    {BRepCheck_FreeEdge, "not_closed", "an edge belongs to one face only"},
    {BRepCheck_InvalidMultiConnexity, "topology",
     "more than two faces meet in one edge"},
    {BRepCheck_InvalidRange, "geometry", "an edge has an empty range"},
    {BRepCheck_EmptyWire, "empty", "a wire has no edges"},
    {BRepCheck_RedundantEdge, "topology", "a wire has an edge twice"},
    {BRepCheck_SelfIntersectingWire, "self_intersection",
     "a wire crosses itself"},
    {BRepCheck_NoSurface, "geometry", "a face has no surface"},
    {BRepCheck_InvalidWire, "topology", "a face has a wire that is not usable"},
    {BRepCheck_RedundantWire, "topology", "a face has a wire twice"},
    {BRepCheck_IntersectingWires, "self_intersection",
     "two wires of a face cross"},
    {BRepCheck_InvalidImbricationOfWires, "topology",
     "the holes of a face do not lie inside its outline"},
    {BRepCheck_EmptyShell, "empty", "a shell has no faces"},
    {BRepCheck_RedundantFace, "topology", "a shell has a face twice"},
    {BRepCheck_InvalidImbricationOfShells, "topology",
     "the voids of a solid do not lie inside it"},
    {BRepCheck_UnorientableShape, "topology",
     "its faces cannot be turned to one side"},
    {BRepCheck_NotClosed, "not_closed", "it is not closed: faces are missing"},
    {BRepCheck_NotConnected, "topology", "it falls apart into pieces"},
    {BRepCheck_SubshapeNotInShape, "topology",
     "it refers to a part that it does not have"},
    {BRepCheck_BadOrientation, "topology", "it is turned the wrong way"},
    {BRepCheck_BadOrientationOfSubshape, "topology",
     "a part of it is turned the wrong way"},
    {BRepCheck_InvalidPolygonOnTriangulation, "mesh",
     "its mesh does not fit its edges"},
    {BRepCheck_InvalidToleranceValue, "tolerance",
     "its tolerance is not usable"},
    {BRepCheck_EnclosedRegion, "topology", "a region lies inside another"},
    {BRepCheck_CheckFail, "geometry", "the check itself went wrong on it"}};

static const Words FAULTY[] = {
    {BOPAlgo_BadType, "wrong_type", "this kind of shape cannot take part"},
    {BOPAlgo_SelfIntersect, "self_intersection", "parts of it cross each other"},
    {BOPAlgo_TooSmallEdge, "tolerance", "an edge is shorter than its tolerance"},
    {BOPAlgo_NonRecoverableFace, "geometry",
     "a face cannot be rebuilt from its edges"},
    {BOPAlgo_IncompatibilityOfVertex, "tolerance",
     "vertices are closer than their tolerances"},
    {BOPAlgo_IncompatibilityOfEdge, "tolerance",
     "edges are closer than their tolerances"},
    {BOPAlgo_IncompatibilityOfFace, "tolerance",
     "faces are closer than their tolerances"},
    {BOPAlgo_OperationAborted, "algorithm", "the check went wrong on it"},
    {BOPAlgo_GeomAbs_C0, "geometry", "its geometry has a kink inside"},
    {BOPAlgo_InvalidCurveOnSurface, "tolerance",
     "an edge's curve leaves its face by more than the tolerance"},
    {BOPAlgo_NotValid, "geometry", "it is not valid"}};

template <size_t n>
static const Words &s_words (const Words (&table)[n], int status)
{
    for (const Words &words : table)
        if (words.status == status)
            return words;
    return table[n - 1];
}

/*  As many as the run allows: the pool of run.cpp.  */
static bool s_parallel ()
{
    return OSD_ThreadPool::DefaultPool ()->HasThreads ();
}

bool is_valid (const TopoDS_Shape &shape)
{
    if (shape.IsNull ())
        return false;
    return has_many_wires (shape)
               ? is_valid_by_groups (shape, s_parallel ())
               : BRepCheck_Analyzer (shape, true, s_parallel ()).IsValid ();
}

/* ---- BRepCheck ---------------------------------------------------------- */

/*  Part names in FreeCAD's order, made when the first one is asked for.  */
class Names
{
  public:
    explicit Names (const TopoDS_Shape &whole_) : whole (whole_)
    {
    }
    std::string of (const TopoDS_Shape &part)
    {
        TopTools_IndexedMapOfShape &map = maps[part.ShapeType ()];
        if (map.IsEmpty ())
            TopExp::MapShapes (whole, part.ShapeType (), map);
        const int at = map.FindIndex (part);
        return at ? kind_name (part) + std::to_string (at) : kind_name (part);
    }

  private:
    const TopoDS_Shape &whole;
    TopTools_IndexedMapOfShape maps[TopAbs_SHAPE + 1];
};

static void s_add (std::vector<Problem> &all, const std::string &where,
                   const Words &words)
{
    for (const Problem &one : all)
        if (one.where == where && one.text == words.text)
            return;
    all.push_back ({words.what, where, words.text});
}

static void s_statuses (const BRepCheck_ListOfStatus &list,
                        const std::string &where, std::vector<Problem> &all)
{
    for (BRepCheck_ListIteratorOfListOfStatus it (list); it.More (); it.Next ())
        if (it.Value () != BRepCheck_NoError)
            s_add (all, where, s_words (STATUS, it.Value ()));
}

/*  A part is judged alone and inside each shape that holds it.  */
static void s_part (const BRepCheck_Analyzer &analyzer,
                    const TopoDS_Shape &part, Names &names,
                    std::vector<Problem> &all)
{
    const Handle (BRepCheck_Result) &result = analyzer.Result (part);
    if (result.IsNull ())
        return;
    s_statuses (result->Status (), names.of (part), all);
    for (result->InitContextIterator (); result->MoreShapeInContext ();
         result->NextShapeInContext ())
        s_statuses (result->StatusOnShape (), names.of (part), all);
}

std::vector<Problem> problems_of (const TopoDS_Shape &shape, size_t most)
{
    std::vector<Problem> all;
    if (shape.IsNull ())
        return {{"null_shape", "", "there is no shape"}};
    if (has_many_wires (shape) && is_valid (shape))
        return all;
    BRepCheck_Analyzer analyzer (shape, true, s_parallel ());
    if (analyzer.IsValid ())
        return all;
    Names names (shape);
    TopTools_IndexedMapOfShape parts;
    TopExp::MapShapes (shape, parts);
    for (int at = 1; at <= parts.Extent () && all.size () < most; at++)
        s_part (analyzer, parts (at), names, all);
    if (all.empty ())
        all.push_back ({"invalid_shape", "", "BRepCheck calls it invalid"});
    if (all.size () > most)
        all.resize (most);
    return all;
}

std::vector<Problem> intersections_of (const TopoDS_Shape &shape,
                                       const Message_ProgressRange &range,
                                       size_t most)
{
    std::vector<Problem> all;
    BOPAlgo_ArgumentAnalyzer analyzer;
    analyzer.SetShape1 (shape);
    analyzer.ArgumentTypeMode () = true;
    analyzer.SelfInterMode () = true;
    analyzer.SmallEdgeMode () = true;
    analyzer.CurveOnSurfaceMode () = true;
    analyzer.Perform (range);
    Names names (shape);
    for (const BOPAlgo_CheckResult &result : analyzer.GetCheckResult ()) {
        const Words &words = s_words (FAULTY, result.GetCheckStatus ());
        if (result.GetFaultyShapes1 ().IsEmpty ())
            s_add (all, "", words);
        std::string pair;
        for (const TopoDS_Shape &part : result.GetFaultyShapes1 ())
            pair += (pair.empty () ? "" : ", ") + names.of (part);
        if (!pair.empty () && all.size () < most)
            s_add (all, pair, words);
    }
    return all;
}

std::vector<std::string> texts_of (const std::vector<Problem> &problems,
                                   size_t most)
{
    std::vector<std::string> made;
    for (const Problem &one : problems)
        if (made.size () < most)
            made.push_back (one.where.empty () ? one.text
                                               : one.where + ": " + one.text);
    if (problems.size () > most)
        made.push_back (format ("and %zu more", problems.size () - most));
    return made;
}

Json json_of (const std::vector<Problem> &problems)
{
    Json made = Json::array ();
    for (const Problem &one : problems)
        made.append (Json::object ()
                         .set ("what", one.what)
                         .set ("where", one.where)
                         .set ("text", one.text));
    return made;
}

/* ---- Results and operands ----------------------------------------------- */

TopoDS_Shape unwrapped (TopoDS_Shape shape)
{
    while (!shape.IsNull () && shape.ShapeType () == TopAbs_COMPOUND) {
        TopoDS_Iterator it (shape);
        if (!it.More ())
            return shape;
        TopoDS_Shape first = it.Value ();
        it.Next ();
        if (it.More ())
            return shape;
        shape = first;
    }
    return shape;
}

bool has_any (const TopoDS_Shape &shape, TopAbs_ShapeEnum kind)
{
    return TopExp_Explorer (shape, kind).More ();
}

int count_of (const TopoDS_Shape &shape, TopAbs_ShapeEnum kind)
{
    TopTools_IndexedMapOfShape map;
    TopExp::MapShapes (shape, kind, map);
    return map.Extent ();
}

TopoDS_Shape compound_of (const std::vector<TopoDS_Shape> &shapes)
{
    BRep_Builder builder;
    TopoDS_Compound made;
    builder.MakeCompound (made);
    for (const TopoDS_Shape &shape : shapes)
        builder.Add (made, shape);
    return made;
}

TopoDS_Shape copied (const TopoDS_Shape &shape)
{
    return BRepBuilderAPI_Copy (shape, false).Shape ();
}

TopoDS_Shape healed (const TopoDS_Shape &shape,
                     const Message_ProgressRange &range)
{
    try {
        Handle (ShapeFix_Shape) fix = new ShapeFix_Shape (copied (shape));
        fix->SetPrecision (1e-6);
        fix->SetMaxTolerance (1e-2);
        fix->Perform (range);
        TopoDS_Shape made = fix->Shape ();
        return is_valid (made) ? made : TopoDS_Shape ();
    } catch (Standard_Failure &) {      /* some shapes are past repair */
        return TopoDS_Shape ();
    }
}

void require_valid (Call &call, Operand &operand)
{
    if (operand.valid || is_valid (operand.shape))
        return;
    TopoDS_Shape fixed = healed (operand.shape, Message_ProgressRange ());
    if (!fixed.IsNull () &&
        count_of (fixed, TopAbs_SOLID) == count_of (operand.shape, TopAbs_SOLID)) {
        call.note (operand.where + " was not valid and has been healed");
        operand.shape = fixed;
        return;
    }
    const std::vector<Problem> found = problems_of (operand.shape);
    const bool crossing = !found.empty () &&
                          found[0].what == "self_intersection";
    invalid (crossing ? "self_intersection" : "invalid_shape",
             operand.where + " is not a valid " + kind_name (operand.shape) +
                 " (" + texts_of (found, 1)[0] +
                 "); repair it first, op heal may help",
             operand.where, texts_of (found));
}

void require_valid (Call &call, std::vector<Operand> &operands)
{
    for (Operand &operand : operands) {
        call.poll ();
        require_valid (call, operand);
    }
}

void accept (Call &call, const TopoDS_Shape &shape, const char *hint)
{
    if (shape.IsNull () || !has_any (shape, TopAbs_VERTEX))
        failure ("empty_result", std::string ("the result is empty") + hint);
    call.poll ();
    call.made.shape = shape;
    call.made.valid = true;
    if (is_valid (shape))
        return;
    const std::vector<Problem> found = problems_of (shape);
    TopoDS_Shape fixed = healed (shape, call.range (0.01));
    if (fixed.IsNull () ||
        count_of (fixed, TopAbs_SOLID) < count_of (shape, TopAbs_SOLID))
        failure ("invalid_result",
                 std::string ("the result is not a valid ") +
                     kind_name (shape) + " (" + texts_of (found, 1)[0] +
                     ") and healing did not help" + hint,
                 "", texts_of (found));
    call.made.shape = fixed;
    call.note ("the result was healed: " + texts_of (found, 1)[0]);
    /* What was made sound to look at may still run through itself. */
    require_body (call, fixed, hint);
    for (const Problem &one : intersections_of (fixed, call.range (0.01)))
        if (one.what == "self_intersection" && one.where.rfind ("Face", 0) == 0)
            failure ("self_intersection",
                     "the result crosses itself (" + one.where + ")" + hint,
                     "", {one.where + ": " + one.text});
}

} // namespace fcj
