"""The runtime of tool handlers: decorator, types, job process.

A handler needs only what is exported here; see ../README.md.
"""

from .ask import Answer
from .errors import Failure, Invalid
from .hints import (Angle, Bound, Code, DocumentFile, Input, JobId, Length, Point, Reference, Shape,
                    ShapeSummary)
from .job import Job
from .tool import registry, tool

__all__ = ["Angle", "Answer", "Bound", "Code", "DocumentFile", "Failure", "Input", "Invalid", "Job",
           "JobId", "Length", "Point", "Reference",
           "Shape", "ShapeSummary", "registry", "tool"]
