"""Roots are made once and used again; one that a program wrote into is not."""

from __future__ import annotations

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
