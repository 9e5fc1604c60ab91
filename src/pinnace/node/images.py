"""Images as roots: a rule says where one comes from, a process of its own fetches and unpacks it.

`Environments` calls `fetch`; the fetching itself is `python -m pinnace.node.images …`, so that TLS, archives
and their memory stay out of the node. Nothing is fetched unless a rule says so.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from pinnace.authoring.environments import Rule
from pinnace.home import Home
from pinnace.node.indexes import translated
from pinnace.node.launchers import Built
from pinnace.node.reaper import Reaper


class Unpacked(msgspec.Struct):
    """What the fetching process says on its last line."""

    root: str = ""
    digest: str = ""
    entrypoint: list[str] = []
    cmd: list[str] = []
    env: dict[str, str] = {}
    user: str = ""
    workdir: str = ""
    error: str = ""
    reason: str = ""


class ImageError(Exception):
    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Images:
    def __init__(self, home: Home, reaper: Reaper) -> None:
        self.home = home
        self.reaper = reaper

    async def fetch(self, rule: Rule, image: str) -> Built:
        """ImageError: it cannot be had."""
        answer = os.memfd_create("image")
        try:
            argv = [sys.executable, "-m", "pinnace.node.images", str(self.home.root), image]
            argv.append(msgspec.json.encode(rule.source).decode())
            await self.reaper.run(argv, translated(os.environ), output=answer)
            said = os.pread(answer, 1 << 20, 0)
        finally:
            os.close(answer)
        try:
            unpacked = msgspec.json.decode(said.strip().rpartition(b"\n")[2], type=Unpacked)
        except msgspec.DecodeError:
            raise ImageError("ErrImagePull", said.decode(errors="replace").strip()[-600:]) from None
        if unpacked.error:
            raise ImageError(unpacked.reason, unpacked.error)
        return as_built(unpacked, image)


def as_built(unpacked: Unpacked, image: str) -> Built:
    name = unpacked.user.partition(":")[0]
    return Built(
        digest=unpacked.digest,
        root=unpacked.root,
        env=unpacked.env,
        entrypoint=tuple(unpacked.entrypoint),
        cmd=tuple(unpacked.cmd),
        workdir=unpacked.workdir,
        user=int(name) if name.isdigit() and int(name) > 0 else None,
        image=image,
        identity=f"image:{unpacked.digest}",
    )


def unpack(home: Home, image: str, source: str) -> Unpacked:
    """In the fetching process."""
    from pinnace.authoring.environments import Source
    from pinnace.data.images import ImageError as StoreError
    from pinnace.data.images import ImageStore

    rule = msgspec.json.decode(source, type=Source)
    store = ImageStore(home.data / "images")
    try:
        if rule.archive:
            found = store.import_archive(Path(rule.archive).expanduser(), image)
        elif rule.layout:
            found = store.import_layout(Path(rule.layout).expanduser(), image)
        else:
            found = store.find(image) or store.pull(image)
    except StoreError as error:
        return Unpacked(error=str(error), reason=error.reason)
    except OSError as error:
        return Unpacked(error=f"{image}: {error}", reason="ErrImagePull")
    config = found.config
    return Unpacked(
        root=str(found.rootfs),
        digest=found.digest,
        entrypoint=config.entrypoint,
        cmd=config.cmd,
        env=config.env,
        user=config.user,
        workdir=config.workdir,
    )


if __name__ == "__main__":
    answer = unpack(Home.at(sys.argv[1]), sys.argv[2], sys.argv[3])
    print(msgspec.json.encode(answer).decode())
