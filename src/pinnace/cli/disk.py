"""Folders on disk: how much they take, how they go. For `care`, `claims` and `garbage`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path


def remove(path: Path) -> None:
    """Also trees whose folders are read-only (blobs, images)."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for folder, _, _ in os.walk(path):
        Path(folder).chmod(0o700)
    shutil.rmtree(path)


def on_disk(path: Path) -> Iterator[int]:
    """Bytes really taken: holes count nothing."""
    stack = [path]
    while stack:
        current = stack.pop()
        info = current.lstat()
        yield info.st_blocks * 512
        if current.is_dir() and not current.is_symlink():
            stack.extend(current.iterdir())


def size_text(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
