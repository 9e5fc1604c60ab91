"""Where a path of a container really leads, worked out as the container would see it.

bubblewrap makes mount points and working folders while the host's root is still in its reach, and follows
the links on the way: one that an earlier step left in a volume (or an image brings) would lead it outside.
So the sandbox launcher gives it only ways without links: each is resolved here first, inside the container's
view.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from posixpath import normpath

from pinnace.node.launchers import Bind, StartError
from pinnace.node.roots import LINKS

MOST_LINKS = 40


class View:
    """A container's file tree while it is put together: private root, image below, what is mounted so far."""

    def __init__(self, root: str, image: str = "", *, fresh: bool = False) -> None:
        """`fresh`: the root is as `roots` has made it, whose only links are LINKS."""
        self.below = (root, image) if image else (root,)
        self.bare = fresh and not image
        self.binds: list[Bind] = []

    def mount(self, bind: Bind) -> Bind:
        """The same bind at a path without links, known to the ways of later ones."""
        plain = self.bare and not self.binds and straight(bind.path)
        place = bind.path if plain else self.way(bind.path)
        found = bind if place == bind.path else Bind(bind.source, place, bind.read_only)
        self.binds.append(found)
        return found

    def way(self, path: str) -> str:
        """StartError: links without an end."""
        waiting = [part for part in path.split("/") if part][::-1]
        here: list[str] = []
        links = 0
        while waiting:
            part = waiting.pop()
            if part == "..":
                del here[-1:]
                continue
            target = self.link("/" + "/".join((*here, part))) if part != "." else ""
            if target is None:
                here.append(part)
            elif target:
                links += 1
                if links > MOST_LINKS:
                    raise StartError(f"the way to {path} has too many symbolic links")
                here = [] if target.startswith("/") else here
                waiting += [part for part in target.split("/") if part][::-1]
        return "/" + "/".join(here)

    def link(self, path: str) -> str | None:
        """The target of a link at `path`, whose parents are no links."""
        for place in self.places(path):
            try:
                return os.readlink(place)
            except OSError:
                if os.path.lexists(place):
                    return None
        return None

    def places(self, path: str) -> Sequence[str]:
        """Where on the host it may lie, the topmost first."""
        for bind in reversed(self.binds):
            if path == bind.path:
                return ()
            if path.startswith(bind.path.rstrip("/") + "/"):
                return (bind.source + path[len(bind.path.rstrip("/")) :],)
        return [root + path for root in self.below]


@lru_cache(256)
def straight(path: str) -> bool:
    """Whether a path has no link on its way in a root where nobody has been."""
    return path == normpath(path) and path.split("/")[1] not in LINKS


def refuse_links(root: str, folders: Sequence[str]) -> None:
    """StartError if one of the folders that mounts of ours lie in is a link: left by the container's last
    life, or brought by its image."""
    for folder in folders:
        if os.path.islink(f"{root}/{folder}"):
            text = f"/{folder} is a symbolic link where a folder is needed"
            raise StartError(f"{text}; the container cannot start")
