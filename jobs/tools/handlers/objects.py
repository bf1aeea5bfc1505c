"""Objects of live documents: create, edit, delete, list, look at."""

import fnmatch
import json
from typing import Annotated, Any, Literal, NotRequired, TypedDict

from fcj import Bound, Failure, Invalid, Job, ShapeSummary, tool
from fcj_docs import find, makers, properties as props
from fcj_docs.change import Change
from fcj_docs.types import Changes, ObjectInfo, object_info, state

Name = Annotated[str, Bound(minLength=1, maxLength=128)]
ObjectName = Annotated[str, Bound(minLength=1, maxLength=256)]
Type = Annotated[str, Bound(minLength=3, maxLength=128, pattern="^[A-Za-z0-9_]+::[A-Za-z0-9_]+$")]
Properties = dict[str, Any]
OnError = Literal["rollback", "keep"]
Names = Annotated[list[ObjectName], Bound(minItems=1, maxItems=1000)]

PAGE_BYTES = 40 * 1024            # a page stays below what a result shows in place
MANY = 10                         # deleting more than this asks first


class Created(Changes):
    """A new object, with the values that FreeCAD gave it."""

    object: ObjectInfo


class Edited(Changes):
    """An object with its new values."""

    object: ObjectInfo
    properties: Annotated[dict[str, Any], "The edited properties as they are now"]


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


@tool(needs="document", toolset="core", title="Create an object")
def create_object(job: Job, type: Type, name: Name | None = None, properties: Properties = {},
                  document: Name | None = None, parent: ObjectName | None = None,
                  on_error: OnError = "rollback") -> Created:
    """Create an object in a live document, set its properties and recompute: all of it or nothing.

    Types are FreeCAD's, such as Part::Box, Part::Cylinder, Part::Cut (Base,
    Tool), Part::MultiFuse (Shapes), Part::Fillet, PartDesign::Body,
    Sketcher::SketchObject, Spreadsheet::Sheet, App::Part, App::DocumentObjectGroup; also
    Draft::Wire (Points) and the like, and what ObjectsFem makes (Fem::MaterialSolid, with the
    analysis as parent). Others are made with execute_code. The answer has the real name and every object that changed.
    If the recompute fails, nothing is created and the error says why.

    Next: get_view to look, edit_object to change it, undo to take it back.

    Parameters
    ----------
    type : str
        FreeCAD's type of object.
    name : str
        FreeCAD appends a number when it is taken.
    properties : dict
        Name -> value: {"Length": "20 mm", "Placement": {"position": [0, 0, 5]}, "Base": "Box",
        "Label": "Lid"}. A number means mm or degrees. {"expression": "Sheet.w * 2"}
        binds one. "ViewObject": {"ShapeColor": "#ff8000"} for the looks.
    document : str
        Name or label; the active one when left out.
    parent : str
        A group, App::Part, PartDesign::Body or Fem::FemAnalysis that is to hold it.
    on_error : str
        "rollback": nothing stays when an object is in error. "keep": it stays,
        for instance a feature that gets its profile later.
    """
    doc = find.document(document)
    with Change(doc, f"Create {name or type.split('::')[1]}", on_error) as change:
        item = _add(doc, type, name, parent)
        change.edited.add(item.Name)
        props.write_all(job, item, properties)
    return {**change.answer, "object": object_info(item)}


def _add(doc: Any, type_id: str, name: str | None, parent: str | None) -> Any:
    holder = find.thing(doc, parent) if parent else None
    if holder is not None and not hasattr(holder, "addObject") and not hasattr(holder, "newObject"):
        raise Invalid(f"{holder.Name} ({holder.TypeId}) can't hold objects; a group, an App::Part or "
                      "a PartDesign::Body can")
    item = makers.make(doc, type_id, name)
    if holder is not None:
        holder.addObject(item)
    return item


