"""One component of a service (predictor, transformer, explainer) as one call of the reconciler sees it.

Filled from top to bottom by the reconciler; status, endpoints and scaling read it. Each component has its own
revisions, traffic and replicas, as each is a Knative service of its own in a cluster.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pinnace.controllers.serving import standard
from pinnace.controllers.serving.observed import Observed, Way, observe
from pinnace.controllers.serving.revisions import Revision
from pinnace.controllers.serving.selection import Problem
from pinnace.controllers.serving.template import Plan
from pinnace.controllers.serving.traffic import Rollout, Target
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj


class Part(msgspec.Struct, kw_only=True):
    component: str
    spec: Obj
    service: str
    """Name of its service: `<isvc>-predictor`."""
    plan: Plan | None = None
    runtime: Obj | None = None
    problem: Problem | None = None
    revisions: list[Revision] = []
    """Oldest first."""
    observed: dict[str, Observed] = {}
    rollout: Rollout = Rollout()
    targets: list[Target] = []
    wanted: int = 1
    trained: list[Obj] = []
    """The TrainedModels that it serves."""
    deployment: Obj | None = None
    """In Standard mode, what stands for all revisions."""
    variant: str = ""
    """Of a canary in Standard mode, its name; `percent` is its share."""
    percent: int = 0
    last_words: str = ""
    """The end of a failed server's log."""

    @property
    def newest(self) -> Observed | None:
        return self.observed.get(self.rollout.created)

    @property
    def used(self) -> set[str]:
        """Revisions that must be there: the newest, and all that have traffic or a tag."""
        return {self.rollout.created} | {t.revision for t in self.targets if t.percent or t.tag}

    @property
    def kept(self) -> set[str]:
        return {self.rollout.ready, self.rollout.rolled_out, self.rollout.previous}

    def take(self, known: list[Revision], status: dict[str, Any]) -> None:
        """Its own of the service's revisions, and what its last status said of them."""
        self.revisions = [each for each in known if each.component == self.component]
        names = {revision.name for revision in self.revisions}

        def still(field: str) -> str:
            return str(status[field]) if status.get(field) in names else ""

        self.rollout = Rollout(
            created=self.revisions[-1].name if self.revisions else "",
            ready=still("latestReadyRevision"), rolled_out=still("latestRolledoutRevision"),
            previous=still("previousRolledoutRevision"),
        )

    @property
    def changed(self) -> bool:
        """Whether its plan asks for a revision that is not there."""
        if self.plan is None:
            return False
        return not self.revisions or self.revisions[-1].plan.identity != self.plan.identity

    @property
    def next_number(self) -> int:
        return self.revisions[-1].number + 1 if self.revisions else 1

    def add(self, revision: Revision) -> None:
        self.revisions.append(revision)
        self.rollout = msgspec.structs.replace(self.rollout, created=revision.name)

    def deploy(self, found: Obj, status: dict[str, Any]) -> None:
        """Standard mode: what runs is one Deployment, and what its last status said of it."""
        self.deployment = found
        self.revisions = [standard.revision(found, self.plan, self.component)]
        once = self.service if status.get("latestReadyRevision") else ""
        self.rollout = Rollout(created=self.service, ready=once)
        self.wanted = int(found["spec"].get("replicas") or 0)

    def look(self, pods: list[Obj], doors: str) -> None:
        label = (standard.APP, standard.app(self.service)) if self.deployment else None
        self.observed = {
            each.name: observe(each.name, pods, Way(
                socket=each.plan.socket, port=each.plan.entrance, grpc=each.plan.grpc, doors=doors,
                label=label,
            ))
            for each in self.revisions
        }


def of(isvc: Obj) -> list[Part]:
    spec = isvc.get("spec") or {}
    return [
        Part(component=name, spec=spec[name], service=serving.service(isvc, name))
        for name in serving.COMPONENTS
        if isinstance(spec.get(name), dict)
    ]
