"""A training job as its controller reads it: replica types in today's spelling, upstream's defaults
filled in.

Pure; used by everything in this family. Defaults live here, in memory: upstream never writes them into the
stored document, and neither do we.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pinnace.kinds.mpijob import is_operators
from pinnace.kinds.resource import Obj
from pinnace.kinds.training import Family, type_of

LABEL = "training.kubeflow.org"
JOB_NAME, OPERATOR = f"{LABEL}/job-name", f"{LABEL}/operator-name"
REPLICA_TYPE, REPLICA_INDEX, ROLE = f"{LABEL}/replica-type", f"{LABEL}/replica-index", f"{LABEL}/job-role"


class Replica(msgspec.Struct, frozen=True):
    """`type` is upstream's spelling (`Worker`), `word` its lower case, as it stands in names."""

    type: str
    count: int
    restart: str
    template: Obj

    @property
    def word(self) -> str:
        return self.type.lower()


class Job(msgspec.Struct, frozen=True):
    obj: Obj
    family: Family
    replicas: dict[str, Replica]
    policy: Obj

    @property
    def name(self) -> str:
        return str(self.obj["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.obj["metadata"]["namespace"])

    @property
    def spec(self) -> Obj:
        return self.obj.get("spec") or {}

    @property
    def status(self) -> Obj:
        return self.obj.get("status") or {}

    @property
    def total(self) -> int:
        return sum(replica.count for replica in self.replicas.values())

    @property
    def minimum(self) -> int:
        """How many pods start together or not at all."""
        asked = (self.policy.get("schedulingPolicy") or {}).get("minAvailable")
        return min(int(asked), self.total) if asked else self.total

    def count(self, kind: str) -> int:
        replica = self.replicas.get(kind)
        return replica.count if replica else 0

    def pod_name(self, kind: str, index: int) -> str:
        return f"{self.name}-{kind.lower()}-{index}"

    def port(self, kind: str) -> int:
        """Of the container that trains, by the port's name."""
        replica = self.replicas.get(kind)
        for container in ((replica.template.get("spec") or {}).get("containers") or ()) if replica else ():
            if container["name"] == self.family.container:
                for port in container.get("ports") or ():
                    if port.get("name") == self.family.port_name:
                        return int(port["containerPort"])
        return self.family.port

    def labels(self) -> dict[str, str]:
        return {OPERATOR: f"{self.family.kind.lower()}-controller", JOB_NAME: self.name}


def read(family: Family, obj: Obj) -> Job:
    spec = obj.get("spec") or {}
    given: dict[str, Any] = {
        type_of(family, word): found or {} for word, found in (spec.get(family.specs) or {}).items()
    }
    order = [kind for kind in family.types if kind in given]
    order += [kind for kind in given if kind not in family.types]
    replicas = {kind: _replica(family, kind, given[kind], is_operators(obj)) for kind in order}
    return Job(obj, family, replicas, _policy(family, spec))


def _replica(family: Family, kind: str, spec: Obj, v2: bool) -> Replica:
    """In the MPI Operator's own version a launcher is tried again."""
    count = spec.get("replicas")
    if count is None:
        count = 0 if family.kind == "MPIJob" and kind == "Worker" else 1
    usual = "OnFailure" if v2 and kind == "Launcher" else family.restart
    return Replica(kind, int(count), spec.get("restartPolicy") or usual, spec.get("template") or {})


def _policy(family: Family, spec: Obj) -> Obj:
    policy = dict(spec.get("runPolicy") or {})
    if family.kind == "MPIJob" and spec.get("cleanPodPolicy"):
        policy.setdefault("cleanPodPolicy", spec["cleanPodPolicy"])
    return policy
