"""Which documents have changes that are in no file.

FreeCAD's App side does not say; an observer does. A document that was open
before the observer came, or is unknown for another reason, counts as
modified: to ask once too often loses nothing.
"""

from typing import Any

_clean: set[str] = set()
_watcher: Any = None


class _Watcher:
    """Called by FreeCAD; must not raise."""

    def slotCreatedObject(self, item: Any) -> None:
        _clean.discard(item.Document.Name)

    def slotDeletedObject(self, item: Any) -> None:
        _clean.discard(item.Document.Name)

    def slotChangedObject(self, item: Any, prop: str) -> None:
        # Visibility is no change that anyone would miss (nor for FreeCAD).
        if prop != "Visibility" and item.Document is not None:
            _clean.discard(item.Document.Name)

    def slotFinishSaveDocument(self, doc: Any, path: str) -> None:
        if path == doc.FileName:
            _clean.add(doc.Name)

    def slotDeletedDocument(self, doc: Any) -> None:
        _clean.discard(doc.Name)


def watch() -> None:
    """Begins to observe, once; the GUI worker's host calls it at its start."""
    global _watcher
    if _watcher is None:
        import FreeCAD
        _watcher = _Watcher()
        FreeCAD.addDocumentObserver(_watcher)


def is_modified(doc: Any) -> bool:
    """True when closing the document would lose something, or may."""
    watch()
    return doc.Name not in _clean and bool(doc.Objects or doc.FileName)


def set_clean(doc: Any) -> None:
    """The document is as in its file (just opened)."""
    watch()
    _clean.add(doc.Name)
