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

from . import find

#: Longer lists are told by their length, unless they were asked for by name.
LIST_MAX = 100
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


def read_all(item: Any, names: list[str] | None = None) -> dict[str, Any]:
    """Properties and their values; those named, else all that say something."""
    chosen = names if names is not None else [
        name for name in sorted(item.PropertiesList)
        if name not in HIDDEN and not _is_cell(item, name)]
    made: dict[str, Any] = {}
    for name in chosen:
        check_name(item, name)
        try:
            made[name] = read(item, name, whole=names is not None)
        except Invalid:
            raise
        except Exception as error:           # one property of a broken object
            made[name] = f"<{type(error).__name__}: {error}>"
    return made


def _is_cell(item: Any, name: str) -> bool:
    """A spreadsheet's cells are properties, too; `cells` tells them all."""
    return item.TypeId == "Spreadsheet::Sheet" and (
        name in ("columnWidths", "rowHeights") or
        item.getTypeIdOfProperty(name) == "Spreadsheet::PropertySpreadsheetQuantity"
        or bool(re.fullmatch(r"[A-Z]{1,2}[0-9]+", name)))


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


def _cells(value: Any, item: Any) -> Any:
    import xml.etree.ElementTree as tree
    return {cell.get("address", ""): cell.get("content", "")
            for cell in tree.fromstring(value.Content).iter("Cell") if cell.get("content")}


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


def _plain(value: Any, _: Any) -> Any:
    return quantity(value) if hasattr(value, "UserString") else values.to_json(value)


_READ: dict[str, Callable[[Any, Any], Any]] = {
    "Vector": _vector, "VectorDistance": _vector, "Position": _vector, "Direction": _vector,
    "VectorList": _each(_vector), "Placement": placement, "PlacementList": _each(placement),
    "Rotation": rotation, "Color": colour, "ColorList": _each(colour), "Material": _material,
    "MaterialList": _each(_material), "Link": _link, "LinkList": _each(_link), "LinkSub": _sub,
    "LinkSubList": _each(_sub), "XLink": _xlink, "XLinkList": _each(_xlink), "XLinkSub": _sub,
    "XLinkSubList": _each(_sub), "PlacementLink": _link, "Sheet": _cells,
    "ConstraintList": _constraints, "GeometryList": _geometry}


def _kind(type_id: str) -> str:
    """"App::PropertyLinkSubChild" -> "LinkSub"."""
    kind = type_id.split("::Property")[-1]
    if "Link" in kind:
        kind = re.sub("(Child|Global|Hidden)$", "", kind)
    return kind


def _reader(type_id: str) -> Callable[[Any, Any], Any]:
    return _READ.get(_kind(type_id), _plain)


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
    check_name(item, name)
    if isinstance(value, dict) and "expression" in value:
        _write_expression(item, name, value["expression"])
        return
    _clear_expressions(item, name)
    if "." in name:
        _write_part(job, item, name, value)
    elif _kind(item.getTypeIdOfProperty(name)) == "Sheet":
        _write_cells(item, value)
    elif "File" not in item.getTypeIdOfProperty(name) or value != getattr(item, name):
        # (An included file as it was read lies inside of the document.)
        _assign(item, name, from_json(job, item, item, name, value), value)


def _assign(target: Any, name: str, made: Any, given: Any) -> None:
    try:
        setattr(target, name, made)
    except Invalid:
        raise
    except Exception as error:
        raise Invalid(f"{name} = {_short(given)} is refused: {said(error)}") from error


def said(error: BaseException) -> str:
    """What a FreeCAD exception says; some carry a dict."""
    first = error.args[0] if error.args else ""
    return str(first.get("sErrMsg") or first) if isinstance(first, dict) else str(error)


def _short(value: Any) -> str:
    text = values.dumps(values.to_json(value))
    return text if len(text) <= 80 else text[:77] + "..."


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
        raise Invalid(f"{name} = {_short(value)} is refused: {said(error)}; "
                      "get_sketch_diagnostics lists the constraints") from error


