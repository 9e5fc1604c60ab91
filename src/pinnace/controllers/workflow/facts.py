"""What the core needs from outside and does not fetch itself: it names the fact, stops, and is told later.

`Need` is raised while a call is being evaluated, before anything was decided; the call is then parked and
tried again from its start. Caller: `run` parks, `controller` fetches.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Fact(NamedTuple):
    """`kind`: workflowtemplate, clusterworkflowtemplate, configmap, artifact, memo (then `name` is the
    ConfigMap or empty for the content cache, `key` the entry)."""

    kind: str
    name: str
    key: str = ""


class Need(Exception):
    def __init__(self, fact: Fact) -> None:
        super().__init__(f"needs {fact.kind} {fact.name} {fact.key}")
        self.fact = fact


class Facts:
    """What is known so far. A value of None means: it does not exist."""

    def __init__(self) -> None:
        self._known: dict[Fact, Any] = {}

    def ask(self, fact: Fact) -> Any:
        """Raises Need."""
        if fact not in self._known:
            raise Need(fact)
        return self._known[fact]

    def tell(self, fact: Fact, value: Any) -> None:
        self._known[fact] = value
