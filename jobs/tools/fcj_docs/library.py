"""The parts library: a directory of part files.

It is where the setting `parts-library` says, else where FreeCAD's own parts
library add-on puts it. Files are named relative to it; nothing
outside of it is reached, by a link neither.
"""

import os
import stat
from typing import Any

from fcj import Failure, Invalid, Job

ENDINGS = (".fcstd", ".step", ".stp", ".iges", ".igs", ".brep", ".brp", ".stl")
FILES_MAX = 100_000


def root(job: Job) -> str:
    """The library's directory; Invalid says how to get one."""
    import FreeCAD
    places = [job.parts] if job.parts else [
        os.path.join(FreeCAD.getUserAppDataDir(), "Mod", name) for name in ("parts_library",
                                                                          "Parts-Library")]
    for place in places:
        if os.path.isdir(place):
            return os.path.realpath(place)
    raise Invalid(f"there is no parts library ({', '.join(places)}); ask the operator to set "
                  "`parts-library` to a directory of part files, or to install FreeCAD's add-on "
                  "\"parts_library\"")


def parts(top: str, search: str, category: str) -> list[tuple[str, int]]:
    """Path and size of each part whose path has all the words."""
    words = search.lower().split()
    prefix = category.strip("/").lower()
    found: list[tuple[str, int]] = []
    for directory, folders, files in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = os.path.relpath(directory, top)
        for name in sorted(files):
            path = name if below == "." else f"{below}/{name}"
            low = path.lower()
            if not low.endswith(ENDINGS) or not all(word in low for word in words) \
                    or prefix and not low.startswith(prefix + "/"):
                continue
            status = os.lstat(os.path.join(directory, name))
            if stat.S_ISREG(status.st_mode):
                found.append((path, status.st_size))
        if len(found) > FILES_MAX:
            raise Failure(f"the parts library has more than {FILES_MAX} files")
    return found


def file(job: Job, path: str) -> str | None:
    """The true path of a part; None when the library has no such file."""
    try:
        top = root(job)
    except Invalid:
        return None
    if "\0" in path or path.startswith("/") or ".." in path.split("/"):
        return None
    full = os.path.join(top, path)
    return full if os.path.isfile(full) and os.path.realpath(full) == full else None


def insert(doc: Any, path: str) -> None:
    """Puts all of a file into a document."""
    kind = os.path.splitext(path)[1].lower()
    if kind not in ENDINGS:
        raise Invalid(f"{path!r}: a part is one of {', '.join(ENDINGS)}")
    try:
        if kind == ".fcstd":
            doc.mergeProject(path)
        elif kind == ".stl":
            import Mesh
            Mesh.insert(path, doc.Name)
        elif kind in (".brep", ".brp"):
            import Part
            Part.insert(path, doc.Name)
        else:
            import Import
            Import.insert(path, doc.Name)
    except Exception as error:
        raise Failure(f"{os.path.basename(path)!r} can't be inserted: {error}") from error
