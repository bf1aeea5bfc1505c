"""What is wrong with a sketch, found on a copy of it.

The sketch itself stays untouched: to solve it would move geometry and mark it
as changed. Its copy in a hidden document is solved; each constraint that can
be added to the copy without being redundant takes one degree of freedom, so
their number is that of the degrees.
"""

import re
import time
from typing import Annotated, Any, NotRequired, TypedDict

GEOMETRY_MAX = 100                # more than this: degrees of freedom are not counted
COUNT_S = 3.0                     # nor when it takes longer
LISTED_MAX = 200
POSITIONS = {1: "start", 2: "end", 3: "center"}
SOLVER = {0: "solved", -1: "failed", -2: "redundant constraints", -3: "conflicting constraints",
          -4: "over-constrained", -5: "malformed constraints"}


class SketchGeometry(TypedDict):
    """One element of a sketch."""

    index: Annotated[int, "As constraints name it"]
    type: str
    construction: bool
    start: NotRequired[list[float]]
    end: NotRequired[list[float]]
    center: NotRequired[list[float]]
    radius: NotRequired[float]


class SketchConstraint(TypedDict):
    """One constraint of a sketch."""

    index: Annotated[int, "For edit_object: \"Constraints.<index>\", or its name"]
    name: str
    type: str
    on: Annotated[list[str], "What it holds: \"0.end\" is the end of geometry 0; -1, -2 are the axes"]
    value: NotRequired[Annotated[str, "With its unit"]]
    driving: bool
    active: bool


class Diagnosis(TypedDict):
    """How a sketch stands."""

    document: str
    object: str
    state: Annotated[str, "ok, touched or error"]
    error: NotRequired[str]
    solver: Annotated[str, "solved, failed, redundant, conflicting, over-constrained or malformed"]
    fully_constrained: bool
    degrees_of_freedom: Annotated[int | None, "null: not counted, see `note`"]
    free: Annotated[list[str], "Elements that can still move: \"2.end\""]
    redundant: Annotated[list[int], "Indices of constraints to be removed"]
    conflicting: list[int]
    open_ends: Annotated[list[list[float]], "Points at which a profile is not closed"]
    nearly_touching: Annotated[int, "Pairs of ends close to each other that no constraint joins"]
    closed_wires: int
    attached_to: list[str]
    external: Annotated[list[str], "Geometry of other objects that it refers to"]
    geometry_count: int
    constraint_count: int
    geometry: Annotated[list[SketchGeometry], "At most 200"]
    constraints: Annotated[list[SketchConstraint], "At most 200"]
    note: NotRequired[str]


def diagnose(item: Any) -> Diagnosis:
    """The diagnosis of a sketch."""
    from .types import state
    made: Diagnosis = {
        "document": item.Document.Name, "object": item.Name, "state": state(item),
        "solver": "solved", "fully_constrained": bool(item.FullyConstrained),
        "degrees_of_freedom": None, "free": [], "redundant": [], "conflicting": [],
        "open_ends": [[float(part) for part in point] for point in item.OpenVertices],
        "nearly_touching": 0, "closed_wires": sum(wire.isClosed() for wire in item.Shape.Wires),
        "attached_to": [f"{one.Name}.{sub}" if sub else one.Name
                        for one, subs in item.Support for sub in subs or [""]],
        "external": [f"{one.Name}.{sub}" for one, subs in item.ExternalGeometry for sub in subs],
        "geometry_count": item.GeometryCount, "constraint_count": item.ConstraintCount,
        "geometry": [_geometry(item, index, one)
                     for index, one in enumerate(item.Geometry[:LISTED_MAX])],
        "constraints": [_constraint(item, index, one)
                        for index, one in enumerate(item.Constraints[:LISTED_MAX])]}
    if made["state"] == "error":
        made["error"] = item.getStatusString()
    notes = []
    if max(item.GeometryCount, item.ConstraintCount) > LISTED_MAX:
        notes.append(f"only the first {LISTED_MAX} elements and constraints are listed; get_object "
                     "with properties=[\"Geometry\", \"Constraints\"] has all")
    if item.ExternalGeometry:
        notes.append("it refers to other objects' geometry, so it was not solved anew: the figures "
                     "are those of its last recompute")
        made["solver"] = _last_solver(item)
        _name_constraints(made, item.getStatusString())
        _tell_free(made, item)
    else:
        notes += _solve_copy(made, item)
    if notes:
        made["note"] = ". ".join(notes)
    return made


def _last_solver(item: Any) -> str:
    if item.isValid():
        return "solved"
    text = item.getStatusString().lower()
    return next((name for name in SOLVER.values() if name.split()[0] in text), "failed")


