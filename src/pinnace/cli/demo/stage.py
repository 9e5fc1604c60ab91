"""What every act of the demo needs: a narrator, kubectl, the API, and a clock."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.rule import Rule

from pinnace.cli.connection import Connection
from pinnace.cli.kubectl import binary
from pinnace.cli.platform import Failure
from pinnace.home import Home

PATIENCE = 120.0


class Stage:
    """One performance: where it plays, and what it has cost so far (seconds by act)."""

    def __init__(self, home: Home, console: Console, examples: Path, yes: bool) -> None:
        self.home = home
        self.console = console
        self.examples = examples
        self.yes = yes
        self.bill: list[tuple[str, float]] = []
        self.first_result: float | None = None

    @property
    def api(self) -> Connection:
        return Connection.to(self.home)

    @contextmanager
    def act(self, title: str) -> Iterator[None]:
        self.console.print()
        self.console.print(Rule(f"[bold]{title}", align="left"))
        began = time.monotonic()
        yield
        self.bill.append((title, time.monotonic() - began))
        self.console.print(f"[dim]{self.bill[-1][1]:.1f} s")

    def say(self, text: str) -> None:
        self.console.print(text)

    def type(self, *words: str, quiet: bool = False) -> str:
        """Run kubectl as a user would, showing the line. Raises Failure with what it printed."""
        if not quiet:
            shown = " ".join(w.replace(f"{self.examples}/", "examples/") for w in words)
            self.console.print(f"[bold green]$[/] kubectl {shown}", soft_wrap=True)
        environment = {**os.environ, "KUBECONFIG": str(self.home.kubeconfig)}
        done = subprocess.run([binary(), *words], env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"kubectl {' '.join(words)} failed:\n{done.stderr.strip()}")
        if not quiet and done.stdout.strip():
            self.console.print(done.stdout.rstrip(), markup=False, style="dim", soft_wrap=True)
        return done.stdout

    def wait(self, what: str, condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """The first truthy answer of `condition`. Raises Failure naming what never came."""
        deadline = time.monotonic() + patience
        while not (answer := condition()):
            if time.monotonic() > deadline:
                raise Failure(f"waited {patience:.0f} s for {what}; `pinnace status --home {self.home.root}`")
            time.sleep(0.05)
        return answer

    def get(self, path: str) -> Any:
        return self.api.json(path)

    def processes(self) -> dict[str, int]:
        state: dict[str, Any] = json.loads(self.home.state.read_text())
        return {name: int(pid) for name, pid in state.get("processes", {}).items()}
