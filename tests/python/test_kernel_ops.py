"""Each operation of the native kernel beside FreeCAD's own Part."""

import math

import pytest

import fcj_kernel
from fcj import freecad

freecad.load()

import FreeCAD  # noqa: E402
import Part  # noqa: E402
from FreeCAD import Vector  # noqa: E402

CLOSE = 1e-6


def run(*steps, **inputs):
    return fcj_kernel.run(list(steps), inputs)


def same(ours, theirs, tolerance=CLOSE, counts=True):
    """The same solid as far as numbers tell."""
    assert ours.isValid() and theirs.isValid()
    for name in ("Volume", "Area"):
        mine, other = getattr(ours, name), getattr(theirs, name)
        assert mine == pytest.approx(other, rel=tolerance, abs=1e-7), name
    assert len(ours.Solids) == len(theirs.Solids)
    if counts:
        assert len(ours.Faces) == len(theirs.Faces)
        assert len(ours.Edges) == len(theirs.Edges)
    for name in ("XMin", "XMax", "YMin", "YMax", "ZMin", "ZMax"):
        assert getattr(ours.BoundBox, name) == pytest.approx(
            getattr(theirs.BoundBox, name), abs=max(1e-3, tolerance * 100)), name


def box(x=10, y=10, z=10, at=(0, 0, 0)):
    return Part.makeBox(x, y, z, Vector(*at))


def cylinder(radius, height, at=(0, 0, 0), axis=(0, 0, 1)):
    return Part.makeCylinder(radius, height, Vector(*at), Vector(*axis))


SQUARE = [Vector(0, 0, 0), Vector(10, 0, 0), Vector(10, 6, 0), Vector(0, 6, 0), Vector(0, 0, 0)]
SOLIDS = {
    "box": lambda: box(10, 6, 4),
    "cylinder": lambda: cylinder(3, 8),
    "sphere": lambda: Part.makeSphere(5),
    "cone": lambda: Part.makeCone(4, 1, 6),
    "torus": lambda: Part.makeTorus(8, 2),
    "holed": lambda: box(10, 10, 4).cut(cylinder(2, 4, (5, 5, 0))).Solids[0],
    "bent": lambda: Part.makeLoft([Part.makePolygon(SQUARE),
                                   Part.Wire(Part.makeCircle(3, Vector(5, 3, 9)))], True).Solids[0],
}
solids = pytest.mark.parametrize("name", SOLIDS)


# ---- From numbers -------------------------------------------------------------

PLACE = {"at": [1, 2, 3], "axis": [1, 1, 0]}
AT, AXIS = Vector(1, 2, 3), Vector(1, 1, 0)


@pytest.mark.parametrize("step, theirs", [
    ({"op": "box", "size": [2, 3, 4]}, lambda: box(2, 3, 4)),
    ({"op": "box", "size": [2, 3, 4], "centered": True}, lambda: box(2, 3, 4, (-1, -1.5, -2))),
    ({"op": "sphere", "radius": 3, **PLACE}, lambda: Part.makeSphere(3, AT, AXIS)),
    ({"op": "sphere", "radius": 3, "from": -30, "to": 60, "angle": 200},
     lambda: Part.makeSphere(3, Vector(), Vector(0, 0, 1), -30, 60, 200)),
    ({"op": "cylinder", "radius": 3, "height": 5, **PLACE}, lambda: Part.makeCylinder(3, 5, AT, AXIS)),
    ({"op": "cylinder", "radius": 3, "height": 5, "angle": 90},
     lambda: Part.makeCylinder(3, 5, Vector(), Vector(0, 0, 1), 90)),
    ({"op": "cone", "radius1": 3, "radius2": 0, "height": 5, **PLACE},
     lambda: Part.makeCone(3, 0, 5, AT, AXIS)),
    ({"op": "torus", "radius1": 9, "radius2": 2, **PLACE}, lambda: Part.makeTorus(9, 2, AT, AXIS)),
    ({"op": "wedge", "size": [10, 8, 6], "top": [2, 1, 7, 4]},
     lambda: Part.makeWedge(0, 0, 0, 1, 2, 10, 8, 6, 4, 7)),
    ({"op": "prism", "sides": 6, "radius": 4, "height": 9},
     lambda: Part.Face(Part.makePolygon(
         [Vector(4 * math.cos(i * math.pi / 3), 4 * math.sin(i * math.pi / 3), 0)
          for i in range(7)])).extrude(Vector(0, 0, 9))),
])
def test_primitives(step, theirs):
    same(run(step).shape, theirs())


