"""`pinnace up --only FAMILY` and `--without`: a typo is refused before anything is started."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from pinnace.cli.app import main
from pinnace.cli.families import FAMILIES, NEEDS
from pinnace.cli.platform import Failure, left_out
from pinnace.kinds.catalogue import Catalogue


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_woken_by_kinds_that_are_served_and_has_a_module(name: str) -> None:
    module = import_module(f"pinnace.cli.families.{name}")
    assert callable(module.reconcilers)
    catalogue = Catalogue.builtin()
    assert [key for key in FAMILIES[name] if catalogue.key(key) is None] == []


@pytest.mark.parametrize(
    ("name", "words"),
    [("workflows", "did you mean 'workflow'?"), ("job", "did you mean 'jobs'?"), ("xyz", "there is jobs")],
)
def test_an_unknown_family_is_refused_with_the_nearest_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    home = tmp_path / "home"
    assert main(["up", "-d", "--without", name, "--home", str(home)]) == 1
    said = capsys.readouterr().err
    assert f"--without {name}" in said and words in said
    assert main(["up", "-d", "--only", f"jobs,{name}", "--home", str(home)]) == 1
    said = capsys.readouterr().err
    assert f"--only {name}" in said and words in said
    assert not home.exists(), "nothing was started or made"


def started(*only: str, without: tuple[str, ...] = ()) -> set[str]:
    return set(FAMILIES) - set(left_out(only, without))


def test_only_starts_what_is_named_and_what_that_needs() -> None:
    assert started("kfp,workflow") == started("kfp") == {"kfp", "workflow"}
    assert started("trainer") == {"trainer", "jobset", "jobs"}
    assert started("jobs", "workflow") == {"jobs", "workflow"}
    assert started() == set(FAMILIES)
    assert "workflow" not in started(without=("workflow,jobs",))
    assert started("workloads", without=("jobs",)) == {"workloads"}


def test_a_family_is_not_both_wanted_and_left_out() -> None:
    with pytest.raises(Failure, match="both name kfp"):
        left_out(("kfp",), ("kfp",))


@pytest.mark.parametrize("name", NEEDS)
def test_what_is_needed_is_there(name: str) -> None:
    assert {name, *NEEDS[name]} <= FAMILIES.keys()
