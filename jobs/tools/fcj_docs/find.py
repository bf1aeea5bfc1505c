"""Documents and objects by the names that an agent gives.

A name that fits nothing is answered with those that are near, because names
that FreeCAD made ("Box001") are what agents get wrong most.
"""

import difflib
from typing import Any

from fcj import Invalid

from . import modified

SHOWN_MAX = 12

#: Documents that were not opened again after FreeCAD ended: name -> why, and
#: where the copy is.
lost: dict[str, str] = {}


def documents() -> list[Any]:
    """Every open document but FreeCAD's own temporary ones."""
    import FreeCAD
    modified.watch()
    return [doc for doc in FreeCAD.listDocuments().values()
            if not getattr(doc, "Temporary", False)]


def document(name: str | None = None) -> Any:
    """The document of that name or label; the active one for None."""
    import FreeCAD
    known = documents()
    if name is None:
        if FreeCAD.ActiveDocument is not None:
            return FreeCAD.ActiveDocument
        if len(known) == 1:                  # the active one was closed
            return known[0]
        raise Invalid("no document is active; name one of: " + ", ".join(doc.Name for doc in known)
                      if known else
                      "no document is open; call create_document or open_document first")
    found = [doc for doc in known if doc.Name == name] or [doc for doc in known if doc.Label == name]
    if len(found) > 1:
        raise Invalid(f"{len(found)} documents have the label {name!r}; give the name instead: "
                      + ", ".join(doc.Name for doc in found))
    if not found:
        names = ", ".join(doc.Name for doc in known[:SHOWN_MAX])
        raise Invalid(f"no document {name!r} is open; open are: {names or 'none'}. "
                      + (lost.get(name) or "open_document opens a file, create_document makes one"))
    return found[0]


def thing(doc: Any, name: str) -> Any:
    """The object of that name, else of that label, in a document.

    "Doc#Name" names one of another document."""
    if "#" in name:
        other, name = name.split("#", 1)
        doc = document(other)
    found = doc.getObject(name) if name else None
    if found is not None:
        return found
    labelled = doc.getObjectsByLabel(name)
    if len(labelled) == 1:
        return labelled[0]
    if labelled:
        raise Invalid(f"{len(labelled)} objects of {doc.Name} have the label {name!r}; give the name "
                      "instead: " + ", ".join(item.Name for item in labelled[:SHOWN_MAX]))
    raise Invalid(f"document {doc.Name} has no object {name!r}; {_near(doc, name)}")


def _near(doc: Any, name: str) -> str:
    names = {item.Name: item.Name for item in doc.Objects}
    labels = {item.Label: item.Name for item in doc.Objects}
    near = difflib.get_close_matches(name, [*names, *labels], 5, 0.5)
    if near:
        both = {**labels, **names}
        return "near are: " + ", ".join(dict.fromkeys(both[item] for item in near))
    if not names:
        return "it has no objects; create_object makes one"
    some = ", ".join(list(names)[:SHOWN_MAX])
    return f"it has {len(names)}: {some}{', ...' if len(names) > SHOWN_MAX else ''}"


def has_shape(item: Any) -> bool:
    """True for an object with a shape that is not null."""
    shape = getattr(item, "Shape", None)
    return shape is not None and hasattr(shape, "isNull") and not shape.isNull()


def above(item: Any) -> Any:
    """The placement of all that holds an object (parts, a body): from the
    coordinates of its shape to those of the document."""
    import FreeCAD
    holder = item.getParentGeoFeatureGroup()
    return holder.getGlobalPlacement() if holder is not None else FreeCAD.Placement()


def reference(item: Any, doc: Any) -> str:
    """How an object is named: "Box", or "Other#Box" outside of doc."""
    return item.Name if item.Document is doc or item.Document.Name == doc.Name \
        else f"{item.Document.Name}#{item.Name}"
