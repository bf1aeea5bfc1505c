"""Looking at shapes and mending them: numbers, checks, sections, drawings, meshes.

All of them run natively (jobs/kernel); what stands here are their arguments,
their words, and how they become a pipeline.
"""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from fcj import Bound, Job, Memo, Native, Point, Shape, ShapeResult, ShapeSummary, tool
from fcj.native import (argument, each, item, memo, only, out, pick, shapes, step, steps, text, when)

from .export import ExportedFile

FileName = Annotated[str, Bound(pattern="^[A-Za-z0-9_][A-Za-z0-9_-]{0,99}$")]
FILES = pick(out("files"), "name", "format", "mime", "size")
Tolerance = Annotated[float, Bound(minimum=1e-9, maximum=100)]


class Problem(TypedDict):
    """Something that is wrong with a shape."""

    what: Annotated[str, "The kind of problem"]
    where: NotRequired[Annotated[str, "Face3, Edge7..."]]
    text: NotRequired[str]


class CheckResult(TypedDict):
    """What the check found."""

    valid: bool
    problems: list[Problem]
    shape: ShapeSummary
    memo: Memo


class MeasureResult(TypedDict):
    """Numbers of a shape: mm, mm2, mm3, degrees."""

    properties: Annotated[dict[str, Any], "volume, area, length, mass, center, inertia, moments, axes"]
    bounding_box: Annotated[dict[str, Any], "box {min, max, size}, oriented {center, axes, half_size}"]
    distance: NotRequired[Annotated[dict[str, Any], "distance, and the pairs of nearest points"]]
    shape: ShapeSummary


class SectionResult(TypedDict):
    """Where planes or other shapes meet the shape."""

    shape: ShapeSummary
    planes: NotRequired[Annotated[list[Any], "For each plane, what was cut"]]
    memo: Memo


class FilesResult(TypedDict):
    """The files, and the shape that they were made from."""

    files: list[ExportedFile]
    shape: ShapeSummary
    memo: Memo


class HealResult(TypedDict):
    """The healed shape, and what was done to it."""

    shape: ShapeSummary
    fixed: list[str]
    before: Annotated[list[Any], "Problems before"]
    after: Annotated[list[Any], "Problems that are left"]
    memo: Memo


class Plane(TypedDict):
    """A plane through a point. Millimetres."""

    at: Point
    normal: Point


@tool(needs="compute", toolset="modeling", title="Check a shape", read_only=True, native=Native(
    steps(step("check", id="check", shape=shapes("shape"),
               self_intersection=argument("self_intersection"))),
    result={"valid": out("steps.check.data.valid"), "problems": out("steps.check.data.problems"),
            "shape": out("result.shape"), "memo": memo()}, publish=False, files=False))
def check_shape_async(job: Job, shape: Shape, self_intersection: bool = True) -> CheckResult:
    """Find out whether a shape is valid and what is wrong with it, as a background job.

    Use it before booleans and exports that fail. Returns a job handle at once; the result names each
    problem and the face or edge that has it. heal_async mends many of them.

    Next: get_job_status with wait_s, then get_job_result.

    Parameters
    ----------
    shape : reference
        A reference such as {"job": "<id>"} or {"file": "part.step"}, or the name of an entry of `inputs`.
    self_intersection : bool
        Also look for faces that cut each other, which takes longer.
    """
    only()


@tool(needs="compute", toolset="modeling", title="Measure a shape", read_only=True, native=Native(
    steps(step("properties", id="properties", shape=shapes("shape"), density=argument("density")),
          step("bounding_box", id="box", shape=shapes("shape"), oriented=argument("oriented")),
          when("other", step("distance", id="distance", shape=shapes("shape"),
                             other=shapes("other")))),
    result={"properties": out("steps.properties.data"), "bounding_box": out("steps.box.data"),
            "distance": out("steps.distance.data"), "shape": out("result.shape")},
    publish=False, files=False))
def measure_async(job: Job, shape: Shape, other: Shape | None = None,
                  density: Annotated[float, Bound(minimum=1e-12, maximum=1e12)] = 1.0,
                  oriented: bool = False) -> MeasureResult:
    """Volume, area, centre of mass, inertia and bounding box of a shape, as a background job.

    With `other` also the smallest distance between the two. Returns a job handle at once.

    Next: get_job_status with wait_s, then get_job_result.

    Parameters
    ----------
    shape : reference
        A reference such as {"job": "<id>"} or {"file": "part.step"}, or the name of an entry of `inputs`.
    other : reference
        Another shape: how far is it from the first?
    density : float
        Mass of a mm3; mass and inertia are multiplied by it.
    oriented : bool
        Also the smallest box in any direction.
    """
    only()


