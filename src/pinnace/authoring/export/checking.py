"""What a cluster does not serve of what a bundle needs, each with its path and what to do about it. Pure.

`cli/check` gathers the `Cluster` (from a context, or from an offline profile) and prints the findings. What a
cluster does not let us see is None and is not judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

import msgspec

from pinnace.authoring.export import images, operators
from pinnace.authoring.export.references import (
    CLUSTER_RUNTIME,
    MADE_BY_SERVER,
    RUNTIME,
    SECRET,
    Reference,
    references,
)
from pinnace.kinds import pruning
from pinnace.kinds.quantity import parse
from pinnace.kinds.resource import Obj
from pinnace.kinds.schema import Node

NAMESPACES, CLASSES, NODES, QUOTAS, LIMITS = (
    "namespaces", "storageclasses.storage.k8s.io", "nodes", "resourcequotas", "limitranges",
)  # fmt: skip
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
UNREACHABLE = ("localhost/", "127.0.0.1", "pinnace/")
ERROR, WARNING = "error", "warning"


class Finding(msgspec.Struct, frozen=True):
    """`where`: kind and name. `path`: the field, '' for the whole document."""

    where: str
    path: str
    problem: str
    fix: str
    level: str = ERROR


class Kind(msgspec.Struct, frozen=True):
    plural: str
    namespaced: bool = True


class Cluster(msgspec.Struct):
    """`name` as people know it. `served`: (apiVersion, kind). `versions` of operators, where only these are
    known (a profile). `listed`: (storage key, namespace) → objects, None where nothing can be seen."""

    name: str
    served: dict[tuple[str, str], Kind] = {}
    schemas: dict[tuple[str, str], Node] = {}
    versions: dict[str, str] = {}
    listed: dict[tuple[str, str], list[Obj] | None] = {}

    def names(self, key: str, namespace: str = "") -> set[str] | None:
        found = self.listed.get((key, namespace))
        return None if found is None else {one["metadata"]["name"] for one in found}

    def objects(self, key: str, namespace: str = "") -> list[Obj]:
        return self.listed.get((key, namespace)) or []


def findings(documents: list[Obj], cluster: Cluster) -> list[Finding]:
    """In the order of the documents; what concerns all of them comes last."""
    made: list[Finding] = []
    for obj in documents:
        found = list(kinds(obj, cluster))
        made += found
        if not found:
            made += fields(obj, cluster)
            made += claims(obj, cluster)
            made += runtimes(obj, documents, cluster)
            made += devices(obj, cluster)
            made += quotas(obj, cluster)
        made += pictures(obj)
        made += missing(obj, documents, cluster)
    made += namespaces(documents, cluster)
    return list(dict.fromkeys(made))


def where(obj: Obj) -> str:
    return f"{obj['kind']} {obj['metadata'].get('name') or obj['metadata'].get('generateName', '')}"


def kinds(obj: Obj, cluster: Cluster) -> Iterator[Finding]:
    place = (obj["apiVersion"], obj["kind"])
    if place in cluster.served:
        return
    others = sorted(api for api, kind in cluster.served if kind == obj["kind"])
    served = operators.served_by(*place)
    if others:
        fix = (
            f"it serves {obj['kind']} as {', '.join(others)}: change apiVersion, and what else differs there"
        )
    elif served:
        fix = f"install {served.operator} {served.since} or later"
    elif near := get_close_matches(obj["kind"], sorted({kind for _, kind in cluster.served}), 1):
        fix = f"did you mean {near[0]}? Else install this kind (`cluster/` of a bundle has it)"
    else:
        fix = "install the definition of this kind (`cluster/` of the bundle, if it is there)"
    yield Finding(where(obj), "apiVersion", f"{obj['kind']} of {obj['apiVersion']} is not served", fix)


def fields(obj: Obj, cluster: Cluster) -> Iterator[Finding]:
    schema = cluster.schemas.get((obj["apiVersion"], obj["kind"]))
    for path in pruning.unknown_fields(schema, obj) if schema is not None else ():
        yield Finding(where(obj), path, "this field is not known there", advice(schema or Node(), obj, path))
    for one, path in operators.later(obj):
        has = cluster.versions.get(one.operator)
        if has and operators.version(has) < operators.version(one.since):
            fix = one.instead or f"{one.operator} knows it from {one.since} on"
            yield Finding(where(obj), path, f"{one.operator} {has} does not know this field", fix)


def advice(schema: Node, obj: Obj, path: str) -> str:
    """The nearest name that is known at the place, or the later version that knows it."""
    for one, place in operators.later(obj):
        if path == place or path.startswith(f"{place}."):
            return one.instead or f"{one.operator} knows it from {one.since} on"
    folder, _, name = path.rpartition(".")
    known = list((place_of(schema, folder) or Node()).properties or {})
    near = get_close_matches(name.partition("[")[0], known, 1)
    return f"did you mean {near[0]!r}?" if near else "leave it out; the cluster would drop or refuse it"


def place_of(schema: Node, path: str) -> Node | None:
    node: Node | None = schema
    for step in filter(None, path.split(".")):
        node = node.at(step.partition("[")[0]) if node else None
        if "[" in step and node is not None:
            node = node.items
    return node


def claims(obj: Obj, cluster: Cluster) -> Iterator[Finding]:
    classes = cluster.listed.get((CLASSES, ""))
    if classes is None:
        return
    names = sorted(one["metadata"]["name"] for one in classes)
    default = any((one["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true" for one in classes)
    for path, spec in claim_specs(obj):
        wanted = spec.get("storageClassName")
        if wanted and wanted not in names:
            fix = f"it has {', '.join(names) or 'none'}: name one of them, or leave it out for the default"
            yield Finding(where(obj), f"{path}.storageClassName", f"no storage class {wanted!r}", fix)
        elif wanted is None and not default:
            fix = f"set storageClassName to one of {', '.join(names)}" if names else "make a storage class"
            yield Finding(where(obj), path, "the cluster has no default storage class", fix)


def claim_specs(obj: Obj) -> Iterator[tuple[str, Obj]]:
    if obj["kind"] == "PersistentVolumeClaim":
        yield "spec", obj["spec"]
    for index, one in enumerate((obj.get("spec") or {}).get("volumeClaimTemplates") or ()):
        yield f"spec.volumeClaimTemplates[{index}].spec", one.get("spec") or {}


def runtimes(obj: Obj, documents: list[Obj], cluster: Cluster) -> Iterator[Finding]:
    """A model without a runtime named needs one that chooses itself for its format."""
    namespace = obj["metadata"].get("namespace", "default")
    if cluster.listed.get((CLUSTER_RUNTIME, "")) is None:
        return
    known = [
        *cluster.objects(CLUSTER_RUNTIME), *cluster.objects(RUNTIME, namespace),
        *(one for one in documents if one["kind"] in ("ServingRuntime", "ClusterServingRuntime")),
    ]  # fmt: skip
    formats = {
        entry["name"] for one in known for entry in one["spec"].get("supportedModelFormats") or ()
        if entry.get("autoSelect") and not one["spec"].get("disabled")
    }  # fmt: skip
    for path, model in models(obj.get("spec"), "spec"):
        wanted = (model.get("modelFormat") or {}).get("name")
        if wanted and not model.get("runtime") and wanted not in formats:
            fix = f"it serves {', '.join(sorted(formats)) or 'none'}: add a ServingRuntime (--build does)"
            yield Finding(where(obj), f"{path}.modelFormat", f"no serving runtime chooses {wanted!r}", fix)


def models(value: Any, path: str) -> Iterator[tuple[str, Obj]]:
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from models(one, f"{path}[{index}]")
    elif isinstance(value, dict):
        if isinstance(value.get("model"), dict) and "modelFormat" in value["model"]:
            yield f"{path}.model", value["model"]
        for key, one in value.items():
            yield from models(one, f"{path}.{key}")


def devices(obj: Obj, cluster: Cluster) -> Iterator[Finding]:
    """Names of GPUs and the like are the nodes' own words."""
    nodes = cluster.listed.get((NODES, ""))
    if nodes is None:
        return
    offered = {name for one in nodes for name in (one.get("status") or {}).get("allocatable") or {}}
    special = sorted(name for name in offered if "/" in name)
    for path, resources in requests(obj.get("spec"), "spec"):
        for group in ("limits", "requests"):
            for name in resources.get(group) or {}:
                if "/" in name and name not in offered:
                    fix = f"nodes offer {', '.join(special)}" if special else "no node offers any such device"
                    yield Finding(where(obj), f"{path}.{group}", f"no node has {name!r}", fix)


