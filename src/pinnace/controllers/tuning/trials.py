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

import msgspec

from pinnace.controllers.built_in import CLAIM, JOB
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.recorder import Recorder
from pinnace.controllers.tuning import db_manager
from pinnace.controllers.tuning import run as runs
from pinnace.controllers.tuning.collectors import Follower
from pinnace.controllers.tuning.observations import OBSERVATION, PUSHED, Observations, owner
from pinnace.controllers.tuning.offspring import Kinds, Offspring
from pinnace.controllers.tuning.reports import Report, Unreadable, broken
from pinnace.controllers.tuning.trial import Ending, ended, ending, over, running, story
from pinnace.home import Home
from pinnace.kinds import katib
from pinnace.kinds.katib import TRIAL, Trial
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, DeleteOptions
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event, Row, Store

LOOK = 0.2
"""Seconds between two looks at a growing log that an early-stopping rule asks about."""
POLL = 1.0
"""Seconds between two looks at a run of a kind that is not watched."""
_GROUPS = ("argoproj.io", "kubeflow.org", "trainer.kubeflow.org")


class Trials:
    name = "trials"

    def __init__(
        self, client: Local, store: Store, kinds: Kinds, home: Home, *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.client = client
        self.store = store
        self.home = home
        self.offspring = Offspring(client, kinds)
        self.observations = Observations(client, store, self.offspring)
        self.clock = clock
        self.recorder = Recorder(client, "trial-controller")
        watched = {one.key: one for one in kinds.resources() if _runs(one)}
        self.watches: tuple[Resource, ...] = (TRIAL, *watched.values())
        self.owners: Mapping[str, frozenset[str]] = {key: frozenset({"Trial"}) for key in watched}
        self._followers: dict[str, Follower] = {}
        self._waiting: set[str] = set()
        """Trials that were told to wait for the server of pushed metrics."""

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == TRIAL.key:
            return (Key(event.namespace, event.name),)
        for each in event.obj["metadata"].get("ownerReferences") or ():
            if each.get("kind") == "Trial" and each.get("controller"):
                return (Key(event.namespace, each["name"]),)
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
        run = self.offspring.run(trial, spec)
        if katib.phase(trial) in katib.ENDINGS:
            await self._clear(trial, spec, run)
            return Result()
        if run is None:
            return await self._begin(trial, spec)
        return await self._watch(trial, spec, run)

    # The run --------------------------------------------------------------------------------------------

    async def _begin(self, trial: Obj, spec: Trial) -> Result:
        resource, run = self.offspring.kind(spec), spec.run_spec
        if resource is None:
            version, kind = run.get("apiVersion"), run.get("kind")
            why = f'no matches for kind "{kind}" in version "{version}"'
            return await self._end(trial, spec, None, ending("Failed", "", why), [])
        if spec.metrics_collector.kind in katib.PUSHING and not db_manager.ready(self.client):
            return await self._await_manager(trial)
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
        self.recorder.record(trial, "JobRunning", f"Job {meta['name']} is running")
        return Result()

    async def _await_manager(self, trial: Obj) -> Result:
        """Who pushes to nobody fails: the server is there first."""
        uid = trial["metadata"]["uid"]
        if uid not in self._waiting:
            self._waiting.add(uid)
            where = f"{db_manager.HOME}/{db_manager.NAME}"
            words = f"the run waits for the pod of Deployment {where} to be ready: metrics are pushed to it"
            self.recorder.record(trial, "WaitingForDBManager", words)
        await db_manager.ensure(self.client)
        return Result(after=LOOK)

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
            return Result() if _runs(self.offspring.kind(spec)) else Result(after=POLL)
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
        rows = [Row(OBSERVATION, owner(trial), "", msgspec.json.encode(reports))]
        if spec.metrics_collector.kind in katib.PUSHING:
            rows.append(Row(PUSHED, owner(trial), "*", None))
        change = Change(verb="status", resource=TRIAL, obj={**trial, "status": status})
        await self.client.transact([change], rows)
        self._followers.pop(meta["uid"], None)
        self._waiting.discard(meta["uid"])
        reason, words, bad = story(status["conditions"][-1], meta["name"])
        self.recorder.record(trial, reason, words, warning=bad)
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
        resource, meta = self.offspring.kind(spec), run["metadata"]
        assert resource is not None
        with suppress(StatusError):
            options = DeleteOptions(propagation="Background", uid=meta["uid"])
            await self.client.delete(resource, meta["name"], meta["namespace"], options)
        self.recorder.record(trial, "JobDeleted", f"Job {meta['name']} has been deleted")

    async def _stop(self, run: Obj, spec: Trial) -> None:
        resource, meta, patch = self.offspring.kind(spec), run["metadata"], runs.stop(run)
        assert resource is not None
        with suppress(StatusError):
            if patch is None:
                await self.client.delete(resource, meta["name"], meta["namespace"])
            else:
                await self.client.patch(resource, meta["name"], meta["namespace"], patch, "merge")

    async def _forget(self, key: Key) -> None:
        of = f"{key.namespace}/{key.name}"
        if self.observations.reports(of):
            await self.client.transact([], [Row(kind, of, "*", None) for kind in (OBSERVATION, PUSHED)])

    # Metrics --------------------------------------------------------------------------------------------

    async def _reports(self, trial: Obj, spec: Trial, run: Obj, *, over: bool) -> list[Report]:
        if spec.metrics_collector.kind in katib.PUSHING:
            return self.observations.pushed(owner(trial))
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
        wanted = spec.primary_pod_labels.items()
        pods = self.offspring.pods(run)
        mine = [pod for pod in pods if wanted <= (pod["metadata"].get("labels") or {}).items()]
        mine.sort(key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]))
        find = self._logs if spec.metrics_collector.kind == "StdOut" else self._files
        return [path for pod in mine for path in find(pod, spec)]

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