def _solve_copy(made: Diagnosis, item: Any) -> list[str]:
    import FreeCAD
    active = FreeCAD.ActiveDocument
    hidden = FreeCAD.newDocument("SketchCheck", "SketchCheck", True, True)
    try:
        copy = hidden.copyObject(item, False)
        made["solver"] = SOLVER.get(copy.solve(), "failed")
        hidden.recompute()
        if not copy.isValid():
            _name_constraints(made, copy.getStatusString())
        made["fully_constrained"] = bool(copy.FullyConstrained)
        made["nearly_touching"] = int(copy.detectMissingPointOnPointConstraints() or 0)
        if made["solver"] != "solved":
            return ["degrees of freedom are told when it can be solved"]
        _tell_free(made, copy)
        return _count(made, copy)
    finally:
        FreeCAD.closeDocument(hidden.Name)
        if active is not None and FreeCAD.ActiveDocument is not active:
            FreeCAD.setActiveDocument(active.Name)


def _name_constraints(made: Diagnosis, text: str) -> None:
    """FreeCAD tells them in its error text, counted from 1."""
    found = [int(number) - 1 for line in text.splitlines()
             if re.fullmatch(r"[\d, ]+", line.strip()) and line.strip()
             for number in re.findall(r"\d+", line)]
    made["redundant" if "redundant" in text else "conflicting"] = found


def _tell_free(made: Diagnosis, sketch: Any) -> None:
    free = dict.fromkeys(sketch.getGeometryWithDependentParameters())
    made["free"] = list(dict.fromkeys(
        f"{index}.{POSITIONS[position]}" if position in POSITIONS and _point(sketch, index, position)
        else str(index) for index, position in free))[:LISTED_MAX]


def _count(made: Diagnosis, copy: Any) -> list[str]:
    """Degrees of freedom: independent constraints that it takes to fix all."""
    if made["fully_constrained"] or copy.GeometryCount == 0:
        made["degrees_of_freedom"] = 0
        return []
    if copy.GeometryCount > GEOMETRY_MAX:
        return [f"degrees of freedom are counted for at most {GEOMETRY_MAX} elements"]
    end, count = time.monotonic() + COUNT_S, 0
    for index in range(copy.GeometryCount):
        for constraint in _candidates(copy, index):
            if time.monotonic() > end:
                return [f"it has more than {count} degrees of freedom; counting took too long"]
            number = copy.addConstraint(constraint)
            if copy.solve() == 0:
                count += 1
            else:
                copy.delConstraint(number)
                copy.solve()
            if copy.FullyConstrained:
                made["degrees_of_freedom"] = count
                return []
    return [f"it has at least {count} degrees of freedom; those of ellipses and splines are not counted"]


def _candidates(copy: Any, index: int) -> Any:
    """Constraints that hold each point and radius of an element where it is."""
    import Sketcher
    for position in POSITIONS:
        point = _point(copy, index, position)
        if point is not None:
            yield Sketcher.Constraint("DistanceX", -1, 1, index, position, point.x)
            yield Sketcher.Constraint("DistanceY", -1, 1, index, position, point.y)
    radius = getattr(copy.Geometry[index], "Radius", None)
    if radius is not None:
        yield Sketcher.Constraint("Radius", index, radius)


def _point(sketch: Any, index: int, position: int) -> Any:
    try:
        return sketch.getPoint(index, position)
    except Exception:                        # a circle has no start
        return None


def _geometry(item: Any, index: int, one: Any) -> SketchGeometry:
    from fcj.values import vector
    made: SketchGeometry = {"index": index, "type": one.TypeId.split("Geom")[-1],
                            "construction": bool(item.getConstruction(index))}
    for key, attribute in (("start", "StartPoint"), ("end", "EndPoint"), ("center", "Center")):
        if hasattr(one, attribute):
            made[key] = vector(getattr(one, attribute))      # type: ignore[literal-required]
    if hasattr(one, "Radius"):
        made["radius"] = one.Radius
    return made


def _constraint(item: Any, index: int, one: Any) -> SketchConstraint:
    from .properties import quantity
    held = [(one.First, one.FirstPos), (one.Second, one.SecondPos), (one.Third, one.ThirdPos)]
    made: SketchConstraint = {
        "index": index, "name": one.Name, "type": one.Type, "driving": bool(one.Driving),
        "active": bool(one.IsActive),
        "on": [f"{geometry}.{POSITIONS[position]}" if position in POSITIONS else str(geometry)
               for geometry, position in held if geometry > -2000]}
    try:
        made["value"] = quantity(item.getDatum(index))
    except Exception:                        # one without a value
        pass
    return made
