"""The reconciler on a real store: commits, flushes, crashes, edits. Only pods' ends are faked."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from pinnace.controllers.built_in import CONFIG_MAP, NAMESPACE, POD
from pinnace.controllers.manager import Manager
from pinnace.controllers.workflow.controller import Workflows
from pinnace.controllers.workflow.mishap import ATTEMPTS
from pinnace.controllers.workflow.run import Run
from pinnace.kinds import argo
from pinnace.kinds.argo import WORKFLOW, WORKFLOW_TEMPLATE
from pinnace.kinds.catalogue import Catalogue
from pinnace.objects.client import Change, Selection
from pinnace.objects.errors import StatusError
from pinnace.objects.local import Local
from pinnace.store.interface import Event, Row
from pinnace.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio


class Platform:
    def __init__(self, store: SqliteStore) -> None:
        self.catalogue = Catalogue.builtin()
        self.store = store
        self.client = Local.open(store, self.catalogue)
        self.made: list[str] = []
        self.holding = False
        self.changed = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []
        self.client.listen(self.feed)

    def feed(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.resource == POD.key and event.type == "ADDED":
                self.made.append(event.name)
        self.changed.set()

    async def pods(self) -> None:
        """Every pod ends as soon as it may."""
        while True:
            self.changed.clear()
            open_ = (
                []
                if self.holding
                else [
                    pod
                    for pod in self.client.peek_list(POD, "default").items
                    if pod["status"]["phase"] == "Pending"
                ]
            )
            if open_:
                changes = [
                    Change(verb="status", resource=POD, obj=ended(pod), trusted=True) for pod in open_[:5]
                ]
                # A commit that a cancelled life had handed over may still come first: look again.
                with suppress(StatusError):
                    await self.client.transact(changes)
                await asyncio.sleep(0)
            else:
                await self.changed.wait()

    def control(self) -> None:
        self.engine = Workflows(self.client, self.store, self.catalogue)
        manager = Manager(self.client, [self.engine])
        self.tasks = [asyncio.create_task(manager.run()), asyncio.create_task(self.pods())]

    async def crash(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def until(self, name: str, *phases: str) -> dict[str, Any]:
        for _ in range(4000):
            found = await self.client.get(WORKFLOW, name, "default")
            if (found.get("status") or {}).get("phase") in phases:
                return found
            await asyncio.sleep(0.002)
        raise AssertionError(f"{name} is {found.get('status')}")


def ended(pod: dict[str, Any]) -> dict[str, Any]:
    state = {"terminated": {"exitCode": 0, "reason": "Completed"}}
    statuses = [{"name": "main", "ready": False, "restartCount": 0, "state": state}]
    return {**pod, "status": {**pod["status"], "phase": "Succeeded", "containerStatuses": statuses}}


@asynccontextmanager
async def platform(folder: Path) -> AsyncIterator[Platform]:
    store = SqliteStore.open(folder / "store.db")
    made = Platform(store)
    await made.client.create(
        NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
    )
    made.control()
    try:
        yield made
    finally:
        await made.crash()
        made.client.close()
        await store.close()


def workflow(text: str) -> dict[str, Any]:
    found = yaml.safe_load(text)
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", **found}


async def test_the_controllers_defaults_lie_under_every_workflow(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        await world.client.create(NAMESPACE, {"metadata": {"name": "argo"}})
        usual = "{metadata: {labels: {team: red}}, spec: {entrypoint: main, priority: 7}}"
        config = {"metadata": {"name": "workflow-controller-configmap"}, "data": {"workflowDefaults": usual}}
        await world.client.create(CONFIG_MAP, config, "argo")
        made = "metadata: {name: plain}\nspec: {templates: [{name: main, container: {image: busybox}}]}"
        await world.client.create(WORKFLOW, workflow(made), "default")
        found = await world.until("plain", "Succeeded")
        assert found["metadata"]["labels"]["team"] == "red"
        assert found["spec"]["priority"] == 7


FAN = workflow("""
metadata: {name: fan}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: a, template: work, withSequence: {count: "40"}}
    - - {name: b, template: work}
  - name: work
    container: {image: busybox, command: ["true"]}
