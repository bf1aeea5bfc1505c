"""Looking at objects of live documents: lists, values, everything about one."""

import fnmatch
import json
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from fcj import Bound, Invalid, ShapeSummary, tool
from fcj_docs import find, properties as props, sheet
from fcj_docs.types import ObjectInfo, object_info
from fcj_docs.types import state as state_of

Name = Annotated[str, Bound(minLength=1, maxLength=128)]
ObjectName = Annotated[str, Bound(minLength=1, maxLength=256)]

PAGE_BYTES = 40 * 1024            # a page stays below what a result shows in place


class ObjectPage(TypedDict):
    """Some of the objects of a document, in its order."""

    document: str
    total: Annotated[int, "How many fit the filters"]
    offset: int
    next_offset: Annotated[int | None, "Give this as offset for more; null: this is the end"]
    objects: list[ObjectInfo]


class ObjectDetails(TypedDict):
    """An object with its property values, as edit_object takes them."""

    document: str
    object: ObjectInfo
    properties: dict[str, Any]
    expressions: Annotated[dict[str, str], "Property -> the expression that drives it"]
    uses: Annotated[list[str], "Objects that it depends on"]
    used_by: Annotated[list[str], "Objects that depend on it"]
    shape: NotRequired[ShapeSummary]
    values: NotRequired[Annotated[dict[str, Any], "Of a spreadsheet: what its formulas give"]]


class PropertyInfo(TypedDict):
    """One property, for whoever wants to set it."""

    type: str
    value: Any
    group: NotRequired[str]
    about: NotRequired[str]
    choices: NotRequired[list[str]]
    expression: NotRequired[str]
    status: NotRequired[list[str]]


class Inspection(TypedDict):
    """Everything about an object."""

    document: str
    object: ObjectInfo
    properties: dict[str, PropertyInfo]
    view_properties: NotRequired[dict[str, Any]]
    uses: list[str]
    used_by: list[str]
    parents: Annotated[list[str], "Groups, bodies and parts that hold it, the nearest first"]
    children: Annotated[list[str], "What it holds, if it is a group"]
    shape: NotRequired[ShapeSummary]
    placement_in_document: NotRequired[dict[str, Any]]


@tool(needs="document", toolset="core", title="List objects", read_only=True, idempotent=True)
def get_objects(document: Name | None = None, type: Annotated[str, Bound(maxLength=128)] | None = None,
                name: Annotated[str, Bound(maxLength=256)] | None = None,
                state: Literal["any", "ok", "touched", "error"] = "any",
                inside: ObjectName | None = None, visible: bool | None = None,
                properties: Annotated[list[Name], Bound(maxItems=50)] = [],
                offset: Annotated[int, Bound(minimum=0)] = 0,
                limit: Annotated[int, Bound(minimum=1, maximum=500)] = 50) -> ObjectPage:
    """List the objects of a document, a page at a time, filtered, with properties on request.

    Gives name, label, type and state of each. All filters must fit. Next:
    get_object for the values of one, get_objects with `next_offset` for more.

    Parameters
    ----------
    document : str
        Name or label; the active one when left out.
    type : str
        A type or a pattern: "Part::Box", "Sketcher::*"; those derived from it count.
    name : str
        Pattern of name or label: "Hole*".
    state : str
        "error" for those that need mending, "touched" for those not recomputed.
    inside : str
        Only what this group, part or body holds, at any depth.
    visible : bool
        Only shown or only hidden ones.
    properties : list
        Properties whose values come along, where an object has them: ["Length", "Placement"].
    offset : int
        Where the page begins.
    limit : int
        Objects a page; fewer come when they would be too much text.
    """
    doc = find.document(document)
    found = [item for item in _inside(doc, inside)
             if _fits(item, type, name, state, visible)]
    page: list[ObjectInfo] = []
    size = 0
    for item in found[offset:offset + limit]:
        made = object_info(item)
        if properties:
            made["properties"] = props.read_all(
                item, [key for key in properties if key.split(".")[0] in item.PropertiesList])
        size += len(json.dumps(made, default=str))
        if page and size > PAGE_BYTES:
            break
        page.append(made)
    end = offset + len(page)
    return {"document": doc.Name, "total": len(found), "offset": offset,
            "next_offset": end if end < len(found) else None, "objects": page}


def _inside(doc: Any, name: str | None) -> list[Any]:
    if name is None:
        return list(doc.Objects)
    holder = find.thing(doc, name)
    members = getattr(holder, "Group", None)
    if members is None:
        raise Invalid(f"{holder.Name} ({holder.TypeId}) holds no objects; leave `inside` out")
    found: dict[str, Any] = {}
    queue = list(members)
    while queue:
        item = queue.pop(0)
        if item.Name not in found:
            found[item.Name] = item
            queue.extend(getattr(item, "Group", None) or [])
    return list(found.values())


