"""Limits of semaphores, kept in ConfigMaps. Source: upstream server/sync."""

from __future__ import annotations

from typing import Any

from pinnace.api.argo.call import Call, Entry
from pinnace.api.argo.errors import absent, invalid
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.errors import StatusError

CONFIG_MAP = Resource(group="", version="v1", kind="ConfigMap", plural="configmaps", singular="configmap")
TYPES: dict[Any, str] = {0: "CONFIGMAP", "0": "CONFIGMAP", 1: "DATABASE", "1": "DATABASE", None: "CONFIGMAP"}
BASE = "/api/v1/sync/{namespace}"


async def create(call: Call) -> Obj:
    given = await call.document()
    name, key, limit = _map(given), str(given.get("key") or ""), _limit(given)
    if not key:
        raise invalid("key is required")
    try:
        found = await call.client.get(CONFIG_MAP, name, call.namespace)
    except StatusError as error:
        if error.code != 404:
            raise
        made = {"metadata": {"name": name}, "data": {key: str(limit)}}
        await call.client.create(CONFIG_MAP, made, call.namespace)
        return _shown(call, name, key, limit)
    if key in (found.get("data") or {}):
        words = f"sync limit for key {key} already exists in ConfigMap {name}"
        raise StatusError(409, "AlreadyExists", words)
    return await _written(call, name, key, limit)


async def get(call: Call) -> Obj:
    name, key = _map(call.query), call.names["key"]
    return _shown(call, name, key, await _known(call, name, key))


async def update(call: Call) -> Obj:
    given = await call.document()
    name, key, limit = _map(given), call.names["key"], _limit(given)
    await _known(call, name, key)
    return await _written(call, name, key, limit)


async def delete(call: Call) -> Obj:
    name, key = _map(call.query), call.names["key"]
    await _known(call, name, key)
    await call.client.patch(CONFIG_MAP, name, call.namespace, {"data": {key: None}}, "merge")
    return {}


async def _written(call: Call, name: str, key: str, limit: int) -> Obj:
    await call.client.patch(CONFIG_MAP, name, call.namespace, {"data": {key: str(limit)}}, "merge")
    return _shown(call, name, key, limit)


async def _known(call: Call, name: str, key: str) -> int:
    found = await call.client.get(CONFIG_MAP, name, call.namespace)
    value = (found.get("data") or {}).get(key)
    if value is None:
        raise absent(f"sync limit not found for key: {key}")
    try:
        return int(value)
    except ValueError:
        raise invalid(f"invalid limit format for key {key}: {str(value)[:60]!r} is no number") from None


def _map(given: Obj) -> str:
    """The ConfigMap that is meant. StatusError 400."""
    kind = given.get("type")
    if TYPES.get(kind, kind) != "CONFIGMAP":
        raise invalid(
            f"type {kind}: there is no database of limits on this machine; use CONFIGMAP with cmName and key"
        )
    name = str(given.get("cmName") or "")
    if not name:
        raise invalid("ConfigMap name is required")
    return name


def _limit(given: Obj) -> int:
    try:
        limit = int(given.get("limit") or 0)
    except (TypeError, ValueError):
        limit = 0
    if limit <= 0:
        raise invalid("limit must be greater than zero")
    return limit


def _shown(call: Call, name: str, key: str, limit: int) -> Obj:
    return {"type": "CONFIGMAP", "namespace": call.namespace, "cmName": name, "key": key, "limit": limit}


ROUTES: list[Entry] = [
    ("POST", BASE, create),
    ("GET", BASE + "/{key}", get),
    ("PUT", BASE + "/{key}", update),
    ("DELETE", BASE + "/{key}", delete),
]
