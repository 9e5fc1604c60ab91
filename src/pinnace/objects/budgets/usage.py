"""What one object counts for in a ResourceQuota, and which quotas count it. Pure.

Called by `ledger`. Source: kubernetes
pkg/quota/v1/evaluator/core/{pods,services,persistent_volume_claims}.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from pinnace.kinds import quantity
from pinnace.kinds.resource import Obj

NONE = Decimal(0)
COMPUTE = ("cpu", "memory", "ephemeral-storage")
PLAIN = ("configmaps", "secrets", "replicationcontrollers", "resourcequotas")
ENDED = ("Succeeded", "Failed")
STORAGE_CLASS = ".storageclass.storage.k8s.io/"


def of(key: str, obj: Obj) -> dict[str, Decimal]:
    """Name in a quota's `hard` → how much. `key`: the storage key of the kind."""
    found: dict[str, Decimal] = {f"count/{key}": Decimal(1)}
    if key == "pods":
        found |= _pod(obj)
    elif key == "services":
        found |= _service(obj.get("spec") or {})
    elif key == "persistentvolumeclaims":
        found |= _claim(obj.get("spec") or {})
    elif key in PLAIN:
        found[key] = Decimal(1)
    return found


def _pod(pod: Obj) -> dict[str, Decimal]:
    if (pod.get("status") or {}).get("phase") in ENDED:
        return {}
    found: dict[str, Decimal] = {"pods": Decimal(1)}
    for kind in ("requests", "limits"):
        for name, amount in total(pod.get("spec") or {}, kind).items():
            found[f"{kind}.{name}"] = amount
            if kind == "requests" and name in COMPUTE:
                found[name] = amount
    return found


def total(spec: Obj, kind: str) -> dict[str, Decimal]:
    """Of all containers together; those that run before the others count where they need more."""
    beside: dict[str, Decimal] = {}
    once: dict[str, Decimal] = {}
    for container in spec.get("containers") or ():
        _add(beside, container, kind)
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            _add(beside, container, kind)
        else:
            for name, amount in _amounts(container, kind):
                once[name] = max(once.get(name, Decimal(0)), amount)
    return {name: max(beside.get(name, NONE), once.get(name, NONE)) for name in {**beside, **once}}


def _add(into: dict[str, Decimal], container: Obj, kind: str) -> None:
    for name, amount in _amounts(container, kind):
        into[name] = into.get(name, Decimal(0)) + amount


def _amounts(container: Obj, kind: str) -> Iterable[tuple[str, Decimal]]:
    resources = container.get("resources") or {}
    given = resources.get(kind) or {}
    if kind == "requests":
        given = {**(resources.get("limits") or {}), **given}
    return [(name, quantity.parse(amount)) for name, amount in given.items()]


def _service(spec: Obj) -> dict[str, Decimal]:
    found = {"services": Decimal(1)}
    if spec.get("type") == "LoadBalancer":
        found["services.loadbalancers"] = Decimal(1)
    if spec.get("type") in ("NodePort", "LoadBalancer"):
        found["services.nodeports"] = Decimal(len(spec.get("ports") or ()))
    return found


def _claim(spec: Obj) -> dict[str, Decimal]:
    asked = ((spec.get("resources") or {}).get("requests") or {}).get("storage") or 0
    found = {"persistentvolumeclaims": Decimal(1), "requests.storage": quantity.parse(asked)}
    if name := spec.get("storageClassName"):
        found[f"{name}{STORAGE_CLASS}persistentvolumeclaims"] = Decimal(1)
        found[f"{name}{STORAGE_CLASS}requests.storage"] = found["requests.storage"]
    return found


def counts(quota: Obj, key: str, obj: Obj) -> bool:
    """Whether the quota's scopes take this object in."""
    spec = quota.get("spec") or {}
    scopes = [(scope, "Exists", ()) for scope in spec.get("scopes") or ()]
    for one in (spec.get("scopeSelector") or {}).get("matchExpressions") or ():
        scopes.append((one.get("scopeName"), one.get("operator"), tuple(one.get("values") or ())))
    if not scopes:
        return True
    return key == "pods" and all(_in_scope(obj.get("spec") or {}, *scope) for scope in scopes)


def _in_scope(spec: Obj, scope: str, operator: str, values: tuple[str, ...]) -> bool:
    match scope:
        case "Terminating":
            return spec.get("activeDeadlineSeconds") is not None
        case "NotTerminating":
            return spec.get("activeDeadlineSeconds") is None
        case "BestEffort" | "NotBestEffort":
            return _best_effort(spec) == (scope == "BestEffort")
        case "PriorityClass":
            name = spec.get("priorityClassName") or ""
            return {"In": name in values, "NotIn": name not in values, "Exists": bool(name),
                    "DoesNotExist": not name}.get(operator, False)
        case "CrossNamespacePodAffinity":
            return False
    return False


def _best_effort(spec: Obj) -> bool:
    everyone = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    return not any(
        name in ("cpu", "memory") for container in everyone for kind in ("requests", "limits")
        for name in (container.get("resources") or {}).get(kind) or {}
    )


def unsaid(hard: Iterable[str], pod: Obj) -> list[str]:
    """What a quota on compute makes every container of a pod say, and who does not: `limits.cpu for: a`."""
    found = []
    spec = pod.get("spec") or {}
    for name in sorted(hard):
        kind, _, what = name.partition(".") if "." in name else ("requests", "", name)
        if kind not in ("requests", "limits") or what not in COMPUTE[:2]:
            continue
        everyone = (*(spec.get("initContainers") or ()), *spec.get("containers", ()))
        silent = [
            container["name"] for container in everyone
            if what not in dict(_amounts(container, kind))
        ]
        if silent:
            found.append(f"{name} for: {','.join(sorted(silent))}")
    return found


def written(amount: Decimal, like: str) -> str:
    """An amount in the manner of the limit that it is compared with."""
    whole = amount == amount.to_integral_value()
    if whole and str(like)[-1:] == "i":
        return _binary(int(amount))
    return quantity.canonical(f"{amount:f}")


def _binary(value: int) -> str:
    return quantity.canonical(f"{value // 1024}Ki") if value and value % 1024 == 0 else str(value)

