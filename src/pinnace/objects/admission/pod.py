"""Pods and pod templates: defaults that clients see, rules between fields, what stays as it was created.

Callers: the registry of rules in `admission`, and `batch` for templates. Source of the rules:
kubernetes pkg/apis/core/v1/defaults.go, pkg/apis/core/validation/validation.go and the default admission
plugins (DefaultTolerationSeconds, Priority, ServiceAccount).
"""

from __future__ import annotations

from typing import Any

import msgspec

from pinnace.kinds import cause, names
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj
from pinnace.objects.admission import container, ephemeral, volume
from pinnace.objects.admission.rules import Rules

Map = dict[str, Any]
_RESTART = ("Always", "OnFailure", "Never")
_DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_LISTS = ("initContainers", "containers")
_EVERY = (*_LISTS, ephemeral.FIELD)
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_MODES = ("secret", "configMap", "downwardAPI", "projected")
_FROZEN = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def _toleration(taint: str) -> Map:
    return {
        "effect": "NoExecute",
        "key": f"node.kubernetes.io/{taint}",
        "operator": "Exists",
        "tolerationSeconds": 300,
    }


_TOLERATED = [_toleration("not-ready"), _toleration("unreachable")]


def default(pod: Obj) -> None:
    """Also the fast path's: a pod derived from a judged template gets exactly this and nothing else."""
    spec = pod.get("spec")
    if spec is None:
        spec = pod["spec"] = {}
    default_spec(spec)
    account = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
    spec["serviceAccountName"] = spec["serviceAccount"] = account
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    spec.setdefault("priority", 0)
    spec.setdefault("enableServiceLinks", True)
    if "tolerations" not in spec:
        spec["tolerations"] = _TOLERATED


def prepare(pod: Obj) -> None:
    pod["status"] = {"phase": "Pending", "qosClass": quality(pod.get("spec") or {})}


def default_spec(spec: Map) -> None:
    """What every pod spec gets, in Pods and in templates."""
    setdefault = spec.setdefault
    setdefault("restartPolicy", "Always")
    setdefault("dnsPolicy", "ClusterFirst")
    setdefault("terminationGracePeriodSeconds", 30)
    setdefault("schedulerName", "default-scheduler")
    setdefault("securityContext", {})
    for name in _EVERY:
        for one in spec.get(name) or ():
            _default_container(one)
    for one in spec.get("volumes") or ():
        _default_volume(one)


def _default_container(one: Map) -> None:
    setdefault = one.setdefault
    setdefault("terminationMessagePath", "/dev/termination-log")
    setdefault("terminationMessagePolicy", "File")
    if "imagePullPolicy" not in one:
        one["imagePullPolicy"] = _pull_policy(one.get("image") or "")
    resources = setdefault("resources", {})
    limits = resources.get("limits")
    if limits:
        requests = resources.setdefault("requests", {})
        for name, amount in limits.items():
            requests.setdefault(name, amount)
    for port in one.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for variable in one.get("env") or ():
        if "valueFrom" in variable and (variable["valueFrom"] or {}).get("fieldRef"):
            variable["valueFrom"]["fieldRef"].setdefault("apiVersion", "v1")
    for name in _PROBES:
        if name in one:
            _default_probe(one[name] or {})


def _pull_policy(image: str) -> str:
    name = image.rpartition("/")[2]
    if "@" in name:
        return "IfNotPresent"
    tag = name.partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def _default_probe(probe: Map) -> None:
    for name, value in (
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ):
        probe.setdefault(name, value)
    if probe.get("httpGet"):
        probe["httpGet"].setdefault("path", "/")
        probe["httpGet"].setdefault("scheme", "HTTP")


def _default_volume(one: Map) -> None:
    if len(one) == 1 and "name" in one:
        one["emptyDir"] = {}
    for kind in _MODES:
        if one.get(kind) is not None:
            one[kind].setdefault("defaultMode", 420)
    if one.get("hostPath") is not None:
        one["hostPath"].setdefault("type", "")


def quality(spec: Map) -> str:
    """The quality-of-service class: Guaranteed, Burstable or BestEffort."""
    containers = [one for name in _LISTS for one in spec.get(name) or ()]
    if not any(one.get("resources") for one in containers):
        return "BestEffort"
    asked = [_asked(one.get("resources") or {}) for one in containers]
    if not any(requests or limits for requests, limits in asked):
        return "BestEffort"
    guaranteed = all(
        key in limits and requests.get(key, limits[key]) == limits[key]
        for requests, limits in asked
        for key in ("cpu", "memory")
    )
    return "Guaranteed" if guaranteed else "Burstable"


def _asked(resources: Map) -> tuple[Map, Map]:
    return resources.get("requests") or {}, resources.get("limits") or {}


def check(pod: Obj) -> list[Cause]:
    spec = pod.get("spec") or {}
    found = check_spec(spec, "spec")
    if spec.get("ephemeralContainers") and not pod["metadata"].get("resourceVersion"):
        found.append(cause.forbidden("spec.ephemeralContainers", "cannot be set on create"))
    for name in ("containers", "initContainers"):
        for index, one in enumerate(spec.get(name) or ()):
            image = one.get("image") or ""
            if image != image.strip():
                words = "must not have leading or trailing whitespace"
                found.append(cause.invalid(f"spec.{name}[{index}].image", image, words))
    return found