""")


async def test_a_workflow_runs_and_shows_its_nodes(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        await world.client.create(WORKFLOW, FAN, "default")
        found = await world.until("fan", "Succeeded", "Failed", "Error")
        status = found["status"]
        assert (status["phase"], status["progress"], len(status["nodes"])) == ("Succeeded", "41/41", 44)
        assert found["metadata"]["labels"]["workflows.argoproj.io/completed"] == "true"
        assert {"type": "Completed", "status": "True"} in status["conditions"]
        assert len(status["nodes"]["fan"]["children"]) == 1
        assert "nodes" not in (world.client.peek(WORKFLOW, "fan", "default") or {})["status"]


SHAPES = workflow("""
metadata: {name: shapes}
spec:
  entrypoint: main
  templates:
  - name: main
    steps:
    - - {name: still, template: work, arguments: {parameters: [{name: n, value: a}]}}
      - {name: moving, template: other, arguments: {parameters: [{name: image, value: "x:1"}]}}
  - name: work
    inputs: {parameters: [{name: n}]}
    container:
      image: busybox
      args: ["{{inputs.parameters.n}}"]
      resources: {limits: {cpu: "1", memory: 1Mi}}
  - name: other
    inputs: {parameters: [{name: image}]}
    container: {image: "{{inputs.parameters.image}}"}
""")


async def test_pods_of_one_shape_have_what_each_would_have_been_given(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        world.holding = True
        await world.client.create(WORKFLOW, SHAPES, "default")
        while len(world.made) < 2:
            await asyncio.sleep(0.002)
        still, moving = sorted(
            world.client.peek_list(POD, "default").items, key=lambda pod: "other" in pod["metadata"]["name"]
        )
        for pod in (still, moving):
            asked = {**pod, "metadata": {"name": pod["metadata"]["name"] + "-x", "namespace": "default"}}
            given = await world.client.create(POD, asked, "default")
            assert given["spec"] == pod["spec"]
            assert given["status"] == pod["status"]
            assert pod["metadata"].keys() >= {"uid", "creationTimestamp", "generation"}
        assert still["status"]["qosClass"] == "Guaranteed"
        assert moving["spec"]["containers"][0]["imagePullPolicy"] == "IfNotPresent"
        assert "imagePullPolicy" not in str(world.client.peek(WORKFLOW, "shapes", "default"))


async def test_control_may_die_at_any_time_and_no_pod_is_made_twice(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        await world.client.create(WORKFLOW, FAN, "default")
        for _ in range(12):
            await asyncio.sleep(0.004)
            await world.crash()
            world.control()
        found = await world.until("fan", "Succeeded", "Failed", "Error")
        assert found["status"]["phase"] == "Succeeded"
        assert len(world.made) == len(set(world.made)) == 41


async def test_a_run_that_the_engine_fails_on_ends_and_others_go_on(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        world.holding = True
        await world.client.create(WORKFLOW, FAN, "default")
        while len(world.made) < 40:
            await asyncio.sleep(0.002)
        await world.crash()
        uid = (world.client.peek(WORKFLOW, "fan", "default") or {})["metadata"]["uid"]
        await world.store.commit([Row("node", uid, "fan-1", b'{"id": 7}')])
        other = copy.deepcopy(FAN)
        other["metadata"]["name"] = "other"
        await world.client.create(WORKFLOW, other, "default")
        world.control()
        while (world.client.peek(WORKFLOW, "fan", "default") or {})["status"]["phase"] != "Error":
            await asyncio.sleep(0.002)
        found = await world.client.get(WORKFLOW, "fan", "default")
        assert "the engine failed on this workflow: ValidationError" in found["status"]["message"]
        assert found["status"]["finishedAt"]
        assert found["metadata"]["labels"]["workflows.argoproj.io/completed"] == "true"
        phases = {node["phase"] for node in found["status"]["nodes"].values()}
        assert phases == {"Error"}
        while any(pod["metadata"].get("deletionTimestamp") is None for pod in await owned(world, uid)):
            await asyncio.sleep(0.002)
        world.holding = False
        world.changed.set()
        await world.until("other", "Succeeded")


async def owned(world: Platform, uid: str) -> list[dict[str, Any]]:
    return (await world.client.list(POD, "default", Selection(owner=uid))).items


async def test_a_passing_mishap_of_the_engine_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter(range(ATTEMPTS - 1))
    charge = Run.charge

    def failing(run: Run, node: argo.NodeStatus) -> None:
        if next(failures, None) is not None:
            raise KeyError("a bug")
        charge(run, node)

    monkeypatch.setattr(Run, "charge", failing)
    async with platform(tmp_path) as world:
        await world.client.create(WORKFLOW, FAN, "default")
        found = await world.until("fan", "Succeeded", "Failed", "Error")
        assert (found["status"]["phase"], found["status"]["progress"]) == ("Succeeded", "41/41")
        assert next(failures, None) is None


async def test_a_person_resumes_by_editing_the_node(tmp_path: Path) -> None:
    document = workflow("""
