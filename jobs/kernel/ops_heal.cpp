/*  ops_heal.cpp - sewing and ShapeFix.  */

#include "boolean.hpp"
#include "summary.hpp"
#include "verify.hpp"

#include <BRepBuilderAPI_Sewing.hxx>
#include <BRepLib.hxx>
#include <BRep_Tool.hxx>
#include <ShapeFix_Shape.hxx>
#include <ShapeFix_ShapeTolerance.hxx>
#include <ShapeFix_Solid.hxx>
#include <ShapeFix_Wireframe.hxx>
#include <TopExp_Explorer.hxx>
#include <TopoDS.hxx>
#include <TopoDS_Shell.hxx>
#include <TopoDS_Solid.hxx>
#include <TopoDS_Iterator.hxx>

namespace fcj {

/*  Closed shells that are no part of a solid become solids.  */
static TopoDS_Shape s_solids (const TopoDS_Shape &shape, int *made)
{
    std::vector<TopoDS_Shape> all;
    if (shape.ShapeType () == TopAbs_SHELL) {
        if (!BRep_Tool::IsClosed (shape))
            return shape;
        ++*made;
        TopoDS_Solid solid =
            ShapeFix_Solid ().SolidFromShell (TopoDS::Shell (shape));
        BRepLib::OrientClosedSolid (solid);
        return solid;
    }
    if (shape.ShapeType () != TopAbs_COMPOUND)
        return shape;
    for (TopoDS_Iterator it (shape); it.More (); it.Next ())
        all.push_back (s_solids (it.Value (), made));
    return compound_of (all);
}

static TopoDS_Shape s_sewn (const std::vector<TopoDS_Shape> &shapes,
                            double tolerance, int *open,
                            const Message_ProgressRange &range)
{
    BRepBuilderAPI_Sewing sewing (tolerance);
    for (const TopoDS_Shape &shape : shapes)
        sewing.Add (shape);
    sewing.Perform (range);
    *open = sewing.NbFreeEdges ();
    return sewing.SewedShape ().IsNull () ? TopoDS_Shape ()
                                          : unwrapped (sewing.SewedShape ());
}

static void s_sew (Call &call)
{
    std::vector<TopoDS_Shape> shapes;
    for (const Operand &operand : call.shapes ("shapes")) {
        if (!has_any (operand.shape, TopAbs_FACE))
            invalid ("wrong_type", operand.where + " has no faces",
                     operand.where);
        shapes.push_back (operand.shape);
        call.made.looks.add (operand.value->looks);
    }
    int open = 0, solids = 0;
    TopoDS_Shape made = s_sewn (shapes, call.number ("tolerance"), &open,
                                call.range (0.8));
    call.poll ();
    if (!made.IsNull () && call.flag ("solid"))
        made = unwrapped (s_solids (made, &solids));
    accept (call, made);
    call.data.set ("open_edges", open).set ("solids_made", solids);
    if (call.flag ("solid") && !has_any (call.made.shape, TopAbs_SOLID))
        call.note (format ("no solid: %d edges belong to one face only; a "
                           "greater tolerance may close the gaps", open));
}

/* ---- heal --------------------------------------------------------------- */

static void s_wireframe (const Call &call, TopoDS_Shape &shape, Json &fixed)
{
    Handle (ShapeFix_Wireframe) fix = new ShapeFix_Wireframe (shape);
    fix->SetPrecision (call.number ("tolerance"));
    fix->SetMaxTolerance (call.number ("max_tolerance"));
    const bool small = fix->FixSmallEdges (), gaps = fix->FixWireGaps ();
    if (small)
        fixed.append ("small edges were merged");
    if (gaps)
        fixed.append ("gaps between edges were closed");
    if (small || gaps)
        shape = fix->Shape ();
}

static void s_fix (Call &call, TopoDS_Shape &shape, Json &fixed)
{
    Handle (ShapeFix_Shape) fix = new ShapeFix_Shape (shape);
    fix->SetPrecision (call.number ("tolerance"));
    fix->SetMaxTolerance (call.number ("max_tolerance"));
    if (fix->Perform (call.range (0.5)))
        fixed.append ("parts were rebuilt by ShapeFix");
    shape = fix->Shape ();
}

static void s_sew_loose (Call &call, TopoDS_Shape &shape, Json &fixed)
{
    if (has_any (shape, TopAbs_SOLID) || count_of (shape, TopAbs_FACE) < 2)
        return;
    int open = 0;
    const TopoDS_Shape made =
        s_sewn ({shape}, call.number ("max_tolerance"), &open, call.range (0.2));
    if (made.IsNull () ||
        count_of (made, TopAbs_FACE) < count_of (shape, TopAbs_FACE))
        return;
    if (count_of (made, TopAbs_EDGE) < count_of (shape, TopAbs_EDGE))
        fixed.append (format ("faces were sewn, %d open edges are left", open));
    shape = made;
}

static void s_heal (Call &call)
{
    const Operand operand = call.shape ();
    const std::vector<Problem> before = problems_of (operand.shape);
    Json fixed = Json::array ();
    TopoDS_Shape made = copied (operand.shape);
    call.made.looks.add (operand.value->looks);
    s_fix (call, made, fixed);
    s_wireframe (call, made, fixed);
    if (call.flag ("sew"))
        s_sew_loose (call, made, fixed);
    int solids = 0;
    if (call.flag ("solid"))
        made = s_solids (made, &solids);
    if (solids)
        fixed.append (format ("%d closed shells became solids", solids));
    call.poll ();
    made = unwrapped (made);
    if (has_any (made, TopAbs_SOLID) && made.ShapeType () == TopAbs_SOLID &&
        volume_of (made) < 0) {
        made.Reverse ();
        fixed.append ("the solid was inside out");
    }
    const std::vector<Problem> after = problems_of (made);
    if (!after.empty ())
        failure (after[0].what.c_str (),
                 operand.where + " could not be healed, it is still wrong: " +
                     texts_of (after, 1)[0] + "; try a greater max_tolerance",
                 operand.where, texts_of (after));
    call.made.shape = made;
    call.made.valid = true;
    call.data.set ("fixed", fixed)
        .set ("before", json_of (before))
        .set ("after", json_of (after));
    if (call.flag ("unify"))
        call.made.shape = unify (call, made);
}

std::vector<Op> heal_ops ()
{
    const Param tolerance = number ("tolerance", "mm")
                                .within (1e-9, 100)
                                .otherwise ("1e-6");
    Op sew{"sew", "heal", "Faces joined at their edges",
           {refs ("shapes", "Faces and shells", 1), tolerance,
            flag ("solid", "Closed shells become solids", true)},
           s_sew};
    sew.weight = 10;
    Op heal{"heal", "heal", "Repair what can be repaired",
            {shape (), tolerance,
             number ("max_tolerance", "Nothing moves further, mm")
                 .within (1e-7, 100)
                 .otherwise ("1e-3"),
             flag ("sew", "Join loose faces", true),
             flag ("solid", "Closed shells become solids", true),
             flag ("unify", "Merge faces of one surface", false)},
            s_heal};
    heal.weight = 10;
    return {sew, heal};
}

} // namespace fcj
