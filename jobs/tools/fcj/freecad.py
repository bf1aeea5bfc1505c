"""FreeCAD in a plain Debian Python: where it lies, and its import.

Imported once, by the zygote, and nothing is computed there: a single parallel
boolean would start threads and hang every process forked later.
"""

import glob
import os
import sys

PATHS = ["/usr/lib/freecad-python3/lib", "/usr/lib/freecad/lib", "/usr/share/freecad/Ext"]
MODULES = "/usr/share/freecad/Mod/*"
#: Imported before the fork. A lean zygote forks faster; others import lazily.
#: MeshPart (20 MB, 40 ms) is left to the jobs that mesh; FCJ_PRELOAD adds more.
PRELOAD = ("FreeCAD", "Part", "Mesh")


def add_paths() -> None:
    """Puts FreeCAD's directories on sys.path, once."""
    for path in [*PATHS, *sorted(glob.glob(MODULES))]:
        if path not in sys.path and os.path.isdir(path):
            sys.path.append(path)


def load() -> dict[str, str]:
    """Imports FreeCAD and says which one; RuntimeError says what is missing."""
    add_paths()
    extra = os.environ.get("FCJ_PRELOAD", "").replace(",", " ").split()
    for name in [*PRELOAD, *extra]:
        try:
            __import__(name)
        except ImportError as error:
            raise RuntimeError(f"module {name} does not import ({error}); install the packages "
                               "freecad and freecad-python3, or run `fcj doctor`") from error
    return info()


def info() -> dict[str, str]:
    """Versions, for service_status."""
    import FreeCAD
    import Part
    return {"freecad": ".".join(FreeCAD.Version()[:3]), "occt": str(Part.OCC_VERSION),
            "python": ".".join(map(str, sys.version_info[:3]))}


def use_scratch(scratch: str) -> None:
    """Documents keep transient files; they go where the job may write."""
    import FreeCAD
    for key in ("UserCachePath", "AppTempPath"):
        FreeCAD.ConfigSet(key, scratch.rstrip("/") + "/")
