"""Declared paths, moved into the pod's own folder: how a pod without a private root keeps to itself.

Pure. The process launcher rewrites command, args, env and script with it. A path counts as found where it
stands by itself: not as a part of a longer path, and not inside a word.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import PurePosixPath

SYSTEM = frozenset(
    f"/{name}" for name in ("", "boot", "etc", "home", "opt", "root", "run", "srv", "usr", "var")
)
UNTOUCHED = ("/bin", "/dev", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr/bin", "/usr/lib", "/usr/sbin")


class Unwritable(ValueError):
    """A declared path that cannot be moved; the text names it."""


class Rewriter:
    """Declared paths (files or folders, absolute) → the same paths under `root`.

    `elsewhere` names paths with a place of their own. With an empty `root` every text stays as it is.
    """

    def __init__(self, root: str, declared: list[str], elsewhere: dict[str, str] | None = None) -> None:
        self.root = root
        self.elsewhere = elsewhere or {}
        self.moved: tuple[str, ...] = ()
        self.pattern: re.Pattern[str] | None = None
        if root:
            self.moved, self.pattern = search(tuple(declared), tuple(self.elsewhere))
        self.seen: set[str] = set()

    def text(self, text: str) -> str:
        if self.pattern is None or "/" not in text:
            return text
        return self.pattern.sub(self.move, text)

    def move(self, match: re.Match[str]) -> str:
        self.seen.add(match.group(0))
        return self.elsewhere.get(match.group(0)) or self.root + match.group(0)

    def path(self, path: str) -> str:
        """Where a path of the manifest is on the host."""
        for moved in self.moved:
            if path == moved or path.startswith(moved + "/"):
                return self.elsewhere.get(moved, self.root + moved) + path[len(moved) :]
        return path

    def require(self, path: str, what: str) -> None:
        """Unwritable: no text of the container mentions `path`, so its program would use the host's."""
        if not self.root:
            return
        own = PurePosixPath(path)
        if not any(own.is_relative_to(seen) or PurePosixPath(seen).is_relative_to(own) for seen in self.seen):
            raise Unwritable(
                f"{what}: the path {path} is mentioned in neither command, args, env nor script, so it "
                "cannot be moved into the pod's own folder; mention it there, or run with --isolation sandbox"
            )


@lru_cache(512)
def search(declared: tuple[str, ...], elsewhere: tuple[str, ...]) -> tuple[tuple[str, ...], re.Pattern[str]]:
    """What is looked for, the longest first, and how. Unwritable: one of `declared` cannot be moved."""
    moved = tuple(sorted(prefixes(declared) | set(elsewhere), key=len, reverse=True))
    return moved, pattern(moved)


def prefixes(declared: tuple[str, ...]) -> set[str]:
    """The paths to look for: each declared one and its folder (programs `mkdir -p` it), unless that is a
    folder of the system. Unwritable: a declared path that the system's own programs need."""
    found: set[str] = set()
    for path in declared:
        clean = str(PurePosixPath(path))
        if not clean.startswith("/"):
            continue
        if clean in SYSTEM or any(clean == p or clean.startswith(p + "/") for p in UNTOUCHED):
            raise Unwritable(
                f"{path} is a folder of the system and cannot be moved into the pod's own folder; "
                "name another path, or run with --isolation sandbox"
            )
        found.add(clean)
        parent = str(PurePosixPath(clean).parent)
        if parent not in SYSTEM and not parent.startswith(UNTOUCHED):
            found.add(parent)
    return found


def pattern(paths: tuple[str, ...]) -> re.Pattern[str]:
    words = "|".join(re.escape(p) for p in paths)
    return re.compile(r"(?:(?<![\w./~})-])|(?<=://))(?:" + words + r")(?![\w-]|\.\w)")
