"""The no-op job as RQ sees it; importable by its workers."""


def noop() -> int:
    """Do nothing, successfully."""
    return 1
