"""A change of live documents: whole, or not at all.

``Change`` opens a FreeCAD transaction, observes what the code within does to
objects, recomputes, and compares the objects in error before and after. An
exception, or an error that was not there before, takes everything back: the
transaction is aborted and what the abort touched is recomputed, so that the
shapes too are as they were. One change is one undo step.

Code may open and commit transactions itself, as macros and FreeCAD's commands
do. Each is a step of its own then; what comes between them is in one of ours,
so that all of it can be taken back.
"""

import contextlib
from typing import Any, Callable, Iterable, Iterator

from fcj import Failure

from . import graph, sheet
from .fromjson import said
from .types import Changes, ObjectError, Recompute

SHOWN_MAX = 5


def errors(doc: Any) -> dict[str, ObjectError]:
    """Name -> error, of every object in error."""
    return {item.Name: {"object": item.Name, "type": item.TypeId, "message": _message(item)}
            for item in doc.Objects if not item.isValid()}


def _message(item: Any) -> str:
    """What FreeCAD says; of a spreadsheet, it does not say which cells."""
    if not sheet.is_aliases(item, "aliases"):
        return item.getStatusString()
    bad = [f"{cell}: {' '.join(value.split())}" for cell, value in sheet.cell_values(item).items()
           if isinstance(value, str) and value.startswith(("ERR", "<"))]
    return "; ".join(bad[:SHOWN_MAX]) or item.getStatusString()


class _Watch:
    """Notes which objects come, change and go, in every document.

    title: of the transaction that is opened again whenever another one ends;
    none when empty. steps: document -> how many were committed."""

    def __init__(self, title: str = "") -> None:
        self.title = title
        self.steps: dict[str, int] = {}
        self.created: dict[tuple[str, str], None] = {}
        self.changed: dict[tuple[str, str], None] = {}
        self.removed: dict[tuple[str, str], None] = {}
        self.new_documents: list[str] = []

    def slotCreatedDocument(self, doc: Any) -> None:
        self.new_documents.append(doc.Name)

    def slotCreatedObject(self, item: Any) -> None:
        key = _key(item)
        if self.removed.pop(key, 0) == 0:
            self.created[key] = None

    def slotDeletedObject(self, item: Any) -> None:
        key = _key(item)
        self.changed.pop(key, None)
        if self.created.pop(key, 0) == 0:
            self.removed[key] = None

    def slotChangedObject(self, item: Any, prop: str) -> None:
        # It has none before it is in, and changes once more when it is gone.
        if item.Document is not None and _key(item) not in self.removed:
            self.changed[_key(item)] = None


    def slotCommitTransaction(self, doc: Any) -> None:
        self.steps[doc.Name] = self.steps.get(doc.Name, 0) + 1
        self._open_again()

    def slotAbortTransaction(self, doc: Any) -> None:
        self._open_again()

    def _open_again(self) -> None:
        if self.title:
            import FreeCAD
            FreeCAD.setActiveTransaction(self.title)


@contextlib.contextmanager
def watching(doc: Any) -> Iterator[Callable[[], dict[str, list[str]]]]:
    """Observes without a transaction; what is given tells {created, changed,
    removed} of the document."""
    import FreeCAD
    watch = _Watch()
    FreeCAD.addDocumentObserver(watch)
    name = doc.Name
    try:
        yield lambda: {
            "created": _names(watch.created, name), "removed": _names(watch.removed, name),
            "changed": _names((key for key in watch.changed if key not in watch.created), name)}
    finally:
        FreeCAD.removeDocumentObserver(watch)


def _names(keys: Iterable[tuple[str, str]], document: str) -> list[str]:
    return [name if doc == document else f"{doc}#{name}" for doc, name in keys]


def _key(item: Any) -> tuple[str, str]:
    return item.Document.Name, item.Name


