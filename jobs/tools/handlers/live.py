"""Shapes between the live FreeCAD and other jobs."""

from typing import Annotated, Any, NotRequired, TypedDict

from fcj import Bound, Invalid, Job, JobId, tool
from fcj.hints import ShapeSummary
from fcj_docs import find
from fcj_docs.change import Change
from fcj_docs.types import Changes

LOOKS = ("ShapeColor", "LineColor", "PointColor", "Transparency", "DisplayMode")
Name = Annotated[str, Bound(minLength=1, maxLength=256)]
SHAPES_MAX = 64


class LiveShape(TypedDict):
    """A shape of a live document."""

    document: Name
    object: Name


class Snapshot(TypedDict):
    """The shapes that were taken; the artifacts are shape_0.brep and so on."""

    shapes: list[Annotated[dict[str, Any], "document, object (real names), artifact, volume"]]


class Applied(TypedDict):
    """The object that has the shape now."""

    object: Annotated[str, "Its real name"]
    label: str
    replaced: NotRequired[Annotated[str, "The object that it took the place of"]]
    shape: ShapeSummary
    changes: Changes


@tool(needs="document", toolset="core", title="Take shapes of live documents", read_only=True,
      internal=True)
def snapshot_shapes(job: Job, shapes: Annotated[
        list[LiveShape | Annotated[str, Bound(minLength=3, maxLength=520)]],
        Bound(minItems=1, maxItems=SHAPES_MAX)]) -> Snapshot:
    """Store the shapes of live objects, as they are now, as BREP artifacts for other jobs.

    Parameters
    ----------
    shapes : list
        "Document.Object" each, or document and object apart; names or labels.
    """
    taken = []
    for number, wanted in enumerate(shapes):
        item = _thing(wanted)
        shape = _placed(item)
        name = job.artifact(f"shape_{number}.brep", shape)
        taken.append({"document": item.Document.Name, "object": item.Name, "artifact": name})
    return {"shapes": taken}


@tool(needs="document", toolset="core", title="Put a job's result into a live document",
      destructive=True, options=("timeout_s", "idempotency_key"))
def apply_job_result(job: Job, job_id: JobId, document: Name | None = None, name: Name | None = None,
                     replace: Name | None = None) -> Applied:
    """Make the shape that a job computed an object of a live document, as one undo step.

    A job that still runs is waited for. The usual way: fuse_shapes_async (or another _async
    tool) with shapes ["Doc.Box", "Doc.Cyl"], which takes the shapes as they are now; work on
    while it computes; then this.

    Next: get_view to look, undo to take it back.

    Parameters
    ----------
    job_id : str
        The job whose result is a shape.
    document : str
        Name or label; the active one when left out.
    name : str
        Label of the new object. Its real name is in the answer.
    replace : str
        Name or label of an object that the result takes the place of: a plain shape keeps its
        name and what links to it; a parametric object (a box, a cut) is removed, which is
        refused while others are made from it.
    """
    shape = job.result(job_id)
    if not hasattr(shape, "ShapeType") or shape.isNull():
        raise Invalid(f"the result of job {job_id} is no shape but "
                      f"{'an empty one' if hasattr(shape, 'isNull') else type(shape).__name__}; "
                      "read it with get_job_result")
    doc = find.document(document)
    old = find.thing(doc, replace) if replace else None
    if old is not None:
        doc = old.Document
    with Change(doc, f"Apply result {job_id[:8]}") as change:
        item = _into(doc, shape, old, name)
        made = item.Name
    item = doc.getObject(made)
    answer: Applied = {"object": made, "label": item.Label, "shape": item.Shape,
                       "changes": change.answer}
    if replace:
        answer["replaced"] = replace
    return answer


def _thing(wanted: Any) -> Any:
    """The object; in "A.B.C" names and labels may have dots themselves."""
    if not isinstance(wanted, str):
        return find.thing(find.document(wanted["document"]), wanted["object"])
    problem: Invalid | None = None
    for index in [index for index, letter in enumerate(wanted) if letter == "."]:
        if not 0 < index < len(wanted) - 1:
            continue
        try:
            return find.thing(find.document(wanted[:index]), wanted[index + 1:])
        except Invalid as error:
            problem = problem if problem and "no document" in str(error) else error
    raise problem or Invalid(f"{wanted!r} is not \"Document.Object\"")


def _placed(item: Any) -> Any:
    """A copy of its shape where it stands in the document."""
    import Part
    shape = Part.getShape(item)
    if shape.isNull():
        raise Invalid(f"{item.Document.Name}.{item.Name} ({item.TypeId}) has no shape; name an object "
                      "that has one")
    shape = shape.copy()
    shape.Placement = find.above(item).multiply(shape.Placement)
    return shape


def _into(doc: Any, shape: Any, old: Any, name: str | None) -> Any:
    """The object with the shape: a new one, or in the place of an old one."""
    if old is not None:                      # shapes are the document's, places the holder's
        shape.Placement = find.above(old).inverse().multiply(shape.Placement)
    if old is not None and old.TypeId == "Part::Feature":
        old.Shape = shape
        if name:
            old.Label = name
        return old
    item = doc.addObject("Part::Feature", "Result")
    item.Shape = shape
    label = name or "Result"
    if old is not None:
        label = name or old.Label
        _take_place(item, old)
    item.Label = label
    return item


def _take_place(item: Any, old: Any) -> None:
    """Removes the old object; the item is where that was, and looks like it."""
    holders = [user for user in dict.fromkeys(old.InList) if old in getattr(user, "Group", ())]
    body = [user.Name for user in holders if user.TypeId == "PartDesign::Body"]
    users = body or [user.Name for user in dict.fromkeys(old.InList) if user not in holders]
    if users:
        raise Invalid(f"{old.Name} ({old.TypeId}) can't be replaced: {', '.join(users[:5])} "
                      f"{'is' if len(users) == 1 else 'are'} made from it; leave `replace` out, or replace "
                      "what uses it")
    for name in LOOKS:
        if hasattr(old.ViewObject, name) and hasattr(item.ViewObject, name):
            setattr(item.ViewObject, name, getattr(old.ViewObject, name))
    item.Visibility = old.Visibility
    if old.TypeId == "PartDesign::Body":
        old.removeObjectsFromDocument()      # its features are nothing without it
    old.Document.removeObject(old.Name)
    for holder in holders:
        holder.addObject(item)
