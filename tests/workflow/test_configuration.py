"""What upstream's `workflow-controller-configmap` says, and what comes of it on a real store."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from pinnace.controllers.built_in import CONFIG_MAP, NAMESPACE
from pinnace.controllers.moment import unix
from pinnace.controllers.workflow.archive_expiry import ArchiveExpiry
from pinnace.controllers.workflow.configuration import Configuration, read
from pinnace.controllers.workflow.locations import CONTROLLER
from pinnace.controllers.workflow.template import TemplateError
from pinnace.controllers.workflow.throttle import LABEL, POSTPONED
from pinnace.kinds.argo import WORKFLOW, WORKFLOW_TEMPLATE
from pinnace.objects.archive import Query
from tests.workflow.test_controller import Platform, platform, workflow

pytestmark = pytest.mark.anyio


def config(**data: Any) -> dict[str, Any]:
    texts = {key: value if isinstance(value, str) else yaml.safe_dump(value) for key, value in data.items()}
    return {"metadata": {"name": CONTROLLER[1]}, "data": texts}


async def configured(world: Platform, **data: Any) -> None:
    await world.client.create(NAMESPACE, {"metadata": {"name": CONTROLLER[0]}})
    await world.client.create(CONFIG_MAP, config(**data), CONTROLLER[0])


def test_nothing_said_is_no_limit() -> None:
    assert read(None) == read({"data": {}}) == Configuration()


def test_each_key_is_a_document_or_all_are_in_one() -> None:
    wanted = Configuration(10, 4, {"spec": {"priority": 1}}, "Strict", 180 * 86400)
    said = {
        "parallelism": "10", "namespaceParallelism": "4",
        "workflowDefaults": {"spec": {"priority": 1}},
        "workflowRestrictions": {"templateReferencing": "Strict"},
        "persistence": {"archive": True, "archiveTTL": "180d"},
    }
    assert read(config(**said)) == wanted
    assert read(config(config={**said, "parallelism": 10, "namespaceParallelism": 4})) == wanted


@pytest.mark.parametrize(("said", "words"), [
    ({"parallelism": "many"}, "parallelism of ConfigMap argo/workflow-controller-configmap: 'many'"),
    ({"workflowRestrictions": "{templateReferencing: Loose}"}, "none of Strict, Secure"),
    ({"persistence": "{archiveTTL: soon}"}, "no duration such as 180d"),
    ({"workflowDefaults": "{a: ["}, "workflowDefaults of ConfigMap"),
])
def test_what_cannot_be_read_is_told(said: dict[str, str], words: str) -> None:
    with pytest.raises(TemplateError, match=words):
        read(config(**said))


def named(name: str, spec: str = "", kind: str = "Workflow") -> dict[str, Any]:
    text = f"""
metadata: {{name: {name}}}
spec:
  {spec}
  entrypoint: main
  templates: [{{name: main, container: {{image: busybox}}}}]
