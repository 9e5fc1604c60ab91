"""Where artifacts lie: the default repository, a bucket of their own, a web server, a git repository.

Pure. `live` asks for the run's `Depot` once; `inputs`, `pods` and `memo` ask which place an artifact has.
None is the platform's own store (`repository`). Source: upstream docs/configure-artifact-repository.md,
workflow/artifactrepositories, workflow/controller/workflowpod.go addArchiveLocation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from pinnace.kinds.argo import Spec, Template
from pinnace.kinds.document import from_yaml
from pinnace.kinds.resource import Obj

CONFIG_MAP = "artifact-repositories"
CONTROLLER = ("argo", "workflow-controller-configmap")
DEFAULT_KEY = "workflows.argoproj.io/default-artifact-repository"
KEY_FORMAT = "{{workflow.name}}/{{pod.name}}"
BUCKETS = {"s3": "key", "gcs": "key", "azure": "blob", "oss": "key", "hdfs": "path"}
"""Kinds that a repository can have → the field that says where in it."""
OWNERS = {
    "s3": ("endpoint", "bucket"),
    "gcs": ("bucket",),
    "azure": ("endpoint", "container"),
    "oss": ("endpoint", "bucket"),
    "hdfs": ("addresses",),
}
"""The fields that make a location whole; without one of them it is a key of the default repository."""
ELSEWHERE = ("http", "artifactory", "git", "plugin")
KINDS = (*BUCKETS, *ELSEWHERE, "raw")
ARCHIVES = {"tar": ".tgz", "zip": ".zip", "none": ""}

Peek = Callable[[str, str], Obj | None]


class LocationError(Exception):
    """The text says what cannot be found or read; it ends the workflow with Error."""


class Place(msgspec.Struct, frozen=True):
    """`where` is what upstream's location has under `kind`."""

    kind: str
    where: Obj


class Depot(msgspec.Struct, frozen=True):
    """The default repository of a run. `kind` '': the platform's own."""

    kind: str = ""
    where: Obj = {}
    key_format: str = KEY_FORMAT
    archive_logs: bool = False
    status: Obj | None = None
    """`status.artifactRepositoryRef`, where a ConfigMap was read."""
    note: str = ""
    """What the user should know of it."""


OWN = Depot()


def depot(spec: Spec, namespace: str, config_map: Peek, service: Peek) -> Depot:
    """The repository that a workflow's `artifactRepositoryRef`, or its namespace, or the controller's
    configuration names. Raises LocationError."""
    asked = spec.artifact_repository_ref
    places = [namespace] if asked is None else [namespace, CONTROLLER[0]]
    wanted = asked or {}
    name = str(wanted.get("configMap") or CONFIG_MAP)
    for place in places:
        found = config_map(place, name)
        if found is None:
            continue
        key = str(wanted.get("key") or (found["metadata"].get("annotations") or {}).get(DEFAULT_KEY) or "")
        if key in (found.get("data") or {}):
            status = {"namespace": place, "configMap": name, "key": key}
            return _read(found["data"][key], f"{place}/{name}: {key}", namespace, service, status)
    if asked is not None:
        key = str(wanted.get("key") or "")
        raise LocationError(
            "failed to find any artifact repository for artifact repository ref "
            f'"{name}#{key}": no ConfigMap {name} of namespace {namespace} has that key'
        )
    default = (config_map(*CONTROLLER) or {}).get("data") or {}
    if default.get("artifactRepository"):
        words = f"{'/'.join(CONTROLLER)}: artifactRepository"
        return _read(default["artifactRepository"], words, namespace, service, {"default": True})
    return OWN


def _read(text: str, source: str, namespace: str, service: Peek, status: Obj) -> Depot:
    import yaml

    try:
        document = from_yaml(text)
    except yaml.YAMLError as error:
        raise LocationError(f"artifact repository {source} is not YAML: {error}") from None
    document = document if isinstance(document, dict) else {}
    logs = bool(document.get("archiveLogs"))
    kind = next((kind for kind in BUCKETS if isinstance(document.get(kind), dict)), "")
    if not kind:
        return Depot(archive_logs=logs, status=status)
    where = {key: value for key, value in document[kind].items() if key not in _FORMATS}
    form = str(document[kind].get("keyFormat") or document[kind].get("blobNameFormat") or "")
    form = form or f"{document[kind].get('keyPrefix') or ''}/{KEY_FORMAT}".lstrip("/")
    stranger = _stranger(str(where.get("endpoint") or ""), namespace, service)
    if stranger:
        note = f"no Service {stranger} is here: the platform's own store stands in for {source}"
        return Depot(archive_logs=logs, status=status, note=note)
    return Depot(kind, where, form, logs, status)


_FORMATS = ("keyFormat", "keyPrefix", "blobNameFormat", "pathFormat")


