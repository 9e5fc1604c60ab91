"""`pinnace up --without FAMILY`: a typo is refused before anything is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from pinnace.cli import families, platform
from pinnace.cli.app import main


def test_the_command_line_knows_the_families() -> None:
    assert tuple(families.FAMILIES) == platform.FAMILIES


@pytest.mark.parametrize(
    ("name", "words"),
    [("workflows", "did you mean 'workflow'?"), ("job", "did you mean 'jobs'?"), ("katib", "there is jobs")],
)
def test_an_unknown_family_is_refused_with_the_nearest_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    home = tmp_path / "home"
    assert main(["up", "-d", "--without", name, "--home", str(home)]) == 1
    said = capsys.readouterr().err
    assert f"--without {name}" in said and words in said
    assert not home.exists(), "nothing was started or made"