def _with_unit(item: Any, index: Any, value: float) -> str:
    for number, one in enumerate(item.Constraints):
        if index in (number, one.Name) and one.Type == "Angle":
            return f"{value} deg"
    return f"{value} mm"


def _write_cells(item: Any, value: Any) -> None:
    """{"A1": "=B1 * 2", "B1": 5, "C1": null}."""
    if not isinstance(value, dict):
        raise Invalid("cells must be an object: address -> content, such as {\"A1\": \"=2 * 3 mm\"}")
    for address, content in value.items():
        try:
            item.set(address, "" if content is None else str(content))
        except Exception as error:
            raise Invalid(f"cell {address} = {_short(content)} is refused: {said(error)}") from error


# ---- JSON to FreeCAD's values -----------------------------------------------

def from_json(job: Job, item: Any, owner: Any, name: str, value: Any) -> Any:
    """FreeCAD's value for a property of owner (item, or its ViewObject)."""
    type_id = owner.getTypeIdOfProperty(name)
    kind = _kind(type_id)
    if kind in _REFUSED:
        raise Invalid(f"{name} ({type_id}) can't be set from JSON: {_REFUSED[kind]}")
    if kind in _WRITE:
        return _WRITE[kind](value, name)
    if "Link" in kind:
        return _to_links(kind, item, value, name)
    if kind == "Enumeration":
        return _to_choice(owner, name, value)
    if kind in ("File", "FileIncluded", "Path"):
        return job.read_path(value) if _text(value, name) else ""
    if hasattr(getattr(owner, name), "UserString"):
        return to_quantity(value, name)
    if kind == "PythonObject" and name == "Proxy":
        raise Invalid("Proxy is Python code: use execute_code")
    return value


def to_number(value: Any, where: str) -> float:
    """A finite number; NaN and the like are refused."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Invalid(f"{where} must be a number, not {_short(value)}")
    return value


def to_quantity(value: Any, where: str) -> Any:
    """A number in FreeCAD's own unit, "2 in", or {"value": 2, "unit": "in"}."""
    import FreeCAD
    if isinstance(value, dict) and "value" in value:
        value = f"{to_number(value['value'], where)} {value.get('unit', '')}"
    if isinstance(value, str):
        try:
            made = FreeCAD.Units.Quantity(value)
        except Exception as error:
            raise Invalid(f"{where} = {value!r} is no number with a unit, such as \"10 mm\", \"2 in\", "
                          f"\"45 deg\": {said(error)}") from error
        to_number(made.Value, where)         # not infinite
        return made
    return to_number(value, where)


def to_vector(value: Any, where: str) -> Any:
    """[x, y, z] or {"x", "y", "z"}."""
    import FreeCAD
    if isinstance(value, dict) and value and set(value) <= {"x", "y", "z"}:
        value = [value.get(axis, 0) for axis in "xyz"]
    if not isinstance(value, list) or len(value) not in (2, 3):
        raise Invalid(f"{where} must be [x, y, z], not {_short(value)}")
    return FreeCAD.Vector(*(to_number(part, where) for part in value))


def to_rotation(value: Any, where: str) -> Any:
    """{"axis", "angle_deg"}, {"quaternion"} or {"yaw_pitch_roll"}."""
    import FreeCAD
    given = {key.lower(): part for key, part in value.items()} if isinstance(value, dict) else {}
    if set(given) == {"quaternion"}:
        parts = given["quaternion"]
        if isinstance(parts, list) and len(parts) == 4:
            return FreeCAD.Rotation(*(to_number(part, where) for part in parts))
    elif set(given) == {"yaw_pitch_roll"}:
        parts = given["yaw_pitch_roll"]
        if isinstance(parts, list) and len(parts) == 3:
            return FreeCAD.Rotation(*(to_number(part, where) for part in parts))
    elif "axis" in given and set(given) <= {"axis", "angle_deg", "angle", "quaternion"}:
        axis = to_vector(given["axis"], where + ".axis")
        if axis.Length < 1e-12:
            raise Invalid(f"{where}.axis must not be [0, 0, 0]")
        return FreeCAD.Rotation(axis, to_number(given.get("angle_deg", given.get("angle")),
                                                where + ".angle_deg"))
    raise Invalid(f"{where} must be {{\"axis\": [x, y, z], \"angle_deg\": a}}, {{\"quaternion\": "
                  f"[x, y, z, w]}} or {{\"yaw_pitch_roll\": [a, b, c]}} in degrees, not {_short(value)}")


