"""Objects of live documents: create, edit, delete."""

from typing import Annotated, Any, Literal

from fcj import Bound, Failure, Invalid, Job, tool
from fcj_docs import find, makers, properties as props, sheet
from fcj_docs.change import Change
from fcj_docs.fromjson import said
from fcj_docs.types import Changes, ObjectInfo, object_info

Name = Annotated[str, Bound(minLength=1, maxLength=128)]
ObjectName = Annotated[str, Bound(minLength=1, maxLength=256)]
Type = Annotated[str, Bound(minLength=3, maxLength=128, pattern="^[A-Za-z0-9_]+::[A-Za-z0-9_]+$")]
Properties = dict[str, Any]
OnError = Literal["rollback", "keep"]
Names = Annotated[list[ObjectName], Bound(minItems=1, maxItems=1000)]

MANY = 10                         # deleting more than this asks first


class Created(Changes):
    """A new object, with the values that FreeCAD gave it."""

    object: ObjectInfo


class Edited(Changes):
    """An object with its new values."""

    object: ObjectInfo
    properties: Annotated[dict[str, Any], "The edited properties as they are now"]


@tool(needs="document", toolset="core", title="Create an object")
def create_object(job: Job, type: Type, name: Name | None = None, properties: Properties = {},
                  document: Name | None = None, parent: ObjectName | None = None,
                  on_error: OnError = "rollback") -> Created:
    """Create an object in a live document, set its properties and recompute: all of it or nothing.

    Types are FreeCAD's, such as Part::Box, Part::Cylinder, Part::Cut (Base,
    Tool), Part::MultiFuse (Shapes), Part::Fillet (Base, Edges: [["Edge1", 2]]), PartDesign::Body,
    Sketcher::SketchObject, Spreadsheet::Sheet, App::Part, App::DocumentObjectGroup; also
    Draft::Wire (Points) and the like, and what ObjectsFem makes (Fem::MaterialSolid, with the
    analysis as parent). Others are made with execute_code. The answer has the real
    name and every object that changed.
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
        A group, App::Part, PartDesign::Body, Fem::FemAnalysis or TechDraw::DrawPage that is to
        hold it.
    on_error : str
        "rollback": nothing stays when an object is in error. "keep": it stays,
        for instance a feature that gets its profile later.
    """
    doc = find.document(document)
    with Change(doc, f"Create {name or type.split('::')[1]}", on_error) as change:
        holder = _holder(doc, parent) if parent else None
        item = makers.make(doc, type, name)
        if name and not name.isidentifier():     # FreeCAD made another of it
            item.Label = name
        change.edited.add(item.Name)
        # A body takes a pattern for a feature of its own by its originals; all
        # others know by what holds them how to take their values.
        late = item.isDerivedFrom("PartDesign::Transformed")
        if holder is not None and not late:
            _put_into(holder, item)
        props.write_all(job, item, properties)
        if holder is not None and late:
            _put_into(holder, item)
        if item.isDerivedFrom("PartDesign::ProfileBased") and item.Profile:
            item.Profile[0].Visibility = False   # as FreeCAD's own command does
    return {**change.answer, "object": object_info(item)}


def _holder(doc: Any, name: str) -> Any:
    holder = find.thing(doc, name)
    if not hasattr(holder, "addObject") and not hasattr(holder, "addView"):
        raise Invalid(f"{holder.Name} ({holder.TypeId}) can't hold objects; a group, an App::Part, a "
                      "PartDesign::Body or a TechDraw::DrawPage can")
    return holder


def _put_into(holder: Any, item: Any) -> None:
    try:
        (getattr(holder, "addObject", None) or holder.addView)(item)
    except Exception as error:
        raise Invalid(f"{holder.Name} ({holder.TypeId}) takes no {item.TypeId}: {said(error)}. A body takes "
                      "sketches, datums and PartDesign features; an App::Part or a group takes others") from error


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
        a spreadsheet "cells": {"A1": "=2 * 3 mm"} and "aliases": {"width": "A1"}; "ViewObject": {"ShapeColor": "#ff8000"}.
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
    if "ViewObject" in properties and item.Name not in change.answer["changed"]:
        change.answer["changed"].insert(0, item.Name)    # the App side tells of no colours
    return {**change.answer, "object": object_info(item),
            "properties": _read_back(item, properties)}


def _read_back(item: Any, given: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in given:
        if name == "ViewObject":
            made[name] = {key: props.read(item.ViewObject, key) for key in given[name]}
        elif sheet.is_aliases(item, name):
            made[name] = sheet.aliases(item)
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
    _check_bodies(items, names)
    if len(names) > MANY and not delete_many:
        job.confirm(f"{len(names)} objects of document {doc.Name} would be deleted.", "delete_many")
    users = _users(doc, names)
    title = f"Delete {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
    try:
        with Change(doc, title, on_error) as change:
            for name in names:
                if doc.getObject(name) is not None:      # a body takes its own along
                    _remove(doc, doc.getObject(name))
    except Failure as error:
        if not users:
            raise
        raise Failure(f"{error}. They are used by {', '.join(users[:20])}: delete or edit those first, "
                      "or pass on_error=\"keep\"") from error
    left = [name for name in names if doc.getObject(name) is not None]
    if left:
        raise Failure(f"FreeCAD did not delete {', '.join(left)}")
    return change.answer


def _check_bodies(items: list[Any], names: list[str]) -> None:
    """The features of a body are nothing without it."""
    for item in items:
        left = [one.Name for one in item.Group if one.Name not in names] \
            if item.TypeId == "PartDesign::Body" else []
        if left:
            raise Invalid(f"{item.Name} holds {', '.join(left[:10])}{', ...' if len(left) > 10 else ''}: pass "
                          "with_children=true to delete these with it")


def _remove(doc: Any, item: Any) -> None:
    """Removes an object as FreeCAD's window does: its body goes on with the
    feature before it, and what it alone had hidden is shown."""
    seen = item.Visibility
    hidden = [child for child in item.OutList if find.has_shape(child) and not child.Visibility]
    body = item.getParentGeoFeatureGroup()
    if body is not None and body.TypeId == "PartDesign::Body":
        body.removeObject(item)
        hidden = [body.Tip] if body.Tip is not None else []
    doc.removeObject(item.Name)
    for child in hidden:
        if seen and all(user.isDerivedFrom("App::DocumentObjectGroup") or user is body
                        for user in child.InList):
            child.Visibility = True


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
