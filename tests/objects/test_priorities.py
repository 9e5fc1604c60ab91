"""A Pod's class becomes a number at its creation, whoever creates it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pinnace.controllers.built_in import JOB, POD, PRIORITY_CLASS
from pinnace.controllers.core.jobs import Jobs
from pinnace.objects.errors import StatusError
from tests.controllers.house import House, house
from tests.controllers.nodes import FakeNode

pytestmark = pytest.mark.anyio


def controllers(made: House) -> list[Any]:
    return [Jobs(made.client)]


async def test_the_class_gives_the_number(tmp_path: Path) -> None:
    async with house(tmp_path, None) as platform:
        await platform.create(PRIORITY_CLASS, {"metadata": {"name": "high"}, "value": 1000}, "")
        named = await platform.pod("named", priorityClassName="high")
        plain = await platform.pod("plain")
        critical = await platform.pod("critical", priorityClassName="system-node-critical")
        with pytest.raises(StatusError, match="no PriorityClass with name none was found"):
            await platform.pod("lost", priorityClassName="none")
        low = {"metadata": {"name": "low"}, "value": -5, "globalDefault": True, "preemptionPolicy": "Never"}
        await platform.create(PRIORITY_CLASS, low, "")
        later = await platform.pod("later")
    assert [each["spec"]["priority"] for each in (named, plain, critical, later)] == [1000, 0, 2000001000, -5]
    assert later["spec"]["priorityClassName"] == "low"
    assert later["spec"]["preemptionPolicy"] == "Never"


async def test_the_greater_number_starts_first_also_of_jobs(tmp_path: Path) -> None:
    node = FakeNode()
    node.up = False
    async with house(tmp_path, node, controllers) as platform:
        await platform.create(PRIORITY_CLASS, {"metadata": {"name": "high"}, "value": 1000}, "")
        await platform.pod("first")
        template = {"restartPolicy": "Never", "priorityClassName": "high",
                    "containers": [{"name": "main", "image": "alpine"}]}
        await platform.create(JOB, {"metadata": {"name": "j"}, "spec": {"template": {"spec": template}}})
        await platform.until(JOB, "j", lambda j: (j.get("status") or {}).get("active") == 1)
        node.up = True
        await platform.phase("first", "Succeeded")
        names = [node.runs[uid].name for uid in node.started]
        assert (await platform.get(POD, names[0]))["spec"]["priority"] == 1000
    assert names[0].startswith("j-")
