"""FreeCAD's window: there or not, its 3D views and its tabs.

The only module, with picture.py, that imports FreeCADGui; Invalid says what to
do in a process without a window.
"""

from typing import Any

from fcj import Failure, Invalid


def need_window() -> Any:
    """FreeCADGui, when there is a main window."""
    import FreeCAD
    if FreeCAD.GuiUp:
        import FreeCADGui
        if FreeCADGui.getMainWindow() is not None:
            return FreeCADGui
    raise Invalid("FreeCAD runs without a window here, so there is nothing to look at or to select; "
                  "start a GUI worker (fcj-worker --gui, or the add-on in your FreeCAD)")


def view_3d(doc: Any) -> Any:
    """The 3D view of a document, the active one first; made when there is none."""
    gui = need_window()
    gui_doc = gui.getDocument(doc.Name)
    active = gui_doc.ActiveView
    if active is not None and hasattr(active, "saveImage") and hasattr(active, "getCamera"):
        return active
    views = gui_doc.mdiViewsOfType("Gui::View3DInventor")
    if not views:
        views = [_new_view(gui, doc)]
    if views[0] is None:
        raise Failure(f"document {doc.Name} has no 3D view and none could be opened")
    return views[0]


def _new_view(gui: Any, doc: Any) -> Any:
    import FreeCAD
    before = FreeCAD.ActiveDocument
    FreeCAD.setActiveDocument(doc.Name)
    try:
        gui.runCommand("Std_ViewCreate", 0)
        views = gui.getDocument(doc.Name).mdiViewsOfType("Gui::View3DInventor")
        return views[0] if views else None
    finally:
        if before is not None and before.Name != doc.Name:
            FreeCAD.setActiveDocument(before.Name)


class Tab:
    """The tab of a page or a spreadsheet; opened when it is not, and then left
    open behind the tab that was in front.

    It holds on to what it was reached through: Qt's Python objects go with
    the last name of their parents."""

    def __init__(self, item: Any, class_name: str) -> None:
        from PySide2 import QtWidgets
        gui = need_window()
        self.window = gui.getMainWindow()
        self.area = self.window.findChild(QtWidgets.QMdiArea)
        if not self._find(item, class_name):
            front = self.area.activeSubWindow()
            item.ViewObject.doubleClicked()
            gui.updateGui()
            found = self._find(item, class_name)
            if front is not None:
                self.area.setActiveSubWindow(front)
            if not found:
                raise Failure(f"the tab of {item.Name} could not be opened")

    def _find(self, item: Any, class_name: str) -> bool:
        self.windows = self.area.subWindowList()
        for window in self.windows:
            self.widget = window.widget()
            if self.widget is not None and self.widget.metaObject().className() == class_name \
                    and self.widget.windowTitle().removesuffix("[*]").strip() == item.Label:
                return True
        return False


#: Colour settings of the report view, and FreeCAD's defaults (RRGGBBAA).
LEVELS = {"error": ("colorError", 0xff0000ff), "warning": ("colorWarning", 0xffaa00ff),
          "log": ("colorLogging", 0x0000ffff), "message": ("colorText", 0x000000ff)}


def report_lines() -> list[tuple[str, str]]:
    """(level, text) of each line of the report view. FreeCAD keeps the level
    in the line's colour only."""
    gui = need_window()
    import FreeCAD
    from PySide2 import QtWidgets
    gui.updateGui()                          # messages come as events
    window = gui.getMainWindow()
    view = window.findChild(QtWidgets.QTextEdit, "Report view")
    if view is None:
        raise Failure("FreeCAD's report view is not there; its messages go to get_job_output")
    settings = FreeCAD.ParamGet("User parameter:BaseApp/Preferences/OutputWindow")
    levels = {f"#{settings.GetUnsigned(key, default) >> 8:06x}": level
              for level, (key, default) in LEVELS.items()}
    lines: list[tuple[str, str]] = []
    document = view.document()
    block = document.begin()
    while block.isValid():
        colours = [one.format.foreground().color().name() for one in block.layout().formats()]
        if block.text().strip():
            lines.append((levels.get(colours[0] if colours else "", "message"), block.text()))
        block = block.next()
    return lines
