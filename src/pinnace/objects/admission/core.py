"""The other kinds of core/v1: namespaces, config, secrets, claims, services, events.

Source of the rules: kubernetes pkg/apis/core/v1/defaults.go and pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from pinnace.kinds import cause, names
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj
from pinnace.objects.admission.rules import Rules

Map = dict[str, Any]
_LARGEST = 1024 * 1024
_NEEDED = {
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}


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
    return found + ([cause.too_long("", _LARGEST)] if size > _LARGEST else [])


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
    for key in _NEEDED.get(secret.get("type") or "", ()):
        if key not in data:
            found.append(cause.required(f"data[{key}]"))
    return found


def change_secret(old: Obj, new: Obj) -> list[Cause]:
    found = _frozen(old, new, ("data",))
    if old.get("type") != new.get("type"):
        found.append(cause.invalid("type", new.get("type"), "field is immutable"))
    return found


# PersistentVolumeClaims -------------------------------------------------------------------------------


def default_claim(claim: Obj) -> None:
    if isinstance(claim.get("spec"), dict):
        claim["spec"].setdefault("volumeMode", "Filesystem")


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
    if "storage" not in ((spec.get("resources") or {}).get("requests") or {}):
        found.append(cause.required("spec.resources[storage]"))
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


def prepare_service(service: Obj) -> None:
    service["status"] = {"loadBalancer": {}}


def default_service(service: Obj) -> None:
    spec = service.setdefault("spec", {})
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
        spec["clusterIP"] = _address(service["metadata"].get("uid") or "")
    spec["clusterIPs"] = [spec["clusterIP"]]
    if kind in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
        for port in spec.get("ports") or ():
            if not port.get("nodePort"):
                port["nodePort"] = (
                    30000 + _digest(f"{service['metadata'].get('uid')}/{port.get('port')}") % 2768
                )


def _address(uid: str) -> str:
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
    spec = service.get("spec") or {}
    kinds = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
    found: list[Cause] = []
    if spec.get("type") not in kinds:
        found.append(cause.unsupported("spec.type", spec.get("type"), kinds))
    ports = spec.get("ports") or []
    if not ports and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        found.append(cause.required("spec.ports"))
    if spec.get("type") == "ExternalName" and not spec.get("externalName"):
        found.append(cause.required("spec.externalName"))
    taken: set[str] = set()
    for index, port in enumerate(ports):
        here, number, name = f"spec.ports[{index}]", port.get("port") or 0, port.get("name") or ""
        if not 0 < number < 65536:
            found.append(cause.invalid(f"{here}.port", number, "must be between 1 and 65535, inclusive"))
        if not name and len(ports) > 1:
            found.append(cause.required(f"{here}.name"))
        elif name and name in taken:
            found.append(cause.duplicate(f"{here}.name", name))
        taken.add(name)
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
    about = event.get("involvedObject") or {}
    place = event["metadata"].get("namespace")
    if (about.get("namespace") or "default") != place:
        return [
            cause.invalid(
                "involvedObject.namespace", about.get("namespace") or "", "does not match event.namespace"
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
