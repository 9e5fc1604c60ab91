"""Requests and answers of models whose tensors have names: pure functions beside `tensors`.

V1 as TensorFlow Serving reads it: `instances` are rows (of the one input, or objects by input name), `inputs`
are columns; the answer is `predictions` or `outputs` accordingly. What a client got wrong raises Invalid.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .predictor import Tensor
from .tensors import DATATYPES, Array, Invalid, array, datatype_of, listed, listed_out, tensor

Arrays = dict[str, Array]


def read_v1(inputs: Sequence[Tensor]) -> Callable[[dict[str, Any]], Arrays]:
    def read(document: dict[str, Any]) -> Arrays:
        if "inputs" in document:
            return columns(document["inputs"], inputs)
        if "instances" not in document:
            found = listed(document) or "nothing"
            raise Invalid(f'Expected "instances" or "inputs" in the request, found {found}')
        rows = document["instances"]
        if not isinstance(rows, list):
            raise Invalid('Expected "instances" to be a list')
        if rows and all(isinstance(row, dict) and "b64" not in row for row in rows):
            names = {name for row in rows for name in row}
            return columns({name: [row.get(name) for row in rows] for name in sorted(names)}, inputs)
        return columns(rows, inputs)

    return read


def columns(given: Any, inputs: Sequence[Tensor]) -> Arrays:
    if not isinstance(given, dict) or "b64" in given:
        if len(inputs) != 1:
            wanted = ", ".join(each.name for each in inputs)
            raise Invalid(f"the model has {len(inputs)} inputs ({wanted}): give each by its name")
        given = {inputs[0].name: given}
    known = {each.name: each for each in inputs}
    unknown = [name for name in given if name not in known]
    missing = [name for name in known if name not in given]
    if unknown or missing:
        wrong = f"no input is named {unknown[0]!r}" if unknown else f"the input {missing[0]!r} is missing"
        raise Invalid(f"{wrong}; the model has {', '.join(known)}")
    return {name: filled(given[name], known[name]) for name in known}


def filled(values: Any, wanted: Tensor) -> Array:
    if wanted.datatype == "BYTES":
        return np.asarray(plain(values), dtype=object)
    values = values if isinstance(values, list) else [values]
    return array(values, DATATYPES.get(wanted.datatype, np.float32), wanted.name)


def plain(values: Any) -> Any:
    """Strings and `{"b64": …}` as bytes, at any depth."""
    if isinstance(values, list):
        return [plain(each) for each in values]
    if isinstance(values, dict) and set(values) == {"b64"}:
        try:
            return base64.b64decode(str(values["b64"]), validate=True)
        except binascii.Error as problem:
            raise Invalid(f"b64: {problem}") from None
    return values if isinstance(values, bytes) else str(values).encode()


def write_v1(document: dict[str, Any], found: Arrays) -> dict[str, Any]:
    if "inputs" in document:
        lists = {name: listed_out(value) for name, value in found.items()}
        return {"outputs": next(iter(lists.values())) if len(lists) == 1 else lists}
    if len(found) == 1:
        return {"predictions": listed_out(next(iter(found.values())))}
    lists = {name: listed_out(value) for name, value in found.items()}
    count = len(document.get("instances") or ())
    return {"predictions": [{name: lists[name][row] for name in lists} for row in range(count)]}


def read_v2(inputs: Sequence[Tensor]) -> Callable[[dict[str, Any]], Arrays]:
    def read(document: dict[str, Any]) -> Arrays:
        given = document.get("inputs")
        if not isinstance(given, list) or not given:
            raise Invalid('Expected "inputs" to be a list of at least one tensor')
        found = dict(map(tensor, range(len(given)), given))
        known = {each.name: each for each in inputs}
        missing = [name for name in known if name not in found]
        unknown = [name for name in found if name not in known]
        if unknown or missing:
            wrong = f"no input is named {unknown[0]!r}" if unknown else f"the input {missing[0]!r} is missing"
            raise Invalid(f"inputs: {wrong}; the model has {', '.join(known)}")
        return {name: fitted(found[name], each) for name, each in known.items()}

    return read


def fitted(found: Array, wanted: Tensor) -> Array:
    if wanted.datatype == "BYTES":
        return np.asarray(plain(found.tolist()), dtype=object)
    kind = np.float16 if wanted.datatype == "FP16" else DATATYPES.get(wanted.datatype, np.float32)
    return found.astype(kind, copy=False)


def write_v2(model: str) -> Callable[[dict[str, Any], Arrays], dict[str, Any]]:
    def write(document: dict[str, Any], found: Arrays) -> dict[str, Any]:
        import uuid

        asked = [str(each.get("name")) for each in document.get("outputs") or () if isinstance(each, dict)]
        unknown = [name for name in asked if name not in found]
        if unknown:
            raise Invalid(f"outputs: no output named {unknown[0]!r}, the model has {', '.join(found)}")
        identity = document.get("id")
        return {
            "model_name": model, "model_version": "1",
            "id": identity if isinstance(identity, str) and identity else str(uuid.uuid4()),
            "outputs": [output(name, found[name]) for name in asked or found],
        }

    return write


def output(name: str, value: Array) -> dict[str, Any]:
    data = value.ravel()
    return {"name": name, "shape": list(value.shape), "datatype": datatype_of(value.dtype), "data": data}
