"""What is wrong with a container: its name, ports, environment, mounts, probes and resources, in upstream's
words and order.

Called by `pod.check_spec` for each container. Types were judged by the schema; anything may be absent.
Source: kubernetes pkg/apis/core/validation/validation.go (validateContainerCommon and what it calls).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pinnace.kinds import cause, names, quantity
from pinnace.kinds.cause import Cause

Map = dict[str, Any]
PULL = ("Always", "IfNotPresent", "Never")
PROTOCOLS = ("SCTP", "TCP", "UDP")
STANDARD = ("cpu", "memory", "ephemeral-storage")
LARGEST_ID = (1 << 31) - 1
_FIELDS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)
_ELSEWHERE = frozenset({
    "metadata.annotations", "metadata.labels", "spec.restartPolicy", "spec.schedulerName", "status.phase",
})
"""Fields of a Pod that the downward API knows, though not as a variable."""
_RESOURCES = (
    "limits.cpu", "limits.ephemeral-storage", "limits.memory",
    "requests.cpu", "requests.ephemeral-storage", "requests.memory",
)
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_ONCE = "must be 1"
_MANY = "may not have more than one field specified at a time"
_NOT_IN_INIT = "may not be set for init containers without restartPolicy=Always"


def common(container: Map, path: str, volumes: set[str]) -> list[Cause]:
    """What is asked of every container, whichever list it stands in."""
    name = container.get("name") or ""
    found = _label(name, f"{path}.name") if name else [cause.required(f"{path}.name")]
    if not container.get("image"):
        found.append(cause.required(f"{path}.image"))
    policy = container.get("terminationMessagePolicy") or "File"
    found += _one_of(policy, ("File", "FallbackToLogsOnError"), f"{path}.terminationMessagePolicy")
    found += _ports(container.get("ports") or (), f"{path}.ports")
    found += _environment(container.get("env") or (), f"{path}.env")
    found += _environment_from(container.get("envFrom") or (), f"{path}.envFrom")
    found += _mounts(container.get("volumeMounts") or (), f"{path}.volumeMounts", volumes)
    pull = container.get("imagePullPolicy") or ""
    found += _one_of(pull, PULL, f"{path}.imagePullPolicy")
    found += _resources(container.get("resources") or {}, f"{path}.resources")
    return found + _security(container.get("securityContext") or {}, f"{path}.securityContext")


def regular(container: Map, path: str) -> list[Cause]:
    """Of a container that runs beside others: what it does when it starts, ends and is asked how it is."""
    found: list[Cause] = []
    for name, hook in (container.get("lifecycle") or {}).items():
        if isinstance(hook, dict):
            found += _handler(hook, f"{path}.lifecycle.{name}", ("exec", "httpGet", "tcpSocket", "sleep"))
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(name) is not None:
            found += _probe(container[name], f"{path}.{name}", once=name != "readinessProbe")
    return found


def initial(container: Map, path: str) -> list[Cause]:
    """Of an init container: one that ends has nobody to ask it."""
    policy = container.get("restartPolicy")
    if policy == "Always":
        return regular(container, path)
    return [
        cause.forbidden(f"{path}.{name}", _NOT_IN_INIT)
        for name in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
        if container.get(name) is not None
    ]


def _label(text: str, path: str) -> list[Cause]:
    return [cause.invalid(path, text, words) for words in names.label(text)]


def _one_of(value: str, known: tuple[str, ...], path: str) -> list[Cause]:
    if not value:
        return [cause.required(path)]
    return [] if value in known else [cause.unsupported(path, value, known)]


# Ports -------------------------------------------------------------------------------------------------


def _ports(ports: Any, path: str) -> list[Cause]:
    found: list[Cause] = []
    seen: set[str] = set()
    for index, port in enumerate(ports):
        here, name = f"{path}[{index}]", port.get("name") or ""
        wrong = [cause.invalid(f"{here}.name", name, words) for words in names.port(name)] if name else []
        if name and not wrong and name in seen:
            wrong = [cause.duplicate(f"{here}.name", name)]
        seen.add(name)
        found += wrong
        number = port.get("containerPort") or 0
        found += number_of_port(number, f"{here}.containerPort") if number else [
            cause.required(f"{here}.containerPort")
        ]
        if port.get("hostPort"):
            found += number_of_port(port["hostPort"], f"{here}.hostPort")
        found += _one_of(port.get("protocol") or "TCP", PROTOCOLS, f"{here}.protocol")
    return found


def number_of_port(number: int, path: str) -> list[Cause]:
    words = "must be between 1 and 65535, inclusive"
    return [] if 0 < number < 65536 else [cause.invalid(path, number, words)]


def port_by_number_or_name(port: Any, path: str) -> list[Cause]:
    if isinstance(port, str):
        return [cause.invalid(path, port, words) for words in names.port(port)]
    return number_of_port(port or 0, path)


# The environment -----------------------------------------------------------------------------------------


def _environment(variables: Any, path: str) -> list[Cause]:
    found: list[Cause] = []
    for index, variable in enumerate(variables):
        here, name = f"{path}[{index}]", variable.get("name") or ""
        if not name:
            found.append(cause.required(f"{here}.name"))
        else:
            found += [cause.invalid(f"{here}.name", name, w) for w in names.environment_variable(name)]
        if variable.get("valueFrom") is not None:
            found += _source(variable, f"{here}.valueFrom")
    return found


def _source(variable: Map, path: str) -> list[Cause]:
    source = variable["valueFrom"]
    given = [name for name in _SOURCES if source.get(name) is not None]
    found = [one for name in given for one in _REFERENCES[name](source[name], f"{path}.{name}")]
    if not given:
        listed = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        found.append(cause.invalid(path, "", f"must specify one of: {listed}"))
    elif variable.get("value"):
        found.append(cause.invalid(path, "", "may not be specified when `value` is not empty"))
    elif len(given) > 1:
        found.append(cause.invalid(path, "", _MANY))
    return found


def _field(reference: Map, path: str) -> list[Cause]:
    asked = reference.get("fieldPath") or ""
    if not asked:
        return [cause.required(f"{path}.fieldPath")]
    place, bracket, key = asked.partition("['")
    if bracket:
        if place not in ("metadata.annotations", "metadata.labels"):
            return [cause.invalid(f"{path}.fieldPath", asked, _unconverted(asked))]
        return [cause.invalid(path, key[:-2], words) for words in names.qualified(key[:-2].lower())]
    if asked in _FIELDS:
        return []
    if asked in _ELSEWHERE:
        return [cause.unsupported(f"{path}.fieldPath", asked, _FIELDS)]
    return [cause.invalid(f"{path}.fieldPath", asked, _unconverted(asked))]


def _unconverted(asked: str) -> str:
    return f"error converting fieldPath: field label not supported: {asked}"


def _amount(reference: Map, path: str) -> list[Cause]:
    asked = reference.get("resource") or ""
    if not asked:
        return [cause.required(f"{path}.resource")]
    if asked in _RESOURCES or asked.startswith(("limits.hugepages-", "requests.hugepages-")):
        return []
    return [cause.unsupported(f"{path}.resource", asked, _RESOURCES)]


def _key(reference: Map, path: str) -> list[Cause]:
    name, key = reference.get("name") or "", reference.get("key") or ""
    found = [cause.invalid(f"{path}.name", name, words) for words in names.subdomain(name)]
    if not key:
        return [*found, cause.required(f"{path}.key")]
    return found + [cause.invalid(f"{path}.key", key, words) for words in names.config_key(key)]


def _file(reference: Map, path: str) -> list[Cause]:
    return [cause.required(f"{path}.{name}") for name in ("key", "volumeName", "path")
            if not reference.get(name)]


_REFERENCES: dict[str, Callable[[Map, str], list[Cause]]] = {
    "fieldRef": _field, "resourceFieldRef": _amount, "configMapKeyRef": _key, "secretKeyRef": _key,
    "fileKeyRef": _file,
}


def _environment_from(sources: Any, path: str) -> list[Cause]:
    found: list[Cause] = []
    for index, source in enumerate(sources):
        here, prefix = f"{path}[{index}]", source.get("prefix") or ""
        if prefix:
            found += [cause.invalid(f"{here}.prefix", prefix, w) for w in names.environment_variable(prefix)]
        given = [name for name in ("configMapRef", "secretRef") if source.get(name) is not None]
        for each in given:
            name, place = source[each].get("name") or "", f"{here}.{each}.name"
            found += [cause.invalid(place, name, w) for w in names.subdomain(name)] if name else [
                cause.required(place)
            ]
        if not given:
            found.append(cause.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(given) > 1:
            found.append(cause.invalid(path, "", _MANY))
    return found


# Mounts --------------------------------------------------------------------------------------------------


def _mounts(mounts: Any, path: str, volumes: set[str]) -> list[Cause]:
    found: list[Cause] = []
    places: set[str] = set()
    for index, mount in enumerate(mounts):
        here, name, place = f"{path}[{index}]", mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            found.append(cause.required(f"{here}.name"))
        if name not in volumes:
            found.append(cause.not_found(f"{here}.name", name))
        if not place:
            found.append(cause.required(f"{here}.mountPath"))
        if place in places:
            found.append(cause.invalid(f"{here}.mountPath", place, "must be unique"))
        places.add(place)
        for part in ("subPath", "subPathExpr"):
            found += descending(mount.get(part) or "", f"{path}.{part}")
        if mount.get("subPath") and mount.get("subPathExpr"):
            words = "subPathExpr and subPath are mutually exclusive"
            found.append(cause.invalid(f"{here}.subPathExpr", mount["subPathExpr"], words))
    return found


def descending(text: str, path: str) -> list[Cause]:
    found = [cause.invalid(path, text, "must be a relative path")] if text.startswith("/") else []
    return found + no_backsteps(text, path)


def no_backsteps(text: str, path: str) -> list[Cause]:
    return [cause.invalid(path, text, "must not contain '..'")] if ".." in text.split("/") else []


# Resources -------------------------------------------------------------------------------------------------


def _resources(resources: Map, path: str) -> list[Cause]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    found: list[Cause] = []
    for name, amount in limits.items():
        found += _resource(name, amount, f"{path}.limits[{name}]")
    for name, amount in requests.items():
        found += _resource(name, amount, f"{path}.requests[{name}]")
        if name in limits:
            found += _within(name, amount, limits[name], f"{path}.requests")
        elif _exact(name):
            words = "Limit must be set for non overcommitable resources"
            found.append(cause.required(f"{path}.limits", words))
    return found


def _resource(name: str, amount: Any, path: str) -> list[Cause]:
    found = [cause.invalid(path, name, words) for words in names.qualified(name)]
    if "/" not in name and name not in STANDARD and not name.startswith("hugepages-"):
        found.append(cause.invalid(path, name, "must be a standard resource type or fully qualified"))
        found.append(cause.invalid(path, name, "must be a standard resource for containers"))
    value = quantity.parse(amount)
    if value < 0:
        text = quantity.canonical(amount)
        found.append(cause.invalid(path, text, "must be greater than or equal to 0"))
    elif "/" in name and value != value.to_integral_value():
        found.append(cause.invalid(path, quantity.canonical(amount), "must be an integer"))
    return found


def _within(name: str, amount: Any, limit: Any, path: str) -> list[Cause]:
    asked, most = quantity.parse(amount), quantity.parse(limit)
    if asked == most or (asked < most and not _exact(name)):
        return []
    relation = "equal to" if _exact(name) else "less than or equal to"
    words = f"must be {relation} {name} limit of {quantity.canonical(limit)}"
    return [cause.invalid(path, quantity.canonical(amount), words)]


def _exact(name: str) -> bool:
    """Of these nobody can ask for less than the limit: extended resources and huge pages."""
    return name.startswith("hugepages-") or ("/" in name and "kubernetes.io/" not in name)


# Probes ----------------------------------------------------------------------------------------------------


def _probe(probe: Map, path: str, *, once: bool) -> list[Cause]:
    found = _handler(probe, path, ("exec", "httpGet", "tcpSocket", "grpc"))
    for name in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold",
                 "failureThreshold"):
        number = probe.get(name) or 0
        if number < 0:
            words = "must be greater than or equal to 0"
            found.append(cause.invalid(f"{path}.{name}", number, words))
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        found.append(cause.invalid(f"{path}.terminationGracePeriodSeconds", grace, "must be greater than 0"))
    if once and probe.get("successThreshold", 1) != 1:
        found.append(cause.invalid(f"{path}.successThreshold", probe["successThreshold"], _ONCE))
    if not once and grace is not None:
        words = "must not be set for readinessProbes"
        found.append(cause.invalid(f"{path}.terminationGracePeriodSeconds", grace, words))
    return found


def _handler(handler: Map, path: str, kinds: tuple[str, ...]) -> list[Cause]:
    given = [name for name in kinds if handler.get(name) is not None]
    if not given:
        return [cause.required(path, "must specify a handler type")]
    found = _action(given[0], handler[given[0]], f"{path}.{given[0]}")
    more = "may not specify more than 1 handler type"
    return found + [cause.forbidden(f"{path}.{name}", more) for name in given[1:]]


def _action(kind: str, action: Map, path: str) -> list[Cause]:
    if kind == "exec":
        return [] if action.get("command") else [cause.required(f"{path}.command")]
    if kind == "sleep":
        return []
    found: list[Cause] = []
    if kind == "httpGet" and not action.get("path"):
        found.append(cause.required(f"{path}.path"))
    found += port_by_number_or_name(action.get("port"), f"{path}.port")
    scheme = action.get("scheme") or "HTTP"
    if kind == "httpGet" and scheme not in ("HTTP", "HTTPS"):
        found.append(cause.unsupported(f"{path}.scheme", scheme, ("HTTP", "HTTPS")))
    return found


# Security --------------------------------------------------------------------------------------------------


def _security(context: Map, path: str) -> list[Cause]:
    return identifiers(context, path, ("runAsUser", "runAsGroup"))


def identifiers(context: Map, path: str, fields: tuple[str, ...]) -> list[Cause]:
    words = f"must be between 0 and {LARGEST_ID}, inclusive"
    return [
        cause.invalid(f"{path}.{name}", context[name], words)
        for name in fields
        if context.get(name) is not None and not 0 <= context[name] <= LARGEST_ID
    ]
