"""Which object depends on which: an order in which all can be computed, and
the circles that have none.
"""

from typing import Any


def order(chosen: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Names, what is needed first; and circles, at most 20. Depth first without
    recursion."""
    done: list[str] = []
    cycles: list[list[str]] = []
    mark: dict[str, int] = {}                # 1: on the path, 2: done
    for start in chosen:
        path: list[tuple[str, Any]] = [] if start in mark else [(start, iter(_needs(chosen, start)))]
        if path:
            mark[start] = 1
        while path:
            name, rest = path[-1]
            child = next(rest, None)
            if child is None:
                mark[name] = 2
                done.append(name)
                path.pop()
            elif child not in mark:
                mark[child] = 1
                path.append((child, iter(_needs(chosen, child))))
            elif mark[child] == 1 and len(cycles) < 20:
                names = [one for one, _ in path]
                cycles.append(names[names.index(child):])
    return done, cycles


def _needs(chosen: dict[str, Any], name: str) -> list[str]:
    return [one.Name for one in dict.fromkeys(chosen[name].OutList) if one.Name in chosen]
