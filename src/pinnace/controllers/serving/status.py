"""The status of an InferenceService in KServe's shape. Pure: facts in, a status document out.

Source: kserve pkg/apis/serving/v1beta1/inference_service_status.go; the shapes are in the README of that API.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pinnace.controllers.serving import standard
from pinnace.controllers.serving.observed import Failure
from pinnace.controllers.serving.parts import Part
from pinnace.controllers.serving.traffic import Target
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj

INFO = "Info"
ROUTE_CONDITIONS = {
    "predictor": "PredictorRouteReady", "transformer": "TransformerRouteReady",
    "explainer": "ExplainerRoutesReady",
}


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the status says, as it was found."""

    isvc: Obj
    domain: str
    parts: tuple[Part, ...]
    """Predictor first."""
    routed: bool = False
    now: str = ""
    ignored: tuple[tuple[str, str], ...] = ()
    """(field, why) of what has no effect."""

    @property
    def standard(self) -> bool:
        return serving.mode(self.isvc) == serving.STANDARD

    @property
    def predictor(self) -> Part:
        return self.parts[0]


def status(facts: Facts) -> Obj:
    isvc, predictor = facts.isvc, facts.predictor
    old: Obj = isvc.get("status") or {}
    found: Obj = {
        "observedGeneration": isvc["metadata"].get("generation", 1),
        "deploymentMode": serving.mode(isvc),
        "conditions": conditions(facts, old.get("conditions") or []),
        "modelStatus": model_status(isvc, predictor),
        "components": {part.component: component(facts, part) for part in facts.parts},
    }
    if predictor.runtime is not None:
        cluster = predictor.runtime.get("kind") == "ClusterServingRuntime"
        field = "clusterServingRuntimeName" if cluster else "servingRuntimeName"
        found[field] = predictor.runtime["metadata"]["name"]
    if facts.routed and all(part.targets for part in facts.parts):
        found["url"] = top_url(isvc, facts.domain)
        found["address"] = {"url": address(facts)}
    return found


def top_url(isvc: Obj, domain: str) -> str:
    name, namespace = isvc["metadata"]["name"], isvc["metadata"]["namespace"]
    joined = "-" if serving.mode(isvc) == serving.STANDARD else "."
    return f"http://{name}{joined}{namespace}.{domain}"


def component_url(facts: Facts, part: Part, tag: str = "") -> str:
    joined = "-" if facts.standard else "."
    stem = f"{tag}-{part.service}" if tag else part.service
    return f"http://{stem}{joined}{facts.isvc['metadata']['namespace']}.{facts.domain}"


def address(facts: Facts) -> str:
    """In Standard mode, of the component that requests come to first."""
    first = next((part for part in facts.parts if part.component == "transformer"), facts.predictor)
    meta = facts.isvc["metadata"]
    return f"http://{first.service if facts.standard else meta['name']}.{meta['namespace']}.svc.cluster.local"


def component(facts: Facts, part: Part) -> Obj:
    rollout = part.rollout
    name = standard.number(part.deployment) if part.deployment else ""
    found: Obj = {"latestCreatedRevision": name or rollout.created}
    if rollout.ready:
        found["latestReadyRevision"] = name or rollout.ready
    if not facts.standard and rollout.rolled_out:
        found["latestRolledoutRevision"] = rollout.rolled_out
    if not facts.standard and rollout.previous:
        found["previousRolledoutRevision"] = rollout.previous
    if facts.routed and part.targets:
        found["url"] = component_url(facts, part)
        own = f"{part.service}.{facts.isvc['metadata']['namespace']}.svc.cluster.local"
        found["address"] = {"url": f"http://{own}"}
        if any(each.plan.grpc for each in part.revisions):
            found["grpcUrl"] = component_url(facts, part)
        if not facts.standard:
            found["traffic"] = [entry(facts, part, target) for target in part.targets]
    return {key: value for key, value in found.items() if value}


def entry(facts: Facts, part: Part, target: Target) -> Obj:
    """`latestRevision` is always there: KServe's SDK reads it without a default."""
    found: Obj = {
        "latestRevision": target.latest, "percent": target.percent, "revisionName": target.revision,
    }
    if target.tag:
        found["tag"] = target.tag
        found["url"] = component_url(facts, part, target.tag)
    return found


# Conditions ---------------------------------------------------------------------------------------------

Verdict = tuple[str, str, str]
"""(status, reason, message)."""
TRUE: Verdict = ("True", "", "")
UNAVAILABLE: Verdict = (
    "Unknown", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
)


