/*  ops_boolean.cpp - fuse, cut, common: one operation for many shapes.
 *
 *  A result that is invalid, empty or wrong is tried again with a small fuzzy
 *  tolerance (said in a note); if that is no better the step fails, and names
 *  the operand that is to blame when one can be found.  */

#include "boolean.hpp"
#include "spot.hpp"
#include "summary.hpp"
#include "verify.hpp"

#include <BOPAlgo_CellsBuilder.hxx>
#include <BRepAlgoAPI_Common.hxx>
#include <BRepAlgoAPI_Cut.hxx>
#include <BRepAlgoAPI_Fuse.hxx>
#include <BRepBuilderAPI_Copy.hxx>
#include <BRepLib.hxx>
#include <BRepTools_History.hxx>
#include <Message_Report.hxx>
#include <ShapeUpgrade_UnifySameDomain.hxx>
#include <TopExp.hxx>
#include <TopExp_Explorer.hxx>
#include <TopTools_IndexedMapOfShape.hxx>
#include <TopoDS.hxx>
#include <TopoDS_Edge.hxx>
#include <TopoDS_Face.hxx>
#include <algorithm>
#include <chrono>
#include <memory>

namespace fcj {

static const double RETRY_FUZZY[] = {1e-5, 1e-4};       /* mm */
static const int MANY_EDGES = 32;
static const size_t BLAME_MAX = 64;     /* operands looked at for a culprit */
static const std::chrono::seconds BLAME_TIME (10);

Params boolean_params ()
{
    return {number ("fuzzy", "Faces nearer than this coincide, mm; 0: exact")
                .within (0, 100)
                .otherwise ("0"),
            choice ("glue", "Faces that coincide are all that touch: quicker",
                    {"off", "shift", "full"}, "off"),
            flag ("unify", "Merge faces of one surface afterwards", true)};
}

static BOPAlgo_GlueEnum s_glue (const Call &call)
{
    return call.is ("glue", "full")    ? BOPAlgo_GlueFull
           : call.is ("glue", "shift") ? BOPAlgo_GlueShift
                                       : BOPAlgo_GlueOff;
}

void configure (const Call &call, BRepAlgoAPI_BuilderAlgo &builder,
                double fuzzy)
{
    builder.SetRunParallel (call.parallel ());
    builder.SetNonDestructive (true);
    builder.SetFuzzyValue (fuzzy);
    builder.SetGlue (s_glue (call));
}

TopTools_ListOfShape list_of (const std::vector<Operand> &operands)
{
    TopTools_ListOfShape list;
    for (const Operand &operand : operands)
        list.Append (operand.shape);
    return list;
}

std::string alerts_of (const Handle (Message_Report) & report)
{
    std::string text;
    for (const auto &alert : report->GetAlerts (Message_Fail)) {
        std::string name = alert->DynamicType ()->Name ();
        if (name.compare (0, 13, "BOPAlgo_Alert") == 0)
            name.erase (0, 13);
        text += text.empty () ? "" : ", ";
        if (name == "BOPNotAllowed") {
            text += "shapes of different dimension (a solid and a face, say) "
                    "do not go together";
            continue;
        }
        for (size_t at = 0; at < name.size (); at++) {
            if (at && std::isupper ((unsigned char) name[at]))
                text += ' ';
            text += (char) std::tolower ((unsigned char) name[at]);
        }
    }
    return text;
}

/*  The look for a culprit is a service: it ends after a while, or with the
 *  run. OCCT asks inside of it.  */
class Patience : public Message_ProgressIndicator
{
  public:
    explicit Patience (const Handle (Indicator) & run_)
        : run (run_),
          end (std::chrono::steady_clock::now () + BLAME_TIME)
    {
    }

  protected:
    Standard_Boolean UserBreak () override
    {
        return run->broken () || std::chrono::steady_clock::now () > end;
    }
    void Show (const Message_ProgressScope &, const Standard_Boolean) override
    {
    }

