"""Archives: round trips, and every known way of breaking out of one."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pinnace.data.archive import pack, unpack
from pinnace.data.beneath import Unsafe
from pinnace.data.extraction import Limits


def tar(*members: tuple[str, bytes, str] | tuple[str, bytes, str, bytes], mode: str = "w") -> io.BytesIO:
    """(name, tar type, link target[, content])."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, kind, link, *rest in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, link
            content = rest[0] if rest else b""
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    out.seek(0)
    return out


def zipped(name: str, content: bytes = b"", mode: int = stat.S_IFREG | 0o644) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        member = zipfile.ZipInfo(name)
        member.external_attr = mode << 16
        archive.writestr(member, content, zipfile.ZIP_DEFLATED)
    out.seek(0)
    return out


REG, SYM, LNK, DIR = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_a_folder_survives_the_round_trip(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "model"
    (source / "sub" / "empty").mkdir(parents=True)
    (source / "a").write_bytes(b"a" * 1000)
    (source / "sub" / "run").write_bytes(b"#!")
    (source / "sub" / "run").chmod(0o700)
    (source / "sub" / "link").symlink_to("../a")
    first, second = io.BytesIO(), io.BytesIO()
    pack(source, first, kind)  # type: ignore[arg-type]
    os.utime(source / "a", (5, 5))
    pack(source, second, kind)  # type: ignore[arg-type]
    assert first.getvalue() == second.getvalue()
    first.seek(0)
    unpack(first, tmp_path / "out")
    out = tmp_path / "out" / "model"
    assert (out / "sub" / "link").read_bytes() == b"a" * 1000
    assert os.readlink(out / "sub" / "link") == "../a"
    assert stat.S_IMODE((out / "sub" / "run").stat().st_mode) == 0o755
    assert (out / "sub" / "empty").is_dir()


def test_a_single_file(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text("{}")
    out = io.BytesIO()
    pack(tmp_path / "metrics.json", out)
    out.seek(0)
    unpack(out, tmp_path / "out")
    assert os.listdir(tmp_path / "out") == ["metrics.json"]


ATTACKS: dict[str, Callable[[], io.BytesIO]] = {
    "a parent": lambda: tar(("../evil", REG, "", b"x")),
    "a parent inside": lambda: tar(("a/../../evil", REG, "", b"x")),
    "an absolute path": lambda: tar(("/tmp/pinnace-evil", REG, "", b"x")),
    "an absolute link": lambda: tar(("l", SYM, "/etc")),
    "a link outside": lambda: tar(("l", SYM, "../outside")),
    "a link through a link": lambda: tar(("d", SYM, "."), ("l", SYM, "d/../outside")),
    "written through a link": lambda: tar(("d", DIR, ""), ("l", SYM, "d"), ("l/evil", REG, "", b"x")),
    "written onto a link": lambda: tar(("f", REG, "", b""), ("l", SYM, "f"), ("l", REG, "", b"x")),
    "a folder over a link": lambda: tar(
        ("d", DIR, ""), ("l", SYM, "d"), ("l", DIR, ""), ("l/x", REG, "", b"x")
    ),
    "a hard link outside": lambda: tar(("l", LNK, "/etc/passwd")),
    "a hard link inside": lambda: tar(("f", REG, "", b"x"), ("l", LNK, "f")),
    "a device": lambda: tar(("dev", tarfile.CHRTYPE, "")),
    "a FIFO": lambda: tar(("pipe", tarfile.FIFOTYPE, "")),
    "a name twice": lambda: tar(("a", REG, "", b"1"), ("a", REG, "", b"2")),
    "a file as a folder": lambda: tar(("a", REG, "", b"1"), ("a/b", REG, "", b"2")),
    "the folder itself": lambda: tar((".", REG, "", b"1")),
    "a long name": lambda: tar(("a" * 300, REG, "", b"1")),
    "deep nesting": lambda: tar(("d/" * 150 + "f", REG, "", b"1")),
    "a zip's parent": lambda: zipped("../evil", b"x"),
    "a zip's absolute path": lambda: zipped("/tmp/pinnace-evil", b"x"),
    "a zip's backslash": lambda: zipped("..\\evil", b"x"),
    "a zip's link": lambda: zipped("l", b"/etc", stat.S_IFLNK | 0o777),
    "a zip's FIFO": lambda: zipped("p", b"", stat.S_IFIFO | 0o644),
    "garbage": lambda: io.BytesIO(b"this is no archive at all" * 100),
    "cut off gzip": lambda: io.BytesIO(tar(("a", REG, "", os.urandom(9999)), mode="w:gz").getvalue()[:5000]),
    "zstd": lambda: io.BytesIO(b"\x28\xb5\x2f\xfd0000"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_and_leaves_nothing(tmp_path: Path, attack: str) -> None:
    (tmp_path / "outside").mkdir()
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(Unsafe):
        unpack(ATTACKS[attack](), tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == before
    assert os.listdir(tmp_path / "outside") == []
    assert not Path("/tmp/pinnace-evil").exists()


LIMITS = Limits(bytes=10 << 20, entries=50, free=1 << 20, ratio=20)


@pytest.mark.parametrize(
    "bomb",
    [
        lambda: tar(("zeros", REG, "", bytes(5 << 20)), mode="w:gz"),
        lambda: zipped("zeros", bytes(5 << 20)),
        lambda: tar(("big", REG, "", os.urandom(11 << 20))),
        lambda: tar(*((f"f{i}", REG, "", b"") for i in range(51))),
        lambda: tar(*((f"d{i}", DIR, "") for i in range(51))),
    ],
    ids=["tar ratio", "zip ratio", "bytes", "files", "folders"],
)
def test_a_bomb_is_stopped(tmp_path: Path, bomb: Callable[[], io.BytesIO]) -> None:
    with pytest.raises(Unsafe, match="more than"):
        unpack(bomb(), tmp_path / "out", limits=LIMITS)
    assert not (tmp_path / "out").exists()


def test_a_header_as_large_as_memory_is_not_read(tmp_path: Path) -> None:
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.XHDTYPE, 2 << 30
    archive = io.BytesIO(member.tobuf() + bytes(4096))
    with pytest.raises(Unsafe, match="header"):
        unpack(archive, tmp_path / "out")


def test_setuid_and_owners_are_not_kept(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("su")
        member.mode, member.uid = 0o6755, 4242
        archive.addfile(member)
    out.seek(0)
    unpack(out, tmp_path / "out")
    info = (tmp_path / "out" / "su").stat()
    assert (stat.S_IMODE(info.st_mode), info.st_uid) == (0o755, os.geteuid())


def test_a_folder_with_content_is_not_unpacked_into(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(Unsafe, match="not empty"):
        unpack(tar(("a", REG, "", b"x")), tmp_path)
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_link_that_leads_outside_is_not_packed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "l").symlink_to("/etc/passwd")
    with pytest.raises(Unsafe, match="relative"):
        pack(tmp_path / "out", io.BytesIO())


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    data=st.binary(max_size=600),
    at=st.integers(0, 3000),
    kind=st.sampled_from(["w", "w:gz", "zip"]),
)
def test_damaged_archives_are_refused_or_unpacked_but_never_crash(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, at: int, kind: str
) -> None:
    good = (
        zipped("a/b", b"hello") if kind == "zip" else tar(("a/b", REG, "", b"hi"), ("c", SYM, "a"), mode=kind)
    )
    whole = bytearray(good.getvalue())
    at %= len(whole)
    whole[at : at + len(data)] = data
    target = tmp_path_factory.mktemp("u")
    try:
        unpack(io.BytesIO(bytes(whole)), target / "out")
    except Unsafe:
        assert not (target / "out").exists()
