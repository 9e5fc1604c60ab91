"""Which Pythons this machine has. Pure of processes: `environments` asks uv, here is what it is asked and
what its answer means.

pyenv's shims are on the PATH for every version that it knows, and fail for all that nobody has chosen: its
own folders stand for them. An image's tag may name a Python that the machine lacks; where the rule says that
one is near enough, the next newer one takes its place.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

SHIMS = "/shims"


def search_path(path: str, home: str) -> str:
    """`path` as uv should look along it."""
    root = Path(os.environ.get("PYENV_ROOT") or Path(home) / ".pyenv")
    kept = [folder for folder in path.split(":") if not (folder.endswith(SHIMS) and ".pyenv" in folder)]
    try:
        versions = sorted(entry.name for entry in (root / "versions").iterdir())
    except OSError:
        versions = []
    return ":".join([*kept, *(str(root / "versions" / name / "bin") for name in versions)])


def newer(listed: str, wanted: str) -> str | None:
    """The path of the nearest Python after that version, of `uv python list --output-format json`."""
    try:
        asked = tuple(int(part) for part in wanted.split("."))
        found = [(version(one), one["path"]) for one in json.loads(listed) if one.get("path")]
    except (ValueError, KeyError, TypeError):
        return None
    return min((one for one in found if one[0] > asked), default=((), None))[1]


def version(listed: dict[str, dict[str, int]]) -> tuple[int, ...]:
    parts = listed["version_parts"]
    return parts["major"], parts["minor"], parts["patch"]