def to_placement(value: Any, where: str) -> Any:
    """{"position", "rotation"}; one that is left out is zero. Or [x, y, z]."""
    import FreeCAD
    if isinstance(value, list):
        return FreeCAD.Placement(to_vector(value, where), FreeCAD.Rotation())
    names = {"position": "position", "base": "position", "rotation": "rotation"}
    if not isinstance(value, dict) or not set(map(str.lower, value)) <= set(names):
        raise Invalid(f"{where} must be {{\"position\": [x, y, z], \"rotation\": {{\"axis\": [x, y, z], "
                      f"\"angle_deg\": a}}}}, not {_short(value)}")
    given = {names[key.lower()]: part for key, part in value.items()}
    return FreeCAD.Placement(
        to_vector(given.get("position", [0, 0, 0]), where + ".position"),
        to_rotation(given["rotation"], where + ".rotation") if "rotation" in given
        else FreeCAD.Rotation())


def to_matrix(value: Any, where: str) -> Any:
    """Four rows of four."""
    import FreeCAD
    if not isinstance(value, list) or [len(row) if isinstance(row, list) else 0
                                       for row in value] != [4] * 4:
        raise Invalid(f"{where} must be four rows of four numbers")
    return FreeCAD.Matrix(*(to_number(cell, where) for row in value for cell in row))


def to_colour(value: Any, where: str) -> tuple[float, ...]:
    """"#rrggbb", "#rrggbbaa", or three or four numbers from 0 to 1."""
    if isinstance(value, str) and re.fullmatch("#([0-9a-fA-F]{6}|[0-9a-fA-F]{8})", value):
        parts = [int(value[index:index + 2], 16) / 255 for index in range(1, len(value), 2)]
    elif isinstance(value, list) and len(value) in (3, 4):
        parts = [to_number(part, where) for part in value]
    else:
        parts = [-1]
    if not all(0 <= part <= 1 for part in parts):
        raise Invalid(f"{where} must be a colour: \"#rrggbb\", or [r, g, b] from 0 to 1, not "
                      f"{_short(value)}")
    return tuple(float(part) for part in (*parts, 0.0)[:4])


def to_material(value: Any, where: str) -> Any:
    """What ``read`` gives of a material, or a colour alone."""
    import FreeCAD
    given = {"diffuse": value} if not isinstance(value, dict) else value
    attributes = {"diffuse": "DiffuseColor", "ambient": "AmbientColor", "specular": "SpecularColor",
                  "emissive": "EmissiveColor", "shininess": "Shininess", "transparency": "Transparency"}
    unknown = set(given) - set(attributes)
    if unknown:
        raise Invalid(f"{where} has no {sorted(unknown)[0]!r}; it has {', '.join(attributes)}")
    made = FreeCAD.Material()
    for key, part in given.items():
        setattr(made, attributes[key], to_number(part, where) if key in ("shininess", "transparency")
                else to_colour(part, f"{where}.{key}"))
    return made


