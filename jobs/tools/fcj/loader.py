"""Loads handler modules: those that come with freecad-jobs, then the user's.

The order is that of the file names, so that a catalogue is the same on every
machine. A module that does not import is an error that names its file.
"""

import importlib
import importlib.machinery
import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Sequence

USER = "fcj_user_"                    # how modules of the user's directories are named
BUILTIN = Path(__file__).resolve().parent.parent / "handlers"


def load(directories: Sequence[str] = ()) -> None:
    """Imports every handler; RuntimeError with the file's name on trouble."""
    root = str(BUILTIN.parent)
    if root not in sys.path:
        sys.path.insert(0, root)
    for file in _modules(BUILTIN):
        _guard(file, lambda: importlib.import_module(f"handlers.{file.stem}"))
    for number, directory in enumerate(directories):
        path = Path(directory).resolve()
        if not path.is_dir():
            raise RuntimeError(f"handler directory {directory} does not exist")
        if path == BUILTIN:
            continue
        for file in _modules(path):
            _guard(file, lambda: _import_file(file, f"{USER}{number}_{file.stem}"))


def catalogue_text() -> str:
    """The catalogue of what is loaded, as JSON."""
    from . import catalogue
    return json.dumps(catalogue.build(), ensure_ascii=False, separators=(",", ":"))


def reload(directories: Sequence[str] = ()) -> str:
    """Loads all handlers anew in a process that lives on; the catalogue.

    When one does not load, those that were there stay, and it raises.
    """
    from .tool import registry
    ours = {name: module for name, module in sys.modules.items() if _is_handler(name)}
    before = dict(registry())
    for name in ours:
        del sys.modules[name]
    registry().clear()
    try:
        load(directories)
        return catalogue_text()
    except BaseException:
        for name in [name for name in sys.modules if _is_handler(name)]:
            del sys.modules[name]
        sys.modules.update(ours)
        registry().clear()
        registry().update(before)
        raise


def _is_handler(name: str) -> bool:
    return name.partition(".")[0] in ("handlers", "fcj_docs") or name.startswith("fcj_user_")


def _modules(directory: Path) -> list[Path]:
    return sorted(file for file in directory.glob("*.py") if not file.name.startswith("_"))


class _Fresh(importlib.machinery.SourceFileLoader):
    """Reads the source each time: a cached .pyc is taken for the present one
    when a file is edited twice in a second and keeps its size."""

    def get_code(self, fullname: str) -> types.CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def _import_file(file: Path, name: str) -> None:
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, file, loader=_Fresh(name, str(file)))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


def _guard(file: Path, action) -> None:
    try:
        action()
    except SyntaxError as error:
        raise RuntimeError(f"handler {file}: line {error.lineno}: {error.msg}") from error
    except BaseException as error:
        raise RuntimeError(f"handler {file}: {type(error).__name__}: {error}") from error
