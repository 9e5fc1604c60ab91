"""The status of an InferenceService in KServe's shape. Pure: facts in, a status document out.

Source: kserve pkg/apis/serving/v1beta1/inference_service_status.go; the shapes are in the README of that API.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pinnace.controllers.serving.observed import Failure, Observed
from pinnace.controllers.serving.selection import Problem
from pinnace.controllers.serving.traffic import Rollout, Target
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj

INFO = "Info"


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the status says, as it was found."""

    isvc: Obj
    domain: str
    rollout: Rollout = Rollout()
    traffic: tuple[Target, ...] = ()
    newest: Observed | None = None
    """The newest revision's pods."""
    wanted: int = 1
    routed: bool = False
    problem: Problem | None = None
    last_words: str = ""
    """The end of a failed server's log."""
    runtime: Obj | None = None
    now: str = ""


def status(facts: Facts) -> Obj:
    isvc = facts.isvc
    old: Obj = isvc.get("status") or {}
    standard = serving.mode(isvc) == serving.STANDARD
    found: Obj = {
        "observedGeneration": isvc["metadata"].get("generation", 1),
        "deploymentMode": serving.mode(isvc),
        "conditions": conditions(facts, old.get("conditions") or []),
        "modelStatus": model_status(facts),
        "components": {"predictor": component(facts, standard)},
    }
    if facts.runtime is not None:
        cluster = facts.runtime.get("kind") == "ClusterServingRuntime"
        field = "clusterServingRuntimeName" if cluster else "servingRuntimeName"
        found[field] = facts.runtime["metadata"]["name"]
    if facts.routed and facts.traffic:
        found["url"] = top_url(isvc, facts.domain)
        found["address"] = {"url": address(isvc)}
    return found


def top_url(isvc: Obj, domain: str) -> str:
    name, namespace = isvc["metadata"]["name"], isvc["metadata"]["namespace"]
    joined = "-" if serving.mode(isvc) == serving.STANDARD else "."
    return f"http://{name}{joined}{namespace}.{domain}"


def component_url(isvc: Obj, domain: str, tag: str = "") -> str:
    joined = "-" if serving.mode(isvc) == serving.STANDARD else "."
    stem = f"{tag}-{serving.service(isvc)}" if tag else serving.service(isvc)
    return f"http://{stem}{joined}{isvc['metadata']['namespace']}.{domain}"


def address(isvc: Obj) -> str:
    standard = serving.mode(isvc) == serving.STANDARD
    name = serving.service(isvc) if standard else isvc["metadata"]["name"]
    return f"http://{name}.{isvc['metadata']['namespace']}.svc.cluster.local"


def component(facts: Facts, standard: bool) -> Obj:
    rollout, isvc = facts.rollout, facts.isvc
    found: Obj = {"latestCreatedRevision": rollout.created}
    if rollout.ready:
        found["latestReadyRevision"] = rollout.ready
    if not standard and rollout.rolled_out:
        found["latestRolledoutRevision"] = rollout.rolled_out
    if not standard and rollout.previous:
        found["previousRolledoutRevision"] = rollout.previous
    if facts.routed and facts.traffic:
        found["url"] = component_url(isvc, facts.domain)
        own = f"{serving.service(isvc)}.{isvc['metadata']['namespace']}.svc.cluster.local"
        found["address"] = {"url": f"http://{own}"}
        if not standard:
            found["traffic"] = [entry(facts, target) for target in facts.traffic]
    return {key: value for key, value in found.items() if value}


def entry(facts: Facts, target: Target) -> Obj:
    """`latestRevision` is always there: KServe's SDK reads it without a default."""
    found: Obj = {
        "latestRevision": target.latest, "percent": target.percent, "revisionName": target.revision,
    }
    if target.tag:
        found["tag"] = target.tag
        found["url"] = component_url(facts.isvc, facts.domain, target.tag)
    return found


# Conditions ---------------------------------------------------------------------------------------------

Verdict = tuple[str, str, str]
"""(status, reason, message)."""
TRUE: Verdict = ("True", "", "")


