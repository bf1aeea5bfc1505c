/*  ops_look.cpp - names, colours and assemblies.  */

#include "call.hpp"
#include "verify.hpp"

#include <TopLoc_Location.hxx>
#include <cmath>

namespace fcj {

static void s_dress (const Arguments &arguments, Look &look)
{
    if (arguments.has ("name"))
        look.name = arguments.text ("name");
    if (arguments.has ("color")) {
        const std::vector<double> color = arguments.numbers ("color");
        look.colored = true;
        look.color = {color[0], color[1], color[2]};
    }
}

static void s_label (Call &call)
{
    const Operand operand = call.shape ();
    call.made = *operand.value;
    call.made.shape = operand.shape;
    s_dress (call, call.made.looks.at (operand.shape));
}

static TopLoc_Location s_place (const Arguments &part)
{
    gp_Trsf place;
    place.SetTranslation (part.vector ("at"));
    for (const Arguments &rotate : part.objects ("rotate")) {
        gp_Trsf turn;
        turn.SetRotation (
            gp_Ax1 (gp::Origin (), rotate.direction ("axis")),
            rotate.number ("angle") * M_PI / 180);
        place = place * turn;
    }
    return TopLoc_Location (place);
}

static void s_assemble (Call &call)
{
    std::vector<TopoDS_Shape> shapes;
    std::vector<Arguments> parts = call.objects ("parts");
    call.made.valid = true;
    for (size_t at = 0; at < parts.size (); at++) {
        const Operand operand = call.operand (
            parts[at].text ("shape"), format ("parts[%zu].shape", at));
        shapes.push_back (operand.shape.Moved (s_place (parts[at])));
        call.made.looks.add (operand.value->looks);
        call.made.valid = call.made.valid && operand.valid;
    }
    call.made.shape = compound_of (shapes);
    Look &whole = call.made.looks.at (call.made.shape);
    whole.assembly = true;
    whole.name = call.text ("name");
    for (size_t at = 0; at < parts.size (); at++) {
        /* One part may stand in several places, so the place has the name;
           a part that has none yet takes it as well.  */
        Look &own = call.made.looks.at (shapes[at]);
        if (own.name.empty () && parts[at].has ("name"))
            own.name = parts[at].text ("name");
        Look &here = call.made.looks.at (call.made.shape, (int) at);
        here.name = own.name;
        s_dress (parts[at], here);
        if (parts[at].has ("color") && !own.colored)
            s_dress (Arguments (parts[at]), own);
    }
}

static Op s_op (const char *name, const char *title, const Params &params,
                void (*run) (Call &))
{
    Op op{name, "files", title, params, run};
    op.weight = 0.3;
    op.memo = false;
    return op;
}

std::vector<Op> look_ops ()
{
    const Params dress = {text ("name", "Its name"), color ()};
    const Params rotate = {direction ("axis", "Through the origin", "[0, 0, 1]"),
                           angle ("angle", "Anticlockwise").must ()};
    const Params part = Params{ref ("shape", "The part")} + dress +
                        Params{point ("at", "Where"),
                               object ("rotate", Kind::Object, "Turned by",
                                       rotate)};
    return {
        s_op ("label", "Name and colour a shape", Params{shape ()} + dress,
              s_label),
        s_op ("assemble", "Assembly of parts, each in its place",
              {object ("parts", Kind::Objects, "The parts", part).must (),
               text ("name", "Of the assembly").otherwise ("\"assembly\"")},
              s_assemble)};
}

} // namespace fcj
