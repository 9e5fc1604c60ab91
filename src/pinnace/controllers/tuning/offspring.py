"""The pods that a trial's run has brought forth: its own, or those of what stands between.

Callers: `trials` (whose logs and files), `observations` (whose report).
"""

from __future__ import annotations

from typing import Protocol

from pinnace.controllers.built_in import JOB, POD
from pinnace.kinds.katib import Trial
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Selection
from pinnace.objects.local import Local

HOPS = 3
"""From a run to its pods: TrainJob → JobSet → Job → Pod."""


class Kinds(Protocol):
    """What a trial asks of the catalogue."""

    def kind(self, api_version: str, kind: str) -> Resource | None: ...

    def resources(self) -> list[Resource]: ...


class Offspring:
    def __init__(self, client: Local, kinds: Kinds) -> None:
        self.client = client
        self.kinds = kinds
        self._between = [JOB, *(one for one in kinds.resources() if one.kind == "JobSet")]

    def kind(self, spec: Trial) -> Resource | None:
        found = spec.run_spec
        return self.kinds.kind(str(found.get("apiVersion")), str(found.get("kind")))

    def run(self, trial: Obj, spec: Trial) -> Obj | None:
        resource, meta = self.kind(spec), trial["metadata"]
        return None if resource is None else self.client.peek(resource, meta["name"], meta["namespace"])

    def pods(self, run: Obj) -> list[Obj]:
        return self._below(run["metadata"]["uid"], run["metadata"]["namespace"], HOPS)

    def _below(self, uid: str, namespace: str, hops: int) -> list[Obj]:
        owned = Selection(owner=uid)
        pods = list(self.client.peek_list(POD, namespace, owned).items)
        if not pods and hops:
            for resource in self._between:
                for child in self.client.peek_list(resource, namespace, owned).items:
                    pods += self._below(child["metadata"]["uid"], namespace, hops - 1)
        return pods
