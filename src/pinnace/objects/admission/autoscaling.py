"""HorizontalPodAutoscalers. Both versions are one document: what version 1 says of the CPU is a metric of
version 2. Source of the rules: kubernetes pkg/apis/autoscaling/{v2/defaults.go,validation/validation.go}."""

from __future__ import annotations

from typing import Any

from pinnace.kinds import cause
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj
from pinnace.objects.admission.rules import Rules

_DOWN = [{"type": "Percent", "value": 100, "periodSeconds": 15}]
_UP = [{"type": "Pods", "value": 4, "periodSeconds": 15}, *_DOWN]
_HOUR = 3600


def default(autoscaler: Obj) -> None:
    spec = autoscaler["spec"] = autoscaler.get("spec") or {}
    if spec.get("minReplicas") is None:
        spec["minReplicas"] = 1
    percent = spec.get("targetCPUUtilizationPercentage")
    if autoscaler.get("apiVersion") == "autoscaling/v1" and percent is not None:
        spec["metrics"] = [_cpu(percent)]
    spec.setdefault("metrics", [_cpu(80)])
    if (behavior := spec.get("behavior")) is not None:
        for way, policies in (("scaleUp", _UP), ("scaleDown", _DOWN)):
            rule = behavior[way] = behavior.get(way) or {}
            rule.setdefault("selectPolicy", "Max")
            rule.setdefault("policies", [dict(one) for one in policies])
            if way == "scaleUp":
                rule.setdefault("stabilizationWindowSeconds", 0)


def _cpu(percent: int) -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def check(autoscaler: Obj) -> list[Cause]:
    spec = autoscaler.get("spec") or {}
    found: list[Cause] = []
    least, most = spec.get("minReplicas") or 0, spec.get("maxReplicas") or 0
    if least < 1:
        found.append(cause.invalid("spec.minReplicas", least, "must be greater than or equal to 1"))
    if most < 1:
        found.append(cause.invalid("spec.maxReplicas", most, "must be greater than 0"))
    if most < least:
        words = "must be greater than or equal to `minReplicas`"
        found.append(cause.invalid("spec.maxReplicas", most, words))
    target = spec.get("scaleTargetRef") or {}
    found += [
        cause.required(f"spec.scaleTargetRef.{name}") for name in ("kind", "name") if not target.get(name)
    ]
    for way in ("scaleUp", "scaleDown"):
        found += _rule((spec.get("behavior") or {}).get(way) or {}, f"spec.behavior.{way}")
    return found


def _rule(rule: dict[str, Any], path: str) -> list[Cause]:
    found: list[Cause] = []
    window = rule.get("stabilizationWindowSeconds")
    if window is not None and not 0 <= window <= _HOUR:
        bound = "greater than or equal to zero" if window < 0 else f"less than or equal to {_HOUR}"
        words = f"must be {bound}"
        found.append(cause.invalid(f"{path}.stabilizationWindowSeconds", window, words))
    if rule.get("policies") == []:
        found.append(cause.required(f"{path}.policies", "must specify at least one Policy"))
    for number, policy in enumerate(rule.get("policies") or ()):
        place = f"{path}.policies[{number}]"
        if policy.get("type") not in ("Pods", "Percent"):
            found.append(cause.unsupported(f"{place}.type", policy.get("type"), ("Percent", "Pods")))
        for name, largest in (("value", 1 << 31), ("periodSeconds", 1800)):
            value = policy.get(name) or 0
            if value <= 0:
                found.append(cause.invalid(f"{place}.{name}", value, "must be greater than zero"))
            elif value > largest:
                words = f"must be less than or equal to {largest}"
                found.append(cause.invalid(f"{place}.{name}", value, words))
    return found


AUTOSCALER = Rules(default=default, check=check)