@pytest.mark.parametrize("step, theirs", [
    ({"op": "polyline", "points": [[0, 0], [3, 0], [3, 4]]},
     lambda: Part.makePolygon([Vector(), Vector(3, 0, 0), Vector(3, 4, 0)])),
    ({"op": "polyline", "points": [[0, 0], [3, 0], [3, 4]], "closed": True},
     lambda: Part.makePolygon([Vector(), Vector(3, 0, 0), Vector(3, 4, 0), Vector()])),
    ({"op": "polygon", "sides": 5, "radius": 2}, lambda: Part.makePolygon(
        [Vector(2 * math.cos(i * math.tau / 5), 2 * math.sin(i * math.tau / 5), 0) for i in range(6)])),
    ({"op": "polygon", "points": [[0, 0], [3, 0], [3, 4]], "as": "face"},
     lambda: Part.Face(Part.makePolygon([Vector(), Vector(3, 0, 0), Vector(3, 4, 0), Vector()]))),
    ({"op": "rectangle", "size": [10, 6]}, lambda: Part.makePolygon(SQUARE)),
    ({"op": "circle", "radius": 3, **PLACE}, lambda: Part.Wire(Part.makeCircle(3, AT, AXIS))),
    ({"op": "circle", "radius": 3, "as": "face"}, lambda: Part.Face(Part.Wire(Part.makeCircle(3)))),
    ({"op": "ellipse", "radius1": 5, "radius2": 2},
     lambda: Part.Wire(Part.Ellipse(Vector(), 5, 2).toShape())),
    ({"op": "arc", "points": [[1, 0], [0, 1], [-1, 0]]},
     lambda: Part.Wire(Part.Arc(Vector(1, 0, 0), Vector(0, 1, 0), Vector(-1, 0, 0)).toShape())),
    ({"op": "arc", "radius": 2, "from": 30, "to": 200},
     lambda: Part.Wire(Part.makeCircle(2, Vector(), Vector(0, 0, 1), 30, 200))),
    ({"op": "bspline", "points": [[0, 0, 0], [1, 2, 0], [3, 1, 1], [4, 4, 2]]},
     lambda: Part.Wire(_through([(0, 0, 0), (1, 2, 0), (3, 1, 1), (4, 4, 2)]).toShape())),
    ({"op": "bspline", "points": [[0, 0], [2, 0], [2, 2], [0, 2]], "closed": True},
     lambda: Part.Wire(_through([(0, 0, 0), (2, 0, 0), (2, 2, 0), (0, 2, 0)], True).toShape())),
    ({"op": "helix", "radius": 4, "pitch": 2, "height": 9}, lambda: Part.makeHelix(2, 9, 4)),
])
def test_wires_and_faces(step, theirs):
    ours, other = run(step).shape, theirs()
    assert ours.isValid() and ours.ShapeType == other.ShapeType
    assert ours.Length == pytest.approx(other.Length, rel=1e-5)
    assert ours.Area == pytest.approx(other.Area, rel=1e-6)
    assert ours.isClosed() == other.isClosed()
    assert len(ours.Vertexes) == len(other.Vertexes)


def _through(points, closed=False):
    curve = Part.BSplineCurve()
    curve.interpolate([Vector(*point) for point in points], PeriodicFlag=closed)
    return curve


