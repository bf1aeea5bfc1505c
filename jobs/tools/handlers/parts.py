"""The parts library: ready-made parts for live documents."""

from typing import Annotated, Any, TypedDict

from fcj import Bound, Failure, Job, tool
from fcj_docs import find, fromjson, library
from fcj_docs.change import Change
from fcj_docs.types import Changes

Name = Annotated[str, Bound(minLength=1, maxLength=128)]


class Part(TypedDict):
    """A file of the library."""

    path: Annotated[str, "Give this to insert_part_from_library"]
    category: Annotated[str, "Its directory"]
    size: Annotated[int, "Bytes"]


class Parts(TypedDict):
    """Some of the parts of the library."""

    total: int
    offset: int
    next_offset: int | None
    parts: list[Part]
    categories: Annotated[dict[str, int], "Top directory -> parts that fit"]
    root: Annotated[str, "Where the library is"]


class Inserted(Changes):
    """A part that is in a document now."""

    part: str
    objects: Annotated[list[str], "The new objects that no other new one holds"]


@tool(needs="document", toolset="parts", title="List the parts library", read_only=True, idempotent=True)
def get_parts_list(job: Job, search: Annotated[str, Bound(maxLength=200)] = "",
                   category: Annotated[str, Bound(maxLength=500)] = "",
                   offset: Annotated[int, Bound(minimum=0)] = 0,
                   limit: Annotated[int, Bound(minimum=1, maximum=500)] = 100) -> Parts:
    """List the parts of FreeCAD's parts library (screws, bearings, profiles, ...).

    Look here before modelling a standard part. Next: insert_part_from_library.
    Fails, and says how to set it up, when there is no library.

    Parameters
    ----------
    search : str
        Words that must all be in the path, in any case: "screw m6".
    category : str
        Only below this directory of the library: "Mechanical Parts/Fasteners".
    offset : int
        Where the page begins.
    limit : int
        Parts a page.
    """
    root = library.root(job)
    found = library.parts(root, search, category)
    categories: dict[str, int] = {}
    for path, _ in found:
        top = path.split("/")[0] if "/" in path else ""
        categories[top] = categories.get(top, 0) + 1
    end = min(offset + limit, len(found))
    return {"total": len(found), "offset": offset, "next_offset": end if end < len(found) else None,
            "parts": [{"path": path, "category": path.rpartition("/")[0], "size": size}
                      for path, size in found[offset:end]], "categories": categories, "root": root}


@tool(needs="document", toolset="parts", title="Insert a part from the library")
def insert_part_from_library(
        job: Job, path: Annotated[str, Bound(minLength=1, maxLength=1024)],
        document: Name | None = None, placement: dict[str, Any] | None = None,
        label: Name | None = None) -> Inserted:
    """Insert a part of the library, or a file below a workspace root, into a live document.

    Takes .FCStd (all of its objects), .step, .iges, .brep and .stl. All or
    nothing, one undo step. The answer has the real names.

    Next: get_view to look, edit_object to move it.

    Parameters
    ----------
    path : str
        As get_parts_list gives it; else below a workspace root.
    document : str
        Name or label; the active one when left out.
    placement : dict
        Where it is put: {"position": [x, y, z], "rotation": {"axis": [x, y, z], "angle_deg": a}}.
    label : str
        What people see, for a part that is one object.
    """
    doc = find.document(document)
    moved = fromjson.to_placement(placement, "placement") if placement else None
    file = library.file(job, path) or job.read_path(path)
    with Change(doc, f"Insert {path.rpartition('/')[2]}") as change:
        library.insert(doc, file)
        names = [name for owner, name in change.watch.created if owner == doc.Name]
        if not names:
            raise Failure(f"{path!r} holds no objects")
        tops = _tops(doc, names)
        for item in tops:
            if moved is not None and hasattr(item, "Placement"):
                item.Placement = moved.multiply(item.Placement)
        if label and len(tops) == 1:
            tops[0].Label = label
    return {**change.answer, "part": path, "objects": [item.Name for item in tops]}


def _tops(doc: Any, names: list[str]) -> list[Any]:
    """Objects that nothing else of the new ones is built on or holds."""
    items = [doc.getObject(name) for name in names]
    tops = [item for item in items if item is not None
            and not any(user.Name in names for user in item.InList)]
    return tops or [item for item in items if item is not None]
