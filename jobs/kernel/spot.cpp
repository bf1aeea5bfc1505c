/*  spot.cpp - see spot.hpp.  */

#include "spot.hpp"
#include "summary.hpp"
#include "verify.hpp"

#include <BRepAdaptor_Curve.hxx>
#include <BRepBndLib.hxx>
#include <BRepBuilderAPI_MakeVertex.hxx>
#include <BRepClass3d_SolidClassifier.hxx>
#include <BRepExtrema_DistShapeShape.hxx>
#include <BRep_Tool.hxx>
#include <Bnd_Box.hxx>
#include <TopExp.hxx>
#include <TopExp_Explorer.hxx>
#include <TopTools_IndexedMapOfShape.hxx>
#include <TopoDS.hxx>
#include <TopoDS_Vertex.hxx>
#include <algorithm>
#include <deque>
#include <memory>
#include <numeric>

namespace fcj {

static const double VOLUME_SLACK = 1e-3;    /* relative                    */
static const double ON = 1e-4;              /* mm: nearer is on the border */
static const size_t POINTS = 24;
static const size_t FACES_MAX = 3000;       /* more cost too much here     */

/* ---- Volume ------------------------------------------------------------- */

static std::string s_wrong_volume (Boolean kind,
                                   const std::vector<double> &volumes,
                                   double made)
{
    const double sum = std::accumulate (volumes.begin (), volumes.end (), 0.0);
    const double most = *std::max_element (volumes.begin (), volumes.end ());
    const double least = *std::min_element (volumes.begin (), volumes.end ());
    double low = most, high = sum;
    if (kind == Boolean::Cut) {
        low = std::max (0.0, 2 * volumes[0] - sum);
        high = volumes[0];
    } else if (kind == Boolean::Common) {
        low = 0;
        high = least;
    }
    const double slack = VOLUME_SLACK * high;
    if (made >= low - slack && made <= high + slack)
        return "";
    return format ("its volume is %.6g mm3 but must lie between %.6g and %.6g",
                   made, low, high);
}

/* ---- Points ------------------------------------------------------------- */

/*  Solids that say whether a point is inside one of them.  */
class Inside
{
  public:
    explicit Inside (const TopoDS_Shape &shape) : whole (shape)
    {
        for (TopExp_Explorer it (shape, TopAbs_SOLID); it.More (); it.Next ()) {
            Bnd_Box box;
            BRepBndLib::Add (it.Current (), box);
            solids.push_back (it.Current ());
            boxes.push_back (box);
        }
        loaded.resize (solids.size ());
    }
    TopAbs_State of (const gp_Pnt &point)
    {
        TopAbs_State state = TopAbs_OUT;
        for (size_t at = 0; at < solids.size (); at++) {
            if (boxes[at].IsOut (point))
                continue;
            if (!loaded[at])
                loaded[at] =
                    std::make_unique<BRepClass3d_SolidClassifier> (solids[at]);
            loaded[at]->Perform (point, ON);
            if (loaded[at]->State () == TopAbs_ON ||
                loaded[at]->State () == TopAbs_UNKNOWN)
                return TopAbs_ON;
            if (loaded[at]->State () == TopAbs_IN)
                state = TopAbs_IN;
        }
        return state;
    }

    /*  Not inside and not on it. The classifier may take a point on an edge
     *  for one outside, so the distance has the last word.  */
    bool without (const gp_Pnt &point)
    {
        if (far (point))
            return true;
        if (of (point) != TopAbs_OUT)
            return false;
        BRepExtrema_DistShapeShape extrema (
            BRepBuilderAPI_MakeVertex (point).Vertex (), whole);
        return extrema.IsDone () && extrema.Value () > ON;
    }

