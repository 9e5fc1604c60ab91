"""What PodDefaults add to a Pod, and when they contradict it or each other. Pure.

Source: kubeflow/kubeflow components/admission-webhook/main.go (filterPodDefaults,
safeToApplyPodDefaultsOnPod, applyPodDefaultsOnPod). Caller: `objects/configurations`. Nothing below
`pinnace.dev/` is added: by these annotations the platform's own rooms speak.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pinnace.kinds.resource import Obj
from pinnace.kinds.selecting import matches

DOMAIN = "poddefault.admission.kubeflow.org"
EXCLUDE, MARK = f"{DOMAIN}/exclude", f"{DOMAIN}/poddefault-"
OURS = "pinnace.dev/"
PROXY = "istio-proxy"
Named = Callable[[Obj], Any]


class Conflict(ValueError):
    """Two of them, or one and the Pod, want different things; the text names what."""


def chosen(pod: Obj, every: Iterable[Obj]) -> list[Obj]:
    """By name; none for a Pod that wants none."""
    meta = pod["metadata"]
    if (meta.get("annotations") or {}).get(EXCLUDE) == "true":
        return []
    labels = meta.get("labels")
    found = [one for one in every if matches((one.get("spec") or {}).get("selector"), labels)]
    return sorted(found, key=lambda one: str(one["metadata"]["name"]))


def applied(pod: Obj, defaults: Sequence[Obj]) -> Obj:
    """A new Pod. Raises Conflict."""
    made = copy.deepcopy(pod)
    specs = [one["spec"] for one in defaults]
    meta, spec = made["metadata"], made["spec"]
    for field in ("labels", "annotations"):
        meta[field] = mapping(meta.get(field), (plain(one.get(field)) for one in specs), field)
    for one in defaults:
        place = f"{MARK}{one['metadata']['name']}"
        meta["annotations"][place] = str(one["metadata"].get("resourceVersion") or "")
    lists: tuple[tuple[str, str, Named], ...] = (
        ("volumes", "volumes", named), ("tolerations", "tolerations", toleration),
        ("imagePullSecrets", "imagePullSecrets", named), ("initContainers", "initContainers", named),
        ("containers", "sidecars", named),
    )
    for container in spec["containers"]:
        contained(container, specs)
    for field, given, key in lists:
        listed(spec, field, [one.get(given) for one in specs], key)
    for one in specs:
        if one.get("serviceAccountName"):
            spec["serviceAccountName"] = spec["serviceAccount"] = one["serviceAccountName"]
        if one.get("automountServiceAccountToken") is not None:
            spec["automountServiceAccountToken"] = one["automountServiceAccountToken"]
    return made


def contained(container: Obj, specs: Sequence[Obj]) -> None:
    listed(container, "env", [one.get("env") for one in specs], named)
    listed(container, "volumeMounts", [one.get("volumeMounts") for one in specs], mounted)
    more = [source for one in specs for source in one.get("envFrom") or ()]
    if more:
        container["envFrom"] = [*(container.get("envFrom") or ()), *copy.deepcopy(more)]
    for field in ("command", "args"):
        given = next((one[field] for one in specs if one.get(field)), None)
        if given and not container.get(field) and container.get("name") != PROXY:
            container[field] = list(given)


def listed(holder: Obj, field: str, given: Iterable[Sequence[Obj] | None], key: Named) -> None:
    """What is there, and what is given, each once. Raises Conflict."""
    found = {key(one): one for one in holder.get(field) or ()}
    had = len(found)
    for one in (one for some in given for one in some or ()):
        known = found.setdefault(key(one), one)
        if any(known.get(name) != value for name, value in one.items()):
            raise Conflict(f"{field}: {key(one)!r} is given twice, and differs")
    if len(found) > had:
        holder[field] = [copy.deepcopy(one) for one in found.values()]


def mapping(own: Any, given: Iterable[dict[str, str]], what: str) -> dict[str, str]:
    found = dict(own or {})
    for some in given:
        for key, value in some.items():
            if found.setdefault(key, value) != value:
                raise Conflict(f"{what}: {key!r} is {found[key]!r} already, not {value!r}")
    return found


def plain(own: Any) -> dict[str, str]:
    return {key: str(value) for key, value in (own or {}).items() if not key.startswith(OURS)}


def named(one: Obj) -> Any:
    return one.get("name")


def mounted(one: Obj) -> Any:
    return one.get("mountPath")


def toleration(one: Obj) -> Any:
    return (one.get("key"), one.get("effect"))
