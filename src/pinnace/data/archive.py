"""Folders to archives and back, for downloads and remote repositories; an archive may come from anybody.

Used by the node and `api` (in a worker process when large). Invariant of `unpack`: it writes only below
its target, which it makes itself and removes again when it refuses; it makes folders, regular files and
relative links inside, nothing else; it stops at its limits before the disk or the memory is full.
Precedents: Argo CVE-2025-62156 and its incomplete fix CVE-2025-66626.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal, cast

from pinnace.data.beneath import Unsafe, kind_of, walk_beneath
from pinnace.data.copying import remove_tree
from pinnace.data.extraction import CHUNK, Budget, Folder, Guard, Limits
from pinnace.data.tree import check_link

HEADER_LIMIT = 1 << 20
Format = Literal["tar", "tar.gz", "zip"]
BROKEN = (
    tarfile.TarError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error,
    EOFError, NotImplementedError, OverflowError, ValueError,
)  # fmt: skip
"""What the standard library raises of an archive that is cut off or forged."""


# -- out --------------------------------------------------------------------------------------------------


def pack(
    source: Path, target: BinaryIO, kind: Format = "tar.gz", *, name: str | None = None, level: int = 6
) -> None:
    """Write a file or folder as an archive that depends on its content alone (no times, no owners).

    As upstream's executor does, entries lie below the source's own name (`name` overrides it). `level` is
    gzip's, from 0 (as it is) to 9."""
    top = source.name if name is None else name
    if kind == "zip":
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
            for path, info, opened in _entries(source, top):
                _pack_zip(archive, path, info, opened)
        return
    with (
        _compressor(target, kind, level) as stream,
        tarfile.open(fileobj=stream, mode="w|", bufsize=CHUNK) as tar,
    ):
        for path, info, opened in _entries(source, top):
            _pack_tar(tar, path, info, opened)


Opened = IO[bytes] | str | None


def _entries(source: Path, top: str) -> Iterator[tuple[str, os.stat_result, Opened]]:
    """(path in the archive, stat, an open file or a link's target or None)."""
    info = source.lstat()
    if stat.S_ISREG(info.st_mode):
        with source.open("rb") as file:
            yield top, info, file
        return
    yield top, info, None
    for entry in walk_beneath(source):
        path = f"{top}/{entry.path}"
        if stat.S_ISREG(entry.info.st_mode):
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            with os.fdopen(os.open(entry.name, flags, dir_fd=entry.folder), "rb") as file:
                yield path, os.fstat(file.fileno()), file
        elif stat.S_ISLNK(entry.info.st_mode):
            link = os.readlink(entry.name, dir_fd=entry.folder)
            check_link(entry.path, link)
            yield path, entry.info, link
        elif stat.S_ISDIR(entry.info.st_mode):
            yield path, entry.info, None
        else:
            raise Unsafe(f"{entry.path!r} is {kind_of(entry.info.st_mode)}; it cannot go into an archive")


def _mode(info: os.stat_result) -> int:
    return 0o755 if stat.S_ISDIR(info.st_mode) or info.st_mode & stat.S_IXUSR else 0o644


def _pack_tar(tar: tarfile.TarFile, path: str, info: os.stat_result, opened: Opened) -> None:
    member = tarfile.TarInfo(path)
    member.mode = _mode(info)
    if isinstance(opened, str):
        member.type, member.linkname = tarfile.SYMTYPE, opened
        tar.addfile(member)
    elif opened is None:
        member.type = tarfile.DIRTYPE
        tar.addfile(member)
    else:
        member.size = info.st_size
        tar.addfile(member, opened)


def _pack_zip(archive: zipfile.ZipFile, path: str, info: os.stat_result, opened: Opened) -> None:
    member = zipfile.ZipInfo(path + "/" if stat.S_ISDIR(info.st_mode) else path)
    kind = stat.S_IFMT(info.st_mode)
    member.external_attr = (kind | _mode(info)) << 16
    member.compress_type = zipfile.ZIP_DEFLATED
    if opened is None or isinstance(opened, str):
        archive.writestr(member, opened or "")
        return
    with archive.open(member, "w", force_zip64=info.st_size > 1 << 30) as writing:
        while chunk := opened.read(CHUNK):
            writing.write(chunk)


@contextmanager
def _compressor(target: BinaryIO, kind: Format, level: int) -> Iterator[IO[bytes]]:
    if kind == "tar":
        yield target
        return
    import gzip

    with gzip.GzipFile(filename="", fileobj=target, mode="wb", compresslevel=level, mtime=0) as stream:
        yield cast("IO[bytes]", stream)


