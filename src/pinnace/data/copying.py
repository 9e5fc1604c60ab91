"""Copies that share blocks where the file system can, and removals that cope with read-only folders.

Used by `Blobs` and `images`. Nothing here follows a symbolic link in its last component.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from contextlib import suppress
from pathlib import Path

FICLONE = 0x40049409


def copy_into(source: Path, target: Path, mode: int, *, clone: bool, durable: bool = False) -> None:
    """A new file at `target` (which must not exist) with `mode`. With `clone` it shares blocks if it can."""
    with source.open("rb") as reading:
        descriptor = os.open(
            target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        with os.fdopen(descriptor, "wb") as writing:
            if not (clone and _clone(reading.fileno(), writing.fileno())):
                shutil.copyfileobj(reading, writing, 1 << 20)
            writing.flush()
            os.fchmod(writing.fileno(), mode)
            if durable:
                os.fsync(writing.fileno())


def _clone(source: int, target: int) -> bool:
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        fcntl.ioctl(target, FICLONE, source)
    except OSError:  # another file system, or one without reflinks
        return False
    return True


def make_writable(root: Path) -> None:
    """Give the owner write permission on every folder, so that their entries can be removed."""
    root.chmod(0o700)
    for folder, names, _ in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if stat.S_ISDIR(os.lstat(path).st_mode):
                os.chmod(path, 0o700)


def remove_tree(path: Path) -> None:
    """Remove a file or a whole folder, read-only folders included; nothing happens where nothing is."""
    with suppress(FileNotFoundError):
        if not stat.S_ISDIR(path.lstat().st_mode):
            path.unlink()
            return
        make_writable(path)
        shutil.rmtree(path)
