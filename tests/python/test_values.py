"""Any value as JSON: never an error, never a loss that is not said."""

import collections
import dataclasses
import enum
import json
import math

import pytest


@pytest.fixture
def convert(catalogue):
    from fcj import values

    def check(value):
        made = values.to_json(value)
        text = json.dumps(made, allow_nan=False, ensure_ascii=False)
        assert "\\u0000" not in text
        text.encode()
        return made
    return check


class Colour(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Part2:
    name: str
    size: float


Pair = collections.namedtuple("Pair", "left right")


@pytest.mark.parametrize("value, expected", [
    (None, None), (True, True), (3, 3), (2.5, 2.5), ("ä", "ä"), ((1, 2), [1, 2]),
    ({2, 1}, [1, 2]), (range(3), [0, 1, 2]), (collections.deque([1]), [1]),
    (float("nan"), "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity"),
    (2 ** 63, str(2 ** 63)), ("a\0b", "a\\x00b"), ("\ud800", "\\ud800"), (1j, {"re": 0, "im": 1}),
    (Colour.RED, "red"), (Part2("a", 1.0), {"name": "a", "size": 1.0}),
    (Pair(1, 2), {"left": 1, "right": 2}), ({1: "a", None: "b", (1, 2): "c"},
                                            {"1": "a", "None": "b", "(1, 2)": "c"}),
    (b"hi", {"type": "bytes", "size": 2, "base64": "aGk="})])
def test_python_values(convert, value, expected):
    assert convert(value) == expected


def test_keys_that_become_the_same_text_are_kept_apart(convert):
    assert convert({1: "a", "1": "b"}) == {"1": "a", "1'": "b"}


def test_a_huge_integer_is_text(convert):
    assert convert(10 ** 10000).startswith("0x")


def test_cycles_and_depth_end(convert):
    loop = []
    loop.append(loop)
    assert convert(loop) == ["<cycle: list>"]
    deep = current = []
    for _ in range(5000):
        current.append([])
        current = current[0]
    assert "nested deeper" in json.dumps(convert(deep))


def test_the_same_object_twice_is_no_cycle(convert):
    shared = [1]
    assert convert([shared, shared]) == [[1], [1]]


class Evil:
    def __repr__(self):
        raise ValueError("no")


class EvilMap(dict):
    def items(self):
        raise KeyError("no")


@pytest.mark.parametrize("value", [Evil(), EvilMap(a=1), {Evil(): Evil()}, [Evil()], object(), len,
                                   Evil, json, (x for x in [1]), Exception("x"), {Evil(), 1}])
def test_never_raises(convert, value):
    convert(value)


def test_numpy(convert):
    numpy = pytest.importorskip("numpy")
    assert convert(numpy.eye(2)) == [[1, 0], [0, 1]]
    assert convert(numpy.float64(2)) == 2 and convert(numpy.int32(3)) == 3
    assert "too long" in convert(numpy.zeros(2_000_000))["note"]


def test_freecad_values(convert):
    import FreeCAD
    from FreeCAD import BoundBox, Matrix, Placement, Rotation, Units, Vector
    assert convert(Vector(1, 2, 3)) == [1, 2, 3]
    assert convert(Vector(math.nan, 0, 0))[0] == "NaN"
    placed = convert(Placement(Vector(1, 0, 0), Rotation(Vector(0, 0, 1), 90)))
    assert placed["position"] == [1, 0, 0]
    assert placed["rotation"]["angle_deg"] == pytest.approx(90)
    assert convert(Matrix())[3] == [0, 0, 0, 1]
    assert convert(Units.Quantity("3 mm")) == {"value": 3, "unit": "mm", "text": "3.00 mm"}
    assert convert(Units.Quantity("9"))["unit"] == ""
    assert convert(BoundBox(0, 0, 0, 1, 2, 3))["size"] == [1, 2, 3]
    assert convert(BoundBox()) == {"min": [], "max": [], "size": []}
    document = FreeCAD.newDocument("V")
    item = document.addObject("Part::Box", "Box")
    document.recompute()
    made = convert({"d": document, "o": item})
    FreeCAD.closeDocument("V")
    assert made["d"]["objects"] == ["Box"] and made["o"]["shape"]["volume"] == pytest.approx(1000)
    assert isinstance(convert(item), (str, dict))           # a deleted object


def test_shapes_of_every_type(convert):
    import Part
    box = Part.makeBox(1, 1, 1)
    made = convert(box)
    assert made["counts"] == {"solids": 1, "shells": 1, "faces": 6, "wires": 6, "edges": 12,
                              "vertices": 8}
    assert made["center_of_mass"] == pytest.approx([0.5, 0.5, 0.5])
    for shape in (box.Shells[0], box.Faces[0], box.Wires[0], box.Edges[0], box.Vertexes[0],
                  Part.Compound([]), Part.Compound([box])):
        assert convert(shape)["type"] == shape.ShapeType
    assert convert(Part.Shape()) == {"type": "Null", "valid": False}
    assert isinstance(convert(Part.LineSegment()), str)


def test_meshes(convert):
    import Mesh
    assert convert(Mesh.createBox(1, 1, 1))["facets"] == 12


def test_a_shell_has_no_volume_as_the_native_summary_says(catalogue):
    import Part
    import fcj_kernel
    from fcj import values
    for shell in (Part.makeShell(Part.makeBox(10, 20, 30).Faces[:5]), Part.makePlane(3, 4)):
        theirs = fcj_kernel.run([{"op": "transform", "shape": "$a"}], {"a": shell})["result"]["shape"]
        made = values.shape_summary(shell)
        assert made["volume"] == theirs["volume"] == 0 and set(made) == set(theirs)
        assert made["area"] == pytest.approx(theirs["area"])
