"""WorkflowEventBindings: which of them an event is for, and the Workflows that come of it.

Called by the Argo server's face for `POST /api/v1/events/…`, with the identity of whoever sent the event:
they have to be allowed to read bindings and templates and to make Workflows. An event for which nothing can
be made is told on the binding, as upstream does, and is no error of the sender's.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pinnace.authoring.argo import events
from pinnace.kinds import names
from pinnace.kinds.argo import CLUSTER_WORKFLOW_TEMPLATE, EVENT_BINDING, WORKFLOW, WORKFLOW_TEMPLATE
from pinnace.kinds.resource import Obj, Resource
from pinnace.objects.client import SYSTEM, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.objects.metadata import now

EVENT = Resource(group="", version="v1", kind="Event", plural="events", singular="event")


async def submit_for_event(
    client: Local, namespace: str, discriminator: str, payload: Any, headers: Mapping[str, list[str]]
) -> list[str]:
    """The names of the Workflows that were made. StatusError 403: the sender may not read bindings."""
    env = events.environment(namespace, discriminator, payload, headers)
    made = []
    for binding in (await client.list(EVENT_BINDING, namespace, Selection())).items:
        try:
            if not events.matches(binding, env) or not (binding.get("spec") or {}).get("submit"):
                continue
            made.append(await _submit(client, binding, env))
        except events.Undispatched as error:
            await _tell(client, binding, str(error))
        except StatusError as error:
            await _tell(client, binding, f"failed to create workflow: {error.message}")
    return made


async def _submit(client: Local, binding: Obj, env: dict[str, Any]) -> str:
    reference = binding["spec"]["submit"]["workflowTemplateRef"]
    cluster = bool(reference.get("clusterScope"))
    namespace = binding["metadata"]["namespace"]
    resource = CLUSTER_WORKFLOW_TEMPLATE if cluster else WORKFLOW_TEMPLATE
    try:
        await client.get(resource, reference["name"], "" if cluster else namespace)
    except StatusError as error:
        raise events.Undispatched(f"failed to get workflow template: {error.message}") from None
    creator = "" if client.identity is SYSTEM else client.identity.user
    wanted = events.workflow(binding, env, creator, names.generated(""))
    made = await client.create(WORKFLOW, wanted, namespace)
    return str(made["metadata"]["name"])


async def _tell(client: Local, binding: Obj, why: str) -> None:
    meta, at = binding["metadata"], now()
    about = {
        "apiVersion": EVENT_BINDING.api_version, "kind": EVENT_BINDING.kind, "name": meta["name"],
        "namespace": meta["namespace"], "uid": meta["uid"],
    }
    told = {
        "metadata": {"name": f"{meta['name']}.{names.generated('')}", "namespace": meta["namespace"]},
        "involvedObject": about, "reason": "WorkflowEventBindingError", "type": "Warning",
        "message": f"failed to dispatch event: {why}"[:1024], "count": 1,
        "firstTimestamp": at, "lastTimestamp": at, "source": {"component": "argo-server"},
    }
    with suppress(StatusError):
        await client.as_(SYSTEM).create(EVENT, told, meta["namespace"])
