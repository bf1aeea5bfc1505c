"""Pictures of the 3D view, of drawing pages and of spreadsheets.

A 3D picture is drawn with a camera of its own and the user's put back. Every
picture is looked at before it is given away: one in which nothing is drawn is
not given, but the reason why there is nothing.
"""

import math
import os
from dataclasses import dataclass
from typing import Any, Literal

from fcj import Failure, Invalid, Job

from . import find
from .window import Tab, need_window, view_3d

View = Literal["Isometric", "Front", "Top", "Right", "Back", "Left", "Bottom", "Dimetric", "Trimetric",
               "Current"]
Background = Literal["white", "current", "transparent"]
METHODS = {"Isometric": "viewIsometric", "Front": "viewFront", "Top": "viewTop", "Right": "viewRight",
           "Back": "viewRear", "Left": "viewLeft", "Bottom": "viewBottom", "Dimetric": "viewDimetric",
           "Trimetric": "viewTrimetric"}
WIDTH, HEIGHT = 800, 600
BYTES_MAX = 1024 * 1024           # what a front-end puts into an answer
SETTLE_S, QUIET_ROUNDS = 10.0, 10 # how long a page is waited for


@dataclass
class Shot:
    """A picture: the artifact's name, or None and why there is none."""

    name: str | None
    width: int = 0
    height: int = 0
    note: str = ""
    colours: int = 0


def take(job: Job, document: str | None, views: list[str], width: int = WIDTH, height: int = HEIGHT,
         focus: str | None = None, background: str = "white", keep_camera: bool = False) -> Shot:
    """A picture of the 3D view; several views in one, side by side."""
    need_window()
    doc = find.document(document)
    target = find.thing(doc, focus) if focus else None
    why = nothing_to_see(doc)
    if why:
        return Shot(None, note=why)
    view = view_3d(doc)
    columns = math.ceil(math.sqrt(len(views)))
    rows = math.ceil(len(views) / columns)
    size = width // columns, height // rows
    camera = view.getCamera()
    try:
        images = [_draw(job, view, name, size, target, background) for name in views]
    finally:
        if not keep_camera:
            view.setCamera(camera)
    empty = [name for name, image in zip(views, images) if is_blank(image)]
    if empty and len(empty) == len(views):
        return Shot(None, note=_why_blank(target))
    note = f"nothing is drawn in {', '.join(empty)}" if empty else ""
    if len(images) == 1:
        return _save(job, images[0], note)
    return _save(job, _together(images, views, columns, size, background), note)


def _draw(job: Job, view: Any, name: str, size: tuple[int, int], target: Any, background: str) -> Any:
    from PySide2 import QtGui
    if name != "Current":
        getattr(view, METHODS[name])()
        view.fitAll()
    if target is not None:
        _look_at(view, target, size)
    path = os.path.join(job.scratch, "view.png")
    view.saveImage(path, *size, background.title())
    image = QtGui.QImage(path)
    if os.path.exists(path):
        os.unlink(path)
    if image.isNull():
        raise Failure("FreeCAD could not draw the view off the screen (no OpenGL?); the log of the GUI "
                      "worker says more")
    return image


def _look_at(view: Any, item: Any, size: tuple[int, int]) -> None:
    """Fits the camera to an object, without touching the selection."""
    box = _box(item)
    if box is None:
        raise Invalid(f"{item.Name} ({item.TypeId}) has nothing to look at; leave focus_object out")
    try:
        from pivy import coin
    except ImportError as error:
        raise Failure("pivy is missing (package python3-pivy), so the view can't be focused") from error
    view.getCameraNode().viewBoundingBox(
        coin.SbBox3f(box.XMin, box.YMin, box.ZMin, box.XMax, box.YMax, box.ZMax), size[0] / size[1], 1.0)


def _box(item: Any) -> Any:
    """The bounding box in the document's coordinates; None when void."""
    view = getattr(item, "ViewObject", None)
    shape, mesh = getattr(item, "Shape", None), getattr(item, "Mesh", None)
    box = None
    if hasattr(view, "getBoundingBox"):
        box = view.getBoundingBox()
    elif find.has_shape(item):
        box = shape.BoundBox
    elif mesh is not None:
        box = mesh.BoundBox
    if box is None or not box.isValid() or not box.DiagonalLength > 0:
        return None
    return box.transformed(find.above(item).Matrix)


