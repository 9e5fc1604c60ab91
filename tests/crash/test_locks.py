"""Locks on a whole platform whose control is killed again and again: the ledger shows who ran beside whom."""

from __future__ import annotations

import json
import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.crash.test_platform import reached, read
from tests.e2e.platform import Platform, eventually

pytestmark = [pytest.mark.slow, pytest.mark.serial]


def flow(name: str, ledger: Path, **spec: Any) -> str:
    script = 'echo "start $POD" >> "/$LEDGER"; sleep 0.2; echo "end $POD" >> "/$LEDGER"'
    env = [
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
        {"name": "LEDGER", "value": str(ledger).lstrip("/")},
    ]
    step = {"image": "alpine:3", "command": ["/bin/sh", "-c", script], "env": env}
    lock = {"synchronization": {"mutexes": [{"name": "machine"}]}}
    templates = [
        {"name": "main", "steps": [[{"name": "s", "template": "step", "withSequence": {"count": "6"}}]]},
        {"name": "step", "container": step, **lock},
    ]
    return json.dumps({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name},
        "spec": {"entrypoint": "main", "templates": templates, **spec},
    })  # fmt: skip


def test_a_mutex_holds_over_kills_of_control_and_is_never_lost(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "home", "--isolation", "process")
    ledger = tmp_path / "ledger"
    try:
        platform.up()
        whole = {"synchronization": {"mutexes": [{"name": "one-at-a-time"}]}}
        for name, spec in (("a", {}), ("b", {}), ("c", whole), ("d", whole)):
            platform.kubectl("create", "-f", "-", text=flow(name, ledger, **spec))
        for least in (4, 12, 20, 30):
            eventually(partial(reached, ledger, least), f"{least} lines", 120)
            os.kill(platform.pids()["control"], signal.SIGKILL)
        over = lambda: platform.kubectl("get", "workflows", check=False).count("Succeeded") == 4  # noqa: E731
        eventually(over, "all four", 150)
        left = [one["status"].get("synchronization") for one in platform.get("workflows")["items"]]
        assert left == [None] * 4
    finally:
        platform.down()
    words = [word for word, _ in read(ledger)]
    assert words == ["start", "end"] * 24, "never two at a time, none twice"