def conditions(facts: Facts, old: list[Obj]) -> list[Obj]:
    config, route = configuration(facts), routing(facts)
    predictor = worst(config, route)
    ingress = TRUE if route[0] == "True" else (route[0], "Predictor ingress not created", route[2])
    verdicts: dict[str, Verdict] = {
        "IngressReady": ingress,
        "PredictorReady": predictor,
        "Ready": worst(predictor, ingress),
        "Stopped": ("True", "Stopped", "") if serving.stopped(facts.isvc) else ("False", "", ""),
    }
    infos: dict[str, Verdict] = {}
    if serving.mode(facts.isvc) == serving.KNATIVE:
        infos = {
            "LatestDeploymentReady": config,
            "PredictorConfigurationReady": config,
            "PredictorRouteReady": route,
            "RoutesReady": route,
        }
    left_out = serving.ignored(facts.isvc)
    if left_out:
        text = "; ".join(f"{field} has no effect: {why}" for field, why in left_out)
        infos["FieldsIgnored"] = ("True", "NotInThisMode", text)
    known = {condition["type"]: condition for condition in old}
    found = [condition(type_, verdict, "", known, facts.now) for type_, verdict in verdicts.items()]
    found += [condition(type_, verdict, INFO, known, facts.now) for type_, verdict in infos.items()]
    return sorted(found, key=lambda c: str(c["type"]))


def condition(type_: str, verdict: Verdict, severity: str, known: dict[str, Obj], now: str) -> Obj:
    before = known.get(type_)
    state, reason, message = verdict
    moment = before["lastTransitionTime"] if before and before.get("status") == state else now
    found: Obj = {"type": type_, "status": state, "lastTransitionTime": moment}
    extra = {"reason": reason, "message": message, "severity": severity}
    return found | {key: value for key, value in extra.items() if value}


def worst(*verdicts: Verdict) -> Verdict:
    for state in ("False", "Unknown"):
        for verdict in verdicts:
            if verdict[0] == state:
                return verdict
    return TRUE


def configuration(facts: Facts) -> Verdict:
    """Whether the newest revision runs."""
    if serving.stopped(facts.isvc):
        return ("False", "Stopped", "")
    if facts.problem is not None:
        return ("False", facts.problem.reason, facts.problem.message)
    name = facts.rollout.created
    failure = facts.newest.failure if facts.newest else None
    if failure is not None:
        text = f'Revision "{name}" failed with message: {words(facts, failure)}'
        return ("False", "RevisionFailed", text)
    if name and facts.rollout.ready == name and facts.newest is not None:
        if facts.newest.addresses or facts.wanted == 0:
            return TRUE
        return ("Unknown", "Deploying", f'Revision "{name}" has no ready replica.')
    return ("Unknown", "RevisionMissing", f'Configuration is waiting for Revision "{name}" to become ready.')


def routing(facts: Facts) -> Verdict:
    if serving.stopped(facts.isvc):
        return ("False", "Stopped", "")
    if facts.traffic and facts.routed:
        return TRUE
    if facts.problem is not None and not facts.rollout.ready:
        return ("False", facts.problem.reason, facts.problem.message)
    return ("Unknown", "RevisionMissing", "no revision has been ready yet")


def words(facts: Facts, failure: Failure) -> str:
    return f"{failure.message}\n{facts.last_words}".strip() if facts.last_words else failure.message


# Model status -------------------------------------------------------------------------------------------


def model_status(facts: Facts) -> Obj:
    up = len(facts.newest.addresses) if facts.newest else 0
    total = max(up, len(facts.newest.pods) if facts.newest else 0)
    problem, failure = facts.problem, facts.newest.failure if facts.newest else None
    active = "Loaded" if facts.rollout.ready else ""
    copies: Obj = {"failedCopies": 0, "totalCopies": total}
    if problem is not None:
        state = "InProgress" if problem.waiting else "InvalidSpec"
        return _model(state, active, "Pending" if problem.waiting else "FailedToLoad", copies, {
            "reason": problem.reason, "message": problem.message, "modelRevisionName": facts.rollout.created,
        })
    if failure is not None:
        copies["failedCopies"] = max(1, total - up)
        return _model("BlockedByFailedLoad", active, "FailedToLoad", copies, {
            "location": serving.CONTAINER, "reason": "ModelLoadFailed", "message": words(facts, failure),
            "modelRevisionName": facts.rollout.created, "time": failure.time, "exitCode": failure.exit_code,
        })
    if facts.rollout.ready == facts.rollout.created and (up or (facts.wanted == 0 and facts.rollout.ready)):
        return _model("UpToDate", "Loaded" if up else "Standby", "Loaded" if up else "Standby", copies, {})
    target = "Loading" if facts.newest and facts.newest.pods else "Pending"
    return _model("InProgress", active, target, copies, {})


def _model(transition: str, active: str, target: str, copies: Obj, last: dict[str, Any]) -> Obj:
    found: Obj = {
        "transitionStatus": transition,
        "states": {"activeModelState": active, "targetModelState": target},
        "copies": copies,
    }
    info = {key: value for key, value in last.items() if value}
    if info:
        found["lastFailureInfo"] = info
    return found
