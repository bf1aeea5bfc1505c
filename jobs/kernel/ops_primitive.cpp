/*  ops_primitive.cpp - solids from plain numbers.  */

#include "call.hpp"
#include "verify.hpp"

#include <BRepBuilderAPI_MakeFace.hxx>
#include <BRepBuilderAPI_MakePolygon.hxx>
#include <BRepPrimAPI_MakeBox.hxx>
#include <BRepPrimAPI_MakeCone.hxx>
#include <BRepPrimAPI_MakeCylinder.hxx>
#include <BRepPrimAPI_MakePrism.hxx>
#include <BRepPrimAPI_MakeSphere.hxx>
#include <BRepPrimAPI_MakeTorus.hxx>
#include <BRepPrimAPI_MakeWedge.hxx>
#include <cmath>

namespace fcj {

static const double RADIANS = M_PI / 180;

static Param s_sizes (const char *text, size_t count)
{
    Param made = length ("size", text);
    made.kind = Kind::Numbers;
    return made.count (count, count).must ();
}

static Param s_angle ()
{
    return angle ("angle", "How far around the axis")
        .within (1e-6, 360)
        .otherwise ("360");
}

static void s_solid (Call &call, BRepBuilderAPI_MakeShape &&builder)
{
    builder.Build ();
    accept (call, builder.Shape ());
}

static void s_box (Call &call)
{
    const std::vector<double> size = call.numbers ("size");
    gp_Ax2 place = call.place ();
    if (call.flag ("centered"))
        place.Translate (gp_Vec (place.XDirection ()) * (-size[0] / 2) +
                         gp_Vec (place.YDirection ()) * (-size[1] / 2) +
                         gp_Vec (place.Direction ()) * (-size[2] / 2));
    s_solid (call, BRepPrimAPI_MakeBox (place, size[0], size[1], size[2]));
}

static void s_sphere (Call &call)
{
    const double from = call.number ("from"), to = call.number ("to");
    if (from >= to)
        invalid ("argument", "from must be less than to", "from");
    if (from == -90 && to == 90 && call.number ("angle") == 360)
        s_solid (call,
                 BRepPrimAPI_MakeSphere (call.place (), call.number ("radius")));
    else
        s_solid (call, BRepPrimAPI_MakeSphere (
                           call.place (), call.number ("radius"),
                           from * RADIANS, to * RADIANS,
                           call.number ("angle") * RADIANS));
}

static void s_cylinder (Call &call)
{
    const double radius = call.number ("radius"),
                 height = call.number ("height"), turn = call.number ("angle");
    if (turn == 360)
        s_solid (call,
                 BRepPrimAPI_MakeCylinder (call.place (), radius, height));
    else
        s_solid (call, BRepPrimAPI_MakeCylinder (call.place (), radius, height,
                                                 turn * RADIANS));
}

static void s_cone (Call &call)
{
    const double one = call.number ("radius1"), other = call.number ("radius2"),
                 height = call.number ("height"), turn = call.number ("angle");
    if (std::abs (one - other) < 1e-7)
        invalid ("argument", "radius1 and radius2 of a cone must differ; the "
                             "same radius makes a cylinder", "radius2");
    if (turn == 360)
        s_solid (call,
                 BRepPrimAPI_MakeCone (call.place (), one, other, height));
    else
        s_solid (call, BRepPrimAPI_MakeCone (call.place (), one, other, height,
                                             turn * RADIANS));
}

static void s_torus (Call &call)
{
    const double ring = call.number ("radius1"), tube = call.number ("radius2"),
                 turn = call.number ("angle");
    if (tube >= ring)
        invalid ("argument", "radius2 (the tube) must be less than radius1 "
                             "(the ring), or the torus crosses itself",
                 "radius2");
    if (turn == 360)
        s_solid (call, BRepPrimAPI_MakeTorus (call.place (), ring, tube));
    else
        s_solid (call, BRepPrimAPI_MakeTorus (call.place (), ring, tube,
                                              turn * RADIANS));
}

static void s_wedge (Call &call)
{
    const std::vector<double> size = call.numbers ("size"),
                              top = call.numbers ("top");
    if (top[0] > top[2] || top[1] > top[3])
        invalid ("argument", "top is [xmin, zmin, xmax, zmax], each maximum at "
                             "least its minimum", "top");
    s_solid (call, BRepPrimAPI_MakeWedge (call.place (), size[0], size[1],
                                          size[2], top[0], top[1], top[2],
                                          top[3]));
}

static void s_prism (Call &call)
{
    const gp_Ax2 place = call.place ();
    const int sides = call.integer ("sides");
    const double radius = call.number ("radius");
    BRepBuilderAPI_MakePolygon outline;
    for (int side = 0; side < sides; side++) {
        const double turn = 2 * M_PI * side / sides;
        outline.Add (place.Location ().Translated (
            gp_Vec (place.XDirection ()) * (radius * std::cos (turn)) +
            gp_Vec (place.YDirection ()) * (radius * std::sin (turn))));
    }
    outline.Close ();
    const TopoDS_Face base = BRepBuilderAPI_MakeFace (outline.Wire (), true);
    s_solid (call,
             BRepPrimAPI_MakePrism (base, gp_Vec (place.Direction ()) *
                                              call.number ("height")));
}

static Op s_op (const char *name, const char *title, const Params &params,
                void (*run) (Call &))
{
    Op op{name, "solids", title, params + placed (), run};
    op.weight = 0.2;
    op.memo = false;
    return op;
}

std::vector<Op> primitive_ops ()
{
    Param top = number ("top", "[xmin, zmin, xmax, zmax] of the face at y = "
                               "size y");
    top.kind = Kind::Numbers;
    const Param radius = length ("radius", "Radius").must ();
    const Param height = length ("height", "Height along the axis").must ();
    return {
        s_op ("box", "Box",
              {s_sizes ("[x, y, z]", 3),
               flag ("centered", "`at` is its centre, not its corner", false)},
              s_box),
        s_op ("sphere", "Sphere",
              {radius,
               angle ("from", "Lowest latitude").within (-90, 90).otherwise ("-90"),
               angle ("to", "Highest latitude").within (-90, 90).otherwise ("90"),
               s_angle ()},
              s_sphere),
        s_op ("cylinder", "Cylinder", {radius, height, s_angle ()}, s_cylinder),
        s_op ("cone", "Cone",
              {length ("radius1", "Radius below").within (0, 1e7).must (),
               length ("radius2", "Radius above").within (0, 1e7).must (),
               height, s_angle ()},
              s_cone),
        s_op ("torus", "Torus",
              {length ("radius1", "Radius of the ring").must (),
               length ("radius2", "Radius of the tube").must (), s_angle ()},
              s_torus),
        s_op ("wedge", "Wedge",
              {s_sizes ("[x, y, z] of its box", 3), top.count (4, 4).must ()},
              s_wedge),
        s_op ("prism", "Prism with a regular polygon as base",
              {integer ("sides", "Number of sides", 3, 1000).must (),
               length ("radius", "Radius of the corners").must (), height},
              s_prism)};
}

} // namespace fcj
