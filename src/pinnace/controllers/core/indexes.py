"""The indexes of an Indexed Job: as text, and what success and failure policies make of them. Pure.

Called by `job`. Source: kubernetes pkg/controller/job/{indexed_job_utils,success_policy,backoff_utils}.go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pinnace.kinds.resource import Obj

INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
"""On a Pod: how often its index had failed before it."""


def parse_indexes(text: str) -> frozenset[int]:
    """`0-2,5` → {0, 1, 2, 5}"""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def format_indexes(indexes: Iterable[int]) -> str:
    runs: list[list[int]] = []
    for index in sorted(indexes):
        if runs and runs[-1][1] == index - 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def index_of(pod: Obj) -> int | None:
    text = (pod["metadata"].get("annotations") or {}).get(INDEX)
    return int(text) if text is not None else None


def failures_before(pod: Obj) -> int:
    text = (pod["metadata"].get("annotations") or {}).get(FAILURES, "0")
    return int(text) if text.isdigit() else 0


def spent(spec: Obj, pod: Obj) -> bool:
    """Was this failure one more than its index may have?"""
    limit = spec.get("backoffLimitPerIndex")
    return limit is not None and failures_before(pod) >= int(limit)


def tries(spec: Obj, pods: Sequence[Obj], action: Callable[[Obj], str]) -> dict[int, int]:
    """Failures of each index so far; empty where they are not counted by index."""
    if spec.get("backoffLimitPerIndex") is None:
        return {}
    found = dict.fromkeys(range(int(spec.get("completions") or 0)), 0)
    for pod in pods:
        index = index_of(pod)
        if index in found and (pod.get("status") or {}).get("phase") == "Failed":
            counted = failures_before(pod) + (action(pod) != "Ignore")
            found[index] = max(found[index], counted)
    return found


def matched(spec: Obj, completed: frozenset[int]) -> int | None:
    """The number of the first rule of the successPolicy that the completed indexes fulfil."""
    for number, rule in enumerate((spec.get("successPolicy") or {}).get("rules") or ()):
        listed = rule.get("succeededIndexes")
        wanted = parse_indexes(listed) if listed else None
        have = completed if wanted is None else completed & wanted
        count = rule.get("succeededCount")
        enough = len(have) >= int(count) if count is not None else wanted is not None and have == wanted
        if enough:
            return number
    return None
