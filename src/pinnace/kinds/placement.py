"""May a Pod be on this Node: selector, affinity, taints. Pure.

Called by the scheduler, for daemons, and by whoever evicts. Source: kubernetes component-helpers
scheduling/corev1 and pkg/controller/daemon (nodeShouldRunDaemonPod).
"""

from __future__ import annotations

from collections.abc import Iterable

from .resource import Obj

DAEMON_TOLERATIONS: tuple[Obj, ...] = tuple(
    {"key": f"node.kubernetes.io/{name}", "operator": "Exists", "effect": effect}
    for name, effect in (
        ("not-ready", "NoExecute"), ("unreachable", "NoExecute"), ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"), ("pid-pressure", "NoSchedule"), ("unschedulable", "NoSchedule"),
    )
)


def tolerates(tolerations: Iterable[Obj], taint: Obj) -> bool:
    return any(_tolerates(one, taint) for one in tolerations)


def _tolerates(toleration: Obj, taint: Obj) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")


UNSCHEDULABLE: Obj = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


def taints_of(node: Obj) -> list[Obj]:
    """Those that keep Pods away; a cordoned node has one whether it is written or not."""
    spec = node.get("spec") or {}
    found = [one for one in spec.get("taints") or () if one.get("effect") in ("NoSchedule", "NoExecute")]
    if spec.get("unschedulable") and all(one["key"] != UNSCHEDULABLE["key"] for one in found):
        found.append(UNSCHEDULABLE)
    return found


def fits(name: str, labels: dict[str, str], spec: Obj) -> bool:
    """By selector and required node affinity."""
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    return any(_term(term, name, labels) for term in required.get("nodeSelectorTerms") or ())


def _term(term: Obj, name: str, labels: dict[str, str]) -> bool:
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    names = {"metadata.name": name}
    return all(_holds(one, labels) for one in expressions) and all(_holds(one, names) for one in fields)


def _holds(expression: Obj, labels: dict[str, str]) -> bool:
    found, values = labels.get(expression["key"]), expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return found in values
        case "NotIn":
            return found not in values
        case "Exists":
            return found is not None
        case "DoesNotExist":
            return found is None
        case "Gt":
            return _number(found) > _number(next(iter(values), None))
        case "Lt":
            return _number(found) < _number(next(iter(values), None))
    return False


def _number(text: str | None) -> float:
    """What is no number is neither greater nor less."""
    try:
        return int(text or "")
    except ValueError:
        return float("nan")


def runs_daemon(node: Obj, spec: Obj) -> tuple[bool, bool]:
    """(may be made here, may stay here)."""
    name, labels = node["metadata"]["name"], node["metadata"].get("labels") or {}
    if spec.get("nodeName") not in (None, "", name) or not fits(name, labels, spec):
        return False, False
    tolerations = [*(spec.get("tolerations") or ()), *DAEMON_TOLERATIONS]
    bad = {
        taint["effect"] for taint in taints_of(node) if not tolerates(tolerations, taint)
    }
    return not bad & {"NoSchedule", "NoExecute"}, "NoExecute" not in bad
