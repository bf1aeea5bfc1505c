"""New objects of any type: FreeCAD's own, and those that Python makes.

"Part::Box" is a type of FreeCAD; "Fem::MaterialSolid" is made by ObjectsFem and
"Draft::Wire" by Draft, whose objects get their properties afterwards.
"""

import difflib
import sys
from typing import Any, Callable

from fcj import Invalid

from .fromjson import said

DRAFT: dict[str, Callable[[Any, Any], Any]] = {
    "Rectangle": lambda draft, vector: draft.make_rectangle(10, 10),
    "Circle": lambda draft, vector: draft.make_circle(5),
    "Polygon": lambda draft, vector: draft.make_polygon(6, 5),
    "Ellipse": lambda draft, vector: draft.make_ellipse(10, 5),
    "Point": lambda draft, vector: draft.make_point(0, 0, 0),
    "Wire": lambda draft, vector: draft.make_wire([vector(), vector(10, 0, 0)]),
    "BSpline": lambda draft, vector: draft.make_bspline([vector(), vector(5, 5, 0), vector(10, 0, 0)]),
    "BezCurve": lambda draft, vector: draft.make_bezcurve([vector(), vector(5, 5, 0), vector(10, 0, 0)]),
    "Text": lambda draft, vector: draft.make_text(["text"])}


def make(doc: Any, type_id: str, name: str | None) -> Any:
    """A new object of a document; Invalid, with types that are near, when
    there is no such type."""
    family, kind = type_id.split("::")
    if family == "Draft":
        return _draft(doc, kind, name)
    _load(doc, type_id)
    if family == "Fem" and type_id not in doc.supportedTypes():
        import ObjectsFem
        maker = getattr(ObjectsFem, f"make{kind}", None)
        if maker is not None:
            return _made(lambda: maker(doc, name) if name else maker(doc), type_id)
    try:
        return doc.addObject(type_id, name or kind)
    except Exception as error:
        raise Invalid(f"FreeCAD can't create a {type_id!r}: {said(error)}{_near(doc, type_id)}") from error


def _draft(doc: Any, kind: str, name: str | None) -> Any:
    """One of Draft's; the active document is where it puts them."""
    import FreeCAD
    if kind not in DRAFT:
        raise Invalid(f"Draft::{kind} is not known here; there are: "
                      + ", ".join(f"Draft::{one}" for one in DRAFT) + ". Others: execute_code")
    import Draft
    active = FreeCAD.ActiveDocument
    FreeCAD.setActiveDocument(doc.Name)
    try:
        item = _made(lambda: DRAFT[kind](Draft, FreeCAD.Vector), f"Draft::{kind}")
    finally:
        if active is not None:
            FreeCAD.setActiveDocument(active.Name)
    if name:
        item.Label = name                    # the name itself is Draft's choice
    return item


def _made(make_it: Callable[[], Any], type_id: str) -> Any:
    try:
        item = make_it()
    except Exception as error:
        raise Invalid(f"{type_id!r} can't be made without more: {said(error)}; use execute_code") from error
    if item is None:
        raise Invalid(f"{type_id!r} could not be made; use execute_code")
    return item


def _near(doc: Any, type_id: str) -> str:
    """Types that may have been meant, whatever their case or family."""
    known = {one.lower(): one for one in doc.supportedTypes() if one != type_id}
    kind = type_id.split("::")[1].lower()
    near = [one for low, one in known.items() if low.split("::")[1] == kind] \
        or [known[low] for low in difflib.get_close_matches(type_id.lower(), known, 4, 0.75)]
    return f"; did you mean {', '.join(near)}?" if near else ""


def _load(doc: Any, type_id: str) -> None:
    """Types come with their module."""
    module = type_id.split("::")[0]
    if module == "App":
        return
    try:
        __import__(module)
    except ImportError as error:
        if module != "PartDesign":
            raise Invalid(f"{type_id!r}: FreeCAD has no module {module} here"
                          f"{_near(doc, type_id)}") from error
        import _PartDesign                   # Debian's FreeCAD has it by this name only
        sys.modules["PartDesign"] = _PartDesign
