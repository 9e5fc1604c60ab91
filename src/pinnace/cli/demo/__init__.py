"""`pinnace demo`: handwritten digits from raw images to a model in service, told act by act.

It types what a user would type (kubectl on the manifests under `examples/`) against a platform of its own,
and believes nothing that it has not read back from the API.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from pinnace.cli import care, disk, platform
from pinnace.cli.demo.acts import play
from pinnace.cli.demo.stage import Stage
from pinnace.cli.examples import examples
from pinnace.home import Home

__all__ = ["demo"]


def demo(*, once: bool, yes: bool, port: int, home: Path | None) -> int:
    where = Home.at(home or Path.home() / ".pinnace-demo")
    console = Console(highlight=False)
    if platform.running(where):
        stop = f"pinnace down --home {where.root}"
        raise platform.Failure(f"a demo runs in {where.root}: stop it with `{stop}`")
    forget_earlier(where)
    with tempfile.TemporaryDirectory(prefix="pinnace-demo-") as scratch:
        stage = Stage(where, console, copy_examples(Path(scratch)), yes)
        try:
            outcome = play(stage, port)
            if not once and outcome == 0:
                stay(stage)
        except KeyboardInterrupt:
            outcome = 130
        finally:
            console.print("\nstopping the demo's platform …")
            platform.stop(where)
    return outcome


def forget_earlier(home: Home) -> None:
    """Every demo begins with an empty platform; only environments, which cost downloads, are kept."""
    if home.root.exists():
        for path in home.root.iterdir():
            if path.name not in care.KEPT_BY_RESET:
                disk.remove(path)


def copy_examples(scratch: Path) -> Path:
    """The demo edits a line of the trainer, so it works on a copy."""
    return Path(shutil.copytree(examples(), scratch / "examples"))


def stay(stage: Stage) -> None:
    stage.console.print("\nEverything stays up until Ctrl-C.")
    try:
        while platform.running(stage.home):
            sys.stdin.readline() if sys.stdin.isatty() else time.sleep(1)
    except KeyboardInterrupt:
        return
