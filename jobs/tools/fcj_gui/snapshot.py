"""Copies of the documents, for the FreeCAD that comes after this one.

Saving 500 boxes takes 270 ms, forking this process 5 to 11 ms. So the process
is forked, and the fork saves: it has the documents as they were at that
moment, whatever the host does next, and even when the host is killed. It
touches no window: the X connection is the host's, and closed in the fork.

    <directory>/<number>.new/     being written      pid, <name>.FCStd...
    <directory>/<number>/         complete           documents.json, <name>.FCStd...

FreeCAD may not survive what it opens again. So a start notes which document it
is at (`<number>/opening`), the next one counts that (`<number>/ended`), and the
one after leaves a document out that ended two: it costs no other.
"""

import json
import os
import select
import shutil
import signal
import time
from typing import Any, Callable

from fcj_docs import find

from . import links
from .documents import Changes, listed

PATIENCE_S = 0.5
NICE = 10
FATAL = 2                       # starts that a document may end


class Snapshots:
    """Makes a snapshot when documents have changed since the last one."""

    def __init__(self, directory: str, changes: Changes,
                 tell: Callable[[dict[str, Any]], None]) -> None:
        self._directory, self._changes, self._tell = directory, changes, tell
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self._number = max([0, *(int(name.partition(".")[0]) for name in os.listdir(directory)
                                 if name.partition(".")[0].isdigit())])
        self._seen = changes.total
        self._pid = 0
        self._alive = -1
        self._ended: list[int] = []

    def adopt(self, path: str) -> None:
        """The one that this process began with still holds."""
        made = read(path)
        for entry in made["documents"]:
            if entry["name"] in self._changes.serials:
                self._changes.serials[entry["name"]] = entry["serial"]
                self._changes.total = max(self._changes.total, entry["serial"])
        self._seen = self._changes.total
        self._announce(made["number"], 0, made["at"], made["documents"])

    def due(self) -> bool:
        """Whether something changed since the last one."""
        return self._changes.settle() != self._seen

    def take(self) -> None:
        """Forks; the fork writes. An older one that still writes ends."""
        self._end_older()
        self._number += 1
        self._seen = self._changes.total
        documents = listed()
        for entry in documents:
            entry["serial"] = self._changes.serials.get(entry["name"], 0)
        reading, writing = os.pipe()
        at = int(time.time() * 1000)
        pid = os.fork()
        if pid == 0:
            self._changes.mute()
            _in_fork(self._directory, self._number, documents, at, reading)
        _own_group(pid)
        os.close(reading)
        self._pid, self._alive = pid, writing
        self._announce(self._number, pid, at, documents)

    def _announce(self, number: int, pid: int, at: int, documents: list[dict[str, Any]]) -> None:
        self._tell({"type": "snapshot", "number": number, "pid": pid, "at": at,
                    "documents": [{key: entry[key] for key in ("name", "label", "file", "modified")}
                                  for entry in documents]})

    def _end_older(self) -> None:
        """Its memory takes the kernel as long to take apart as ours to copy,
        so it is reaped at the next one."""
        if self._pid:
            os.close(self._alive)
            self._ended.append(self._pid)
            if not self._reap(self._pid):
                os.kill(self._pid, signal.SIGKILL)
        self._pid = 0
        self._ended = [pid for pid in self._ended if not self._reap(pid)]

    @staticmethod
    def _reap(pid: int) -> bool:
        try:
            return os.waitpid(pid, os.WNOHANG)[0] != 0
        except ChildProcessError:
            return True


def _own_group(pid: int) -> None:
    """Who kills the host's group does not mean the fork: made by both, so that
    it holds before the fork has run and before the host says `waiting`."""
    try:
        os.setpgid(pid, pid)
    except OSError:                                # it was over already
        pass


# ---- In the fork --------------------------------------------------------------

