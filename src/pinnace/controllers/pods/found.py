"""The objects that a pod names (Secrets, ConfigMaps, claims), read before it is resolved.

`needed` lists them, `controller` reads them, `resolve` and its neighbours ask `Found`. A missing one is
Blocked: the pod waits, and wakes when an object of that name appears. Messages are the kubelet's.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pinnace.controllers.built_in import CLAIM, CONFIG_MAP, SECRET
from pinnace.controllers.pods import transfers
from pinnace.kinds.annotations import TRANSFERS
from pinnace.kinds.resource import Obj

ROOT = "kube-root-ca.crt"
"""The platform's own in every namespace."""


class Reference(NamedTuple):
    resource: str
    name: str


class Blocked(Exception):
    """The pod cannot be started as things stand. `volume`: it is a volume that cannot be mounted. `awaits`:
    what it names without listing it among its references."""

    def __init__(self, message: str, volume: str = "", awaits: Reference | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.volume = volume
        self.awaits = awaits


def needed(pod: Obj) -> set[Reference]:
    """Empty for most pods, without looking at more than their top level."""
    spec = pod["spec"]
    found: set[Reference] = set()
    if TRANSFERS in (pod["metadata"].get("annotations") or ()):
        found.update(Reference(SECRET.key, name) for name in transfers.secrets(pod))
    for volume in spec.get("volumes") or ():
        found.update(of_volume(volume))
    guests = spec.get("ephemeralContainers") or ()
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()), *guests):
        if container.get("env") or container.get("envFrom"):
            found.update(_of_container(container))
    return found


def _of_container(container: Obj) -> Iterator[Reference]:
    for source in container.get("envFrom") or ():
        yield from _ref(source, "secretRef", "configMapRef")
    for entry in container.get("env") or ():
        yield from _ref(entry.get("valueFrom") or {}, "secretKeyRef", "configMapKeyRef")


def _ref(source: Obj, secret: str, config: str) -> Iterator[Reference]:
    if found := source.get(secret):
        yield Reference(SECRET.key, found.get("name", ""))
    if found := source.get(config):
        yield Reference(CONFIG_MAP.key, found.get("name", ""))


def of_volume(volume: Obj) -> Iterator[Reference]:
    if found := volume.get("secret"):
        yield Reference(SECRET.key, found.get("secretName", ""))
    if found := volume.get("configMap"):
        yield Reference(CONFIG_MAP.key, found.get("name", ""))
    if found := volume.get("persistentVolumeClaim"):
        yield Reference(CLAIM.key, found.get("claimName", ""))
    for source in (volume.get("projected") or {}).get("sources") or ():
        yield from _ref(source, "secret", "configMap")


class Found:
    """What was read for one pod: reference → object, None where there is none."""

    def __init__(self, namespace: str, objects: Mapping[Reference, Obj | None]) -> None:
        self.namespace = namespace
        self._objects = objects

    def missing(self) -> list[Reference]:
        return [reference for reference, obj in self._objects.items() if obj is None]

    def secret_data(self, name: str, optional: bool) -> dict[str, bytes] | None:
        secret = self._objects.get(Reference(SECRET.key, name))
        if secret is None:
            return _none("secret", name, optional)
        return {key: base64.b64decode(value or "") for key, value in (secret.get("data") or {}).items()}

    def config_data(self, name: str, optional: bool) -> dict[str, bytes] | None:
        config = self._objects.get(Reference(CONFIG_MAP.key, name))
        if config is None:
            return _none("configmap", name, optional)
        data: dict[str, bytes] = {
            key: value.encode("utf-8", "surrogateescape") for key, value in (config.get("data") or {}).items()
        }
        binary: dict[str, Any] = config.get("binaryData") or {}
        return data | {key: base64.b64decode(value) for key, value in binary.items()}

    def configs(self) -> list[Obj]:
        """The ConfigMaps that somebody wrote: part of what runs."""
        return [
            obj for reference, obj in self._objects.items()
            if reference.resource == CONFIG_MAP.key and obj is not None and reference.name != ROOT
        ]

    def claim(self, name: str) -> Obj:
        claim = self._objects.get(Reference(CLAIM.key, name))
        if claim is None:
            raise Blocked(f'persistentvolumeclaim "{name}" not found')
        if claim["metadata"].get("deletionTimestamp"):
            raise Blocked(f'persistentvolumeclaim "{name}" is being deleted')
        return claim


def _none(kind: str, name: str, optional: bool) -> dict[str, bytes] | None:
    if optional:
        return None
    raise Blocked(f'{kind} "{name}" not found')
