"""What a framework adds to the common life of a training job: one declarative table each.

`frameworks/` fills these in; `lifecycle`, `pods` and `controller` know no framework by name. A new kind of
job is a `Family` in `kinds/training.py`, a `Framework` here, and a line in `frameworks/__init__.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from pinnace.controllers.training.view import Job, Replica
from pinnace.kinds.resource import Obj, Resource
from pinnace.kinds.training import Family

Environment = list[dict[str, Any]]


class Count(msgspec.Struct):
    """The pods of one replica type. `fatal`: failed and not to be tried again; `restarts`: failed, and made
    anew in this step; `first_done`: the one with index 0 has succeeded."""

    wanted: int = 0
    active: int = 0
    succeeded: int = 0
    failed: int = 0
    fatal: int = 0
    restarts: int = 0
    first_done: bool = False

    @property
    def left(self) -> int:
        return self.wanted - self.succeeded


Counts = dict[str, Count]


class Words(msgspec.Struct, frozen=True):
    """Upstream's messages, which differ from kind to kind. Fields: kind, name, place (`ns/name`), count,
    type."""

    running: str
    succeeded: str
    failed: str
    restarting: str


SHORT = Words(
    "{kind} {name} is running.", "{kind} {name} is successfully completed.",
    "{kind} {name} is failed because {count} {type} replica(s) failed.",
    "{kind} {name} is restarting because {count} {type} replica(s) failed.",
)
PLACED = Words(
    "{kind} {place} is running.", "{kind} {place} successfully completed.",
    "{kind} {place} has failed because {count} {type} replica(s) failed.",
    "{kind} {name} is restarting because {type} replica(s) failed.",
)


def no_environment(job: Job, replica: Replica, index: int) -> Environment:
    return []


def undressed(job: Job, replica: Replica, index: int, spec: Obj) -> None:
    """The pod stays as the template has it."""


def alone(job: Job, pods: Sequence[Obj]) -> list[tuple[Resource, Obj]]:
    return []


def short(job: Job) -> Words:
    return SHORT


class Framework(msgspec.Struct, frozen=True, kw_only=True):
    family: Family
    environment: Callable[[Job, Replica, int], Environment] = no_environment
    everywhere: bool = True
    """Whether all containers get the environment, or only the one that trains."""
    leads: Callable[[Job, str, int], bool]
    """Whether this replica has the role `master` (SDKs and Katib read its log)."""
    decides: Callable[[Job], str]
    """The replica type that the job's life follows: running with it, and succeeded when all of it has."""
    sooner: Callable[[Job, Counts], bool] = lambda job, counts: False
    """Whether the job has succeeded before that."""
    words: Callable[[Job], Words] = short
    tolerated: Callable[[Job, str], bool] = lambda job, kind: False
    """Whether failures of this type leave the job alone."""
    services: bool = True
    dress: Callable[[Job, Replica, int, Obj], None] = undressed
    """Changes the pod's spec (its own copy) further: volumes, commands."""
    companions: Callable[[Job, Sequence[Obj]], list[tuple[Resource, Obj]]] = alone
    """Other objects that the job owns and keeps as they should be, from the job and its pods."""
    serves: Callable[[Obj], bool] = lambda obj: True
    """Whether a document of the kind is this table's: MPIJobs of v2beta1 are the `mpi_operator`'s."""
    single: tuple[str, ...] = ()
    """Types whose pods carry no index in their name."""

    def running(self, job: Job, counts: Counts) -> bool:
        return ready(counts, self.decides(job))

    def done(self, job: Job, counts: Counts) -> bool:
        return over(counts, self.decides(job)) or self.sooner(job, counts)

    def pod_name(self, job: Job, kind: str, index: int) -> str:
        return f"{job.name}-{kind.lower()}" if kind in self.single else job.pod_name(kind, index)


def plain(**values: str) -> Environment:
    return [{"name": name, "value": value} for name, value in values.items()]


def master_or_worker(job: Job) -> str:
    return "Master" if "Master" in job.replicas else "Worker"


def ready(counts: Counts, kind: str) -> bool:
    return kind in counts and counts[kind].active > 0


def over(counts: Counts, kind: str) -> bool:
    """Every replica of the type has succeeded."""
    return kind in counts and counts[kind].left <= 0
