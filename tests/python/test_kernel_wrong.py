"""What OpenCASCADE calls valid and is wrong all the same: flat solids, solids
that run through themselves, offsets that went through the middle. The native
kernel answers with an error that says so. And what only looks like it passes.
"""

import math

import pytest

import fcj_kernel
from fcj import freecad

freecad.load()

import Part  # noqa: E402
from FreeCAD import Vector  # noqa: E402


def run(*steps, **inputs):
    return fcj_kernel.run(list(steps), inputs)


def refused(*steps, **inputs):
    """The problem of the pipeline's error."""
    with pytest.raises(fcj_kernel.KernelError) as caught:
        run(*steps, **inputs)
    return caught.value.error["problem"]


def polygon(*points):
    return Part.makePolygon([Vector(*point) for point in (*points, points[0])])


def circle(radius, at=(0, 0, 0), axis=(0, 0, 1)):
    return Part.Wire([Part.makeCircle(radius, Vector(*at), Vector(*axis))])


def bend(radius):
    """Half a circle that starts upwards at the origin."""
    return Part.Wire([Part.Arc(Vector(), Vector(radius, 0, radius),
                               Vector(2 * radius, 0, 0)).toShape()])


def slot():
    """A block with a slot that is 10 mm wide."""
    return Part.makeBox(30, 10, 30).cut(Part.makeBox(10, 10, 20, Vector(10, 0, 10)))


BOX = Part.makeBox(10, 10, 10)
SQUARE = polygon((0, 0, 0), (10, 0, 0), (10, 10, 0), (0, 10, 0))


@pytest.mark.parametrize("shape, distance", [
    (BOX, -5), (BOX, -5.01), (BOX, -6), (BOX, -9), (BOX, -20), (Part.makeCylinder(5, 20), -6),
    (Part.makeTorus(10, 3), 8), (slot(), 5), (slot(), 6)])
def test_an_offset_that_collapses_or_meets_itself_is_an_error(shape, distance):
    assert refused({"op": "offset", "shape": "$a", "distance": distance, "join": "intersection"},
                   a=shape) in ("empty_result", "self_intersection", "wrong_volume")


def test_an_offset_up_to_there_is_right():
    made = run({"op": "offset", "shape": "$a", "distance": -4.99, "join": "intersection"}, a=BOX)
    assert made.shape.Volume == pytest.approx(0.02 ** 3)
    made = run({"op": "offset", "shape": "$a", "distance": 4.9, "join": "intersection"}, a=slot())
    assert made.shape.Volume == pytest.approx(39.8 * 19.8 * 39.8 - 0.2 * 19.8 * 20)


def test_a_wall_thicker_than_the_part_is_an_error():
    step = {"op": "thickness", "shape": "$a", "faces": ["Face2"]}
    pipe = Part.makeCylinder(5, 20)
    assert refused({**step, "thickness": -6}, a=pipe) == "self_intersection"
    assert run({**step, "thickness": -4.99}, a=pipe).shape.Volume == pytest.approx(
        math.pi * (25 * 20 - 0.01 ** 2 * 15.01))
    for wall in (0.5, 0.005):
        made = run({**step, "thickness": -wall, "faces": ["Face6"]}, a=BOX).shape
        assert made.Volume == pytest.approx(1000 - (10 - 2 * wall) ** 2 * (10 - wall))


@pytest.mark.parametrize("step, shapes", [
    ({"op": "extrude", "shape": "$a", "vector": [5, 0, 0]}, {"a": SQUARE}),
    ({"op": "revolve", "shape": "$a"}, {"a": polygon((2, 2, 0), (5, 2, 0), (5, 5, 0))}),
    ({"op": "loft", "profiles": ["$a", "$b"]}, {"a": circle(5), "b": circle(3)}),
    ({"op": "sweep", "profiles": "$a", "spine": "$b"},
     {"a": circle(1, axis=(1, 0, 0)), "b": Part.makePolygon([Vector(), Vector(0, 0, 10)])})])
def test_a_solid_without_volume_is_an_error(step, shapes):
    assert refused(step, **shapes) == "wrong_volume"


def test_a_thin_solid_is_none_without_volume():
    assert run({"op": "extrude", "shape": "$a", "length": 1e-5}, a=SQUARE).shape.isValid()


@pytest.mark.parametrize("profile, spine, more", [
    (circle(5), bend(4), {}), (circle(5), bend(1), {}),
    (circle(1), Part.makePolygon([Vector(), Vector(0, 0, 10), Vector(10, 0, 10)]), {}),
    (circle(3), Part.makePolygon([Vector(), Vector(0, 0, 10), Vector(1, 0, 10), Vector(1, 0, 20)]),
     {"transition": "round"}),
    (circle(1, (10, 0, 0), (0, 1, 0)), Part.makeHelix(1.5, 4.5, 10), {"mode": "frenet"})],
    ids=["bend", "sharp bend", "corner", "short leg", "helix"])
def test_a_sweep_that_runs_through_itself_is_an_error(profile, spine, more):
    assert refused({"op": "sweep", "profiles": "$p", "spine": "$s", **more},
                   p=profile, s=spine) == "self_intersection"


def test_a_sweep_that_just_does_not_is_right():
    made = run({"op": "sweep", "profiles": "$p", "spine": "$s"}, p=circle(5), s=bend(6))
    assert made.shape.Volume == pytest.approx(math.pi ** 2 * 25 * 6)
    made = run({"op": "sweep", "profiles": "$p", "spine": "$s", "mode": "frenet"},
               p=circle(1, (10, 0, 0), (0, 1, 0)), s=Part.makeHelix(4, 8, 10))
    assert made.shape.isValid()


