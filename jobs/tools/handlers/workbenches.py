"""What this FreeCAD is set up with: its workbenches and its preferences."""

from typing import Annotated, Any, TypedDict

from fcj import tool

# Groups of preferences that change what modelling gives, or where files go.
GROUPS = ("Units", "General", "Document", "Part", "PartDesign", "Mod/Part", "Mod/PartDesign", "Mod/Sketcher",
          "Mod/Import", "Mod/Import/hSTEP", "Mod/Draft", "Macro", "TechDraw")
SECRETS = ("password", "passwd", "token", "secret", "proxy", "email", "author")
VALUES_MAX = 1000


class Workbench(TypedDict):
    """A workbench that is installed."""

    name: Annotated[str, "Its class, as Gui.activateWorkbench takes it"]
    title: Annotated[str, "As the user sees it"]


class Workbenches(TypedDict):
    """All of them, and the active one."""

    workbenches: list[Workbench]
    active: Annotated[str | None, "Name of the active one"]


class Preferences(TypedDict):
    """Preferences that differ from FreeCAD's defaults, and the units."""

    unit_schema: Annotated[str, "How lengths are shown; values are millimetres all the same"]
    decimals: int
    directories: Annotated[dict[str, str], "Where FreeCAD keeps what is the user's"]
    groups: Annotated[dict[str, dict[str, Any]], "Group -> name -> value, where the user has set one"]


@tool(needs="gui", toolset="macros", title="List workbenches", read_only=True, idempotent=True)
def list_workbenches() -> Workbenches:
    """List FreeCAD's workbenches, and say which one is active.

    Next: execute_code with Gui.activateWorkbench("PartDesignWorkbench"), which only the
    window's own commands need; tools here work in any workbench.
    """
    import FreeCADGui
    active = FreeCADGui.activeWorkbench()
    found = [{"name": name, "title": str(getattr(bench, "MenuText", name))}
             for name, bench in sorted(FreeCADGui.listWorkbenches().items())]
    return {"workbenches": found, "active": active.name() if active else None}     # type: ignore


@tool(needs="document", toolset="macros", title="Get preferences", read_only=True, idempotent=True)
def get_preferences() -> Preferences:
    """Read FreeCAD's preferences that matter to modelling: units, precision, import, directories.

    They are only read: the user changes them in FreeCAD's own dialog.
    """
    import FreeCAD
    units = FreeCAD.ParamGet("User parameter:BaseApp/Preferences/Units")
    schemas = FreeCAD.Units.listSchemas()
    number = units.GetInt("UserSchema", 0)
    groups: dict[str, dict[str, Any]] = {}
    for group in GROUPS:
        values = _values(FreeCAD.ParamGet(f"User parameter:BaseApp/Preferences/{group}"))
        if values:
            groups[group] = values
    return {"unit_schema": str(schemas[number]) if 0 <= number < len(schemas) else str(number),
            "decimals": units.GetInt("Decimals", 2),
            "directories": {"user": FreeCAD.getUserAppDataDir(), "macros": FreeCAD.getUserMacroDir(True),
                            "resources": FreeCAD.getResourceDir()},
            "groups": groups}


def _values(group: Any) -> dict[str, Any]:
    """What the user has set in a group, but for what is nobody's business."""
    found: dict[str, Any] = {}
    for _, name, value in group.GetContents() or []:
        if len(found) < VALUES_MAX and not any(word in name.lower() for word in SECRETS):
            found[name] = value
    return found
