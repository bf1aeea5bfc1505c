/*  ops_place.cpp - mirror, transform, pattern: the same shape elsewhere.  */

#include "boolean.hpp"
#include "call.hpp"
#include "verify.hpp"

#include <BRepBuilderAPI_GTransform.hxx>
#include <BRepBuilderAPI_Transform.hxx>
#include <TopoDS_Iterator.hxx>
#include <algorithm>
#include <cmath>
#include <gp_GTrsf.hxx>

namespace fcj {

static const double RADIANS = M_PI / 180;
static const double SMALL_SCALE = 1e-6;

/*  Looks of the parts that were copied follow their images.  */
template <class Builder>
static void s_take (Call &call, const Operand &operand, Builder &builder)
{
    call.made.looks.add (operand.value->looks);
    call.made.looks.follow (
        operand.shape, [&] (const TopoDS_Shape &part) -> const auto & {
            return builder.Modified (part);
        });
    const TopoDS_Shape made = builder.Shape ();
    if (const Look *look = operand.value->looks.find (operand.shape)) {
        const Look copy = *look;
        call.made.looks.at (made) = copy;
    }
    accept (call, made);
}

static void s_mirror (Call &call)
{
    const Operand operand = call.shape ();
    gp_Trsf trsf;
    trsf.SetMirror (gp_Ax2 (call.point ("at"), call.direction ("normal")));
    BRepBuilderAPI_Transform builder (operand.shape, trsf, true);
    s_take (call, operand, builder);
    if (call.flag ("keep")) {
        call.made.shape = compound_of ({operand.shape, call.made.shape});
        call.made.valid = call.made.valid && operand.valid;
    }
}

/* ---- Transform ---------------------------------------------------------- */

static void s_matrix (Call &call, const Operand &operand)
{
    const std::vector<double> values = call.numbers ("matrix");
    if (values.size () != 12 && values.size () != 16)
        invalid ("argument", "matrix has 12 or 16 numbers, by rows", "matrix");
    if (values.size () == 16 && (values[12] != 0 || values[13] != 0 ||
                                 values[14] != 0 || values[15] != 1))
        invalid ("argument", "the last row of matrix must be 0, 0, 0, 1",
                 "matrix");
    gp_GTrsf matrix;
    for (int row = 1; row <= 3; row++)
        for (int column = 1; column <= 4; column++)
            matrix.SetValue (row, column,
                             values[(size_t) ((row - 1) * 4 + column - 1)]);
    const double size = std::abs (matrix.VectorialPart ().Determinant ());
    if (size < SMALL_SCALE * SMALL_SCALE)
        invalid ("argument", "this matrix flattens the shape (determinant 0)",
                 "matrix");
    BRepBuilderAPI_GTransform builder (operand.shape, matrix, true);
    s_take (call, operand, builder);
}

static gp_Trsf s_rotation (const Arguments &rotate)
{
    gp_Trsf trsf;
    trsf.SetRotation (gp_Ax1 (rotate.point ("at"), rotate.direction ("axis")),
                      rotate.number ("angle") * RADIANS);
    return trsf;
}

static void s_stretch (Call &call, const Operand &operand, const gp_Trsf &after)
{
    const std::vector<double> scale = call.numbers ("scale");
    gp_GTrsf matrix;
    for (int at = 0; at < 3; at++) {
        if (std::abs (scale[(size_t) at]) < SMALL_SCALE)
            invalid ("argument", "scale must not be 0", "scale");
        matrix.SetValue (at + 1, at + 1, scale[(size_t) at]);
    }
    matrix.PreMultiply (gp_GTrsf (after));
    BRepBuilderAPI_GTransform builder (operand.shape, matrix, true);
    s_take (call, operand, builder);
}

static void s_transform (Call &call)
{
    const Operand operand = call.shape ();
    if (call.has ("matrix")) {
        s_matrix (call, operand);
        return;
    }
    gp_Trsf place;
    place.SetTranslation (call.vector ("translate"));
    for (const Arguments &rotate : call.objects ("rotate"))
        place = place * s_rotation (rotate);
    json_t *scale = call.get ("scale");
    if (json_is_array (scale)) {
        s_stretch (call, operand, place);
        return;
    }
    const double factor = scale ? json_number_value (scale) : 1;
    if (std::abs (factor) < SMALL_SCALE)
        invalid ("argument", "scale must not be 0", "scale");
    if (factor == 1) {          /* only placed: no geometry is copied */
        call.made = *operand.value;
        call.made.shape = operand.shape.Moved (TopLoc_Location (place));
        return;
    }
    gp_Trsf grow;
    grow.SetScale (gp::Origin (), factor);
    BRepBuilderAPI_Transform builder (operand.shape, place * grow, true);
    s_take (call, operand, builder);
}

/* ---- Pattern ------------------------------------------------------------ */

/*  A pattern of patterns counts what is in it, however it is shared.  */
static long long s_members (const TopoDS_Shape &shape, long long most)
{
    if (shape.ShapeType () != TopAbs_COMPOUND)
        return 1;
    long long all = 0;
    for (TopoDS_Iterator it (shape); it.More () && all <= most; it.Next ())
        all += s_members (it.Value (), most);
    return std::max (1LL, all);
}

static std::vector<int> s_counts (const Call &call, size_t least)
{
    std::vector<int> counts;
    for (double value : call.numbers ("count"))
        counts.push_back ((int) value);
    if (counts.size () < least)
        invalid ("argument", format ("count must be a list of %zu to 3 whole "
                                     "numbers", least), "count");
    long long all = 1;
    for (int count : counts)
        all *= count;
    if (all > FCJ_KERNEL_COPIES_MAX)
        invalid ("limit", format ("the pattern has %lld copies, at most %d are "
                                  "allowed", all, FCJ_KERNEL_COPIES_MAX),
                 "count");
    counts.resize (3, 1);
    return counts;
}

static std::vector<gp_Trsf> s_circle (const Call &call)
{
    const int count = s_counts (call, 1)[0];
    const double angle = call.number ("angle") * RADIANS;
    const bool whole = std::abs (std::abs (angle) - 2 * M_PI) < 1e-9;
    const double step = count > 1 ? angle / (whole ? count : count - 1) : 0;
    std::vector<gp_Trsf> all;
    for (int at = 0; at < count; at++) {
        gp_Trsf trsf;
        trsf.SetRotation (gp_Ax1 (call.point ("at"), call.direction ("axis")),
                          step * at);
        all.push_back (trsf);
    }
    return all;
}

static std::vector<gp_Trsf> s_grid (const Call &call, bool line)
{
    if (!call.has ("step"))
        invalid ("argument", "this pattern needs a step", "step");
    const std::vector<int> counts = s_counts (call, line ? 1 : 2);
    const gp_Vec step = call.vector ("step");
    std::vector<gp_Trsf> all;
    for (int z = 0; z < (line ? 1 : counts[2]); z++)
        for (int y = 0; y < (line ? 1 : counts[1]); y++)
            for (int x = 0; x < counts[0]; x++) {
                gp_Trsf trsf;
                trsf.SetTranslation (
                    line ? step * x
                         : gp_Vec (step.X () * x, step.Y () * y, step.Z () * z));
                all.push_back (trsf);
            }
    return all;
}

static void s_pattern (Call &call)
{
    const Operand operand = call.shape ();
    const std::vector<gp_Trsf> places =
        call.is ("kind", "circular") ? s_circle (call)
                                     : s_grid (call, call.is ("kind", "linear"));
    const long long members =
        s_members (operand.shape, FCJ_KERNEL_COPIES_MAX);
    if (members * (long long) places.size () > FCJ_KERNEL_COPIES_MAX)
        invalid ("limit", format ("%zu copies of %lld shapes are more than the "
                                  "%d that are allowed", places.size (),
                                  members, FCJ_KERNEL_COPIES_MAX), "count");
    std::vector<Operand> copies;
    std::vector<TopoDS_Shape> shapes;
    for (const gp_Trsf &place : places) {
        shapes.push_back (operand.shape.Moved (TopLoc_Location (place)));
        copies.push_back ({shapes.back (), operand.value,
                           format ("copy %zu", shapes.size ()), operand.valid});
    }
    if (call.is ("combine", "fuse")) {
        fuse (call, copies);
        return;
    }
    call.made.looks = operand.value->looks;
    call.made.shape = compound_of (shapes);
    call.made.valid = operand.valid;
}

static Op s_op (const char *name, const char *title, const Params &params,
                void (*run) (Call &), double weight, bool memo)
{
    Op op{name, "placing", title, params, run};
    op.weight = weight;
    op.memo = memo;
    return op;
}

std::vector<Op> place_ops ()
{
    Param scale = number ("scale", "Factor, or one each for x, y, z")
                      .within (-1e6, 1e6);
    scale.kind = Kind::Scale;
    Param matrix = number ("matrix", "12 or 16 numbers, by rows");
    matrix.kind = Kind::Numbers;
    Param count = integer ("count", "How many, the first included; grid: of "
                                    "x, y, z", 1, FCJ_KERNEL_COPIES_MAX);
    count.kind = Kind::Integers;
    const Params rotate = {
        direction ("axis", "The axis", "[0, 0, 1]"),
        angle ("angle", "Anticlockwise").within (-36000, 36000).must (),
        point ("at", "On the axis")};
    return {
        s_op ("mirror", "Mirrored at a plane",
              {shape (), point ("at", "On the plane"),
               direction ("normal", "Of the plane", nullptr).must (),
               flag ("keep", "Together with the original", false)},
              s_mirror, 1, false),
        s_op ("transform", "Scaled, turned, moved, in this order",
              {shape (), scale, object ("rotate", Kind::Object, "Turn", rotate),
               point ("translate", "Move by"), matrix.count (12, 16)},
              s_transform, 1, false),
        s_op ("pattern", "Copies in a line, circle or grid",
              Params{shape (),
                     choice ("kind", "Of what form",
                             {"linear", "circular", "grid"}, nullptr)
                         .must (),
                     count.must (),
                     direction ("step", "From one to the next; grid: in x, y, z",
                                nullptr),
                     angle ("angle", "Circular: from the first to the last, 360 "
                                     "all around")
                         .otherwise ("360"),
                     choice ("combine", "What to make", {"compound", "fuse"},
                             "compound")} +
                  placed (),
              s_pattern, 3, true)};
}

} // namespace fcj
