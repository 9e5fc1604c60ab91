"""Content-addressed storage: what goes in comes out, once, unchanged."""

from __future__ import annotations

import os
import socket
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from blake3 import blake3

from pinnace.data.beneath import Unsafe
from pinnace.data.blobs import Blobs, Missing


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "data")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "out"
    (root / "sub" / "empty").mkdir(parents=True)
    (root / "a.txt").write_text("a")
    (root / "sub" / "run.sh").write_text("#!/bin/sh\n")
    (root / "sub" / "run.sh").chmod(0o755)
    (root / "sub" / "up").symlink_to("../a.txt")
    return root


def leftovers(blobs: Blobs) -> list[str]:
    return [name for name in os.listdir(blobs.root / "tmp") if name != "lock"]


def test_bytes_come_back_under_their_digest(blobs: Blobs) -> None:
    stored = blobs.put_bytes(b"hello")
    assert stored.digest == blake3(b"hello").hexdigest()
    with blobs.open(stored.digest) as file:
        assert file.read() == b"hello"
    assert stat.S_IMODE(blobs.path(stored.digest).stat().st_mode) == 0o444
    assert (blobs.exists(stored.digest), blobs.size(stored.digest), leftovers(blobs)) == (True, 5, [])


def test_what_is_not_there_is_named(blobs: Blobs) -> None:
    with pytest.raises(Missing, match="no content with digest"):
        blobs.open("0" * 64)
    with pytest.raises(ValueError, match="64 hexadecimal"):
        blobs.path("../../etc/passwd")


@pytest.mark.parametrize("move", [False, True])
def test_a_file_is_taken(blobs: Blobs, tmp_path: Path, move: bool) -> None:
    source = tmp_path / "model.bin"
    source.write_bytes(b"x" * 3_000_000)
    inode = source.stat().st_ino
    stored = blobs.put_file(source, move=move)
    assert (stored.size, source.exists()) == (3_000_000, not move)
    assert (blobs.path(stored.digest).stat().st_ino == inode) is move


def test_a_moved_file_with_a_second_name_is_copied(blobs: Blobs, tmp_path: Path) -> None:
    source, other = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"1")
    os.link(source, other)
    stored = blobs.put_file(source, move=True)
    other.write_bytes(b"2")
    assert blobs.path(stored.digest).read_bytes() == b"1"
    assert not source.exists()


def test_concurrent_puts_of_one_content_leave_one_file(blobs: Blobs) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = set(pool.map(lambda _: blobs.put_bytes(b"same" * 1000).digest, range(200)))
    assert len(answers) == blobs.du().files == 1
    assert leftovers(blobs) == []


@pytest.mark.parametrize("move", [False, True])
def test_a_folder_comes_back_as_it_was(blobs: Blobs, folder: Path, tmp_path: Path, move: bool) -> None:
    stored = blobs.put_tree(folder, move=move)
    assert stored.directory
    assert blobs.size(stored.digest) == stored.size == 11
    private = blobs.materialise(stored.digest, tmp_path / "copy", link="reflink")
    assert (private / "sub/up").read_text() == "a"
    assert os.access(private / "sub/run.sh", os.X_OK)
    assert (private / "sub/empty").is_dir()
    (private / "a.txt").write_text("changed")
    assert (blobs.path(stored.digest) / "a.txt").read_text() == "a"


def test_equal_folders_have_one_digest_and_a_mode_makes_another(blobs: Blobs, folder: Path) -> None:
    first = blobs.put_tree(folder)
    os.utime(folder / "a.txt", (1, 1))
    assert blobs.put_tree(folder) == first
    (folder / "a.txt").chmod(0o755)
    assert blobs.put_tree(folder).digest != first.digest


def test_the_source_of_a_bind_is_a_real_read_only_folder(blobs: Blobs, folder: Path) -> None:
    digest = blobs.put_tree(folder).digest
    source = blobs.materialise(digest, Path("/unused"), link="bind-source")
    assert source == blobs.path(digest)
    assert source.is_dir()
    modes = {
        str(p.relative_to(source)): stat.S_IMODE(p.lstat().st_mode) for p in [source, *source.rglob("*")]
    }
    modes.pop("sub/up")
    assert modes == {".": 0o555, "a.txt": 0o444, "sub": 0o555, "sub/empty": 0o555, "sub/run.sh": 0o555}


def test_two_layouts_at_once_make_one_folder(blobs: Blobs, folder: Path) -> None:
    digest = blobs.put_tree(folder).digest
    with ThreadPoolExecutor(8) as pool:
        paths = set(pool.map(lambda _: blobs.path(digest), range(16)))
    assert len(paths) == 1
    assert leftovers(blobs) == []


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../outside", "sub/../../outside", "here/..", "", "./../x"]
)
def test_a_link_that_may_lead_outside_is_refused(blobs: Blobs, folder: Path, target: str) -> None:
    if target:
        (folder / "evil").symlink_to(target)
        with pytest.raises(Unsafe, match="evil"):
            blobs.put_tree(folder)


def test_what_is_no_file_is_refused_without_blocking(blobs: Blobs, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(Unsafe, match="'pipe' is a FIFO"):
        blobs.put_tree(folder)
    with pytest.raises(Unsafe, match="FIFO"):
        blobs.put_file("pipe", folder=folder)
    (folder / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(folder, os.O_RDONLY)  # the path may be longer than a socket's name can be
        server.bind(f"/proc/self/fd/{here}/s") if os.path.exists("/proc/self/fd") else server.bind(
            str(folder / "s")
        )
        os.close(here)
        with pytest.raises(Unsafe, match="'s' is a socket"):
            blobs.put_tree(folder)
        with pytest.raises(Unsafe, match="socket"):
            blobs.put_file("s", folder=folder)


def test_limits(blobs: Blobs, folder: Path) -> None:
    with pytest.raises(Unsafe, match="at most 5"):
        blobs.put_file(folder / "sub/run.sh", limit=5)
    with pytest.raises(Unsafe, match="at most"):
        blobs.put_tree(folder, limit=5)
    with pytest.raises(Unsafe, match="more than 2 names"):
        blobs.put_tree(folder, max_entries=2)


def test_collection_keeps_what_is_live_and_what_was_just_put(blobs: Blobs, folder: Path) -> None:
    tree, lone, dead = blobs.put_tree(folder), blobs.put_bytes(b"lone"), blobs.put_bytes(b"dead")
    assert blobs.gc([tree.digest, lone.digest]).files == 0
    assert blobs.gc([tree.digest, lone.digest], grace=-10).files == 1
    assert (blobs.exists(dead.digest), blobs.exists(lone.digest)) == (False, True)
    blobs.path(tree.digest)
    assert blobs.size(tree.digest) == 11
    blobs.gc([], grace=-10)
    assert blobs.du().files == 0
    assert list((blobs.root / "folders").iterdir()) == []


def test_putting_again_protects_from_collection(blobs: Blobs) -> None:
    stored = blobs.put_bytes(b"x")
    os.utime(blobs.path(stored.digest), (0, 0))
    blobs.put_bytes(b"x")
    assert blobs.gc([]).files == 0


def test_a_damaged_tree_is_noticed(blobs: Blobs, folder: Path) -> None:
    digest = blobs.put_tree(folder).digest
    file = blobs.root / "trees" / digest[:2] / digest
    file.chmod(0o644)
    file.write_bytes(b"\x90")
    with pytest.raises(ValueError, match="damaged"):
        blobs.leaves(digest)