# ---- Tabs -------------------------------------------------------------------

def take_tab(job: Job, document: str | None, name: str, width: int, height: int) -> Shot:
    """A picture of a TechDraw page or a spreadsheet."""
    need_window()
    item = find.thing(find.document(document), name)
    if item.isDerivedFrom("TechDraw::DrawPage"):
        return _take_page(job, item, width, height)
    if item.isDerivedFrom("Spreadsheet::Sheet"):
        return _take_sheet(job, item, width, height)
    raise Invalid(f"{item.Name} is a {item.TypeId}, neither a TechDraw page nor a spreadsheet; "
                  "focus_object shows an object in the 3D view")


def _take_page(job: Job, item: Any, width: int, height: int) -> Shot:
    from PySide2 import QtCore, QtGui, QtWidgets
    tab = Tab(item, "TechDrawGui::MDIViewPage")
    graphics = tab.widget.findChild(QtWidgets.QGraphicsView)
    settled = _settle()
    page = _paper(graphics, item)
    image = QtGui.QImage(*_within(page.width(), page.height(), width, height),
                         QtGui.QImage.Format_RGB32)
    image.fill(QtGui.QColor("white"))
    painter = QtGui.QPainter(image)
    painter.setRenderHint(QtGui.QPainter.Antialiasing)
    graphics.scene().render(painter, QtCore.QRectF(image.rect()), page)
    painter.end()
    if is_blank(image):
        template = "an empty" if item.Template else "no"
        return Shot(None, note=f"page {item.Name} is empty: it has {template} template and "
                               f"{len(item.Views)} views")
    return _save(job, image, _page_note(item, settled))


def _page_note(item: Any, settled: bool) -> str:
    if not item.Views:
        return f"page {item.Name} has no views yet, only its template"
    if not settled:
        return "FreeCAD still computes lines of its views: ask for the picture again"
    bare = [view.Name for view in item.Views if view.isDerivedFrom("TechDraw::DrawViewPart")
            and view.Source and not view.getVisibleEdges() and not view.getHiddenEdges()]
    return (f"without lines: {', '.join(bare[:10])}. A view that came to its page after it was computed needs "
            "recompute_document with force") if bare else ""


def _paper(graphics: Any, item: Any) -> Any:
    """The page in TechDraw's scene: ten units a millimetre, upwards negative."""
    from PySide2 import QtCore
    template = item.Template
    if template is None:
        return graphics.scene().itemsBoundingRect()
    wide, high = 10 * template.Width.Value, 10 * template.Height.Value
    return QtCore.QRectF(0, -high, wide, high)


def _settle() -> bool:
    """TechDraw finds hidden lines and faces in threads, and draws when they
    are ready; False when they take too long."""
    import time

    import FreeCADGui
    from PySide2 import QtCore
    pool, quiet, end = QtCore.QThreadPool.globalInstance(), 0, time.monotonic() + SETTLE_S
    while quiet < QUIET_ROUNDS and time.monotonic() < end:
        FreeCADGui.updateGui()
        quiet = 0 if pool.activeThreadCount() else quiet + 1
        time.sleep(0.01)
    return quiet >= QUIET_ROUNDS


def _within(wide: float, high: float, width: int, height: int) -> tuple[int, int]:
    scale = min(width / wide, height / high) if wide > 0 and high > 0 else 1
    return max(round(wide * scale), 1), max(round(high * scale), 1)


def _take_sheet(job: Job, item: Any, width: int, height: int) -> Shot:
    from PySide2 import QtGui, QtWidgets
    from .properties import read
    cells = read(item, "cells")
    if not cells:
        return Shot(None, note=f"spreadsheet {item.Name} is empty; edit_object sets \"cells\"")
    tab = Tab(item, "SpreadsheetGui::SheetView")
    table = next(view for view in tab.widget.findChildren(QtWidgets.QTableView)
                 if view.metaObject().className() == "SpreadsheetGui::SheetTableView")
    before = table.size()
    table.resize(width, height)
    image = QtGui.QImage(width, height, QtGui.QImage.Format_RGB32)
    image.fill(QtGui.QColor("white"))
    table.render(image)
    table.resize(before)
    return _save(job, image, f"it shows the cells from A1 on that fit; {len(cells)} are filled in all")


