"""Events: which bindings they are for, and what is made of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import yaml

from pinnace.kinds.argo import EVENT_BINDING, WORKFLOW, WORKFLOW_TEMPLATE
from pinnace.kinds.catalogue import Catalogue
from pinnace.objects.bindings import EVENT, submit_for_event
from pinnace.objects.local import Local
from pinnace.store.memory import MemoryStore

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def door() -> AsyncIterator[Local]:
    store = MemoryStore()
    local = Local.open(store, Catalogue.builtin())
    namespaces = local.house.catalogue.key("namespaces")
    assert namespaces is not None
    await local.create(namespaces, {"metadata": {"name": "default"}})
    template = {
        "metadata": {"name": "greet"},
        "spec": {"entrypoint": "a", "templates": [{"name": "a", "suspend": {}}]},
    }
    await local.create(WORKFLOW_TEMPLATE, template, "default")
    yield local
    local.close()
    await store.close()


BINDING = """
metadata: {name: on-push}
spec:
  event: {selector: 'payload.action == "push" && metadata["x-source"] == ["git"] && discriminator == "hook"'}
  submit:
    workflowTemplateRef: {name: greet}
    metadata:
      labels: {branch: payload.branch}
      annotations: {who: '"the " + payload.who'}
    arguments:
      parameters:
      - {name: branch, valueFrom: {event: payload.branch}}
      - {name: size, valueFrom: {event: payload.commits}}
"""
PUSH = {"action": "push", "branch": "main", "who": "boss", "commits": [1, 2]}


async def bind(door: Local, text: str = BINDING) -> None:
    await door.create(EVENT_BINDING, yaml.safe_load(text), "default")


async def send(door: Local, payload: Any = None, discriminator: str = "hook") -> list[str]:
    headers = {"X-Source": ["git"], "Authorization": ["secret"]}
    return await submit_for_event(
        door, "default", discriminator, PUSH if payload is None else payload, headers
    )


async def told(door: Local) -> list[str]:
    return [one["message"] for one in door.peek_list(EVENT, "default").items]


async def test_an_event_that_fits_starts_a_workflow(door: Local) -> None:
    await bind(door)
    (name,) = await send(door)
    made = door.peek(WORKFLOW, name, "default")
    assert made is not None
    assert name.startswith("greet-")
    assert made["spec"]["workflowTemplateRef"] == {"name": "greet"}
    assert made["spec"]["arguments"]["parameters"] == [
        {"name": "branch", "value": "main"},
        {"name": "size", "value": "[1,2]"},
    ]
    labels = made["metadata"]["labels"]
    assert labels["branch"] == "main"
    assert labels["workflows.argoproj.io/workflow-template"] == "greet"
    assert labels["workflows.argoproj.io/workflow-event-binding"] == "on-push"
    assert made["metadata"]["annotations"] == {"who": "the boss"}
    assert await told(door) == []


@pytest.mark.parametrize(
    ("payload", "discriminator"), [({**PUSH, "action": "pull"}, "hook"), (PUSH, "other")]
)
async def test_one_that_does_not_fit_starts_nothing(door: Local, payload: Any, discriminator: str) -> None:
    await bind(door)
    assert await send(door, payload, discriminator) == []
    assert await told(door) == []


async def test_credentials_are_not_seen(door: Local) -> None:
    await bind(door, BINDING.replace('metadata["x-source"] == ["git"]', '"authorization" in metadata'))
    assert await send(door) == []


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (
            "{name: greet}",
            "{name: gone}",
            'failed to get workflow template: workflowtemplates.argoproj.io "gone" not',
        ),
        ("payload.branch}\n", "payload.commits}\n", 'label "branch" expression must evaluate to a string'),
        ("event: payload.branch", "event: payload.(", 'workflow template parameter "branch" expression'),
        ('payload.action == "push" &&', "payload.who ||", "failed to evaluate workflow template expression"),
    ],
)
async def test_what_cannot_be_done_is_told_on_the_binding(
    door: Local, before: str, after: str, why: str
) -> None:
    assert before in BINDING
    await bind(door, BINDING.replace(before, after))
    assert await send(door) == []
    (message,) = await told(door)
    assert message.startswith("failed to dispatch event: ")
    assert why in message


async def test_a_name_may_be_an_expression(door: Local) -> None:
    await bind(
        door, BINDING.replace("labels: {branch: payload.branch}", "name: '\"from-\" + payload.branch'")
    )
    assert await send(door) == ["from-main"]
