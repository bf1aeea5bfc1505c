"""JSON values to FreeCAD's: what an agent writes into a property.

One converter a kind of property; Invalid names the property and shows the
form that is right. What JSON can't say is pointed elsewhere.
"""

import math
import os
import re
from typing import Any, Callable

from fcj import Invalid, Job, values

from . import find


def kind_of(type_id: str) -> str:
    """"App::PropertyLinkSubChild" -> "LinkSub"."""
    kind = type_id.split("::Property")[-1]
    if "Link" in kind:
        kind = re.sub("(Child|Global|Hidden)$", "", kind)
    return kind


def said(error: BaseException) -> str:
    """What a FreeCAD exception says; some carry a dict."""
    first = error.args[0] if error.args else ""
    return str(first.get("sErrMsg") or first) if isinstance(first, dict) else str(error)


def short(value: Any) -> str:
    """A value in an error: its JSON, at most 80 characters."""
    text = values.dumps(values.to_json(value))
    return text if len(text) <= 80 else text[:77] + "..."


def from_json(job: Job, item: Any, owner: Any, name: str, value: Any) -> Any:
    """FreeCAD's value for a property of owner (item, or its ViewObject)."""
    type_id = owner.getTypeIdOfProperty(name)
    kind = kind_of(type_id)
    if kind in _REFUSED:
        raise Invalid(f"{name} ({type_id}) can't be set from JSON: {_REFUSED[kind]}")
    if kind in _WRITE:
        return _WRITE[kind](value, name)
    if "Link" in kind:
        return _to_links(kind, item, value, name)
    if kind == "Enumeration":
        return _to_choice(owner, name, value)
    if kind in ("File", "FileIncluded", "Path"):
        return (_resource(value) or job.read_path(value)) if _text(value, name) else ""
    if hasattr(getattr(owner, name), "UserString"):
        return to_quantity(value, name)
    if kind == "PythonObject" and name == "Proxy":
        raise Invalid("Proxy is Python code: use execute_code")
    return value


def _resource(path: str) -> str | None:
    """The true path of a file that came with FreeCAD (drawing templates,
    hatches), which lie below no workspace root."""
    import FreeCAD
    top, file = os.path.realpath(FreeCAD.getResourceDir()), os.path.realpath(path)
    inside = path.startswith("/") and file.startswith((top + "/", "/usr/share/freecad/"))
    return file if inside and os.path.isfile(file) else None


def to_number(value: Any, where: str) -> float:
    """A finite number; NaN and the like are refused."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Invalid(f"{where} must be a number, not {short(value)}")
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
        raise Invalid(f"{where} must be [x, y, z], not {short(value)}")
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
                  f"[x, y, z, w]}} or {{\"yaw_pitch_roll\": [a, b, c]}} in degrees, not {short(value)}")


def to_placement(value: Any, where: str) -> Any:
    """{"position", "rotation"}; one that is left out is zero. Or [x, y, z]."""
    import FreeCAD
    if isinstance(value, list):
        return FreeCAD.Placement(to_vector(value, where), FreeCAD.Rotation())
    names = {"position": "position", "base": "position", "rotation": "rotation"}
    if not isinstance(value, dict) or not set(map(str.lower, value)) <= set(names):
        raise Invalid(f"{where} must be {{\"position\": [x, y, z], \"rotation\": {{\"axis\": [x, y, z], "
                      f"\"angle_deg\": a}}}}, not {short(value)}")
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
                      f"{short(value)}")
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
            raise Invalid(f"{where} must be an array, not {short(value)}")
        return [one(part, f"{where}[{index}]") for index, part in enumerate(value)]
    return convert


def _bool(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise Invalid(f"{where} must be true or false, not {short(value)}")
    return value


def _int(value: Any, where: str) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(f"{where} must be a whole number, not {short(value)}")
    if abs(value) > values.INT_MAX:          # FreeCAD would cut it without a word
        raise Invalid(f"{where} = {value} does not fit into 64 bits")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise Invalid(f"{where} must be a text, not {short(value)}")
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
        raise Invalid(f"{name} = {short(value)} is no choice; it is one of {', '.join(choices)}")
    return value


def _to_links(kind: str, item: Any, value: Any, where: str) -> Any:
    if kind in ("Link", "XLink", "PlacementLink"):
        if not isinstance(value, dict):
            return _to_link(item, value, where)
        target, subs = _to_sub(item, value, where)
        if kind == "XLink":                  # which may be to a part of an object
            return target, subs
        if subs:
            raise Invalid(f"{where} refers to a whole object: give its name alone, {target.Name!r}")
        return target
    if kind in ("LinkSub", "XLinkSub"):
        return _to_sub(item, value, where)
    if not isinstance(value, list):
        raise Invalid(f"{where} must be an array of objects' names, not {short(value)}")
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
        raise Invalid(f"{where} must be {{\"object\": name, \"sub\": [\"Face1\"]}}, not {short(value)}")
    subs = value.get("sub", [])
    return (_to_link(item, value["object"], where),
            [_text(sub, where) for sub in ([subs] if isinstance(subs, str) else subs)])


def _to_fillet_edge(value: Any, where: str) -> tuple[int, float, float]:
    """[edge, radius] or [edge, radius, radius at its end]; an edge is 3 or "Edge3"."""
    if not isinstance(value, list) or len(value) not in (2, 3):
        raise Invalid(f"{where} must be [edge, radius] or [edge, radius, radius at its end], not {short(value)}")
    edge = value[0]
    if isinstance(edge, str) and re.fullmatch("Edge[0-9]{1,9}", edge):
        edge = int(edge[4:])
    return (_int(edge, where + "[0]"), *(float(to_number(part, where)) for part in (value[1], value[-1])))


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
    "StringList": _to_list(_text), "Map": _map, "FilletEdges": _to_list(_to_fillet_edge)}

_REFUSED = {
    "PartShape": "apply_job_result puts a job's shape into a document, or use execute_code",
    "MeshKernel": "use execute_code", "FemMesh": "use execute_code",
    "ExpressionEngine": "set {\"expression\": ...} on the property itself",
    "GeometryList": "a sketch's geometry is made with execute_code",
    "ConstraintList": "use \"Constraints.<name or index>\": value, or execute_code"}
