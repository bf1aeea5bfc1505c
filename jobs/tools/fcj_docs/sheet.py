"""Spreadsheets: cells and their names as values, both ways.

FreeCAD makes a property of each cell and of each alias; here they are two maps,
`cells` (address -> content) and `aliases` (alias -> address), as in its file.
"""

import re
from typing import Any, Callable

from fcj import Invalid

from .fromjson import said, short


def is_aliases(item: Any, name: str) -> bool:
    """Names of a spreadsheet's cells: no property of FreeCAD's, but told and
    set as one."""
    return name == "aliases" and item.TypeId.startswith("Spreadsheet::Sheet")


def aliases(item: Any) -> dict[str, str]:
    """Alias -> address of a spreadsheet's cell."""
    return {cell.get("alias", ""): cell.get("address", "") for cell in _cell_list(item.cells)
            if cell.get("alias")}


def cell_values(item: Any, read: Callable[[Any], Any] = str) -> dict[str, Any]:
    """Address -> what is computed there, for cells with formulas; as read tells it."""
    made = {}
    for cell in _cell_list(item.cells):
        if cell.get("content", "").startswith("="):
            try:
                made[cell.get("address", "")] = read(item.get(cell.get("address")))
            except Exception as error:           # in error, or not recomputed
                made[cell.get("address", "")] = f"<{said(error)}>"
    return made


def _cell_list(value: Any) -> list[Any]:
    import xml.etree.ElementTree as tree
    return list(tree.fromstring(value.Content).iter("Cell"))


def write_aliases(item: Any, value: Any) -> None:
    """{"width": "B1"} names cells; null takes a name away."""
    if not isinstance(value, dict):
        raise Invalid("aliases must be an object: alias -> address, such as {\"width\": \"B1\"}")
    now = aliases(item)
    for alias, address in value.items():
        try:
            if now.get(alias):
                item.setAlias(now[alias], "")
            if address is not None:
                item.setAlias(address, alias)
        except Exception as error:
            raise Invalid(f"alias {alias!r} for cell {short(address)} is refused: {said(error)}") from error


def is_cell(item: Any, name: str) -> bool:
    """A spreadsheet's cells are properties, too; `cells` tells them all."""
    return item.TypeId == "Spreadsheet::Sheet" and (
        name in ("columnWidths", "rowHeights") or
        item.getTypeIdOfProperty(name) == "Spreadsheet::PropertySpreadsheetQuantity"
        or bool(re.fullmatch(r"[A-Z]{1,2}[0-9]+", name)))


def cells(value: Any) -> dict[str, str]:
    """Address -> content of each cell that has some."""
    return {cell.get("address", ""): cell.get("content", "")
            for cell in _cell_list(value) if cell.get("content")}


def write_cells(item: Any, value: Any) -> None:
    """{"A1": "=B1 * 2", "B1": 5, "C1": null}."""
    if not isinstance(value, dict):
        raise Invalid("cells must be an object: address -> content, such as {\"A1\": \"=2 * 3 mm\"}")
    for address, content in value.items():
        try:
            item.set(address, "" if content is None else str(content))
        except Exception as error:
            raise Invalid(f"cell {address} = {short(content)} is refused: {said(error)}") from error
