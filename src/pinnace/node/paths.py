"""Paths that a manifest names, made plain: absolute, without `..`, as the container itself would read them.

`server` does this once to every `Run` that comes in, so that no later joining of folder and path can leave
the folder.
"""

from __future__ import annotations

import posixpath

from pinnace.node.protocol import Container, Run


def plain(path: str) -> str:
    """
    >>> plain("/tmp/../../x"), plain("../x"), plain("//x/"), plain("")
    ('/x', '/x', '/x', '/')
    """
    return "/" + posixpath.normpath("/" + path).lstrip("/")


def made_plain(run: Run) -> Run:
    for container in (*run.init, *run.containers):
        settle(container)
    for given in run.inputs:
        given.path = plain(given.path)
    run.folders = [plain(path) for path in run.folders]
    return run


def settle(container: Container) -> None:
    container.cwd = container.cwd and plain(container.cwd)
    container.unix_sockets = [plain(path) for path in container.unix_sockets]
    for mount in container.mounts:
        mount.path = plain(mount.path)
