"""kubeflow.org/v1beta1 Experiments: what `experiment` decides, committed.

The Suggestion of the same name is asked for as many suggestions as there may be trials; each of its entries
becomes one Trial of that name. Invariant: names come from the ledger alone, so nothing is made twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from pinnace.controllers.built_in import CONFIG_MAP
from pinnace.controllers.controller import Key, Result
from pinnace.controllers.moment import stamp
from pinnace.controllers.recorder import Recorder
from pinnace.controllers.tuning import db_manager, trial
from pinnace.controllers.tuning.conditions import lowered, marked, without
from pinnace.controllers.tuning.experiment import Decision, decide, running
from pinnace.kinds import katib, katib_trials
from pinnace.kinds.document import from_yaml
from pinnace.kinds.katib import EXPERIMENT, SUGGESTION, TRIAL, Experiment, Suggested
from pinnace.kinds.katib_trials import Unfit
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, DeleteOptions, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event

_ENDED = {
    katib.NEVER: "Suggestion is succeeded, can't be restarted",
    katib.FROM_VOLUME: "Suggestion is succeeded, suggestion volume is not deleted, can be restarted",
}


class Experiments:
    name = "experiments"
    watches: tuple[Resource, ...] = (EXPERIMENT, SUGGESTION, TRIAL)
    owners: Mapping[str, frozenset[str]] = {
        SUGGESTION.key: frozenset({"Experiment"}), TRIAL.key: frozenset({"Experiment"}),
    }

    def __init__(self, client: Local, *, clock: Callable[[], float] = time.time) -> None:
        self.client = client
        self.clock = clock
        self.recorder = Recorder(client, "experiment-controller")
        self._trials: dict[str, dict[str, Obj]] = {}
        """Experiment's uid → its trials by name, kept up by their events: an Experiment that is at work is
        looked at several times a trial, and should not read all of them each time."""

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == TRIAL.key:
            self._note(event)
            labels = event.obj["metadata"].get("labels") or {}
            return (Key(event.namespace, labels.get(katib.EXPERIMENT_LABEL, "")),)
        if event.type == "DELETED" and event.resource == EXPERIMENT.key:
            self._trials.pop(event.obj["metadata"]["uid"], None)
        return (Key(event.namespace, event.name),)

    async def reconcile(self, key: Key) -> Result:
        experiment = self.client.peek(EXPERIMENT, key.name, key.namespace)
        if experiment is None:
            await self._last()
        if experiment is None or experiment["metadata"].get("deletionTimestamp"):
            return Result()
        spec = katib.experiment(experiment)
        suggestion = self.client.peek(SUGGESTION, key.name, key.namespace)
        trials = self._of(experiment["metadata"]["uid"], key.namespace)
        order = {one["name"]: at for at, one in enumerate(_ledger(suggestion))}
        trials.sort(key=lambda one: order.get(one["metadata"]["name"], -1))
        decision = decide(experiment, spec, trials, suggestion, self.clock())
        try:
            made = [self._trial(experiment, spec, one) for one in decision.create]
        except Unfit as error:
            self.recorder.record(experiment, "TrialTemplateUnfit", str(error), warning=True)
            return Result(after=1.0)
        await self._commit(experiment, spec, decision, suggestion, made)
        if katib.completed({"status": decision.status}) and not decision.status.get("trialsRunning"):
            self._trials.pop(experiment["metadata"]["uid"], None)
        for one in decision.delete:
            await self._delete(one)
        if db_manager.needed(spec, over=katib.completed({"status": decision.status})):
            await db_manager.ensure(self.client)
        return Result()

    async def _last(self) -> None:
        """With the last Experiment the server of their metrics goes."""
        if not self.client.peek_list(EXPERIMENT, "", Selection(limit=1)).items:
            await db_manager.remove(self.client)

    def _of(self, uid: str, namespace: str) -> list[Obj]:
        known = self._trials.get(uid)
        if known is None:
            page = self.client.peek_list(TRIAL, namespace, Selection(owner=uid))
            known = self._trials[uid] = {one["metadata"]["name"]: one for one in page.items}
        return list(known.values())

    def _note(self, event: Event) -> None:
        """News of a trial; what was read may be newer than news that are still on their way."""
        meta = event.obj["metadata"]
        for owner in meta.get("ownerReferences") or ():
            known = self._trials.get(owner["uid"])
            if known is None:
                continue
            if event.type == "DELETED":
                known.pop(event.name, None)
            elif _revision(known.get(event.name)) < int(meta["resourceVersion"]):
                known[event.name] = event.obj

    async def _commit(
        self, experiment: Obj, spec: Experiment, decision: Decision, suggestion: Obj | None, made: list[Obj]
    ) -> None:
        before, status = experiment.get("status") or {}, decision.status
        if made and not katib.completed({"status": status}):
            status = running(status, self.clock())
        changes = [Change(verb="create", resource=TRIAL, obj=one, trusted=True) for one in made]
        over = katib.completed({"status": status})
        changes += self._asked(experiment, spec, decision, suggestion, over=over)
        if status != before:
            status = {**status, "lastReconcileTime": stamp(self.clock())}
            changes.append(Change(verb="status", resource=EXPERIMENT, obj={**experiment, "status": status}))
        if changes:
            await self.client.transact(changes)
            self._tell(experiment, before, status)

    def _asked(
        self, experiment: Obj, spec: Experiment, decision: Decision, suggestion: Obj | None, *, over: bool
    ) -> list[Change]:
        """The Suggestion made, asked for more, taken up again or closed."""
        if suggestion is None:
            if over:
                return []
            return [Change(verb="create", resource=SUGGESTION, obj=_suggestion(experiment, spec, decision))]
        if over:
            return self._closed(suggestion, spec)
        changes = []
        status = suggestion.get("status") or {}
        if gone := {one["metadata"]["name"] for one in decision.delete}:
            kept = [one for one in status.get("suggestions") or [] if one["name"] not in gone]
            status = {**status, "suggestions": kept, "suggestionCount": len(kept)}
        if katib.condition(suggestion, "Succeeded"):
            conditions = without(status["conditions"], "Succeeded")
            status = {**status, "conditions": marked(
                conditions, "Running", "SuggestionRestart", "Suggestion is restarted", self.clock()
            )}
        wanted = {**suggestion["spec"], "requests": decision.requests}
        if decision.requests != suggestion["spec"].get("requests"):
            changed = {**suggestion, "spec": wanted, "status": status}
            return [Change(verb="update", resource=SUGGESTION, obj=changed, trusted=True)]
        if status != (suggestion.get("status") or {}):
            changes.append(Change(verb="status", resource=SUGGESTION, obj={**suggestion, "status": status}))
        return changes

    def _closed(self, suggestion: Obj, spec: Experiment) -> list[Change]:
        words = _ENDED.get(spec.resume_policy)
        if words is None or katib.completed(suggestion):
            return []
        now, status = self.clock(), suggestion.get("status") or {}
        conditions = status.get("conditions") or []
        for kind in ("Running", "DeploymentReady"):
            conditions = lowered(conditions, kind, now)
        conditions = marked(conditions, "Succeeded", "SuggestionSucceeded", words, now)
        done = {**status, "conditions": conditions, "completionTime": stamp(now)}
        return [Change(verb="status", resource=SUGGESTION, obj={**suggestion, "status": done})]

    def _trial(self, experiment: Obj, spec: Experiment, suggested: Suggested) -> Obj:
        """Raises Unfit."""
        template, meta = spec.trial_template, experiment["metadata"]
        assert template is not None
        assigned = {one.name: one.value for one in suggested.parameter_assignments}
        run = self._run(template, assigned, suggested.name, meta["namespace"])
        body = katib.Trial(
            objective=spec.objective or katib.Objective(), retain_run=template.retain,
            labels=suggested.labels,
            parameter_assignments=suggested.parameter_assignments,
            early_stopping_rules=suggested.early_stopping_rules,
            metrics_collector=spec.metrics_collector_spec or katib.MetricsCollector(),
            primary_pod_labels=template.primary_pod_labels,
            primary_container_name=template.primary_container_name,
            success_condition=template.success_condition, failure_condition=template.failure_condition,
        )
        labels = {**(meta.get("labels") or {}), **suggested.labels, katib.EXPERIMENT_LABEL: meta["name"]}
        return {
            "metadata": {
                "name": suggested.name, "namespace": meta["namespace"], "labels": labels,
                "ownerReferences": [_owner(experiment)],
            },
            "spec": {**katib.plain(body), "runSpec": run},
            "status": trial.begun(self.clock()),
        }

    def _run(
        self, template: katib.TrialTemplate, assigned: Mapping[str, str], name: str, namespace: str
    ) -> Obj:
        if template.config_map is None:
            run = template.trial_spec or {}
            given = katib_trials.values(template, run, assigned, name, namespace)
            return katib_trials.placed(katib_trials.filled(run, given), name, namespace)
        text = self._template(template.config_map)
        first = _document(text)
        given = katib_trials.values(template, first, assigned, name, namespace)
        run = _document(katib_trials.written(text, given))
        if causes := list(katib_trials.of_run(run, "trialSpec")):
            raise Unfit(f"ConfigMap {template.config_map.config_map_name}: {causes[0]}")
        return katib_trials.placed(run, name, namespace)

    def _template(self, place: katib.ConfigMapSource) -> str:
        where = f"ConfigMap {place.config_map_namespace}/{place.config_map_name}"
        found = self.client.peek(CONFIG_MAP, place.config_map_name, place.config_map_namespace)
        if found is None:
            raise Unfit(f"{where} is not there")
        data = found.get("data") or {}
        if place.template_path not in data:
            raise Unfit(f"{where} has no {place.template_path}: there is {', '.join(data) or 'nothing'}")
        return str(data[place.template_path])

    async def _delete(self, one: Obj) -> None:
        meta = one["metadata"]
        with suppress(StatusError):
            options = DeleteOptions(uid=meta["uid"])
            await self.client.delete(TRIAL, meta["name"], meta["namespace"], options)

    def _tell(self, experiment: Obj, before: Obj, after: Obj) -> None:
        told = {(one["type"], one["status"]) for one in before.get("conditions") or ()}
        for one in after["conditions"]:
            if one["status"] == "True" and (one["type"], "True") not in told:
                bad = one["type"] == "Failed"
                self.recorder.record(experiment, one["reason"], one["message"], warning=bad)


def _ledger(suggestion: Obj | None) -> list[Obj]:
    found: list[Obj] = ((suggestion or {}).get("status") or {}).get("suggestions") or []
    return found


def _revision(obj: Obj | None) -> int:
    return int(obj["metadata"]["resourceVersion"]) if obj is not None else 0


def _owner(experiment: Obj) -> Obj:
    meta = experiment["metadata"]
    return {
        "apiVersion": EXPERIMENT.api_version, "kind": EXPERIMENT.kind, "name": meta["name"],
        "uid": meta["uid"], "controller": True, "blockOwnerDeletion": True,
    }


def _suggestion(experiment: Obj, spec: Experiment, decision: Decision) -> Obj:
    meta, given = experiment["metadata"], experiment["spec"]
    body = {
        "algorithm": given.get("algorithm"), "earlyStopping": given.get("earlyStopping"),
        "requests": decision.requests, "resumePolicy": spec.resume_policy,
    }
    return {
        "apiVersion": SUGGESTION.api_version, "kind": SUGGESTION.kind,
        "metadata": {
            "name": meta["name"], "namespace": meta["namespace"],
            "labels": {**(meta.get("labels") or {}), katib.EXPERIMENT_LABEL: meta["name"]},
            "ownerReferences": [_owner(experiment)],
        },
        "spec": {key: value for key, value in body.items() if value},
    }


def _document(text: str) -> Obj:
    import yaml

    try:
        found = from_yaml(text)
    except yaml.YAMLError as error:
        raise Unfit(f"the trial template is not YAML: {error}") from None
    if not isinstance(found, dict):
        raise Unfit("the trial template is not one document")
    return found



