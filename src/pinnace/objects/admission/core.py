"""The other kinds of core/v1: namespaces, config, secrets, claims, services, events.

Source of the rules: kubernetes pkg/apis/core/v1/defaults.go and pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from typing import Any

import msgspec

from pinnace.kinds import cause, names, quantity
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj
from pinnace.objects.admission import container
from pinnace.objects.admission.rules import Rules

Map = dict[str, Any]
_LARGEST = 1024 * 1024
_NEEDED = {
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/basic-auth": ("username", "password"),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_BASIC, _SSH = "kubernetes.io/basic-auth", "kubernetes.io/ssh-auth"
_ACCOUNT, _ACCOUNT_NAME = "kubernetes.io/service-account-token", "kubernetes.io/service-account.name"
_JSON = frozenset({".dockerconfigjson", ".dockercfg"})
"""Keys whose contents must be a JSON object."""


# Namespaces ---------------------------------------------------------------------------------------------


def prepare_namespace(namespace: Obj) -> None:
    namespace["spec"] = {"finalizers": ["kubernetes"]}
    namespace["status"] = {"phase": "Active"}


def default_namespace(namespace: Obj) -> None:
    meta = namespace["metadata"]
    labels = meta["labels"] = dict(meta.get("labels") or {})
    labels["kubernetes.io/metadata.name"] = meta.get("name") or ""


def carry_namespace(old: Obj, new: Obj) -> None:
    """`spec.finalizers` changes through the `finalize` subresource alone."""
    new["spec"] = old.get("spec") or {}


# ConfigMaps and Secrets -------------------------------------------------------------------------------


def check_config(config: Obj) -> list[Cause]:
    data, binary = config.get("data") or {}, config.get("binaryData") or {}
    found = _check_keys(data, "data") + _check_keys(binary, "binaryData")
    found += [
        cause.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
        for key in data
        if key in binary
    ]
    size = sum(
        len(str(value).encode("utf-8", "surrogatepass")) for value in [*data.values(), *binary.values()]
    )
    return found + ([cause.too_long("[]", _LARGEST)] if size > _LARGEST else [])


def _check_keys(data: Map, path: str) -> list[Cause]:
    return [cause.invalid(f"{path}[{key}]", key, text) for key in data for text in names.config_key(key)]


def change_config(old: Obj, new: Obj) -> list[Cause]:
    return _frozen(old, new, ("data", "binaryData"))


def _frozen(old: Obj, new: Obj, fields: tuple[str, ...]) -> list[Cause]:
    if not old.get("immutable"):
        return []
    text = "field is immutable when `immutable` is set"
    changed = [name for name in fields if (old.get(name) or {}) != (new.get(name) or {})]
    return [cause.forbidden(name, text) for name in ([] if new.get("immutable") else ["immutable"]) + changed]


def default_secret(secret: Obj) -> None:
    secret.setdefault("type", "Opaque")
    plain = secret.pop("stringData", None)
    if plain:
        encoded = {
            key: base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()
            for key, value in plain.items()
        }
        secret["data"] = {**(secret.get("data") or {}), **encoded}


def check_secret(secret: Obj) -> list[Cause]:
    data = secret.get("data") or {}
    found = _check_keys(data, "data")
    if sum(len(value or "") for value in data.values()) * 3 // 4 > _LARGEST:
        found.append(cause.too_long("data", _LARGEST))
    return found + _check_type(secret, secret.get("type") or "", data)


def _check_type(secret: Obj, kind: str, data: Map) -> list[Cause]:
    """What the well-known types of Secrets promise to their readers."""
    missing = [key for key in _NEEDED.get(kind, ()) if key not in data]
    if kind == _BASIC:
        missing = [] if len(missing) < 2 else missing
    if kind == _ACCOUNT and not (secret["metadata"].get("annotations") or {}).get(_ACCOUNT_NAME):
        return [cause.required(f"metadata.annotations[{_ACCOUNT_NAME}]")]
    if kind == _SSH and not data.get("ssh-privatekey"):
        missing = ["ssh-privatekey"]
    found = [cause.required(f"data[{key}]") for key in missing]
    for key in _JSON.intersection(_NEEDED.get(kind, ())).intersection(data):
        try:
            whole = msgspec.json.decode(base64.b64decode(data[key] or ""))
        except (ValueError, msgspec.DecodeError):
            whole = None
        if not isinstance(whole, dict):
            detail = "unexpected end of JSON input" if not data[key] else "it is no JSON object"
            found.append(cause.invalid(f"data[{key}]", "<secret contents redacted>", detail))
    return found


def change_secret(old: Obj, new: Obj) -> list[Cause]:
    found = _frozen(old, new, ("data",))
    if old.get("type") != new.get("type"):
        found.append(cause.invalid("type", new.get("type"), "field is immutable"))
    return found


# PersistentVolumeClaims -------------------------------------------------------------------------------


def default_claim(claim: Obj) -> None:
    spec = claim["spec"] = claim.get("spec") or {}
    spec.setdefault("volumeMode", "Filesystem")


def prepare_claim(claim: Obj) -> None:
    claim["status"] = {"phase": "Pending"}


def check_claim(claim: Obj) -> list[Cause]:
    spec = claim.get("spec") or {}
    found: list[Cause] = []
    if not spec.get("accessModes"):
        found.append(cause.required("spec.accessModes", "at least 1 access mode is required"))
    known = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
    found += [
        cause.unsupported("spec.accessModes", m, known)
        for m in spec.get("accessModes") or []
        if m not in known
    ]
    if {"ReadWriteOncePod"} < set(spec.get("accessModes") or ()):
        words = "may not use ReadWriteOncePod with other access modes"
        found.append(cause.forbidden("spec.accessModes", words))
    return found + _check_claimed(spec)


def _check_claimed(spec: Map) -> list[Cause]:
    amount = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    found: list[Cause] = []
    if amount is None:
        found.append(cause.required("spec.resources[storage]"))
    elif quantity.parse(amount) <= 0:
        words = "must be greater than zero"
        found.append(cause.invalid("spec.resources[storage]", quantity.canonical(amount), words))
    if name := spec.get("storageClassName"):
        found += [cause.invalid("spec.storageClassName", name, words) for words in names.subdomain(name)]
    mode = spec.get("volumeMode")
    if mode and mode not in ("Block", "Filesystem"):
        found.append(cause.unsupported("spec.volumeMode", mode, ("Block", "Filesystem")))
    return found


def change_claim(old: Obj, new: Obj) -> list[Cause]:
    apart = ("resources", "volumeAttributesClassName", "volumeName")
    before, after = (
        {k: v for k, v in (obj.get("spec") or {}).items() if k not in apart} for obj in (old, new)
    )
    if before == after:
        return []
    text = (
        "spec is immutable after creation except resources.requests and volumeAttributesClassName for "
        "bound claims"
    )
    return [cause.forbidden("spec", text)]


# Services ---------------------------------------------------------------------------------------------


_NODE_PORTS = ("allocateLoadBalancerNodePorts", True)
_SERVICES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
OPENED = ("NodePort", "LoadBalancer")
"""Those that a port of the node leads to."""


def prepare_service(service: Obj) -> None:
    service["status"] = {"loadBalancer": {}}


def default_service(service: Obj) -> None:
    spec = service["spec"] = service.get("spec") or {}
    spec.setdefault("sessionAffinity", "None")
    kind = spec.setdefault("type", "ClusterIP")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if not port.get("targetPort"):
            port["targetPort"] = port.get("port")
    if kind == "ExternalName":
        return
    spec.setdefault("internalTrafficPolicy", "Cluster")
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    if not spec.get("clusterIP"):
        spec["clusterIP"] = address(service["metadata"].get("uid") or "")
    spec["clusterIPs"] = [spec["clusterIP"]]
    if kind in OPENED:
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if kind == "NodePort" or (kind == "LoadBalancer" and spec.setdefault(*_NODE_PORTS)):
        for port in spec.get("ports") or ():
            if not port.get("nodePort"):
                port["nodePort"] = node_port(service["metadata"].get("uid") or "", port.get("port"))


def node_port(uid: str, port: Any) -> int:
    """The one that is proposed; `allocation` sees to it that nobody else has it."""
    return 30000 + _digest(f"{uid}/{port}") % 2768


def address(uid: str) -> str:
    """As `node_port`."""
    number = _digest(uid) % (2**20 - 512) + 256
    return f"10.{96 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2s(text.encode(), digest_size=6).digest(), "big")


def carry_service(old: Obj, new: Obj) -> None:
    """What was allocated stays when the client leaves it out."""
    before, spec = old.get("spec") or {}, new.get("spec")
    if not isinstance(spec, dict) or spec.get("type") == "ExternalName":
        return
    for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if not spec.get(key) and before.get(key):
            spec[key] = before[key]
    ports = {port.get("port"): port.get("nodePort") for port in before.get("ports") or []}
    if spec.get("type") in ("NodePort", "LoadBalancer"):
        for port in spec.get("ports") or ():
            if not port.get("nodePort") and ports.get(port.get("port")):
                port["nodePort"] = ports[port["port"]]


def check_service(service: Obj) -> list[Cause]:
    """In the order in which upstream asks (ValidateService)."""
    spec = service.get("spec") or {}
    kind, ports, address = spec.get("type"), spec.get("ports") or [], spec.get("clusterIP")
    found: list[Cause] = []
    if not ports and address != "None" and kind != "ExternalName":
        found.append(cause.required("spec.ports"))
    if kind in ("LoadBalancer", "NodePort") and address == "None":
        words = f"may not be set to 'None' for {kind} services"
        found.append(cause.invalid("spec.clusterIPs[0]", address, words))
    if kind == "ExternalName":
        found += _external(spec)
    names_taken: set[str] = set()
    for index, port in enumerate(ports):
        found += _service_port(port, f"spec.ports[{index}]", names_taken, several=len(ports) > 1)
    found += names.label_causes(spec.get("selector") or {}, "spec.selector")
    affinity = spec.get("sessionAffinity")
    if affinity not in ("ClientIP", "None"):
        found.append(cause.unsupported("spec.sessionAffinity", affinity, ("ClientIP", "None")))
    found += _cluster_address(address if kind != "ExternalName" else None)
    if kind not in _SERVICES:
        found.append(cause.unsupported("spec.type", kind, _SERVICES))
    return found + _twice(ports)


def _external(spec: Map) -> list[Cause]:
    if spec.get("clusterIP"):
        return [cause.forbidden("spec.clusterIPs", "may not be set for ExternalName services")]
    name = (spec.get("externalName") or "").removesuffix(".")
    if not name:
        return [cause.required("spec.externalName")]
    return [cause.invalid("spec.externalName", name, words) for words in names.subdomain(name)]


def _service_port(port: Map, path: str, taken: set[str], *, several: bool) -> list[Cause]:
    name, found = port.get("name") or "", []
    if not name and several:
        found.append(cause.required(f"{path}.name"))
    elif name:
        found += [cause.invalid(f"{path}.name", name, words) for words in names.label(name)]
        if name in taken:
            found.append(cause.duplicate(f"{path}.name", name))
        taken.add(name)
    found += container.number_of_port(port.get("port") or 0, f"{path}.port")
    if port.get("protocol") not in container.PROTOCOLS:
        found.append(cause.unsupported(f"{path}.protocol", port.get("protocol"), container.PROTOCOLS))
    return found + container.port_by_number_or_name(port.get("targetPort"), f"{path}.targetPort")


def _cluster_address(address: Any) -> list[Cause]:
    if not address or address == "None":
        return []
    try:
        ipaddress.ip_address(address)
    except ValueError:
        words = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        return [cause.invalid("spec.clusterIPs[0]", address, words)]
    return []


def _twice(ports: list[Map]) -> list[Cause]:
    found: list[Cause] = []
    seen: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        key = (port.get("protocol"), port.get("port"))
        if key in seen:
            shown = {"port": key[1], "protocol": key[0]}
            found.append(cause.duplicate(f"spec.ports[{index}]", shown))
        seen.add(key)
    return found


def change_service(old: Obj, new: Obj) -> list[Cause]:
    before, after = old.get("spec") or {}, new.get("spec") or {}
    if "ExternalName" in (before.get("type"), after.get("type")) or not before.get("clusterIP"):
        return []
    if before["clusterIP"] != after.get("clusterIP"):
        return [cause.invalid("spec.clusterIPs[0]", after.get("clusterIP"), "field is immutable")]
    return []


# Events -----------------------------------------------------------------------------------------------


def check_event(event: Obj) -> list[Cause]:
    field = "involvedObject" if event.get("apiVersion") == "v1" else "regarding"
    about = event.get(field) or {}
    place = event["metadata"].get("namespace")
    if (about.get("namespace") or "default") != place:
        return [
            cause.invalid(
                f"{field}.namespace", about.get("namespace") or "", "does not match event.namespace"
            )
        ]
    return []


NAMESPACE = Rules(
    prepare=prepare_namespace, default=default_namespace, carry=carry_namespace, filled=("spec",)
)
CONFIG_MAP = Rules(check=check_config, change=change_config)
SECRET = Rules(default=default_secret, check=check_secret, change=change_secret)
CLAIM = Rules(prepare=prepare_claim, default=default_claim, check=check_claim, change=change_claim)
SERVICE = Rules(
    prepare=prepare_service,
    default=default_service,
    carry=carry_service,
    check=check_service,
    change=change_service,
)
EVENT = Rules(check=check_event)
