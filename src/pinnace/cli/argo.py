"""What Argo's API is given by the rest of the house. Made with its first request (`api/argo/door`)."""

from __future__ import annotations

import asyncio
import base64
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from pinnace.api.argo.errors import absent, invalid
from pinnace.api.argo.face import Face
from pinnace.api.argo.given import Given
from pinnace.authoring.argo import validation
from pinnace.cli.given import Platform
from pinnace.controllers.built_in import SECRET
from pinnace.controllers.pods.transfers import is_reference, references
from pinnace.controllers.workflow.repository import Repository
from pinnace.data.blobs import Blobs
from pinnace.data.remote.jobs import Answer, Job, Jobs, kind_of
from pinnace.kinds.argo import (
    CLUSTER_WORKFLOW_TEMPLATE,
    GROUP,
    VERSION,
    WORKFLOW_TEMPLATE,
)
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.bindings import submit_for_event
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local

SECONDS = 600.0
"""A download from elsewhere may take so long."""


def face(platform: Platform) -> Face:
    blobs = Blobs(platform.home.data)
    repository = Repository(platform.store, blobs)

    async def keep(namespace: str, key: str, path: str) -> None:
        stored = await asyncio.to_thread(blobs.put_file, Path(path), move=True)
        found = {"digest": stored.digest, "size": stored.size}
        await platform.client.transact([], repository.rows(namespace, key, found))

    def kind(name: str) -> Resource:
        found = platform.catalogue.kind(f"{GROUP}/{VERSION}", name)
        if found is None:
            raise absent(f"the kind {name} is not served here")
        return found

    async def fetch(client: Local, namespace: str, artifact: Obj) -> Obj | None:
        return await fetched(platform, client, namespace, artifact)

    return Face(
        Given(
            home=platform.home, client=platform.client.as_, kind=kind,
            archive=platform.client.house.archive, judge=judge, receive=receive,
            find=repository.find, keep=keep, fetch=fetch, blobs=blobs,
        )
    )


async def receive(
    client: Local, namespace: str, discriminator: str, payload: Any, headers: Mapping[str, list[str]]
) -> list[str]:
    return await submit_for_event(client, namespace, discriminator, payload, headers)


def judge(document: Obj, client: Local, lint: bool) -> list[str]:
    """What upstream's validation says, in its words; templates as this caller may see them."""

    def lookup(name: str, *, cluster: bool, namespace: str | None) -> Obj | None:
        resource = CLUSTER_WORKFLOW_TEMPLATE if cluster else WORKFLOW_TEMPLATE
        place = "" if cluster else namespace or ""
        asked = (client.identity, "get", resource, place, name, "")
        return client.peek(resource, name, place) if client.house.authoriser.allow(*asked) else None

    return validation.document(document, lookup, lint=lint)


async def fetched(platform: Platform, client: Local, namespace: str, artifact: Obj) -> Obj | None:
    """An artifact that lies elsewhere, brought into the content store. StatusError 400: it cannot be."""
    kind = kind_of(artifact)
    if not kind:
        return None
    where = _filled(artifact[kind], await _secrets(client, namespace, artifact[kind]))
    job = Job("get", str(artifact.get("name")), kind, where, archive="none")
    order = Jobs(str(platform.home.data), str(platform.home.run), [job])
    answer = await _process(msgspec.json.encode(order))
    if answer.absent:
        return None
    if answer.error:
        raise invalid(f"artifact {artifact.get('name')}: {answer.error}")
    return {"digest": answer.digest, "size": answer.size, "directory": answer.directory}


async def _process(order: bytes) -> Answer:
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pinnace.data.remote", stdin=pipe, stdout=pipe, stderr=pipe
    )
    try:
        async with asyncio.timeout(SECONDS):
            out, said = await child.communicate(order)
    except TimeoutError:
        child.kill()
        await child.wait()
        raise StatusError(504, "Timeout", f"the artifact did not come within {SECONDS:.0f} s") from None
    if child.returncode:
        words = said.decode(errors="replace").strip().splitlines()
        raise StatusError(500, "InternalError", f"the artifact could not be fetched: {(words or ['?'])[-1]}")
    return msgspec.json.decode(out, type=list[Answer])[0]


async def _secrets(client: Local, namespace: str, where: Any) -> dict[str, dict[str, str]]:
    """By name, as far as this caller may read them."""
    found = {}
    for name in {name for name, _ in references(where)}:
        secret = await client.get(SECRET, name, namespace)
        data = secret.get("data") or {}
        found[name] = {key: base64.b64decode(value).decode() for key, value in data.items()}
    return found


def _filled(where: Any, secrets: dict[str, dict[str, str]]) -> Any:
    if isinstance(where, list):
        return [_filled(each, secrets) for each in where]
    if not isinstance(where, dict):
        return where
    return {
        field: secrets.get(str(value.get("name")), {}).get(str(value.get("key")), "")
        if is_reference(field, value) else _filled(value, secrets)
        for field, value in where.items()
    }
