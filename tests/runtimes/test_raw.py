"""Tensors as bytes: pure, and over HTTP as clients of the binary data extension send them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from pinnace.runtimes import raw
from pinnace.runtimes.predictor import Model, Predictor, Tensor
from pinnace.runtimes.server import Request, Response
from pinnace.runtimes.tensors import Invalid

ROWS = np.array([[1, 2], [3, 4]], dtype=np.float32)


@given(some.lists(some.one_of(some.text(), some.binary()), max_size=5))
def test_texts_come_back_as_they_went(texts: list[str | bytes]) -> None:
    sent = np.array([*texts, None], dtype=object)[:-1]
    found = raw.of_bytes(raw.to_bytes(sent), "BYTES", "inputs[0]").tolist()
    assert [each if isinstance(each, bytes) else each.encode() for each in found] == [
        each if isinstance(each, bytes) else each.encode() for each in texts
    ]


@pytest.mark.parametrize("datatype", [*raw.KINDS])
def test_numbers_of_every_kind_come_back(datatype: str) -> None:
    sent = np.array([0, 1, 1], dtype=raw.KINDS[datatype])
    assert raw.of_bytes(raw.to_bytes(sent), datatype, "inputs[0]").tolist() == sent.tolist()


def asked(predictor: Predictor, document: Any, tail: bytes = b"", length: str = "") -> Response:
    head = json.dumps(document).encode()
    headers = {raw.HEADER: length or str(len(head))}
    answer = predictor.handle(Request("POST", "/v2/models/m/infer", headers, head + tail))
    assert isinstance(answer, Response)
    return answer


def tensor(**more: Any) -> dict[str, Any]:
    return {"name": "x", "shape": [2, 2], "datatype": "FP32", **more}


@pytest.fixture
def predictor() -> Predictor:
    found = Predictor("m")
    found.model = Model(lambda array: array.sum(axis=1))
    return found


def test_bytes_are_read_and_answered_in_json_unless_bytes_are_wanted(predictor: Predictor) -> None:
    sized = tensor(parameters={"binary_data_size": 16})
    plain = asked(predictor, {"inputs": [sized]}, ROWS.tobytes())
    assert json.loads(plain.body)["outputs"][0]["data"] == [3, 7]
    said = asked(predictor, {"inputs": [sized], "parameters": {"binary_data_output": True}}, ROWS.tobytes())
    length = int(dict(said.headers)["Inference-Header-Content-Length"])
    (output,) = json.loads(said.body[:length])["outputs"]
    assert output == {"name": "output-0", "shape": [2], "datatype": "FP32",
                      "parameters": {"binary_data_size": 8}}
    assert np.frombuffer(said.body[length:], np.float32).tolist() == [3, 7]
    assert said.content_type == "application/octet-stream"


def test_json_may_stand_beside_bytes_and_one_output_may_be_asked_for_as_bytes() -> None:
    predictor = Predictor("m")
    inputs = (Tensor("x", "FP32", (-1, 2)), Tensor("y", "BYTES"))
    predictor.model = Model(
        lambda given: {"sum": given["x"].sum(axis=1), "texts": given["y"]}, inputs=inputs,
    )
    document = {
        "inputs": [tensor(data=[1, 2, 3, 4]),
                   {"name": "y", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": 6}}],
        "outputs": [{"name": "texts", "parameters": {"binary_data": True}}, {"name": "sum"}],
    }
    said = asked(predictor, document, b"\x02\x00\x00\x00\xffa")
    length = int(dict(said.headers)["Inference-Header-Content-Length"])
    outputs = {each["name"]: each for each in json.loads(said.body[:length])["outputs"]}
    assert outputs["sum"]["data"] == [3, 7]
    assert said.body[length:] == b"\x02\x00\x00\x00\xffa"


@pytest.mark.parametrize(("size", "tail", "length", "words"), [
    (15, 16, "", "no whole number of FP32"), (20, 16, "", "is not what follows"),
    (-1, 16, "", "is not what follows"), (16, 17, "", "belong to no input"), (16, 16, "9999", "expected at"),
    (16, 16, "-1", "expected at most"), ("16", 16, "", "is not what follows"), (12, 12, "", "does not fit"),
])
def test_what_does_not_fit_is_refused(
    predictor: Predictor, size: Any, tail: int, length: str, words: str
) -> None:
    document = {"inputs": [tensor(parameters={"binary_data_size": size})]}
    said = asked(predictor, document, bytes(tail), length)
    assert said.status == 400
    assert words in json.loads(said.body)["error"]


def test_a_text_that_is_cut_off_is_refused() -> None:
    with pytest.raises(Invalid, match="cut off"):
        raw.of_bytes(b"\xff\x00\x00\x00a", "BYTES", "inputs[0]")
