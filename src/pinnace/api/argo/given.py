"""What Argo's face is given by control: rooms of other floors, as what it asks of them.

Callers: `cli/argo` makes one. Invariant: nothing here decides; the face translates.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from pinnace.data.tree import Leaf
from pinnace.home import Home
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.archive import Archive
from pinnace.objects.client import Identity
from pinnace.objects.local import Local


class Stored(Protocol):
    """Content under digests (`data.blobs.Blobs`)."""

    def open(self, digest: str) -> BinaryIO: ...

    def leaves(self, digest: str) -> list[Leaf]: ...


Find = Callable[[str, str], Obj | None]
"""`digest`, `size` and `directory` under a namespace's key of the local artifact repository."""
Keep = Callable[[str, str, str], Awaitable[None]]
"""Take a file into the local artifact repository: namespace, key, path."""
Fetch = Callable[[Local, str, Obj], Awaitable[Obj | None]]
"""Bring an artifact that lies elsewhere (http, s3, git …) into the content store: `digest`, `size`,
`directory`. The client's rights decide which Secrets may be read."""
Judge = Callable[[Obj, Local, bool], list[str]]
"""What upstream's validation says of a document, by its kind. The client is who looks templates up; true: it
is only looked over, its arguments may get their values later."""
Receive = Callable[[Local, str, str, Any, Mapping[str, list[str]]], Awaitable[list[str]]]
"""An event arrived: client, namespace, discriminator, payload, headers → Workflows made."""


@dataclass(frozen=True)
class Given:
    home: Home
    client: Callable[[Identity], Local]
    kind: Callable[[str], Resource]
    """The resource of an Argo kind (`CronWorkflow`)."""
    archive: Archive
    judge: Judge
    receive: Receive
    find: Find
    keep: Keep
    fetch: Fetch
    blobs: Stored
