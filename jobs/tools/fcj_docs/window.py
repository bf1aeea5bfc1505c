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


def tab(item: Any, class_name: str) -> Any:
    """The widget of a page's or a spreadsheet's tab; opened when it is not,
    and then left open, behind the tab that was in front."""
    gui = need_window()
    from PySide2 import QtWidgets
    area = gui.getMainWindow().findChild(QtWidgets.QMdiArea)
    found = _tab(area, item, class_name)
    if found is not None:
        return found
    front = area.activeSubWindow()
    item.ViewObject.doubleClicked()
    gui.updateGui()
    found = _tab(area, item, class_name)
    if front is not None:
        area.setActiveSubWindow(front)
    if found is None:
        raise Failure(f"the tab of {item.Name} could not be opened")
    return found


def _tab(area: Any, item: Any, class_name: str) -> Any:
    for window in area.subWindowList():
        widget = window.widget()
        if widget is not None and widget.metaObject().className() == class_name \
                and widget.windowTitle().removesuffix("[*]").strip() == item.Label:
            return widget
    return None


def report_text() -> str:
    """All that stands in the report view."""
    gui = need_window()
    from PySide2 import QtWidgets
    view = gui.getMainWindow().findChild(QtWidgets.QTextEdit, "Report view")
    if view is None:
        raise Failure("FreeCAD's report view is not there; its messages go to get_job_output")
    return view.toPlainText()
