"""Which documents are open, and which have changed since when.

Observers of FreeCAD count each document's changes; the count says whether a
snapshot still holds. Whoever changes only the camera changes nothing.
"""

from typing import Any


class Changes:
    """Counts the changes of each document: its name -> a serial number."""

    def __init__(self) -> None:
        self.serials: dict[str, int] = {}
        self.total = 0

    def watch(self) -> None:
        """From now on. Documents that are open count as unchanged."""
        import FreeCAD
        import FreeCADGui
        for name in FreeCAD.listDocuments():
            self.serials.setdefault(name, 0)
        FreeCAD.addDocumentObserver(self)
        if hasattr(FreeCADGui, "addDocumentObserver"):
            self._gui = _Views(self)
            FreeCADGui.addDocumentObserver(self._gui)

    def stop(self) -> None:
        """No more."""
        import FreeCAD
        import FreeCADGui
        FreeCAD.removeDocumentObserver(self)
        if hasattr(self, "_gui"):
            FreeCADGui.removeDocumentObserver(self._gui)

    def note(self, document: Any) -> None:
        """A document changed."""
        self.total += 1
        self.serials[document.Name] = self.total

    def slotCreatedDocument(self, document: Any) -> None:
        self.note(document)

    def slotDeletedDocument(self, document: Any) -> None:
        self.total += 1
        self.serials.pop(document.Name, None)

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
        self.note(item.Document)

    def slotDeletedObject(self, item: Any) -> None:
        self.note(item.Document)

    def slotChangedObject(self, item: Any, _property: str) -> None:
        self.note(item.Document)


class _Views:
    """What view providers (colour, visibility) change."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    def slotChangedObject(self, view: Any, _property: str) -> None:
        item = getattr(view, "Object", None)
        if item is not None and item.Document is not None:
            self._changes.note(item.Document)


def listed() -> list[dict[str, Any]]:
    """The open documents, temporary ones left out."""
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