@pytest.mark.parametrize("ruled", [True, False])
def test_a_loft_that_folds_back_is_an_error(ruled):
    profiles = {"a": circle(5), "b": circle(5, (0, 0, 10)), "c": circle(5, (0, 0, 5))}
    assert refused({"op": "loft", "profiles": ["$a", "$b", "$c"], "ruled": ruled},
                   **profiles) == "self_intersection"


def test_a_twisted_loft_is_right():
    turned = polygon((-5, -5, 10), (5, -5, 10), (5, 5, 10), (-5, 5, 10))
    turned.rotate(Vector(), Vector(0, 0, 1), 45)
    square = polygon((-5, -5, 0), (5, -5, 0), (5, 5, 0), (-5, 5, 0))
    made = run({"op": "loft", "profiles": ["$a", "$b"], "ruled": True}, a=square, b=turned)
    assert made.shape.Volume == pytest.approx(Part.makeLoft([square, turned], True, True).Volume)


@pytest.mark.parametrize("hole", [{"at": [50, 0, 0]}, {"at": [0, 0, 3]}, {"at": [5, 0, 0]}],
                         ids=["outside", "off the plane", "crossing"])
def test_a_hole_that_is_none_is_an_error(hole):
    assert refused({"id": "o", "op": "circle", "radius": 5},
                   {"id": "h", "op": "circle", "radius": 1, **hole},
                   {"op": "face", "shape": "$o", "holes": "$h"}) in ("not_planar", "invalid_result")


def test_an_outline_on_one_line_is_no_face():
    assert refused({"op": "polygon", "points": [[0, 0], [1, 0], [2, 0]], "as": "face"}) == "argument"


def test_the_offset_of_a_face_with_a_hole_is_one():
    ring = Part.Face([circle(5), circle(2)])
    made = run({"op": "offset2d", "shape": "$a", "distance": 1}, a=ring).shape
    assert made.ShapeType == "Face" and made.Area == pytest.approx(math.pi * (36 - 1))


def test_patterns_of_patterns_are_bounded():
    row = {"op": "pattern", "kind": "linear", "count": 3000}
    assert refused({"op": "box", "size": [1, 1, 1]}, {**row, "step": [2, 0, 0]},
                   {**row, "step": [0, 2, 0]}) == "limit"


def test_the_way_of_an_extrusion_is_checked():
    for way in ({"length": 0}, {"vector": [0, 0, 1e-9]}):
        assert refused({"op": "extrude", "shape": "$a", **way}, a=SQUARE) == "argument"


def hole(radius, x, y, z=0, inwards=True):
    wire = circle(radius, (x, y, z))
    if inwards:
        wire.reverse()
    return wire


def corner(x, y):
    wire = polygon((x, y, 0), (x + 1, y, 0), (x + 1, y + 1, 0), (x, y + 1, 0))
    wire.reverse()
    return wire


TWICE = hole(1, 4, 4)
HOLES = {"good": [], "near": [hole(.5, 16, 16)], "crossing": [hole(3, 14, 10)],
         "nested": [hole(1, 10, 10)], "around one": [hole(5, 10, 10)],
         "around many": [hole(20, 46, 46)], "outside": [hole(3, 150, 10)],
         "across the outline": [hole(3, 100, 50)], "wrong way": [hole(1, 4, 4, inwards=False)],
         "twice": [TWICE, TWICE], "off the plane": [hole(1, 4, 4, 2)],
         "corners that touch": [corner(1, 1), corner(2, 2)]}


@pytest.mark.parametrize("name", HOLES)
def test_a_face_with_many_holes_is_judged_as_brepcheck_does(name):
    """Which is done in groups; FreeCAD's isValid does it at once."""
    holes = [hole(3, 10 + 12 * i, 10 + 12 * j) for i in range(7) for j in range(7)]
    face = Part.makePlane(100, 100)
    face.cutHoles(holes + HOLES[name])
    assert len(face.Wires) >= 50
    face.rotate(Vector(), Vector(1, 1, 0), 30)
    solid = face.extrude(face.normalAt(0, 0) * 5)
    for shape in (face, face.reversed(), solid):
        step = run({"op": "check", "shape": "$a", "self_intersection": False}, a=shape)["steps"][0]
        assert step["data"]["valid"] == shape.isValid() == (name in ("good", "near"))


def test_a_plate_with_many_holes_must_be_closed():
    steps = [{"id": "plate", "op": "box", "size": [100, 100, 5]},
             {"id": "hole", "op": "cylinder", "radius": 3, "height": 5, "at": [10, 10, 0]},
             {"id": "holes", "op": "pattern", "shape": "$hole", "kind": "grid", "count": [7, 7],
              "step": [12, 12, 0]},
             {"op": "cut", "shape": "$plate", "tools": "$holes"}]
    made = run(*steps).shape
    assert made.isValid() and made.Volume == pytest.approx(5 * (1e4 - 49 * 9 * math.pi))
    for shape in (made, Part.Solid(Part.makeShell(made.Faces[1:])), Part.makeShell(made.Faces[1:])):
        step = run({"op": "check", "shape": "$a", "self_intersection": False}, a=shape)["steps"][0]
        assert step["data"]["valid"] == shape.isValid()
