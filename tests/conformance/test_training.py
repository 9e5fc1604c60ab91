"""The stand-ins of the training run: rules that a user could write, programs that can be read."""

from __future__ import annotations

import ast

import yaml

from pinnace.authoring.environments import parse
from scripts.conformance.training_programs import CLAIM, RULES, STAND_INS, before, rules, stood_for


def test_the_rules_are_read_as_any_environments_yaml() -> None:
    read = parse(yaml.safe_dump(rules()))
    for image in RULES:
        found = read.match(image.replace("*", "tf2.3.0"))
        assert found is not None
        assert found.environment is not None
        assert found.environment.files


def test_every_program_is_a_program() -> None:
    for path in STAND_INS.glob("*.py"):
        assert ast.get_docstring(ast.parse(path.read_text())), path
    assert {program for _, _, program, _ in RULES.values()} <= {path.name for path in STAND_INS.iterdir()}


def test_what_is_stood_for_and_what_is_not() -> None:
    assert stood_for("image mpioperator/mpi-pi:mpich cannot be had: its program is nowhere else")
    assert not stood_for("image mpioperator/tensorflow-benchmarks:latest cannot be had")
    assert not stood_for("names a GPU")


def test_a_claim_that_is_read_from_has_been_written_to() -> None:
    volume = {"name": "m", "persistentVolumeClaim": {"claimName": CLAIM}}
    claim, job = before({"spec": {"volumes": [volume]}})
    assert (claim["kind"], job["kind"]) == ("PersistentVolumeClaim", "Job")
    assert before({"spec": {}}) == []
