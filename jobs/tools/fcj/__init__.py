"""The runtime of tool handlers: decorator, types, job process.

A handler needs only what is exported here; see ../README.md.
"""

from .ask import Answer
from .errors import Failure, Invalid
from .hints import (Angle, Bound, Circle, Code, DocumentFile, Input, JobId, Length, Memo, Point,
                    Polygon, Profile, Reference, Shape, ShapeResult, ShapeSummary)
from .job import Job
from .native import Native
from .tool import registry, tool

__all__ = ["Angle", "Answer", "Bound", "Circle", "Code", "DocumentFile", "Failure", "Input",
           "Invalid", "Job", "JobId", "Length", "Memo", "Native", "Point", "Polygon", "Profile",
           "Reference", "Shape", "ShapeResult", "ShapeSummary", "registry", "tool"]
