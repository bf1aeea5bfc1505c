"""What is on the screen: pictures, the selection, the report view."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from fcj import Bound, Invalid, Job, tool
from fcj_docs import find, picture, window

Name = Annotated[str, Bound(minLength=1, maxLength=128)]
ObjectName = Annotated[str, Bound(minLength=1, maxLength=256)]
Pixels = Annotated[int, Bound(minimum=64, maximum=4096)]


class Picture(TypedDict):
    """A picture; it is also in the content of the answer."""

    image: Annotated[str | None, "The artifact with the picture; null: none, see `note`"]
    width: int
    height: int
    colours: Annotated[int, "How many different ones; a few: hardly anything is drawn"]
    showing: Annotated[list[str], "The views, from left to right and top to bottom"]
    note: NotRequired[Annotated[str, "Why there is no picture, or what is missing in it"]]


class Selected(TypedDict):
    """A selected object."""

    document: str
    object: str
    label: str
    type: str
    sub: Annotated[list[str], "Selected parts: Face1, Edge2; empty: the whole object"]
    points: Annotated[list[list[float]], "Where they were clicked, in mm"]
    parts: Annotated[list[dict[str, Any]], "Kind, size and centre (in the document) of each selected part"]


class Selection(TypedDict):
    """What is selected in FreeCAD now."""

    selection: list[Selected]


class Choice(TypedDict):
    """What to select."""

    object: Annotated[str, Bound(minLength=1, maxLength=256), "Name or label"]
    sub: NotRequired[Annotated[list[Annotated[str, Bound(maxLength=256)]], Bound(maxItems=1000),
                               "Parts of it: [\"Face1\"]"]]


class ConsoleLine(TypedDict):
    """One line of the report view."""

    level: Annotated[str, "message, warning, error or log"]
    text: str


class Console(TypedDict):
    """Lines of the report view."""

    lines: list[ConsoleLine]
    total: Annotated[int, "Lines that fit in all"]
    errors: Annotated[int, "Of them, errors"]


@tool(needs="gui", toolset="core", title="Take a picture of the view", read_only=True)
def get_view(job: Job, view_name: picture.View = "Isometric",
             views: Annotated[list[picture.View], Bound(maxItems=9)] = [],
             width: Pixels = picture.WIDTH, height: Pixels = picture.HEIGHT,
             focus_object: ObjectName | None = None, document: Name | None = None,
             page: ObjectName | None = None, background: picture.Background = "white",
             move_camera: bool = False) -> Picture:
    """Look at a document: a picture of the 3D view, of a TechDraw page or of a spreadsheet.

    The picture comes in the answer. When nothing would be drawn there is no
    picture but `note` says why (the document is empty, all is hidden, the shapes
    are null). Pictures cost tokens: ask for one after a step that can go
    wrong, small, and for several views in one.

    Parameters
    ----------
    view_name : str
        From where; all visible objects fit in. "Current" is the camera as the user has it.
    views : list
        Several in one picture instead: ["Isometric", "Front", "Top", "Right"].
    width : int
        Of the whole picture, in pixels.
    height : int
        Of the whole picture, in pixels.
    focus_object : str
        Fit this object instead of all of them.
    document : str
        Name or label; the active one when left out.
    page : str
        Show this TechDraw page or spreadsheet instead of the 3D view.
    background : str
        "current" is the one of the window, which fades.
    move_camera : bool
        True leaves the user's view as it is in the picture; else the camera is put back.
    """
    shown: list[str] = list(views) or [view_name]
    if page is not None:
        if views or focus_object:
            raise Invalid("page goes without views and focus_object")
        shot, shown = picture.take_tab(job, document, page, width, height), [page]
    else:
        if len(shown) > 1 and min(width, height) < 64 * 3:
            raise Invalid("several views need a picture of at least 192 x 192")
        shot = picture.take(job, document, shown, width, height, focus_object, background, move_camera)
    made: Picture = {"image": shot.name, "width": shot.width, "height": shot.height,
                     "colours": shot.colours, "showing": shown}
    if shot.note:
        made["note"] = shot.note
    return made


@tool(needs="gui", toolset="view", title="Get the selection", read_only=True, idempotent=True)
def get_selection() -> Selection:
    """Tell what the user has selected in FreeCAD: objects, faces, edges, and where they were clicked.

    Use it when a user says "this face" or "the selected part". Each selected part comes
    with its kind, size and centre. Next: edit_object, create_object or execute_code with these names.
    """
    gui = window.need_window()
    return {"selection": [_selected(one) for one in _all_selected(gui)]}


@tool(needs="gui", toolset="view", title="Set the selection", idempotent=True)
def set_selection(objects: Annotated[list[Choice], Bound(maxItems=1000)], document: Name | None = None,
                  clear: bool = True) -> Selection:
    """Select objects, faces or edges in FreeCAD, to show them to the user; or, with none, clear the
    selection.

    All of them are looked up before anything is selected. The answer tells what is selected then.

    Parameters
    ----------
    objects : list
        What to select: [{"object": "Box", "sub": ["Face1"]}]; [] selects nothing.
    document : str
        Name or label; the active one when left out.
    clear : bool
        False adds to what is selected already.
    """
    gui = window.need_window()
    doc = find.document(document) if objects or document else None
    chosen = [(find.thing(doc, one["object"]), one.get("sub", [])) for one in objects]
    for item, subs in chosen:
        for sub in subs:
            _check_sub(item, sub)
    if clear:
        gui.Selection.clearSelection()
    for item, subs in chosen:
        for sub in subs or [""]:
            gui.Selection.addSelection(item.Document.Name, item.Name, sub)
    return {"selection": [_selected(one) for one in _all_selected(gui)]}


def _check_sub(item: Any, sub: str) -> None:
    try:
        part = item.getSubObject(sub)
    except Exception:
        part = None
    if part is None:
        raise Invalid(f"{item.Name} has no part {sub!r}; analyze_shape with elements=\"faces\" or "
                      "\"edges\" names them")


def _all_selected(gui: Any) -> list[Any]:
    """Of every document; FreeCAD asks for each by name."""
    return [one for doc in find.documents() for one in gui.Selection.getSelectionEx(doc.Name)]


def _selected(one: Any) -> Selected:
    from fcj.values import vector
    item = one.Object
    return {"document": one.DocumentName, "object": one.ObjectName, "label": item.Label,
            "type": item.TypeId, "sub": [sub for sub in one.SubElementNames if sub],
            "points": [vector(point) for point in one.PickedPoints],
            "parts": [_part(sub, name, find.above(item))
                      for sub, name in zip(one.SubObjects, one.SubElementNames)]}


def _part(shape: Any, name: str, above: Any) -> dict[str, Any]:
    from fcj.values import vector
    made: dict[str, Any] = {"name": name}
    if not hasattr(shape, "ShapeType"):
        return made
    made["kind"] = shape.ShapeType
    if shape.ShapeType == "Vertex":
        return {**made, "center": vector(above.multVec(shape.Point))}
    geometry = "Surface" if shape.ShapeType == "Face" else "Curve"
    if hasattr(shape, geometry):
        made["geometry"] = type(getattr(shape, geometry)).__name__
    made["center"] = vector(above.multVec(shape.CenterOfMass))
    made["area" if shape.ShapeType == "Face" else "length"] = \
        shape.Area if shape.ShapeType == "Face" else shape.Length
    return made


@tool(needs="gui", toolset="view", title="Read the report view", read_only=True, idempotent=True)
def get_console_output(lines: Annotated[int, Bound(minimum=1, maximum=1000)] = 100,
                       contains: Annotated[str, Bound(maxLength=200)] = "",
                       level: Literal["all", "warnings", "errors"] = "all") -> Console:
    """Read the last lines of FreeCAD's report view: messages, warnings and errors of FreeCAD itself.

    Use it when a command did nothing, or a recompute failed and its message is
    too short. What code prints is in the answer of execute_code and in get_job_output.

    Parameters
    ----------
    lines : int
        How many of the last ones.
    contains : str
        Only lines with this text, in any case.
    level : str
        "warnings": only warnings and errors; "errors": only errors.
    """
    wanted = {"all": None, "warnings": ("warning", "error"), "errors": ("error",)}[level]
    found: list[ConsoleLine] = [
        {"level": kind, "text": text[:2000]} for kind, text in window.report_lines()
        if contains.lower() in text.lower() and (wanted is None or kind in wanted)]
    return {"lines": found[-lines:], "total": len(found),
            "errors": sum(one["level"] == "error" for one in found)}
