"""Rules from image to environment: explicit, the user's first, and errors that say what to write."""

from __future__ import annotations

import gzip
import struct
import subprocess
from pathlib import Path
from typing import Any

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
        ("environments:\n- image: a\n  modules: {../x.py: y}", r"environments\[0\].modules: expected paths"),
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


def test_the_stand_in_for_old_mnist_tutorials_gives_batches(tmp_path: Path) -> None:
    """From files in the format of MNIST, packed or not: epochs follow each other, none loses an image."""
    import numpy as np

    place: dict[str, Any] = {"__name__": "input_data"}
    exec(shipped_file("tensorflow1_mnist.py"), place)
    for name, count in (("train", 30), ("t10k", 10)):
        images = b"\0\0\x08\x03" + struct.pack(">III", count, 28, 28) + bytes(range(count)) * 784
        (tmp_path / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        labels = b"\0\0\x08\x01" + struct.pack(">I", count) + bytes(number % 10 for number in range(count))
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(labels)
    data = place["read_data_sets"](str(tmp_path), one_hot=True, validation_size=5, seed=1)
    assert [part.num_examples for part in data] == [25, 5, 10]
    assert data.test.images.shape == (10, 784)
    assert data.test.labels[3].tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    seen = np.concatenate([data.train.next_batch(10)[0] for _ in range(5)])
    assert data.train.epochs_completed == 1
    assert len(np.unique(seen[:25], axis=0)) == len(np.unique(data.train.images, axis=0))