metadata: {name: gate}
spec:
  entrypoint: main
  templates: [{name: main, steps: [[{name: ok, template: ok}]]}, {name: ok, suspend: {}}]
""")
    async with platform(tmp_path) as world:
        await world.client.create(WORKFLOW, document, "default")
        found = await world.until("gate", "Running")
        node = next(key for key, value in found["status"]["nodes"].items() if value["type"] == "Suspend")
        edit = {"status": {"nodes": {node: {"phase": "Succeeded", "message": "yes"}}}}
        await world.client.patch(WORKFLOW, "gate", "default", edit, "merge")
        done = await world.until("gate", "Succeeded", "Failed", "Error")
        assert done["status"]["nodes"][node]["message"] == "yes"


async def test_a_patch_stops_what_runs(tmp_path: Path) -> None:
    async with platform(tmp_path) as world:
        world.holding = True
        await world.client.create(WORKFLOW, FAN, "default")
        await world.until("fan", "Running")
        await world.client.patch(WORKFLOW, "fan", "default", {"spec": {"shutdown": "Terminate"}}, "merge")
        found = await world.until("fan", "Failed")
        assert found["status"]["message"] == "Stopped with strategy 'Terminate'"


@pytest.mark.parametrize(
    ("spec", "phase", "message"),
    [
        (
            "{entrypoint: nope, templates: [{name: nose, suspend: {}}]}",
            "Failed",
            "invalid spec: template name 'nope' undefined (did you mean \"nose\"?)",
        ),
        ("{workflowTemplateRef: {name: gone}}", "Error", 'workflowtemplates.argoproj.io "gone" not found'),
    ],
)
async def test_what_cannot_run_says_why(tmp_path: Path, spec: str, phase: str, message: str) -> None:
    async with platform(tmp_path) as world:
        await world.client.create(WORKFLOW, workflow(f"metadata: {{name: bad}}\nspec: {spec}"), "default")
        found = await world.until("bad", phase)
        assert found["status"]["message"] == message


async def test_resource_templates_create_and_wait_for_conditions(tmp_path: Path) -> None:
    document = workflow("""
metadata: {name: maker}
spec:
  entrypoint: main
  templates:
  - name: main
    resource:
      action: create
      setOwnerReference: true
      successCondition: data.state == ready
      manifest: |
        {apiVersion: v1, kind: ConfigMap, metadata: {generateName: made-}, data: {for: "{{workflow.name}}"}}
    outputs: {parameters: [{name: n, valueFrom: {jsonPath: "{.metadata.name}"}}]}
