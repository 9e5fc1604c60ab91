"""Pods and pod templates: defaults that clients see, rules between fields, what stays as it was created.

Callers: the registry of rules in `admission`, and `batch` for templates. Source of the rules:
kubernetes pkg/apis/core/v1/defaults.go, pkg/apis/core/validation/validation.go and the default admission
plugins (DefaultTolerationSeconds, Priority, ServiceAccount).
"""

from __future__ import annotations

from typing import Any

from pinnace.kinds import cause, names, quantity
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj
from pinnace.objects.admission.rules import Rules

Map = dict[str, Any]
_RESTART = ("Always", "OnFailure", "Never")
_PULL = ("Always", "IfNotPresent", "Never")
_DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_LISTS = ("initContainers", "containers")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
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
        return
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
    for name in _LISTS:
        for container in spec.get(name) or ():
            _default_container(container)
    for volume in spec.get("volumes") or ():
        _default_volume(volume)


def _default_container(container: Map) -> None:
    setdefault = container.setdefault
    setdefault("terminationMessagePath", "/dev/termination-log")
    setdefault("terminationMessagePolicy", "File")
    if "imagePullPolicy" not in container:
        container["imagePullPolicy"] = _pull_policy(container.get("image") or "")
    resources = setdefault("resources", {})
    limits = resources.get("limits")
    if limits:
        requests = resources.setdefault("requests", {})
        for name, amount in limits.items():
            requests.setdefault(name, amount)
    for port in container.get("ports") or ():
        port.setdefault("protocol", "TCP")
    for variable in container.get("env") or ():
        if "valueFrom" in variable and (variable["valueFrom"] or {}).get("fieldRef"):
            variable["valueFrom"]["fieldRef"].setdefault("apiVersion", "v1")
    for name in _PROBES:
        if name in container:
            _default_probe(container[name] or {})


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


def _default_volume(volume: Map) -> None:
    if len(volume) == 1 and "name" in volume:
        volume["emptyDir"] = {}
    for kind in _MODES:
        if volume.get(kind) is not None:
            volume[kind].setdefault("defaultMode", 420)
    if volume.get("hostPath") is not None:
        volume["hostPath"].setdefault("type", "")


def quality(spec: Map) -> str:
    """The quality-of-service class: Guaranteed, Burstable or BestEffort."""
    containers = [container for name in _LISTS for container in spec.get(name) or ()]
    if not any(container.get("resources") for container in containers):
        return "BestEffort"
    asked = [_asked(container.get("resources") or {}) for container in containers]
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
    return check_spec(pod.get("spec") or {}, "spec")


def check_spec(spec: Map, path: str) -> list[Cause]:
    found: list[Cause] = []
    volumes: set[str] = set()
    for index, volume in enumerate(spec.get("volumes") or []):
        found += _named(volume, f"{path}.volumes[{index}]", volumes)
    if not spec.get("containers"):
        found.append(cause.required(f"{path}.containers"))
    seen: set[str] = set()
    for name in _LISTS:
        for index, container in enumerate(spec.get(name) or []):
            here = f"{path}.{name}[{index}]"
            found += _named(container, here, seen)
            found += _check_container(container, here, volumes)
    if spec.get("restartPolicy") not in _RESTART:
        found.append(cause.unsupported(f"{path}.restartPolicy", spec.get("restartPolicy"), sorted(_RESTART)))
    if spec.get("dnsPolicy") not in _DNS:
        found.append(cause.unsupported(f"{path}.dnsPolicy", spec.get("dnsPolicy"), sorted(_DNS)))
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline < 1 << 31:
        found.append(
            cause.invalid(
                f"{path}.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive"
            )
        )
    return found


def _named(item: Map, path: str, seen: set[str]) -> list[Cause]:
    name = item.get("name") or ""
    if not name:
        return [cause.required(f"{path}.name")]
    if name in seen:
        return [cause.duplicate(f"{path}.name", name)]
    seen.add(name)
    return [cause.invalid(f"{path}.name", name, text) for text in names.label(name)]


def _check_container(container: Map, path: str, volumes: set[str]) -> list[Cause]:
    found: list[Cause] = []
    image = container.get("image") or ""
    if not image:
        found.append(cause.required(f"{path}.image"))
    elif image != image.strip():
        found.append(cause.invalid(f"{path}.image", image, "must not have leading or trailing whitespace"))
    if container.get("imagePullPolicy") not in _PULL:
        policy = container.get("imagePullPolicy")
        found.append(cause.unsupported(f"{path}.imagePullPolicy", policy, sorted(_PULL)))
    for index, variable in enumerate(container.get("env") or []):
        found += _check_variable(variable, f"{path}.env[{index}]")
    found += _check_mounts(container.get("volumeMounts") or [], f"{path}.volumeMounts", volumes)
    for index, port in enumerate(container.get("ports") or []):
        number = port.get("containerPort") or 0
        if not 0 < number < 65536:
            found.append(
                cause.invalid(
                    f"{path}.ports[{index}].containerPort", number, "must be between 1 and 65535, inclusive"
                )
            )
    return found + _check_resources(container.get("resources") or {}, f"{path}.resources")


def _check_variable(variable: Map, path: str) -> list[Cause]:
    name = variable.get("name") or ""
    if not name:
        return [cause.required(f"{path}.name")]
    found: list[Cause] = []
    found += [cause.invalid(f"{path}.name", name, text) for text in names.environment_variable(name)]
    if variable.get("value") and variable.get("valueFrom"):
        found.append(cause.invalid(f"{path}.valueFrom", "", "may not be specified when `value` is not empty"))
    return found


def _check_mounts(mounts: list[Map], path: str, volumes: set[str]) -> list[Cause]:
    found: list[Cause] = []
    places: set[str] = set()
    for index, mount in enumerate(mounts):
        name, place = mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            found.append(cause.required(f"{path}[{index}].name"))
        elif name not in volumes:
            found.append(cause.not_found(f"{path}[{index}].name", name))
        if not place:
            found.append(cause.required(f"{path}[{index}].mountPath"))
        elif place in places:
            found.append(cause.invalid(f"{path}[{index}].mountPath", place, "must be unique"))
        places.add(place)
        inner = mount.get("subPath") or ""
        if inner.startswith("/"):
            found.append(cause.invalid(f"{path}[{index}].subPath", inner, "must be a relative path"))
        if ".." in inner.split("/"):
            found.append(cause.invalid(f"{path}[{index}].subPath", inner, "must not contain '..'"))
    return found


def _check_resources(resources: Map, path: str) -> list[Cause]:
    found: list[Cause] = []
    limits = resources.get("limits") or {}
    for kind in ("limits", "requests"):
        for name, amount in (resources.get(kind) or {}).items():
            try:
                value = quantity.parse(amount)
                bound = quantity.parse(limits[name]) if kind == "requests" and name in limits else value
            except (ValueError, ArithmeticError):
                continue  # its malformed text is the schema's cause
            if value < 0:
                found.append(
                    cause.invalid(f"{path}.{kind}[{name}]", amount, "must be greater than or equal to 0")
                )
            elif value > bound:
                detail = f"must be less than or equal to {name} limit of {limits[name]}"
                found.append(cause.invalid(f"{path}.requests", amount, detail))
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
                spec[name] = [
                    {k: v for k, v in container.items() if k != "image"} for container in spec[name]
                ]
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
