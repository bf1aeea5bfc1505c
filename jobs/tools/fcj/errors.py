"""The two ways in which a handler says no, besides any other exception.

``Invalid``: what was given is wrong; the job fails with reason ``invalid``.
``Failure``: the work was tried and has no usable result; the job fails with
reason ``exception``. Both carry one sentence that says what to do next.
"""


class Invalid(Exception):
    """Arguments or inputs that can't be used; says which and what to do."""


class Failure(Exception):
    """An operation that ran but whose result must not pass for a success."""


class ResultTooLarge(Failure):
    """A result above the bound of what a job may return."""


class Interrupted(BaseException):
    """Raised in a live job that ran out of time or was cancelled; no code
    that catches Exception holds it up."""
