"""Files below the workspace roots: the only ones that a job may name.

A path is given relative to a root (the first that has it), or absolute below
one. It is opened by the channel with openat2, which refuses symbolic links
and whatever leaves the root; code that must have a name instead gets the
path of what was opened so.
"""

import errno
import os
import stat
from typing import Any, Sequence

from .errors import Invalid
from .limits import ARTIFACT_MAX


class Roots:
    """The roots, and whether they may be written to."""

    def __init__(self, roots: Sequence[str], writable: bool, channel: Any) -> None:
        self.roots = list(roots)
        self.writable = self.roots if writable else []
        self.channel = channel

    def open(self, path: str) -> int:
        """A descriptor of a regular file; links and .. refused."""
        return self._regular(self._find(path, self.roots), path)

    def check(self, path: str) -> None:
        """Invalid when the path can't lie below a root, whether it is there or not."""
        self._tries(path, self.roots, False)

    def read_path(self, path: str) -> str:
        """The true path of a regular file."""
        fd = self.open(path)
        try:
            return os.readlink(f"/proc/self/fd/{fd}")
        finally:
            os.close(fd)

    def write_path(self, path: str) -> str:
        """The true path of a file that may be written."""
        if not self.writable:
            raise Invalid("no workspace root may be written to; ask the operator to set `roots` and "
                          "`roots-write = yes`" + self._given())
        directory, name = os.path.split(path)
        if not name or name in (".", "..") or "\0" in name or len(os.fsencode(name)) > 255:
            raise Invalid(f"path {path!r} must end in a file's name")
        fd = self._find(directory or ".", self.writable, directory=True)
        try:
            status = _lstat(name, fd)
            if status is not None and not stat.S_ISREG(status.st_mode):
                raise Invalid(f"{path!r} is there and is no regular file; choose another name")
            return os.path.join(os.readlink(f"/proc/self/fd/{fd}"), name)
        finally:
            os.close(fd)

    def _find(self, path: str, roots: list[str], directory: bool = False) -> int:
        """A descriptor of whatever the path names below one of the roots."""
        what = "directory" if directory else "file"
        tries = self._tries(path, roots, directory)
        problem: OSError | None = None
        for root, relative in tries:
            try:
                fd = self.channel.open_beneath(root, relative)
            except OSError as error:
                if problem is None or isinstance(problem, FileNotFoundError):
                    problem = error
                continue
            if not directory or stat.S_ISDIR(os.fstat(fd).st_mode):
                return fd
            os.close(fd)
            problem = NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        raise Invalid(self._say(problem, path, what, roots)) from problem

    def _tries(self, path: str, roots: list[str], directory: bool) -> list[tuple[str, str]]:
        """The roots that the path may lie below, and where."""
        if "\0" in path:
            raise Invalid("the file's path contains a NUL character; remove it")
        if ".." in path.split("/"):
            raise Invalid(f"path {path!r} must not contain '..'; name the file from its root")
        if not roots:
            raise Invalid("no workspace root is configured, so no file can be read; give the shape "
                          "as {\"brep\": ...} or ask the operator to set `roots`")
        tries = [(root, _below(root, path, directory)) for root in roots]
        below = [(root, relative) for root, relative in tries if relative is not None]
        if not below:
            raise Invalid(f"{path!r} is outside the workspace roots ({', '.join(roots)})")
        return below

    def _regular(self, fd: int, path: str) -> int:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size > ARTIFACT_MAX:
            os.close(fd)
            raise Invalid(f"{path!r} is not a regular file of at most {ARTIFACT_MAX} bytes")
        return fd

    def _given(self) -> str:
        return f" (readable: {', '.join(self.roots)})" if self.roots else ""

    @staticmethod
    def _say(error: OSError | None, path: str, what: str, roots: list[str]) -> str:
        if isinstance(error, FileNotFoundError):
            return f"there is no {what} {path!r} below the workspace roots ({', '.join(roots)})"
        if isinstance(error, PermissionError):
            return f"{what} {path!r} may not be read by the service; change its permissions"
        return (f"{what} {path!r} can't be opened ({error.strerror if error else 'unknown'}); symbolic "
                "links and paths that leave a workspace root are refused")


def _below(root: str, path: str, directory: bool) -> str | None:
    """`path` relative to `root`; None when it is not below it."""
    if not path.startswith("/"):
        return path
    prefix = root.rstrip("/") + "/"
    if directory and path.rstrip("/") + "/" == prefix:
        return "."
    return path[len(prefix):] if path.startswith(prefix) and len(path) > len(prefix) else None


def _lstat(name: str, directory: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
