"""Any Python or FreeCAD value as JSON, whatever it is.

``to_json`` never raises. What JSON can't hold becomes something that it can
and that says what it was: a Vector is [x, y, z], a Shape its summary, NaN the
text "NaN", a cycle or too deep a nesting a text in angle brackets. Integers
beyond 64 bits become text, and NUL in a string becomes ``\\x00``: readers of
the JSON in C hold neither. There is a budget; a value above it is reported by
``too_large``, never cut silently.
"""

import base64
import dataclasses
import datetime
import decimal
import enum
import fractions
import json
import math
import os
import sys
import types
import uuid
from collections import abc
from typing import Any, Callable

from .limits import RESULT_MAX

DEPTH_MAX = 32
NODES_MAX = 1_000_000
BYTES_INLINE_MAX = 256 * 1024
INT_MAX = 2 ** 63 - 1
REPR_MAX = 1000
NULL_SHAPE = {"type": "Null", "valid": False}    # what a null shape looks like

#: Called with (value, path) for each Shape and Mesh; adds to its summary.
Publisher = Callable[[Any, tuple[str, ...]], dict[str, Any]]


class Converter:
    """Converts one value; holds its budget and the containers it is in."""

    def __init__(self, publish: Publisher | None = None) -> None:
        self.publish = publish
        self.nodes = 0
        self.size = 0
        self.within: set[int] = set()

    @property
    def too_large(self) -> bool:
        """True when the value is above what a result may be."""
        return self.nodes > NODES_MAX or self.size > RESULT_MAX

    def convert(self, value: Any, path: tuple[str, ...] = ()) -> Any:
        """The JSON form of a value. Errors of a value's own code become text."""
        self.nodes += 1
        if self.too_large:
            return "<left out: the result is too large>"
        try:
            return self._convert(value, path)
        except RecursionError:
            return f"<{type(value).__name__}: nested too deeply>"
        except MemoryError:
            raise
        except Exception as error:
            return f"<{type(value).__name__}: {type(error).__name__} while reading it>"

    def _convert(self, value: Any, path: tuple[str, ...]) -> Any:
        if value is None or isinstance(value, bool):
            return bool(value) if value is not None else None
        if isinstance(value, enum.Enum):
            return self.convert(value.value, path)
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, int):
            value = int(value)
            return value if -INT_MAX <= value <= INT_MAX else _big(value)
        if isinstance(value, float):
            return number(value)
        made = freecad_value(value)
        if made is not None:
            if isinstance(made, dict) and made.pop("publish", False) and self.publish:
                made.update(self.publish(value, path))
            if isinstance(made, dict) and made.pop("publish_shape", False) and self.publish:
                made["shape"].update(self.publish(value.Shape, path))
            return made
        return self._container(value, path)

    def _text(self, value: str) -> str:
        clean = text(value)
        self.size += len(clean) + 3
        return clean

    def _container(self, value: Any, path: tuple[str, ...]) -> Any:
        if id(value) in self.within:
            return f"<cycle: {type(value).__name__}>"
        if len(path) >= DEPTH_MAX:
            return f"<{type(value).__name__}: nested deeper than {DEPTH_MAX} levels>"
        self.within.add(id(value))
        try:
            if dataclasses.is_dataclass(value) and not isinstance(value, type):
                return self._mapping({field.name: getattr(value, field.name)
                                      for field in dataclasses.fields(value)}, path)
            if isinstance(value, tuple) and hasattr(value, "_fields"):
                return self._mapping(dict(zip(value._fields, value)), path)
            if isinstance(value, abc.Mapping):
                return self._mapping(value, path)
            if isinstance(value, (bytes, bytearray, memoryview)):
                return self._bytes(bytes(value))
            if isinstance(value, abc.Set):
                return self._sequence(sorted(value, key=repr), path)
            if isinstance(value, abc.Sequence):
                return self._sequence(value, path)
            return self._other(value, path)
        finally:
            self.within.discard(id(value))

    def _mapping(self, value: abc.Mapping, path: tuple[str, ...]) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, item in value.items():
            name = self._text(key if isinstance(key, str) else _key(key))
            while name in result:
                name += "'"
            result[name] = self.convert(item, (*path, name))
            if self.too_large:
                break
        return result

    def _sequence(self, value: abc.Sequence, path: tuple[str, ...]) -> list[Any]:
        result = []
        self.size += 2 * len(value)
        for index, item in enumerate(value):
            result.append(self.convert(item, (*path, str(index))))
            if self.too_large:
                break
        return result

    def _bytes(self, value: bytes) -> dict[str, Any]:
        if len(value) > BYTES_INLINE_MAX:
            return {"type": "bytes", "size": len(value),
                    "note": "too long to return; store it with job.artifact (name, data)"}
        self.size += len(value) * 4 // 3
        return {"type": "bytes", "size": len(value), "base64": base64.b64encode(value).decode()}

    def _other(self, value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
            return value.isoformat()
        if isinstance(value, complex):
            return {"re": number(value.real), "im": number(value.imag)}
        if isinstance(value, (decimal.Decimal, fractions.Fraction, uuid.UUID, os.PathLike)):
            return self._text(str(value))
        if isinstance(value, BaseException):
            return {"type": type(value).__name__, "message": self._text(str(value))}
        if hasattr(value, "dtype") and hasattr(value, "tolist") and hasattr(value, "shape"):
            if math.prod(value.shape) > NODES_MAX:
                return {"type": type(value).__name__, "shape": list(value.shape),
                        "note": "too long to return; store it with job.artifact (name, data)"}
            return self.convert(value.tolist(), path)
        if isinstance(value, types.ModuleType):
            return f"<module {value.__name__}>"
        return self._text(_repr(value))


def to_json(value: Any) -> Any:
    """The JSON form of a value, without artifacts. Never raises."""
    return Converter().convert(value)


#: Made once, before the fork.
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def dumps(value: Any) -> str:
    """JSON text of what ``convert`` made."""
    return _ENCODER.encode(value)


def text(value: str) -> str:
    """A string that UTF-8 and C can hold: no lone surrogate, no NUL."""
    if "\0" in value:
        value = value.replace("\0", "\\x00")
    try:
        value.encode()
    except UnicodeEncodeError:
        value = value.encode("utf-8", "backslashreplace").decode()
    return str(value)


def number(value: float) -> float | str:
    """A float, or the name of one that JSON lacks."""
    if math.isfinite(value):
        return float(value)
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _big(value: int) -> str:
    try:
        return str(value)
    except ValueError:                       # over 4300 digits
        return hex(value)


def _key(key: Any) -> str:
    return str(key) if isinstance(key, (int, float, bool, type(None))) else _repr(key)


def _repr(value: Any) -> str:
    try:
        made = repr(value)
    except Exception as error:
        return f"<{type(value).__name__}: its repr raises {type(error).__name__}>"
    if len(made) > REPR_MAX:
        return made[:REPR_MAX] + f" ... ({len(made) - REPR_MAX} characters left out)"
    return made


# ---- FreeCAD's types --------------------------------------------------------

def freecad_value(value: Any) -> Any:
    """The JSON form of a FreeCAD value, None for any other."""
    app = sys.modules.get("FreeCAD")
    if app is None or type(value).__module__ == "builtins" and type(value) in _PLAIN:
        return None
    part, mesh = sys.modules.get("Part"), sys.modules.get("Mesh")
    if isinstance(value, app.Vector):
        return vector(value)
    if part is not None and isinstance(value, part.Shape):
        return {**shape_summary(value), "publish": True}
    if mesh is not None and isinstance(value, mesh.Mesh):
        return {**mesh_summary(value), "publish": True}
    if isinstance(value, app.Placement):
        return {"position": vector(value.Base), "rotation": _rotation(value.Rotation)}
    if isinstance(value, app.Rotation):
        return _rotation(value)
    if isinstance(value, app.Matrix):
        cells = [number(cell) for cell in value.A]
        return [cells[row:row + 4] for row in range(0, 16, 4)]
    if isinstance(value, app.BoundBox):
        return box(value)
    return _freecad_other(value, app)


def _freecad_other(value: Any, app: Any) -> Any:
    if isinstance(value, app.Units.Quantity):
        unit = str(value.Unit).removeprefix("Unit: ").split(" (")[0]     # Unit: mm (1,0,...) [Length]
        return {"value": number(value.Value), "unit": text(unit), "text": text(value.UserString)}
    if isinstance(value, app.Document):
        return {"type": "Document", "name": value.Name, "label": text(value.Label),
                "objects": [item.Name for item in value.Objects[:1000]],
                "object_count": len(value.Objects)}
    if isinstance(value, app.DocumentObject):
        made: dict[str, Any] = {"type": value.TypeId, "name": value.Name, "label": text(value.Label)}
        shape = getattr(value, "Shape", None)
        if shape is not None and hasattr(shape, "ShapeType"):
            made.update(shape=shape_summary(shape), publish_shape=True)
        return made
    return None


_PLAIN = {list, tuple, dict, set, frozenset, bytes, bytearray}


def vector(value: Any) -> list[float | str]:
    """[x, y, z]."""
    return [number(value.x), number(value.y), number(value.z)]


def _rotation(value: Any) -> dict[str, Any]:
    return {"axis": vector(value.Axis), "angle_deg": number(math.degrees(value.Angle)),
            "quaternion": [number(part) for part in value.Q]}


def box(value: Any) -> dict[str, Any]:
    """Bounding box: corners and size; no corners when it is void."""
    if not value.isValid():
        return {"min": [], "max": [], "size": []}
    low, high = [value.XMin, value.YMin, value.ZMin], [value.XMax, value.YMax, value.ZMax]
    return {"min": [number(x) for x in low], "max": [number(x) for x in high],
            "size": [number(b - a) for a, b in zip(low, high)]}


_known: dict[int, tuple[Any, dict[str, Any]]] = {}


def know(shape: Any, **facts: Any) -> None:
    """Remembers what was just computed of a shape that nobody changes any
    more, so that its summary does not compute it again."""
    _known[id(shape)] = (shape, facts)


def forget() -> None:
    """At the end of a job."""
    _known.clear()


def shape_summary(shape: Any) -> dict[str, Any]:
    """A shape in numbers (hints.ShapeSummary). A null shape is said to be one."""
    if shape.isNull():
        return dict(NULL_SHAPE)
    facts = _known[id(shape)][1] if id(shape) in _known else {}
    made: dict[str, Any] = {"type": shape.ShapeType, "valid": facts.get("valid", False)}
    if "valid" not in facts:
        _try(made, "valid", lambda: bool(shape.isValid()))
    _try(made, "closed", lambda: bool(shape.isClosed()))
    if "volume" not in facts and not shape.Solids:
        facts = {**facts, "volume": 0.0}    # FreeCAD's, of an open shell, means nothing
    for name, attribute in (("volume", "Volume"), ("area", "Area"), ("length", "Length")):
        _try(made, name, lambda: number(facts[name] if name in facts
                                        else getattr(shape, attribute)))
    _try(made, "box", lambda: box(shape.BoundBox))
    _try(made, "center_of_mass", lambda: vector(shape.CenterOfGravity))
    kinds = ("Solids", "Shells", "Faces", "Wires", "Edges", "Vertexes")
    names = ("solids", "shells", "faces", "wires", "edges", "vertices")
    _try(made, "counts", lambda: {name: len(getattr(shape, kind))
                                  for name, kind in zip(names, kinds)})
    return made


def mesh_summary(mesh: Any) -> dict[str, Any]:
    """A mesh in numbers."""
    made: dict[str, Any] = {"type": "Mesh"}
    for name, attribute in (("points", "CountPoints"), ("facets", "CountFacets"),
                            ("volume", "Volume"), ("area", "Area")):
        _try(made, name, lambda: getattr(mesh, attribute))
    _try(made, "solid", lambda: bool(mesh.isSolid()))
    _try(made, "box", lambda: box(mesh.BoundBox))
    return made


def _try(made: dict[str, Any], name: str, read: Callable[[], Any]) -> None:
    try:
        made[name] = read()
    except Exception:                        # a vertex has no volume: leave it out
        pass
