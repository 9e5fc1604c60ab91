"""What a CronWorkflow wants now: which of its times is due, what becomes of its runs. Pure.

Called by `cronworkflows`. Source: upstream workflow/cron/operator.go. Invariants: each time has one Workflow
at most, since its name is made of that time; which time was answered stands in the very commit of the answer,
so neither a crash nor a second look starts it again.

More exact than upstream: a time counts as kept if somebody looks within GRACE seconds of it (upstream forgets
a time at which the controller was down); later only within `startingDeadlineSeconds`. A clock that jumps
ahead by hours therefore starts the newest time within the deadline, or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from pinnace.authoring.argo.expression.errors import ExpressionError
from pinnace.authoring.argo.expression.evaluate import evaluate
from pinnace.authoring.argo.expression.values import to_json
from pinnace.authoring.argo.expression.when import WhenError, passes
from pinnace.controllers.moment import stamp, unix
from pinnace.kinds import cron
from pinnace.kinds.argo import COMPLETED, CRON_WORKFLOW, DOMAIN, WORKFLOW
from pinnace.kinds.resource import Obj

LABEL = f"{DOMAIN}cron-workflow"
SCHEDULED = f"{DOMAIN}scheduled-time"
DONE = "cronworkflows.argoproj.io/completed"
USED = "cronworkflows.argoproj.io/last-used-schedule"
SINCE, ANSWERED = "pinnace.dev/cron-since", "pinnace.dev/cron-answered"
"""Since when the present schedules stand; the newest time that was looked at, whatever came of it."""
GRACE = 60.0
HELD = frozenset({"creator", "creator-email", "creator-preferred-username", "controller-instanceid"})
SPEC_ERROR, SUBMISSION_ERROR = "SpecError", "SubmissionError"
_TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


class Decision(msgspec.Struct):
    obj: Obj
    """The CronWorkflow as it should be."""
    create: Obj | None = None
    terminate: list[str] = []
    """Runs that the next one replaces, by name."""
    remove: list[str] = []
    """Ended runs that no history limit keeps."""
    wait: float | None = None
    """Seconds to the next time."""


class Refused(Exception):
    """The run may not start for a reason that the status tells."""


def decide(obj: Obj, runs: Sequence[Obj], now: float, problem: str = "") -> Decision:
    """`runs`: those that it controls. `problem`: what is wrong with its spec."""
    meta, spec = obj["metadata"], obj["spec"]
    if meta.get("deletionTimestamp") or (meta.get("labels") or {}).get(DONE) == "true":
        return Decision(obj, remove=surplus(spec, runs))
    book = Book(obj)
    book.reconcile(runs)
    result = Decision(obj, remove=surplus(spec, runs))
    if problem:
        book.condition(SPEC_ERROR, problem)
    else:
        book.drop(SPEC_ERROR)
        _look(book, now, result)
    result.obj = book.written()
    return result


class Book:
    """Its status and notes, while they are brought up to date."""

    def __init__(self, obj: Obj) -> None:
        self.obj = obj
        self.status: Obj = dict(obj.get("status") or {})
        self.notes: dict[str, str] = dict(obj["metadata"].get("annotations") or {})
        self.labels: dict[str, str] = dict(obj["metadata"].get("labels") or {})
        self.stopped = False

    def reconcile(self, runs: Sequence[Obj]) -> None:
        """Runs that ended are counted and leave `active`; one that it does not know joins it."""
        ended = {one["metadata"]["uid"]: phase_of(one) for one in runs if phase_of(one) in COMPLETED}
        living = {one["metadata"]["uid"]: one for one in runs if one["metadata"]["uid"] not in ended}
        named = self.status.get("active") or []
        for each in named:
            if phase := ended.get(each.get("uid")):
                self.count("succeeded" if phase == "Succeeded" else "failed")
        known = {each.get("uid") for each in named}
        kept = [each for each in named if each.get("uid") in living]
        kept += [reference(one) for uid, one in living.items() if uid not in known]
        self.status["active"] = kept
        if any(each.get("uid") in ended for each in named):
            self.check_stop()

    def count(self, name: str) -> None:
        self.status[name] = int(self.status.get(name) or 0) + 1

    def check_stop(self) -> None:
        strategy = self.obj["spec"].get("stopStrategy") or {}
        if not strategy.get("expression"):
            return
        try:
            found = evaluate(strategy["expression"], {"cronworkflow": self.variables()})
            if not isinstance(found, bool):
                raise ExpressionError(f"the result is {to_json(found)}, not a bool")
        except ExpressionError as error:
            name = self.obj["metadata"]["name"]
            words = f"failed to check CronWorkflow '{name}' stopping condition"
            self.condition(SPEC_ERROR, f"{words}: failed to evaluate stop expression: {error}")
            return
        if found:
            self.stopped = True
            self.status["phase"] = "Stopped"
            self.labels[DONE] = "true"

    def variables(self) -> dict[str, Any]:
        meta = self.obj["metadata"]
        last = self.status.get("lastScheduledTime")
        return {
            "name": meta["name"],
            "namespace": meta.get("namespace") or "",
            "labels": meta.get("labels") or {},
            "annotations": meta.get("annotations") or {},
            "failed": int(self.status.get("failed") or 0),
            "succeeded": int(self.status.get("succeeded") or 0),
            "lastScheduledTime": datetime.fromtimestamp(unix(last), UTC) if last else None,
        }

    def condition(self, kind: str, message: str) -> None:
        self.drop(kind)
        self.status["conditions"].append({"type": kind, "status": "True", "message": message})

    def drop(self, kind: str) -> None:
        found = self.status.get("conditions") or []
        self.status["conditions"] = [one for one in found if one.get("type") != kind]

    def written(self) -> Obj:
        """The object itself if nothing is new."""
        meta = {**self.obj["metadata"], "annotations": self.notes, "labels": self.labels}
        meta = {key: value for key, value in meta.items() if value or key not in ("annotations", "labels")}
        made = {**self.obj, "metadata": meta}
        status = {key: value for key, value in self.status.items() if value not in (None, [], "")}
        if status or "status" in self.obj:
            made["status"] = status
        return self.obj if made == self.obj else made


def _look(book: Book, now: float, result: Decision) -> None:
    spec = book.obj["spec"]
    schedules = [cron.zoned(text, spec.get("timezone") or "") for text in spec["schedules"]]
    used = schedule_text(spec)
    if book.notes.get(USED) != used:
        if USED in book.notes:  # nothing outstanding of the former schedules is made up for
            book.notes[SINCE] = stamp(now)
        book.notes[USED] = used
    since = max(_past(text, now) for text in (
        book.notes.get(SINCE), book.status.get("lastScheduledTime"),
        book.obj["metadata"].get("creationTimestamp"),
    ))
    upcoming = [found for one, where in schedules if (found := one.next(now, where)) is not None]
    result.wait = min(upcoming) - now if upcoming else None
    due = max((found for one, where in schedules
               if (found := cron.newest(one, where, since, now)[0]) is not None), default=None)
    if due is None:
        return
    deadline = float(spec.get("startingDeadlineSeconds") or 0)
    again = _past(book.notes.get(ANSWERED), now) >= due
    if again and (not deadline or now >= due + deadline):
        return
    if now - due <= max(GRACE, deadline):
        _start(book, due, result)
    book.notes[ANSWERED] = stamp(due)


def _past(text: str | None, now: float) -> float:
    """A time that has been; what a clock said that was set back since then counts no more."""
    found = unix(text)
    return found if found <= now + GRACE else 0.0


def _start(book: Book, due: float, result: Decision) -> None:
    book.check_stop()
    spec = book.obj["spec"]
    if spec.get("suspend") or book.stopped:
        return
    try:
        if not allowed(spec.get("when") or "", book.variables()):
            return
    except (ExpressionError, WhenError) as error:
        book.condition(SUBMISSION_ERROR, f"run policy error: {error}")
        book.count("failed")
        return
    policy, active = spec.get("concurrencyPolicy") or "Allow", book.status.get("active") or []
    if policy == "Forbid" and active:
        return
    if policy == "Replace":
        result.terminate = [each["name"] for each in active]
    result.create = made(book.obj, due)
    book.drop(SUBMISSION_ERROR)
    book.status["phase"] = "Active"
    book.status["lastScheduledTime"] = stamp(due)


def failed(before: Obj, decided: Obj, why: str) -> Obj:
    """The time was answered, but its run was refused."""
    book = Book(decided)
    last = (before.get("status") or {}).get("lastScheduledTime")
    book.status["lastScheduledTime"] = last
    book.condition(SUBMISSION_ERROR, f"Failed to submit Workflow: {why}")
    book.count("failed")
    return book.written()


def allowed(when: str, variables: dict[str, Any]) -> bool:
    """Raises ExpressionError, WhenError."""
    if not when:
        return True

    def rendered(tag: re.Match[str]) -> str:
        source = tag[1].strip()
        if not source.startswith(("=", "cronworkflow.")):
            return tag[0]
        value = evaluate(source.removeprefix("="), {"cronworkflow": variables})
        return value if isinstance(value, str) else to_json(value)

    return passes(_TAG.sub(rendered, when))


def schedule_text(spec: Obj) -> str:
    zone = spec.get("timezone")
    return ",".join(f"CRON_TZ={zone} {one}" if zone else one for one in spec["schedules"])


def surplus(spec: Obj, runs: Iterable[Obj]) -> list[str]:
    """Ended runs beyond the limits, the oldest first."""
    good = [one for one in runs if phase_of(one) == "Succeeded"]
    bad = [one for one in runs if phase_of(one) in ("Failed", "Error")]
    found: list[str] = []
    for ended, name, usual in (
        (good, "successfulJobsHistoryLimit", 3), (bad, "failedJobsHistoryLimit", 1),
    ):
        limit = spec.get(name)
        keep = usual if limit is None or int(limit) < 0 else int(limit)
        ended.sort(key=lambda one: (one["status"].get("finishedAt") or "", one["metadata"]["name"]))
        found += [one["metadata"]["name"] for one in ended[: max(0, len(ended) - keep)]]
    return found


def made(obj: Obj, due: float) -> Obj:
    """The Workflow of one time."""
    meta, spec = obj["metadata"], obj["spec"]
    own = spec.get("workflowMetadata") or {}
    held = {key: value for key, value in (meta.get("labels") or {}).items()
            if key.startswith(DOMAIN) and key.removeprefix(DOMAIN) in HELD}
    metadata: Obj = {
        "name": f"{meta['name']}-{int(due)}",
        "namespace": meta.get("namespace") or "default",
        "labels": {**held, LABEL: meta["name"], **(own.get("labels") or {})},
        "annotations": {SCHEDULED: stamp(due), **(own.get("annotations") or {})},
        "ownerReferences": [{
            "apiVersion": CRON_WORKFLOW.api_version, "kind": CRON_WORKFLOW.kind, "name": meta["name"],
            "uid": meta["uid"], "controller": True, "blockOwnerDeletion": True,
        }],
    }
    if own.get("finalizers"):
        metadata["finalizers"] = own["finalizers"]
    return {
        "apiVersion": WORKFLOW.api_version, "kind": WORKFLOW.kind, "metadata": metadata,
        "spec": spec["workflowSpec"],
    }


def reference(run: Obj) -> Obj:
    meta = run["metadata"]
    found = {
        "apiVersion": WORKFLOW.api_version, "kind": WORKFLOW.kind, "name": meta["name"],
        "namespace": meta.get("namespace"), "uid": meta["uid"],
        "resourceVersion": meta.get("resourceVersion"),
    }
    return {key: value for key, value in found.items() if value}


def phase_of(run: Obj) -> str:
    return (run.get("status") or {}).get("phase") or ""
