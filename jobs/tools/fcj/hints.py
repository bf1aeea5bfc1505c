"""The types that handlers write into their signatures.

A hint is all there is: the JSON schema of a tool is made from it (schema.py),
and inputs.py resolves what is marked ``Input``. Plain text in ``Annotated``
is the description that a model reads.
"""

from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, Optional, TypedDict

UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"


@dataclass(frozen=True)
class Bound:
    """Bounds of a parameter, named as in JSON schema."""

    minimum: Optional[float] = None
    maximum: Optional[float] = None
    minLength: Optional[int] = None
    maxLength: Optional[int] = None
    minItems: Optional[int] = None
    maxItems: Optional[int] = None
    pattern: Optional[str] = None


class Input:
    """Marks a parameter that holds references (``x-fcj-input``) to shapes."""


class InputFile(Input):
    """Marks one that holds references to files; the handler gets the path of a
    copy in its scratch directory."""


class NamesJob:
    """Marks a parameter that is the id of a job to wait for (``x-fcj-job``)."""


class NamesJobs:
    """Marks code whose ``jobs.result("<id>")`` are waited for (``x-fcj-code``)."""


class Reference(TypedDict, total=False):
    """One of: {"job": id} (its result shape; waits for it), {"job": id, "artifact": "part.step"},
    {"file": "sub/part.step"} (below a workspace root: STEP, IGES, BREP, STL, OBJ), {"file":
    "a.FCStd", "object": "Box"}, {"document": "Doc", "object": "Box"} (live, by name or label, as it
    is now), {"brep": "..."} (text)."""

    job: Annotated[str, Bound(pattern=UUID)]
    artifact: Annotated[str, Bound(minLength=1, maxLength=128)]
    file: Annotated[str, Bound(minLength=1, maxLength=4096)]
    object: Annotated[str, Bound(minLength=1, maxLength=256)]
    document: Annotated[str, Bound(minLength=1, maxLength=256)]
    brep: Annotated[str, Bound(minLength=1)]


#: A shape: a reference, or the name of an entry of `inputs`. The handler gets
#: a Part.Shape.
Shape = Annotated[Reference | Annotated[
    str, Bound(minLength=1, maxLength=520), "Name of an entry of `inputs`, or \"Document.Object\" of "
    "the live FreeCAD"], Input]

#: The id of a job; this one waits for it and may read its result.
JobId = Annotated[str, Bound(pattern=UUID), NamesJob]
#: Python source for a live FreeCAD.
Code = Annotated[str, Bound(minLength=1, maxLength=1048576), NamesJobs]
#: A document file (.FCStd): {"job": id, "artifact": "Part.FCStd"} or {"file": "a.FCStd"}.
#: The handler gets the path of a copy.
DocumentFile = Annotated[Reference, InputFile]

Length = Annotated[float, Bound(minimum=0), "Millimetres"]
Angle = Annotated[float, "Degrees"]
Point = Annotated[list[float], Bound(minItems=3, maxItems=3), "[x, y, z] in millimetres"]


class Polygon(TypedDict):
    """A profile as a polyline: {"points": [[x, y, z], ...], "closed": true}. Millimetres."""

    points: Annotated[list[Point], Bound(minItems=2, maxItems=10000)]
    closed: NotRequired[Annotated[bool, "Join the last point to the first. Default true"]]


class Circle(TypedDict):
    """A profile as a circle: {"center": [x, y, z], "radius": r, "normal": [0, 0, 1]}. Millimetres."""

    center: Point
    radius: Annotated[float, Bound(minimum=1e-6, maximum=1e7)]
    normal: NotRequired[Point]


#: A wire, edge or face: a reference, or given in numbers.
Profile = Shape | Polygon | Circle

#: Set when steps of a native job came from the memo.
Memo = NotRequired[Annotated[str, "hit: all was remembered from before; partly: some steps were"]]


class ShapeBox(TypedDict):
    """Bounding box in millimetres."""

    min: list[float]
    max: list[float]
    size: list[float]


class ShapeCounts(TypedDict):
    """How many of each."""

    solids: int
    shells: int
    faces: int
    wires: int
    edges: int
    vertices: int


class ShapeSummary(TypedDict):
    """A shape in numbers. Lengths in millimetres, areas in mm2, volumes in mm3."""

    type: Annotated[str, "Solid, Compound, Shell, Face, Wire, Edge, Vertex or Null"]
    valid: Annotated[bool, "What OpenCASCADE's check says"]
    closed: NotRequired[bool]
    volume: NotRequired[float]
    area: NotRequired[float]
    length: NotRequired[float]
    box: NotRequired[ShapeBox]
    center_of_mass: NotRequired[list[float]]
    counts: NotRequired[ShapeCounts]
    artifact: NotRequired[Annotated[str, "The artifact that holds this shape, as BREP"]]


class ShapeResult(TypedDict):
    """A shape; {"job": "<this id>"} gives it to another job."""

    shape: ShapeSummary
    memo: Memo


class JobHandle(TypedDict):
    """A job; with result and artifacts when it was waited for."""

    job_id: str
    state: Annotated[str, "queued, running, completed, failed or cancelled"]
    tool: str
    poll_after_ms: int
    message: Annotated[str, "What to do next"]
    result: NotRequired[Any]
    artifacts: NotRequired[list[dict[str, Any]]]
    stdout_tail: NotRequired[str]


AnyValue = Any
