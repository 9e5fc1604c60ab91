"""Rules from image to environment: explicit, the user's first, and errors that say what to write."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pinnace.authoring.environments import (
    RuleError,
    advice,
    canonical,
    combined,
    parse,
    shipped,
    shipped_file,
)


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("python", "python:latest"),
        ("docker.io/library/python:3.12", "python:3.12"),
        ("localhost:5000/a/b", "localhost:5000/a/b:latest"),
        ("alpine@sha256:00", "alpine:latest"),
    ],
)
def test_one_image_has_one_name(image: str, name: str) -> None:
    assert canonical(image) == name


@pytest.mark.parametrize(
    ("image", "python"),
    [("python:3.11-slim", "3.11"), ("python:3", "3"), ("python:alpine3.6", "*"), ("python", "*")],
)
def test_a_pythons_version_comes_from_its_tag(image: str, python: str) -> None:
    rule = shipped().match(image)
    assert rule is not None
    assert rule.environment is not None
    assert rule.environment.python == python


def test_the_users_rules_come_first() -> None:
    rule = combined("environments:\n- image: alpine\n  cmd: [mine]\n").match("alpine:3")
    assert rule is not None
    assert rule.environment is not None
    assert rule.environment.cmd == ("mine",)


def test_no_name_is_guessed_at() -> None:
    assert shipped().match("example.org/python-like:3") is None
    assert "python: '3.11'" in advice("example.org/python-like:3", "/x/environments.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("environments: {}", "list `environments`"),
        ("environments:\n- python: '3'", r"environments\[0\].*`image`"),
        ("environments:\n- image: a\n  requirement: [x]", "did you mean 'requirements'"),
        ("environments:\n- image: a\n  requirements: x", r"environments\[0\]: Expected `array`"),
        ("a: [", "not YAML"),
    ],
)
def test_a_rule_that_cannot_be_read_is_named(text: str, said: str) -> None:
    with pytest.raises(RuleError, match=said):
        parse(text)


def test_what_the_shipped_programs_say(tmp_path: Path) -> None:
    def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        path = tmp_path / name
        path.write_text(shipped_file(name))
        return subprocess.run(["sh", str(path), *arguments], capture_output=True, text=True, check=False)

    assert "< hello world >" in run("cowsay.sh", "hello", "world").stdout
    assert run("argosay.sh").stdout == "hello argo\n"
    target = tmp_path / "deep/file"
    assert run("argosay.sh", "echo", "text", str(target)).returncode == 0
    assert target.read_text() == "text"
    assert run("argosay.sh", "assert_contains", str(target), "tex").returncode == 0
    assert run("argosay.sh", "assert_contains", str(target), "nope").returncode == 1
    assert run("argosay.sh", "exit", "7").returncode == 7
    assert run("argosay.sh", "dance").returncode == 1
