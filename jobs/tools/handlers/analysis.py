"""Looking into shapes, sketches and the dependencies of a document."""

from collections import Counter
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from fcj import Bound, Invalid, ShapeSummary, tool
from fcj_docs import find, graph
from fcj_docs import sketch as sketches
from fcj_docs.types import state

Name = Annotated[str, Bound(minLength=1, maxLength=128)]
ObjectName = Annotated[str, Bound(minLength=1, maxLength=256)]
Offset = Annotated[int, Bound(minimum=0)]
Limit = Annotated[int, Bound(minimum=1, maximum=200)]
ELEMENTS = {"faces": ("Face", "Faces"), "edges": ("Edge", "Edges"), "vertices": ("Vertex", "Vertexes")}
PROBLEMS_MAX = 50


class Element(TypedDict):
    """A face, an edge or a vertex."""

    name: Annotated[str, "As in links: Face1, Edge2, Vertex3"]
    kind: Annotated[str, "Plane, Cylinder, Line, Circle, ..."]
    center: NotRequired[list[float]]
    area: NotRequired[float]
    length: NotRequired[float]
    normal: NotRequired[Annotated[list[float], "Of a plane, outwards"]]
    axis: NotRequired[list[float]]
    radius: NotRequired[float]
    start: NotRequired[list[float]]
    end: NotRequired[list[float]]


class ShapeAnalysis(TypedDict):
    """A shape in numbers, its validity and its parts."""

    document: str
    object: str
    sub: NotRequired[str]
    shape: ShapeSummary
    problems: Annotated[list[str], "What OpenCASCADE's check finds wrong; empty: nothing"]
    surfaces: Annotated[dict[str, int], "Kind of surface -> number of faces"]
    curves: Annotated[dict[str, int], "Kind of curve -> number of edges"]
    shortest_edge: NotRequired[float]
    free_edges: Annotated[int, "Edges at which a shell is open; 0 in a closed one"]
    tolerance: NotRequired[Annotated[float, "The largest, in mm; above 0.01 is suspicious"]]
    inertia: NotRequired[Annotated[list[float], "Principal moments for density 1, mm5"]]
    elements: NotRequired[list[Element]]
    next_offset: NotRequired[int | None]


class GraphNode(TypedDict):
    """An object and what it needs."""

    name: str
    label: str
    type: str
    state: str
    uses: Annotated[list[str], "Objects that it depends on directly"]


class Graph(TypedDict):
    """Who depends on whom; an order in which everything can be computed."""

    document: str
    total: Annotated[int, "Objects in the graph"]
    offset: int
    next_offset: int | None
    nodes: Annotated[list[GraphNode], "Each after what it depends on"]
    roots: Annotated[list[str], "Of these nodes, those that nothing depends on: the results"]
    cycles: Annotated[list[list[str]], "Objects that depend on each other; must be empty"]


@tool(needs="document", toolset="objects", title="Analyze a shape", read_only=True, idempotent=True)
def analyze_shape(object: ObjectName, document: Name | None = None,
                  sub: Annotated[str, Bound(pattern="^[A-Za-z]+[0-9]+$")] | None = None,
                  elements: Literal["none", "faces", "edges", "vertices"] = "none",
                  offset: Offset = 0, limit: Limit = 50, check: bool = True) -> ShapeAnalysis:
    """Measure and check an object's shape: volume, area, box, centre of mass, inertia, validity,
    kinds of faces and edges, open edges, tolerances; with `elements` each face, edge or vertex.

    Use it to find the name of a face or an edge ("Face6": plane, normal [0, 0, 1], at the
    top) before a fillet or a sketch, and to find out why a boolean fails.
    Lengths in mm, in the coordinates of the object's placement.

    Parameters
    ----------
    object : str
        Name or label.
    document : str
        Name or label; the active one when left out.
    sub : str
        Only a part of it: "Face1", "Edge3", "Solid1".
    elements : str
        List these one by one, `limit` at a time.
    offset : int
        Where the list begins.
    limit : int
        How many are listed.
    check : bool
        False leaves out the full check, which takes time for a large shape.
    """
    item = find.thing(find.document(document), object)
    shape = _shape(item, sub)
    from fcj.values import shape_summary
    made: ShapeAnalysis = {
        "document": item.Document.Name, "object": item.Name, "shape": shape_summary(shape),
        "problems": _problems(shape) if check else [],
        "surfaces": dict(Counter(_kind(face, "Surface") for face in shape.Faces)),
        "curves": dict(Counter(_kind(edge, "Curve") for edge in shape.Edges)),
        "free_edges": sum(len(shell.getFreeEdges().Edges) for shell in shape.Shells)}
    if sub:
        made["sub"] = sub
    if shape.Edges:
        made["shortest_edge"] = min(edge.Length for edge in shape.Edges)
    if shape.Faces:
        made["tolerance"] = shape.globalTolerance(1)
    if shape.Solids:
        made["inertia"] = [float(one) for one in shape.Solids[0].PrincipalProperties["Moments"]] \
            if len(shape.Solids) == 1 else _moments(shape)
    if elements != "none":
        prefix, attribute = ELEMENTS[elements]
        parts = getattr(shape, attribute)
        end = min(offset + limit, len(parts))
        made["elements"] = [_element(prefix, index, parts[index]) for index in range(offset, end)]
        made["next_offset"] = end if end < len(parts) else None
    return made