def test_bspline_by_poles():
    poles = [(0, 0, 0), (1, 2, 0), (3, 1, 1), (4, 4, 2), (6, 0, 0)]
    curve = Part.BSplineCurve()
    curve.buildFromPoles([Vector(*pole) for pole in poles], False, 3)
    ours = run({"op": "bspline", "poles": [list(pole) for pole in poles]}).shape
    assert ours.Length == pytest.approx(curve.length(), rel=1e-4)
    assert ours.Vertexes[-1].Point.distanceToPoint(Vector(6, 0, 0)) < 1e-9


def test_shapes_are_put_together_and_taken_apart():
    made = run({"id": "a", "op": "polyline", "points": [[0, 0], [4, 0]]},
               {"id": "b", "op": "arc", "points": [[4, 0], [2, 3], [0, 0]]},
               {"id": "w", "op": "wire", "shapes": ["$b", "$a"]},
               {"id": "h", "op": "circle", "radius": 0.5, "at": [2, 1]},
               {"op": "face", "shape": "$w", "holes": ["$h"]})
    assert made.shape.ShapeType == "Face" and len(made.shape.Wires) == 2
    whole = Part.Face(Part.Wire([Part.makeLine((0, 0, 0), (4, 0, 0)), Part.Arc(
        Vector(4, 0, 0), Vector(2, 3, 0), Vector(0, 0, 0)).toShape()]))
    assert made.shape.Area == pytest.approx(whole.Area - math.pi / 4)


@pytest.mark.parametrize("rule, area", [("largest", 60), ("smallest", 24), ("highest", 60)])
def test_select_by_rule_and_part_by_name(rule, area):
    shape = box(10, 6, 4)
    face = run({"op": "select", "shape": "$a", "kind": "face", "rule": rule}, a=shape).shape
    assert face.Area == pytest.approx(area)
    for index in (1, 4, 6):
        by_name = run({"op": "select", "shape": f"$a.Face{index}", "kind": "face"}, a=shape).shape
        assert by_name.CenterOfMass.distanceToPoint(shape.Faces[index - 1].CenterOfMass) < 1e-9
    edge = run({"op": "select", "shape": "$a", "kind": "edge", "index": 5}, a=shape).shape
    assert edge.CenterOfMass.distanceToPoint(shape.Edges[4].CenterOfMass) < 1e-9


# ---- Features -------------------------------------------------------------------

def test_extrude_and_revolve():
    wire = Part.makePolygon(SQUARE)
    face = Part.Face(wire)
    same(run({"op": "extrude", "shape": "$w", "vector": [1, 2, 9]}, w=wire).shape,
         face.extrude(Vector(1, 2, 9)))
    same(run({"op": "extrude", "shape": "$w", "length": 9, "symmetric": True}, w=wire).shape,
         box(10, 6, 9, (0, 0, -4.5)))
    shell = run({"op": "extrude", "shape": "$w", "vector": [0, 0, 9], "solid": False}, w=wire).shape
    assert not shell.Solids and shell.Area == pytest.approx(32 * 9)
    for angle in (360, 120, -90):
        same(run({"op": "revolve", "shape": "$w", "at": [-3, 0, 0], "axis": [0, 1, 0],
                  "angle": angle}, w=wire).shape,
             face.revolve(Vector(-3, 0, 0), Vector(0, 1, 0), angle))


def profiles():
    return [Part.makePolygon(SQUARE),
            Part.makePolygon([v * 0.6 + Vector(1, 1, 7) for v in SQUARE]),
            Part.makePolygon([v * 0.9 + Vector(0, 2, 15) for v in SQUARE])]


@pytest.mark.parametrize("ruled", [False, True])
@pytest.mark.parametrize("solid", [False, True])
def test_loft(ruled, solid):
    wires = profiles()
    theirs = Part.makeLoft(wires, solid, ruled, False, 8)
    same(run({"op": "loft", "profiles": ["$a", "$b", "$c"], "solid": solid, "ruled": ruled},
             a=wires[0], b=wires[1], c=wires[2]).shape, theirs)


