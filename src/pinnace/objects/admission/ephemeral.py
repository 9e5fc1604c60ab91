"""Ephemeral containers: what one may say, and that one that is there stays as it is.

Called by `pod` for every spec that has some, and as the rules of the subresource `ephemeralcontainers`, the
only door by which they come. Source: kubernetes pkg/apis/core/validation/validation.go
(validateEphemeralContainers, ValidatePodEphemeralContainersUpdate).
"""

from __future__ import annotations

from typing import Any

from pinnace.kinds import cause
from pinnace.kinds.cause import Cause
from pinnace.kinds.resource import Obj
from pinnace.objects.admission import container

Map = dict[str, Any]
FIELD = "ephemeralContainers"
OTHERS = ("containers", "initContainers")
_ALLOWED = frozenset((
    *("name", "image", "command", "args", "workingDir", "envFrom", "env", "volumeMounts", "volumeDevices"),
    *("terminationMessagePath", "terminationMessagePolicy", "imagePullPolicy", "securityContext"),
    *("stdin", "stdinOnce", "tty", "targetContainerName"),
))
_NOT_HERE = "cannot be set for an Ephemeral Container"


def check(spec: Map, path: str, volumes: set[str]) -> list[Cause]:
    others = {one.get("name") or "" for name in OTHERS for one in spec.get(name) or ()}
    taken = set(others)
    found: list[Cause] = []
    for index, one in enumerate(spec.get(FIELD) or ()):
        here, name, target = f"{path}[{index}]", one.get("name") or "", one.get("targetContainerName") or ""
        found += container.common(one, here, volumes)
        if name in taken:
            found.append(cause.duplicate(f"{here}.name", name))
        taken.add(name)
        if target and target not in others:
            found.append(cause.not_found(f"{here}.targetContainerName", target))
        found += [
            cause.forbidden(f"{here}.{field}", _NOT_HERE)
            for field, value in one.items()
            if field not in _ALLOWED and value not in (None, {}, [], "")
        ]
        for number, mount in enumerate(one.get("volumeMounts") or ()):
            found += [
                cause.forbidden(f"{here}.volumeMounts[{number}].{field}", _NOT_HERE)
                for field in ("subPath", "subPathExpr")
                if mount.get(field)
            ]
    return found


def change(old: Obj, new: Obj) -> list[Cause]:
    """Those that are there may neither go nor change."""
    now = {one.get("name"): one for one in (new.get("spec") or {}).get(FIELD) or ()}
    found: list[Cause] = []
    for one in (old.get("spec") or {}).get(FIELD) or ():
        name = one.get("name")
        if name not in now:
            words = f"existing ephemeral containers {cause.quoted(name)} may not be removed\n"
            found.append(cause.forbidden(f"spec.{FIELD}", words))
        elif now[name] != one:
            words = f"existing ephemeral containers {cause.quoted(name)} may not be changed\n"
            found.append(cause.forbidden(f"spec.{FIELD}", words))
    return found
