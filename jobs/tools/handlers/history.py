"""Taking changes back, and again."""

from typing import Annotated, Any, TypedDict

from fcj import Bound, Invalid, tool
from fcj_docs import find
from fcj_docs.change import difference, errors, recompute, watching
from fcj_docs.types import Recompute

Name = Annotated[str, Bound(minLength=1, maxLength=128)]
Steps = Annotated[int, Bound(minimum=1, maximum=100)]


class History(TypedDict):
    """What was taken back or done again."""

    document: str
    steps: Annotated[list[str], "The steps, in the order in which they were taken back or repeated"]
    created: list[str]
    changed: list[str]
    removed: list[str]
    recompute: Recompute
    undo: Annotated[list[str], "Steps that can be taken back now, the next one first"]
    redo: Annotated[list[str], "Steps that can be repeated now, the next one first"]


@tool(needs="document", toolset="core", title="Undo")
def undo(document: Name | None = None, steps: Steps = 1) -> History:
    """Take back the last changes of a document. Each call of a changing tool is one step.

    Tells which objects came, changed and went by it. `redo` repeats them.

    Parameters
    ----------
    document : str
        Name or label; the active one when left out.
    steps : int
        How many.
    """
    return _step(find.document(document), steps, "undo")


@tool(needs="document", toolset="objects", title="Redo")
def redo(document: Name | None = None, steps: Steps = 1) -> History:
    """Repeat changes of a document that `undo` took back, as long as nothing else was changed since.

    Parameters
    ----------
    document : str
        Name or label; the active one when left out.
    steps : int
        How many.
    """
    return _step(find.document(document), steps, "redo")


def _step(doc: Any, steps: int, which: str) -> History:
    names = list(doc.UndoNames if which == "undo" else doc.RedoNames)
    if len(names) < steps:
        raise Invalid(f"document {doc.Name} has {len(names)} steps to {which}, not {steps}"
                      + (f": {', '.join(names)}" if names else ""))
    before = errors(doc)
    with watching(doc) as seen:
        for _ in range(steps):
            getattr(doc, which)()
        recompute(doc)
    return {"document": doc.Name, "steps": names[:steps], **seen(),
            "recompute": difference(before, errors(doc)),
            "undo": list(doc.UndoNames)[:20], "redo": list(doc.RedoNames)[:20]}
