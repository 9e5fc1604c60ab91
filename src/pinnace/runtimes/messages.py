"""Messages of the Open Inference Protocol's gRPC face as documents of its REST face, and back; pure.

Tensors are arrays in both directions: typed contents and raw ones alike. A message that is none raises
`wire.Damaged`, one that says what cannot be `Invalid`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from . import wire
from .raw import KINDS, of_bytes, readable, to_bytes
from .tensors import Array, Invalid

CONTENTS = {
    "BOOL": 1, "INT8": 2, "INT16": 2, "INT32": 2, "INT64": 3, "UINT8": 4, "UINT16": 4, "UINT32": 4,
    "UINT64": 5, "FP32": 6, "FP64": 7, "BYTES": 8,
}
"""Datatype → its field in InferTensorContents."""
SIGNED = {2, 3}
FIXED = {6: "<f4", 7: "<f8"}


def name(message: bytes) -> str:
    """The first field of messages about one model."""
    return next((found.decode(errors="replace") for found in wire.inner(message, 1)), "")


def request(message: bytes) -> tuple[str, dict[str, Any], bool]:
    """A ModelInferRequest: (model, document, whether its tensors came as raw bytes)."""
    found = list(wire.fields(message))
    said = wire.texts(b"".join(wire.field(n, v) for n, v in found if n in (1, 2, 3) and isinstance(v, bytes)))
    raw = [value for number, value in found if number == 7 and isinstance(value, bytes)]
    given = [value for number, value in found if number == 5 and isinstance(value, bytes)]
    if raw and len(raw) != len(given):
        raise Invalid(f"raw_input_contents: {len(raw)} for {len(given)} inputs; give all or none as bytes")
    inputs = [tensor(each, raw[at] if raw else None, f"inputs[{at}]") for at, each in enumerate(given)]
    document: dict[str, Any] = {"id": said.get(3, ""), "inputs": inputs, "parameters": parameters(message, 4)}
    outputs = [{"name": name(each)} for each in wire.inner(message, 6)]
    if outputs:
        document["outputs"] = outputs
    return said.get(1, ""), document, bool(raw)


def tensor(message: bytes, raw: bytes | None, where: str) -> dict[str, Any]:
    """An InferInputTensor: name 1, datatype 2, shape 3, parameters 4, contents 5."""
    datatype = next((v.decode(errors="replace") for v in wire.inner(message, 2)), "")
    if datatype not in KINDS and datatype != "BYTES":
        known = " ".join(("BYTES", *KINDS))
        raise Invalid(f"{where}.datatype: no datatype {datatype!r}, expected one of {known}")
    shape = [wire.signed(number) for number in wire.numbers(message, 3)]
    contents = b"".join(wire.inner(message, 5))
    data = of_bytes(raw, datatype, where) if raw is not None else typed(contents, datatype, where)
    return {"name": name(message), "datatype": datatype, "shape": shape, "data": data,
            "parameters": parameters(message, 4)}


def typed(contents: bytes, datatype: str, where: str) -> Array:
    """InferTensorContents: one field by the datatype."""
    if datatype == "FP16":
        raise Invalid(f"{where}: FP16 comes in raw_input_contents alone")
    field = CONTENTS[datatype]
    if field == 8:
        return np.array([*map(readable, wire.inner(contents, 8)), None], dtype=object)[:-1]
    if field in FIXED:
        return np.frombuffer(b"".join(wire.inner(contents, field)), FIXED[field]).astype(KINDS[datatype])
    numbers = wire.numbers(contents, field)
    values = [wire.signed(each) for each in numbers] if field in SIGNED else numbers
    try:
        return np.array(values, dtype=KINDS[datatype])
    except OverflowError as problem:
        raise Invalid(f"{where}: {problem}") from None


def parameters(message: bytes, number: int) -> dict[str, Any]:
    """A map of InferParameter: bool 1, int64 2, string 3."""
    found: dict[str, Any] = {}
    for entry in wire.inner(message, number):
        value = next(wire.inner(entry, 2), b"")
        for kind, content in wire.fields(value):
            if isinstance(content, bytes):
                found[name(entry)] = content.decode(errors="replace") if kind == 3 else None
            else:
                found[name(entry)] = bool(content) if kind == 1 else wire.signed(content)
    return found


def response(answered: dict[str, Any], raw: bool) -> bytes:
    """A ModelInferResponse; its tensors are raw where those of the request were."""
    parts = [wire.field(1, answered["model_name"]), wire.field(2, answered.get("model_version") or "")]
    parts.append(wire.field(3, answered["id"]))
    outputs = answered["outputs"]
    raw = raw or any(each["datatype"] == "FP16" for each in outputs)
    for output in outputs:
        contents = b"" if raw else wire.field(5, contained(output["data"], output["datatype"]))
        parts.append(wire.field(5, tensor_metadata(output) + contents))
    if raw:
        parts += [wire.field(6, to_bytes(each["data"])) for each in outputs]
    return b"".join(parts)


def contained(data: Array, datatype: str) -> bytes:
    field = CONTENTS[datatype]
    if field == 8:
        values: Iterable[Any] = data.ravel().tolist()
        return b"".join(
            wire.field(8, each if isinstance(each, bytes) else str(each).encode()) for each in values
        )
    if field in FIXED:
        return wire.field(field, data.astype(FIXED[field]).tobytes())
    return wire.field(field, wire.packed(int(each) for each in data.ravel().tolist()))


def tensor_metadata(tensor: dict[str, Any]) -> bytes:
    """name 1, datatype 2, shape 3: of outputs, and of a model's description."""
    shape = wire.field(3, wire.packed(tensor["shape"])) if tensor["shape"] else b""
    return wire.field(1, tensor["name"]) + wire.field(2, tensor["datatype"]) + shape


def metadata(model: dict[str, Any]) -> bytes:
    """A ModelMetadataResponse."""
    parts = [wire.field(1, model["name"]), *(wire.field(2, each) for each in model["versions"])]
    parts.append(wire.field(3, model["platform"]))
    parts += [wire.field(4, tensor_metadata(each)) for each in model["inputs"]]
    parts += [wire.field(5, tensor_metadata(each)) for each in model["outputs"]]
    return b"".join(parts)


def server(name: str, version: str, extensions: Iterable[str]) -> bytes:
    """A ServerMetadataResponse."""
    return b"".join((wire.field(1, name), wire.field(2, version), *(wire.field(3, e) for e in extensions)))
