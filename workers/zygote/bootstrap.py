"""What a zygote does in Python before it forks (built into fcj-zygote).

FreeCAD imported from a plain interpreter finds neither its modules nor their
file formats on Debian: both are done here. Heavy modules that most jobs do
not use (Draft: 0.3 s and 50 MB) are left to the job that imports them; so is
Import (45 ms), whose libraries would be a quarter of what each fork copies.
"""
import gc
import glob
import io
import json
import os
import sys

FREECAD_PATHS = ("/usr/lib/freecad-python3/lib", "/usr/lib/freecad/lib",
                 "/usr/share/freecad/Ext")
PRELOAD = ("Part", "Mesh", "Sketcher", "PartDesign")
FORMATS_NOT_OF = ("AddonManager", "Start", "Test", "Tux", "Web")


def _init_files(app) -> None:
    """Run each module's Init.py, which registers its file formats."""
    for path in sorted(glob.glob("/usr/share/freecad/Mod/*/Init.py")):
        if path.split("/")[-2] in FORMATS_NOT_OF:
            continue
        try:
            with open(path, encoding="utf-8") as source:
                code = compile(source.read(), path, "exec")
            exec(code, {"FreeCAD": app, "App": app, "__file__": path,
                        "__name__": "Init"})
        except Exception as error:  # one module's formats, not the worker
            print(f"{path}: {error}", file=sys.stderr)


def start(python: str, handlers: list) -> tuple:
    """Import FreeCAD and the handlers; (info as JSON, catalogue as JSON)."""
    sys.path[:0] = [python]
    sys.path += [*FREECAD_PATHS, *glob.glob("/usr/share/freecad/Mod/*")]
    sys.argv = ["freecad-jobs"]
    try:
        import FreeCAD
    except ImportError as error:
        raise RuntimeError(
            f"FreeCAD cannot be imported ({error}). Install Debian's packages "
            "freecad and freecad-python3 (`fcj doctor` checks)") from error
    for name in PRELOAD:
        try:
            if name == "PartDesign":    # the name FreeCAD itself looks for
                import _PartDesign
                sys.modules.setdefault(name, _PartDesign)
            else:
                __import__(name)
        except Exception as error:
            print(f"import {name}: {error}", file=sys.stderr)
    sys.modules["FreeCAD"].GuiUp = 0
    _init_files(FreeCAD)
    import fcj.process
    catalogue = fcj.process.prepare(handlers)
    if not isinstance(catalogue, str):
        catalogue = json.dumps(catalogue)
    import fcj_kernel
    import Part
    fcj_kernel.load_unless_reachable()
    info = {"freecad": ".".join(FreeCAD.Version()[:3]),
            "occt": getattr(Part, "OCC_VERSION", ""),
            "python": sys.version.split()[0]}
    _rehearse()
    gc.collect()
    return json.dumps(info), catalogue


def _rehearse() -> None:
    """What a job does for the first time, before the fork. The streams are
    those of the jobs from here on: they are made while 1 and 2 are a pipe,
    which they will be in each fork."""
    import _fcj
    import fcj.rehearsal
    outs = os.dup(1), os.dup(2)
    reader, writer = os.pipe()
    try:
        os.dup2(writer, 1)
        os.dup2(writer, 2)
        _streams()
        fcj.rehearsal.rehearse(_fcj, os.environ["HOME"])
    finally:
        for number, out in zip((1, 2), outs):
            os.dup2(out, number)
            os.close(out)
        os.close(reader)
        os.close(writer)


def child(scratch: str, rehearse: bool) -> None:
    """First thing in a fork: FreeCAD's own directories are its scratch. Where
    it keeps files of documents is told by fcj.freecad.use_scratch."""
    os.environ["HOME"] = os.environ["TMPDIR"] = scratch
    config_set = sys.modules["FreeCAD"].ConfigSet
    base = scratch + "/.freecad/"
    for key in ("UserAppData", "UserConfigPath", "UserMacroPath"):
        config_set(key, base)
    config_set("UserHomePath", scratch)
    config_set("UserParameter", base + "user.cfg")
    config_set("SystemParameter", base + "system.cfg")
    if rehearse:
        sys.modules["fcj.rehearsal"].once()


def _streams() -> None:
    """stdout and stderr as a job has them: UTF-8, by lines."""
    for name, fd in (("stdout", 1), ("stderr", 2)):
        raw = io.BufferedWriter(io.FileIO(fd, "w", closefd=False))
        stream = io.TextIOWrapper(raw, "utf-8", "backslashreplace",
                                  line_buffering=True)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def run(message: dict) -> None:
    """The job, in the child; never returns an exception to C."""
    import _fcj
    import fcj.process
    fcj.process.run(message, _fcj)
