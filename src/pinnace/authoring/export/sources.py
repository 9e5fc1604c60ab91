"""Folders of this machine that pods mount read-only: a cluster's nodes do not have them, so they go into the
image of the container that mounts them. Pure.

Used by `cli/export` with `--build`. What is mounted to be written is data, and is named in the bundle's list
of what remains to be done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from pinnace.kinds.resource import Obj

CONTAINERS = ("containers", "initContainers", "sidecars")


class Folder(msgspec.Struct, frozen=True):
    source: str
    """On this machine."""
    place: str
    """Inside."""


Takes = Callable[[Obj], bool]


def take(
    value: Any, takes: Takes = lambda container: True, volumes: dict[str, Obj] | None = None
) -> Iterator[tuple[Obj, list[Folder]]]:
    """Each container that `takes` and the folders that it had; their mounts are gone from the document."""
    if isinstance(value, list):
        for one in value:
            yield from take(one, takes, volumes)
    elif isinstance(value, dict):
        known = {**(volumes or {}), **_volumes(value)}
        for container in _containers(value):
            if takes(container) and (found := _taken(container, known)):
                yield container, found
        for one in value.values():
            yield from take(one, takes, known)


def forget(obj: Obj) -> None:
    """Leave out host folders that no container mounts."""
    mounted = {str(mount.get("name")) for mount in _mounts(obj)}
    for holder in _holders(obj):
        kept = [v for v in holder["volumes"] if "hostPath" not in v or v.get("name") in mounted]
        if kept:
            holder["volumes"] = kept
        else:
            del holder["volumes"]


def left(obj: Obj) -> list[str]:
    """Host folders that are still in the document."""
    volumes = [volume for holder in _holders(obj) for volume in holder["volumes"]]
    return sorted({str(one["hostPath"].get("path")) for one in volumes if one.get("hostPath")})


def _volumes(holder: Obj) -> dict[str, Obj]:
    listed = holder.get("volumes")
    if not isinstance(listed, list):
        return {}
    return {v["name"]: v for v in listed if isinstance(v, dict) and "name" in v}


def _containers(holder: Obj) -> Iterator[Obj]:
    for key in CONTAINERS:
        for one in holder.get(key) or () if isinstance(holder.get(key), list) else ():
            if isinstance(one, dict):
                yield one
    for key in ("container", "script"):
        if isinstance(holder.get(key), dict):
            yield holder[key]


def _taken(container: Obj, known: dict[str, Obj]) -> list[Folder]:
    found, kept = [], []
    for mount in container.get("volumeMounts") or ():
        path = (known.get(mount.get("name"), {}).get("hostPath") or {}).get("path")
        if path and mount.get("readOnly"):
            inner = str(mount.get("subPath") or "")
            found.append(Folder(f"{path.rstrip('/')}/{inner}".rstrip("/"), mount["mountPath"]))
        else:
            kept.append(mount)
    if found and kept:
        container["volumeMounts"] = kept
    elif found:
        del container["volumeMounts"]
    return found


def _mounts(value: Any) -> Iterator[Obj]:
    if isinstance(value, list):
        for one in value:
            yield from _mounts(one)
    elif isinstance(value, dict):
        if isinstance(value.get("volumeMounts"), list):
            yield from value["volumeMounts"]
        for one in value.values():
            yield from _mounts(one)


def _holders(value: Any) -> Iterator[Obj]:
    if isinstance(value, list):
        for one in value:
            yield from _holders(one)
    elif isinstance(value, dict):
        if isinstance(value.get("volumes"), list):
            yield value
        for one in list(value.values()):
            yield from _holders(one)
