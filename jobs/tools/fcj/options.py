"""The properties that a tool takes for the job rather than for itself.

Front-ends take them out of the arguments (broker/PROTOCOL.md "The job").
"""

from typing import Annotated, Any, Literal, Sequence

from . import schema
from .hints import UUID, Bound, Reference
from .limits import (DEPENDS_MAX, KEY_MAX, NAME_MAX, QUEUE_TIMEOUT_S, SLOTS_MAX, TIMEOUT_MAX_S,
                     TIMEOUT_S)
from .native import Native

OPTIONS: dict[str, Any] = {
    "inputs": Annotated[dict[str, Reference | Annotated[
        str, Bound(minLength=3, maxLength=520), "\"Document.Object\" of the live FreeCAD"]],
                        "Name -> reference of what the job reads. A job named here is waited "
                        "for."],
    "timeout_s": Annotated[int, Bound(minimum=1, maximum=TIMEOUT_MAX_S),
                           f"Run time limit in seconds. Default {TIMEOUT_S}."],
    "queue_timeout_s": Annotated[int, Bound(minimum=1, maximum=QUEUE_TIMEOUT_S),
                                 "Give up when not started after so many seconds."],
    "priority": Annotated[Literal["high", "normal", "low"], "Default normal."],
    "depends_on": Annotated[
        list[Annotated[str, Bound(pattern=UUID)]], Bound(maxItems=DEPENDS_MAX),
        "Job ids to wait for; when one fails, this job does (`dependency`). Code has the shape (else "
        "the value) of each as inputs[\"<job id>\"]."],
    "idempotency_key": Annotated[str, Bound(minLength=1, maxLength=KEY_MAX),
                                 "The same key and arguments give the same job."],
    "name": Annotated[str, Bound(minLength=1, maxLength=NAME_MAX), "A label for list_jobs."],
}

NATIVE: dict[str, Any] = {
    "threads": Annotated[int, Bound(minimum=1, maximum=SLOTS_MAX),
                         "Threads of OpenCASCADE, default 1. The job waits until as many slots "
                         "are free."],
    "memo": Annotated[bool, "False: compute each step, also when its result is remembered, and "
                            "remember none."],
    "isolated": Annotated[bool, "True: a fresh process that ends with the job."],
    "engine": Annotated[Literal["native", "freecad"],
                        "native (default): OpenCASCADE directly. freecad: the same in FreeCAD's "
                        "Python, without memo."],
}

#: A tool that is answered at once needs no queue options.
LIVE = ("timeout_s", "idempotency_key")


def of_need(needs: str) -> Sequence[str]:
    """The options of a tool that names none itself."""
    return tuple(OPTIONS) if needs == "compute" else LIVE


def of_native(native: Native) -> Sequence[str]:
    """The further ones of a native tool; `engine` when there are two."""
    return tuple(name for name in NATIVE if name != "engine" or native.python)


def schemas(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Option -> its schema, of these."""
    return {name: schema.of_type(hint) for name, hint in (OPTIONS | NATIVE).items()
            if name in names}