@tool(needs="compute", toolset="modeling", title="Cut sections through a shape", read_only=True,
      native=Native(
          steps(when("tools", step("section", id="section", shape=shapes("shape"),
                                   tools=shapes("tools")),
                     step("slice", id="section", shape=shapes("shape"), planes=argument("planes"),
                          normal=argument("normal"), offsets=argument("offsets"),
                          as_=argument("form"))), result="section"),
          result={"shape": out("result.shape"), "planes": out("steps.section.data.planes"),
                  "memo": memo()}, files=False))
def section_async(
        job: Job, shape: Shape,
        planes: Annotated[list[Plane], Bound(minItems=1, maxItems=1000)] | None = None,
        normal: Point | None = None,
        offsets: Annotated[list[float], Bound(minItems=1, maxItems=1000)] | None = None,
        tools: Annotated[list[Shape], Bound(minItems=1, maxItems=256)] | None = None,
        form: Literal["wire", "face"] = "wire") -> SectionResult:
    """Section a shape with planes, or with other shapes, as a background job.

    Give `planes`, or `normal` with `offsets` (parallel planes), or `tools`. Returns a job handle at
    once; the result is a compound of wires (or faces, or edges) and the artifact result.brep.

    Next: get_job_status with wait_s, then get_job_result.

    Parameters
    ----------
    shape : reference
        A reference such as {"job": "<id>"} or {"file": "part.step"}, or the name of an entry of `inputs`.
    planes : list
        [{"at": [x, y, z], "normal": [x, y, z]}, ...]
    normal : point
        Of parallel planes.
    offsets : list
        Distances of the parallel planes from the origin, in mm.
    tools : list
        Shapes whose faces cut the shape, in place of planes.
    form : str
        What planes give: wire or face.
    """
    only()


@tool(needs="compute", toolset="modeling", title="Draw a view as SVG", read_only=True, native=Native(
    steps(step("project", id="view", shape=shapes("shape"), direction=argument("direction"),
               up=argument("up"), hidden=argument("hidden"), exact=argument("exact"),
               width=argument("width"), file=text(argument("file_name"), ".svg"))),
    result={"files": FILES, "shape": out("result.shape"), "memo": memo()}, publish=False))
def project_svg_async(job: Job, shape: Shape, direction: Point = [0, -1, 0], up: Point = [0, 0, 1],
                      hidden: bool = True, exact: bool = True,
                      width: Annotated[int, Bound(minimum=16, maximum=10000)] = 800,
                      file_name: FileName = "view") -> FilesResult:
    """Draw a view of a shape with visible and hidden lines as an SVG file, as a background job.

    Use it for drawings and for a quick look without a window. Returns a job handle at once; the
    file is an artifact of the job.

    Next: get_job_status with wait_s, then get_job_result.

    Parameters
    ----------
    shape : reference
        A reference such as {"job": "<id>"} or {"file": "part.step"}, or the name of an entry of `inputs`.
    direction : point
        From the shape towards the eye: [0, -1, 0] front, [0, 0, 1] top, [1, 0, 0] right.
    up : point
        What is up in the picture.
    hidden : bool
        Draw hidden lines dashed.
    exact : bool
        False: from a mesh, much faster for curved shapes.
    width : int
        Of the picture, in pixels.
    file_name : str
        Name of the file without ending.
    """
    only()


@tool(needs="compute", toolset="modeling", title="Mesh a shape", read_only=True, native=Native(
    steps(each("formats", step("mesh", shape=shapes("shape"), linear=argument("linear_deflection"),
                               angular=argument("angular_deflection"), relative=argument("relative"),
                               file=text(argument("file_name"), ".", item())))),
    result={"files": FILES, "shape": out("result.shape"), "memo": memo()}, publish=False))
