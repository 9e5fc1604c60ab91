"""What is wrong with a pod's volumes, in upstream's words and order.

Called by `pod.check_spec`. Source: kubernetes pkg/apis/core/validation/validation.go (ValidateVolumes).
"""

from __future__ import annotations

from typing import Any

from pinnace.kinds import cause, names
from pinnace.kinds.cause import Cause
from pinnace.objects.admission import container

Map = dict[str, Any]
_KINDS = (
    "emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi",
    "glusterfs", "persistentVolumeClaim", "rbd", "cinder", "cephfs", "flocker", "downwardAPI", "fc",
    "azureFile", "configMap", "vsphereVolume", "quobyte", "azureDisk", "photonPersistentDisk", "projected",
    "portworxVolume", "scaleIO", "storageos", "csi", "ephemeral", "image",
)
"""Every source, in the order in which upstream looks for them."""
_NEEDED = {
    "hostPath": ("path",), "secret": ("secretName",), "nfs": ("server", "path"),
    "persistentVolumeClaim": ("claimName",), "configMap": ("name",),
}
_MODE = "must be a number between 0 and 0777 (octal), both inclusive"


def check(volumes: Any, path: str) -> tuple[list[Cause], set[str]]:
    """The causes, and the names of the volumes that are sound: only those can be mounted."""
    found: list[Cause] = []
    sound: set[str] = set()
    for index, volume in enumerate(volumes):
        here, name = f"{path}[{index}]", volume.get("name") or ""
        wrong = _source(volume, here)
        wrong += [cause.invalid(f"{here}.name", name, w) for w in names.label(name)] if name else [
            cause.required(f"{here}.name")
        ]
        if name in sound:
            wrong.append(cause.duplicate(f"{here}.name", name))
        if not wrong:
            sound.add(name)
        found += wrong
    return found, sound


def _source(volume: Map, path: str) -> list[Cause]:
    given = [kind for kind in _KINDS if volume.get(kind) is not None]
    if not given:
        return [cause.required(path, "must specify a volume type")]
    kind, source = given[0], volume[given[0]]
    place = f"{path}.{kind}"
    found = [cause.required(f"{place}.{name}") for name in _NEEDED.get(kind, ()) if not source.get(name)]
    if kind == "hostPath":
        found += container.no_backsteps(source.get("path") or "", f"{place}.path")
    mode = source.get("defaultMode")
    if mode is not None and not 0 <= mode <= 0o777:
        found.append(cause.invalid(f"{place}.defaultMode", mode, _MODE))
    if kind in ("secret", "configMap"):
        found += _items(source.get("items") or (), f"{place}.items")
    more = "may not specify more than 1 volume type"
    return found + [cause.forbidden(f"{path}.{name}", more) for name in given[1:]]


def _items(items: Any, path: str) -> list[Cause]:
    found: list[Cause] = []
    for index, item in enumerate(items):
        here, place = f"{path}[{index}]", item.get("path") or ""
        if not item.get("key"):
            found.append(cause.required(f"{here}.key"))
        if not place:
            found.append(cause.required(f"{here}.path"))
        found += container.descending(place, f"{here}.path")
        if place.startswith("..") and ".." not in place.split("/"):
            found.append(cause.invalid(f"{here}.path", place, "must not start with '..'"))
        mode = item.get("mode")
        if mode is not None and not 0 <= mode <= 0o777:
            found.append(cause.invalid(f"{here}.mode", mode, _MODE))
    return found