def _stranger(endpoint: str, namespace: str, service: Peek) -> str:
    """The name of a cluster's network that an endpoint is, if no Service here has it; '' for all others."""
    host = endpoint.partition("://")[2] or endpoint
    host = host.partition("/")[0].rpartition(":")[0] or host
    whole, host = host, host.removesuffix(".cluster.local").removesuffix(".svc")
    inside = whole != host
    labels = host.split(".")
    if not host or host == "localhost" or len(labels) > 2:
        return ""
    place = labels[1] if len(labels) == 2 else namespace
    if len(labels) == 2 and not inside and place not in (namespace, "default", "argo", "kubeflow", "minio"):
        return ""  # `example.com` is no name of the cluster's, `minio.argo` is
    return "" if service(place, labels[0]) is not None else host


def kind_of(document: Obj) -> str:
    return next((kind for kind in KINDS if isinstance(document.get(kind), dict)), "")


def located(document: Obj) -> bool:
    """Whether an artifact says where it lies, by upstream's HasLocation (and a key in the repository)."""
    kind = kind_of(document)
    at = document.get(kind) or {}
    match kind:
        case "":
            return False
        case "raw":
            return at.get("data") is not None
        case "git":
            return bool(at.get("repo"))
        case "http" | "artifactory":
            return bool(at.get("url"))
        case "plugin":
            return bool(at)
    return bool(at.get(BUCKETS[kind]))


def own_key(document: Obj, depot: Depot) -> str:
    """The key of what lies in the platform's own store; '' for everything else."""
    if document.get("raw") is not None or place_of(document, depot) is not None:
        return ""
    return key_of(document)


def place_of(document: Obj, depot: Depot) -> Place | None:
    """Where to fetch from or send to; None: the platform's own store, or raw."""
    kind = kind_of(document)
    at = document.get(kind) or {}
    if kind in ELSEWHERE:
        return Place(kind, at)
    if kind not in BUCKETS:
        return None
    if all(at.get(field) for field in OWNERS[kind]):
        return Place(kind, at)
    if not depot.kind:
        return None
    return Place(depot.kind, {**depot.where, **_only(depot.kind, key_of(document))})


def key_of(document: Obj) -> str:
    """Where in its repository an artifact lies."""
    kind = kind_of(document)
    field = BUCKETS.get(kind, "")
    return str((document.get(kind) or {}).get(field) or "") if field else ""


def _only(kind: str, key: str) -> Obj:
    return {BUCKETS[kind]: key}


def inside(document: Obj, sub_path: str) -> Obj:
    """The location of something in a folder elsewhere: upstream appends to the key."""
    kind = kind_of(document)
    if not sub_path or kind not in BUCKETS:
        return document
    key = f"{key_of(document).rstrip('/')}/{sub_path.strip('/')}"
    return {**document, kind: {**document[kind], BUCKETS[kind]: key}}


def archive_of(document: Obj) -> tuple[str, int]:
    """(none, tar or zip; gzip's level)."""
    asked = document.get("archive") or {}
    kind = next((kind for kind in ARCHIVES if asked.get(kind) is not None), "tar")
    level = (asked.get("tar") or {}).get("compressionLevel")
    return kind, 6 if level is None or not 0 <= int(level) <= 9 else int(level)


def unpacking(document: Obj) -> str:
    """What a fetched input's archive is: without a word, whatever looks like a tarball is unpacked."""
    asked = document.get("archive") or {}
    return next((kind for kind in ARCHIVES if asked.get(kind) is not None), "auto")


def target(document: Obj, depot: Depot, template: Template, prefix: str) -> Obj:
    """An output's location as the node's status tells it. `prefix` is the rendered key format."""
    if kind_of(document) and (key_of(document) or kind_of(document) in ELSEWHERE):
        return {kind_of(document): document[kind_of(document)]}
    name = str(document.get("name", ""))
    kind, _ = archive_of(document)
    own = template.archive_location or {}
    if own_kind := kind_of(own):
        at = own[own_kind]
        field = BUCKETS.get(own_kind, "")
        base = str(at.get(field) or prefix)
        return {own_kind: {**at, field: f"{base.rstrip('/')}/{name}{ARCHIVES[kind]}"}}
    if depot.kind:
        return {depot.kind: _only(depot.kind, f"{prefix.rstrip('/')}/{name}{ARCHIVES[kind]}")}
    return {"s3": {"key": f"{prefix}/{name}"}}


def keeps_logs(depot: Depot, spec: Spec, template: Template) -> bool:
    """Upstream's table: the repository's word is final, else the template's, else the workflow's."""
    own: Any = (template.archive_location or {}).get("archiveLogs")
    return depot.archive_logs or bool(spec.archive_logs if own is None else own)


def shown_depot(depot: Depot) -> Obj | None:
    """`status.artifactRepositoryRef`."""
    if depot.status is None:
        return None
    return {**depot.status, **({"artifactRepository": {depot.kind: depot.where}} if depot.kind else {})}