def conditions(facts: Facts, old: list[Obj]) -> list[Obj]:
    configs = {part.component: configuration(facts.isvc, part) for part in facts.parts}
    routes = {part.component: routing(facts, part) for part in facts.parts}
    ready = {name: worst(configs[name], routes[name]) for name in configs}
    ingress = ingress_of(ready, routes)
    verdicts: dict[str, Verdict] = {
        "IngressReady": ingress,
        "PredictorReady": ready["predictor"],
        "Ready": worst(ready["predictor"], ingress),
        "Stopped": ("True", "Stopped", "") if serving.stopped(facts.isvc) else ("False", "", ""),
    }
    infos = {f"{name.title()}Ready": ready[name] for name in ready if name != "predictor"}
    if not facts.standard:
        infos |= {f"{name.title()}ConfigurationReady": verdict for name, verdict in configs.items()}
        infos |= {ROUTE_CONDITIONS[name]: verdict for name, verdict in routes.items()}
        infos |= {
            "LatestDeploymentReady": worst(*configs.values()), "RoutesReady": worst(*routes.values()),
        }
    if facts.ignored:
        text = "; ".join(f"{field} has no effect: {why}" for field, why in facts.ignored)
        infos["FieldsIgnored"] = ("True", "NotInThisMode", text)
    known = {condition["type"]: condition for condition in old}
    found = [condition(type_, verdict, "", known, facts.now) for type_, verdict in verdicts.items()]
    found += [condition(type_, verdict, INFO, known, facts.now) for type_, verdict in infos.items()]
    return sorted(found, key=lambda c: str(c["type"]))


def ingress_of(ready: dict[str, Verdict], routes: dict[str, Verdict]) -> Verdict:
    """The service answers at its address: its predictor has been ready once, the others are ready."""
    for name, verdict in (*routes.items(), *((n, v) for n, v in ready.items() if n != "predictor")):
        if verdict[0] != "True":
            return (verdict[0], f"{name.title()} ingress not created", verdict[2])
    return TRUE


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


def configuration(isvc: Obj, part: Part) -> Verdict:
    """Whether the newest revision runs."""
    if serving.stopped(isvc):
        return ("False", "Stopped", "")
    if part.problem is not None:
        return ("False", part.problem.reason, part.problem.message)
    name, newest = part.rollout.created, part.newest
    if part.deployment is not None and newest is not None and newest.addresses:
        return TRUE if standard.available(part.deployment) else UNAVAILABLE
    if newest is not None and newest.failure is not None:
        text = f'Revision "{name}" failed with message: {words(part, newest.failure)}'
        return ("False", "RevisionFailed", text)
    if name and part.rollout.ready == name and newest is not None:
        if newest.addresses or part.wanted == 0:
            return TRUE
        return ("Unknown", "Deploying", f'Revision "{name}" has no ready replica.')
    return ("Unknown", "RevisionMissing", f'Configuration is waiting for Revision "{name}" to become ready.')


def routing(facts: Facts, part: Part) -> Verdict:
    if serving.stopped(facts.isvc):
        return ("False", "Stopped", "")
    if part.targets and facts.routed:
        return TRUE
    if part.problem is not None and not part.rollout.ready:
        return ("False", part.problem.reason, part.problem.message)
    return ("Unknown", "RevisionMissing", "no revision has been ready yet")


def words(part: Part, failure: Failure) -> str:
    return f"{failure.message}\n{part.last_words}".strip() if part.last_words else failure.message


# Model status -------------------------------------------------------------------------------------------


def model_status(isvc: Obj, part: Part) -> Obj:
    """Of the predictor."""
    newest, rollout, problem = part.newest, part.rollout, part.problem
    up = len(newest.addresses) if newest else 0
    total = max(up, len(newest.pods) if newest else 0)
    failure = newest.failure if newest else None
    active = "Loaded" if rollout.ready else ""
    copies: Obj = {"failedCopies": 0, "totalCopies": total}
    if problem is not None:
        state = "InProgress" if problem.waiting else "InvalidSpec"
        return _model(state, active, "Pending" if problem.waiting else "FailedToLoad", copies, {
            "reason": problem.reason, "message": problem.message, "modelRevisionName": rollout.created,
        })
    if failure is not None:
        copies["failedCopies"] = max(1, total - up)
        return _model("BlockedByFailedLoad", active, "FailedToLoad", copies, {
            "location": failure.container, "reason": "ModelLoadFailed", "message": words(part, failure),
            "modelRevisionName": rollout.created, "time": failure.time, "exitCode": failure.exit_code,
        })
    if rollout.ready == rollout.created and (up or (part.wanted == 0 and rollout.ready)):
        return _model("UpToDate", "Loaded" if up else "Standby", "Loaded" if up else "Standby", copies, {})
    target = "Loading" if newest and newest.pods else "Pending"
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
