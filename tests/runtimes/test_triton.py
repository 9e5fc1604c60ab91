"""Triton's config.pbtxt, and named tensors in both protocols; pure."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from pinnace.runtimes import named, raw, triton
from pinnace.runtimes.predictor import Tensor
from pinnace.runtimes.tensors import Invalid

TEXT = """
name: "cifar"  # of ten
platform: "pytorch_libtorch"
max_batch_size: 1
input [ { name: "INPUT__0" data_type: TYPE_FP32 dims: [3,32, 32] } ]
output { name: "OUTPUT__0", data_type: TYPE_INT64
  dims: 10 dims: 2 }
instance_group [{ count: 1 kind: KIND_CPU }]
"""
INPUTS = (Tensor("a", "FP32", (-1, 2)), Tensor("b", "INT64"))


def test_a_repository_s_configuration_is_read() -> None:
    config = triton.parse(TEXT)
    assert config["name"] == ["cifar"]
    assert triton.tensors(config, "input") == (Tensor("INPUT__0", "FP32", (-1, 3, 32, 32)),)
    assert triton.tensors(config, "output") == (Tensor("OUTPUT__0", "INT64", (-1, 10, 2)),)


def test_rows_and_columns_of_v1_are_the_same_tensors() -> None:
    read = named.read_v1(INPUTS)
    rows = read({"instances": [{"a": [1, 2], "b": 3}, {"a": [4, 5], "b": 6}]})
    columns = read({"inputs": {"a": [[1, 2], [4, 5]], "b": [3, 6]}})
    for name, kind in (("a", "float32"), ("b", "int64")):
        assert rows[name].dtype == kind
        assert rows[name].tolist() == columns[name].tolist()


@pytest.mark.parametrize(("document", "said"), [
    ({"instances": [[1, 2]]}, "the model has 2 inputs"),
    ({"inputs": {"a": [[1, 2]]}}, "the input 'b' is missing"),
    ({"inputs": {"a": [[1, 2]], "b": [1], "c": [1]}}, "no input is named 'c'"),
    ({"signature_name": "x"}, "Expected \"instances\""),
])
def test_what_does_not_fit_is_said(document: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        named.read_v1(INPUTS)(document)


def test_answers_are_rows_or_columns_as_the_question_was() -> None:
    found = {"x": np.array([[1.0], [2.0]]), "y": np.array([b"p", b"q"], dtype=object)}
    assert named.write_v1({"instances": [0, 0]}, found) == {
        "predictions": [{"x": [1.0], "y": "p"}, {"x": [2.0], "y": "q"}]
    }
    assert named.write_v1({"inputs": {}}, {"x": found["x"]}) == {"outputs": [[1.0], [2.0]]}


def test_bytes_come_as_text_or_base64() -> None:
    (one,) = named.read_v1((Tensor("s", "BYTES"),))({"instances": ["a", {"b64": "YmM="}]}).values()
    assert one.tolist() == [b"a", b"bc"]


def test_v2_gives_the_outputs_that_are_asked_for() -> None:
    given = [
        {"name": "b", "shape": [1], "datatype": "INT64", "data": [3]},
        {"name": "a", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]},
    ]
    assert named.read_v2(INPUTS)({"inputs": given})["a"].dtype == "float32"
    said = named.write_v2("m")({"id": "1", "outputs": [{"name": "y"}]}, {"x": np.zeros(1), "y": np.ones(2)})
    (output,) = json.loads(raw.encoded(said))["outputs"]
    assert output == {"name": "y", "shape": [2], "datatype": "FP64", "data": [1.0, 1.0]}
