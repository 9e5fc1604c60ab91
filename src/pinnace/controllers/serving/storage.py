"""Where a model comes from: a storageUri becomes what a pod mounts read-only at /mnt/models. Pure.

`s3://artifacts/<key>` names what a workflow wrote: the local artifact repository stands for that bucket,
and the very manifest reads the real one in a cluster. What lies elsewhere is fetched by an init container, as
in a cluster (kserve pkg/webhook/admission/pod/storage_initializer_injector.go).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import msgspec

from pinnace.controllers.serving.selection import Problem
from pinnace.kinds.resource import Obj

BUCKET = "artifacts"
FOLDER = "/mnt/models"
VOLUME = "kserve-pvc-source"
PROVISIONED = "kserve-provision-location"
INITIALIZER = "kserve/storage-initializer:v0.15.2"
SOURCE = "internal.serving.kserve.io/storage-initializer-sourceuri"

TOP = frozenset(("com", "org", "net", "io", "dev", "ai", "co", "cloud", "local", "edu", "gov"))
"""Last parts of names with one dot that are no namespaces."""

Artifacts = Callable[[str, str], "Artifact | None"]
"""(namespace, key) → what the local artifact repository has there."""


class Artifact(msgspec.Struct, frozen=True):
    """The body of an `artifact` row."""

    digest: str
    size: int = 0
    directory: bool = False


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What the storage initializer is given to be let in: variables (by reference to secrets) and files."""

    env: tuple[Obj, ...] = ()
    volumes: tuple[Obj, ...] = ()
    mounts: tuple[Obj, ...] = ()
    container: Obj = {}
    """What the platform's ClusterStorageContainer says of the initializer (image, variables, resources)."""
    places: tuple[str, ...] = ()
    """URLs of endpoints that stand in for the stores' own."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """`inputs` is staged by content (annotation `pinnace.dev/staging`), volumes and mounts are the pod's."""

    inputs: tuple[Obj, ...] = ()
    volumes: tuple[Obj, ...] = ()
    mounts: tuple[Obj, ...] = ()
    init: tuple[Obj, ...] = ()
    """Containers that fetch it before the server starts."""
    artifacts: tuple[tuple[str, str], ...] = ()
    """(key in the artifact repository, folder) of what `inputs` names by content."""
    network: str = ""
    """The network in which the place that it comes from is found, if that is not the pod's usual one."""


def resolve(
    uri: str, namespace: str, artifacts: Artifacts, volumes: Path, read_only: bool = True,
    access: Access | None = None,
) -> Source:
    """`volumes` is the home's folder of claims, `access` what a remote store may be asked with. Raises
    Problem with what to write instead."""
    parts = urlsplit(uri)
    path = unquote(parts.path).strip("/")
    if ".." in PurePosixPath(path).parts:
        raise Problem("InvalidPredictorSpec", f"storageUri {uri}: '..' is not allowed in a path")
    match parts.scheme:
        case "pvc":
            return claim(parts.netloc, path, read_only)
        case "s3" if parts.netloc == BUCKET:
            return artifact(uri, path, namespace, artifacts)
        case "http" | "https" | "oci" if tells_of_the_machine(parts.hostname or ""):
            raise Problem("InvalidPredictorSpec", f"storageUri {uri} is not fetched: no model lies there")
        case "s3" | "gs" | "http" | "https" | "hf" | "oci":
            return fetched(uri, access or Access(), read_only)
        case "file" | "":
            return file(uri, unquote(parts.path), namespace, volumes)
    raise Problem("InvalidPredictorSpec", unsupported(uri, parts.scheme))


def tells_of_the_machine(host: str) -> bool:
    """A cloud's metadata service hands out the machine's credentials to whoever asks from it."""
    try:
        return ip_address(host).is_link_local
    except ValueError:
        return host == "metadata" or host.endswith(".internal")


def moved(source: Source, folder: str, number: int) -> Source:
    """The same below another folder of the server's, beside others: `number` tells them apart."""

    def there(path: str) -> str:
        return f"{folder}{path.removeprefix(FOLDER)}" if path.startswith(FOLDER) else path

    own = {volume["name"]: f"{volume['name']}-{number}" for volume in source.volumes}
    named = [{**each, "name": own.get(each["name"], each["name"])} for each in source.mounts]
    name = f"model-{number}"
    return Source(
        inputs=tuple({**each, "name": name, "path": there(each["path"])} for each in source.inputs),
        volumes=tuple({**each, "name": own[each["name"]]} for each in source.volumes),
        mounts=tuple({**each, "mountPath": there(each["mountPath"])} for each in named),
        init=tuple(
            {**each, "name": f"{each['name']}-{number}", "volumeMounts": [
                {**mount, "name": own.get(mount["name"], mount["name"])} for mount in each["volumeMounts"]
            ]}
            for each in source.init
        ),
        artifacts=tuple((key, there(path)) for key, path in source.artifacts), network=source.network,
    )


