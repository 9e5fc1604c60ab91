"""What people do to Workflows: retry, resubmit, resume, suspend, stop, terminate, set.

One place for everybody who offers it: Argo's API, the pipelines' API, the command line (through Argo's API).
The decisions are pure (`authoring/argo`), here they are read, decided and written, again if somebody was
faster. Every function acts with its client's rights. Raises StatusError; 400 for what cannot be done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from pinnace.authoring.argo import answering, resubmitting, retrying
from pinnace.authoring.argo.mistake import Mistake
from pinnace.authoring.argo.retrying import Wish
from pinnace.kinds.argo import COMPLETED, DOMAIN, WORKFLOW
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import Client, DeleteOptions, Identity, Selection
from pinnace.objects.errors import StatusError

POD = Resource(group="", version="v1", kind="Pod", plural="pods", singular="pod")
NODE_ID = f"{DOMAIN}node-id"
ATTEMPTS = 8
ACTOR, ACTION = f"{DOMAIN}actor", f"{DOMAIN}action"


class Acting(Client, Protocol):
    """A client and who it is; a user of '' is one that only another server knows: it is not written down."""

    @property
    def identity(self) -> Identity: ...


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def refused(mistake: Mistake) -> StatusError:
    return StatusError(400, "BadRequest", str(mistake))


async def retry(client: Acting, name: str, namespace: str, wish: Wish) -> Obj:
    """The Workflow, which goes on."""

    async def again() -> Obj:
        return await reopened(client, await client.get(WORKFLOW, name, namespace), wish)

    return await _persistently(again)


async def reopened(client: Acting, workflow: Obj, wish: Wish) -> Obj:
    """One attempt at a retry of a Workflow as it was read, whole."""
    try:
        made, gone = await asyncio.to_thread(retrying.retried, workflow, wish, now())
    except Mistake as mistake:
        raise refused(mistake) from None
    namespace = workflow["metadata"]["namespace"]
    await _remove_pods(client, workflow, gone)
    return await client.update(WORKFLOW, labelled(client, made, "Retry"), namespace)


async def resubmit(
    client: Acting, workflow: Obj, *, memoized: bool = False, parameters: tuple[str, ...] = ()
) -> Obj:
    """The new Workflow."""
    try:
        made = resubmitting.resubmitted(workflow, now(), memoized=memoized, parameters=parameters)
    except Mistake as mistake:
        raise refused(mistake) from None
    return await client.create(WORKFLOW, created_by(client, made), made["metadata"]["namespace"])


async def revive(client: Acting, workflow: Obj, wish: Wish) -> Obj:
    """An archived Workflow, whose live one is gone, goes on under its old name."""
    try:
        made, _ = await asyncio.to_thread(retrying.retried, workflow, wish, now())
    except Mistake as mistake:
        raise refused(mistake) from None
    meta = made["metadata"]
    kept = {key: meta[key] for key in ("name", "namespace", "labels", "annotations") if key in meta}
    nodes = resubmitting.portable(made["status"].get("nodes") or {})
    status = {key: made["status"][key] for key in ("storedTemplates",) if key in made["status"]}
    revived = {**made, "metadata": kept, "status": {**status, "nodes": nodes}}
    return await client.create(WORKFLOW, labelled(client, revived, "Retry"), meta["namespace"])


def standing(name: str) -> StatusError:
    words = f'workflow "{name}" is not archived only: it still stands, retry it with `argo retry {name}`'
    return StatusError(409, "AlreadyExists", words)


async def resume(client: Acting, name: str, namespace: str, selector: str = "") -> Obj:
    async def again() -> Obj:
        found = await client.get(WORKFLOW, name, namespace)
        try:
            patch = answering.resumed(found, selector, now(), _who(client))
        except Mistake as mistake:
            raise refused(mistake) from None
        return await _patched(client, found, patch, "Resume") if patch else found

    return await _persistently(again)


async def set_nodes(
    client: Acting, name: str, namespace: str, selector: str, *,
    phase: str = "", message: str = "", outputs: Mapping[str, str] | None = None, action: str = "",
) -> Obj:
    async def again() -> Obj:
        found = await client.get(WORKFLOW, name, namespace)
        try:
            patch = answering.answered(
                found, selector, now(), phase=phase, message=message, outputs=outputs
            )
        except Mistake as mistake:
            raise refused(mistake) from None
        return await _patched(client, found, patch, action)

    return await _persistently(again)


async def suspend(client: Acting, name: str, namespace: str) -> Obj:
    found = await client.get(WORKFLOW, name, namespace)
    if phase_of(found) in COMPLETED:
        raise StatusError(400, "BadRequest", "cannot suspend completed workflows")
    if (found.get("spec") or {}).get("suspend"):
        return found
    return await _patched(client, found, {"spec": {"suspend": True}}, "Suspend", pinned=False)


async def stop(client: Acting, name: str, namespace: str, selector: str = "", message: str = "") -> Obj:
    """The whole workflow, or with a selector the suspended nodes that match."""
    if selector:
        return await set_nodes(
            client, name, namespace, selector, phase="Failed", message=message, action="Stop"
        )
    return await _shut_down(client, name, namespace, "Stop")


async def terminate(client: Acting, name: str, namespace: str) -> Obj:
    return await _shut_down(client, name, namespace, "Terminate")


async def _shut_down(client: Acting, name: str, namespace: str, strategy: str) -> Obj:
    found = await client.get(WORKFLOW, name, namespace)
    if phase_of(found) in COMPLETED:
        place = f'workflow: "{name}", namespace: "{namespace}"'
        raise StatusError(400, "BadRequest", f"cannot shutdown a completed workflow: {place}")
    return await _patched(client, found, {"spec": {"shutdown": strategy}}, strategy, pinned=False)


def phase_of(workflow: Obj) -> str:
    return str((workflow.get("status") or {}).get("phase") or "")


def _who(client: Acting) -> str:
    return f"Resumed by: {client.identity.user or 'the console'}"


def created_by(client: Acting, workflow: Obj) -> Obj:
    """With the label that says who made it."""
    if not client.identity.user:
        return workflow
    labels = {**(workflow["metadata"].get("labels") or {}), f"{DOMAIN}creator": label(client.identity.user)}
    return {**workflow, "metadata": {**workflow["metadata"], "labels": labels}}


def labelled(client: Acting, workflow: Obj, action: str) -> Obj:
    """With the labels that say who did what to it last."""
    labels = {**(workflow["metadata"].get("labels") or {}), **_actor(client, action)}
    return {**workflow, "metadata": {**workflow["metadata"], "labels": labels}}


def _actor(client: Acting, action: str) -> dict[str, str]:
    actor = {ACTOR: label(client.identity.user)} if client.identity.user else {}
    return {**actor, ACTION: action} if action else {}


def label(user: str) -> str:
    """A name as a label's value: what may not stand in one becomes `-` (`system:node` → `system-node`)."""
    made = "".join(one if one.isascii() and (one.isalnum() or one in "-_.") else "-" for one in user)
    return made[-63:].strip("-_.")