  private:
    Handle (Indicator) run;
    std::chrono::steady_clock::time_point end;
};
/*  What was given is wrong: solids with faces, say.  */
static const char *const MIXED = "different dimension";

static void s_blame_mixed (const std::vector<Operand> &operands,
                           const std::string &text)
{
    const Operand *odd = &operands.back ();
    for (const Operand &operand : operands)
        if (operand.shape.ShapeType () != operands[0].shape.ShapeType ())
            odd = &operand;
    invalid ("wrong_type", text + ": " + odd->where, odd->where);
}

void blame (Call &call, const std::vector<Operand> &operands,
            const char *problem, const std::string &text)
{
    if (text.find (MIXED) != std::string::npos)
        s_blame_mixed (operands, text);
    size_t looked = 0;
    Handle (Patience) patience = new Patience (call.run.indicator);
    Message_ProgressScope scope (patience->Start (), "", BLAME_MAX);
    for (const Operand &operand : operands) {
        if (looked++ == BLAME_MAX)
            break;
        if (!is_valid (operand.shape))
            invalid ("invalid_shape",
                     text + ": " + operand.where +
                         " is not a valid shape; repair it first, op heal "
                         "may help",
                     operand.where);
        const std::vector<Problem> found =
            intersections_of (operand.shape, scope.Next ());
        call.poll ();
        for (const Problem &one : found)
            if (one.what == "self_intersection")
                invalid ("self_intersection",
                         text + ": " + operand.where + " intersects itself (" +
                             one.where + "); repair it first, op heal may help",
                         operand.where, texts_of (found));
    }
    failure (problem, text + "; try fuzzy: 0.001, or move shapes that only "
                             "touch in an edge or a point by a little");
}

/*  From a shape to its copy, and from there by the unifier's history.  */
static void s_follow_copy (Looks &looks, const TopoDS_Shape &shape,
                         BRepBuilderAPI_Copy &copy,
                         const Handle (BRepTools_History) & history)
{
    TopTools_ListOfShape found;
    looks.follow (shape, [&] (const TopoDS_Shape &part) -> const auto & {
        const TopoDS_Shape image = copy.ModifiedShape (part);
        found = history->Modified (image);
        if (found.IsEmpty ())
            found.Append (image);
        return found;
    });
}

/*  The unifier changes the edges of what it is given, whatever its safe mode
 *  says: it gets a copy. Null when the result is not valid.  */
static TopoDS_Shape s_unified (Call &call, const TopoDS_Shape &shape, bool edges)
{
    BRepBuilderAPI_Copy copy (shape, false);
    ShapeUpgrade_UnifySameDomain unifier (copy.Shape (), edges, true, false);
    unifier.AllowInternalEdges (false);
    unifier.Build ();
    const TopoDS_Shape made = unifier.Shape ();
    if (count_of (made, TopAbs_FACE) == count_of (shape, TopAbs_FACE) &&
        count_of (made, TopAbs_EDGE) == count_of (shape, TopAbs_EDGE))
        return shape;                   /* there was nothing to merge */
    if (!is_valid (made) ||
        count_of (made, TopAbs_SOLID) != count_of (shape, TopAbs_SOLID))
        return TopoDS_Shape ();
    s_follow_copy (call.made.looks, shape, copy, unifier.History ());
    return made;
}

TopoDS_Shape unify (Call &call, const TopoDS_Shape &shape)
{
    for (bool edges : {true, false})
        try {
            const TopoDS_Shape made = s_unified (call, shape, edges);
            if (!made.IsNull ())
                return made;
        } catch (Standard_Failure &) {
        }
    call.note ("merging faces went wrong and was left out: the shape is right "
               "but has more faces");
    return shape;
}

/* ---- One attempt -------------------------------------------------------- */

struct Attempt {
    TopoDS_Shape shape;
    std::string problem, text;          /* "" when all is well */
};

/*  Keeps whichever algorithm ran, for its history.  */
class Machine
{
  public:
    Machine (Call &call, Boolean kind, const std::vector<Operand> &operands,
             double fuzzy, const Message_ProgressRange &range)
    {
        if (kind == Boolean::Common && operands.size () > 2)
            all_in_common (call, operands, fuzzy, range);
        else
            usual (call, kind, operands, fuzzy, range);
    }
    const TopTools_ListOfShape &modified (const TopoDS_Shape &part)
    {
        return cells ? cells->Modified (part) : usually->Modified (part);
    }
    TopoDS_Shape shape;
    std::string errors;

