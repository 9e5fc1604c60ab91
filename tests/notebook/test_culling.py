"""When a notebook is idle: pure decisions, and the controller with a clock and answers of the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.built_in import CONFIG_MAP, NAMESPACE, POD
from pinnace.controllers.controller import Key
from pinnace.controllers.moment import stamp
from pinnace.controllers.notebook.culler import CONFIGURED, Culler
from pinnace.controllers.notebook.culling import Seen, Settings, decide, settings
from pinnace.gateway.interface import Statistics
from pinnace.gateway.memory import Memory
from pinnace.kinds import notebook as kind
from pinnace.kinds.notebook import NOTEBOOK
from pinnace.objects.client import Change
from tests.controllers.house import House

NOW = 1_800_000_000.0
HOUR = Settings(idle=3600.0)
IDLE = {"execution_state": "idle"}


def at(minutes_ago: float) -> str:
    return stamp(NOW - minutes_ago * 60)


def lasting(minutes_ago: float) -> dict[str, str]:
    return {kind.LAST_ACTIVITY: at(minutes_ago)}


def test_what_is_never_used_is_stopped_after_its_time() -> None:
    begun = decide({}, Seen(asked=True), HOUR, NOW)
    assert (begun.stop, begun.annotations) == (False, {kind.LAST_ACTIVITY: at(0), kind.CHECKED: at(0)})
    assert not decide(lasting(59), Seen(asked=True), HOUR, NOW).stop
    end = decide(lasting(60), Seen(asked=True), HOUR, NOW)
    assert end.stop
    assert end.annotations == {kind.STOPPED: at(0), kind.LAST_ACTIVITY: None, kind.CHECKED: None}


@pytest.mark.parametrize(
    "seen",
    [
        Seen(asked=True, kernels=({"execution_state": "busy", "last_activity": at(500)},)),
        Seen(asked=True, kernels=({**IDLE, "last_activity": at(500)},), connections=1),
        Seen(asked=True, kernels=({**IDLE, "last_activity": at(30)},)),
        Seen(asked=True, terminals=({"name": "1", "last_activity": at(30)},)),
        None,
    ],
    ids=["busy kernel", "connection", "kernel", "terminal", "no answer"],
)
def test_what_is_used_lives_on(seen: Seen | None) -> None:
    assert not decide(lasting(120), seen, HOUR, NOW).stop


def test_old_kernels_and_terminals_hold_nothing_up() -> None:
    old = {"last_activity": at(90)}
    found = decide(lasting(120), Seen(asked=True, kernels=({**IDLE, **old},), terminals=(old,)), HOUR, NOW)
    assert found.stop


def test_of_programs_that_are_no_jupyter_too_little_is_known() -> None:
    """Unless their owner says so."""
    assert not decide(lasting(120), Seen(), HOUR, NOW).stop
    assert decide({**lasting(120), kind.IDLE_MINUTES: "60"}, Seen(), HOUR, NOW).stop


def test_without_culling_only_the_last_activity_is_told() -> None:
    never = Settings()
    assert decide(lasting(900), Seen(asked=True), never, NOW).annotations == {}
    seen = Seen(asked=True, kernels=({**IDLE, "last_activity": at(2)},))
    assert decide(lasting(900), seen, never, NOW).annotations == lasting(2)
    future = Seen(asked=True, kernels=({**IDLE, "last_activity": at(-500)},))
    assert decide(lasting(900), future, never, NOW).annotations == lasting(0)


def test_a_stopped_one_keeps_no_activity() -> None:
    """Else it would be idle from its next start on."""
    found = decide({**lasting(9), kind.STOPPED: "x"}, None, HOUR, NOW)
    assert (found.stop, found.annotations) == (False, {kind.LAST_ACTIVITY: None})


@pytest.mark.parametrize(
    ("configured", "notes", "idle"),
    [
        ({}, {}, None),
        ({"CULL_IDLE_TIME": "5"}, {}, None),
        ({"ENABLE_CULLING": "true"}, {}, 86400.0),
        ({"ENABLE_CULLING": "true", "CULL_IDLE_TIME": "5"}, {}, 300.0),
        ({"ENABLE_CULLING": "true", "CULL_IDLE_TIME": "soon"}, {}, 86400.0),
        ({"ENABLE_CULLING": "true"}, {kind.IDLE_MINUTES: "0"}, None),
        ({}, {kind.IDLE_MINUTES: "30"}, 1800.0),
    ],
)
def test_who_says_how_long(configured: dict[str, str], notes: dict[str, str], idle: float | None) -> None:
    assert settings(configured, notes).idle == idle


class Scene:
    """A running notebook, whose answers and whose time are the test's."""

    def __init__(self, root: Path) -> None:
        self.house = House(root)
        self.gateway = Memory()
        self.now = NOW
        self.answers: dict[str, tuple[dict[str, Any], ...] | None] = {"kernels": (), "terminals": ()}
        self.culler = Culler(
            self.house.client, self.gateway, lambda: "/doors", clock=lambda: self.now, ask=self.ask
        )

    async def ask(self, address: str, path: str) -> tuple[dict[str, Any], ...] | None:
        assert address == "unix:/doors/10.88.0.9-8888"
        return self.answers[path.removeprefix("/notebook/default/lab/api/")]

    async def begin(self) -> None:
        container = {"name": "lab", "image": "kubeflownotebookswg/jupyter"}
        await self.house.namespace()
        spec = {"template": {"spec": {"containers": [container]}}}
        await self.house.create(NOTEBOOK, {"metadata": {"name": "lab"}, "spec": spec})
        ports = {"ports": [{"containerPort": 8888}]}
        pod = await self.house.pod("lab-0", containers=[{**container, **ports}])
        ready = {"type": "Ready", "status": "True"}
        status = {**pod["status"], "phase": "Running", "podIP": "10.88.0.9", "conditions": [ready]}
        await self.house.client.transact([Change(verb="status", resource=POD, obj={**pod, "status": status})])
        await self.house.client.create(NAMESPACE, {"metadata": {"name": CONFIGURED.namespace}})
        data = {"ENABLE_CULLING": "true", "CULL_IDLE_TIME": "60", "IDLENESS_CHECK_PERIOD": "5"}
        await self.house.create(
            CONFIG_MAP, {"metadata": {"name": CONFIGURED.name}, "data": data}, CONFIGURED.namespace
        )

    async def look(self, minutes: float) -> dict[str, str]:
        """The notebook's annotations after the next look, so many minutes later."""
        self.now += minutes * 60
        await self.culler.reconcile(Key("default", "lab"))
        return kind.notes(await self.house.get(NOTEBOOK, "lab"))


@pytest.mark.anyio
async def test_the_controller_looks_now_and_then_and_stops_what_is_idle(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    try:
        await scene.begin()
        first = scene.now
        assert (await scene.look(0))[kind.LAST_ACTIVITY] == stamp(first)
        assert (await scene.look(1))[kind.CHECKED] == stamp(first), "no sooner than its period"
        scene.answers["terminals"] = ({"name": "1", "last_activity": stamp(first + 1200)},)
        assert (await scene.look(29))[kind.LAST_ACTIVITY] == stamp(first + 1200)
        scene.gateway.statistics["default/notebooks/lab"] = Statistics(active=1)
        assert (await scene.look(100))[kind.LAST_ACTIVITY] == stamp(scene.now)
        scene.gateway.statistics.clear()
        assert kind.STOPPED not in await scene.look(59)
        stopped = await scene.look(6)
        assert stopped[kind.STOPPED] == stamp(scene.now)
        assert kind.LAST_ACTIVITY not in stopped
    finally:
        await scene.house.store.close()
