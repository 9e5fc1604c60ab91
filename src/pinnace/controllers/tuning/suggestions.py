"""kubeflow.org/v1beta1 Suggestions: the ledger of an Experiment, what was suggested and under which name.

An entry is written before its trial is made, and never again: whatever crashes, a trial is made once. The
algorithms run elsewhere (`crew`); all they know is in the Experiment, this ledger and the Trials.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from pinnace.controllers.controller import Key, Result
from pinnace.controllers.moment import stamp, unix
from pinnace.controllers.recorder import Recorder
from pinnace.controllers.tuning import median
from pinnace.controllers.tuning.conditions import lowered, marked
from pinnace.controllers.tuning.crew import Crew, Unanswered
from pinnace.controllers.tuning.observations import OBSERVATION
from pinnace.controllers.tuning.reports import Report, objective_value
from pinnace.controllers.tuning.suggesters import Answer, Past, Problem, Proposal
from pinnace.kinds import katib, katib_algorithms
from pinnace.kinds.katib import EXPERIMENT, SUGGESTION, TRIAL, Experiment, Suggested
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Change, Selection
from pinnace.objects.local import Local
from pinnace.store.interface import Event, Store

LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_reports = msgspec.json.Decoder(list[Report])


class Suggestions:
    name = "suggestions"
    watches: tuple[Resource, ...] = (SUGGESTION, TRIAL)
    owners: Mapping[str, frozenset[str]] = {TRIAL.key: frozenset({"Experiment"})}

    def __init__(
        self, client: Local, store: Store, crew: Crew, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.client = client
        self.store = store
        self.crew = crew
        self.clock = clock
        self.recorder = Recorder(client, "suggestion-controller")

    def keys(self, event: Event) -> tuple[Key, ...]:
        if event.resource == SUGGESTION.key:
            return (Key(event.namespace, event.name),)
        labels = event.obj["metadata"].get("labels") or {}
        return (Key(event.namespace, labels.get(katib.EXPERIMENT_LABEL, "")),)

    async def reconcile(self, key: Key) -> Result:
        suggestion = self.client.peek(SUGGESTION, key.name, key.namespace)
        if suggestion is None or katib.completed(suggestion):
            return Result()
        experiment = self.client.peek(EXPERIMENT, key.name, key.namespace)
        if experiment is None:
            return Result()
        status = suggestion.get("status") or {}
        if not status.get("conditions"):
            await self._write(suggestion, self._begun(status))
            return Result()
        ledger = status.get("suggestions") or []
        missing = int(suggestion["spec"].get("requests") or 0) - len(ledger)
        if missing <= 0 or katib.condition(suggestion, EXHAUSTED):
            return Result()
        spec = katib.experiment(experiment)
        if why := katib_algorithms.wrong(spec):
            await self._fail(suggestion, why)
            return Result()
        await self._suggest(suggestion, experiment, spec, missing)
        return Result()

    def _begun(self, status: Obj) -> Obj:
        now, conditions = self.clock(), list(status.get("conditions") or [])
        for kind, reason, message in (
            ("Created", "SuggestionCreated", "Suggestion is created"),
            ("DeploymentReady", "DeploymentReady", "Deployment is ready"),
            ("Running", "SuggestionRunning", "Suggestion is running"),
        ):
            conditions = marked(conditions, kind, reason, message, now)
        return {**status, "startTime": stamp(now), "conditions": conditions}

    async def _suggest(self, suggestion: Obj, experiment: Obj, spec: Experiment, missing: int) -> None:
        ledger = suggestion["status"].get("suggestions") or []
        meta = suggestion["metadata"]
        owned = Selection(owner=experiment["metadata"]["uid"])
        trials = self.client.peek_list(TRIAL, meta["namespace"], owned).items
        by_name = {one["metadata"]["name"]: one for one in trials}
        problem = problem_of(experiment, spec, [katib.suggested(one) for one in ledger], by_name)
        try:
            answer = await self.crew.suggest(problem, missing)
        except Unanswered as error:
            await self._fail(suggestion, str(error))
            return
        await self._enter(suggestion, spec, answer, trials)

    async def _enter(
        self, suggestion: Obj, spec: Experiment, answer: Answer, trials: Sequence[Obj]
    ) -> None:
        status = suggestion["status"]
        rules = self._rules(spec, trials) if answer.proposals else ()
        entries = [
            katib.plain(_entry(suggestion["metadata"]["name"], one, rules)) for one in answer.proposals
        ]
        suggestions = [*(status.get("suggestions") or []), *entries]
        made = {**status, "suggestions": suggestions, "suggestionCount": len(suggestions)}
        if answer.over:
            words = "the algorithm has nothing more to suggest"
            made["conditions"] = marked(
                status["conditions"], EXHAUSTED, "SuggestionExhausted", words, self.clock()
            )
        if made != status:
            await self._write(suggestion, {**made, "lastReconcileTime": stamp(self.clock())})

    def _rules(self, spec: Experiment, trials: Sequence[Obj]) -> tuple[katib.Rule, ...]:
        if spec.early_stopping is None or spec.objective is None:
            return ()
        finished = []
        for trial in trials:
            meta = trial["metadata"]
            body = self.store.row(OBSERVATION, f"{meta['namespace']}/{meta['name']}")
            if body is not None and katib.phase(trial) == "Succeeded":
                finished.append(_reports.decode(body))
        return median.rules(spec.early_stopping.settings, spec.objective, finished)

    async def _fail(self, suggestion: Obj, why: str) -> None:
        status, now = suggestion["status"], self.clock()
        conditions = lowered(status["conditions"], "Running", now)
        conditions = marked(conditions, "Failed", "SuggestionFailed", why, now)
        self.recorder.record(suggestion, "SuggestionFailed", why, warning=True)
        await self._write(suggestion, {**status, "conditions": conditions})

    async def _write(self, suggestion: Obj, status: Obj) -> None:
        change = Change(verb="status", resource=SUGGESTION, obj={**suggestion, "status": status})
        await self.client.transact([change])


EXHAUSTED = "Exhausted"
"""A condition of ours: a grid that was walked, brackets that were run."""


def problem_of(
    experiment: Obj, spec: Experiment, ledger: Sequence[Suggested], trials: Mapping[str, Obj]
) -> Problem:
    assert spec.algorithm is not None
    assert spec.objective is not None
    return Problem(
        algorithm=spec.algorithm.algorithm_name, parameters=spec.parameters,
        maximize=spec.objective.maximize, settings=spec.algorithm.settings,
        identity=experiment["metadata"]["uid"], max_trials=spec.max_trial_count,
        trials=tuple(_past(one, trials.get(one.name), spec) for one in ledger),
    )


def _past(entry: Suggested, trial: Obj | None, spec: Experiment) -> Past:
    assigned = {one.name: one.value for one in entry.parameter_assignments}
    if trial is None or spec.objective is None:
        return Past(entry.name, assigned, labels=entry.labels)
    done, status = katib.phase(trial) in katib.ENDINGS, trial.get("status") or {}
    value = objective_value(status.get("observation"), spec.objective)
    seconds = unix(status.get("completionTime")) - unix(status.get("startTime")) if done else 0.0
    return Past(entry.name, assigned, value if done else None, done, entry.labels, seconds)


def _entry(experiment: str, proposal: Proposal, rules: tuple[katib.Rule, ...]) -> Suggested:
    name = proposal.name or "".join(secrets.choice(LETTERS) for _ in range(8))
    return Suggested(
        name=f"{experiment}-{name}", early_stopping_rules=rules, labels=proposal.labels,
        parameter_assignments=tuple(
            katib.Assignment(name=key, value=value) for key, value in proposal.assignments.items()
        ),
    )