# -- in ---------------------------------------------------------------------------------------------------


def unpack(archive: BinaryIO, target: Path, *, limits: Limits = Limits()) -> None:
    """Unpack a tar (plain, gzip, bzip2, xz) or zip, told apart by content, into `target`, which must not
    exist or be empty. The stream must be seekable. Raises Unsafe, naming the entry; then `target` is gone."""
    target.mkdir(mode=0o755, exist_ok=True)
    if any(target.iterdir()):
        raise Unsafe(f"{target} is not empty; unpack into a new folder")
    try:
        with Folder(target, Budget(limits, _length(archive))) as folder:
            if _magic(archive) == "zip":
                _unpack_zip(archive, folder)
            else:
                _unpack_tar(archive, folder)
    except BaseException as error:
        remove_tree(target)
        forged = isinstance(error, BROKEN) or (isinstance(error, OSError) and error.errno == errno.EINVAL)
        if forged and not isinstance(error, Unsafe):
            raise Unsafe(f"not a whole archive: {error}") from error
        raise


def _unpack_tar(archive: BinaryIO, folder: Folder) -> None:
    for member, content in tar_members(archive, folder.budget):
        if member.isdir():
            folder.make(member.name)
        elif member.issym():
            folder.link(member.name, member.linkname)
        elif member.islnk():
            raise Unsafe(
                f"{member.name!r} is a hard link to {member.linkname!r}; archives may not hold hard links"
            )
        elif member.isreg() and content is not None:
            folder.write(member.name, content, member.mode)
        else:
            raise Unsafe(f"{member.name!r} is a device or another special file; expected files and folders")


def _unpack_zip(archive: BinaryIO, folder: Folder) -> None:
    with zipfile.ZipFile(archive) as packed:
        for member in packed.infolist():
            mode = member.external_attr >> 16
            name = member.filename
            if "\\" in name:
                raise Unsafe(f"{name!r}: a backslash in a name; expected '/' between folders")
            if member.flag_bits & 1:
                raise Unsafe(f"{name!r} is encrypted; expected an archive without a password")
            if member.is_dir():
                folder.make(name)
            elif stat.S_ISLNK(mode):
                if member.file_size > 4096:
                    raise Unsafe(f"{name!r}: a symbolic link of {member.file_size} bytes")
                folder.link(name, packed.read(member).decode())
            elif stat.S_IFMT(mode) in (0, stat.S_IFREG):
                with packed.open(member) as content:
                    folder.write(name, content, mode)
            else:
                raise Unsafe(f"{name!r} is {kind_of(mode)}; expected files and folders")


def tar_members(archive: BinaryIO, budget: Budget) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Members in order, with the content of the regular ones, which must be read before the next."""
    with _decompressor(archive) as stream:
        guarded = cast("IO[bytes]", Guard(stream, budget))
        with tarfile.open(fileobj=guarded, mode="r|", tarinfo=_Member, bufsize=CHUNK) as tar:
            for member in tar:
                yield member, tar.extractfile(member) if member.isreg() else None


class _Member(tarfile.TarInfo):
    """Refuses headers (long names, pax records) that would be read into memory whole."""

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        headers = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE,
                   tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)  # fmt: skip
        if self.type in headers and self.size > HEADER_LIMIT:
            raise Unsafe(f"a header of {self.size} bytes in the archive; at most {HEADER_LIMIT} are read")
        if self.size < 0:
            raise Unsafe(f"{self.name!r} has a negative size")
        return cast(tarfile.TarInfo, super()._proc_member(tar))  # type: ignore[misc]


def _magic(archive: BinaryIO) -> str:
    start = archive.read(6)
    archive.seek(0)
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    for magic, name in ((b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\xfd7zXZ\0", "lzma")):
        if start.startswith(magic):
            return name
    if start[:4] == b"\x28\xb5\x2f\xfd":
        raise Unsafe("the archive is compressed with zstd; pack it with gzip instead")
    return "tar"


@contextmanager
def _decompressor(archive: BinaryIO) -> Iterator[IO[bytes]]:
    kind = _magic(archive)
    if kind == "tar":
        yield archive
        return
    import bz2
    import gzip
    import lzma

    opener: Any = {"gzip": gzip.open, "bz2": bz2.open, "lzma": lzma.open}[kind]
    try:
        with opener(archive, "rb") as stream:
            yield stream
    except (zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise Unsafe(f"not a whole archive: {error}") from error


def _length(archive: BinaryIO) -> int:
    size = archive.seek(0, os.SEEK_END)
    archive.seek(0)
    return size