async def _patched(client: Acting, found: Obj, patch: Obj, action: str, *, pinned: bool = True) -> Obj:
    """`pinned`: only if nobody has written it since it was read."""
    meta = found["metadata"]
    own: Obj = {"labels": _actor(client, action)} if action else {}
    if pinned:
        own["resourceVersion"] = meta["resourceVersion"]
    return await client.patch(
        WORKFLOW, meta["name"], meta["namespace"], {**patch, "metadata": own}, "merge"
    )


async def _persistently(attempt: Callable[[], Awaitable[Obj]]) -> Obj:
    for number in range(ATTEMPTS):
        try:
            return await attempt()
        except StatusError as error:
            if error.reason != "Conflict" or number == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


async def _remove_pods(client: Acting, workflow: Obj, gone: frozenset[str]) -> None:
    meta = workflow["metadata"]
    selection = Selection(labels=f"{DOMAIN}workflow={meta['name']}", owner=meta["uid"])
    page = await client.list(POD, meta["namespace"], selection)
    for pod in page.items:
        if (pod["metadata"].get("annotations") or {}).get(NODE_ID) not in gone:
            continue
        try:
            await client.delete(
                POD, pod["metadata"]["name"], meta["namespace"], DeleteOptions(grace_seconds=0)
            )
        except StatusError as error:
            if error.code != 404:
                raise
