"""Shapes to files: one artifact a format."""

from typing import Annotated, Any, Literal, TypedDict

from fcj import Bound, Invalid, Job, Memo, Native, Shape, ShapeSummary, formats, tool
from fcj.native import argument, each, first, item, memo, out, pick, shapes, step, steps, text, when

Format = Literal["step", "iges", "brep", "stl", "obj", "3mf", "fcstd"]
ENDING = {"fcstd": "FCStd"}


class ExportedFile(TypedDict):
    """One file, to be read as resource job://<job id>/<name>."""

    name: str
    format: str
    mime: str
    size: Annotated[int, "Bytes"]


class ExportResult(TypedDict):
    """The files, and the shape they hold."""

    files: list[ExportedFile]
    shape: ShapeSummary
    memo: Memo


#: What was given becomes one shape, which each format is written from.
WHOLE = when("shapes", step("compound", id="whole", shapes=shapes("shapes")),
             step("load", id="whole", input=first(shapes("shapes"))), least=2)
FILES = each("formats", step(
    "export", shapes="$whole", file=text(argument("file_name"), ".", item()),
    linear=argument("linear_deflection"), angular=argument("angular_deflection")))
NATIVE = Native(
    steps(WHOLE, FILES, result="whole"),
    result={"files": pick(out("files"), "name", "format", "mime", "size"),
            "shape": out("result.shape"), "memo": memo()},
    publish=False, unless={"formats": ["3mf", "fcstd"]}, python=True)


@tool(needs="compute", toolset="jobs", title="Export shapes to files", read_only=True, native=NATIVE)
def export_async(
        job: Job, shapes: Annotated[list[Shape], Bound(minItems=1, maxItems=1024)],
        formats: Annotated[list[Format], Bound(minItems=1, maxItems=7)] = ["step"],
        file_name: Annotated[str, Bound(pattern="^[A-Za-z0-9_][A-Za-z0-9_-]{0,99}$")] = "export",
        linear_deflection: Annotated[float, Bound(minimum=0.0001, maximum=1000)] = 0.1,
        angular_deflection: Annotated[float, Bound(minimum=1, maximum=90)] = 28.6) -> ExportResult:
    """Write shapes to STEP, IGES, BREP, STL, OBJ, 3MF or FCStd files as a background job.

    Use it when a user wants a file: step for other CAD programs, stl or 3mf
    for printing, fcstd to open in FreeCAD. Returns a job handle at once; the
    result lists the files, each an artifact of the job.

    Next: get_job_status with wait_s, then get_job_result, whose resource
    links lead to the files.

    Parameters
    ----------
    shapes : list
        What to write; several go into each file together. Each is a
        reference such as {"job": "<id>"} or {"file": "part.step"}, or the name of
        an entry of `inputs`.
    formats : list
        One file is made for each.
    file_name : str
        Name of the files without ending: letters, digits, _ and -.
    linear_deflection : float
        Meshes (stl, obj, 3mf): greatest distance from the true surface, in mm.
    angular_deflection : float
        Meshes: greatest angle between neighbouring facets, in degrees.
    """
    import Part
    for index, shape in enumerate(shapes):
        if shape.isNull():
            raise Invalid(f"shapes[{index}] is a null shape; look at the job that made it")
    whole = shapes[0] if len(shapes) == 1 else Part.makeCompound(shapes)
    if set(formats) & {"stl", "obj", "3mf"} and not whole.Faces:
        raise Invalid("these shapes have no faces, so they have no mesh: leave out stl, obj and 3mf")
    files: list[ExportedFile] = []
    kinds = list(dict.fromkeys(formats))
    for index, kind in enumerate(kinds):
        job.progress(index / len(kinds), f"writing {kind}")
        files.append(_write(job, shapes, whole, kind, file_name,
                            linear_deflection, angular_deflection))
    return {"files": files, "shape": _summary(whole)}


def _write(job: Job, shapes: list[Any], whole: Any, kind: str, file_name: str,
           linear: float, angular: float) -> ExportedFile:
    import os
    name = f"{file_name}.{ENDING.get(kind, kind)}"
    path = job.artifact_path(name)
    if kind == "fcstd":
        formats.write_document([(f"{file_name}_{index + 1}" if len(shapes) > 1 else file_name, shape)
                                for index, shape in enumerate(shapes)], path)
    else:
        formats.write(whole, path, kind, linear, angular)
    job.announce(name)
    return {"name": name, "format": kind, "mime": formats.mime(name), "size": os.path.getsize(path)}


def _summary(whole: Any) -> Any:
    from fcj.values import shape_summary
    return shape_summary(whole)