def check_spec(spec: Map, path: str) -> list[Cause]:
    """In the order in which upstream asks (ValidatePodSpec)."""
    found, volumes = volume.check(spec.get("volumes") or (), f"{path}.volumes")
    found += _containers(spec, path, volumes)
    found += _choice(spec.get("restartPolicy"), _RESTART, f"{path}.restartPolicy")
    found += _choice(spec.get("dnsPolicy"), _DNS, f"{path}.dnsPolicy")
    found += names.label_causes(spec.get("nodeSelector") or {}, f"{path}.nodeSelector")
    context = spec.get("securityContext") or {}
    found += container.identifiers(
        context, f"{path}.securityContext", ("fsGroup", "runAsUser", "runAsGroup")
    )
    found += _affinity(spec.get("affinity") or {}, f"{path}.affinity.nodeAffinity")
    found += _called(spec, path, ("serviceAccountName", "nodeName"), names.subdomain)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline < 1 << 31:
        words = "must be between 1 and 2147483647, inclusive"
        found.append(cause.invalid(f"{path}.activeDeadlineSeconds", deadline, words))
    found += _called(spec, path, ("hostname", "subdomain"), names.label)
    found += tolerations(spec.get("tolerations") or (), f"{path}.tolerations")
    return found + _called(spec, path, ("priorityClassName", "runtimeClassName"), names.subdomain)


def _containers(spec: Map, path: str, volumes: set[str]) -> list[Cause]:
    containers = spec.get("containers") or ()
    found = [] if containers else [cause.required(f"{path}.containers")]
    seen: set[str] = set()
    for index, one in enumerate(containers):
        here = f"{path}.containers[{index}]"
        found += container.common(one, here, volumes)
        found += _unique(one.get("name") or "", here, seen)
        found += container.regular(one, here)
    for index, one in enumerate(spec.get("initContainers") or ()):
        here = f"{path}.initContainers[{index}]"
        found += container.common(one, here, volumes)
        found += _unique(one.get("name") or "", here, seen)
        found += container.initial(one, here)
    if spec.get(ephemeral.FIELD):
        found += ephemeral.check(spec, f"{path}.{ephemeral.FIELD}", volumes)
    return found


def _unique(name: str, path: str, seen: set[str]) -> list[Cause]:
    if name in seen:
        return [cause.duplicate(f"{path}.name", name)]
    if name:
        seen.add(name)
    return []


def _choice(value: Any, known: tuple[str, ...], path: str) -> list[Cause]:
    if not value:
        return [cause.required(path)]
    return [] if value in known else [cause.unsupported(path, value, known)]


def _called(spec: Map, path: str, fields: tuple[str, ...], rule: names.Rule) -> list[Cause]:
    return [
        cause.invalid(f"{path}.{field}", spec[field], words)
        for field in fields
        if spec.get(field)
        for words in rule(spec[field])
    ]


def _affinity(affinity: Map, path: str) -> list[Cause]:
    required = (affinity.get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None or required.get("nodeSelectorTerms"):
        return []
    place = f"{path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
    return [cause.required(place, "must have at least one node selector term")]


def tolerations(listed: Any, path: str) -> list[Cause]:
    found: list[Cause] = []
    for index, one in enumerate(listed):
        here, key, operator = f"{path}[{index}]", one.get("key") or "", one.get("operator") or ""
        effect, value = one.get("effect") or "", one.get("value") or ""
        if key:
            found += [cause.invalid(f"{here}.key", key, words) for words in names.qualified(key)]
        elif operator != "Exists":
            words = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            found.append(cause.invalid(f"{here}.operator", operator, words))
        if one.get("tolerationSeconds") is not None and effect != "NoExecute":
            words = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            found.append(cause.invalid(f"{here}.effect", effect, words))
        if operator in ("Equal", ""):
            found += [cause.invalid(f"{here}.operator", value, words) for words in names.label_value(value)]
        elif operator != "Exists":
            found.append(cause.unsupported(f"{here}.operator", operator, ("Equal", "Exists")))
        elif value:
            words = "value must be empty when `operator` is 'Exists'"
            found.append(cause.invalid(f"{here}.operator", one, words))
        if effect and effect not in _EFFECTS:
            found.append(cause.unsupported(f"{here}.effect", effect, _EFFECTS))
    return found


def change(old: Obj, new: Obj) -> list[Cause]:
    """Only images, the deadline, more tolerations and the node (through binding) may differ."""
    before, after = dict(old.get("spec") or {}), dict(new.get("spec") or {})
    if before == after:
        return []
    if before.get("schedulingGates") and not after.get("schedulingGates"):
        before.pop("schedulingGates"), after.pop("schedulingGates", None)
    for spec in (before, after):
        for name in ("activeDeadlineSeconds", "tolerations"):
            spec.pop(name, None)
        for name in _LISTS:
            if name in spec:
                spec[name] = [{k: v for k, v in one.items() if k != "image"} for one in spec[name]]
    kept = (new.get("spec") or {}).get("tolerations") or []
    lost = [one for one in (old.get("spec") or {}).get("tolerations") or [] if one not in kept]
    return [cause.forbidden("spec", _FROZEN)] if before != after or lost else []


_FILLED = ("tolerations", "priority", "preemptionPolicy", "serviceAccountName", "serviceAccount")

POD = Rules(
    prepare=prepare,
    default=default,
    check=check,
    change=change,
    filled=tuple(f"spec.{name}" for name in _FILLED),
)
EPHEMERAL = msgspec.structs.replace(POD, change=ephemeral.change)
"""Through the subresource, where nothing else can change."""