def requests(value: Any, path: str) -> Iterator[tuple[str, Obj]]:
    """Every `resources` of a container."""
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from requests(one, f"{path}[{index}]")
    elif isinstance(value, dict):
        found = value.get("resources")
        if isinstance(found, dict) and ("limits" in found or "requests" in found):
            yield f"{path}.resources", found
        for key, one in value.items():
            yield from requests(one, f"{path}.{key}")


def quotas(obj: Obj, cluster: Cluster) -> Iterator[Finding]:
    """One container that is more than the whole quota never starts; where a quota counts, all must say."""
    namespace = obj["metadata"].get("namespace", "default")
    for quota in cluster.objects(QUOTAS, namespace):
        hard = (quota.get("spec") or {}).get("hard") or {}
        for path, resources in requests(obj.get("spec"), "spec"):
            for group, name, limit in counted(hard):
                asked = (resources.get(group) or {}).get(name)
                if asked is not None and parse(str(asked)) > parse(str(limit)):
                    fix = f"ask for at most {limit}, or have the quota {quota['metadata']['name']} raised"
                    yield Finding(
                        where(obj), f"{path}.{group}.{name}", f"{asked} is more than the quota", fix
                    )
        if counted(hard) and not cluster.objects(LIMITS, namespace):
            yield from silent(obj, quota, hard)