def together(sources: Iterable[Source]) -> Source:
    found = list(sources)
    return Source(
        inputs=tuple(each for one in found for each in one.inputs),
        volumes=tuple(each for one in found for each in one.volumes),
        mounts=tuple(each for one in found for each in one.mounts),
        init=tuple(each for one in found for each in one.init),
        artifacts=tuple(each for one in found for each in one.artifacts),
        network=next((one.network for one in found if one.network), ""),
    )


def claim(name: str, path: str, read_only: bool = True) -> Source:
    if not name:
        raise Problem("InvalidPredictorSpec", "storageUri pvc://: expected pvc://<claim>/<path>")
    mount: Obj = {"name": VOLUME, "mountPath": FOLDER, "readOnly": read_only}
    if path:
        mount["subPath"] = path
    volume: Obj = {"name": VOLUME, "persistentVolumeClaim": {"claimName": name, "readOnly": read_only}}
    return Source(volumes=(volume,), mounts=(mount,))


def artifact(uri: str, key: str, namespace: str, artifacts: Artifacts) -> Source:
    found = artifacts(namespace, key) or artifacts(namespace, f"{key}/")
    if found is None:
        text = f"storageUri {uri}: no artifact of namespace {namespace} has the key {key!r} (yet)"
        raise Problem("ModelLoadFailed", text, waiting=True)
    path = FOLDER if found.directory else f"{FOLDER}/{PurePosixPath(key).name}"
    return Source(inputs=({"name": "model", "path": path, "digest": found.digest},),
                  artifacts=((key, FOLDER),))


def fetched(uri: str, access: Access, read_only: bool) -> Source:
    """An init container brings it into a folder that the server then mounts."""
    mount = {"name": PROVISIONED, "mountPath": FOLDER}
    given = {name: value for name, value in access.container.items() if name != "name"}
    env = {entry["name"]: entry for entry in (*(given.get("env") or ()), *access.env)}
    fetcher: Obj = {
        **given, "name": "storage-initializer", "image": given.get("image") or INITIALIZER,
        "args": [*(given.get("args") or ()), uri, FOLDER], "env": list(env.values()),
        "volumeMounts": [*(given.get("volumeMounts") or ()), mount, *access.mounts],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    places = [*access.places, *values(given), *([uri] if uri.startswith(("http", "oci")) else ())]
    hosts = [urlsplit(place).hostname or "" for place in places]
    return Source(
        volumes=({"name": PROVISIONED, "emptyDir": {}}, *access.volumes),
        mounts=({**mount, "readOnly": read_only},), init=(fetcher,),
        network="own" if any(map(of_cluster, hosts)) else "",
    )


def values(container: Obj) -> list[str]:
    found = (str(entry.get("value") or "") for entry in container.get("env") or ())
    return [value for value in found if value.startswith(("http://", "https://"))]


def of_cluster(host: str) -> bool:
    """Whether only pods with a network of their own find it: a Service's name."""
    if ".svc" in host or not host or host == "localhost":
        return bool(host) and host != "localhost"
    return "." not in host or (host.count(".") == 1 and host.rpartition(".")[2] not in TOP)


def file(uri: str, path: str, namespace: str, volumes: Path) -> Source:
    """A path inside a claim of this namespace is that claim; the rest of the disk is nobody's model."""
    own = volumes / namespace
    wanted = PurePosixPath(path)
    if wanted.is_relative_to(own) and wanted != PurePosixPath(own):
        first, *rest = wanted.relative_to(own).parts
        return claim(first, "/".join(rest))
    text = (
        f"storageUri {uri}: files of this machine are not served (in a cluster, file:// is the server's own "
        "disk); put the model into a volume claim and use pvc://<claim>/<path>"
    )
    raise Problem("InvalidPredictorSpec", text)


def unsupported(uri: str, scheme: str) -> str:
    return (
        f"storageUri {uri}: {scheme}:// is not fetched by this platform (s3, gs, hf, oci, http and https "
        "are); download the model in a workflow "
        f"step and use s3://{BUCKET}/<key>, or put it into a volume claim and use pvc://<claim>/<path>"
    )