"""
    return {**workflow(text), "kind": kind}


async def test_more_workflows_than_may_run_wait_and_say_so(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        await configured(world, parallelism="1")
        world.holding = True
        await world.client.create(WORKFLOW, named("a"), "default")
        await world.until("a", "Running")
        await world.client.create(WORKFLOW, named("b"), "default")
        await world.client.create(WORKFLOW, named("c", "priority: 3"), "default")
        for name in "bc":
            found = await world.until(name, "Pending")
            assert found["status"]["message"] == POSTPONED
        await world.crash()
        world.control()
        assert (await world.until("b", "Pending"))["status"].get("startedAt") is None
        world.holding = False
        world.changed.set()
        ends = [(await world.until(name, "Succeeded"))["status"] for name in "acb"]
        assert [end.get("message") for end in ends] == [None, None, None]
        assert world.made == ["a", "c", "b"]


async def test_a_namespaces_label_limits_it_and_may_change(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        space = await world.client.get(NAMESPACE, "default")
        space["metadata"]["labels"] = {**space["metadata"].get("labels", {}), LABEL: "1"}
        space = await world.client.update(NAMESPACE, space)
        world.holding = True
        for name in "ab":
            await world.client.create(WORKFLOW, named(name), "default")
        await world.until("b", "Pending")
        del space["metadata"]["labels"][LABEL]
        await world.client.update(NAMESPACE, space)
        await world.until("b", "Running")


async def test_one_that_waits_can_be_stopped_and_deleted(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        await configured(world, namespaceParallelism="1")
        world.holding = True
        for name in "abc":
            await world.client.create(WORKFLOW, named(name), "default")
        found = await world.until("b", "Pending")
        found["spec"]["shutdown"] = "Terminate"
        await world.client.update(WORKFLOW, found, "default")
        await world.until("b", "Failed")
        await world.client.delete(WORKFLOW, "c", "default")
        while world.client.peek(WORKFLOW, "c", "default") is not None:
            await asyncio.sleep(0.002)


RESTRICTED = {"workflowRestrictions": {"templateReferencing": "Strict"}}


@pytest.mark.parametrize(("spec", "words"), [
    ({"entrypoint": "main", "templates": [{"name": "main", "container": {"image": "x"}}]},
     "workflows must use workflowTemplateRef to be executed when the controller is in reference mode"),
    ({"workflowTemplateRef": {"name": "t"}, "hostNetwork": True, "serviceAccountName": "root"},
     "fields [hostNetwork serviceAccountName] are not permitted"),
    ({"workflowTemplateRef": {"name": "t"}, "artifactGC": {"podSpecPatch": "{}"}},
     "fields [artifactGC.podSpecPatch] are not permitted"),
])
async def test_a_restricted_controller_runs_templates_as_they_are(
    tmp_path: Path, spec: dict[str, Any], words: str
) -> None:
    async with platform(tmp_path) as world:
        await configured(world, **RESTRICTED)
        await world.client.create(WORKFLOW_TEMPLATE, named("t", kind="WorkflowTemplate"), "default")
        await world.client.create(WORKFLOW, {**named("bad"), "spec": spec}, "default")
        assert words in (await world.until("bad", "Error"))["status"]["message"]
        good = {"workflowTemplateRef": {"name": "t"}, "priority": 2}
        await world.client.create(WORKFLOW, {**named("good"), "spec": good}, "default")
        await world.until("good", "Succeeded")


@pytest.mark.parametrize(("mode", "phase"), [("Secure", "Error"), ("Strict", "Succeeded")])
async def test_a_template_that_changes_under_a_run(tmp_path: Path, mode: str, phase: str) -> None:
    async with platform(tmp_path) as world:
        await configured(world, workflowRestrictions={"templateReferencing": mode})
        made = await world.client.create(WORKFLOW_TEMPLATE, named("t", kind="WorkflowTemplate"), "default")
        world.holding = True
        spec = {"workflowTemplateRef": {"name": "t"}}
        await world.client.create(WORKFLOW, {**named("x"), "spec": spec}, "default")
        await world.until("x", "Running")
        made["spec"]["templates"][0]["container"]["image"] = "other"
        await world.client.update(WORKFLOW_TEMPLATE, made, "default")
        world.holding = False
        world.changed.set()
        found = await world.until("x", "Error", "Succeeded")
        assert found["status"]["phase"] == phase
        assert ("may not change during execution" in found["status"].get("message", "")) is (mode == "Secure")


async def test_the_archive_forgets_what_is_older_than_its_ttl(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        await configured(world, persistence={"archiveTTL": "2d"})
        await world.client.create(WORKFLOW, named("x"), "default")
        ended = unix((await world.until("x", "Succeeded"))["status"]["finishedAt"])
        archive = world.client.house.archive
        later = [ended + 86400, ended + 3 * 86400]
        expiry = ArchiveExpiry(world.client, archive, lambda: later.pop(0))
        assert (await expiry.sweep(), len((await archive.page(Query())).items)) == (0, 1)
        assert (await expiry.sweep(), len((await archive.page(Query())).items)) == (1, 0)