def test_loft_from_a_vertex_to_a_vertex():
    wire = Part.Wire(Part.makeCircle(4, Vector(0, 0, 5)))
    theirs = Part.makeLoft([Part.Vertex(0, 0, 0), wire, Part.Vertex(0, 0, 9)], True, True)
    ours = run({"id": "a", "op": "vertex"}, {"id": "b", "op": "vertex", "at": [0, 0, 9]},
               {"op": "loft", "profiles": ["$a", "$w", "$b"], "ruled": True}, w=wire)
    same(ours.shape, theirs)


@pytest.mark.parametrize("more", [
    {"smoothing": True}, {"continuity": "C1"}, {"parametrization": "uniform"},
    {"parametrization": "centripetal", "max_degree": 3}])
def test_loft_options_give_sound_solids(more):
    a, b, c = profiles()
    shape = run({"op": "loft", "profiles": ["$a", "$b", "$c"], **more}, a=a, b=b, c=c).shape
    assert shape.isValid() and shape.Volume == pytest.approx(
        Part.makeLoft([a, b, c], True).Volume, rel=0.1)


@pytest.mark.parametrize("mode, frenet", [("corrected_frenet", False), ("frenet", True)])
@pytest.mark.parametrize("solid", [True, False])
def test_sweep(mode, frenet, solid):
    spine = Part.Wire(_through([(0, 0, 0), (0, 0, 10), (5, 0, 20), (5, 8, 30)]).toShape())
    profile = Part.Wire(Part.makeCircle(2))
    theirs = spine.makePipeShell([profile], solid, frenet)
    same(run({"op": "sweep", "profiles": "$p", "spine": "$s", "mode": mode, "solid": solid},
             p=profile, s=spine).shape, theirs)


@pytest.mark.parametrize("transition, number", [("right", 1), ("round", 2)])
def test_sweep_around_corners(transition, number):
    spine = Part.makePolygon([Vector(), Vector(0, 0, 20), Vector(20, 0, 20)])
    profile = Part.makePolygon([Vector(-1, -1, 0), Vector(1, -1, 0), Vector(1, 1, 0),
                                Vector(-1, 1, 0), Vector(-1, -1, 0)])
    theirs = spine.makePipeShell([profile], True, False, number)
    same(run({"op": "sweep", "profiles": "$p", "spine": "$s", "transition": transition},
             p=profile, s=spine).shape, theirs)


def test_a_sweep_that_part_would_return_invalid_is_an_error():
    spine = Part.makePolygon([Vector(), Vector(0, 0, 20), Vector(20, 0, 20)])
    profile = Part.makePolygon([Vector(-1, -1, 0), Vector(1, -1, 0), Vector(1, 1, 0),
                                Vector(-1, 1, 0), Vector(-1, -1, 0)])
    assert not spine.makePipeShell([profile], True, False, 0).isValid()
    with pytest.raises(fcj_kernel.KernelError) as caught:
        run({"op": "sweep", "profiles": "$p", "spine": "$s"}, p=profile, s=spine)
    assert caught.value.error["problem"] == "invalid_result"


def test_sweep_of_a_thread_by_an_auxiliary_spine():
    made = run({"id": "spine", "op": "polyline", "points": [[0, 0, 0], [0, 0, 20]]},
               {"id": "guide", "op": "helix", "radius": 5, "pitch": 20, "height": 20},
               {"id": "p", "op": "rectangle", "size": [4, 1], "centered": True},
               {"op": "sweep", "profiles": "$p", "spine": "$spine", "mode": "auxiliary",
                "auxiliary": "$guide"})
    assert made.shape.isValid() and made.shape.Volume == pytest.approx(80, rel=0.01)