  private:
    bool far (gp_Pnt point) const
    {
        Bnd_Box near (point, point);
        near.SetGap (ON);
        return std::all_of (boxes.begin (), boxes.end (),
                            [&] (const Bnd_Box &box) {
                                return box.IsOut (near);
                            });
    }
    TopoDS_Shape whole;
    std::vector<TopoDS_Shape> solids;
    std::vector<Bnd_Box> boxes;
    std::vector<std::unique_ptr<BRepClass3d_SolidClassifier>> loaded;
};

/*  Where the result has to be, ON when a border is near.  */
static TopAbs_State s_expected (Boolean kind, std::deque<Inside> &operands,
                                const gp_Pnt &point)
{
    size_t in = 0;
    bool first = false;
    for (size_t at = 0; at < operands.size (); at++) {
        const TopAbs_State state = operands[at].of (point);
        if (state == TopAbs_ON)
            return TopAbs_ON;
        in += state == TopAbs_IN;
        first = first || (at == 0 && state == TopAbs_IN);
    }
    const bool inside = kind == Boolean::Fuse  ? in > 0
                        : kind == Boolean::Cut ? first && in == 1
                                               : in == operands.size ();
    return inside ? TopAbs_IN : TopAbs_OUT;
}

static double s_halton (size_t index, unsigned base)
{
    double fraction = 1, value = 0;
    for (; index; index /= base) {
        fraction /= base;
        value += fraction * (double) (index % base);
    }
    return value;
}

static gp_Pnt s_point (const Bnd_Box &box, size_t index)
{
    const gp_XYZ low = box.CornerMin ().XYZ (),
                 size = box.CornerMax ().XYZ () - low;
    return gp_Pnt (low.X () + size.X () * s_halton (index, 2),
                   low.Y () + size.Y () * s_halton (index, 3),
                   low.Z () + size.Z () * s_halton (index, 5));
}

/*  A classifier can be wrong as well (a ray that grazes an edge): only what
 *  three neighbours agree on counts.  */
static bool s_differs (Boolean kind, std::deque<Inside> &operands,
                       Inside &made, const gp_Pnt &point, double near)
{
    for (int at = 0; at < 3; at++) {
        const gp_Pnt probe = point.Translated (
            gp_Vec (near * at, near * 0.7 * (at == 1), -near * 0.4 * at));
        const TopAbs_State expected = s_expected (kind, operands, probe);
        const TopAbs_State found = made.of (probe);
        if (expected == TopAbs_ON || found == TopAbs_ON || expected == found)
            return false;
    }
    return true;
}

/* ---- Points on the surface ---------------------------------------------- */

/*  Corners and middles of edges, at most `most`, spread over the shape.  */
static std::vector<gp_Pnt> s_on (const TopoDS_Shape &shape, size_t most)
{
    TopTools_IndexedMapOfShape edges;
    TopExp::MapShapes (shape, TopAbs_EDGE, edges);
    std::vector<gp_Pnt> points;
    const int count = edges.Extent ();
    const int step = std::max (1, count / (int) std::max<size_t> (1, most / 2));
    for (int at = count; at >= 1 && points.size () + 1 < most; at -= step) {
        const TopoDS_Edge edge = TopoDS::Edge (edges (at));
        if (BRep_Tool::Degenerated (edge))
            continue;
        BRepAdaptor_Curve curve (edge);
        const double from = curve.FirstParameter (),
                     to = curve.LastParameter ();
        points.push_back (curve.Value (to));
        points.push_back (curve.Value ((from + to) / 2));
    }
    return points;
}

/*  The surface of a union holds or hides that of each operand, what is left
 *  of a cut has the corners that no tool touched, and so on.  */
static bool s_lost (Boolean kind, const std::vector<Operand> &operands,
                    std::deque<Inside> &insides, const TopoDS_Shape &made,
                    Inside &result, gp_Pnt &where)
{
    const size_t each = std::max<size_t> (4, 2 * POINTS / operands.size ());
    size_t left = 2 * POINTS;
    if (kind != Boolean::Fuse)
        for (const gp_Pnt &point : s_on (made, POINTS))
            for (size_t at = 0; at < insides.size (); at++)
                if ((kind == Boolean::Common || at == 0) &&
                    insides[at].without (point)) {
                    where = point;
                    return true;
                }
    if (kind == Boolean::Common)
        return false;
    for (size_t at = 0; at < operands.size () && left; at++) {
        if (kind == Boolean::Cut && at > 0)
            break;
        for (const gp_Pnt &point : s_on (operands[at].shape, each)) {
            if (left == 0)
                break;
            left--;
            bool cut = false;
            for (size_t tool = 1; kind == Boolean::Cut && tool < insides.size ();
                 tool++)
                cut = cut || !insides[tool].without (point);
            if (!cut && result.without (point)) {
                where = point;
                return true;
            }
        }
    }
    return false;
}

std::string wrong_boolean (const Call &call, Boolean kind,
                           const std::vector<Operand> &operands,
                           const TopoDS_Shape &made)
{
    std::vector<double> volumes;
    std::deque<Inside> insides;
    std::vector<Bnd_Box> boxes;
    size_t faces = (size_t) count_of (made, TopAbs_FACE);
    for (const Operand &operand : operands) {
        volumes.push_back (call.run.volumes.of (operand.shape));
        if (!(volumes.back () > 0))
            return "";
        faces += (size_t) count_of (operand.shape, TopAbs_FACE);
    }
    const std::string text = s_wrong_volume (kind, volumes, call.run.volumes.of (made));
    if (!text.empty () || faces > FACES_MAX)
        return text;
    for (const Operand &operand : operands) {
        insides.emplace_back (operand.shape);
        boxes.emplace_back ();
        BRepBndLib::Add (operand.shape, boxes.back ());
    }
    Inside result (made);
    gp_Pnt lost;
    if (s_lost (kind, operands, insides, made, result, lost))
        return format ("its surface does not fit that of the shapes at "
                       "[%.6g, %.6g, %.6g]", lost.X (), lost.Y (), lost.Z ());
    for (size_t at = 0; at < POINTS; at++) {
        call.poll ();
        const Bnd_Box &box = boxes[at % boxes.size ()];
        const gp_Pnt point = s_point (box, at + 1);
        if (s_differs (kind, insides, result, point,
                       1e-3 * std::sqrt (box.SquareExtent ())))
            return format ("the point [%.6g, %.6g, %.6g] is on the wrong side "
                           "of it", point.X (), point.Y (), point.Z ());
    }
    return "";
}

} // namespace fcj