def mesh_async(
        job: Job, shape: Shape,
        formats: Annotated[list[Literal["stl", "obj", "ply", "gltf", "glb"]],
                           Bound(minItems=1, maxItems=5)] = ["stl"],
        linear_deflection: Annotated[float, Bound(minimum=0.0001, maximum=1000)] = 0.1,
        angular_deflection: Annotated[float, Bound(minimum=1, maximum=90)] = 28.6,
        relative: bool = False, file_name: FileName = "mesh") -> FilesResult:
    """Triangulate a shape into STL, OBJ, PLY or glTF files, as a background job.

    With `threads` faces are meshed side by side. Returns a job handle at once; the files are
    artifacts of the job.

    Next: get_job_status with wait_s, then get_job_result.

    Parameters
    ----------
    shape : reference
        A reference such as {"job": "<id>"} or {"file": "part.step"}, or the name of an entry of `inputs`.
    formats : list
        One file is made for each.
    linear_deflection : float
        Greatest distance from the true surface, in mm.
    angular_deflection : float
        Greatest angle between neighbouring facets, in degrees.
    relative : bool
        linear_deflection is relative to the size of each edge.
    file_name : str
        Name of the files without ending.
    """
    only()


@tool(needs="compute", toolset="modeling", title="Heal a shape", read_only=True, native=Native(
    steps(step("heal", id="heal", shape=shapes("shape"), tolerance=argument("tolerance"),
               max_tolerance=argument("max_tolerance"), sew=argument("sew"), solid=argument("solid"),
               unify=argument("unify")), result="heal"),
    result={"shape": out("result.shape"), "fixed": out("steps.heal.data.fixed"),
            "before": out("steps.heal.data.before"), "after": out("steps.heal.data.after"),
            "memo": memo()}, files=False))
def heal_async(job: Job, shape: Shape, tolerance: Tolerance = 1e-6, max_tolerance: Tolerance = 1e-3,
               sew: bool = True, solid: bool = True, unify: bool = False) -> HealResult:
    """Mend a shape: gaps, small edges, wrong orientation, open shells, as a background job.

    Use it for imported files that booleans refuse. Returns a job handle at once; the result says
    what was fixed and what is still wrong; the healed shape is the artifact result.brep.

    Next: get_job_status with wait_s, then get_job_result.

    Parameters
    ----------
    shape : reference
        A reference such as {"job": "<id>"} or {"file": "part.step"}, or the name of an entry of `inputs`.
    tolerance : float
        In mm: what is nearer than this belongs together.
    max_tolerance : float
        In mm: no edge or vertex gets a tolerance above it.
    sew : bool
        Sew faces to shells.
    solid : bool
        Make solids of closed shells.
    unify : bool
        Merge faces that lie on one surface.
    """
    only()


@tool(needs="compute", toolset="modeling", title="Convert a CAD file", read_only=True, native=Native(
    steps(when("heal", [step("load", id="raw", input=shapes("source")),
                        step("heal", id="whole", shape="$raw")],
               [step("load", id="whole", input=shapes("source"))]),
          each("formats", step("export", file=text(argument("file_name"), ".", item()),
                               shapes="$whole",
                               linear=argument("linear_deflection"),
                               angular=argument("angular_deflection"))), result="whole"),
    result={"files": FILES, "shape": out("result.shape"), "memo": memo()}))
def convert_async(
        job: Job, source: Shape,
        formats: Annotated[list[Literal["step", "iges", "brep", "bin", "stl", "obj", "ply", "gltf",
                                        "glb"]], Bound(minItems=1, maxItems=9)] = ["step"],
        file_name: FileName = "converted", heal: bool = False,
        linear_deflection: Annotated[float, Bound(minimum=0.0001, maximum=1000)] = 0.1,
        angular_deflection: Annotated[float, Bound(minimum=1, maximum=90)] = 28.6) -> FilesResult:
    """Read a STEP, IGES, BREP or STL file and write it in other formats, as a background job.

    Names, colours and assemblies of a STEP file are kept. Use it to import, too: the shape is the
    artifact result.brep, which other jobs take as {"job": "<id>"}. Returns a job handle at once.

    Next: get_job_status with wait_s, then get_job_result.

    Parameters
    ----------
    source : reference
        {"file": "part.step"}, {"job": "<id>", "artifact": "part.step"}, or the name of an entry of `inputs`.
    formats : list
        One file is made for each. bin is BREP in its binary form.
    file_name : str
        Name of the files without ending.
    heal : bool
        Mend the shape first (heal_async).
    linear_deflection : float
        Meshes: greatest distance from the true surface, in mm.
    angular_deflection : float
        Meshes: greatest angle between neighbouring facets, in degrees.
    """
    only()