@solids
def test_fillet_and_chamfer_of_all_edges(name):
    shape = SOLIDS[name]()
    if name in ("sphere", "torus"):
        with pytest.raises(fcj_kernel.KernelError) as caught:
            run({"op": "fillet", "shape": "$a", "rule": "all", "radius": 0.5}, a=shape)
        assert caught.value.error["problem"] == "empty_result"
        return
    for op, size, theirs in (("fillet", "radius", "makeFillet"),
                             ("chamfer", "distance", "makeChamfer")):
        edges = [edge for edge in shape.Edges
                 if not edge.Degenerated and not edge.isSeam(shape.ancestorsOfType(edge, Part.Face)[0])]
        same(run({"op": op, "shape": "$a", "rule": "all", size: 0.4}, a=shape).shape,
             getattr(shape, theirs)(0.4, edges), 1e-5)


@pytest.mark.parametrize("step, count", [
    ({"edges": ["Edge1", "Edge5"]}, 2), ({"rule": "convex"}, 18), ({"rule": "concave"}, 3),
    ({"rule": "longer_than", "length": 9.5}, 9), ({"rule": "shorter_than", "length": 3}, 0)])
def test_edges_are_chosen_by_name_or_rule(step, count):
    shape = box().cut(box(5, 5, 5, (5, 5, 5)))
    if not count:
        with pytest.raises(fcj_kernel.KernelError, match="no edge fits"):
            run({"op": "fillet", "shape": "$a", "radius": 0.5, **step}, a=shape)
        return
    made = run({"op": "chamfer", "shape": "$a", "distance": 0.5, **step}, a=shape)
    assert made.shape.isValid()
    assert made["steps"][0]["data"]["contours"] == count


def test_fillet_with_two_radii_and_chamfer_with_two_distances():
    shape = box()
    same(run({"op": "fillet", "shape": "$a", "edges": ["Edge1"], "radius": 1, "radius2": 3},
             a=shape).shape, shape.makeFillet(1, 3, [shape.Edges[0]]))
    same(run({"op": "chamfer", "shape": "$a", "edges": ["Edge1"], "distance": 1, "distance2": 2},
             a=shape).shape, shape.makeChamfer(1, 2, [shape.Edges[0]]))
    by_angle = run({"op": "chamfer", "shape": "$a", "edges": ["Edge1"], "distance": 1, "angle": 45},
                   a=shape).shape
    assert by_angle.Volume == pytest.approx(1000 - 5)


@pytest.mark.parametrize("join, number", [("arc", 0), ("intersection", 2)])
@pytest.mark.parametrize("distance", [1, -1])
@pytest.mark.parametrize("name", ["box", "cylinder", "sphere", "holed"])
def test_offset(name, distance, join, number):
    shape = SOLIDS[name]()
    theirs = shape.makeOffsetShape(distance, 1e-4, join=number)
    same(run({"op": "offset", "shape": "$a", "distance": distance, "join": join}, a=shape).shape,
         theirs, 1e-4)


def test_offset_of_a_flat_outline():
    wire = Part.makePolygon(SQUARE)
    for distance in (1, -1):
        ours = run({"op": "offset2d", "shape": "$a", "distance": distance}, a=wire).shape
        assert ours.Length == pytest.approx(wire.makeOffset2D(distance).Length)
    face = run({"op": "offset2d", "shape": "$a", "distance": -1}, a=Part.Face(wire)).shape
    assert face.Area == pytest.approx(8 * 4)


@pytest.mark.parametrize("wall", [-1, 1])
@pytest.mark.parametrize("name, face", [("box", 6), ("cylinder", 2), ("holed", 6)])
def test_thickness(name, face, wall):
    shape = SOLIDS[name]()
    theirs = shape.makeThickness([shape.Faces[face - 1]], wall, 1e-4)
    same(run({"op": "thickness", "shape": "$a", "faces": [f"Face{face}"], "thickness": wall},
             a=shape).shape, theirs, 1e-4)


