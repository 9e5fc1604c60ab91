"""What control asks of the agent and what it answers: length-prefixed MessagePack, any number at a time."""

from __future__ import annotations

from typing import Any

import msgspec


class Http(msgspec.Struct, tag="http", omit_defaults=True):
    """An http template, rendered; headers carry the values of their secrets."""

    id: int
    method: str
    url: str
    headers: list[tuple[str, str]] = []
    body: bytes = b""
    timeout: float = 30.0
    condition: str = ""
    insecure: bool = False
    dial: str = ""
    """`address port` of a Service of the cluster network that the URL's host is."""
    run: str = ""


class Data(msgspec.Struct, tag="data", omit_defaults=True):
    """A data template: keys of the platform's own store, or a bucket to list; then expressions."""

    id: int
    steps: list[str]
    keys: list[str] | None = None
    kind: str = ""
    where: dict[str, Any] = {}
    blobs: str = ""
    run: str = ""


class Delete(msgspec.Struct, tag="delete", omit_defaults=True):
    """An object in a bucket, or all below its key, is to go."""

    id: int
    kind: str
    where: dict[str, Any]
    blobs: str = ""
    run: str = ""


class Done(msgspec.Struct, omit_defaults=True):
    """`phase` is the node's."""

    id: int
    phase: str
    message: str = ""
    result: str | None = None


Question = Http | Data | Delete