@tool(needs="document", toolset="core", title="Edit an object")
def edit_object(job: Job, object: ObjectName, properties: Properties,
                document: Name | None = None, on_error: OnError = "rollback") -> Edited:
    """Set properties of an object and recompute: all of them or none.

    Takes values in the form in which get_object gives them. A value replaces
    the expression of that property. If the recompute fails, the document is as
    it was and the error says which object and why. The answer lists everything
    that changed with it.

    Next: get_view to look, undo to take it back.

    Parameters
    ----------
    object : str
        Name or label.
    properties : dict
        Name -> value: {"Length": "20 mm"} or 20; {"Placement": {"position": [1, 2, 3],
        "rotation": {"axis": [0, 0, 1], "angle_deg": 45}}}; "Placement.Base.x": 5 for a part
        of one; {"Tool": "Cylinder"}, {"Profile": {"object": "Sketch", "sub": ["Edge1"]}};
        {"Height": {"expression": "Box.Length / 2"}}; in a sketch "Constraints.width": 12; in
        a spreadsheet "cells": {"A1": "=2 * 3 mm"}; "ViewObject": {"ShapeColor": "#ff8000"}.
    document : str
        Name or label; the active one when left out.
    on_error : str
        "rollback": as it was when an object gets into error, or the edited one
        stays in it. "keep": it stays, and the errors are told.
    """
    doc = find.document(document)
    item = find.thing(doc, object)
    with Change(item.Document, f"Edit {item.Name}", on_error, [item.Name]) as change:
        props.write_all(job, item, properties)
    return {**change.answer, "object": object_info(item),
            "properties": _read_back(item, properties)}


def _read_back(item: Any, given: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in given:
        if name == "ViewObject":
            made[name] = {key: props.read(item.ViewObject, key) for key in given[name]}
        elif name.startswith("Constraints."):
            path = name.split(".", 1)[1]
            made[name] = props.quantity(item.getDatum(int(path) if path.isdigit() else path))
        else:
            made[name] = props.read(item, name)
    return made


@tool(needs="document", toolset="core", title="Delete objects", destructive=True)
def delete_object(job: Job, objects: Names, document: Name | None = None, with_children: bool = False,
                  delete_many: bool = False, on_error: OnError = "rollback") -> Changes:
    """Delete objects from a document: all of them or none, as one undo step.

    When other objects depend on them and get into error by it, nothing is
    deleted and the answer names those. More than 10 at once are deleted only
    when the user, or `delete_many`, says so. `undo` brings them back.

    Parameters
    ----------
    objects : list
        Names or labels.
    document : str
        Name or label; the active one when left out.
    with_children : bool
        Also what only they use: the contents of a group, the operands of a
        boolean.
    delete_many : bool
        True deletes more than 10 without asking.
    on_error : str
        "keep" deletes them even when others are in error afterwards.
    """
    doc = find.document(document)
    items = list(dict.fromkeys(find.thing(doc, name) for name in objects))
    if any(item.Document is not doc for item in items):
        raise Invalid("all objects must be of one document; call delete_object for each")
    names = _with_children(items) if with_children else [item.Name for item in items]
    if len(names) > MANY and not delete_many:
        job.confirm(f"{len(names)} objects of document {doc.Name} would be deleted.", "delete_many")
    users = _users(doc, names)
    title = f"Delete {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
    try:
        with Change(doc, title, on_error) as change:
            for name in names:
                if doc.getObject(name) is not None:      # a body takes its own along
                    doc.removeObject(name)
    except Failure as error:
        if not users:
            raise
        raise Failure(f"{error}. They are used by {', '.join(users[:20])}: delete or edit those first, "
                      "or pass on_error=\"keep\"") from error
    left = [name for name in names if doc.getObject(name) is not None]
    if left:
        raise Failure(f"FreeCAD did not delete {', '.join(left)}")
    return change.answer


def _with_children(items: list[Any]) -> list[str]:
    """The items, users before what they use, and what nothing else uses."""
    chosen = {item.Name: item for item in items}
    queue = list(items)
    while queue:
        for child in queue.pop(0).OutList:
            if child.Name not in chosen and all(user.Name in chosen for user in child.InList):
                chosen[child.Name] = child
                queue.append(child)
    return list(chosen)


def _users(doc: Any, names: list[str]) -> list[str]:
    users = {user.Name: None for name in names for user in doc.getObject(name).InList}
    return [name for name in users if name not in names]


# ---- Reading ----------------------------------------------------------------

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
    if wanted != "any" and state(item) != wanted:
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
        "properties": props.read_all(item, properties),
        "expressions": props.expressions(item), **_neighbours(item)}
    if shape and find.has_shape(item):
        made["shape"] = _shape(item)
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
    values = props.read_all(item)
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
    if hasattr(item, "getGlobalPlacement"):
        made["placement_in_document"] = props.placement(item.getGlobalPlacement())
    return made


def _property(item: Any, name: str, value: Any, bound: dict[str, str]) -> PropertyInfo:
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
