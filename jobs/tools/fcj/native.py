"""Native tools: how arguments become a pipeline (jobs/kernel/README.md), and
the kernel's answer the tool's result.

``Native`` goes into the decorator; the functions below make the holes of its
templates. What they make is plain JSON that stands in the catalogue and is
filled in fcj-native (workers/native/template.c), where there is no Python. A
hole that comes to nothing takes its pair or its element with it.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from .errors import Invalid

Json = Any
Engine = Literal["native", "freecad"]


@dataclass(frozen=True)
class Native:
    """The native form of a tool.

    pipeline   template of {"steps": [...], "result": id}
    result     template of what the tool answers; None: all that the kernel said
    publish    the result shape is the artifact result.brep
    files      its steps may write files
    made       parameter -> rules by which an element in numbers becomes a step
    unless     parameter -> values; one of them given: the tool's Python runs
    python     the function itself does the same in FreeCAD (engine "freecad")
    """

    pipeline: dict[str, Json]
    result: Json = None
    publish: bool = True
    files: bool = True
    made: dict[str, list[Json]] = field(default_factory=dict)
    unless: dict[str, list[Json]] = field(default_factory=dict)
    python: bool = False

    def entry(self) -> dict[str, Json]:
        """What the catalogue says."""
        made: dict[str, Json] = {"pipeline": self.pipeline, "publish": self.publish,
                                 "files": self.files}
        for key in ("result", "made", "unless"):
            if getattr(self, key):
                made[key] = getattr(self, key)
        return made


def argument(name: str) -> Json:
    """An argument as given, or its default."""
    return {"$argument": name}


def shapes(name: str) -> Json:
    """The reference, or list of references, that a parameter of shapes is."""
    return {"$shapes": name}


def when(name: str, then: Json = None, otherwise: Json = None, equals: Json = None,
         least: int | None = None) -> Json:
    """One or the other: by an argument that is there and not false, 0 or empty,
    by its value, or by how many elements it has."""
    made = {"$when": name}
    for key, value in (("is", equals), ("least", least), ("then", then), ("else", otherwise)):
        if value is not None:
            made[key] = value
    return made


def each(name: str, template: Json) -> Json:
    """A list with one of these for each element of an argument; spread in a list."""
    return {"$each": name, "as": template}


def item(key: str = "", otherwise: Json = None) -> Json:
    """Inside of ``each`` and of ``made``: the element, or a member of it."""
    return {"$item": key} if otherwise is None else {"$item": key, "else": otherwise}


def text(*parts: Json) -> Json:
    """Strings and whole numbers, one behind the other."""
    return {"$text": list(parts)}


def count(name: str, plus: int = 0) -> Json:
    """How many elements an argument has."""
    return {"$count": name, "plus": plus} if plus else {"$count": name}


def first(template: Json) -> Json:
    """The first element of a list."""
    return {"$first": template}


def out(path: str) -> Json:
    """Of the kernel's answer: "result.shape", "steps.<id>.data"."""
    return {"$out": path}


def pick(template: Json, *keys: str) -> Json:
    """These members only, of an object or of each object of a list."""
    return {"$pick": list(keys), "of": template}


def memo() -> Json:
    """"hit" or "partly" when steps came from the memo."""
    return {"$memo": True}


def step(op: str, **parameters: Json) -> dict[str, Json]:
    """A step of a pipeline; ``as_`` stands for "as"."""
    return {"op": op, **{key.rstrip("_"): value for key, value in parameters.items()}}


def steps(*made: Json, result: str | None = None) -> dict[str, Json]:
    """A pipeline."""
    return {"steps": list(made), **({"result": result} if result else {})}


#: Profiles in numbers (hints.Polygon, hints.Circle) as steps.
PROFILE = [
    {"has": "radius", "step": step("circle", radius=item("radius"), at=item("center"),
                                   axis=item("normal"))},
    {"has": "points", "step": step("polyline", points=item("points"), closed=item("closed", True))}]


def only() -> NoReturn:
    """The body of a tool that has no Python form."""
    raise Invalid("this tool runs natively only; leave out `engine`, and see that the worker has "
                  "fcj-native (service_status)")
