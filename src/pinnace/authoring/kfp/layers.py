"""The `pip install` that the SDK puts before a lightweight component, read so that it can be done beforehand.

Without it the component starts at once, in an environment that is built once for the same requirements.
What cannot be read exactly stays in the command and runs as it is written. Caller: `launch`.
"""

from __future__ import annotations

import re
import shlex

PIP = ("python3", "-m", "pip", "install")
QUIET = frozenset({"--quiet", "-q", "--no-warn-script-location", "--disable-pip-version-check"})
KNOWN = frozenset({"--no-deps", "--upgrade", "-U"})
_ENSURE = re.compile(r"^\s*if ! \[ -x \"\$\(command -v pip\)\" \]; then.*?\nfi\s*", re.DOTALL)
_START = '"$0" "$@"'


def split(command: list[str]) -> tuple[list[list[str]], list[str]]:
    """(groups of `pip install` arguments, the command that remains)."""
    if len(command) < 4 or command[:2] != ["sh", "-c"] or command[3] != "sh":
        return [], command
    script = _ENSURE.sub("", command[2]).strip()
    if not script.endswith(_START) or "pip install" not in script:
        return [], command
    groups: list[list[str]] = []
    for part in script.removesuffix(_START).strip().removesuffix("&&").split(" && "):
        group = _group(part.strip())
        if group is None:
            return [], command
        groups.append(group)
    return groups, command[3:]


def _group(part: str) -> list[str] | None:
    try:
        words = shlex.split(part)
    except ValueError:
        return None
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words.pop(0)
    if tuple(words[:4]) != PIP:
        return None
    wanted = [word for word in words[4:] if word not in QUIET]
    if any(word.startswith("-") and word not in KNOWN for word in wanted):
        return None
    return wanted
