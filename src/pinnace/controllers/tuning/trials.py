"""kubeflow.org/v1beta1 Trials: one run each, its metrics read as they come, its status in the end.

The run is created in the commit that says that the trial runs, and the reports are kept (rows of kind
"observation") in the commit that says how it ended, so that a crash leaves neither of them half.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import msgspec

from pinnace.controllers.built_in import CLAIM, JOB, POD
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.recorder import Recorder
from pinnace.controllers.tuning import run as runs
from pinnace.controllers.tuning.collectors import Follower
from pinnace.controllers.tuning.reports import Report, Unreadable, broken
from pinnace.controllers.tuning.trial import Ending, ended, ending, over, running
from pinnace.home import Home
from pinnace.kinds import katib
from pinnace.kinds.katib import TRIAL, Trial
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, DeleteOptions, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event, Row, Store

OBSERVATION = "observation"
"""Rows: owner `<namespace>/<trial>`, the reports of a finished trial as JSON."""
LOOK = 0.2
"""Seconds between two looks at a growing log that an early-stopping rule asks about."""
POLL = 1.0
"""Seconds between two looks at a run of a kind that is not watched."""
_GROUPS = ("argoproj.io", "kubeflow.org", "trainer.kubeflow.org")
_HOPS = 3
"""From a run to its pods: TrainJob → JobSet → Job → Pod."""


class Kinds(Protocol):
    """What a trial asks of the catalogue."""

    def kind(self, api_version: str, kind: str) -> Resource | None: ...

    def resources(self) -> list[Resource]: ...


class Trials:
    name = "trials"

    def __init__(
        self, client: Local, store: Store, kinds: Kinds, home: Home, *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.client = client
        self.store = store
        self.kinds = kinds
        self.home = home
        self.clock = clock
        self.recorder = Recorder(client, "trial-controller")
        watched = {one.key: one for one in kinds.resources() if _runs(one)}
        self.watches: tuple[Resource, ...] = (TRIAL, *watched.values())
        self.owners: Mapping[str, frozenset[str]] = {key: frozenset({"Trial"}) for key in watched}
        self._between = [JOB, *(one for one in kinds.resources() if one.kind == "JobSet")]
        self._followers: dict[str, Follower] = {}

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == TRIAL.key:
            return (Key(event.namespace, event.name),)
        for owner in event.obj["metadata"].get("ownerReferences") or ():
            if owner.get("kind") == "Trial" and owner.get("controller"):
                return (Key(event.namespace, owner["name"]),)
        return ()

    async def reconcile(self, key: Key) -> Result:
        trial = self.client.peek(TRIAL, key.name, key.namespace)
        if trial is None:
            await self._forget(key)
            return Result()
        if trial["metadata"].get("deletionTimestamp"):
            return Result()
        try:
            spec = katib.trial(trial)
        except msgspec.ValidationError as error:
            return await self._end(trial, Trial(), None, Ending("Failed", "TrialFailed", str(error)), [])
        run = self._run(trial, spec)
        if katib.phase(trial) in katib.ENDINGS:
            await self._clear(trial, spec, run)
            return Result()
        if run is None:
            return await self._begin(trial, spec)
        return await self._watch(trial, spec, run)

    # The run --------------------------------------------------------------------------------------------

    def _kind(self, spec: Trial) -> Resource | None:
        found = spec.run_spec
        return self.kinds.kind(str(found.get("apiVersion")), str(found.get("kind")))

    def _run(self, trial: Obj, spec: Trial) -> Obj | None:
        resource, meta = self._kind(spec), trial["metadata"]
        return None if resource is None else self.client.peek(resource, meta["name"], meta["namespace"])

    async def _begin(self, trial: Obj, spec: Trial) -> Result:
        resource, run = self._kind(spec), spec.run_spec
        if resource is None:
            version, kind = run.get("apiVersion"), run.get("kind")
            why = f'no matches for kind "{kind}" in version "{version}"'
            return await self._end(trial, spec, None, ending("Failed", "", why), [])
        meta = trial["metadata"]
        owners = [(trial, runs.claim(meta["name"]))] if spec.metrics_collector.kind in runs.FILES else []
        experiment, checkpoints = self._population(trial)
        if experiment is not None and checkpoints:
            owners.append((experiment, runs.population(experiment["metadata"]["name"])))
            await asyncio.to_thread(self._inherit, trial, experiment["metadata"]["name"])
        changes = [
            Change(verb="create", resource=CLAIM, obj=runs.claimed(owner, name)) for owner, name in owners
            if self.client.peek(CLAIM, name, meta["namespace"]) is None
        ]
        run = runs.dressed(trial, spec, checkpoints)
        changes.append(Change(verb="create", resource=resource, obj=run))
        status = running(trial.get("status") or {}, self.clock())
        changes.append(Change(verb="status", resource=TRIAL, obj={**trial, "status": status}))
        try:
            await self.client.transact(changes)
        except StatusError as error:
            if error.code not in (400, 403, 404, 422):
                raise
            return await self._end(trial, spec, None, ending("Failed", error.reason, error.message), [])
        self.recorder.record(trial, "JobCreated", f"Job {meta['name']} has been created")
        return Result()

    def _population(self, trial: Obj) -> tuple[Obj | None, str]:
        """Of a trial that is one of a population: its Experiment, and where it looks for checkpoints."""
        meta = trial["metadata"]
        labels = meta.get("labels") or {}
        if katib.GENERATION not in labels:
            return None, ""
        found = self.client.peek(katib.EXPERIMENT, labels.get(katib.EXPERIMENT_LABEL, ""), meta["namespace"])
        settings = katib.algorithm((found or {"spec": {}})["spec"].get("algorithm")).settings
        return found, settings.get("suggestion_trial_dir", "")

    def _inherit(self, trial: Obj, experiment: str) -> None:
        """The parent's checkpoints, copied before the run begins (in a thread; again after a crash)."""
        meta = trial["metadata"]
        folder = self.home.volumes / meta["namespace"] / runs.population(experiment)
        parent, own = folder / meta["labels"].get(katib.PARENT, ""), folder / meta["name"]
        if katib.PARENT in meta["labels"] and parent.is_dir() and not own.exists():
            half = folder / f".{meta['name']}"
            shutil.rmtree(half, ignore_errors=True)
            shutil.copytree(parent, half, symlinks=True)
            half.rename(own)

    async def _watch(self, trial: Obj, spec: Trial, run: Obj) -> Result:
        now = self.clock()
        found = ended(spec, run)
        rules = spec.early_stopping_rules
        if found is None and not rules:
            status = running(trial.get("status") or {}, now)
            if status != trial.get("status"):
                change = Change(verb="status", resource=TRIAL, obj={**trial, "status": status})
                await self.client.transact([change])
            return Result() if _runs(self._kind(spec)) else Result(after=POLL)
        try:
            reports = await self._reports(trial, spec, run, over=found is not None)
        except Unreadable as error:
            return await self._end(trial, spec, run, ending("Failed", "", str(error)), [])
        if found is None:
            rule = broken(rules, reports, spec.objective)
            if rule is None:
                return Result(after=LOOK)
            words = f"{rule.name} is {rule.comparison} than {rule.value} after {rule.start_step} reports"
            found = ending("EarlyStopped", "", words)
        return await self._end(trial, spec, run, found, reports)

    async def _end(
        self, trial: Obj, spec: Trial, run: Obj | None, found: Ending, reports: Sequence[Report]
    ) -> Result:
        meta = trial["metadata"]
        status = over(trial.get("status") or {}, found, spec, reports, self.clock())
        row = Row(OBSERVATION, f"{meta['namespace']}/{meta['name']}", "", msgspec.json.encode(reports))
        change = Change(verb="status", resource=TRIAL, obj={**trial, "status": status})
        await self.client.transact([change], [row])
        self._followers.pop(meta["uid"], None)
        last = status["conditions"][-1]
        bad = last["type"] in ("Failed", "MetricsUnavailable")
        self.recorder.record(trial, f"Trial{last['type']}", last["message"], warning=bad)
        if found.kind == "EarlyStopped" and run is not None and spec.retain_run:
            await self._stop(run, spec)
        return Result()

    async def _clear(self, trial: Obj, spec: Trial, run: Obj | None) -> None:
        """Of a finished trial nothing runs on, and unless it is to be retained nothing is left."""
        if run is None or run["metadata"].get("deletionTimestamp"):
            return
        if spec.retain_run:
            if katib.phase(trial) == "EarlyStopped" and ended(spec, run) is None:
                await self._stop(run, spec)
            return
        resource, meta = self._kind(spec), run["metadata"]
        assert resource is not None
        with suppress(StatusError):
            options = DeleteOptions(propagation="Background", uid=meta["uid"])
            await self.client.delete(resource, meta["name"], meta["namespace"], options)
        self.recorder.record(trial, "JobDeleted", f"Job {meta['name']} has been deleted")

    async def _stop(self, run: Obj, spec: Trial) -> None:
        resource, meta, patch = self._kind(spec), run["metadata"], runs.stop(run)
        assert resource is not None
        with suppress(StatusError):
            if patch is None:
                await self.client.delete(resource, meta["name"], meta["namespace"])
            else:
                await self.client.patch(resource, meta["name"], meta["namespace"], patch, "merge")

    async def _forget(self, key: Key) -> None:
        owner = f"{key.namespace}/{key.name}"
        if self.store.row(OBSERVATION, owner) is not None:
            await self.client.transact([], [Row(OBSERVATION, owner, "*", None)])

    # Metrics --------------------------------------------------------------------------------------------

    async def _reports(self, trial: Obj, spec: Trial, run: Obj, *, over: bool) -> list[Report]:
        if spec.metrics_collector.kind not in ("StdOut", *runs.FILES):
            return []
        follower = self._followers.get(trial["metadata"]["uid"])
        if follower is None:
            follower = Follower(spec.metrics_collector, spec.objective.metrics)
            self._followers[trial["metadata"]["uid"]] = follower
        paths = self._paths(spec, run)
        return list(await asyncio.to_thread(follower.read, paths, ended=over))

    def _paths(self, spec: Trial, run: Obj) -> list[Path]:
        """The files that the collector is about, of every primary pod, the oldest first."""
        pods = self._pods(run["metadata"]["uid"], run["metadata"]["namespace"], _HOPS)
        wanted = spec.primary_pod_labels.items()
        mine = [pod for pod in pods if wanted <= (pod["metadata"].get("labels") or {}).items()]
        mine.sort(key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]))
        find = self._logs if spec.metrics_collector.kind == "StdOut" else self._files
        return [path for pod in mine for path in find(pod, spec)]

    def _pods(self, uid: str, namespace: str, hops: int) -> list[Obj]:
        owned = Selection(owner=uid)
        pods = list(self.client.peek_list(POD, namespace, owned).items)
        if not pods and hops:
            for resource in self._between:
                for child in self.client.peek_list(resource, namespace, owned).items:
                    pods += self._pods(child["metadata"]["uid"], namespace, hops - 1)
        return pods

    def _logs(self, pod: Obj, spec: Trial) -> list[Path]:
        """Of every life of the primary container."""
        for state in (pod.get("status") or {}).get("containerStatuses") or ():
            if state["name"] == spec.primary_container_name:
                lives = range(int(state.get("restartCount") or 0) + 1)
                return [self.home.log(pod["metadata"]["uid"], state["name"], life) for life in lives]
        return [self.home.log(pod["metadata"]["uid"], spec.primary_container_name)]

    def _files(self, pod: Obj, spec: Trial) -> list[Path]:
        for container in pod["spec"]["containers"]:
            if container["name"] == spec.primary_container_name:
                found = runs.place(pod, container, spec.metrics_collector.path)
                if found is not None:
                    return [self.home.volumes / pod["metadata"]["namespace"] / found[0] / found[1]]
        return []


def _runs(resource: Resource | None) -> bool:
    """Whether a trial's run of this kind is watched."""
    if resource is None or not resource.namespaced or "status" not in resource.subresources:
        return False
    if resource.key in (katib.EXPERIMENT.key, katib.SUGGESTION.key, TRIAL.key):
        return False
    return resource.key == JOB.key or resource.group in _GROUPS or resource.kind == "Workflow"


__all__ = ["OBSERVATION", "Trials"]
