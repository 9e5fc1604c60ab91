"""The other kinds of Kubernetes: config, storage, services, nodes, events, roles
(pkg/printers/internalversion)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .. import events
from ..resource import Column, Obj
from .age import since
from .printer import NONE, UNSET, Printer, age, columns, labels, section, selector

MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
ROLE_LABEL = "node-role.kubernetes.io/"
SHOWN_ENDPOINTS = 3
CREATED = (Column("Created At", "date", ".metadata.creationTimestamp"),)


def _count(*fields: str) -> Any:
    return lambda obj: sum(len(obj.get(field) or ()) for field in fields)


def _namespace(obj: Obj, now: datetime) -> list[Any]:
    return [section(obj, "status").get("phase", ""), age(obj, now)]


def _config_map(obj: Obj, now: datetime) -> list[Any]:
    return [_count("data", "binaryData")(obj), age(obj, now)]


def _secret(obj: Obj, now: datetime) -> list[Any]:
    return [obj.get("type", ""), len(obj.get("data") or ()), age(obj, now)]


def _service_account(obj: Obj, now: datetime) -> list[Any]:
    return [len(obj.get("secrets") or ()), age(obj, now)]


def _service(obj: Obj, now: datetime) -> list[Any]:
    spec = section(obj, "spec")
    address = (spec.get("clusterIPs") or [spec.get("clusterIP")])[0] or NONE
    return [
        spec.get("type", ""), address, _external(obj, spec), _ports(spec), age(obj, now),
        labels(spec.get("selector")),
    ]


def _external(obj: Obj, spec: dict[str, Any]) -> str:
    outside = list(spec.get("externalIPs") or ())
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    if spec.get("type") == "LoadBalancer":
        given = section(section(obj, "status"), "loadBalancer").get("ingress") or ()
        outside = [one.get("ip") or one.get("hostname", "") for one in given] + outside
        return ",".join(outside) or "<pending>"
    return ",".join(outside) or NONE


def _ports(spec: dict[str, Any]) -> str:
    parts = []
    for one in spec.get("ports") or ():
        node = f":{one['nodePort']}" if one.get("nodePort") else ""
        parts.append(f"{one.get('port')}{node}/{one.get('protocol', 'TCP')}")
    return ",".join(parts) or NONE


def _endpoints(obj: Obj, now: datetime) -> list[Any]:
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or ()
        for port in subset.get("ports") or ()
        for address in subset.get("addresses") or ()
    ]
    more = f" + {len(found) - SHOWN_ENDPOINTS} more..." if len(found) > SHOWN_ENDPOINTS else ""
    return [",".join(found[:SHOWN_ENDPOINTS]) + more or NONE, age(obj, now)]


def _slice(obj: Obj, now: datetime) -> list[Any]:
    ports = [str(one["port"]) if one.get("port") else "*" for one in obj.get("ports") or ()]
    addresses = [address for one in obj.get("endpoints") or () for address in one.get("addresses") or ()]
    more = f" + {len(addresses) - SHOWN_ENDPOINTS} more..." if len(addresses) > SHOWN_ENDPOINTS else ""
    shown = ",".join(addresses[:SHOWN_ENDPOINTS]) + more
    return [obj.get("addressType", ""), ",".join(ports) or UNSET, shown or UNSET, age(obj, now)]


def _modes(found: Any) -> str:
    return ",".join(MODES.get(one, one) for one in found or ())


def _claim(obj: Obj, now: datetime) -> list[Any]:
    spec, status = section(obj, "spec"), section(obj, "status")
    leaving = section(obj, "metadata").get("deletionTimestamp")
    bound = bool(spec.get("volumeName"))
    return [
        "Terminating" if leaving else status.get("phase", ""), spec.get("volumeName", ""),
        section(status, "capacity").get("storage", "") if bound else "",
        _modes(status.get("accessModes")) if bound else "", spec.get("storageClassName") or "",
        spec.get("volumeAttributesClassName") or UNSET, age(obj, now), spec.get("volumeMode") or UNSET,
    ]


def _volume(obj: Obj, now: datetime) -> list[Any]:
    spec, status = section(obj, "spec"), section(obj, "status")
    claim = spec.get("claimRef")
    leaving = section(obj, "metadata").get("deletionTimestamp")
    return [
        section(spec, "capacity").get("storage", ""), _modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""), "Terminating" if leaving else status.get("phase", ""),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        spec.get("storageClassName", ""), spec.get("volumeAttributesClassName") or UNSET,
        status.get("reason", ""), age(obj, now), spec.get("volumeMode") or UNSET,
    ]


def _event(obj: Obj, now: datetime) -> list[Any]:
    if obj.get("apiVersion") == events.LATER:
        obj = events.converted(obj, events.CORE)
    first = obj.get("firstTimestamp") or obj.get("eventTime")
    last = obj.get("lastTimestamp") or first
    series = obj.get("series")
    count = obj.get("count") or 1
    if series:
        last, count = series.get("lastObservedTime") or last, series.get("count") or count
    about = obj.get("involvedObject") or {}
    target = about.get("kind", "").lower() + (f"/{about['name']}" if about.get("name") else "")
    source = section(obj, "source")
    origin = source.get("component") or obj.get("reportingComponent") or ""
    return [
        since(last, now), obj.get("type", ""), obj.get("reason", ""), target, about.get("fieldPath", ""),
        ", ".join(part for part in (origin, source.get("host")) if part),
        str(obj.get("message") or "").strip(), since(first, now), count,
        section(obj, "metadata").get("name", ""),
    ]


def _node(obj: Obj, now: datetime) -> list[Any]:
    status = section(obj, "status")
    info = section(status, "nodeInfo")
    addresses = {one["type"]: one["address"] for one in status.get("addresses") or ()}
    return [
        _node_word(obj), _roles(obj), age(obj, now), info.get("kubeletVersion", ""),
        addresses.get("InternalIP", NONE), addresses.get("ExternalIP", NONE),
        info.get("osImage") or "<unknown>", info.get("kernelVersion") or "<unknown>",
        info.get("containerRuntimeVersion") or "<unknown>",
    ]


def _node_word(obj: Obj) -> str:
    found = section(obj, "status").get("conditions") or ()
    ready = next((one.get("status") for one in found if one.get("type") == "Ready"), None)
    word = "Ready" if ready == "True" else "Unknown" if ready is None else "NotReady"
    return word + ",SchedulingDisabled" if section(obj, "spec").get("unschedulable") else word


def _roles(obj: Obj) -> str:
    given = section(obj, "metadata").get("labels") or {}
    found = sorted(key.removeprefix(ROLE_LABEL) for key in given if key.startswith(ROLE_LABEL))
    return ",".join(found) or NONE


def _quota(obj: Obj, now: datetime) -> list[Any]:
    status = section(obj, "status")
    used = section(status, "used")
    requests: list[str] = []
    limits: list[str] = []
    for name, hard in sorted(section(status, "hard").items()):
        text = f"{name}: {used.get(name, '0')}/{hard}"
        (limits if "limits" in name else requests).append(text)
    return [", ".join(requests), ", ".join(limits), age(obj, now)]


def _created(obj: Obj, now: datetime) -> list[Any]:
    return [section(obj, "metadata").get("creationTimestamp")]


def _lease(obj: Obj, now: datetime) -> list[Any]:
    return [section(obj, "spec").get("holderIdentity") or "", age(obj, now)]


def _binding(obj: Obj, now: datetime) -> list[Any]:
    role = section(obj, "roleRef")
    who: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for one in obj.get("subjects") or ():
        space = f"{one['namespace']}/" if one.get("kind") == "ServiceAccount" and one.get("namespace") else ""
        who.setdefault(one.get("kind", ""), []).append(space + one.get("name", ""))
    shown = [", ".join(who[kind]) for kind in ("User", "Group", "ServiceAccount")]
    return [f"{role.get('kind', '')}/{role.get('name', '')}", age(obj, now), *shown]


def _priority(obj: Obj, now: datetime) -> list[Any]:
    policy = obj.get("preemptionPolicy") or "PreemptLowerPriority"
    return [obj.get("value") or 0, bool(obj.get("globalDefault")), age(obj, now), policy]


def _storage_class(obj: Obj, now: datetime) -> list[Any]:
    return [
        obj.get("provisioner", ""), obj.get("reclaimPolicy") or "Delete",
        obj.get("volumeBindingMode") or "Immediate", bool(obj.get("allowVolumeExpansion")), age(obj, now),
    ]


def _default(obj: Obj) -> str:
    annotations = section(section(obj, "metadata"), "annotations")
    return " (default)" if annotations.get("storageclass.kubernetes.io/is-default-class") == "true" else ""


def _network_policy(obj: Obj, now: datetime) -> list[Any]:
    return [selector(section(obj, "spec").get("podSelector")), age(obj, now)]


def _ingress(obj: Obj, now: datetime) -> list[Any]:
    spec = section(obj, "spec")
    hosts = [one.get("host") or "*" for one in spec.get("rules") or ()]
    given = section(section(obj, "status"), "loadBalancer").get("ingress") or ()
    address = ",".join(one.get("ip") or one.get("hostname", "") for one in given)
    ports = "80, 443" if spec.get("tls") else "80"
    return [spec.get("ingressClassName") or NONE, ",".join(hosts) or "*", address, ports, age(obj, now)]


def _budget(obj: Obj, now: datetime) -> list[Any]:
    spec = section(obj, "spec")
    least, most = (spec.get(field) for field in ("minAvailable", "maxUnavailable"))
    allowed = section(obj, "status").get("disruptionsAllowed") or 0
    shown = ["N/A" if one is None else str(one) for one in (least, most)]
    return [*shown, allowed, age(obj, now)]


_ROLE = Printer(CREATED, _created)
_BINDING = Printer(columns("Role", "Age", wide=("Users", "Groups", "ServiceAccounts")), _binding)
_EVENT = Printer(
    (
        *columns("Last Seen", "Type", "Reason", "Object"), *columns(wide=("Subobject", "Source")),
        *columns("Message"), *columns(wide=("First Seen", "Count#", "Name")),
    ),
    _event, nameless=True,
)
PRINTERS = {
    "namespaces": Printer(columns("Status", "Age"), _namespace),
    "configmaps": Printer(columns("Data#", "Age"), _config_map),
    "secrets": Printer(columns("Type", "Data#", "Age"), _secret),
    "serviceaccounts": Printer(columns("Secrets#", "Age"), _service_account),
    "services": Printer(
        columns("Type", "Cluster-IP", "External-IP", "Port(s)", "Age", wide=("Selector",)), _service
    ),
    "endpoints": Printer(columns("Endpoints", "Age"), _endpoints),
    "endpointslices.discovery.k8s.io": Printer(columns("AddressType", "Ports", "Endpoints", "Age"), _slice),
    "persistentvolumeclaims": Printer(
        columns("Status", "Volume", "Capacity", "Access Modes", "StorageClass", "VolumeAttributesClass",
                "Age", wide=("VolumeMode",)),
        _claim,
    ),
    "persistentvolumes": Printer(
        columns("Capacity", "Access Modes", "Reclaim Policy", "Status", "Claim", "StorageClass",
                "VolumeAttributesClass", "Reason", "Age", wide=("VolumeMode",)),
        _volume,
    ),
    "events": _EVENT,
    "nodes": Printer(
        columns("Status", "Roles", "Age", "Version",
                wide=("Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime")),
        _node,
    ),
    "resourcequotas": Printer(columns("Request", "Limit", "Age"), _quota),
    "limitranges": _ROLE,
    "leases.coordination.k8s.io": Printer(columns("Holder", "Age"), _lease),
    "roles.rbac.authorization.k8s.io": _ROLE,
    "clusterroles.rbac.authorization.k8s.io": _ROLE,
    "rolebindings.rbac.authorization.k8s.io": _BINDING,
    "clusterrolebindings.rbac.authorization.k8s.io": _BINDING,
    "priorityclasses.scheduling.k8s.io": Printer(
        columns("Value#", "Global-Default", "Age", "PreemptionPolicy"), _priority
    ),
    "storageclasses.storage.k8s.io": Printer(
        columns("Provisioner", "ReclaimPolicy", "VolumeBindingMode", "AllowVolumeExpansion", "Age"),
        _storage_class, remark=_default,
    ),
    "networkpolicies.networking.k8s.io": Printer(columns("Pod-Selector", "Age"), _network_policy),
    "ingresses.networking.k8s.io": Printer(columns("Class", "Hosts", "Address", "Ports", "Age"), _ingress),
    "poddisruptionbudgets.policy": Printer(
        columns("Min Available", "Max Unavailable", "Allowed Disruptions#", "Age"), _budget
    ),
    "customresourcedefinitions.apiextensions.k8s.io": _ROLE,
}
