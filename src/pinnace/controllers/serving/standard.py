"""Standard mode: a component as the objects that KServe makes of it where there is no Knative. Pure.

A Deployment, the Service before it, and a HorizontalPodAutoscaler, under upstream's names and labels; the
controllers of workloads act on them. Source: kserve pkg/controller/v1beta1/inferenceservice/reconcilers/
{deployment,service,hpa}.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from pinnace.controllers.built_in import AUTOSCALER, DEPLOYMENT, SERVICE
from pinnace.controllers.serving.revisions import Revision, owner
from pinnace.controllers.serving.scaling import least
from pinnace.controllers.serving.template import Plan
from pinnace.kinds import serving
from pinnace.kinds.resource import Obj

APP = "app"
FACTS = "pinnace.dev/serving"
"""Annotation of the Deployment: how its pods are asked, for a life of control that cannot plan them anew."""
HPA_METRIC, HPA_TARGET = f"{serving.GROUP}/metric", f"{serving.GROUP}/targetUtilizationPercentage"
UTILIZATION = 80
STRATEGY: Obj = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}


def app(service: str) -> str:
    """The value of the label by which its pods are selected."""
    return f"isvc.{service}"


def scaler(isvc: Obj) -> str:
    return serving.notes(isvc).get(serving.AUTOSCALER) or "hpa"


def objects(
    isvc: Obj, component: Obj, service: str, kind: str, plan: Plan, fixed: int | None = None
) -> list[Obj]:
    """Of a component of this `kind` (predictor …), as they shall be; `fixed`: a number of replicas that
    nothing else says (a canary's)."""
    made = [deployment(isvc, component, service, plan), front(isvc, service, plan)]
    if fixed is not None:
        made[0]["spec"]["replicas"] = fixed
    elif scaler(isvc) == "hpa":
        made.append(autoscaler(isvc, component, service))
    for each in made:
        each["metadata"]["labels"]["component"] = kind
    return made


def metadata(isvc: Obj, service: str, annotations: dict[str, str]) -> Obj:
    own = isvc["metadata"]
    about = {APP: app(service), f"{serving.GROUP}/inferenceservice": own["name"]}
    labels = {**(own.get("labels") or {}), **about}
    return {
        "name": service, "namespace": own["namespace"], "labels": labels, "annotations": annotations,
        "ownerReferences": [owner(isvc)],
    }


def deployment(isvc: Obj, component: Obj, service: str, plan: Plan) -> Obj:
    """Without a number of replicas where an autoscaler says it."""
    pods = plan.template["metadata"]
    labels = {**pods["labels"], APP: app(service)}
    notes = {
        **pods["annotations"], serving.MODE: serving.STANDARD, serving.AUTOSCALER: scaler(isvc),
    }
    facts = {name: getattr(plan, name) for name in ("health", "socket", "port", "h2", "grpc")}
    spec: Obj = {
        "selector": {"matchLabels": {APP: app(service)}},
        "strategy": component.get("deploymentStrategy") or STRATEGY,
        "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
        "template": {"metadata": {"labels": labels, "annotations": notes}, "spec": plan.template["spec"]},
    }
    if scaler(isvc) != "hpa":
        spec["replicas"] = least(isvc, component)
    return {
        "apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind, "spec": spec,
        "metadata": metadata(isvc, service, {**notes, FACTS: json.dumps(facts, sort_keys=True)}),
    }


def front(isvc: Obj, service: str, plan: Plan) -> Obj:
    """Port 80 leads to what the server listens on; a port for gRPC stands beside it."""
    name = "h2c" if plan.h2 else "http"
    ports = [{"name": name, "port": 80, "targetPort": plan.entrance, "protocol": "TCP"}]
    if plan.grpc:
        ports.append({"name": "h2c", "port": plan.grpc, "targetPort": plan.grpc, "protocol": "TCP"})
    return {
        "apiVersion": SERVICE.api_version, "kind": SERVICE.kind, "metadata": metadata(isvc, service, {}),
        "spec": {"type": "ClusterIP", "selector": {APP: app(service)}, "ports": ports},
    }


def autoscaler(isvc: Obj, component: Obj, service: str) -> Obj:
    fewest = least(isvc, component)
    most = max(fewest, int(component.get("maxReplicas") or 0))
    given: Obj = component.get("autoScaling") or {}
    spec: Obj = {
        "scaleTargetRef": {
            "apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind, "name": service,
        },
        "minReplicas": fewest, "maxReplicas": most, "metrics": metrics(isvc, component, given),
    }
    if given.get("behavior"):
        spec["behavior"] = given["behavior"]
    return {
        "apiVersion": AUTOSCALER.api_version, "kind": AUTOSCALER.kind, "spec": spec,
        "metadata": metadata(isvc, service, {}),
    }


def metrics(isvc: Obj, component: Obj, given: Obj) -> list[Any]:
    resources = [each for each in given.get("metrics") or () if each.get("type") == "Resource"]
    if resources:
        return resources
    notes = serving.notes(isvc)
    name = component.get("scaleMetric") or notes.get(HPA_METRIC) or "cpu"
    target = int(component.get("scaleTarget") or notes.get(HPA_TARGET) or UTILIZATION)
    return [utilization(str(name), target)]


def utilization(name: str, target: int) -> Obj:
    how = {"type": "Utilization", "averageUtilization": target}
    return {"type": "Resource", "resource": {"name": name, "target": how}}


def revision(found: Obj, plan: Plan | None, kind: str) -> Revision:
    """The Deployment as the one revision that there is in this mode."""
    meta = found["metadata"]
    if plan is None:
        facts = json.loads((meta.get("annotations") or {}).get(FACTS) or "{}")
        plan = msgspec.convert({"template": {}, "identity": "", "health": "", "socket": "", **facts}, Plan)
    return Revision(name=meta["name"], number=1, plan=plan, component=kind)


def available(found: Obj) -> bool:
    conditions = (found.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Available" and c.get("status") == "True" for c in conditions)


def number(found: Obj) -> str:
    """What KServe calls a revision here: the Deployment's own count."""
    notes: dict[str, str] = found["metadata"].get("annotations") or {}
    return notes.get("deployment.kubernetes.io/revision", "")
