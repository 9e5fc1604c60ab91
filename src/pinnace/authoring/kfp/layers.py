"""The `pip install` that SDKs put before a user's function, read so that it can be done beforehand.

Kubeflow Pipelines has it in a lightweight component's command, Katib and the Training SDK at the head of the
script in which they hand a function over. Without it the function starts at once, in an environment that is
built once for the same requirements. What cannot be read exactly stays in the command and runs as it is
written. Callers: `launch` and `controllers/pods` (what is to be installed), the node (what remains to run).
"""

from __future__ import annotations

import re
import shlex
from urllib.parse import urlsplit

PIP = ("python3", "-m", "pip", "install")
IGNORED = frozenset(
    {
        "--quiet", "-q", "--no-warn-script-location", "--disable-pip-version-check", "--user",
        "--no-cache-dir", "--prefer-binary",
    }
)
KNOWN = frozenset({"--no-deps", "--upgrade", "-U", "--pre"})
INDEXES = frozenset({"--index-url", "-i", "--extra-index-url"})
HOST = "--trusted-host"
COMMON = frozenset({"pypi" ".org", "pypi.python.org", "files.pythonhosted.org"})
"""Where everything comes from that says nothing else: what this machine is set up for stands for it."""
_ENSURE = re.compile(r"^\s*if ! \[ -x \"\$\(command -v pip\)\" \]; then.*?\nfi\s*", re.DOTALL)
_OWN_FOLDER = re.compile(
    r"\s*export PIP_DISABLE_PIP_VERSION_CHECK=1\s+tmp=\$\(mktemp -d\)\s+python3 -m venv \"\$tmp/venv\""
    r" --system-site-packages\s+\. \"\$tmp/venv/bin/activate\"\s+"
)
"""`use_venv`: the environment of a step is its own in any case."""
_EITHER = re.compile(r"^\((?P<first>.*?) \|\| (?P<second>.*?)\)$", re.DOTALL)
"""kfp 1.8 tries a second time with `--user`."""
_START = '"$0" "$@"'
_HEAD = re.compile(_ENSURE.pattern + r"^(?P<install>[^\n]*pip install[^\n]*)\n", re.DOTALL | re.MULTILINE)


def split(command: list[str]) -> tuple[list[list[str]], list[str]]:
    """(groups of `pip install` arguments, the command that remains)."""
    head = _HEAD.match(command[2]) if len(command) > 2 and command[1] == "-c" else None
    alone = head is not None and "&&" not in head["install"]
    if head is not None and alone and (group := _group(head["install"].strip())) is not None:
        return [group], [*command[:2], command[2][head.end():], *command[3:]]
    if len(command) < 4 or command[:2] != ["sh", "-c"] or command[3] != "sh":
        return [], command
    script = _ENSURE.sub("", command[2]).strip()
    if not script.endswith(_START) or "pip install" not in script:
        return [], command
    script = _OWN_FOLDER.sub(" ", script.removesuffix(_START).strip())
    groups: list[list[str]] = []
    for part in _parts(script):
        group = _group(part)
        if group is None:
            return [], command
        groups.append(group)
    return groups, command[3:]


def _parts(script: str) -> list[str]:
    found = [part.strip() for part in script.split("&&")]
    return [_once(part) for part in found if part]


def _once(part: str) -> str:
    """One of the two tries, if they install the same."""
    found = _EITHER.match(part)
    if found is None:
        return part
    tries = [_group(found[name].strip()) for name in ("first", "second")]
    return found["first"].strip() if tries[0] == tries[1] else part


def _group(part: str) -> list[str] | None:
    try:
        words = shlex.split(part)
    except ValueError:
        return None
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words.pop(0)
    if tuple(words[:4]) != PIP:
        return None
    return _arguments(words[4:])


def _arguments(words: list[str]) -> list[str] | None:
    """Each option one word, as `--index-url=…`."""
    made: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if word in IGNORED:
            continue
        if name in INDEXES or name == HOST:
            value = value if equals else next(rest, "")
            made += _place("--index-url" if name == "-i" else name, value)
        elif word.startswith("-") and word not in KNOWN:
            return None
        else:
            made.append(word)
    return made


def _place(name: str, value: str) -> list[str]:
    host = value if name == HOST else urlsplit(value).hostname or ""
    return [] if host in COMMON else [f"{name}={value}"]
