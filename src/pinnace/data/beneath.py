"""Opening what an untrusted process left behind, without ever leaving its folder.

Called by the node's collector and by `Blobs`, `archive` and `images`. Invariant: no function here follows a
symbolic link or a `..`, whatever another process does to the names meanwhile; what is opened to be read is
a regular file or a folder, never a FIFO or a device (whose opening alone can block or act).
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path, PurePosixPath

import msgspec

Root = Path | int
"""A folder by path (trusted up to and including itself) or by an open descriptor, which stays open."""

OPENAT2 = 437  # the same on every architecture
NO_MAGICLINKS, NO_SYMLINKS, BENEATH = 0x02, 0x04, 0x08
READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
FOLDER = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW
LINK_ERRORS = (errno.ELOOP, errno.EXDEV, errno.EMLINK)


class Unsafe(ValueError):
    """A name that leads outside or is no plain file or folder. The text names it and says what is allowed."""


class Entry(msgspec.Struct, frozen=True):
    """One name of a walk. `folder` is its parent's descriptor, open only until the walk goes on."""

    path: str
    folder: int
    name: str
    info: os.stat_result


def parts_of(relative: str) -> tuple[str, ...]:
    """The components of a relative path. Raises Unsafe for absolute ones, `..` and NUL; `.` is the root."""
    if relative.startswith("/") or "\0" in relative or ("\\" in relative and os.sep == "\\"):
        raise Unsafe(f"{relative!r}: expected a path inside the folder, not an absolute one")
    parts = PurePosixPath(relative).parts
    if ".." in parts:
        raise Unsafe(f"{relative!r}: '..' is not allowed; name the file inside the folder")
    return parts


def open_beneath(root: Root, relative: str, flags: int = READ) -> int:
    """A descriptor of `relative`, reached without a symbolic link. The caller closes it.

    Raises Unsafe for a link or a way out on the path, else what `open` raises (FileNotFoundError …)."""
    parts = parts_of(relative)
    with folder_of(root) as base:
        try:
            if _has_openat2():
                return _openat2(base, "/".join(parts) or ".", flags | os.O_CLOEXEC)
            return _walk_open(base, parts, flags)
        except OSError as error:
            if error.errno in LINK_ERRORS:
                raise Unsafe(
                    f"{relative!r}: a symbolic link is on the way; only what lies in the folder is read"
                ) from error
            raise


def open_regular(root: Root, relative: str, limit: int = 0) -> int:
    """As `open_beneath`, of a regular file of at most `limit` bytes (0: any size)."""
    try:
        descriptor = open_beneath(root, relative)
    except OSError as error:
        if error.errno in (errno.ENXIO, errno.ENODEV, errno.EOPNOTSUPP):
            raise Unsafe(f"{relative!r} is a socket or a device; expected a regular file") from error
        raise
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            raise Unsafe(f"{relative!r} is {kind_of(info.st_mode)}; expected a regular file")
        if limit and info.st_size > limit:
            raise Unsafe(f"{relative!r} has {info.st_size} bytes; at most {limit} are taken")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_beneath(root: Root, relative: str, limit: int) -> bytes:
    """The content of a small regular file. Raises Unsafe past `limit`, also when it grows meanwhile."""
    with os.fdopen(open_regular(root, relative, limit), "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise Unsafe(f"{relative!r} has more than {limit} bytes")
    return content


@contextmanager
def folder_beneath(root: Root, relative: str) -> Iterator[Path]:
    """A folder below `root`, made where it is missing, as a path that stays this folder whatever happens to
    its name meanwhile. Raises Unsafe if a link is on the way."""
    with folder_of(root) as base:
        here = os.dup(base)
        try:
            for part in parts_of(relative):
                below = _made(here, part)
                os.close(here)
                here = below
            held = Path(f"/proc/self/fd/{here}")
            yield held if held.exists() or isinstance(root, int) else root / relative
        finally:
            os.close(here)


def _made(folder: int, name: str) -> int:
    with suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=folder)
    try:
        return os.open(name, FOLDER, dir_fd=folder)
    except OSError as error:
        if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise Unsafe(f"{name!r} is a symbolic link on the way; only folders lead to a file") from error
        raise


def walk_beneath(root: Root, *, max_entries: int = 1_000_000, max_depth: int = 200) -> Iterator[Entry]:
    """Every name below `root`, folders before their content, sorted; links are shown, never followed."""
    count = 0
    with folder_of(root) as base:
        for entry in _walk(base, "", max_depth):
            count += 1
            if count > max_entries:
                raise Unsafe(f"more than {max_entries} names in the folder; pack them into an archive")
            yield entry


def _walk(folder: int, prefix: str, depth: int) -> Iterator[Entry]:
    if depth == 0:
        raise Unsafe(f"{prefix!r}: folders are nested too deeply")
    for name in sorted(os.listdir(folder)):
        info = os.stat(name, dir_fd=folder, follow_symlinks=False)
        yield Entry(prefix + name, folder, name, info)
        if stat.S_ISDIR(info.st_mode):
            child = os.open(name, FOLDER, dir_fd=folder)
            try:
                yield from _walk(child, f"{prefix}{name}/", depth - 1)
            finally:
                os.close(child)


def kind_of(mode: int) -> str:
    kinds = {
        stat.S_IFREG: "a regular file", stat.S_IFDIR: "a folder", stat.S_IFLNK: "a symbolic link",
        stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
    }  # fmt: skip
    return kinds.get(stat.S_IFMT(mode), "no plain file")


@contextmanager
def folder_of(root: Root) -> Iterator[int]:
    """A descriptor of the root; closed again only if it was opened here."""
    if isinstance(root, int):
        yield root
        return
    descriptor = os.open(root, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _walk_open(base: int, parts: tuple[str, ...], flags: int) -> int:
    """Component by component, where the kernel cannot promise it (macOS, Linux before 5.6)."""
    here = os.dup(base)
    try:
        for part in parts[:-1]:
            try:
                below = os.open(part, FOLDER, dir_fd=here)
            except NotADirectoryError as error:  # Linux says so of a link, with O_DIRECTORY
                raise _as_link_error(here, part, error) from None
            os.close(here)
            here = below
        last = parts[-1] if parts else "."
        return os.open(last, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=here)
    finally:
        os.close(here)


def _as_link_error(folder: int, name: str, error: OSError) -> OSError:
    """Unless a plain file is there. (A folder by now: it was a link a moment ago.)"""
    mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    was_link = stat.S_ISLNK(mode) or stat.S_ISDIR(mode)
    return OSError(errno.ELOOP, os.strerror(errno.ELOOP), name) if was_link else error


class _How(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


@cache
def _has_openat2() -> bool:
    """Absent before Linux 5.6, and forbidden by some containers' seccomp filters (EPERM)."""
    if sys.platform != "linux":
        return False
    try:
        with folder_of(Path("/")) as base:
            os.close(_openat2(base, ".", os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _openat2(base: int, path: str, flags: int) -> int:
    mode = 0o600 if flags & os.O_CREAT else 0
    how = _How(flags, mode, NO_SYMLINKS | NO_MAGICLINKS | BENEATH)
    arguments = (base, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how))
    for _ in range(64):  # EAGAIN: a rename went on beside us
        descriptor: int = _libc().syscall(OPENAT2, *arguments)
        if descriptor >= 0:
            return descriptor
        code = ctypes.get_errno()
        if code not in (errno.EAGAIN, errno.EINTR):
            break
    raise OSError(code, os.strerror(code), path)
