"""Property values as JSON, both ways: what ``read`` gives, ``write`` takes.

One table, by the name of FreeCAD's property type. A number with a unit is
"10 mm" (a plain number means FreeCAD's own unit: mm, deg, kg, s), a vector
[x, y, z], a placement {"position", "rotation"}, a colour "#rrggbb", a link the
name of an object, a sub-link {"object", "sub"}. A property that an expression
drives is written as {"expression": "Sheet.width * 2"}, null clears it.
"""

import difflib
import math
import re
from typing import Any, Callable

from fcj import Invalid, Job, values

from . import find, sheet
from .fromjson import (from_json, kind_of, said, short, to_number, to_rotation, to_vector)

#: Longer lists are told by their length, unless they were asked for by name.
LIST_MAX = 100
BOUNDED = {"Length", "Area", "Volume", "Angle", "Percent", "IntegerConstraint", "FloatConstraint",
           "QuantityConstraint"}
HIDDEN = {"ExpressionEngine", "Proxy", "Visibility"}


# ---- Reading ----------------------------------------------------------------

def read(item: Any, name: str, whole: bool = True) -> Any:
    """The JSON form of a property; a part of it ("Placement.Base.x") too."""
    if "." in name and name not in item.PropertiesList:
        return _part(item, name)
    kind = item.getTypeIdOfProperty(name)
    value = getattr(item, name)
    made = _reader(kind)(value, item)
    if not whole and isinstance(made, (list, dict)) and len(made) > LIST_MAX:
        return {"type": type(made).__name__, "length": len(made),
                "note": f"name {name!r} in `properties` to get all of it"}
    return made


def expressions(item: Any) -> dict[str, str]:
    """Property or part of one -> the expression that drives it."""
    return {path.lstrip("."): text for path, text in getattr(item, "ExpressionEngine", None) or []}


def read_all(item: Any, names: list[str] | None = None, shapes: bool = True) -> dict[str, Any]:
    """Properties and their values; those named, else all that say something.
    shapes: also shapes in numbers, which take time."""
    chosen = names if names is not None else [
        name for name in sorted(item.PropertiesList)
        if name not in HIDDEN and not sheet.is_cell(item, name)
        and (shapes or item.getTypeIdOfProperty(name) != "Part::PropertyPartShape")]
    made: dict[str, Any] = {}
    for name in chosen:
        if sheet.is_aliases(item, name):
            made[name] = sheet.aliases(item)
            continue
        check_name(item, name)
        try:
            made[name] = read(item, name, whole=names is not None)
        except Invalid:
            raise
        except Exception as error:           # one property of a broken object
            made[name] = f"<{type(error).__name__}: {error}>"
    if names is None and sheet.is_aliases(item, "aliases"):
        named = sheet.aliases(item)                # each is a property, too
        made = {"aliases": named, **{name: value for name, value in made.items() if name not in named}}
    return made


def _part(item: Any, path: str) -> Any:
    value = item
    for name in path.split("."):
        value = getattr(value, name)
    return values.to_json(value)


def quantity(value: Any) -> str:
    """"10 mm": all digits, in FreeCAD's own unit."""
    match = re.match(r"Unit: (\S*)", str(value.Unit))
    unit = match.group(1) if match and not match.group(1).startswith("(") else ""
    return f"{_digits(value.Value)} {unit}".rstrip()


def _digits(number: float) -> str:
    text = repr(float(number))
    return text[:-2] if text.endswith(".0") else text


def _vector(value: Any, _: Any = None) -> Any:
    return values.vector(value)


def rotation(value: Any, _: Any = None) -> dict[str, Any]:
    """{"axis": [x, y, z], "angle_deg": a}."""
    return {"axis": values.vector(value.Axis), "angle_deg": values.number(math.degrees(value.Angle))}


def placement(value: Any, _: Any = None) -> dict[str, Any]:
    """{"position": [x, y, z], "rotation": {...}}."""
    return {"position": values.vector(value.Base), "rotation": rotation(value.Rotation)}


def colour(value: Any, _: Any = None) -> str:
    """"#rrggbb", with two digits more when it is transparent."""
    parts = [round(min(max(part, 0.0), 1.0) * 255) for part in value]
    return "#" + "".join(f"{part:02x}" for part in (parts[:3] if not any(parts[3:]) else parts[:4]))


