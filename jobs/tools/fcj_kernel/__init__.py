"""Native OpenCASCADE pipelines for Python code: the operations of the kernel
(jobs/kernel/README.md has the language) on Part shapes.

    import fcj_kernel
    made = fcj_kernel.run([{"op": "fuse", "shapes": ["$a", "$b"]},
                           {"op": "fillet", "rule": "convex", "radius": 1}],
                          {"a": Part.makeBox(9, 9, 9), "b": other})
    made.shape          # Part.Shape
    made["steps"]       # what each step made, in numbers
"""

import importlib.machinery
import importlib.util
import json
import os
import shutil
import sys
from typing import Any, Callable

_RESULT = "result.brep"
_PLACES = ("../lib", "../lib/freecad-jobs", "../../lib/freecad-jobs")
_native: Any = None


class KernelError(Exception):
    """A pipeline failed. `error` says which step, what input, and why;
    `result` has the steps before it."""

    def __init__(self, result: dict[str, Any]) -> None:
        self.result, self.error = result, result["error"]
        super().__init__(self.error["message"])


class Result(dict):
    """The result of a pipeline (README "The result"), and its shape."""

    shape: Any = None


def run(steps: list[dict[str, Any]], inputs: dict[str, Any] | None = None,
        directory: str | None = None, threads: int = 1, result: str | None = None,
        progress: Callable[[float, str], Any] | None = None) -> Result:
    """Run a pipeline.

    Parameters
    ----------
    steps : list
        The steps: {"op": ..., parameters}. "$name" refers to an input,
        "$id" to an earlier step, "$id.Face3" to a part. Millimetres, degrees.
    inputs : dict
        name -> Part.Shape, or bytes of a STEP, IGES, BREP or STL file.
    directory : str
        Where files of `export` and `mesh` steps go; default: the current one.
    threads : int
        For booleans, meshing and distances.
    result : str
        The id of the step whose shape is wanted; default: the last.
    progress : callable
        progress (fraction, message); what it raises ends the run.
    """
    import tempfile         # it imports random, which costs each fork something
    pipeline: dict[str, Any] = {"steps": steps}
    if result is not None:
        pipeline["result"] = result
    given = {name: _bytes(name, value) for name, value in (inputs or {}).items()}
    with tempfile.TemporaryDirectory(prefix=".kernel-", dir=directory or ".") as scratch:
        end, text = load().run(json.dumps(pipeline), given, scratch, _RESULT,
                               int(threads), progress)
        made = Result(json.loads(text))
        if end != 0:
            raise KernelError(made)
        made.shape = _shape(os.path.join(scratch, _RESULT))
        for file in made["files"]:
            shutil.move(os.path.join(scratch, file["name"]),
                        os.path.join(directory or ".", file["name"]))
    return made


def language() -> dict[str, Any]:
    """All operations: {"version", "ops": {name: {"title", "group", "schema"}}}."""
    return json.loads(load().language())


def load() -> Any:
    """The native module, found beside the programs of a build or installed."""
    global _native
    if _native is None:
        _native = sys.modules.get("_fcj_kernel") or _import()
    return _native


def load_unless_reachable() -> None:
    """Loads it now when a process of another user could not do so later: who
    has cloned into a closed home (/root) runs jobs as users that cannot go
    there."""
    for place in _places():
        path = os.path.join(place, "_fcj_kernel.so")
        if os.path.exists(path):
            while path != "/":
                path = os.path.dirname(path)
                if not os.stat(path).st_mode & 1:
                    load()
                    return
            return


def _import() -> Any:
    tried = []
    for place in _places():
        path = os.path.join(place, "_fcj_kernel.so")
        tried.append(path)
        if os.path.exists(path):
            loader = importlib.machinery.ExtensionFileLoader("_fcj_kernel", path)
            spec = importlib.util.spec_from_loader("_fcj_kernel", loader)
            module = importlib.util.module_from_spec(spec)
            loader.exec_module(module)
            return module
    raise ImportError("the native kernel is missing; looked for " + ", ".join(tried))


def _places() -> list[str]:
    here = os.path.dirname(os.path.abspath(__file__))
    program = os.path.dirname(os.path.realpath("/proc/self/exe"))
    build = os.environ.get("FCJ_BUILD")
    return [*([os.path.join(build, "lib")] if build else []),
            *(os.path.normpath(os.path.join(program, place)) for place in _PLACES),
            os.path.normpath(os.path.join(here, "../../../build/lib")),
            os.path.normpath(os.path.join(here, "../../../../lib/freecad-jobs"))]


def _bytes(name: str, value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if hasattr(value, "exportBrepToString"):
        if value.isNull():
            raise ValueError(f"input {name!r} is a null shape")
        return value.exportBrepToString().encode()
    raise TypeError(f"input {name!r} is a {type(value).__name__}, it must be a Part.Shape or the "
                    "bytes of a STEP, IGES, BREP or STL file")


def _shape(path: str) -> Any:
    if not os.path.exists(path):
        return None
    import Part
    shape = Part.Shape()
    shape.read(path)
    # What was read is a plain Part.Shape; a member of a compound has its own type.
    return Part.makeCompound([shape]).SubShapes[0]