def test_draft_tilts_walls():
    made = run({"op": "draft", "shape": "$a", "faces": ["Face1"], "angle": 10}, a=box()).shape
    assert made.isValid()
    wedge = 10 * 10 * 10 * math.tan(math.radians(10)) / 2
    assert abs(made.Volume - 1000) == pytest.approx(wedge, rel=1e-6)


# ---- Placing ----------------------------------------------------------------------

@solids
def test_mirror_and_transform(name):
    shape = SOLIDS[name]()
    same(run({"op": "mirror", "shape": "$a", "at": [1, 0, 0], "normal": [1, 2, 0]}, a=shape).shape,
         shape.mirror(Vector(1, 0, 0), Vector(1, 2, 0)))
    placed = shape.copy()
    placed.rotate(Vector(1, 1, 1), Vector(0, 1, 1), 35)
    placed.translate(Vector(3, -4, 5))
    same(run({"op": "transform", "shape": "$a", "translate": [3, -4, 5],
              "rotate": {"axis": [0, 1, 1], "angle": 35, "at": [1, 1, 1]}}, a=shape).shape, placed)
    scaled = shape.copy()
    scaled.scale(2.5)
    same(run({"op": "transform", "shape": "$a", "scale": 2.5}, a=shape).shape, scaled)
    matrix = FreeCAD.Matrix()
    matrix.scale(1, 2, 3)
    stretched = run({"op": "transform", "shape": "$a", "scale": [1, 2, 3]}, a=shape).shape
    same(stretched, shape.transformGeometry(matrix), 1e-5)
    same(run({"op": "transform", "shape": "$a",
              "matrix": [1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0]}, a=shape).shape, stretched)


def test_patterns():
    line = run({"op": "pattern", "shape": "$a", "kind": "linear", "count": 4, "step": [20, 5, 0]},
               a=box()).shape
    assert len(line.Solids) == 4 and line.BoundBox.XMax == pytest.approx(70)
    ring = run({"op": "pattern", "shape": "$a", "kind": "circular", "count": 6, "at": [50, 5, 0]},
               a=box()).shape
    assert len(ring.Solids) == 6 and ring.CenterOfGravity.distanceToPoint(Vector(50, 5, 5)) < 1e-6
    half = run({"op": "pattern", "shape": "$a", "kind": "circular", "count": 3, "angle": 90},
               a=cylinder(1, 1, (10, 0, 0))).shape
    assert half.Solids[2].CenterOfMass.distanceToPoint(Vector(0, 10, 0.5)) < 1e-6
    grid = run({"op": "pattern", "shape": "$a", "kind": "grid", "count": [3, 2, 2],
                "step": [10, 10, 10], "combine": "fuse"}, a=box()).shape
    same(grid, box(30, 20, 20))


# ---- Looking ------------------------------------------------------------------------

def data(step, **inputs):
    return run(step, **inputs)["steps"][-1]["data"]


@solids
def test_properties_and_boxes(name):
    shape = SOLIDS[name]()
    made = data({"op": "properties", "shape": "$a", "density": 2}, a=shape)
    assert made["volume"] == pytest.approx(shape.Volume)
    assert made["mass"] == pytest.approx(2 * shape.Volume)
    assert made["area"] == pytest.approx(shape.Area)
    assert Vector(*made["center"]).distanceToPoint(shape.CenterOfMass) < 1e-6
    theirs = shape.Solids[0].MatrixOfInertia
    assert made["inertia"][0][0] == pytest.approx(2 * theirs.A11)
    assert made["inertia"][0][1] == pytest.approx(2 * theirs.A12, abs=1e-5)
    moments = shape.Solids[0].PrincipalProperties["Moments"]
    assert sorted(made["moments"]) == pytest.approx(sorted(2 * m for m in moments), rel=1e-5)
    boxes = data({"op": "bounding_box", "shape": "$a"}, a=shape)
    assert boxes["box"]["size"][2] == pytest.approx(shape.optimalBoundingBox(False).ZLength, abs=1e-4)
    assert boxes["oriented"]["volume"] >= shape.Volume * 0.999


