"""Comments at a place of a model, kept in the document and seen in its view."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from fcj import Bound, Invalid, Point, tool
from fcj_docs import find, properties as props
from fcj_docs.change import Change
from fcj_docs.types import Changes

Name = Annotated[str, Bound(minLength=1, maxLength=128)]
ObjectName = Annotated[str, Bound(minLength=1, maxLength=256)]
Text = Annotated[str, Bound(minLength=1, maxLength=4000)]
State = Literal["open", "proposed", "resolved"]

TYPE = "App::AnnotationLabel"     # FreeCAD's own label with a line to a point
STATES = ["open", "proposed", "resolved"]


class Comment(TypedDict):
    """A comment and what it is about."""

    name: Annotated[str, "Give this to the other tools for comments"]
    text: str
    state: Annotated[str, "open, proposed (somebody says that it is done) or resolved"]
    author: str
    point: Annotated[list[float], "Where it is, in mm"]
    object: NotRequired[Annotated[str, "What it is about"]]
    sub: NotRequired[Annotated[str, "Which part of that: Face3"]]
    resolution: NotRequired[Annotated[str, "What was done, or is said to have been"]]
    stale: NotRequired[Annotated[bool, "The object or that part of it is gone"]]


class Comments(TypedDict):
    """The comments of a document."""

    document: str
    comments: list[Comment]


class CommentChange(Changes):
    """A comment that is new or changed."""

    comment: Comment


@tool(needs="document", toolset="comments", title="Comment on a place of a model")
def create_spatial_comment(text: Text, object: ObjectName | None = None,
                           sub: Annotated[str, Bound(pattern="^[A-Za-z]+[0-9]+$")] | None = None,
                           point: Point | None = None, author: Name = "agent",
                           document: Name | None = None) -> CommentChange:
    """Leave a comment at an object, a face, an edge or a point, for the user or another agent.

    It is saved with the document and shown in the 3D view as a label with a
    line to its place. "This face" of a user is in get_selection: object, sub, point.

    Next: list_spatial_comments; propose_spatial_comment_resolution when it is done.

    Parameters
    ----------
    text : str
        What is to be said.
    object : str
        Name or label of what it is about.
    sub : str
        A part of it: "Face3".
    point : list
        Where it stands; the middle of the object or of the part when left out.
    author : str
        Who says it.
    document : str
        Name or label; the active one when left out.
    """
    doc = find.document(document)
    target = find.thing(doc, object) if object else None
    if target is None and (sub or point is None):
        raise Invalid("say where: an object, or a point" if not sub else "sub needs an object")
    place = _place(target, sub, point)
    with Change(doc, "Comment") as change:
        item = doc.addObject(TYPE, "Comment")
        _add_properties(item)
        item.LabelText = text.splitlines()
        item.BasePosition = place
        item.TextPosition = place
        item.CommentAuthor = author
        if target is not None:
            item.CommentTarget = (target, [sub or ""])
    return {**change.answer, "comment": _comment(item)}


def _add_properties(item: Any) -> None:
    for kind, name, about in (("Enumeration", "CommentState", "open, proposed or resolved"),
                              ("String", "CommentAuthor", "Who said it"),
                              ("LinkSub", "CommentTarget", "What it is about"),
                              ("String", "CommentResolution", "What was done")):
        item.addProperty(f"App::Property{kind}", name, "Comment", about)
    item.CommentState = STATES
    item.CommentState = "open"


def _place(target: Any, sub: str | None, point: list[float] | None) -> Any:
    import FreeCAD
    shape = getattr(target, "Shape", None)
    part = shape
    if sub:
        try:
            part = shape.getElement(sub)
        except Exception as error:
            raise Invalid(f"{target.Name} has no part {sub!r}; analyze_shape with elements=\"faces\" "
                          "names them") from error
    if point is not None:
        return FreeCAD.Vector(*point)
    if part is not None and hasattr(part, "isNull") and not part.isNull():
        return find.above(target).multVec(part.BoundBox.Center)
    base = target.Placement.Base if hasattr(target, "Placement") else FreeCAD.Vector()
    return find.above(target).multVec(base)


@tool(needs="document", toolset="comments", title="List comments", read_only=True, idempotent=True)
def list_spatial_comments(document: Name | None = None, state: Literal[
                              "any", "open", "proposed", "resolved"] = "any",
                          object: ObjectName | None = None) -> Comments:
    """List the comments of a document, with what they are about and how they stand.

    Look here before changing a model that people review. The state is also the
    property CommentState of the comment, which people and edit_object may set.

    Parameters
    ----------
    document : str
        Name or label; the active one when left out.
    state : str
        Only those in this state.
    object : str
        Only those about this object.
    """
    doc = find.document(document)
    wanted = find.thing(doc, object).Name if object else None
    found = [_comment(item) for item in doc.Objects if _is_comment(item)]
    return {"document": doc.Name, "comments": [
        one for one in found if state in ("any", one["state"])
        and wanted in (None, one.get("object"))]}


@tool(needs="document", toolset="comments", title="Say that a comment is dealt with", idempotent=True)
def propose_spatial_comment_resolution(comment: ObjectName, resolution: Text, final: bool = False,
                                       document: Name | None = None) -> CommentChange:
    """Say what was done about a comment. The user then looks and sets it to resolved, or to open again.

    Parameters
    ----------
    comment : str
        Name of the comment.
    resolution : str
        What was done.
    final : bool
        True sets it to resolved at once: only when the user said so.
    document : str
        Name or label; the active one when left out.
    """
    item = _find(document, comment)
    with Change(item.Document, "Resolve comment") as change:
        item.CommentResolution = resolution
        item.CommentState = "resolved" if final else "proposed"
    return {**change.answer, "comment": _comment(item)}


@tool(needs="document", toolset="comments", title="Delete a comment", destructive=True)
def delete_spatial_comment(comment: ObjectName, document: Name | None = None) -> Changes:
    """Delete a comment; `undo` brings it back. One that is dealt with is better resolved than deleted.

    Parameters
    ----------
    comment : str
        Name of the comment.
    document : str
        Name or label; the active one when left out.
    """
    item = _find(document, comment)
    doc = item.Document
    with Change(doc, "Delete comment") as change:
        doc.removeObject(item.Name)
    return change.answer


def _is_comment(item: Any) -> bool:
    return item.TypeId == TYPE and "CommentState" in item.PropertiesList


def _find(document: str | None, name: str) -> Any:
    item = find.thing(find.document(document), name)
    if not _is_comment(item):
        raise Invalid(f"{item.Name} is no comment; list_spatial_comments names them")
    return item


def _comment(item: Any) -> Comment:
    made: Comment = {"name": item.Name, "text": "\n".join(item.LabelText), "state": item.CommentState,
                     "author": item.CommentAuthor, "point": props.read(item, "BasePosition")}
    if item.CommentResolution:
        made["resolution"] = item.CommentResolution
    target = item.CommentTarget
    if target is None:
        return made
    made["object"], sub = find.reference(target[0], item.Document), next(iter(target[1]), "")
    if sub:
        made["sub"] = sub
        try:
            target[0].Shape.getElement(sub)
        except Exception:
            made["stale"] = True
    return made
