"""Nothing opened beneath a root is ever outside it, with the kernel's help and without."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from pinnace.data import beneath
from pinnace.data.beneath import Unsafe, open_beneath, open_regular, read_beneath, walk_beneath


@pytest.fixture(params=["openat2", "components"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "components":
        monkeypatch.setattr(beneath, "_has_openat2", lambda: False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "out.txt").write_text("fine")
    (root / "link").symlink_to("../outside/secret")
    (root / "door").symlink_to("../outside")
    (root / "inner").symlink_to("sub")
    return root


def test_a_plain_file_is_read(root: Path) -> None:
    assert read_beneath(root, "sub/./out.txt", 10) == b"fine"
    descriptor = os.open(root, os.O_RDONLY)
    try:
        assert read_beneath(descriptor, "sub/out.txt", 10) == b"fine"
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    "path",
    ["link", "door/secret", "inner/out.txt", "../outside/secret", "sub/../../outside/secret", "/etc/shadow"],
)
def test_every_way_out_is_refused(root: Path, path: str) -> None:
    with pytest.raises(Unsafe, match=r"link|not allowed|absolute"):
        read_beneath(root, path, 100)


def test_what_is_missing_is_missing(root: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_beneath(root, "sub/none")
    with pytest.raises(NotADirectoryError):
        open_beneath(root, "sub/out.txt/x")


def test_folders_and_fifos_are_no_regular_files(root: Path) -> None:
    os.mkfifo(root / "pipe")
    for name in ("sub", "pipe", "."):
        with pytest.raises(Unsafe, match="expected a regular file"):
            open_regular(root, name)


def test_a_file_past_the_limit_is_refused(root: Path) -> None:
    with pytest.raises(Unsafe, match="at most 3"):
        read_beneath(root, "sub/out.txt", 3)


def test_a_walk_shows_links_and_does_not_follow_them(root: Path) -> None:
    assert [e.path for e in walk_beneath(root)] == ["door", "inner", "link", "sub", "sub/out.txt"]


def test_a_name_that_flips_between_folder_and_link_never_leads_outside(root: Path) -> None:
    (root / "real").mkdir()
    (root / "real" / "secret").write_text("mine")
    stop = threading.Event()

    def flip() -> None:
        while not stop.is_set():
            os.rename(root / "real", root / "flip")
            os.rename(root / "flip", root / "real")
            os.symlink("../outside", root / "flip")
            os.unlink(root / "flip")

    thread = threading.Thread(target=flip)
    thread.start()
    try:
        for _ in range(3000):
            try:
                assert read_beneath(root, "flip/secret", 100) == b"mine"
            except (Unsafe, FileNotFoundError):
                pass
    finally:
        stop.set()
        thread.join()
