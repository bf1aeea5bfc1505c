"""The catalogue that fcj-mcp serves, made from the handlers.

    cd jobs/tools && python3.11 -m fcj.catalogue OUT [DIR...]

FreeCAD is not needed: handlers import it inside their functions. The same
handlers give the same bytes on every machine.
"""

import hashlib
import json
import os
import sys
from typing import Any, Sequence

from . import loader
from .tool import registry

VERSION = 1


def build() -> dict[str, Any]:
    """The catalogue of all loaded tools, in the order of their names."""
    tools = [registry()[name].entry for name in sorted(registry())]
    compact = json.dumps(tools, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256(compact.encode()).hexdigest()
    return {"version": VERSION, "hash": digest, "tools": tools}


def text() -> str:
    """The catalogue as JSON text."""
    return json.dumps(build(), indent=1, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Writes the catalogue to the first argument; the others are directories."""
    if not arguments:
        print("usage: python3.11 -m fcj.catalogue OUT [DIR...]", file=sys.stderr)
        return 2
    try:
        loader.load(arguments[1:])
    except RuntimeError as error:
        print(f"fcj.catalogue: {error}", file=sys.stderr)
        return 1
    temporary = f"{arguments[0]}.{os.getpid()}.new"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text())
    os.replace(temporary, arguments[0])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
