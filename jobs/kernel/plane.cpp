/*  plane.cpp - see plane.hpp.  */

#include "plane.hpp"
#include "verify.hpp"

#include <BRepAdaptor_Curve.hxx>
#include <BRepAlgo_FaceRestrictor.hxx>
#include <BRepBuilderAPI_MakeFace.hxx>
#include <BRepGProp.hxx>
#include <BRep_Tool.hxx>
#include <GProp_GProps.hxx>
#include <TopExp_Explorer.hxx>
#include <TopoDS.hxx>
#include <TopoDS_Edge.hxx>
#include <TopoDS_Face.hxx>
#include <TopoDS_Wire.hxx>

namespace fcj {

static const double OFF = 1e-4;         /* mm: farther is off the plane      */
static const double NARROW = 1e-7;      /* mm, mean width of a face          */
static const int SAMPLES = 8;           /* of each edge                      */

TopoDS_Shape faces_in (const TopoDS_Shape &wires, const gp_Pln &plane)
{
    BRepAlgo_FaceRestrictor restrictor;
    restrictor.Init (BRepBuilderAPI_MakeFace (plane).Face (), true, true);
    for (TopExp_Explorer it (wires, TopAbs_WIRE); it.More (); it.Next ()) {
        TopoDS_Wire wire = TopoDS::Wire (it.Current ());
        restrictor.Add (wire);
    }
    restrictor.Perform ();
    std::vector<TopoDS_Shape> all;
    if (restrictor.IsDone ())
        for (; restrictor.More (); restrictor.Next ())
            all.push_back (restrictor.Current ());
    return compound_of (all);
}

void require_in_plane (const Operand &operand, const gp_Pln &plane)
{
    for (TopExp_Explorer it (operand.shape, TopAbs_EDGE); it.More ();
         it.Next ()) {
        const TopoDS_Edge edge = TopoDS::Edge (it.Current ());
        const BRepAdaptor_Curve curve (edge);
        const double from = curve.FirstParameter (),
                     step = (curve.LastParameter () - from) / SAMPLES;
        for (int at = 0; at <= SAMPLES; at++)
            if (plane.Distance (curve.Value (from + step * at)) >
                OFF + BRep_Tool::Tolerance (edge))
                invalid ("not_planar",
                         operand.where + " does not lie in the plane of the "
                                         "outline", operand.where);
    }
}

void require_area (const TopoDS_Shape &face, const std::string &where)
{
    GProp_GProps area, length;
    BRepGProp::SurfaceProperties (face, area);
    BRepGProp::LinearProperties (face, length);
    if (!(2 * std::abs (area.Mass ()) > NARROW * length.Mass ()))
        invalid ("argument", where + " encloses no area: its points are on "
                                     "one line", where);
}

} // namespace fcj
