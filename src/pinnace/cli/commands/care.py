"""The home: its backups, its space. See `cli/app`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pinnace.cli.options import Where
from pinnace.home import Home


def reset(*, yes: Annotated[bool, Parameter(negative="")] = False, home: Where = None) -> int:
    """Forget every object, run, log and artifact of this home (environments stay)."""
    from pinnace.cli.care import reset as command

    return command(Home.at(home), yes)


def backup(target: Path, *, home: Where = None) -> int:
    """Write a backup (objects, volumes, artifacts) to one file; works while the platform runs."""
    from pinnace.cli.care import backup as command

    return command(Home.at(home), target)


def restore(source: Path, *, home: Where = None) -> int:
    """Bring a backup into an empty home."""
    from pinnace.cli.care import restore as command

    return command(Home.at(home), source)


def du(*, home: Where = None) -> int:
    """Tell what takes how much disk."""
    from pinnace.cli.care import du as command

    return command(Home.at(home))


def gc(*, home: Where = None) -> int:
    """Remove pod folders, artifacts and the data of deleted claims: what no object refers to."""
    from pinnace.cli.care import gc as command

    return command(Home.at(home))