def _shape(item: Any, sub: str | None) -> Any:
    if not hasattr(item, "Shape"):
        raise Invalid(f"{item.Name} ({item.TypeId}) has no shape; get_object tells what it has")
    if not find.has_shape(item):
        raise Invalid(f"the shape of {item.Name} is null" + (
            f": {item.getStatusString()}" if not item.isValid() else "; recompute_document may fill it"))
    if sub is None:
        return item.Shape
    try:
        part = item.Shape.getElement(sub)
    except Exception as error:
        shape = item.Shape
        raise Invalid(f"{item.Name} has no {sub!r}; it has {len(shape.Solids)} solids, "
                      f"{len(shape.Faces)} faces (Face1...), {len(shape.Edges)} edges and "
                      f"{len(shape.Vertexes)} vertices") from error
    return part


def _problems(shape: Any) -> list[str]:
    """What BRepCheck and the check of boolean operations say."""
    try:
        shape.check(True)
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        found = list(dict.fromkeys(lines))
        return found[:PROBLEMS_MAX] + ([f"and {len(found) - PROBLEMS_MAX} more"]
                                       if len(found) > PROBLEMS_MAX else [])
    return [] if shape.isValid() else ["the shape is not valid (no details)"]


def _moments(shape: Any) -> list[float]:
    matrix = shape.MatrixOfInertia
    return [matrix.A11, matrix.A22, matrix.A33]


def _kind(part: Any, attribute: str) -> str:
    try:
        return type(getattr(part, attribute)).__name__.removesuffix("Surface") or "Surface"
    except Exception:                        # a degenerated edge has no curve
        return "None"


def _element(prefix: str, index: int, part: Any) -> Element:
    from fcj.values import vector
    name = f"{prefix}{index + 1}"
    if prefix == "Vertex":
        return {"name": name, "kind": "Point", "center": vector(part.Point)}
    made: Element = {"name": name, "kind": _kind(part, "Surface" if prefix == "Face" else "Curve"),
                     "center": vector(part.CenterOfMass)}
    if prefix == "Face":
        made["area"] = part.Area
        if made["kind"] == "Plane":
            made["normal"] = vector(part.normalAt(0, 0))
        _round(made, part.Surface)
    else:
        made["length"] = part.Length
        if made["kind"] != "None":
            _round(made, part.Curve)
        if len(part.Vertexes) == 2:
            made["start"], made["end"] = (vector(one.Point) for one in part.Vertexes)
    return made


def _round(made: Element, geometry: Any) -> None:
    from fcj.values import vector
    if hasattr(geometry, "Radius"):
        made["radius"] = geometry.Radius
    if hasattr(geometry, "Axis") and made["kind"] != "Plane":
        made["axis"] = vector(geometry.Axis)


# ---- Sketches ---------------------------------------------------------------

@tool(needs="document", toolset="objects", title="Diagnose a sketch", read_only=True, idempotent=True)
def get_sketch_diagnostics(object: ObjectName, document: Name | None = None) -> sketches.Diagnosis:
    """Tell how a sketch stands: solver state, degrees of freedom, what can still move, redundant and
    conflicting constraints, open ends, and its geometry and constraints one by one.

    Use it when a sketch is in error, when a pad says that its profile is open,
    and before edit_object with "Constraints.<name or index>". The sketch is
    not changed.

    Parameters
    ----------
    object : str
        Name or label of a Sketcher::SketchObject.
    document : str
        Name or label; the active one when left out.
    """
    item = find.thing(find.document(document), object)
    if not item.isDerivedFrom("Sketcher::SketchObject"):
        raise Invalid(f"{item.Name} is a {item.TypeId}, no sketch; get_objects with "
                      "type=\"Sketcher::SketchObject\" lists them")
    return sketches.diagnose(item)


# ---- Dependencies -----------------------------------------------------------

@tool(needs="document", toolset="objects", title="Get the dependency graph", read_only=True,
      idempotent=True)
def get_document_graph(document: Name | None = None, object: ObjectName | None = None,
                       direction: Literal["uses", "used_by", "both"] = "both",
                       offset: Offset = 0, limit: Annotated[
                           int, Bound(minimum=1, maximum=1000)] = 200) -> Graph:
    """Tell which object depends on which: all of a document, or those around one object.

    The order is one in which everything can be computed; `roots` are those
    that nothing else uses. Use it before deleting or editing something that other
    objects are built on, and to find the first object in error.

    Parameters
    ----------
    document : str
        Name or label; the active one when left out.
    object : str
        Only what this one depends on and what depends on it, at any depth.
    direction : str
        With `object`: "uses" what it needs, "used_by" what needs it.
    offset : int
        Where the page begins.
    limit : int
        Objects a page.
    """
    doc = find.document(document)
    chosen = {item.Name: item for item in doc.Objects}
    if object is not None:
        item = find.thing(doc, object)
        around = {item.Name: item}
        if direction != "used_by":
            around.update({one.Name: one for one in item.OutListRecursive})
        if direction != "uses":
            around.update({one.Name: one for one in item.InListRecursive})
        chosen = {name: one for name, one in around.items() if one.Document.Name == doc.Name}
    order, cycles = graph.order(chosen)
    end = min(offset + limit, len(order))
    return {"document": doc.Name, "total": len(order), "offset": offset,
            "next_offset": end if end < len(order) else None,
            "nodes": [_node(chosen[name], doc) for name in order[offset:end]],
            "roots": [name for name in order[offset:end]
                      if not any(user.Name in chosen for user in chosen[name].InList)],
            "cycles": cycles}


def _node(item: Any, doc: Any) -> GraphNode:
    return {"name": item.Name, "label": item.Label, "type": item.TypeId, "state": state(item),
            "uses": [find.reference(one, doc) for one in dict.fromkeys(item.OutList)]}