  private:
    void usual (Call &call, Boolean kind, const std::vector<Operand> &operands,
                double fuzzy, const Message_ProgressRange &range)
    {
        if (kind == Boolean::Fuse)
            usually = std::make_unique<BRepAlgoAPI_Fuse> ();
        else if (kind == Boolean::Cut)
            usually = std::make_unique<BRepAlgoAPI_Cut> ();
        else
            usually = std::make_unique<BRepAlgoAPI_Common> ();
        configure (call, *usually, fuzzy);
        TopTools_ListOfShape first, others = list_of (operands);
        first.Append (others.First ());
        others.RemoveFirst ();
        usually->SetArguments (first);
        usually->SetTools (others);
        usually->Build (range);
        errors = alerts_of (usually->GetReport ());
        shape = usually->Shape ();
    }
    /*  BRepAlgoAPI_Common is a AND (b OR c); this is a AND b AND c.  */
    void all_in_common (Call &call, const std::vector<Operand> &operands,
                        double fuzzy, const Message_ProgressRange &range)
    {
        cells = std::make_unique<BOPAlgo_CellsBuilder> ();
        cells->SetArguments (list_of (operands));
        cells->SetRunParallel (call.parallel ());
        cells->SetNonDestructive (true);
        cells->SetFuzzyValue (fuzzy);
        cells->SetGlue (s_glue (call));
        cells->Perform (range);
        errors = alerts_of (cells->GetReport ());
        if (cells->HasErrors ())
            return;
        cells->AddToResult (list_of (operands), TopTools_ListOfShape ());
        cells->MakeContainers ();
        shape = cells->Shape ();
    }
    std::unique_ptr<BRepAlgoAPI_BooleanOperation> usually;
    std::unique_ptr<BOPAlgo_CellsBuilder> cells;
};

/*  Edges on a plane have no curve in it stored, and the check makes one each
 *  time it asks: a plate with four hundred holes is checked in a quarter of
 *  the time when they are there.  */
static void s_store_plane_curves (const TopoDS_Shape &shape)
{
    for (TopExp_Explorer face (shape, TopAbs_FACE); face.More (); face.Next ()) {
        const TopoDS_Face plane =
            TopoDS::Face (face.Current ().Oriented (TopAbs_FORWARD));
        TopTools_IndexedMapOfShape edges;
        TopExp::MapShapes (plane, TopAbs_EDGE, edges);
        if (edges.Extent () < MANY_EDGES)
            continue;
        for (int at = 1; at <= edges.Extent (); at++)
            BRepLib::BuildPCurveForEdgeOnPlane (TopoDS::Edge (edges (at)),
                                                plane);
    }
}

static bool s_all_solid (const std::vector<Operand> &operands)
{
    return std::all_of (operands.begin (), operands.end (),
                        [] (const Operand &operand) {
                            return has_any (operand.shape, TopAbs_SOLID);
                        });
}

static Attempt s_attempt (Call &call, Boolean kind,
                          const std::vector<Operand> &operands, double fuzzy,
                          double share)
{
    std::unique_ptr<Machine> ran;
    try {
        ran = std::make_unique<Machine> (call, kind, operands, fuzzy,
                                         call.range (share));
    } catch (Standard_Failure &error) {
        return {{}, "algorithm",
                std::string ("OpenCASCADE gave up: ") +
                    error.DynamicType ()->Name ()};
    }
    Machine &machine = *ran;
    call.poll ();
    if (!machine.errors.empty ())
        return {{}, "algorithm", "OpenCASCADE: " + machine.errors};
    const TopoDS_Shape made = unwrapped (machine.shape);
    if (made.IsNull () || !has_any (made, TopAbs_VERTEX))
        return {made, "empty_result", ""};
    s_store_plane_curves (made);
    const std::vector<Problem> found = problems_of (made, 5);
    if (!found.empty ())
        return {made, "invalid_result",
                "the result is not valid (" + texts_of (found, 1)[0] + ")"};
    if (s_all_solid (operands)) {
        if (!has_any (made, TopAbs_SOLID))
            return {made, "empty_result", ""};
        const std::string wrong = wrong_boolean (call, kind, operands, made);
        if (!wrong.empty ())
            return {made, "wrong_volume", "the result is wrong: " + wrong};
    }
    for (const Operand &operand : operands) {
        call.made.looks.add (operand.value->looks);
        call.made.looks.follow (
            operand.shape, [&] (const TopoDS_Shape &part) -> const auto & {
                return machine.modified (part);
            });
    }
    return {made, "", ""};
}

/*  Nothing in common, or all cut away: true when the operands say so too.  */
static bool s_truly_empty (const Call &call, Boolean kind,
                           const std::vector<Operand> &operands)
{
    return kind != Boolean::Fuse &&
           wrong_boolean (call, kind, operands, compound_of ({})).empty ();
}

/*  The first solid's name goes to a result that is one solid.  */
static void s_name (Call &call, const std::vector<Operand> &operands)
{
    const TopoDS_Shape &made = call.made.shape;
    if (made.ShapeType () != TopAbs_SOLID || call.made.looks.find (made))
        return;
    for (const Operand &operand : operands)
        if (const Look *look = operand.value->looks.find (operand.shape)) {
            const Look copy = *look;
            call.made.looks.at (made) = copy;
            return;
        }
}

static void s_boolean (Call &call, Boolean kind, const char *what,
                       const std::vector<Operand> &operands, const char *empty)
{
    const double asked = call.has ("fuzzy") ? call.number ("fuzzy") : 0;
    Attempt attempt = s_attempt (call, kind, operands, asked, 0.7);
    if (attempt.problem == "empty_result" &&
        s_truly_empty (call, kind, operands))
        failure ("empty_result", empty);
    if (!attempt.problem.empty () && asked == 0)
        for (double fuzzy : RETRY_FUZZY) {
            Attempt again = s_attempt (call, kind, operands, fuzzy, 0.1);
            if (!again.problem.empty ())
                continue;
            call.note (format ("it needed a fuzzy tolerance of %g mm: exactly, "
                               "%s", fuzzy,
                               attempt.text.empty () ? "it gave nothing"
                                                     : attempt.text.c_str ()));
            attempt = again;
            break;
        }
    if (!attempt.problem.empty ())
        blame (call, operands, attempt.problem.c_str (),
               std::string (what) + ": " +
                   (attempt.text.empty () ? empty : attempt.text));
    call.made.valid = true;
    call.made.shape =
        !call.has ("unify") || call.flag ("unify")
            ? unwrapped (unify (call, attempt.shape))
            : attempt.shape;
    s_name (call, operands);
}

/*  Booleans believe the orientation of a solid; one that is inside out would
 *  take away where it should add.  */
static void s_turn_outwards (Call &call, std::vector<Operand> &operands)
{
    for (Operand &operand : operands) {
        if (operand.shape.ShapeType () != TopAbs_SOLID)
            continue;
        const double volume = call.run.volumes.of (operand.shape);
        if (volume < 0) {
            operand.shape.Reverse ();
            call.note (operand.where + " was inside out and has been turned");
        } else if (volume == 0)
            invalid ("invalid_shape", operand.where + " is a solid without "
                                      "volume", operand.where);
    }
}

static void s_prepare (Call &call, std::vector<Operand> &operands)
{
    require_valid (call, operands);
    s_turn_outwards (call, operands);
}

/* ---- Operations --------------------------------------------------------- */

void fuse (Call &call, std::vector<Operand> operands)
{
    s_prepare (call, operands);
    if (operands.size () == 1) {
        call.made = *operands[0].value;
        call.made.shape = operands[0].shape;
        return;
    }
    s_boolean (call, Boolean::Fuse, "the union failed", operands,
               "the union is empty; check the shapes");
}

static void s_fuse (Call &call)
{
    fuse (call, call.shapes ("shapes", true));
}

static void s_cut (Call &call)
{
    std::vector<Operand> operands = {call.shape ()};
    for (const Operand &tool : call.shapes ("tools", true))
        operands.push_back (tool);
    s_prepare (call, operands);
    s_boolean (call, Boolean::Cut, "the cut failed", operands,
               "nothing is left: the tools cover the whole shape");
}

static void s_common (Call &call)
{
    std::vector<Operand> operands = call.shapes ("shapes", true);
    if (operands.size () < 2)
        invalid ("argument", "common needs two shapes or more", "shapes");
    s_prepare (call, operands);
    s_boolean (call, Boolean::Common, "the intersection failed", operands,
               "the shapes have nothing in common: they do not overlap");
}

static void s_unify (Call &call)
{
    Operand operand = call.shape ();
    BRepBuilderAPI_Copy copy (operand.shape, false);
    ShapeUpgrade_UnifySameDomain unifier (
        copy.Shape (), call.flag ("edges"), call.flag ("faces"),
        call.flag ("bsplines"));
    unifier.AllowInternalEdges (false);
    unifier.SetLinearTolerance (call.number ("linear_tolerance"));
    unifier.SetAngularTolerance (call.number ("angular_tolerance"));
    unifier.Build ();
    call.made.looks.add (operand.value->looks);
    s_follow_copy (call.made.looks, operand.shape, copy, unifier.History ());
    accept (call, unifier.Shape (), "; smaller tolerances may help");
    call.data.set ("faces_before", count_of (operand.shape, TopAbs_FACE))
        .set ("faces_after", count_of (call.made.shape, TopAbs_FACE));
}

static Op s_op (const char *name, const char *title, const Params &params,
                void (*run) (Call &))
{
    Op op{name, "booleans", title, params, run};
    op.weight = 20;
    return op;
}

std::vector<Op> boolean_ops ()
{
    return {
        s_op ("fuse", "Union of all",
              Params{refs ("shapes", "What to unite", 1)} + boolean_params (),
              s_fuse),
        s_op ("cut", "What is outside of the tools",
              Params{shape (), refs ("tools", "What to take away", 1)} +
                  boolean_params (),
              s_cut),
        s_op ("common", "What is inside of all",
              Params{refs ("shapes", "What to intersect", 1)} +
                  boolean_params (),
              s_common),
        s_op ("unify", "Merge faces of one surface and edges of one curve",
              {shape (), flag ("faces", "Merge faces", true),
               flag ("edges", "Merge edges", true),
               flag ("bsplines", "Join b-splines into one", false),
               number ("linear_tolerance", "mm")
                   .within (1e-9, 1)
                   .otherwise ("1e-7"),
               number ("angular_tolerance", "Radians, between tangents")
                   .within (1e-12, 0.1)
                   .otherwise ("1e-10")},
              s_unify)};
}

} // namespace fcj