# ---- Judging and saving -----------------------------------------------------

def is_blank(image: Any) -> bool:
    """True when nothing is drawn: each row, or each column, is of one colour
    (a background may fade from one to another)."""
    rows = _rows(image)
    return all(row == row[:4] * (len(row) // 4) for row in rows)


def colours(image: Any) -> int:
    """How many different colours there are; most rows are like others."""
    return len(set().union(*(memoryview(row).cast("I") for row in set(_rows(image)))))


def _rows(image: Any) -> list[bytes]:
    from PySide2 import QtGui
    image = image.convertToFormat(QtGui.QImage.Format_ARGB32)
    data, step = bytes(image.constBits()), image.bytesPerLine()
    return [data[row * step:row * step + image.width() * 4] for row in range(image.height())]


def nothing_to_see(doc: Any) -> str:
    """Why the 3D view of a document must be empty; "" when it need not be."""
    seen = [item for item in doc.Objects if getattr(item, "ViewObject", None) is not None
            and _box(item) is not None]
    if any(item.ViewObject.isVisible() if hasattr(item.ViewObject, "isVisible") else item.Visibility
           for item in seen):
        return ""
    if not doc.Objects:
        return f"document {doc.Name} is empty; create_object makes something"
    if not seen:
        return (f"none of the {len(doc.Objects)} objects of {doc.Name} has anything to draw: no shape, or "
                "one that is null; get_objects with state=\"error\" names those in error")
    hidden = ", ".join(item.Name for item in seen[:10])
    return (f"all objects of {doc.Name} that could be drawn are hidden ({hidden}"
            f"{', ...' if len(seen) > 10 else ''}); edit_object with {{\"Visibility\": true}} shows one")


def _why_blank(target: Any) -> str:
    if target is not None:
        return f"nothing is drawn: {target.Name} is hidden or behind the camera"
    return ("nothing is drawn, although objects are visible: with view_name \"Current\" the camera looks "
            "elsewhere, take a named view; else they are transparent or white on white")


def _together(images: list[Any], names: list[str], columns: int, size: tuple[int, int],
              background: str) -> Any:
    from PySide2 import QtCore, QtGui
    rows = math.ceil(len(images) / columns)
    whole = QtGui.QImage(columns * size[0], rows * size[1], QtGui.QImage.Format_ARGB32)
    whole.fill(QtCore.Qt.transparent if background == "transparent" else QtGui.QColor("white"))
    painter = QtGui.QPainter(whole)
    for index, (image, name) in enumerate(zip(images, names)):
        left, top = index % columns * size[0], index // columns * size[1]
        painter.drawImage(left, top, image)
        painter.setPen(QtGui.QColor("gray"))
        painter.drawRect(left, top, size[0] - 1, size[1] - 1)
        painter.setPen(QtGui.QColor("black"))
        painter.drawText(left + 8, top + 18, name)
    painter.end()
    return whole


def _save(job: Job, image: Any, note: str) -> Shot:
    """As PNG; as JPEG when that would be too large for an answer."""
    from PySide2 import QtGui
    name = _free_name(job, "png")
    image.save(job.artifact_path(name), "PNG")
    if os.path.getsize(job.artifact_path(name)) > BYTES_MAX:
        os.unlink(job.artifact_path(name))
        name = _free_name(job, "jpg")
        image.convertToFormat(QtGui.QImage.Format_RGB32).save(job.artifact_path(name), "JPG", 85)
    job.announce(name)
    return Shot(name, image.width(), image.height(), note, colours(image))


def _free_name(job: Job, kind: str) -> str:
    name, number = f"view.{kind}", 1
    while name in job.artifacts:             # the code made one of that name
        number += 1
        name = f"view{number}.{kind}"
    return name
