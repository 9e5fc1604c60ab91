"""Argo documents of version 3 at the door: read, warned of, stored in today's form."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pinnace.kinds.argo import CRON_WORKFLOW, WORKFLOW
from pinnace.kinds.catalogue import Catalogue
from pinnace.objects.client import Options
from pinnace.objects.local import Local
from pinnace.store.memory import MemoryStore

pytestmark = pytest.mark.anyio
SPEC = {"entrypoint": "main", "templates": [{"name": "main", "suspend": {}}]}


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
    yield local
    local.close()
    await store.close()


async def test_a_strict_client_is_warned_and_served(door: Local) -> None:
    cron = {"metadata": {"name": "old"}, "spec": {"schedule": "0 0 * * *", "workflowSpec": SPEC}}
    options = Options(field_validation="Strict")
    made = await door.create(CRON_WORKFLOW, cron, "default", options)
    assert made["spec"]["schedules"] == ["0 0 * * *"]
    assert "schedule" not in made["spec"]
    (warning,) = options.warnings
    assert 'write spec.schedules: ["0 0 * * *"]' in warning


async def test_an_old_document_is_patched_and_applied_again(door: Local) -> None:
    lock = {"synchronization": {"mutex": {"name": "a"}}}
    await door.create(WORKFLOW, {"metadata": {"name": "wf"}, "spec": {**SPEC, **lock}}, "default")
    found = await door.patch(WORKFLOW, "wf", "default", {"spec": lock}, "merge")
    assert found["spec"]["synchronization"] == {"mutexes": [{"name": "a"}]}
    whole = {"apiVersion": WORKFLOW.api_version, "kind": "Workflow", "metadata": {"name": "wf"}}
    options = Options(field_manager="me", force=True)
    found = await door.apply(WORKFLOW, "wf", "default", {**whole, "spec": {**SPEC, **lock}}, options)
    assert found["spec"]["synchronization"] == {"mutexes": [{"name": "a"}]}
    assert any("mutexes" in one for one in options.warnings)