def counted(hard: Obj) -> list[tuple[str, str, Any]]:
    """`requests.cpu` → (requests, cpu, its limit); `cpu` alone means requests."""
    made = []
    for key, limit in hard.items():
        group, dot, name = key.partition(".")
        if dot and group in ("requests", "limits") and name != "storage":
            made.append((group, name, limit))
        elif key in ("cpu", "memory"):
            made.append(("requests", key, limit))
    return made


def silent(obj: Obj, quota: Obj, hard: Obj) -> Iterator[Finding]:
    said = {path.removesuffix(".resources"): found for path, found in requests(obj.get("spec"), "spec")}
    for path, _ in named(obj.get("spec"), "spec"):
        lacks = sorted({
            f"{group}.{name}" for group, name, _ in counted(hard)
            if name in ("cpu", "memory") and name not in (said.get(path, {}).get(group) or {})
        })  # fmt: skip
        if lacks:
            problem = f"the quota {quota['metadata']['name']} refuses Pods that do not say {', '.join(lacks)}"
            yield Finding(
                where(obj), f"{path}.resources", problem, "say them, or have a LimitRange made", WARNING
            )


def pictures(obj: Obj) -> Iterator[Finding]:
    fix = "export with `--build --push REGISTRY/PATH`, to a registry that the cluster reaches"
    seen = set()
    for path, image in named(obj.get("spec"), "spec"):
        if image.startswith(UNREACHABLE) and image not in seen:
            seen.add(image)
            problem = f"{image} is on the machine that exported it alone"
            yield Finding(where(obj), f"{path}.image", problem, fix)


def named(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Every container's path and image; those in texts at the text's path."""
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from named(one, f"{path}[{index}]")
    elif isinstance(value, dict):
        if isinstance(value.get("image"), str):
            yield path, value["image"]
        for key, one in value.items():
            if key in images.TEXTS and isinstance(one, str):
                yield from ((f"{path}.{key}", image) for image in images.images({key: one}))
            yield from named(one, f"{path}.{key}")


def missing(obj: Obj, documents: list[Obj], cluster: Cluster) -> Iterator[Finding]:
    """What it refers to and neither the bundle nor the cluster has."""
    for one in references(obj):
        if one.made or one.optional or (one.kind, one.name) in MADE_BY_SERVER or brought(one, documents):
            continue
        namespace = obj["metadata"].get("namespace", "default")
        seen = [cluster.names(key, at) for key, at in candidates(one, namespace)]
        if any(names is None for names in seen) or any(one.name in (names or ()) for names in seen):
            continue
        plural = one.kind.partition(".")[0]
        fix = (
            "fill in and apply `secrets/`"
            if one.kind == SECRET
            else f"make it first, or name another ({plural})"
        )
        yield Finding(where(obj), one.path, f"there is no {plural.removesuffix('s')} {one.name!r}", fix)


def candidates(one: Reference, namespace: str) -> Iterator[tuple[str, str]]:
    clustered = one.kind.startswith("cluster") or one.kind.startswith("priorityclasses")
    yield one.kind, "" if clustered else namespace
    if one.kind == RUNTIME:
        yield CLUSTER_RUNTIME, ""


def brought(one: Reference, documents: Iterable[Obj]) -> bool:
    def plural(obj: Obj) -> str:
        group = obj["apiVersion"].rpartition("/")[0]
        kind = f"{obj['kind'].lower()}s"
        return f"{kind}.{group}" if group else kind

    kinds = {one.kind} | ({CLUSTER_RUNTIME} if one.kind == RUNTIME else set())
    if one.kind.startswith("priorityclasses"):
        kinds = {"priorityclasss.scheduling.k8s.io"}
    return any(obj["metadata"].get("name") == one.name and plural(obj) in kinds for obj in documents)


def namespaces(documents: list[Obj], cluster: Cluster) -> Iterator[Finding]:
    names = cluster.names(NAMESPACES)
    if names is None:
        return
    brought_here = {one["metadata"]["name"] for one in documents if one["kind"] == "Namespace"}
    for obj in documents:
        namespace = obj["metadata"].get("namespace")
        if namespace and namespace not in names | brought_here:
            fix = f"kubectl create namespace {namespace}"
            yield Finding(where(obj), "metadata.namespace", f"there is no namespace {namespace!r}", fix)


def wanted(documents: list[Obj]) -> set[tuple[str, str]]:
    """What has to be listed of a cluster: (storage key, namespace)."""
    places = {one["metadata"].get("namespace", "default") for one in documents}
    made = (
        {(NAMESPACES, ""), (CLASSES, ""), (NODES, "")}
        | {(QUOTAS, p) for p in places}
        | {(LIMITS, p) for p in places}
    )
    if any(list(models(one.get("spec"), "spec")) for one in documents):
        made |= {(CLUSTER_RUNTIME, "")} | {(RUNTIME, p) for p in places}
    for obj in documents:
        for one in references(obj):
            made |= set(candidates(one, obj["metadata"].get("namespace", "default")))
    return made