def _in_fork(directory: str, number: int, documents: list[dict[str, Any]], at: int,
             reading: int) -> None:
    """Never returns."""
    status = 1
    try:
        _own_group(0)
        os.dup2(reading, 3)
        os.closerange(4, 1 << 20)
        for number_of in (signal.SIGSEGV, signal.SIGABRT, signal.SIGTERM, signal.SIGINT):
            signal.signal(number_of, signal.SIG_DFL)
        os.nice(NICE)
        target = os.path.join(directory, f"{number}.new")
        os.makedirs(target, mode=0o700)
        with open(os.path.join(target, "pid"), "w", encoding="ascii") as file:
            file.write(str(os.getpid()))
        select.select([3], [], [], PATIENCE_S)     # until the host is gone, or it was quiet
        _write(directory, number, documents, at)
        status = 0
    except BaseException as error:
        os.write(2, f"snapshot {number}: {type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(status)


def _write(directory: str, number: int, documents: list[dict[str, Any]], at: int) -> None:
    import FreeCAD
    target = os.path.join(directory, f"{number}.new")
    before = newest(directory)
    old = {entry["name"]: entry for entry in read(before)["documents"]} if before else {}
    for entry in documents:
        copy = os.path.join(target, entry["name"] + ".FCStd")
        known = old.get(entry["name"])
        if known and known["serial"] == entry["serial"] and known["serial"] \
                and known["label"] == entry["label"]:
            os.link(os.path.join(before, known["name"] + ".FCStd"), copy)
        else:
            FreeCAD.getDocument(entry["name"]).saveCopy(copy)
        entry["original"] = stamp(entry["file"])
    with open(os.path.join(target, "documents.json"), "w", encoding="utf-8") as file:
        json.dump({"number": number, "at": at, "documents": documents,
                   "links": links.between([entry["name"] for entry in documents])}, file)
    os.unlink(os.path.join(target, "pid"))
    os.rename(target, os.path.join(directory, str(number)))
    _clean(directory, number)


def _clean(directory: str, number: int) -> None:
    """Keeps this one and the complete one before it, and what is set aside."""
    names = {name: int(name.removesuffix(".new")) for name in os.listdir(directory)
             if name.removesuffix(".new").isdigit()}
    complete = sorted(value for name, value in names.items() if name.isdigit() and value < number)
    keep = {number, *complete[-1:]}
    for name, value in names.items():
        if value < number and (value not in keep or not name.isdigit()):
            shutil.rmtree(os.path.join(directory, name), ignore_errors=True)


# ---- Reading -------------------------------------------------------------------

def stamp(path: str) -> list[int] | None:
    """What tells that a file is still the same."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return [status.st_mtime_ns, status.st_size]


def newest(directory: str) -> str:
    """The directory of the newest complete snapshot, '' when there is none."""
    numbers = [int(name) for name in os.listdir(directory) if name.isdigit()]
    return os.path.join(directory, str(max(numbers))) if numbers else ""


def read(path: str) -> dict[str, Any]:
    """The list of a snapshot's documents, and the links between them."""
    with open(os.path.join(path, "documents.json"), encoding="utf-8") as file:
        return {"links": [], **json.load(file)}


def restore(path: str) -> list[str]:
    """Opens the documents of a snapshot; what could not be, in words."""
    import FreeCAD
    problems, active = [], None
    fatal, made = _fatal(path), read(path)
    for entry in made["documents"]:
        try:
            if entry["name"] in fatal:
                raise RuntimeError("FreeCAD did not survive opening it")
            document = _open_marked(path, entry)
        except Exception as error:
            problems.append(f"{entry['label']} was not opened again ({error}); its copy is "
                            f"{_keep(path, entry['name'])}")
            find.lost[entry["name"]] = find.lost[entry["label"]] = problems[-1]
            continue
        if entry.get("active"):
            active = document
    links.mend(made["links"], [entry["name"] for entry in made["documents"]])
    if active is not None:
        FreeCAD.setActiveDocument(active.Name)
    return problems


def _fatal(path: str) -> set[str]:
    """The documents at which too many starts with this snapshot have ended."""
    opening, ended = os.path.join(path, "opening"), os.path.join(path, "ended")
    names = _words(ended)
    if os.path.exists(opening):
        names += _words(opening)
        with open(ended, "w", encoding="ascii") as file:
            file.write(" ".join(names))
        os.unlink(opening)
    return {name for name in names if names.count(name) >= FATAL}


def _words(path: str) -> list[str]:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().split()
    except FileNotFoundError:
        return []


def _open_marked(path: str, entry: dict[str, Any]) -> Any:
    """Opens a document, and lets the window draw it, under a mark that stays
    when FreeCAD ends by it."""
    import FreeCADGui
    opening = os.path.join(path, "opening")
    with open(opening, "w", encoding="ascii") as file:
        file.write(entry["name"])
    try:
        document = _open(path, entry)
        FreeCADGui.updateGui()
        return document
    finally:
        os.unlink(opening)


def _keep(path: str, name: str) -> str:
    """A copy that nobody cleans away."""
    lost = os.path.join(os.path.dirname(path), "lost")
    os.makedirs(lost, mode=0o700, exist_ok=True)
    target = os.path.join(lost, f"{name}-{os.path.basename(path)}.FCStd")
    if not os.path.exists(target):
        os.link(os.path.join(path, name + ".FCStd"), target)
    return target


def _open(path: str, entry: dict[str, Any]) -> Any:
    """A document that was as its file is, from its file: it is unchanged then."""
    if not entry["modified"] and entry.get("original") and stamp(entry["file"]) == entry["original"]:
        import FreeCAD
        document = _whole(entry["file"], entry)
        if document.Name == entry["name"]:
            return document
        FreeCAD.closeDocument(document.Name)
    document = _whole(os.path.join(path, entry["name"] + ".FCStd"), entry)
    document.FileName = entry["file"]
    document.Label = entry["label"]
    return document


def _whole(file: str, entry: dict[str, Any]) -> Any:
    """The document of a file with all of its objects. A view that can't be
    drawn (a page without its template) is no reason to leave it out."""
    import FreeCAD
    before = set(FreeCAD.listDocuments())
    try:
        return FreeCAD.openDocument(file)
    except Exception:
        for name in set(FreeCAD.listDocuments()) - before:
            document = FreeCAD.getDocument(name)
            if len(document.Objects) == entry["objects"] > 0:
                return document
            FreeCAD.closeDocument(name)
        raise