def _fits(item: Any, type_id: str | None, name: str | None, wanted: str, visible: bool | None) -> bool:
    if type_id and not fnmatch.fnmatchcase(item.TypeId, type_id) \
            and ("*" in type_id or not item.isDerivedFrom(type_id)):
        return False
    if name and not fnmatch.fnmatchcase(item.Name, name) and not fnmatch.fnmatchcase(item.Label, name):
        return False
    if wanted != "any" and state_of(item) != wanted:
        return False
    return visible is None or bool(getattr(item, "Visibility", False)) == visible


@tool(needs="document", toolset="core", title="Get an object", read_only=True, idempotent=True)
def get_object(object: ObjectName, document: Name | None = None,
               properties: Annotated[list[Name], Bound(maxItems=500)] | None = None,
               shape: bool = True) -> ObjectDetails:
    """Get an object's property values, in the form that edit_object takes, and its shape in numbers.

    Next: edit_object; inspect_object for types and choices of properties;
    analyze_shape for faces and validity.

    Parameters
    ----------
    object : str
        Name or label.
    document : str
        Name or label; the active one when left out.
    properties : list
        Only these; all when left out. A part of one too: "Placement.Base".
    shape : bool
        False leaves out the shape's numbers, which take time for a large one.
    """
    item = find.thing(find.document(document), object)
    made: ObjectDetails = {
        "document": item.Document.Name, "object": object_info(item),
        "properties": props.read_all(item, properties, shapes=False),
        "expressions": props.expressions(item), **_neighbours(item)}
    if shape and find.has_shape(item):
        made["shape"] = _shape(item)
    if properties is None and item.TypeId.startswith("Spreadsheet::Sheet"):
        made["values"] = sheet.cell_values(item, props.plain)
    return made


def _neighbours(item: Any) -> Any:
    doc = item.Document
    return {"uses": [find.reference(other, doc) for other in dict.fromkeys(item.OutList)],
            "used_by": [find.reference(other, doc) for other in dict.fromkeys(item.InList)]}


def _shape(item: Any) -> Any:
    from fcj.values import shape_summary
    return shape_summary(item.Shape)


@tool(needs="document", toolset="objects", title="Inspect an object", read_only=True, idempotent=True)
def inspect_object(object: ObjectName, document: Name | None = None, shape: bool = True) -> Inspection:
    """Tell all about an object: each property with type, value, choices and expression, its place in
    the tree, what it uses and what uses it, its state and shape.

    Use it before edit_object on a type that you don't know, and to find out
    why an object is in error. get_object is shorter.

    Parameters
    ----------
    object : str
        Name or label.
    document : str
        Name or label; the active one when left out.
    shape : bool
        False leaves out the shape's numbers.
    """
    item = find.thing(find.document(document), object)
    bound = props.expressions(item)
    values = props.read_all(item, shapes=False)
    made: Inspection = {
        "document": item.Document.Name, "object": object_info(item),
        "properties": {name: _property(item, name, value, bound) for name, value in values.items()},
        **_neighbours(item), "parents": _parents(item),
        "children": [child.Name for child in getattr(item, "Group", None) or []]}
    view = getattr(item, "ViewObject", None)
    if view is not None:
        made["view_properties"] = props.read_all(view, [
            name for name in sorted(view.PropertiesList) if name not in props.HIDDEN])
    if shape and find.has_shape(item):
        made["shape"] = _shape(item)
    if hasattr(item, "Placement"):
        made["placement_in_document"] = props.placement(find.above(item).multiply(item.Placement))
    return made


def _property(item: Any, name: str, value: Any, bound: dict[str, str]) -> PropertyInfo:
    if sheet.is_aliases(item, name):
        return {"type": "alias -> address of a cell", "value": value}
    made: PropertyInfo = {"type": item.getTypeIdOfProperty(name), "value": value}
    for key, text in (("group", item.getGroupOfProperty(name)),
                      ("about", item.getDocumentationOfProperty(name))):
        if text:
            made[key] = text                 # type: ignore[literal-required]
    choices = item.getEnumerationsOfProperty(name)
    if choices:
        made["choices"] = list(choices)
    mine = {path: text for path, text in bound.items() if path.split(".")[0] == name}
    if mine:
        made["expression"] = mine.get(name) or ", ".join(f"{path} = {text}"
                                                         for path, text in mine.items())
    status = [str(one) for one in item.getEditorMode(name)]
    if status:
        made["status"] = status
    return made


def _parents(item: Any) -> list[str]:
    parents: list[str] = []
    while item is not None and len(parents) < 50:
        item = item.getParentGeoFeatureGroup() or item.getParentGroup()
        if item is not None:
            parents.append(item.Name)
    return parents
