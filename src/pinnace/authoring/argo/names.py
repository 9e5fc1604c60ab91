"""Node IDs and pod names. Source: upstream workflow/util/pod_name.go, workflow/controller: fnv32a of the
node name.

The hash is incremental, so a child's name costs only its own letters.
"""

from __future__ import annotations

OFFSET = 2166136261
_PRIME = 16777619
_MAX_POD_NAME = 253
_HASH_ROOM = 10


def fnv(part: str, state: int = OFFSET) -> int:
    """FNV-1a, 32 bit, continued from `state`."""
    for byte in part.encode():
        state = ((state ^ byte) * _PRIME) & 0xFFFFFFFF
    return state


def node_id(workflow: str, name: str, state: int) -> str:
    return workflow if name == workflow else f"{workflow}-{state}"


def pod_name(workflow: str, template: str, name: str, state: int, identity: str, version: str = "v2") -> str:
    """v2: `<wf>-<template>-<hash>`, the prefix cut so that the whole is a valid name; v1: the node ID."""
    if version == "v1":
        return identity
    if name == workflow:
        return workflow
    prefix = f"{workflow}-{template}" if template else workflow
    return f"{prefix[: _MAX_POD_NAME - _HASH_ROOM - 1]}-{state}"