""")
    async with platform(tmp_path) as world:
        await world.client.create(WORKFLOW, document, "default")
        while not (found := world.client.peek_list(CONFIG_MAP, "default").items):
            await asyncio.sleep(0.002)
        name = found[0]["metadata"]["name"]
        assert found[0]["data"] == {"for": "maker"}
        await world.crash()
        world.control()
        await world.until("maker", "Running")
        await world.client.patch(CONFIG_MAP, name, "default", {"data": {"state": "ready"}}, "merge")
        done = await world.until("maker", "Succeeded", "Failed", "Error")
        assert done["status"]["nodes"]["maker"]["outputs"] == {"parameters": [{"name": "n", "value": name}]}
        assert len(world.client.peek_list(CONFIG_MAP, "default").items) == 1


async def test_a_merge_patch_may_name_its_object_by_flags(tmp_path: Path) -> None:
    document = workflow("""
metadata: {name: patcher}
spec:
  entrypoint: main
  templates:
  - name: main
    resource:
      action: patch
      mergeStrategy: merge
      flags: [configmap, settings]
      manifest: |
        data: {size: "2"}
""")
    async with platform(tmp_path) as world:
        settings = {"metadata": {"name": "settings"}, "data": {"size": "1", "colour": "red"}}
        await world.client.create(CONFIG_MAP, settings, "default")
        await world.client.create(WORKFLOW, document, "default")
        await world.until("patcher", "Succeeded")
        (found,) = world.client.peek_list(CONFIG_MAP, "default").items
        assert found["data"] == {"size": "2", "colour": "red"}


async def test_a_template_edited_meanwhile_does_not_change_the_run(tmp_path: Path) -> None:
    template = workflow(
        "metadata: {name: t}\nspec: {templates: [{name: x, container: {image: one, command: [a]}}]}"
    )
    template["kind"] = "WorkflowTemplate"
    user = workflow("""
metadata: {name: user}
spec:
  entrypoint: main
  templates: [{name: main, steps: [[{name: a, templateRef: {name: t, template: x}}]]}]
""")
    async with platform(tmp_path) as world:
        await world.client.create(WORKFLOW_TEMPLATE, template, "default")
        await world.client.create(WORKFLOW, user, "default")
        found = await world.until("user", "Succeeded")
        assert found["status"]["storedTemplates"]["namespaced/t/x"]["container"]["image"] == "one"


def test_every_field_of_the_views_is_upstreams() -> None:
    schema = Catalogue.builtin().schema(WORKFLOW)
    assert schema.properties is not None
    spec = schema.properties["spec"].properties
    assert spec is not None
    template = spec["templates"].items
    assert template is not None
    assert template.properties is not None
    for view, known in ((argo.Spec, spec), (argo.Template, template.properties)):
        names = set(view.__struct_encode_fields__)
        assert not names - known.keys(), f"{view.__name__} reads fields that upstream does not have"


async def test_an_edit_that_is_no_node_is_refused_and_harms_nobody(tmp_path: Path) -> None:
    document = workflow("""
metadata: {name: gate}
spec:
  entrypoint: main
  templates: [{name: main, steps: [[{name: ok, template: ok}]]}, {name: ok, suspend: {}}]
""")
    async with platform(tmp_path) as world:
        await world.client.create(WORKFLOW, document, "default")
        found = await world.until("gate", "Running")
        node = next(key for key, value in found["status"]["nodes"].items() if value["type"] == "Suspend")
        for wrong in ({"type": 7}, {"finishedAt": 3}, 5):
            with pytest.raises(StatusError, match=f"status.nodes.{node}") as refusal:
                patch = {"status": {"nodes": {node: wrong}}}
                await world.client.patch(WORKFLOW, "gate", "default", patch, "merge")
            assert refusal.value.code == 422
        assert (await world.client.get(WORKFLOW, "gate", "default"))["status"] == found["status"]
