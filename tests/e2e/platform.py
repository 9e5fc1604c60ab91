"""A whole platform in a temporary home, as a user has it: real processes, real kubectl, real Envoy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pinnace.cli.connection import Connection
from pinnace.home import Home

PINNACE = [sys.executable, "-m", "pinnace"]


class Platform:
    def __init__(self, root: Path, *options: str) -> None:
        self.home = Home.at(root)
        self.options = options

    def up(self) -> Platform:
        """`pinnace up -d`; returns when the platform is ready."""
        self.command("up", "-d", "--port", "0", "--gateway-port", "0", *self.options)
        return self

    def down(self) -> None:
        subprocess.run([*PINNACE, "down", "--home", str(self.home.root)], capture_output=True, check=False)

    def command(
        self, *words: str, check: bool = True, text: str = "", timeout: float = 170
    ) -> subprocess.CompletedProcess[str]:
        """A `pinnace` command on this home."""
        environment = {**os.environ, "PINNACE_HOME": str(self.home.root), "COLUMNS": "160"}
        done = subprocess.run(
            [*PINNACE, *words], input=text, capture_output=True, text=True, env=environment, timeout=timeout
        )
        if check and done.returncode != 0:
            said = f"{done.returncode}\n{done.stdout}\n{done.stderr}"
            raise AssertionError(f"pinnace {' '.join(words)}: {said}\n{self.last_words()}")
        return done

    def kubectl(self, *words: str, text: str = "", check: bool = True) -> str:
        done = subprocess.run(
            ["kubectl", *words], input=text, capture_output=True, text=True, timeout=120,
            env={**os.environ, "KUBECONFIG": str(self.home.kubeconfig)},
        )
        if check and done.returncode != 0:
            said = f"{done.stdout}{done.stderr}"
            raise AssertionError(f"kubectl {' '.join(words)}: {said}\n{self.last_words()}")
        return done.stdout if done.returncode == 0 else done.stderr

    def get(self, *words: str) -> Any:
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    @property
    def api(self) -> Connection:
        return Connection.to(self.home)

    def pids(self) -> dict[str, int]:
        state = json.loads(self.home.state.read_text())
        return {**state["processes"], "supervisor": state["pid"]}

    def last_words(self) -> str:
        tails = []
        for log in sorted(self.home.logs.glob("*.log")):
            tails.append(f"--- {log.name}\n" + log.read_text(errors="replace")[-2000:])
        return "\n".join(tails)

    def run(self, manifest: str, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`pinnace run -` with the manifest on standard input."""
        return self.command("run", "-", *words, text=manifest, check=check)


def eventually(condition: Callable[[], Any], what: str, within: float = 60) -> Any:
    """The first truthy answer; a failure names what never came."""
    deadline = time.monotonic() + within
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited {within} s for {what}"
        time.sleep(0.02)
    return answer
