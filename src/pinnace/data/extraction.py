"""Writing what an archive asks for: only below one folder, never through a link, within limits.

Used by `archive` (anybody's archives) and `images` (their limits). Invariant: every name is reached by
descriptors, component by component; nothing that exists is opened for writing.
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import msgspec

from pinnace.data.beneath import FOLDER, Root, Unsafe
from pinnace.data.tree import check_link

CHUNK = 1 << 18


class Limits(msgspec.Struct, frozen=True):
    """`ratio` is unpacked bytes to packed ones, judged beyond `free` bytes (small texts compress well)."""

    bytes: int = 64 << 30
    entries: int = 1_000_000
    ratio: int = 400
    free: int = 64 << 20
    depth: int = 100


class Budget:
    """What may still be unpacked. `packed` is the archive's length in bytes."""

    def __init__(self, limits: Limits, packed: int) -> None:
        self._limits = limits
        self._bytes = min(limits.bytes, max(limits.free, packed * limits.ratio))
        self._left = self._bytes
        self._streamed = self._bytes + (512 << 10) + 2048 * limits.entries
        self._entries = limits.entries

    def entry(self, path: str) -> tuple[str, ...]:
        """Count a name and check it; returns its components."""
        self._entries -= 1
        if self._entries < 0:
            raise Unsafe(f"the archive has more than {self._limits.entries} entries")
        parts = safe_parts(path)
        if len(parts) > self._limits.depth:
            raise Unsafe(f"{path[:80]!r}…: nested deeper than {self._limits.depth} folders")
        return parts

    def spend(self, count: int, path: str) -> None:
        self._left -= count
        if self._left < 0:
            raise Unsafe(
                f"{path!r}: the archive unpacks to more than {self._bytes} bytes, which its size does not "
                f"justify (limit: {self._limits.ratio} times its size, {self._limits.bytes} at most)"
            )

    def stream(self, count: int) -> None:
        self._streamed -= count
        if self._streamed < 0:
            raise Unsafe(f"the archive unpacks to more than {self._bytes} bytes")


class Guard(io.RawIOBase):
    """A decompressed stream that stops at the budget, whatever the archive's headers say."""

    def __init__(self, stream: IO[bytes], budget: Budget) -> None:
        self._stream = stream
        self._budget = budget

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(CHUNK if size < 0 else size)
        self._budget.stream(len(content))
        return content


class Folder:
    """Writes beneath one root by descriptors; no existing link is ever followed or written through."""

    def __init__(self, root: Root, budget: Budget) -> None:
        self.budget = budget
        self._base = os.dup(root) if isinstance(root, int) else os.open(root, FOLDER)
        self._open: tuple[tuple[str, ...], int] = ((), os.dup(self._base))

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._open[1])
        os.close(self._base)

    def make(self, path: str) -> None:
        self._parent((*self.budget.entry(path), ""))

    def link(self, path: str, target: str) -> None:
        parts = self.budget.entry(path)
        check_link("/".join(parts), target)
        with _named(path):
            os.symlink(target, parts[-1], dir_fd=self._parent(parts))

    def write(self, path: str, content: IO[bytes], mode: int) -> None:
        parts = self.budget.entry(path)
        if not parts:
            raise Unsafe(f"{path!r} names the folder itself, not a file in it")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with _named(path):
            descriptor = os.open(parts[-1], flags, 0o600, dir_fd=self._parent(parts))
        with os.fdopen(descriptor, "wb") as file:
            while chunk := content.read(CHUNK):
                self.budget.spend(len(chunk), path)
                file.write(chunk)
            file.flush()
            os.fchmod(file.fileno(), 0o755 if mode & 0o100 else 0o644)

    def _parent(self, parts: tuple[str, ...]) -> int:
        """A descriptor of the last component's folder, made where missing; the last one is kept open."""
        wanted = parts[:-1]
        if self._open[0] == wanted:
            return self._open[1]
        here = os.dup(self._base)
        try:
            for part in wanted:
                with _named("/".join(parts)):
                    below = _enter(here, part)
                os.close(here)
                here = below
        except BaseException:
            os.close(here)
            raise
        os.close(self._open[1])
        self._open = (wanted, here)
        return here


def _enter(folder: int, name: str) -> int:
    try:
        os.mkdir(name, 0o755, dir_fd=folder)
    except FileExistsError:
        pass
    return os.open(name, FOLDER, dir_fd=folder)


@contextmanager
def _named(path: str) -> Iterator[None]:
    """Failures of the names themselves, as refusals of the entry."""
    try:
        yield
    except FileExistsError as error:
        raise Unsafe(f"{path!r}: the name is in the archive twice") from error
    except OSError as error:
        if isinstance(error, NotADirectoryError) or error.errno == errno.ELOOP:
            raise Unsafe(f"{path!r} would be written through a link or a file of the same archive") from error
        if error.errno == errno.ENAMETOOLONG:
            raise Unsafe(f"{path[:80]!r}…: the name is too long") from error
        raise


def safe_parts(path: str) -> tuple[str, ...]:
    if path.startswith("/") or "\0" in path:
        raise Unsafe(f"{path!r}: an absolute path in the archive; expected paths inside the folder")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if ".." in parts:
        raise Unsafe(f"{path!r}: '..' in the archive; expected paths inside the folder")
    return parts
