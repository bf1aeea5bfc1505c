"""File formats: what a name's ending means, and shapes to and from files.

Meshes are made with MeshPart, 3MF written by FreeCAD's own writer. OpenCASCADE
reads by file name only, so a reader is given a path in the job's scratch.
"""

import math
import os
from typing import Any, Sequence

from .errors import Failure, Invalid

MIME = {
    "step": "model/step", "stp": "model/step", "iges": "model/iges", "igs": "model/iges",
    "brep": "model/vnd.opencascade.brep", "brp": "model/vnd.opencascade.brep",
    "stl": "model/stl", "obj": "model/obj", "ply": "model/ply", "3mf": "model/3mf",
    "fcstd": "application/x-extension-fcstd", "json": "application/json", "txt": "text/plain",
    "log": "text/plain", "csv": "text/csv", "md": "text/markdown", "svg": "image/svg+xml",
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "pdf": "application/pdf",
    "dxf": "image/vnd.dxf", "html": "text/html", "xml": "application/xml", "zip": "application/zip",
    "gcode": "text/x-gcode", "py": "text/x-python"}
SHAPE_READ = {"step", "stp", "iges", "igs", "brep", "brp"}
MESH = {"stl", "obj", "ply", "3mf"}
MESH_READ = {"stl", "obj", "ply"}
SHAPE_WRITE = SHAPE_READ | MESH | {"fcstd"}

LINEAR_DEFLECTION_MM = 0.1
ANGULAR_DEFLECTION_DEG = 28.6


def ending(name: str) -> str:
    """The lower-case ending of a file name, without the dot."""
    return os.path.splitext(name)[1][1:].lower()


def mime(name: str) -> str:
    """The MIME type of a file name."""
    return MIME.get(ending(name), "application/octet-stream")


def write(shape: Any, path: str, kind: str, linear: float = LINEAR_DEFLECTION_MM,
          angular: float = ANGULAR_DEFLECTION_DEG, label: str = "Shape") -> None:
    """Writes one Part.Shape; Failure when nothing usable was written."""
    if shape.isNull():
        raise Invalid("a null shape can't be written")
    if kind in ("step", "stp"):
        shape.exportStep(path)
    elif kind in ("iges", "igs"):
        shape.exportIges(path)
    elif kind in ("brep", "brp"):
        shape.exportBrep(path)
    elif kind in MESH:
        write_mesh(to_mesh(shape, linear, angular), path, kind)
    elif kind == "fcstd":
        write_document([(label, shape)], path)
    else:
        raise Invalid(f"no writer for .{kind}; known: {', '.join(sorted(SHAPE_WRITE))}")
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        raise Failure(f"writing {kind} gave an empty file; check the shape (isValid) first")


def to_mesh(shape: Any, linear: float, angular: float) -> Any:
    """Triangles of a shape; deflections in millimetres and degrees."""
    import MeshPart
    if not shape.Faces:
        raise Invalid(f"a {shape.ShapeType} without faces has no mesh; "
                      "use step, iges, brep or fcstd for it")
    mesh = MeshPart.meshFromShape(Shape=shape, LinearDeflection=linear,
                                  AngularDeflection=math.radians(angular), Relative=False)
    if mesh.CountFacets == 0:
        raise Failure("meshing gave no triangles; try a smaller linear_deflection")
    return mesh


def write_mesh(mesh: Any, path: str, kind: str) -> None:
    """Writes a Mesh.Mesh by its format, not by its file's name."""
    mesh.write(Filename=path, Format={"3mf": "3MF"}.get(kind, kind.upper()))


def write_document(shapes: Sequence[tuple[str, Any]], path: str) -> None:
    """An FCStd file with one Part::Feature a shape."""
    import FreeCAD
    active = FreeCAD.ActiveDocument
    document = FreeCAD.newDocument("export", hidden=True, temp=True)
    try:
        for label, shape in shapes:
            item = document.addObject("Part::Feature", "Shape")
            item.Label, item.Shape = label, shape
        document.saveCopy(path)
    finally:
        FreeCAD.closeDocument(document.Name)
        if active is not None:
            FreeCAD.setActiveDocument(active.Name)


def read(path: str, kind: str) -> Any:
    """A Part.Shape or Mesh.Mesh. Invalid says why the file is of no use."""
    import Mesh
    import Part
    try:
        if kind in MESH_READ:
            mesh = Mesh.Mesh(path)
            if mesh.CountFacets == 0:
                raise Invalid("the mesh has no facets")
            return mesh
        shape = Part.Shape()
        if kind in ("brep", "brp"):
            shape.importBrep(path)
        else:
            shape.read(path)
    except Invalid:
        raise
    except Exception as error:
        raise Invalid(f"it does not read as {kind.upper()} ({reason(error)})") from error
    return checked(shape, kind)


def read_brep_text(text: str) -> Any:
    """A Part.Shape from BREP text."""
    import Part
    shape = Part.Shape()
    try:
        shape.importBrepFromString(text)
    except Exception as error:
        raise Invalid(f"it does not read as BREP ({reason(error)})") from error
    return checked(shape, "brep")


def read_document_object(path: str, name: str) -> Any:
    """The shape of an object of an FCStd file, by name or label."""
    import FreeCAD
    active = FreeCAD.ActiveDocument
    before = set(FreeCAD.listDocuments())
    try:
        document = FreeCAD.openDocument(path, True)
    except Exception as error:
        raise Invalid(f"it does not open as an FCStd document ({reason(error)})") from error
    try:
        found = document.getObject(name) or next(iter(document.getObjectsByLabel(name)), None)
        if found is None:
            known = ", ".join(item.Name for item in document.Objects[:20]) or "none"
            raise Invalid(f"the document has no object {name!r}; it has: {known}")
        import Part
        shape = Part.getShape(found).copy()
        if shape.isNull():
            raise Invalid(f"object {name!r} ({found.TypeId}) has no shape; name one that has")
        return shape
    finally:
        for other in set(FreeCAD.listDocuments()) - before:
            FreeCAD.closeDocument(other)
        if active is not None:
            FreeCAD.setActiveDocument(active.Name)


def checked(shape: Any, kind: str) -> Any:
    """The shape, or Invalid when it is null or holds nothing."""
    if shape.isNull() or not shape.Vertexes and not shape.Edges and not shape.Faces:
        raise Invalid(f"it holds no shape, or is no {kind.upper()}")
    return typed(shape)


def typed(shape: Any) -> Any:
    """The same shape as a Part.Solid, Part.Face and so on: what was read is a
    plain Part.Shape, which lacks their attributes (OuterWire, Curve)."""
    plural = {"Vertex": "Vertexes"}.get(shape.ShapeType, shape.ShapeType + "s")
    same = [part for part in getattr(shape, plural, []) if part.isEqual(shape)]
    return same[0] if same else shape


def reason(error: BaseException) -> str:
    """One line of an exception; FreeCAD's carry a dict with sErrMsg."""
    first = error.args[0] if error.args else ""
    if isinstance(first, dict):
        first = first.get("sErrMsg") or first
    return " ".join(str(first).split())[:200] or type(error).__name__