def test_summary_has_the_numbers_of_freecad():
    shape = SOLIDS["holed"]()
    ours = run({"op": "transform", "shape": "$a"}, a=shape)["result"]["shape"]
    assert ours["valid"] and ours["closed"] and ours["type"] == "Solid"
    assert ours["volume"] == pytest.approx(shape.Volume)
    assert ours["length"] == pytest.approx(shape.Length)
    assert ours["counts"] == {"solids": 1, "shells": 1, "faces": 7, "wires": 9, "edges": 15,
                              "vertices": 10}


def test_distance():
    a, b = box(), Part.makeSphere(2, Vector(20, 5, 5))
    theirs, pairs, _ = a.distToShape(b)
    ours = data({"op": "distance", "shape": "$a", "other": "$b"}, a=a, b=b)
    assert ours["distance"] == pytest.approx(theirs) == pytest.approx(8)
    assert Vector(*ours["pairs"][0]["a"]).distanceToPoint(pairs[0][0]) < 1e-6
    assert ours["pairs"][0]["on_a"].startswith("Face")


def test_distance_to_what_is_inside_names_no_part_that_is_not_there():
    made = run({"op": "distance", "shape": "$a", "other": "$b"}, a=box(), b=box(1, 1, 1, (4, 4, 4)))
    data = made["steps"][0]["data"]
    assert data["distance"] == 0 and data["inside"] and data["pairs"][0]["on_a"] == "Solid"


def test_check_speaks_plainly():
    open_shell = Part.Solid(Part.Shell(box().Faces[:5]))
    made = data({"op": "check", "shape": "$a"}, a=open_shell)
    assert not made["valid"]
    assert any("not closed" in one["text"] or "one face only" in one["text"]
               for one in made["problems"])
    crossed = Part.makeCompound([box(), box(10, 10, 10, (5, 5, 5))])
    made = data({"op": "check", "shape": "$a"}, a=crossed)
    assert {one["what"] for one in made["problems"]} == {"self_intersection"}
    assert data({"op": "check", "shape": "$a", "self_intersection": False}, a=crossed)["valid"]
    assert data({"op": "check", "shape": "$a"}, a=SOLIDS["holed"]()) == {"valid": True, "problems": []}
    with pytest.raises(fcj_kernel.KernelError) as caught:
        run({"op": "check", "shape": "$a", "fail": True}, a=crossed)
    assert caught.value.error["problem"] == "self_intersection"


def test_heal_and_sew_make_solids():
    faces = Part.makeCompound([face.copy() for face in box().Faces])
    for step in ({"op": "sew", "shapes": "$a"}, {"op": "heal", "shape": "$a"}):
        same(run(step, a=faces).shape, box())
    gaps = Part.makeCompound([face.copy() for face in box().Faces[:5]]
                             + [box().Faces[5].translated(Vector(0, 0, 0.01))])
    made = run({"op": "sew", "shapes": "$a", "tolerance": 0.05}, a=gaps).shape
    assert made.ShapeType == "Solid" and made.isValid()
    loose = run({"op": "sew", "shapes": "$a"}, a=gaps)
    assert "greater tolerance" in loose["steps"][0]["notes"][0]


def test_projection_draws_seen_and_hidden_lines():
    step = {"op": "project", "shape": "$a", "direction": [1, -1, 1]}
    made = run(step, a=box())
    assert made["steps"][0]["data"] == {"visible_edges": 9, "hidden_edges": 3}
    quick = run({**step, "exact": False}, a=box())
    assert quick["steps"][0]["data"]["visible_edges"] >= 9
    front = run({"op": "project", "shape": "$a"}, a=box(10, 20, 5)).shape
    assert front.BoundBox.XLength == pytest.approx(10, abs=1e-3)
    assert front.BoundBox.YLength == pytest.approx(5, abs=1e-3)
