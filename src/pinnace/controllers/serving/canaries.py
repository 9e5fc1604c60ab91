"""Canaries of Standard mode (`spec.canary`): variants of the predictor beside it, with a share of requests.

Each is a predictor of its own (Deployment and Service `<service>-<name>-predictor`), made of the stable one
and what it overrides. Pure. Source: kserve v0.20 pkg/apis/serving/v1beta1/inference_service.go (CanarySpec)
and pkg/controller/v1beta1/inferenceservice/reconcilers/{canary,ingress}.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pinnace.controllers.serving import scaling
from pinnace.controllers.serving.parts import Part
from pinnace.controllers.serving.status import INFO, Verdict, condition, model_status
from pinnace.controllers.serving.template import merge
from pinnace.controllers.serving.traffic import Target
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj

CONDITION = "CanaryPredictorReady"


def of(isvc: Obj) -> list[Part]:
    """As parts of their own; none in Knative mode, which has revisions instead."""
    spec = isvc.get("spec") or {}
    if serving.mode(isvc) != serving.STANDARD:
        return []
    stable: Obj = spec.get("predictor") or {}
    return [of_entry(isvc, stable, entry) for entry in spec.get("canary") or ()]


def of_entry(isvc: Obj, stable: Obj, entry: Obj) -> Part:
    own, percent = entry["predictor"], int(entry["trafficPercent"])
    component = overridden(stable, own)
    fewest = own.get("minReplicas")
    if fewest is None:
        fewest = math.ceil(scaling.least(isvc, stable) * percent / 100)
    component["minReplicas"] = int(fewest)
    return Part(
        component="predictor", spec=component, variant=str(own["name"]), percent=percent,
        service=f"{isvc['metadata']['name']}-{own['name']}-predictor",
    )


def overridden(stable: Obj, own: Obj) -> Obj:
    """The stable predictor with what the canary says; containers are told apart by their names."""
    merged: Obj = merge(stable, own)
    for field in ("containers", "initContainers", "volumes"):
        if stable.get(field) and own.get(field):
            named = {each.get("name"): each for each in stable[field]}
            for each in own[field]:
                named[each.get("name")] = merge(named.get(each.get("name"), {}), each)
            merged[field] = list(named.values())
    return merged


def shared(stable: Part, canaries: Sequence[Part]) -> list[Target]:
    """Who gets how much: a canary its share once it is ready, the stable one the rest."""
    able = [each for each in canaries if ready(each)]
    if not stable.rollout.ready or not able:
        return stable.targets
    rest = Target(revision=stable.service, percent=100 - sum(each.percent for each in able), latest=True)
    return [rest, *(Target(revision=e.service, percent=e.percent, latest=False) for e in able)]


def ready(canary: Part) -> bool:
    newest = canary.newest
    return bool(newest and newest.addresses and canary.rollout.ready)


def relieved(isvc: Obj, stable: Part, canaries: Sequence[Part]) -> Obj:
    """The stable predictor, which keeps fewer replicas while canaries carry some of its load."""
    entries = (isvc.get("status") or {}).get("canaryStatuses") or ()
    able = {each["name"] for each in entries if each.get("ready")}
    carried = sum(int(each.spec["minReplicas"]) for each in canaries if each.variant in able)
    if not carried:
        return stable.spec
    return {**stable.spec, "minReplicas": max(1, scaling.least(isvc, stable.spec) - carried)}


def before(isvc: Obj, canary: Part) -> Obj:
    """What the last status said of it, as of a component."""
    entries = (isvc.get("status") or {}).get("canaryStatuses") or ()
    known = any(each.get("name") == canary.variant and each.get("ready") for each in entries)
    return {"latestReadyRevision": canary.service} if known else {}


def told(status: Obj, isvc: Obj, canaries: Sequence[Part], now: str) -> Obj:
    """The status with canaryStatuses and their condition."""
    if not canaries:
        return status
    entries = [
        {"name": each.variant, "ready": ready(each), "trafficPercent": each.percent,
         "modelStatus": model_status(isvc, each)}
        for each in canaries
    ]
    lacking = [each.variant for each in canaries if not ready(each)]
    verdict: Verdict = ("True", "AllCanariesReady", "")
    if serving.stopped(isvc):
        verdict = ("False", "Stopped", "")
    elif lacking:
        verdict = ("False", "CanariesNotReady", f"not ready: {', '.join(lacking)}")
    known = {each["type"]: each for each in (isvc.get("status") or {}).get("conditions") or ()}
    conditions = [*status["conditions"], condition(CONDITION, verdict, INFO, known, now)]
    ordered = sorted(conditions, key=lambda each: str(each["type"]))
    return {**status, "canaryStatuses": entries, "conditions": ordered}