def _to_list(one: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    def convert(value: Any, where: str) -> Any:
        if not isinstance(value, list):
            raise Invalid(f"{where} must be an array, not {_short(value)}")
        return [one(part, f"{where}[{index}]") for index, part in enumerate(value)]
    return convert


def _bool(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise Invalid(f"{where} must be true or false, not {_short(value)}")
    return value


def _int(value: Any, where: str) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(f"{where} must be a whole number, not {_short(value)}")
    if abs(value) > values.INT_MAX:          # FreeCAD would cut it without a word
        raise Invalid(f"{where} = {value} does not fit into 64 bits")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise Invalid(f"{where} must be a text, not {_short(value)}")
    if value != values.text(value):          # C would end it at the NUL
        raise Invalid(f"{where} must be valid Unicode without NUL")
    return value


def _map(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(part, str) for part in value.values()):
        raise Invalid(f"{where} must be an object of texts")
    return value


def _to_choice(owner: Any, name: str, value: Any) -> str:
    choices = owner.getEnumerationsOfProperty(name) or []
    if value not in choices:
        raise Invalid(f"{name} = {_short(value)} is no choice; it is one of {', '.join(choices)}")
    return value


def _to_links(kind: str, item: Any, value: Any, where: str) -> Any:
    if kind in ("Link", "XLink", "PlacementLink"):
        if isinstance(value, dict):          # an XLink to a part of an object
            return _to_sub(item, value, where)
        return _to_link(item, value, where)
    if kind in ("LinkSub", "XLinkSub"):
        return _to_sub(item, value, where)
    if not isinstance(value, list):
        raise Invalid(f"{where} must be an array of objects' names, not {_short(value)}")
    if kind in ("LinkList", "XLinkList"):
        return [_to_link(item, part, f"{where}[{index}]") for index, part in enumerate(value)]
    if kind not in ("LinkSubList", "XLinkSubList"):
        raise Invalid(f"{where}: a property of the kind {kind} is set with execute_code")
    pairs = [_to_sub(item, part, f"{where}[{index}]") for index, part in enumerate(value)]
    return [(target, sub) for target, subs in pairs for sub in subs or [""]]


def _to_link(item: Any, value: Any, where: str) -> Any:
    if value is None:
        return None
    target = find.thing(item.Document, _text(value, where))
    if target is item:
        raise Invalid(f"{where}: {item.Name} can't refer to itself")
    return target


def _to_sub(item: Any, value: Any, where: str) -> Any:
    if value is None:
        return None
    if isinstance(value, str):
        return _to_link(item, value, where), []
    if not isinstance(value, dict) or not {"object"} <= set(value) <= {"object", "sub"}:
        raise Invalid(f"{where} must be {{\"object\": name, \"sub\": [\"Face1\"]}}, not {_short(value)}")
    subs = value.get("sub", [])
    return (_to_link(item, value["object"], where),
            [_text(sub, where) for sub in ([subs] if isinstance(subs, str) else subs)])


_WRITE: dict[str, Callable[[Any, str], Any]] = {
    "Vector": to_vector, "VectorDistance": to_vector, "Position": to_vector, "Direction": to_vector,
    "VectorList": _to_list(to_vector), "Placement": to_placement,
    "PlacementList": _to_list(to_placement), "Rotation": to_rotation, "Matrix": to_matrix,
    "Color": to_colour, "ColorList": _to_list(to_colour), "Material": to_material,
    "MaterialList": _to_list(to_material), "Bool": _bool, "BoolList": _to_list(_bool),
    "Integer": _int, "IntegerConstraint": _int, "Percent": _int, "IntegerList": _to_list(_int),
    "IntegerSet": _to_list(_int),
    "Float": to_number, "FloatConstraint": to_number, "Precision": to_number,
    "FloatList": _to_list(to_number), "String": _text, "Font": _text, "UUID": _text,
    "StringList": _to_list(_text), "Map": _map}

_REFUSED = {
    "PartShape": "apply_job_result puts a job's shape into a document, or use execute_code",
    "MeshKernel": "use execute_code", "FemMesh": "use execute_code",
    "ExpressionEngine": "set {\"expression\": ...} on the property itself",
    "GeometryList": "a sketch's geometry is made with execute_code",
    "ConstraintList": "use \"Constraints.<name or index>\": value, or execute_code"}
