"""A container's environment: values, references and `$(VAR)`, resolved before the pod is bound.

Pure: the Secrets and ConfigMaps it may need are in `Found`. Source of the rules: upstream's kubelet
(makeEnvironmentVariables) and its third_party expansion: `$(NAME)` of an earlier variable, `$$` escapes, an
unknown name stays as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pinnace.controllers.pods import request
from pinnace.controllers.pods.found import Blocked, Found
from pinnace.controllers.pods.schedule import Machine
from pinnace.kinds.resource import Obj

_REFERENCE = re.compile(r"\$(?:\$|\(([^()$]*)\))")
_SHELL_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*\Z")


def expand(text: str, env: Mapping[str, str]) -> str:
    """`$(NAME)` → its value, `$$` → `$`; what is not known stays."""
    if "$" not in text:
        return text
    return _REFERENCE.sub(lambda match: _one(match, env), text)


def _one(match: re.Match[str], env: Mapping[str, str]) -> str:
    if match[0] == "$$":
        return "$"
    return env.get(match[1], match[0])


def of_container(
    pod: Obj, container: Obj, found: Found, machine: Machine, given: Mapping[str, str] | None = None
) -> dict[str, str]:
    """`given` stands first. Raises Blocked with the kubelet's message when a reference is not there."""
    env: dict[str, str] = dict(given) if given else {}
    for source in container.get("envFrom") or ():
        env.update(_whole(source, found))
    for entry in container.get("env") or ():
        value = entry.get("value")
        if value is not None:
            env[entry["name"]] = expand(str(value), env)
            continue
        resolved = _referenced(pod, container, entry.get("valueFrom") or {}, found, machine)
        if resolved is not None:
            env[entry["name"]] = resolved
    return env


def _whole(source: Obj, found: Found) -> dict[str, str]:
    prefix = source.get("prefix") or ""
    secret, config = source.get("secretRef"), source.get("configMapRef")
    if secret is not None:
        data = found.secret_data(secret["name"], bool(secret.get("optional")))
    elif config is not None:
        data = found.config_data(config["name"], bool(config.get("optional")))
    else:
        return {}
    names = {prefix + key: value for key, value in (data or {}).items()}
    return {name: text(value) for name, value in names.items() if _SHELL_NAME.match(name)}


def text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _referenced(
    pod: Obj, container: Obj, source: Obj, found: Found, machine: Machine
) -> str | None:
    if ref := source.get("secretKeyRef"):
        return _key(found.secret_data, "Secret", found.namespace, ref)
    if ref := source.get("configMapKeyRef"):
        return _key(found.config_data, "ConfigMap", found.namespace, ref)
    if ref := source.get("fieldRef"):
        return field(pod, ref.get("fieldPath", ""))
    if ref := source.get("resourceFieldRef"):
        return resource_field(pod, container, ref, machine)
    return ""


def _key(
    read: Callable[[str, bool], dict[str, bytes] | None], kind: str, namespace: str, ref: Obj
) -> str | None:
    optional = bool(ref.get("optional"))
    data = read(ref.get("name", ""), optional)
    if data is None:
        return None
    if ref["key"] in data:
        return text(data[ref["key"]])
    if optional:
        return None
    raise Blocked(f"couldn't find key {ref['key']} in {kind} {namespace}/{ref.get('name', '')}")


def field(pod: Obj, path: str) -> str:
    """The downward API's fields. Raises Blocked for a field that it does not offer."""
    meta, spec, status = pod["metadata"], pod["spec"], pod.get("status") or {}
    kind, _, name = path.partition("['")
    if name:
        entries: dict[str, str] = meta.get(kind.removeprefix("metadata.")) or {}
        return entries.get(name.removesuffix("']"), "")
    simple: dict[str, Any] = {
        "metadata.name": meta["name"],
        "metadata.namespace": meta.get("namespace", ""),
        "metadata.uid": meta.get("uid", ""),
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        "status.hostIP": status.get("hostIP", "127.0.0.1"),
        "status.hostIPs": status.get("hostIP", "127.0.0.1"),
        "status.podIP": status.get("podIP", "127.0.0.1"),
        "status.podIPs": status.get("podIP", "127.0.0.1"),
    }
    if path in ("metadata.labels", "metadata.annotations"):
        entries = meta.get(path.removeprefix("metadata.")) or {}
        return "\n".join(f'{key}="{_quoted(value)}"' for key, value in sorted(entries.items()))
    if path not in simple:
        raise Blocked(f"unsupported fieldPath: {path}")
    return str(simple[path])


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def resource_field(pod: Obj, container: Obj, ref: Obj, machine: Machine) -> str:
    """A request or limit in units of the divisor, rounded up; a missing limit is the machine's size."""
    name = ref.get("resource", "")
    which, _, resource = name.partition(".")
    target = container
    if ref.get("containerName"):
        everyone = [*(pod["spec"].get("containers") or []), *(pod["spec"].get("initContainers") or [])]
        target = next((each for each in everyone if each["name"] == ref["containerName"]), container)
    amount = ((target.get("resources") or {}).get(which) or {}).get(resource)
    if resource not in ("cpu", "memory", "ephemeral-storage"):
        raise Blocked(f"unsupported container resource : {name}")
    milli = request.milli(amount) if amount is not None else _default(which, resource, machine)
    divisor = request.milli(ref.get("divisor") or "1") or 1000
    return str(-(-milli // divisor))


def _default(which: str, resource: str, machine: Machine) -> int:
    if which != "limits" or resource == "ephemeral-storage":
        return 0
    return machine.milli_cpu if resource == "cpu" else machine.memory * 1000

