"""Which documents are open, and which have changed since when.

Observers of FreeCAD count each document's changes; the count says whether a
snapshot still holds. Whoever changes only the camera changes nothing.

A view provider's document can't be asked for: FreeCAD crashes when its object
is not attached yet, and it tells of changes before that. So a change of views
(colour, visibility) counts for the documents whose objects changed with it and
for the active one, and for all of them when no object changed.

Nor may anybody listen to views while one is made: FreeCAD asks the new one for
the property's name, and a class of views that is made for the first time then
refuses its next property ("Cannot add static property", FEM meshes for one).
Who creates an object changes its document anyway, so views are not listened to
from the first new object until the job is over.
"""

from typing import Any, Callable


class Changes:
    """Counts the changes of each document: its name -> a serial number.

    on_change is called at each, from whichever thread it is made in; on_close
    when a document goes, after its views were closed.
    """

    def __init__(self, on_change: Callable[[], None] | None = None,
                 on_close: Callable[[], None] | None = None) -> None:
        self._on_change = on_change or (lambda: None)
        self._on_close = on_close or (lambda: None)
        self.serials: dict[str, int] = {}
        self.total = 0
        self.settled = 0                    # total, when views were looked at last
        self.views = False
        self._gui: Any = None
        self._listening = False

    def watch(self, *, views: bool = True) -> None:
        """From now on. Documents that are open count as unchanged.

        views: what makes a snapshot old. A person's FreeCAD has none, and
        workbenches that make views without an object (previews), at which a
        listener would be in the way.
        """
        import FreeCAD
        import FreeCADGui
        for name in FreeCAD.listDocuments():
            self.serials[name] = 0
        FreeCAD.addDocumentObserver(self)
        if views and hasattr(FreeCADGui, "addDocumentObserver"):
            self._gui = _Views(self)
            self._listen(True)

    def stop(self) -> None:
        """No more."""
        import FreeCAD
        FreeCAD.removeDocumentObserver(self)
        self._listen(False)

    def mute(self) -> None:
        """In a fork: its saving is nobody's news, and Qt's loop is not its own."""
        self._on_change = lambda: None

    def _listen(self, on: bool) -> None:
        import FreeCADGui
        if self._gui is None or on == self._listening:
            return
        self._listening = on
        if on:
            FreeCADGui.addDocumentObserver(self._gui)
        else:
            FreeCADGui.removeDocumentObserver(self._gui)

    def note(self, document: Any) -> None:
        """A document changed; None is what an object has that is not in yet."""
        if document is None:
            return
        self.total += 1
        self.serials[document.Name] = self.total
        self._on_change()

    def view_changed(self) -> None:
        """Some document's; settle() says whose."""
        self.views = True
        self._on_change()

    def settle(self) -> int:
        """Between jobs: what views changed, too. The total."""
        import FreeCAD
        self._listen(True)
        if self.views:
            self.views = False
            active = FreeCAD.ActiveDocument
            alone = self.total == self.settled
            for document in FreeCAD.listDocuments().values():
                if alone or document is active:
                    self.note(document)
        self.settled = self.total
        return self.total

    def slotCreatedDocument(self, document: Any) -> None:
        self.note(document)

    def slotDeletedDocument(self, document: Any) -> None:
        self.total += 1
        self.serials.pop(document.Name, None)
        self._on_close()
        self._on_change()

    def slotActivateDocument(self, _document: Any) -> None:
        self._on_change()                   # nothing of it, but of the list

    def slotRelabelDocument(self, document: Any) -> None:
        self.note(document)

    def slotChangedDocument(self, document: Any, _property: str) -> None:
        self.note(document)

    def slotFinishSaveDocument(self, document: Any, _path: str) -> None:
        self.note(document)

    def slotUndoDocument(self, document: Any) -> None:
        self.note(document)

    def slotRedoDocument(self, document: Any) -> None:
        self.note(document)

    def slotCreatedObject(self, item: Any) -> None:
        """Comes before the object's view is made."""
        self.views = self.views or self._listening
        self._listen(False)
        self.note(item.Document)

    def slotDeletedObject(self, item: Any) -> None:
        self.note(item.Document)

    def slotChangedObject(self, item: Any, _property: str) -> None:
        self.note(item.Document)


class _Views:
    """Told when a view provider (colour, visibility) changed."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    def slotChangedObject(self, _view: Any, _property: str) -> None:
        self._changes.view_changed()


def listed() -> list[dict[str, Any]]:
    """The open documents, temporary ones left out, without their versions."""
    import FreeCAD
    import FreeCADGui
    active = FreeCAD.ActiveDocument
    found = []
    for name, document in FreeCAD.listDocuments().items():
        if getattr(document, "Temporary", False):
            continue
        view = FreeCADGui.getDocument(name)
        found.append({"name": name, "label": document.Label, "file": document.FileName,
                      "modified": bool(view is not None and view.Modified),
                      "objects": len(document.Objects),
                      "active": active is not None and active.Name == name})
    return found
