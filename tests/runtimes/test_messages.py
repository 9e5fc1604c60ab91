"""The messages of gRPC V2 as documents, and back: pure."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pinnace.runtimes import messages, wire
from pinnace.runtimes.tensors import Invalid


def tensor(datatype: str, shape: list[int], contents: bytes = b"", name: str = "x") -> bytes:
    parts = [wire.field(1, name), wire.field(2, datatype), wire.field(3, wire.packed(shape))]
    return b"".join([*parts, wire.field(5, contents) if contents else b""])


def request(*tensors: bytes, raw: tuple[bytes, ...] = (), outputs: tuple[str, ...] = ()) -> bytes:
    parts = [wire.field(1, "m"), wire.field(3, "7"), *(wire.field(5, each) for each in tensors)]
    parts += [wire.field(6, wire.field(1, each)) for each in outputs]
    return b"".join((*parts, *(wire.field(7, each) for each in raw)))


@pytest.mark.parametrize(("datatype", "contents", "values"), [
    ("BOOL", wire.field(1, b"\x01\x00"), [True, False]),
    ("INT8", wire.field(2, wire.packed([-1, 5])), [-1, 5]),
    ("INT64", wire.field(3, wire.packed([-(2**63), 2**63 - 1])), [-(2**63), 2**63 - 1]),
    ("UINT32", wire.number(4, 7) + wire.number(4, 8), [7, 8]),
    ("UINT64", wire.field(5, wire.packed([2**64 - 1, 0])), [2**64 - 1, 0]),
    ("FP32", wire.field(6, np.array([1.5, -2], "<f4").tobytes()), [1.5, -2]),
    ("FP64", wire.field(7, np.array([0.1, -2], "<f8").tobytes()), [0.1, -2]),
    ("BYTES", wire.field(8, "a") + wire.field(8, b"\xff"), ["a", b"\xff"]),
])
def test_typed_contents_become_arrays_and_back(datatype: str, contents: bytes, values: list[Any]) -> None:
    name, document, raw = messages.request(request(tensor(datatype, [2], contents)))
    (found,) = document["inputs"]
    assert (name, document["id"], raw) == ("m", "7", False)
    assert found["data"].tolist() == values
    assert (found["shape"], found["datatype"]) == ([2], datatype)
    answered = {"model_name": "m", "id": "7", "outputs": [found | {"name": "y"}]}
    (output,) = wire.inner(messages.response(answered, raw), 5)
    packed = b"".join(wire.inner(output, 5))
    assert messages.typed(packed, datatype, "y").tolist() == values


def test_raw_contents_stay_raw() -> None:
    data = np.array([[1, 2], [3, 4]], np.float32)
    message = request(tensor("FP32", [2, 2]), tensor("FP16", [1], name="h"), outputs=("y",),
                      raw=(data.tobytes(), np.array([0.5], np.float16).tobytes()))
    _, document, raw = messages.request(message)
    assert [each["data"].tolist() for each in document["inputs"]] == [[1, 2, 3, 4], [0.5]]
    assert document["outputs"] == [{"name": "y"}]
    output = {"name": "y", "shape": [2, 2], "datatype": "FP32", "data": data.ravel()}
    said = messages.response({"model_name": "m", "id": "7", "outputs": [output]}, raw)
    assert list(wire.inner(said, 6)) == [data.tobytes()]
    assert not list(wire.inner(next(wire.inner(said, 5)), 5))


@pytest.mark.parametrize(("message", "words"), [
    (request(tensor("FP32", [1]), tensor("FP32", [1]), raw=(b"1234",)), "all or none"),
    (request(tensor("FP32", [1]), raw=(b"123",)), "no whole number"),
    (request(tensor("FP8", [1]), raw=(b"1",)), "no datatype 'FP8'"),
    (request(tensor("INT8", [1], wire.field(2, wire.packed([300])))), "int8"),
    (request(tensor("FP16", [1], wire.field(6, b"1234"))), "raw_input_contents alone"),
])
def test_what_does_not_fit_is_said(message: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        messages.request(message)


@pytest.mark.parametrize("message", [b"\xff", b"\x2a\x05ab", b"\x0b"])
def test_what_is_no_message_is_damaged(message: bytes) -> None:
    with pytest.raises(wire.Damaged):
        messages.request(message)


def test_parameters_and_descriptions() -> None:
    entry = wire.field(1, "k") + wire.field(2, wire.field(3, "v"))
    number = wire.field(1, "n") + wire.field(2, wire.number(2, -3))
    assert messages.parameters(wire.field(4, entry) + wire.field(4, number), 4) == {"k": "v", "n": -3}
    described = {"name": "m", "versions": ["1"], "platform": "p", "outputs": [],
                 "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]}
    said = messages.metadata(described)
    (shaped,) = wire.inner(said, 4)
    assert [wire.signed(each) for each in wire.numbers(shaped, 3)] == [-1, 4]