def _link(value: Any, item: Any) -> Any:
    return None if value is None else find.reference(value, item.Document)


def _sub(value: Any, item: Any) -> Any:
    if value is None or value[0] is None:
        return None
    subs = [value[1]] if isinstance(value[1], str) else list(value[1] or [])
    return {"object": _link(value[0], item), "sub": subs}


def _xlink(value: Any, item: Any) -> Any:
    return _sub(value, item) if isinstance(value, tuple) else _link(value, item)


def _material(value: Any, _: Any) -> Any:
    return {"diffuse": colour(value.DiffuseColor), "ambient": colour(value.AmbientColor),
            "specular": colour(value.SpecularColor), "emissive": colour(value.EmissiveColor),
            "shininess": value.Shininess, "transparency": value.Transparency}


def _constraints(value: Any, _: Any) -> Any:
    return [{"index": index, "type": one.Type, "name": one.Name, "value": values.number(one.Value)}
            for index, one in enumerate(value)]


def _geometry(value: Any, _: Any) -> Any:
    return [{"index": index, "type": one.TypeId.split("Geom")[-1]} for index, one in enumerate(value)]


def _each(one: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda value, item: [one(part, item) for part in value or []]


def plain(value: Any, _: Any = None) -> Any:
    """A quantity with its unit; anything else as JSON has it."""
    return quantity(value) if hasattr(value, "UserString") else values.to_json(value)


_READ: dict[str, Callable[[Any, Any], Any]] = {
    "Vector": _vector, "VectorDistance": _vector, "Position": _vector, "Direction": _vector,
    "VectorList": _each(_vector), "Placement": placement, "PlacementList": _each(placement),
    "Rotation": rotation, "Color": colour, "ColorList": _each(colour), "Material": _material,
    "MaterialList": _each(_material), "Link": _link, "LinkList": _each(_link), "LinkSub": _sub,
    "LinkSubList": _each(_sub), "XLink": _xlink, "XLinkList": _each(_xlink), "XLinkSub": _sub,
    "XLinkSubList": _each(_sub), "PlacementLink": _link, "Sheet": lambda value, _: sheet.cells(value),
    "ConstraintList": _constraints, "GeometryList": _geometry}



def _reader(type_id: str) -> Callable[[Any, Any], Any]:
    return _READ.get(kind_of(type_id), plain)


# ---- Writing ----------------------------------------------------------------

def check_name(item: Any, name: str) -> None:
    """Invalid, with the names that are near, when there is no such property."""
    head = name.split(".")[0]
    if head in item.PropertiesList:
        return
    near = difflib.get_close_matches(head, item.PropertiesList, 6, 0.4)
    known = ", ".join(near) if near else ", ".join(sorted(set(item.PropertiesList) - HIDDEN)[:40])
    raise Invalid(f"{item.Name} ({item.TypeId}) has no property {head!r}; "
                  f"{'near are' if near else 'it has'}: {known}. inspect_object tells all")


def write_all(job: Job, item: Any, properties: dict[str, Any]) -> None:
    """Sets properties from their JSON form. "ViewObject": {...} sets those of
    how it looks, where there is a window."""
    for name, value in properties.items():
        if name == "ViewObject":
            _write_view(job, item, value)
        else:
            write(job, item, name, value)


def _write_view(job: Job, item: Any, properties: Any) -> None:
    view = getattr(item, "ViewObject", None)
    if view is None:
        raise Invalid(f"ViewObject of {item.Name}: FreeCAD runs without a window here, so objects "
                      "have no colours and the like; leave ViewObject out")
    if not isinstance(properties, dict):
        raise Invalid("ViewObject must be an object: property -> value")
    for name, value in properties.items():
        check_name_of_view(view, item, name)
        _assign(view, name, from_json(job, item, view, name, value), value)


def check_name_of_view(view: Any, item: Any, name: str) -> None:
    """As check_name, of a view object."""
    if name not in view.PropertiesList:
        near = difflib.get_close_matches(name, view.PropertiesList, 6, 0.4) or view.PropertiesList
        raise Invalid(f"ViewObject of {item.Name} has no property {name!r}; there are: "
                      + ", ".join(near))


def write(job: Job, item: Any, name: str, value: Any) -> None:
    """Sets one property."""
    if name.startswith("Constraints.") and item.TypeId == "Sketcher::SketchObject":
        _write_datum(item, name, value)
        return
    if sheet.is_aliases(item, name):
        sheet.write_aliases(item, value)
        return
    check_name(item, name)
    if isinstance(value, dict) and "expression" in value:
        _write_expression(item, name, value["expression"])
        return
    _clear_expressions(item, name)
    if "." in name:
        _write_part(job, item, name, value)
    elif kind_of(item.getTypeIdOfProperty(name)) == "Sheet":
        sheet.write_cells(item, value)
    elif "File" not in item.getTypeIdOfProperty(name) or value != getattr(item, name):
        # (An included file as it was read lies inside of the document.)
        _assign(item, name, from_json(job, item, item, name, value), value)


def _assign(target: Any, name: str, made: Any, given: Any) -> None:
    before = getattr(target, name)
    try:
        setattr(target, name, made)
    except Invalid:
        raise
    except Exception as error:
        raise Invalid(f"{name} = {short(given)} is refused: {said(error)}") from error
    if kind_of(target.getTypeIdOfProperty(name)) in BOUNDED:
        _check_bounds(target, name, made, given, before)


def _check_bounds(target: Any, name: str, made: Any, given: Any, before: Any) -> None:
    """FreeCAD moves a number into the property's range, without a word. (Some
    begin outside of it: what was read may be written.)"""
    wanted, now, old = (float(getattr(one, "Value", one)) for one in (made, getattr(target, name), before))
    if not math.isclose(wanted, now, rel_tol=1e-6, abs_tol=1e-9) and wanted != old:
        raise Invalid(f"{name} = {short(given)} is out of the range that FreeCAD allows there: it would "
                      f"become {short(read(target, name))}")



def _write_expression(item: Any, path: str, text: Any) -> None:
    if text is not None and not isinstance(text, str):
        raise Invalid(f"{path}: an expression is a text such as \"Sheet.width * 2\", or null to clear it")
    try:
        item.setExpression(path, text)
    except Exception as error:
        raise Invalid(f"{path}: expression {text!r} is refused: {said(error)}") from error


def _clear_expressions(item: Any, name: str) -> None:
    """A value set by hand would be lost at the next recompute."""
    for path, _ in list(getattr(item, "ExpressionEngine", None) or []):
        plain = path.lstrip(".")
        if plain == name or plain.startswith(name + ".") or name.startswith(plain + "."):
            item.setExpression(path, None)


def _write_part(job: Job, item: Any, path: str, value: Any) -> None:
    """"Placement.Base.x" and the like: the whole is read, changed, written."""
    head, *parts = path.split(".")
    whole = getattr(item, head)
    target = whole
    try:
        chain = [target]
        for part in parts[:-1]:
            target = getattr(target, part)
            chain.append(target)
        setattr(target, parts[-1], _to_part(getattr(target, parts[-1]), value, path))
        for upper, part, lower in reversed(list(zip(chain, parts[:-1], chain[1:]))):
            setattr(upper, part, lower)
    except AttributeError as error:
        raise Invalid(f"{path}: {said(error)}; set {head} as a whole instead") from error
    _assign(item, head, whole, value)


def _to_part(now: Any, value: Any, path: str) -> Any:
    import FreeCAD
    if isinstance(now, FreeCAD.Vector):
        return to_vector(value, path)
    if isinstance(now, FreeCAD.Rotation):
        return to_rotation(value, path)
    if path.endswith(".Angle") and isinstance(value, (int, float)):
        return math.radians(value)           # degrees here, as everywhere
    if isinstance(now, (int, float)):
        return to_number(value, path)
    return value


def _write_datum(item: Any, name: str, value: Any) -> None:
    import FreeCAD
    path = name.split(".", 1)[1]
    index: Any = int(path) if path.isdigit() else path
    if isinstance(value, dict) and "expression" in value:
        _write_expression(item, name, value["expression"])
        return
    _clear_expressions(item, name)
    try:
        item.setDatum(index, FreeCAD.Units.Quantity(value if isinstance(value, str)
                                                    else _with_unit(item, index, value)))
    except Exception as error:
        raise Invalid(f"{name} = {short(value)} is refused: {said(error)}; "
                      "get_sketch_diagnostics lists the constraints") from error


def _with_unit(item: Any, index: Any, value: float) -> str:
    for number, one in enumerate(item.Constraints):
        if index in (number, one.Name) and one.Type == "Angle":
            return f"{value} deg"
    return f"{value} mm"
