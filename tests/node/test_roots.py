"""Roots are made once and used again; one that a program wrote into is not."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pinnace.node.launchers import Bind
from pinnace.node.roots import Etc, Root, Roots


@pytest.fixture
def roots(tmp_path: Path) -> Roots:
    return Roots(tmp_path / "roots", Etc(tmp_path / "etc"), ThreadPoolExecutor(1))


def environment(tmp_path: Path) -> tuple[Bind, ...]:
    """A folder and a file that lie where no host's program does."""
    (tmp_path / "venv").mkdir()
    (tmp_path / "file").touch()
    return (
        Bind(str(tmp_path / "venv"), "/house/home/venv", True),
        Bind(str(tmp_path / "file"), "/srv/file", True),
        Bind("/usr/lib", "/usr/lib/x", True),
    )


def taken_again(pool: Roots, root: Root) -> bool:
    pool.give(root)
    return root in pool.spare


def test_an_untouched_root_is_taken_again(roots: Roots) -> None:
    assert taken_again(roots, roots.take())


def test_a_root_that_was_written_to_is_not(roots: Roots) -> None:
    root = roots.take()
    (Path(root.path) / "mnt/left").touch()
    assert not taken_again(roots, root)


def given_back(pool: Roots, root: Root) -> bool:
    """As soon as the cleaner has looked at it."""
    pool.give(root)
    pool.cleaner.submit(lambda: None).result(10)
    return root in pool.spare


def test_temporary_files_are_removed_and_the_root_serves_again(tmp_path: Path, roots: Roots) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    root = roots.take()
    before = Path(root.path)
    (before / "tmp/file").write_text("left")
    (before / "tmp/folder/deeper").mkdir(parents=True)
    (before / "tmp/link").symlink_to(elsewhere)
    (before / "tmp/folder/link").symlink_to(elsewhere)
    (before / "var/tmp/file").touch()
    (before / "tmp").chmod(0o700)
    assert given_back(roots, root)
    assert os.listdir(before / "tmp") == os.listdir(before / "var/tmp") == []
    assert (before / "tmp").stat().st_mode & 0o7777 == 0o1777
    assert (elsewhere / "kept").exists()
    assert taken_again(roots, roots.take())


def shut(root: Path) -> None:
    (root / "tmp/folder").mkdir()
    (root / "tmp/folder/file").touch()
    (root / "tmp").rename(root / "old")
    (root / "tmp").mkdir()


def marked(root: Path) -> None:
    os.setxattr(root / "tmp", "user.left", b"word")


def both(root: Path) -> None:
    (root / "tmp/file").touch()
    (root / "etc/passwd").write_text("root::0:0::/:/bin/sh\n")


@pytest.mark.parametrize("change", [shut, marked, both])
def test_a_root_that_was_changed_elsewhere_too_is_removed(
    roots: Roots, change: Callable[[Path], None]
) -> None:
    root = roots.take()
    try:
        change(Path(root.path))
    except OSError:
        pytest.skip("this filesystem keeps no attributes")
    assert not given_back(roots, root)
    assert not os.path.exists(root.path)


def test_folders_without_end_are_removed_too(roots: Roots) -> None:
    root = roots.take()
    top = os.open(f"{root.path}/tmp", os.O_RDONLY)
    here = os.dup(top)
    for _ in range(3000):
        os.mkdir("a", dir_fd=here)
        deeper = os.open("a", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(here)
    os.close(top)
    assert not given_back(roots, root)
    assert not os.path.exists(root.path)


def test_roots_for_an_environment_hold_its_places_and_are_taken_again(tmp_path: Path, roots: Roots) -> None:
    pool = roots.holding(environment(tmp_path))
    root = pool.take()
    assert (Path(root.path) / "house/home/venv").is_dir()
    assert (Path(root.path) / "srv/file").is_file()
    assert not (Path(root.path) / "usr/lib").exists(), "/usr is the host's"
    assert taken_again(pool, root)
    assert roots.spare == [], "they are nobody else's"


@pytest.mark.parametrize("place", ["house/left", "house/home/left", "srv/left"])
def test_what_is_left_beside_an_environment_is_seen(tmp_path: Path, roots: Roots, place: str) -> None:
    pool = roots.holding(environment(tmp_path))
    root = pool.take()
    (Path(root.path) / place).touch()
    assert not taken_again(pool, root)


def test_environments_without_places_of_their_own_share_the_roots(roots: Roots) -> None:
    assert roots.holding((Bind("/usr/lib", "/usr/lib/x", True),)) is roots
