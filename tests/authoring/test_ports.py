"""Which output fits which input: the cases that the console's editor runs too (`ports.json`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pinnace.authoring import ports
from pinnace.authoring.ports import Port, Ports

CASES: dict[str, list[dict[str, Any]]] = json.loads((Path(__file__).parent / "ports.json").read_text())


def named(case: dict[str, Any]) -> str:
    return f"{case['output']} → {' | '.join(case['input'])}"


@pytest.mark.parametrize("case", CASES["fits"], ids=named)
def test_an_output_fits_an_input(case: dict[str, Any]) -> None:
    output = Port("out", case.get("output_kind", "artifact"), (case["output"],))
    given = Port("in", case.get("input_kind", "artifact"), tuple(case["input"]))
    assert json.loads(msgspec.json.encode(ports.fit(output, given))) == case["verdict"]


@pytest.mark.parametrize("case", CASES["flows"], ids=str)
def test_an_output_has_the_type_of_what_comes_in(case: dict[str, Any]) -> None:
    about = case["output"]
    port = Port("out", "artifact", (about["type"],), about.get("like", ""))
    assert ports.flowing(Ports((), (port,)), "out", case["wired"]) == case["type"]


@pytest.mark.parametrize("case", CASES["reads"], ids=lambda case: case["template"]["name"])
def test_ports_are_read_from_a_template(case: dict[str, Any]) -> None:
    assert json.loads(msgspec.json.encode(ports.read(case["template"], case["said"]))) == case["ports"]


def test_a_document_says_the_ports_of_its_entrypoint_and_of_others() -> None:
    other = {"outputs": {"b": {"type": "table"}}}
    said = {"outputs": {"a": {"type": "model"}}, "templates": {"other": other}}
    document = {
        "metadata": {"annotations": {ports.ANNOTATION: json.dumps(said)}},
        "spec": {
            "entrypoint": "main",
            "templates": [
                {"name": "main", "outputs": {"artifacts": [{"name": "a"}]}},
                {"name": "other", "outputs": {"artifacts": [{"name": "b"}]}},
                {"name": "third", "outputs": {"artifacts": [{"name": "a"}]}},
            ],
        },
    }
    found = [ports.of(document, name).outputs[0].types for name in ("main", "other", "third")]
    assert found == [("model",), ("table",), ("any",)]


@pytest.mark.parametrize("text", ["{", "[]", '"table"'])
def test_an_annotation_that_cannot_be_read_is_named(text: str) -> None:
    document = {"metadata": {"annotations": {ports.ANNOTATION: text}}, "spec": {"templates": [{"name": "t"}]}}
    with pytest.raises(ports.PortError, match=r"metadata\.annotations\[pinnace\.dev/ports\]"):
        ports.of(document, "t")
