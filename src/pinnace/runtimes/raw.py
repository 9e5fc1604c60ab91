"""Tensors as raw bytes: the binary data extension of the Open Inference Protocol, and what gRPC sends.

Little-endian and row by row; a text is its length (4 bytes) and itself. Over HTTP the JSON part comes first,
as long as a header says, then the tensors in their order. Source: Triton's protocol/extension_binary_data.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from .server import Request, Response
from .tensors import DATATYPES, Array, Invalid, decode, listed_out

HEADER = "inference-header-content-length"
SIZE, WANTED, ALL = "binary_data_size", "binary_data", "binary_data_output"
KINDS = {**DATATYPES, "FP16": np.float16}


def of_bytes(data: bytes, datatype: Any, where: str) -> Array:
    """Flat. Texts are strings where they are UTF-8, else bytes."""
    if datatype == "BYTES":
        return np.array([*texts(data, where), None], dtype=object)[:-1]  # never of more dimensions
    if datatype not in KINDS:
        known = " ".join(("BYTES", *KINDS))
        raise Invalid(f"{where}.datatype: no datatype {datatype!r}, expected one of {known}")
    kind = np.dtype(KINDS[datatype]).newbyteorder("<")
    if len(data) % kind.itemsize:
        raise Invalid(f"{where}: {len(data)} bytes are no whole number of {datatype}")
    return np.frombuffer(data, kind).astype(KINDS[datatype], copy=False)


def texts(data: bytes, where: str) -> list[str | bytes]:
    found: list[str | bytes] = []
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        text, at = data[at + 4 : at + 4 + size], at + 4 + size
        if at > len(data):
            raise Invalid(f"{where}: a text is cut off")
        found.append(readable(text))
    return found


def readable(text: bytes) -> str | bytes:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text


def to_bytes(value: Array) -> bytes:
    if value.dtype.kind in "OSU":
        encoded = [each if isinstance(each, bytes) else str(each).encode() for each in value.ravel().tolist()]
        return b"".join(struct.pack("<I", len(each)) + each for each in encoded)
    return value.astype(value.dtype.newbyteorder("<"), copy=False).tobytes()


def read(request: Request) -> dict[str, Any]:
    """The document of a V2 request; tensors that came as bytes are arrays in it."""
    length = request.headers.get(HEADER)
    if length is None:
        return decode(request.body)
    if not (length.isascii() and length.isdigit()) or int(length) > len(request.body):
        raise Invalid(f"{HEADER}: expected at most {len(request.body)}, found {length}")
    document, tail = decode(request.body[: int(length)]), memoryview(request.body)[int(length) :]
    inputs = document.get("inputs")
    for index, given in enumerate(inputs if isinstance(inputs, list) else ()):
        size = parameters(given).get(SIZE)
        if size is None:
            continue
        if type(size) is not int or not 0 <= size <= len(tail):
            raise Invalid(f"inputs[{index}].parameters.{SIZE}: {size} is not what follows, {len(tail)} bytes")
        given["data"] = of_bytes(bytes(tail[:size]), given.get("datatype"), f"inputs[{index}]")
        tail = tail[size:]
    if len(tail):
        raise Invalid(f"{len(tail)} bytes follow that belong to no input; say its parameters.{SIZE}")
    return document


def parameters(given: Any) -> dict[str, Any]:
    found = given.get("parameters") if isinstance(given, dict) else None
    return found if isinstance(found, dict) else {}


def written(document: dict[str, Any], answered: dict[str, Any]) -> Response:
    """The answer (its tensors are arrays) to a request: as JSON, or as bytes what was asked for so."""
    every = parameters(document).get(ALL) is True
    asked = document.get("outputs")
    single = {str(each.get("name")): parameters(each).get(WANTED) for each in asked or ()
              if isinstance(each, dict)} if isinstance(asked, list) else {}
    tail: list[bytes] = []
    for output in answered["outputs"]:
        wanted = single.get(output["name"])
        if wanted is True or (every and wanted is not False):
            data = to_bytes(output.pop("data"))
            output["parameters"] = {SIZE: len(data)}
            tail.append(data)
    head = encoded(answered)
    if not tail:
        return Response(head)
    length = (("Inference-Header-Content-Length", str(len(head))),)
    return Response(b"".join((head, *tail)), 200, "application/octet-stream", length)


def encoded(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), default=listed_out).encode()