class Change:
    """``with Change(doc, "Edit Box") as change: ...``; then ``change.answer``.

    on_error   "rollback": errors that are new, or that objects named by
               `edited` still have, undo the change and raise Failure;
               "keep": they are only told
    edited     names of objects whose old errors count as well; may be added to
    """

    def __init__(self, doc: Any, title: str, on_error: str = "rollback",
                 edited: Iterable[str] = (), force: bool = False) -> None:
        self.doc, self.name, self.title = doc, doc.Name, title
        self.on_error, self.edited, self.force = on_error, set(edited), force
        self.watch = _Watch(title)
        self.answer: Changes

    def __enter__(self) -> "Change":
        import FreeCAD
        if self.doc.HasPendingTransaction:
            raise Failure(
                f"document {self.name} has an open transaction: somebody is in the middle of an edit "
                "(a sketch or a task panel is open). Finish that first, or run "
                "App.closeActiveTransaction(True) with execute_code and transaction=false")
        if not self.doc.UndoMode:            # off without a window
            self.doc.UndoMode = 1
        self.before = errors(self.doc)
        self.touched = {item.Name for item in self.doc.Objects if "Touched" in item.State} \
            if self.doc.isTouched() else set()
        # A step of another document than the active one would be a step of that
        # one, too ("-> Edit Box").
        self.active = FreeCAD.ActiveDocument
        if self.active is not None and self.active.Name != self.name:
            self.active = self.active.Name
            FreeCAD.setActiveDocument(self.name)
        else:
            self.active = None
        FreeCAD.addDocumentObserver(self.watch)
        FreeCAD.setActiveTransaction(self.title)
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        import FreeCAD
        try:
            if error is None:
                self._finish()
            else:
                self._roll_back()
        finally:
            FreeCAD.removeDocumentObserver(self.watch)
            if self.active in FreeCAD.listDocuments():
                FreeCAD.setActiveDocument(self.active)

    def _finish(self) -> None:
        try:
            if self.alive() and (self.force or self.watch.changed or self.watch.created
                                 or self.watch.removed):
                recompute(self.doc, self.force)
            self.answer = self._answer()
            if self.on_error == "rollback":
                self._check()
        except BaseException:
            self._roll_back()
            raise
        self._close(abort=False)
        steps = self.watch.steps.get(self.name, 0)
        if self.alive() and steps and self.doc.UndoNames:
            self.answer["undo"] = self.doc.UndoNames[0]
            if steps > 1:
                self.answer["undo_steps"] = min(steps, self.doc.UndoCount)

    def _close(self, abort: bool) -> None:
        import FreeCAD
        self.watch.title = ""                # no other after this one
        if FreeCAD.getActiveTransaction():
            FreeCAD.closeActiveTransaction(abort)

    def alive(self) -> bool:
        """False when the code has closed the document."""
        import FreeCAD
        return self.name in FreeCAD.listDocuments()

    def _check(self) -> None:
        if not self.alive():
            return
        made = self.answer["recompute"]
        bad = made["new_errors"] + [item for item in made["persistent"]
                                    if item["object"] in self.edited]
        if bad:
            told = "; ".join(f"{item['object']} ({item['type']}): {item['message']}"
                             for item in bad[:SHOWN_MAX])
            more = f" and {len(bad) - SHOWN_MAX} more" if len(bad) > SHOWN_MAX else ""
            raise Failure(f"the recompute failed, and the document is as it was before: {told}{more}. "
                          "Correct the values and try again")

    def _answer(self) -> Changes:
        alive = self.alive()
        after = errors(self.doc) if alive else {}
        watch = self.watch
        return {
            "document": self.name,
            "created": _names(watch.created, self.name),
            "changed": _names((key for key in watch.changed if key not in watch.created), self.name),
            "removed": _names(watch.removed, self.name),
            "recompute": difference(self.before if alive else {}, after),
            "undo": None}

    def _roll_back(self) -> None:
        """As it was: values, then shapes; documents that are new are closed."""
        import FreeCAD
        self._close(abort=True)
        for name in self.watch.new_documents:
            if name in FreeCAD.listDocuments():
                FreeCAD.closeDocument(name)
        for name, steps in self.watch.steps.items():
            if name in FreeCAD.listDocuments():
                _undo(FreeCAD.getDocument(name), steps)
        for name in {doc for doc, _ in {**self.watch.changed, **self.watch.removed}}:
            doc = FreeCAD.listDocuments().get(name)
            if doc is not None:
                _mend(doc, (self.touched | set(self.before)) if name == self.name else set())


def _mend(doc: Any, before: set[str]) -> None:
    """Recomputes what an abort has touched or left in error, and what follows
    from it, but for what was touched or in error before."""
    stale = {item.Name: item for item in doc.Objects
             if ("Touched" in item.State or not item.isValid()) and item.Name not in before}
    for item in list(stale.values()):
        stale.update({user.Name: user for user in item.InListRecursive
                      if user.Document is doc and user.Name not in before})
    if stale:
        doc.recompute(list(stale.values()))


def _undo(doc: Any, steps: int) -> None:
    """Takes committed steps back for good: nothing is left to be repeated."""
    import FreeCAD
    for _ in range(min(steps, doc.UndoCount)):
        doc.undo()
    if doc.Objects and doc.RedoCount:        # a new step clears those to repeat
        FreeCAD.setActiveTransaction("none")
        doc.Objects[0].Label2 += " "
        FreeCAD.closeActiveTransaction(True)


def recompute(doc: Any, force: bool = False) -> int:
    """Recomputes; Failure when the objects depend on each other in a circle."""
    try:
        count = doc.recompute(None, force, True)
    except (RuntimeError, ValueError) as error:
        why = said(error)
        if "DAG" not in why:
            raise Failure(f"document {doc.Name} can't be recomputed: {why}") from error
        count = -1
    if count < 0:
        _, cycles = graph.order({item.Name: item for item in doc.Objects})
        raise Failure(f"document {doc.Name} can't be recomputed: objects depend on each other in a "
                      f"circle: {' -> '.join([*cycles[0], cycles[0][0]]) if cycles else 'unknown'}")
    return count


def difference(before: dict[str, ObjectError], after: dict[str, ObjectError]) -> Recompute:
    """The errors that are new, gone and still there."""
    new = [after[name] for name in after if name not in before]
    return {"ok": not new, "new_errors": new,
            "resolved": [name for name in before if name not in after],
            "persistent": [after[name] for name in after if name in before]}

