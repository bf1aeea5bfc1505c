"""The results that several tools share, as types: output schemas come from
these."""

from typing import Annotated, Any, NotRequired, TypedDict


class ObjectError(TypedDict):
    """An object that could not be recomputed."""

    object: str
    type: str
    message: Annotated[str, "What FreeCAD says"]


class Recompute(TypedDict):
    """What a recompute did to the errors of a document."""

    ok: Annotated[bool, "False when an object that was fine before is in error now"]
    new_errors: list[ObjectError]
    resolved: Annotated[list[str], "Objects that were in error before and are not any more"]
    persistent: Annotated[list[ObjectError], "In error before and now"]


class Changes(TypedDict):
    """What a change did; every name is the real one."""

    document: Annotated[str, "Name of the document"]
    created: Annotated[list[str], "Names of new objects"]
    changed: Annotated[list[str], "Objects that differ now, also those that follow others"]
    removed: list[str]
    recompute: Recompute
    undo: Annotated[str | None, "The undo step; `undo` takes it back. null: none was made"]
    undo_steps: NotRequired[Annotated[int, "How many it is, when the code made steps of its own: give it "
                                           "to `undo` as `steps`"]]


class ObjectInfo(TypedDict):
    """An object in short."""

    name: Annotated[str, "Give this to other tools"]
    label: str
    type: Annotated[str, "FreeCAD's type, such as Part::Box"]
    state: Annotated[str, "ok, touched (needs a recompute) or error"]
    error: NotRequired[str]
    visible: NotRequired[bool]
    properties: NotRequired[dict[str, Any]]


class DocumentInfo(TypedDict):
    """A document in short."""

    name: Annotated[str, "Give this to other tools"]
    label: str
    file: Annotated[str | None, "Where it was saved; null: nowhere yet"]
    active: bool
    modified: Annotated[bool, "Has, or may have, changes that are in no file"]
    objects: int
    errors: Annotated[int, "Objects in error"]
    undo: Annotated[list[str], "Steps that `undo` takes back, the next one first"]
    redo: list[str]


def object_info(item: Any) -> ObjectInfo:
    """ObjectInfo of a document object."""
    made: ObjectInfo = {"name": item.Name, "label": item.Label, "type": item.TypeId,
                        "state": state(item)}
    if made["state"] == "error":
        made["error"] = item.getStatusString()
    if "Visibility" in item.PropertiesList:
        made["visible"] = bool(item.Visibility)
    return made


def state(item: Any) -> str:
    """ok, touched or error."""
    if not item.isValid():
        return "error"
    return "touched" if "Touched" in item.State else "ok"


def document_info(doc: Any) -> DocumentInfo:
    """DocumentInfo of a document."""
    import FreeCAD

    from . import modified
    active = FreeCAD.ActiveDocument
    return {"name": doc.Name, "label": doc.Label, "file": doc.FileName or None,
            "active": active is not None and active.Name == doc.Name,
            "modified": modified.is_modified(doc), "objects": len(doc.Objects),
            "errors": sum(not item.isValid() for item in doc.Objects),
            "undo": list(doc.UndoNames)[:20], "redo": list(doc.RedoNames)[:20]}
