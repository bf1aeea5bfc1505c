"""FreeCAD's macro files: the user's directory, then those that came with it.

A macro is named by its file; no path is taken, and no symbolic link followed.
"""

import os
import pwd
import re
import stat

from fcj import Invalid
from fcj.limits import CODE_MAX

ENDINGS = (".FCMacro", ".fcmacro", ".py")


def directories() -> list[str]:
    """Where macros lie, the user's first: those of this FreeCAD, whose home
    may be the service's, then those of the person whom it runs as."""
    import FreeCAD
    try:
        home = pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:                         # a user without a name
        home = "/nonexistent"
    found = [FreeCAD.getUserMacroDir(True), os.path.join(home, ".local/share/FreeCAD/Macro"),
             os.path.join(home, ".FreeCAD/Macro"), os.path.join(FreeCAD.getHomePath(), "Macro"),
             "/usr/share/freecad/Macro"]
    return [path for path in dict.fromkeys(os.path.normpath(one) for one in found)
            if os.path.isdir(path)]


def find_all() -> dict[str, str]:
    """Name -> path; the first directory that has a name wins."""
    found: dict[str, str] = {}
    for directory in directories():
        for entry in sorted(os.scandir(directory), key=lambda one: one.name):
            if entry.name.endswith(ENDINGS) and entry.is_file(follow_symlinks=False):
                found.setdefault(entry.name, entry.path)
    return found


def read(name: str) -> tuple[str, str]:
    """Path and source of a macro; its ending may be left out."""
    known = find_all()
    path = next((known[one] for one in (name, *(name + ending for ending in ENDINGS)) if one in known),
                None)
    if path is None:
        some = ", ".join(list(known)[:20])
        raise Invalid(f"there is no macro {name!r}; there are: {some or 'none'} (in "
                      f"{', '.join(directories()) or 'no directory'})")
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with open(fd, "rb") as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise Invalid(f"macro {name!r} is no regular file")
            data = file.read(CODE_MAX + 1)
    except OSError as error:
        raise Invalid(f"macro {name!r} can't be read: {error.strerror}") from error
    if len(data) > CODE_MAX:
        raise Invalid(f"macro {name!r} is larger than {CODE_MAX} bytes")
    return path, data.decode("utf-8", "replace")


def about(path: str) -> str:
    """What a macro says about itself, in a line."""
    try:
        with open(path, "rb") as file:
            text = file.read(8192).decode("utf-8", "replace")
    except OSError:
        return ""
    match = re.search(r"__(?:Comment|Title)__\s*=\s*[\"'](.+?)[\"']", text)
    if match:
        return match.group(1)[:200]
    comment = re.search(r"^#(?!!|.*coding)\s*(\S.*)$", text, re.MULTILINE)
    return comment.group(1)[:200] if comment else ""
