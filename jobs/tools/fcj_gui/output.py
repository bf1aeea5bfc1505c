"""stdout and stderr of the job that runs, as messages to the supervisor.

FreeCAD has put its own objects in sys.stdout and sys.stderr (they write to its
report view); they are back when the job has ended. A line is sent when it is
whole, so that it can be read while the job runs.
"""

import io
import sys
from typing import Any, Callable

CHUNK = 65536


class Stream(io.TextIOBase):
    """One of the two streams of a job."""

    encoding, errors = "utf-8", "backslashreplace"

    def __init__(self, name: str, send: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self.name, self._send = name, send
        self._parts: list[str] = []

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._parts.append(text)
        if "\n" in text or len(self._parts) > 256:
            self.flush()
        return len(text)

    def flush(self) -> None:
        data = "".join(self._parts).encode("utf-8", "backslashreplace")
        self._parts.clear()
        for start in range(0, len(data), CHUNK):
            self._send({"type": "output", "stream": self.name, "data": data[start:start + CHUNK]})


class Redirected:
    """``with Redirected(send):`` around a job."""

    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        self.streams = (Stream("stdout", send), Stream("stderr", send))

    def flush(self) -> None:
        """Sends what is left of the last line."""
        for stream in self.streams:
            stream.flush()

    def __enter__(self) -> "Redirected":
        self._before = (sys.stdout, sys.stderr)
        sys.stdout, sys.stderr = self.streams
        return self

    def __exit__(self, *_: Any) -> None:
        self.flush()
        sys.stdout, sys.stderr = self._before
