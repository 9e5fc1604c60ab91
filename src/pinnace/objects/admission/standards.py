"""Pod security standards: what a pod asks for that its namespace's level does not allow.

Called by `Local` when somebody creates a Pod; the level stands in labels of the namespace. Source: kubernetes
pod-security-admission policy/check_*.go (the checks that mean something on one machine).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pinnace.kinds import cause
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects import refusals
from pinnace.objects.document import name_of
from pinnace.objects.errors import StatusError

LABEL = "pod-security.kubernetes.io/"
CAPABILITIES = frozenset((
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
    *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
))
VOLUMES = frozenset((
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected"),
    "secret",
))
CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
Named = Callable[[Obj], bool]


def judge(namespace: Obj, resource: Resource, pod: Obj, warnings: list[str]) -> None:
    """StatusError 403: the namespace enforces a level that the pod violates."""
    labels = namespace["metadata"].get("labels") or {}
    for mode in ("enforce", "warn"):
        level = labels.get(f"{LABEL}{mode}")
        if level not in ("baseline", "restricted"):
            continue
        found = ", ".join(violations(pod.get("spec") or {}, level))
        if not found:
            continue
        standard = f'PodSecurity "{level}:{labels.get(f"{LABEL}{mode}-version") or "latest"}": {found}'
        if mode == "enforce":
            raise _refused(resource, pod, f"violates {standard}")
        warnings.append(f"would violate {standard}")


def _refused(resource: Resource, pod: Obj, why: str) -> StatusError:
    return refusals.forbidden(resource, name_of(pod), why)


def violations(spec: Obj, level: str) -> list[str]:
    return [*_baseline(spec), *(_restricted(spec) if level == "restricted" else ())]


def _baseline(spec: Obj) -> Iterator[str]:
    if spaces := [name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]:
        yield f"host namespaces ({', '.join(f'{name}=true' for name in spaces)})"
    if paths := [one["name"] for one in spec.get("volumes") or () if one.get("hostPath") is not None]:
        yield f"hostPath volumes ({_several('volume', paths)})"
    if names := _where(spec, lambda one: _security(one).get("privileged") is True):
        yield f"privileged ({_several('container', names)} must not set securityContext.privileged=true)"
    if names := _where(spec, lambda one: any(port.get("hostPort") for port in one.get("ports") or ())):
        yield f"hostPort ({_several('container', names)} uses hostPorts)"
    if names := _where(spec, lambda one: bool(_added(one) - CAPABILITIES)):
        words = "must not include more than the default ones in securityContext.capabilities.add"
        yield f"non-default capabilities ({_several('container', names)} {words})"


def _restricted(spec: Obj) -> Iterator[str]:
    if names := _where(spec, lambda one: _security(one).get("allowPrivilegeEscalation") is not False):
        words = "must set securityContext.allowPrivilegeEscalation=false"
        yield f"allowPrivilegeEscalation != false ({_several('container', names)} {words})"
    if names := _where(spec, lambda one: not _drops_all(one)):
        words = 'must set securityContext.capabilities.drop=["ALL"]'
        yield f"unrestricted capabilities ({_several('container', names)} {words})"
    used = {key for one in spec.get("volumes") or () for key in one if key != "name"}
    if kinds := used - VOLUMES - {"hostPath"}:
        yield f"restricted volume types ({', '.join(sorted(kinds))})"
    own = spec.get("securityContext") or {}
    if names := _where(spec, lambda one: _chosen(one, own, "runAsNonRoot") is not True):
        words = "must set securityContext.runAsNonRoot=true"
        yield f"runAsNonRoot != true (pod or {_several('container', names)} {words})"
    if names := _where(spec, lambda one: _chosen(one, own, "runAsUser") == 0):
        yield f"runAsUser=0 ({_several('container', names)} must not set runAsUser=0)"
    if names := _where(spec, lambda one: not _profile(one, own)):
        words = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
        yield f"seccompProfile (pod or {_several('container', names)} {words})"


def _where(spec: Obj, wrong: Named) -> list[str]:
    everyone = [one for name in CONTAINERS for one in spec.get(name) or ()]
    return [str(one.get("name")) for one in everyone if wrong(one)]


def _security(container: Obj) -> Obj:
    return dict(container.get("securityContext") or {})


def _chosen(container: Obj, pod: Obj, field: str) -> Any:
    """A container's own word, else the pod's."""
    return _security(container).get(field, pod.get(field))


def _added(container: Obj) -> set[str]:
    return set((_security(container).get("capabilities") or {}).get("add") or ())


def _drops_all(container: Obj) -> bool:
    drops = "ALL" in ((_security(container).get("capabilities") or {}).get("drop") or ())
    return drops and _added(container) <= {"NET_BIND_SERVICE"}


def _profile(container: Obj, own: Obj) -> bool:
    found = _security(container).get("seccompProfile") or own.get("seccompProfile") or {}
    return found.get("type") in ("RuntimeDefault", "Localhost")


def _several(word: str, names: list[str]) -> str:
    return f"{word}{'s' if len(names) > 1 else ''} {', '.join(map(cause.quoted, names))}"
