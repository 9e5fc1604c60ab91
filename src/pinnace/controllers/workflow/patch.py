"""Strategic merge as `podSpecPatch` needs it: lists of named things merge by their key, others are replaced.

Source: kubernetes staging/src/k8s.io/api/core/v1/types.go (patchMergeKey of PodSpec and below). Caller:
`pods`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pinnace.kinds import library
from pinnace.kinds.cause import sentence
from pinnace.kinds.resource import Obj
from pinnace.kinds.review import review
from pinnace.objects.admission import pod

_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "ports": "containerPort",
    "hostAliases": "ip",
    "tolerations": "",
    "topologySpreadConstraints": "topologyKey",
}


class Misfit(Exception):
    """What a patch makes of the spec is no Pod's; the message names the field."""


def patched(spec: Obj, patches: Sequence[Obj]) -> Obj:
    """Raises Misfit. Judged here, because an engine's Pods are written as its templates were judged."""
    for patch in patches:
        _judge(patch)
        spec = strategic(spec, patch)
    return _judge(spec, whole=True)


def _judge(spec: Obj, whole: bool = False) -> Obj:
    document = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "patched"}, "spec": spec}
    verdict = review(library.schema("", "v1", "Pod"), document)
    if verdict.misfit is not None:
        raise Misfit(f"podSpecPatch: {verdict.misfit}")
    if whole:
        made: Obj = verdict.obj["spec"]
        pod.default_spec(made)
        causes = [*verdict.causes, *pod.check_spec(made, "spec")]
        if causes:
            raise Misfit(f"podSpecPatch: {sentence(causes)}")
    return spec


def strategic(base: Any, patch: Any, field: str = "") -> Any:
    if isinstance(base, dict) and isinstance(patch, dict):
        return _maps(base, patch)
    key = _KEYS.get(field)
    if key and isinstance(base, list) and isinstance(patch, list):
        return _lists(base, patch, key)
    return patch


def _maps(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    if patch.get("$patch") == "replace":
        return {name: value for name, value in patch.items() if name != "$patch"}
    made = dict(base)
    for name, value in patch.items():
        if value is None:
            made.pop(name, None)
        else:
            made[name] = strategic(made.get(name), value, name)
    return made


def _lists(base: list[Any], patch: list[Any], key: str) -> list[Any]:
    made = list(base)
    places = {item.get(key): at for at, item in enumerate(made) if isinstance(item, dict)}
    for item in patch:
        at = places.get(item.get(key)) if isinstance(item, dict) else None
        if isinstance(item, dict) and item.get("$patch") == "delete":
            made = [other for other in made if other.get(key) != item.get(key)]
            places = {other.get(key): place for place, other in enumerate(made)}
        elif at is None:
            made.append(item)
        else:
            made[at] = strategic(made[at], item)
    return made
