"""The hosts and resolver files of pods.

A pod with a network of its own has a short hosts file (itself, its aliases) and asks the name server for all
else. A pod that shares the host's network has no name server of ours: its file holds every name, and is
written anew in place whenever Services change.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from pinnace.node.network.picture import Picture

LOCAL = (
    b"# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
)


class HostsFiles:
    """Those that follow the Services."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.known: dict[str, tuple[str, bytes]] = {}
        """Path → the pod's namespace, and the part that stays."""

    def follow(self, path: str, namespace: str, start: bytes) -> None:
        self.known[path] = (namespace, start)
        self.write(path)

    def forget(self, path: str) -> None:
        self.known.pop(path, None)

    def changed(self) -> None:
        for path in list(self.known):
            self.write(path)

    def write(self, path: str) -> None:
        namespace, start = self.known[path]
        content = start + lines(dict(self.picture.hosts(namespace)))
        file = Path(path)
        if not file.exists() or file.read_bytes() != content:
            file.write_bytes(content)


def lines(names: Mapping[str, str]) -> bytes:
    """Names → addresses; neighbours with one address share a line, the first is the canonical one."""
    groups = groupby(names.items(), key=lambda item: item[1])
    return "".join(
        f"{address}\t{' '.join(name for name, _ in found)}\n" for address, found in groups
    ).encode()
